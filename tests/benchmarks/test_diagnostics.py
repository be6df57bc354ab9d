"""What diagnostics measure is what they say."""

import json
from pathlib import Path

import numpy as np
import pytest

import benchmarks.diagnostics.__main__  # noqa: F401 (it registers all of them)
from benchmarks import measures
from benchmarks.diagnostics import table as d
from benchmarks.diagnostics.constraints import Contracted, moved
from benchmarks.diagnostics.setting import Setting
from tinygrad_ae import Tensor
from tinygrad_ae.data.dataset import Split


def stroke(lean: float, width: int) -> np.ndarray:
    """A stroke through the middle of 28 × 28 pixels that leans by some pixels per row."""
    image = np.zeros((28, 28), np.float32)
    for row in range(4, 24):
        start = round(14 - lean * (row - 14) - width / 2)
        image[row, start : start + width] = 1
    return image.reshape(1, -1)


@pytest.mark.parametrize("lean", [-0.4, 0.0, 0.3])
@pytest.mark.parametrize("width", [2, 4])
def test_slant_and_thickness_of_a_drawn_stroke(lean: float, width: int) -> None:
    assert measures.slant(stroke(lean, width))[0] == pytest.approx(lean, abs=0.03)
    if lean == 0:  # the ends count in the outline too
        assert measures.thickness(stroke(lean, width))[0] == pytest.approx(width, rel=0.25)


def test_the_measures_ignore_an_empty_image() -> None:
    empty = np.zeros((1, 784), np.float32)
    assert measures.slant(empty)[0] == measures.thickness(empty)[0] == 0


def test_loops_are_counted() -> None:
    y, x = np.mgrid[:28, :28]
    ring = lambda row: abs(np.hypot(y - row, x - 14) - 5) < 1.2
    images = np.stack([ring(14), ring(8) | ring(19), stroke(0, 2).reshape(28, 28) > 0])
    np.testing.assert_array_equal(measures.loops(images.astype(np.float32)), [1, 2, 0])


def test_collages_keep_each_pixels_distribution() -> None:
    x = np.random.default_rng(0).random((30, 784), np.float32)
    mixed = measures.collages(x, np.random.default_rng(1))
    np.testing.assert_array_equal(np.sort(mixed, axis=0), np.sort(x, axis=0))
    assert not any((mixed == row).all(1).any() for row in x)


def test_precision_and_coverage_of_what_is_alike_and_of_what_is_not() -> None:
    rng = np.random.default_rng(0)
    real, alike = rng.normal(size=(2, 300, 3))
    precision, coverage = measures.precision_and_coverage(alike, real)
    assert precision > 0.9
    assert coverage > 0.9
    one_kind = np.full((300, 3), 0.1)  # like a real one, but of one kind
    precision, coverage = measures.precision_and_coverage(one_kind, real)
    assert precision == 1
    assert coverage < 0.2
    assert measures.precision_and_coverage(real + 50, real) == (0, 0)


@pytest.mark.parametrize("dimensions", [1, 2, 4])
def test_two_neighbours_count_the_dimensions_of_a_bent_surface(dimensions: int) -> None:
    rng = np.random.default_rng(0)
    flat = rng.uniform(-1, 1, (2000, dimensions))
    bent = np.sin(flat @ rng.normal(size=(dimensions, 20)))
    assert measures.two_neighbours(bent) == pytest.approx(dimensions, rel=0.15)


def test_what_is_pulled_back_is_the_mean_of_what_it_may_have_been() -> None:
    samples = np.array([[0.0, 0.0], [1.0, 0.0]])
    between, near = measures.pulled(np.array([[0.5, 3.0], [0.9, 0.0]]), samples, 0.2)
    np.testing.assert_allclose(between, [0.5, 0])
    odds = np.exp((0.9**2 - 0.1**2) / (2 * 0.2**2))
    np.testing.assert_allclose(near, [odds / (1 + odds), 0])
    np.testing.assert_allclose(measures.distance_to(np.array([[0.5, 3.0]]), samples), [9.25**0.5])


def test_explained_is_of_samples_that_the_map_was_not_fitted_to() -> None:
    rng = np.random.default_rng(0)
    z, noise = rng.normal(size=(4000, 3)), rng.normal(size=4000)
    assert measures.explained(z, 2 * z[:, 0] - z[:, 1] + 5) == pytest.approx(1)
    assert measures.explained(z, z[:, 0] + noise) == pytest.approx(0.5, abs=0.05)
    assert measures.explained(z, noise) == pytest.approx(0, abs=0.01)
    assert measures.explained(rng.normal(size=(200, 99)), noise[:200]) == 0  # no better than 0


def test_a_code_that_is_drawn_anew_has_moved_as_far_as_codes_are_apart() -> None:
    x, other = np.random.default_rng(0).normal(size=(2, 5000, 4))
    assert moved(lambda x: 3 * x, x, other) == pytest.approx(1, abs=0.05)
    assert moved(lambda x: x, x, x) == 0


def test_the_contraction_written_down_is_the_one_that_is_derived() -> None:
    x = Tensor(np.random.default_rng(0).random((7, 784), np.float32))
    model = Contracted(latent=5)
    for parameter in model.parameters():
        parameter.data *= 3
    derived = super(Contracted, model).contraction(x).item()
    assert model.contraction(x).item() == pytest.approx(derived, rel=1e-5)


def test_tables_are_kept_and_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(d, "FILE", tmp_path / "d.json")
    monkeypatch.setattr(d, "PAGE", tmp_path / "d.md")
    d.record("factors", [{"number": 0, "slant": 0.25}], "of digits")
    d.record("identity", [{"constraint": "none", "ratio": d.spread([1.0, 1.02])}], "of digits")
    assert list(json.loads(d.FILE.read_text())) == ["identity", "factors"]
    page = d.PAGE.read_text()
    assert "| number | slant |\n| --- | --- |\n| 0 | 0.25 |" in page
    assert "| none | 1.010 ± 0.014 |" in page


@pytest.mark.parametrize("name", d.DIAGNOSTICS)
def test_each_gives_a_table_of_finite_numbers(name: str) -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate(
        [stroke(a, w) for a, w in zip(rng.normal(0, 0.3, 80), [2, 4] * 40, strict=True)]
    )
    x = x * rng.uniform(0.9, 1, x.shape).astype(np.float32)  # no two are equal
    split = Split(x, np.array([0, 1] * 40))
    table = d.DIAGNOSTICS[name](Setting(split, split, epochs=1, seeds=2))
    cells = [v for row in table for v in row.values() if not isinstance(v, str)]
    assert np.isfinite([v["mean"] if isinstance(v, dict) else v for v in cells]).all()
    lines = d.show(table).splitlines()
    assert len(lines) == len(table) + 1
