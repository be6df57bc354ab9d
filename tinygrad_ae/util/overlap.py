"""Which of many arrays may share memory, by their addresses: sorted once, not each with each."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

import numpy.typing as npt
from numpy.lib.array_utils import byte_bounds

Array = npt.NDArray[Any]


class Places:
    """The stretches of memory from the first to the last byte of some arrays.

    Args:
        arrays: any; they may overlap.
    """

    def __init__(self, arrays: Sequence[Array]) -> None:
        bounds = sorted(byte_bounds(array) for array in arrays if array.size)
        self._lows = [low for low, _ in bounds]
        self._highs = list(accumulate((high for _, high in bounds), max))  # of it and all before

    def overlap(self, array: Array) -> bool:
        """Whether an array's stretch has a byte in common with one of them."""
        if not array.size:
            return False
        low, high = byte_bounds(array)
        k = bisect_left(self._lows, high)
        return k > 0 and self._highs[k - 1] > low


def overlapping(arrays: Sequence[Array]) -> Iterator[tuple[int, int]]:
    """Yield the numbers, the lower first, of any two arrays whose stretches overlap."""
    bounds = sorted((*byte_bounds(array), k) for k, array in enumerate(arrays) if array.size)
    before: list[tuple[int, int]] = []  # where those end that may reach further, and their numbers
    for low, high, k in bounds:
        before = [(end, j) for end, j in before if end > low]
        yield from ((min(j, k), max(j, k)) for _, j in before)
        before.append((high, k))
