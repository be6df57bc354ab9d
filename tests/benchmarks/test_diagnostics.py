"""What diagnostics measure is what they say."""

import numpy as np
import pytest

from benchmarks import diagnostics as d
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
    assert d.slant(stroke(lean, width))[0] == pytest.approx(lean, abs=0.03)
    if lean == 0:  # the ends count in the outline too
        assert d.thickness(stroke(lean, width))[0] == pytest.approx(width, rel=0.25)


def test_the_measures_ignore_an_empty_image() -> None:
    empty = np.zeros((1, 784), np.float32)
    assert d.slant(empty)[0] == d.thickness(empty)[0] == 0


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
