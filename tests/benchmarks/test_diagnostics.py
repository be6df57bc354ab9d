"""What diagnostics measure is what they say."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import diagnostics as d
from benchmarks import measures
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


def test_tables_are_kept_and_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(d, "FILE", tmp_path / "d.json")
    monkeypatch.setattr(d, "PAGE", tmp_path / "d.md")
    d.record("factors", [{"number": 0, "slant": 0.25}], "of digits")
    d.record("identity", [{"constraint": "none", "ratio": 1.0}], "of digits")
    assert list(json.loads(d.FILE.read_text())) == ["identity", "factors"]
    assert "| number | slant |\n| --- | --- |\n| 0 | 0.25 |" in d.PAGE.read_text()


@pytest.mark.parametrize("name", d.DIAGNOSTICS)
def test_each_gives_a_table_of_finite_numbers(name: str) -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate(
        [stroke(a, w) for a, w in zip(rng.normal(0, 0.3, 80), [2, 4] * 40, strict=True)]
    )
    split = Split(x, np.array([0, 1] * 40))
    table = d.DIAGNOSTICS[name](d.Setting(split, split, epochs=1, seeds=2))
    rows = [[v for v in row.values() if not isinstance(v, str)] for row in table]
    assert np.isfinite(rows).all()
    lines = d.show(table).splitlines()
    assert len(lines) == len(table) + 1
