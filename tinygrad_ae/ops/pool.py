"""Pooling and upsampling of sequences (N, C, L) and images (N, C, H, W)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .op import Array, Op, as_array
from .reduce import kept, mean, share_among, sum
from .reduce import max as max_over
from .shape import axes_of, moveaxis, pad
from .windows import AXES, Size, per_axis, sliding_windows

__all__ = ["avg_pool1d", "avg_pool2d", "max_pool1d", "max_pool2d", "upsample"]


def max_pool1d(x: Any, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> Any:
    """Largest element of each window of a sequence (N, C, L); see :func:`max_pool2d`."""
    return _max_pool(1, x, kernel_size, stride, padding)


def max_pool2d(x: Any, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> Any:
    """Largest element of each window; equal ones share the gradient.

    Args:
        x: shape (N, C, H, W).
        kernel_size: the window; a number, or (height, width).
        stride: steps from window to window; the kernel size by default.
        padding: rows and columns that never win on each side; at most half the kernel.

    Returns:
        Shape (N, C, (H + 2 padding - kernel) // stride + 1, likewise for W).

    Raises:
        ValueError: another number of axes, a window that does not fit, or a setting out of
            range.
    """
    return _max_pool(2, x, kernel_size, stride, padding)


def avg_pool1d(
    x: Any, kernel_size: Size, stride: Size | None = None, padding: Size = 0,
    count_include_pad: bool = True,
) -> Any:  # fmt: skip
    """Mean of each window of a sequence (N, C, L); see :func:`avg_pool2d`."""
    return _avg_pool(1, x, kernel_size, stride, padding, count_include_pad)


def avg_pool2d(
    x: Any, kernel_size: Size, stride: Size | None = None, padding: Size = 0,
    count_include_pad: bool = True,
) -> Any:  # fmt: skip
    """Mean of each window.

    Args:
        x: shape (N, C, H, W).
        kernel_size: the window; a number, or (height, width).
        stride: steps from window to window; the kernel size by default.
        padding: rows and columns of zeros on each side; at most half the kernel.
        count_include_pad: whether those zeros count as elements of the mean.

    Returns:
        Shape (N, C, (H + 2 padding - kernel) // stride + 1, likewise for W).

    Raises:
        ValueError: another number of axes, a window that does not fit, or a setting out of
            range.
    """
    return _avg_pool(2, x, kernel_size, stride, padding, count_include_pad)


# The maximum of the elements of each window that lie inside: padding is -inf as well as some of
# them may be, and must not share their gradient.
_max_inside = Op(
    "max_inside",
    lambda x, inside, *, axis: np.max(x, axis=axis),
    lambda g, x, inside, z, axis: share_among((x == kept(z, x.shape, axis)) & inside, g, axis),
    None,
    tex=r"\max({0})",
    flops=lambda out, x, inside: math.prod(x),
)


def _max_pool(n: int, x: Any, kernel_size: Size, stride: Size | None, padding: Size) -> Any:
    x, within = as_array(x), tuple(range(-n, 0))
    limits = {"f": -np.inf, "b": False}
    lowest = limits[kind] if (kind := x.dtype.kind) in limits else np.iinfo(x.dtype).min
    windows = _windows(n, x, kernel_size, stride, padding, lowest)
    if not np.any(padding):
        return max_over(windows, within)
    inside = _windows(n, np.ones((1, 1, *x.shape[2:]), bool), kernel_size, stride, padding, False)
    return _max_inside(windows, inside, axis=axes_of(windows, within))


def _avg_pool(
    n: int, x: Any, kernel_size: Size, stride: Size | None, padding: Size, count_include_pad: bool
) -> Any:
    x, within = as_array(x), tuple(range(-n, 0))
    windows = _windows(n, x, kernel_size, stride, padding, 0)
    if count_include_pad:
        return mean(windows, within)
    ones = np.ones((1, 1, *x.shape[2:]), x.dtype)
    return sum(windows, within) / sum(_windows(n, ones, kernel_size, stride, padding, 0), within)


def _windows(
    n: int, x: Any, kernel_size: Size, stride: Size | None, padding: Size, value: float
) -> Any:
    if x.ndim != n + 2:
        raise ValueError(f"pooling takes (batch, channels, {AXES[n]}); got shape {x.shape}")
    kernel = per_axis("kernel_size", kernel_size, n, 1)
    around = per_axis("padding", padding, n, 0)
    if any(2 * p > k for p, k in zip(around, kernel, strict=True)):
        raise ValueError(f"padding {around} must be at most half of the kernel size {kernel}")
    if any(around):
        x = pad(x, ((0, 0), (0, 0), *((p, p) for p in around)), constant_values=value)
    return sliding_windows(x, kernel, kernel if stride is None else stride)


# ---- upsampling

_LINEAR = {1: "linear", 2: "bilinear"}


def upsample(
    x: Any,
    size: Size | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool = False,
) -> Any:
    """Resize by interpolation, as ``torch.nn.functional.interpolate``.

    Interpolation is linear in ``x`` and separable: each spatial axis is multiplied by a matrix
    whose row i holds the weights with which the inputs make output i.

    Args:
        x: floats of shape (N, C, L) or (N, C, H, W).
        size: the new length, or (height, width). Give this or ``scale_factor``.
        scale_factor: new size over old size, above 0; sizes are rounded down.
        mode: ``"nearest"``, or ``"linear"`` for sequences and ``"bilinear"`` for images.
        align_corners: for linear interpolation: whether the centres of the corner elements
            (True) or their outer edges (False) are what stays in place.

    Returns:
        Shape (N, C, *size).

    Raises:
        ValueError: not exactly one of size and scale_factor, an unknown mode, an empty result,
            or ``x`` of other axes or not of floats.
    """
    x = as_array(x)
    n = x.ndim - 2
    if n not in _LINEAR or x.dtype.kind != "f" or 0 in x.shape[2:]:
        raise ValueError(
            "upsample takes floats of shape (batch, channels, length) or (batch, channels, "
            f"height, width), of at least one pixel; got {x.shape} {x.dtype}"
        )
    if mode not in ("nearest", _LINEAR[n]):
        raise ValueError(
            f'upsample of shape {x.shape} has the modes "nearest" and "{_LINEAR[n]}"; got {mode!r}'
        )
    if align_corners and mode == "nearest":
        raise ValueError('align_corners has a meaning for linear interpolation, not "nearest"')
    sizes, steps = _sizes(x.shape[2:], size, scale_factor)
    rows = moveaxis(x, 0, -1)  # samples last: each product is of whole rows
    for axis, length, new, step in zip(range(1, n + 1), x.shape[2:], sizes, steps, strict=True):
        A = _weights(length, new, step, mode, align_corners).astype(x.dtype)
        rows = moveaxis(A @ moveaxis(rows, axis, -2), -2, axis)
    return moveaxis(rows, -1, 0)


def _sizes(
    old: tuple[int, ...], size: Size | None, scale_factor: float | Sequence[float] | None
) -> tuple[tuple[int, ...], list[float]]:
    """Return the new size and, per axis, how many input elements one output element spans."""
    n = len(old)
    if scale_factor is None and size is not None:
        new = per_axis("size", size, n, 1)
        return new, [a / b for a, b in zip(old, new, strict=True)]
    if scale_factor is None or size is not None:
        raise ValueError("upsample takes either size or scale_factor")
    scales = tuple(scale_factor) if isinstance(scale_factor, Sequence) else (scale_factor,) * n
    if len(scales) != n or any(int(a * f) < 1 for a, f in zip(old, scales, strict=False)):
        raise ValueError(
            f"scale_factor must be a number, or {n}, that leave at least one element of {old}; "
            f"got {scale_factor!r}"
        )
    return tuple(int(a * f) for a, f in zip(old, scales, strict=True)), [1 / f for f in scales]


def _weights(old: int, new: int, step: float, mode: str, align_corners: bool) -> Array:
    """Return the interpolation matrix of one axis, shape (new, old); its rows sum to 1."""
    i = np.arange(new)
    if mode == "nearest":
        position = np.floor(i * step + 1e-9)  # 3 · (1/3) must not fall below 1
    elif align_corners:
        position = i * ((old - 1) / max(new - 1, 1))
    else:
        position = (i + 0.5) * step - 0.5
    return np.stack([np.interp(position, np.arange(old), one) for one in np.eye(old)], axis=-1)
