"""Mini-batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tinygrad_ae.errors import DataError

T = TypeVar("T", bound=np.generic)


def batch_count(n: int, batch_size: int, drop_last: bool = False) -> int:
    """Return how many batches ``n`` samples make: the steps of an epoch.

    Args:
        n: samples.
        batch_size: samples in a batch, at least 1.
        drop_last: whether a last batch that is smaller is left out.

    Raises:
        DataError: ``batch_size`` is less than 1, or with ``drop_last`` more than ``n``.
    """
    if batch_size < 1:
        raise DataError(f"The batch size is {batch_size}; it must be at least 1.")
    if drop_last and n < batch_size:
        raise DataError(
            f"With drop_last nothing is left: there are {n} samples, less than a batch of "
            f"{batch_size}. Choose a batch size of at most {n}, or do without drop_last."
        )
    return n // batch_size if drop_last else -(-n // batch_size)


def batches(
    x: NDArray[T],
    batch_size: int,
    rng: np.random.Generator | None = None,
    drop_last: bool = False,
) -> Iterator[NDArray[T]]:
    """Go once through the samples, a batch at a time.

    Each yielded array is valid until the next is asked for: shuffled batches share one buffer,
    and batches in order are views of ``x``. Copy what must live longer.

    Args:
        x: samples, shape (n, ...).
        batch_size: samples in a batch, at least 1; the last batch holds what is left.
        rng: draws the order, one permutation a call; None keeps the order of ``x``.
        drop_last: leave the last batch out if it is smaller; with ``rng`` these are other samples
            each time.

    Returns:
        An iterator over arrays of shape (batch_size or less, ...), of the type of ``x``.

    Raises:
        DataError: ``batch_size`` is less than 1, or with ``drop_last`` more than there are samples.
    """
    count = batch_count(len(x), batch_size, drop_last)
    starts = range(0, count * batch_size, batch_size)
    return _in_order(x, starts) if rng is None else _shuffled(x, starts, rng)


def _in_order(x: NDArray[T], starts: range) -> Iterator[NDArray[T]]:
    for start in starts:
        yield x[start : start + starts.step]


def _shuffled(x: NDArray[T], starts: range, rng: np.random.Generator) -> Iterator[NDArray[T]]:
    order = rng.permutation(len(x))
    buffer = np.empty((min(starts.step, len(x)), *x.shape[1:]), x.dtype)
    for start in starts:
        rows = order[start : start + starts.step]
        # The rows are in range; "clip" spares the copy that "raise" makes before writing out.
        yield np.take(x, rows, axis=0, out=buffer[: len(rows)], mode="clip")
