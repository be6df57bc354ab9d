"""Plots of a trained model: they show the data they were given."""

import subprocess
import sys

import numpy as np
import pytest

from tinygrad_ae.errors import UserError
from tinygrad_ae.show import plots

rng = np.random.default_rng(0)


def images(figure):
    return [np.asarray(i.get_array()) for ax in figure.axes for i in ax.images]


def test_reconstructions_show_one_column_per_class():
    x = rng.random((40, 12))
    x_hat = x + 0.1 * rng.normal(size=x.shape)
    labels = np.repeat([3, 1, 2, 0], 10)
    figure = plots.reconstructions(x, x_hat, (3, 4), labels)
    assert len(figure.axes) == 3 * 4 + 1  # and the colour bar
    titles = [ax.get_title() for ax in figure.axes[:4]]
    assert titles == ["0", "1", "2", "3"]
    shown = images(figure)
    first = [30, 10, 20, 0]  # of each class
    np.testing.assert_allclose(shown[0], x[30].reshape(3, 4))
    errors = [i for i in shown if i.min() < 0]
    np.testing.assert_allclose(errors, (x_hat - x)[first].reshape(-1, 3, 4))
    norm = figure.axes[-2].images[0].norm
    assert norm.vmin == -norm.vmax
    assert norm.vmax == np.abs((x_hat - x)[first]).max()


def test_reconstructions_without_labels_show_the_first_ten():
    x = rng.random((12, 4))
    assert len(plots.reconstructions(x, x, (2, 2)).axes) == 31
    assert len(plots.reconstructions(x[:3], x[:3], (2, 2)).axes) == 10


def test_samples_that_are_no_images_are_drawn_as_lines():
    x = rng.normal(size=(3, 50))
    figure = plots.reconstructions(x, x + 1, (50,))
    assert not images(figure)
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_ydata(), x[0])
    np.testing.assert_allclose(figure.axes[6].lines[1].get_ydata(), np.ones(50))


def test_colours_are_shown_as_colours():
    x = rng.random((2, 4, 4, 3))
    assert images(plots.reconstructions(x, x, (4, 4, 3)))[0].shape == (4, 4, 3)


def test_loss_curves_mark_the_best_epoch_on_a_logarithmic_axis():
    history = [
        {"epoch": e, "loss": 1 / e, "validation_loss": 1 / e + (0.2 if e == 8 else 0)}
        for e in range(1, 9)
    ]
    ax = plots.loss_curves(history).axes[0]
    training, validation, best = ax.lines
    np.testing.assert_allclose(training.get_ydata(), [1 / e for e in range(1, 9)])
    assert validation.get_ydata()[-1] == pytest.approx(0.325)
    assert best.get_xdata() == [7]
    assert ax.get_yscale() == "log"


def test_loss_curves_take_what_there_is():
    flat = [{"epoch": e, "loss": 0.5 + e / 100} for e in (1, 2)]
    ax = plots.loss_curves(flat).axes[0]
    assert ax.get_legend().texts[0].get_text() == "training"
    assert ax.get_yscale() == "linear"
    assert plots.loss_curves([{"epoch": 1, "loss": np.nan}]).axes
    for wrong in ([], [{"epoch": 1}]):
        with pytest.raises(UserError):
            plots.loss_curves(wrong)


def test_filters_are_ordered_by_norm_on_one_symmetric_scale():
    W = rng.normal(size=(70, 9)) * rng.permutation(70)[:, None]
    figure = plots.filters(W, (3, 3))
    shown = images(figure)[:64]
    norms = [np.linalg.norm(i) for i in shown]
    assert norms == sorted(norms, reverse=True)
    np.testing.assert_allclose(norms[0], np.linalg.norm(W, axis=1).max())
    assert "64 of 70" in figure.get_suptitle()
    scales = {(ax.images[0].norm.vmin, ax.images[0].norm.vmax) for ax in figure.axes[:64]}
    assert len(scales) == 1
    assert sum(*scales) == 0


def test_filters_of_signals_are_lines():
    figure = plots.filters(rng.normal(size=(3, 20)), (20,))
    assert not images(figure)
    assert len(figure.axes) == 3


def test_latent_map_projects_on_the_widest_directions():
    codes = rng.normal(size=(300, 4)) * [1, 5, 0.1, 2] + 7
    ax = plots.latent_map(codes).axes[0]
    points = np.asarray(ax.collections[0].get_offsets())
    values = np.sort(np.linalg.eigvalsh(np.cov(codes.T)))[::-1]
    np.testing.assert_allclose(points.var(axis=0, ddof=1), values[:2], rtol=1e-9)
    assert f"({values[0] / values.sum():.0%} of variance)" in ax.get_xlabel()


def test_latent_map_of_two_numbers_shows_them_as_they_are():
    codes = rng.normal(size=(50, 2))
    points = np.asarray(plots.latent_map(codes).axes[0].collections[0].get_offsets())
    np.testing.assert_array_equal(np.sort(points, axis=0), np.sort(codes, axis=0))


def test_latent_map_writes_each_class_where_it_can_be_read():
    codes = np.repeat([[0.0, 0.0], [0.01, 0.0], [5.0, 5.0]], 20, axis=0)
    ax = plots.latent_map(codes, np.repeat([0, 1, 2], 20)).axes[0]
    assert [t.get_text() for t in ax.texts] == ["0", "1", "2"]
    places = np.array([t.get_position() for t in ax.texts])
    assert np.linalg.norm(places[0] - places[1]) > 0.2  # moved apart
    np.testing.assert_allclose(places[2], [5, 5])
    assert [t.get_text() for t in ax.get_legend().texts] == ["0", "1", "2"]


