"""Sliding windows over the last axes of an array: what convolution and pooling are made of.

Taking windows copies an element into every window that covers it; the transpose of that,
:func:`fold`, adds the windows back into place.

Windows are short, and NumPy is fast on long contiguous runs. So arrays on their way through here
keep their first axis, the samples, last in memory: then each window element is such a run.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .op import Array, Op

__all__ = ["fold", "sliding_windows"]

Lengths = tuple[int, ...]
Size = int | Sequence[int]
Slices = tuple[slice, ...]
Sides = tuple[tuple[int, int], ...]

AXES = {1: "length", 2: "height, width"}


class Geometry(NamedTuple):
    """How a kernel moves over its input; one entry per spatial axis.

    Attributes:
        stride: steps from one window to the next.
        padding: zeros (before, after) the input.
        dilation: steps from one element of a window to the next.
        groups: blocks of channels that do not see each other.
    """

    stride: Lengths
    padding: Sides
    dilation: Lengths
    groups: int

    @classmethod
    def of(
        cls, n: int, stride: Size, padding: Size = 0, dilation: Size = 1, groups: int = 1
    ) -> Geometry:
        """Return what settings, as users give them, mean for ``n`` spatial axes.

        Raises:
            ValueError: a setting is out of range.
        """
        sides = tuple((p, p) for p in per_axis("padding", padding, n, 0))
        (groups,) = per_axis("groups", groups, 1, 1)
        steps = per_axis("stride", stride, n, 1), sides, per_axis("dilation", dilation, n, 1)
        return cls(*steps, groups)


def per_axis(name: str, value: Size, n: int, least: int) -> Lengths:
    """Return one whole number per spatial axis; a single number counts for all ``n``.

    Raises:
        ValueError: another count, something that is no whole number, or less than ``least``.
    """
    given = tuple(value) if isinstance(value, Sequence) else (value,) * n
    whole = all(isinstance(v, (int, np.integer)) and not isinstance(v, bool) for v in given)
    if len(given) != n or not whole or min(given) < least:
        several = f", or {n} of them" if n > 1 else ""
        raise ValueError(
            f"{name} must be a whole number of at least {least}{several}; got {value!r}"
        )
    return tuple(int(v) for v in given)


def count(size: Lengths, kernel: Lengths, geometry: Geometry) -> Lengths:
    """Return how many windows fit along each axis, zeros before and after it included.

    A kernel of k elements that lie d apart covers d(k - 1) + 1; windows start every ``stride``.

    Raises:
        ValueError: not even one fits.
    """
    padded = [n + a + b for n, (a, b) in zip(size, geometry.padding, strict=True)]
    covered = _covered(kernel, geometry.dilation)
    if any(c > n for c, n in zip(covered, padded, strict=True)):
        raise ValueError(
            f"a window of {_by(covered)} does not fit into {_by(padded)} (padding included); "
            "use a smaller kernel or dilation, or more padding"
        )
    along = zip(padded, covered, geometry.stride, strict=True)
    return tuple((n - c) // s + 1 for n, c, s in along)


def overlaps(
    size: Lengths, kernel: Lengths, counts: Lengths, geometry: Geometry
) -> Iterator[tuple[Lengths, Slices, Slices]]:
    """Yield, for each element of the kernel, where it lies inside: (element, windows, places).

    Element k of window p covers the place s·p + d·k - padding. ``windows`` are the p for which
    that is in [0, size), and ``places`` what they cover there, as slices.
    """
    for element in itertools.product(*map(range, kernel)):
        windows, places = [], []
        for k, n, m, s, (before, _), d in zip(element, size, counts, *geometry[:3], strict=True):
            shift = d * k - before
            first = max(0, -(shift // s))
            last = max(first, min(m, (n - 1 - shift) // s + 1))
            windows.append(slice(first, last))
            places.append(slice(s * first + shift, s * last + shift, s))
        yield element, tuple(windows), tuple(places)


def _covered(kernel: Lengths, dilation: Lengths) -> Lengths:
    return tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))


def _last(shape: Lengths, like: Lengths) -> Lengths:
    """Return as many of the last lengths as there are in ``like``."""
    return shape[len(shape) - len(like) :]


def _by(lengths: Sequence[int]) -> str:
    return " x ".join(map(str, lengths))


def empty_samples_last(shape: Lengths, dtype: Any) -> Array:
    """Return an array with unset values, whose first axis lies last in memory."""
    return np.moveaxis(np.empty(shape[1:] + shape[:1], dtype), -1, 0)


def samples_last(x: Array) -> Array:
    """Return x with its first axis last in memory: a copy, unless it lies so already."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1, 0)


