"""The table of results: what is shown is what was measured, and rows measure what they say."""

import json
from typing import Any

import numpy as np
import pytest

from benchmarks.results import __main__ as command
from benchmarks.results import deep, geometry, record, rows, variational
from benchmarks.results.rows import ROWS, Figure, Row, Task
from tinygrad_ae import Tensor, manual_seed
from tinygrad_ae.data.dataset import Split
from tinygrad_ae.models import Autoencoder, Variational


def test_what_is_shown_was_made_from_the_file() -> None:
    records = record.read()
    assert set(records) <= set(ROWS)
    assert record.PAGE.read_text("utf-8") == record.page(records)
    readme = record.README.read_text("utf-8")
    assert readme == record.in_readme(readme, records)
    for name, kept in records.items():
        assert len(kept["seeds"]) == len(set(kept["seeds"]))
        assert set(kept["figures"]) == set(ROWS[name].figures)


def some_row(goal: Figure) -> Row:
    return Row("some", lambda task: {"a": task.seed}, {"a": goal})


def kept(goal: Figure, values: list[float]) -> dict[str, Any]:
    each = {seed: {"a": value} for seed, value in enumerate(values)}
    figure: dict[str, Any] = record.record(some_row(goal), each, 1.0, {})["figures"]["a"]
    return figure


def test_a_figure_has_its_spread_and_whether_it_was_reached() -> None:
    figure = kept(Figure("", at_most=2.5), [1.0, 2.0, 3.0])
    assert (figure["mean"], figure["sd"], figure["reached"]) == (2.0, 1.0, True)
    np.testing.assert_allclose(figure["interval_95"], [2 - 2.4841, 2 + 2.4841], atol=1e-4)
    assert not kept(Figure("", at_least=2.5), [1.0, 2.0, 3.0])["reached"]
    assert not kept(Figure("", positive=True), [1.0, 2.0, 3.0])["reached"]
    assert kept(Figure("", positive=True), [2.0, 2.1, 2.2])["reached"]
    assert not kept(Figure("", positive=True), [2.0])["reached"]  # no spread is known
    assert "sd" not in kept(Figure(""), [2.0])


def test_a_row_is_written_seed_by_seed_and_more_seeds_are_added(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FILE", "PAGE", "README"):
        monkeypatch.setattr(record, name, tmp_path / name)
    (tmp_path / "README").write_text("Before\n" + record._MADE + "old\n" + record._END + "After\n")
    seen = []

    def measure(task: Task) -> dict[str, float]:
        """Do it."""
        seen.append((task.seed, len(task.train), len(task.test)))
        return {"a": 10.0 + task.seed}

    monkeypatch.setitem(ROWS, "some", Row("some", measure, {"a": Figure("so much", at_most=12)}))
    x, y = np.zeros((20, 4), np.float32), np.arange(20)
    np.savez(tmp_path / "digits.npz", x=x + y[:, None], y=y)
    base = ["results", "some", "--data", str(tmp_path / "digits.npz")]
    for more in (["--seeds", "1"], ["--seeds", "3", "--more"], ["--validate", "--seeds", "1"]):
        monkeypatch.setattr("sys.argv", base + more)
        command.main()
    assert seen == [(0, 18, 2), (1, 18, 2), (2, 18, 2), (0, 16, 2)]  # held out, and joined
    (written,) = json.loads((tmp_path / "FILE").read_text()).values()
    assert written["figures"]["a"]["values"] == [10, 11, 12]
    assert str(tmp_path) not in json.dumps(written)  # where the data lies is the user's business
    shown = (tmp_path / "README").read_text()
    assert shown.startswith("Before\n")
    assert shown.endswith("After\n")
    assert "| some | so much | 11.00 ± 1.00 | ≤ 12 ✓ |" in shown


# ---- what rows compute


def test_the_score_is_the_gradient_of_a_mean_of_normal_densities() -> None:
    rng = np.random.default_rng(0)
    samples, x = rng.standard_normal((6, 2)), rng.standard_normal((3, 2))

    def log_p(at: Any) -> Any:
        return np.log(np.exp(-((at[:, None] - samples) ** 2).sum(-1) / (2 * 0.5**2)).mean(1))

    found, h = geometry.score(x, samples, 0.5), 1e-6
    for axis in (0, 1):
        step = h * np.eye(2)[axis]
        slope = (log_p(x + step) - log_p(x - step)) / (2 * h)
        np.testing.assert_allclose(found[:, axis], slope, rtol=1e-6)


def test_images_move_by_at_most_a_pixel() -> None:
    image = np.zeros((50, 28, 28), np.float32)
    image[:, 14, 14] = 1
    moved = deep.rolled(image.reshape(50, -1), np.random.default_rng(0)).reshape(image.shape)
    _, down, right = np.nonzero(moved)
    assert len(down) == 50
    assert {*zip(down - 14, right - 14, strict=True)} == {*np.ndindex(3, 3)} - {()} or (
        np.abs([down - 14, right - 14]).max() == 1
    )


def test_many_samples_bring_the_bound_closer_to_the_evidence() -> None:
    manual_seed(0)
    model = Variational(inputs=4, hidden=(5,), latent=1, binarize=False)
    model.log_variance.bias.data[...] = 1.0  # too wide a q: its bound is loose
    x = np.array([[0, 1, 1, 0], [1, 1, 0, 0]], np.float32)
    z = np.linspace(-8, 8, 4001)
    p = model.requires_grad_(False).decoder(Tensor(z[:, None].astype(np.float32))).data
    prior = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
    likelihood = np.prod(np.where(x[:, None] == 1, p, 1 - p), -1)
    evidence = -np.log(likelihood @ prior).mean()
    many = variational.importance_weighted(model, x, samples=3000)
    one = variational.importance_weighted(model, np.repeat(x, 3000, 0), samples=1)
    assert many == pytest.approx(evidence, abs=0.02)
    assert one > evidence + 0.1
    assert variational.bound(model, np.repeat(x, 3000, 0)) == pytest.approx(one, abs=0.05)


def test_the_last_epochs_are_of_samples_as_they_are() -> None:
    split = Split(np.random.default_rng(0).random((8, 4), np.float32), np.arange(8))
    seen = []

    def augment(x: Any, rng: Any) -> Any:
        seen.append(len(x))
        return x

    make = lambda: Autoencoder(inputs=4, hidden=(3,), latent=2)
    rows.trained(Task(split, split, 0), make, epochs=3, augment=augment, plain=2)
    assert seen == [8]


def test_weights_start_within_the_root_of_fan_in() -> None:
    model = rows.by_fan_in(Autoencoder(inputs=4, hidden=(100,), latent=2))
    for name, layer in (("encoder.0.weight", 4), ("encoder.2.weight", 100)):
        largest = np.abs(dict(model.named_parameters())[name].data).max()
        assert 0.8 < largest * np.sqrt(layer) <= 1


def test_a_task_keeps_the_digits_it_is_asked_for() -> None:
    split = Split(np.arange(6, dtype=np.float32)[:, None], np.array([0, 1, 2, 0, 1, 2]))
    kept = Task(split, split, 0).only(1, 2)
    assert kept.train.x.ravel().tolist() == [1, 2, 4, 5]
    assert len(kept.test) == 6