@pytest.mark.parametrize("shape", [(30, 1), (1, 1), (1, 5), (2, 3)])
def test_latent_map_of_few_numbers_or_samples(shape):
    codes = rng.normal(size=shape)
    assert plots.latent_map(codes, np.arange(len(codes)) % 3).axes
    assert plots.latent_map(codes).axes


def test_latent_map_does_not_depend_on_the_sign_the_library_chose(monkeypatch):
    codes = rng.normal(size=(20, 3))
    before = plots.latent_map(codes).axes[0].collections[0].get_offsets()
    svd = np.linalg.svd

    def flipped(*args, **kwargs):
        u, s, vh = svd(*args, **kwargs)
        return -u, s, -vh

    monkeypatch.setattr(np.linalg, "svd", flipped)
    after = plots.latent_map(codes).axes[0].collections[0].get_offsets()
    np.testing.assert_allclose(before, after)


def test_error_by_class_shows_means_medians_and_quartiles():
    errors = np.array([1.0, 2.0, 6.0, 4.0, 4.0, 4.0])
    figure = plots.error_by_class(errors, [1, 1, 1, 0, 0, 0])
    ax = figure.axes[0]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["0", "1"]
    assert [bar.get_height() for bar in ax.patches] == [4, 3]
    median, mean = ax.lines
    np.testing.assert_array_equal(median.get_ydata(), [4, 2])
    assert set(mean.get_ydata()) == {3.5}
    np.testing.assert_array_equal(
        [s[:, 1] for s in ax.collections[0].get_segments()], [[4, 4], [1.5, 4]]
    )


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: plots.reconstructions(np.ones((2, 5)), np.ones((2, 5)), (2, 2)),
        lambda: plots.reconstructions(np.ones((2, 4)), np.ones((3, 4)), (2, 2)),
        lambda: plots.reconstructions(np.ones((0, 4)), np.ones((0, 4)), (2, 2)),
        lambda: plots.reconstructions(np.ones((2, 4)), np.ones((2, 4)), (2, 2), [1]),
        lambda: plots.filters(np.ones((5, 3)), (2, 2)),
        lambda: plots.latent_map(np.ones(5)),
        lambda: plots.latent_map(np.full((5, 2), np.nan)),
        lambda: plots.latent_map(np.ones((5, 2)), [1, 2]),
        lambda: plots.error_by_class([], []),
        lambda: plots.error_by_class([1.0], [1, 2]),
    ],
)
def test_arrays_that_do_not_fit_are_refused(wrong):
    with pytest.raises(UserError):
        wrong()


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_equal_figures_give_equal_files(suffix, tmp_path):
    codes = rng.normal(size=(30, 3))
    paths = [
        plots.save(plots.latent_map(codes, np.arange(30) % 3), tmp_path / f"{i}.{suffix}")
        for i in range(2)
    ]
    contents = [path.read_bytes() for path in paths]
    assert contents[0] == contents[1]
    assert sorted(tmp_path.iterdir()) == paths  # and no temporary file is left


def test_a_file_of_unknown_kind_is_refused(tmp_path):
    figure = plots.loss_curves([{"epoch": 1, "loss": 1.0}])
    with pytest.raises(UserError, match=r"\.png, \.svg, \.pdf"):
        plots.save(figure, tmp_path / "plot.xyz")


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    figure = plots.loss_curves([{"epoch": 1, "loss": 1.0}])
    path = tmp_path / "loss.png"
    path.write_text("old")
    monkeypatch.setattr(figure, "savefig", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        plots.save(figure, path)
    assert [p.name for p in tmp_path.iterdir()] == ["loss.png"]
    assert path.read_text() == "old"


def test_no_global_state_of_matplotlib_is_touched():
    code = (
        "import sys, matplotlib\n"
        "look = lambda: dict(dict.items(matplotlib.rcParams))\n"
        "before = look()\n"
        "from tinygrad_ae.show import plots\n"
        "plots.error_by_class([1.0, 2.0], [0, 1])\n"
        "print(look() == before, 'matplotlib.pyplot' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["True", "False"]


def test_lines_say_what_they_are_and_how_high():
    x = rng.normal(size=(3, 50))
    figure = plots.reconstructions(x, x + 1, (50,))
    (legend,) = figure.legends
    assert [t.get_text() for t in legend.get_texts()] == [
        "input, to compare with", "reconstruction", "error",
    ]  # fmt: skip
    assert figure.axes[3 + 2].get_yticks() == pytest.approx([x.min(), x.max() + 1])
    assert list(figure.axes[6].get_xticks()) == [0, 49]
    assert "MSE of these 3: 1.0000" in figure.get_suptitle()


def test_colours_of_filters_are_explained():
    assert "blue positive, orange negative" in plots.filters(np.eye(4), (2, 2)).get_supxlabel()


def test_the_legend_of_errors_by_class_begins_with_what_is_largest():
    (legend,) = plots.error_by_class([1.0, 2.0], [0, 1]).legends
    assert [t.get_text() for t in legend.get_texts()] == [
        "mean", "median", "middle half of the samples", "mean of all: 1.5",
    ]  # fmt: skip
