"""Text lined up in columns, and pictures set into one."""

import numpy as np

from tinygrad_ae.util.columns import table, underlined
from tinygrad_ae.util.pixels import tiled


def test_an_accent_takes_no_place_of_its_own():
    lines = table([("name", "n"), ("x̂", "12"), ("", "3")], right={1})
    assert underlined(lines) == ["name   n", "--------", "x̂     12", "       3"]


def test_what_the_last_row_of_pictures_leaves_free_is_filled():
    whole = tiled(np.arange(1, 4).reshape(3, 1, 1), columns=2, gap=1, fill=0)
    assert whole.tolist() == [[1, 0, 2], [0, 0, 0], [3, 0, 0]]