def columns(x: Any, kernel: Lengths, counts: Lengths, geometry: Geometry, out: Any = None) -> Any:
    """All windows of x, (N, C, *size), as (C, *kernel, *counts, N); what lies outside is 0."""
    x = np.moveaxis(samples_last(x), 0, -1)
    if out is None:
        out = np.empty((x.shape[0], *kernel, *counts, x.shape[-1]), x.dtype)
    for element, windows, places in overlaps(x.shape[1:-1], kernel, counts, geometry):
        everywhere = out[:, *element]
        inside = everywhere[:, *windows]
        if inside.size < everywhere.size:
            everywhere[...] = 0
        inside[...] = x[:, *places]
    return out


def add_columns(columns: Any, size: Lengths, geometry: Geometry, out: Any = None) -> Any:
    """Return (N, C, *size), the sum of the columns at the places that they cover."""
    n = len(size)
    if out is None:
        out = empty_samples_last((columns.shape[-1], columns.shape[0], *size), columns.dtype)
    out[...] = 0
    target = np.moveaxis(out, 0, -1)
    kernel, counts = columns.shape[1 : n + 1], columns.shape[n + 1 : -1]
    for element, windows, places in overlaps(size, kernel, counts, geometry):
        target[:, *places] += columns[:, *element, *windows]
    return out


def _take(x: Array, *, kernel: Lengths, geometry: Geometry) -> Any:
    n, stride, dilation = len(kernel), geometry.stride, geometry.dilation
    count(_last(x.shape, kernel), kernel, geometry)
    every = sliding_window_view(samples_last(x), _covered(kernel, dilation), tuple(range(-n, 0)))
    chosen: Any = (..., *(slice(None, None, step) for step in stride + dilation))
    return every[chosen]


def _fold(x: Any, *, size: Lengths, geometry: Geometry) -> Any:
    n = len(size)
    counts, kernel = x.shape[-2 * n : -n], x.shape[-n:]
    if x.ndim < 2 * n or counts != count(size, kernel, geometry):
        raise ValueError(
            f"fold to {_by(size)} takes (..., *windows, *kernel) as sliding_windows gives them"
        )
    out: Any = empty_samples_last(x.shape[: -2 * n] + size, x.dtype)
    out[...] = 0
    for element, windows, places in overlaps(size, kernel, counts, geometry):
        out[..., *places] += x[..., *windows, *element]
    return out


_sliding_windows: Op = Op(
    "sliding_windows",
    _take,
    lambda g, x_shape, kernel, geometry: _folded(g, size=_last(x_shape, kernel), geometry=geometry),
    tex=r"\operatorname{{windows}}({0})",
    flops=lambda out, x: 0,
    views=True,
)
_folded: Op = Op(
    "fold",
    _fold,
    lambda g, x_shape, size, geometry: _sliding_windows(
        g, kernel=_last(x_shape, size), geometry=geometry
    ),
    flops=lambda out, x: int(np.prod(x)),
)


def sliding_windows(
    x: Any, kernel_size: Sequence[int], stride: Size = 1, dilation: Size = 1
) -> Any:
    """Take all windows of ``kernel_size`` over the last axes of ``x``.

    Args:
        x: shape (..., *size).
        kernel_size: the window's length along each of the last axes.
        stride: steps from one window to the next.
        dilation: steps from one element of a window to the next.

    Returns:
        Shape (..., *windows, *kernel_size); it may share memory with ``x``.

    Raises:
        ValueError: a window larger than ``x``, or a length below 1.
    """
    kernel = per_axis("kernel_size", kernel_size, len(kernel_size), 1)
    geometry = Geometry.of(len(kernel), stride, dilation=dilation)
    return _sliding_windows(x, kernel=kernel, geometry=geometry)


def fold(windows: Any, size: Sequence[int], stride: Size = 1, dilation: Size = 1) -> Any:
    """Add windows back into place, the transpose of :func:`sliding_windows`.

    Args:
        windows: shape (..., *windows, *kernel_size).
        size: the last axes of the result, (..., *size).
        stride: steps from one window to the next.
        dilation: steps from one element of a window to the next.

    Raises:
        ValueError: not the windows of an array of that size.
    """
    lengths = per_axis("size", size, len(size), 1)
    geometry = Geometry.of(len(lengths), stride, dilation=dilation)
    return _folded(windows, size=lengths, geometry=geometry)
