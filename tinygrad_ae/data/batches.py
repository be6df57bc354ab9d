"""Mini-batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tinygrad_ae.errors import DataError

T = TypeVar("T", bound=np.generic)


def batches(
    x: NDArray[T], batch_size: int, rng: np.random.Generator | None = None
) -> Iterator[NDArray[T]]:
    """Go once through the samples, a batch at a time.

    Each yielded array is valid until the next is asked for: shuffled batches share one buffer,
    and batches in order are views of ``x``. Copy what must live longer.

    Args:
        x: samples, shape (n, ...).
        batch_size: samples in a batch, at least 1; the last batch holds what is left.
        rng: draws the order, one permutation a call; None keeps the order of ``x``.

    Returns:
        An iterator over arrays of shape (batch_size or less, ...), of the type of ``x``.

    Raises:
        DataError: ``batch_size`` is less than 1.
    """
    if batch_size < 1:
        raise DataError(f"The batch size is {batch_size}; it must be at least 1.")
    return _in_order(x, batch_size) if rng is None else _shuffled(x, batch_size, rng)


def _in_order(x: NDArray[T], batch_size: int) -> Iterator[NDArray[T]]:
    for start in range(0, len(x), batch_size):
        yield x[start : start + batch_size]


def _shuffled(x: NDArray[T], batch_size: int, rng: np.random.Generator) -> Iterator[NDArray[T]]:
    order = rng.permutation(len(x))
    buffer = np.empty((min(batch_size, len(x)), *x.shape[1:]), x.dtype)
    for start in range(0, len(x), batch_size):
        rows = order[start : start + batch_size]
        # The rows are in range; "clip" spares the copy that "raise" makes before writing out.
        yield np.take(x, rows, axis=0, out=buffer[: len(rows)], mode="clip")
