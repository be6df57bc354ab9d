r"""Convolution, its transpose and its weight gradient: one trilinear form seen from three sides.

Take an input x, a kernel W and an output-shaped y, and form the number

    T(x, W, y) = Σ y[n, o, p] · W[o, c, k] · x[n, c, s·p + d·k - padding]

(n counts samples, o and c output and input channels, p output positions, k kernel positions, s
is the stride, d the dilation). T is linear in each of the three, and its derivatives are

    ∂T/∂y = conv(x, W),    ∂T/∂x = conv_transpose(y, W),    ∂T/∂W = conv_weight(x, y).

So the gradient of any of the three operations is again one of the three, to every order
(Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning"). As everywhere in
deep learning the kernel is not flipped: "convolution" is cross-correlation.

Each is one matrix product with the columns of x, where every window of x is a column, or with
the transpose of taking columns, which adds windows back into place:

    conv(x, W) = W · columns(x),  conv_weight(x, y) = y · columns(x)ᵀ,
    conv_transpose(y, W) = columnsᵀ(Wᵀ · y).

Windows are short, and NumPy and BLAS are fast on long contiguous runs. So arrays keep their first
axis, the samples, last in memory: then each element of a window is such a run. Results keep that
layout, so the next layer finds its input lying as it needs it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .op import Array, Op, as_array
from .shape import reshape
from .windows import AXES, Geometry, Lengths, Size, add_columns, columns, count, per_axis

__all__ = ["conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d"]

Padding = int | str | Sequence[int]


def matrix(a: Array, groups: int, n: int = 1) -> Array:
    """One matrix per group, its rows along the first ``n`` axes: (G, rows / G, others)."""
    rows, others = math.prod(a.shape[:n]), math.prod(a.shape[n:])
    return a.reshape(groups, rows // groups, others)


def channels(y: Array, groups: int) -> Array:
    """(N, channels, *size) as one matrix per group: (G, channels / G, *size · N)."""
    return matrix(np.moveaxis(y, 0, -1), groups)


def _check(x: Lengths, W: Lengths, axis: int, geometry: Geometry) -> None:
    """Raise unless x has as many axes as W, and as many channels as W has along ``axis``."""
    n, groups = len(geometry.stride), geometry.groups
    if len(x) != n + 2 or len(W) != n + 2:
        raise ValueError(
            f"the input must be (batch, channels, {AXES[n]}) and the weight have {n + 2} axes "
            f"too; they are {x} and {W}"
        )
    reads = W[axis] * (groups if axis else 1)
    if reads != x[1]:
        among = f"with groups={groups} " if axis else ""
        raise ValueError(
            f"{among}the weight {W} reads {reads} channels, and the input {x} has {x[1]}"
        )
    if W[0] % groups:
        raise ValueError(f"the first axis of the weight {W} does not divide into {groups} groups")


def _conv(x: Array, W: Array, *, geometry: Geometry) -> Array:
    _check(x.shape, W.shape, 1, geometry)
    n, kernel, groups = W.ndim - 2, W.shape[2:], geometry.groups
    counts = count(x.shape[2:], kernel, geometry)
    z = matrix(W, groups) @ matrix(columns(x, kernel, counts, geometry), groups, 1 + n)
    return np.moveaxis(z.reshape(W.shape[0], *counts, x.shape[0]), -1, 0)


def _conv_transpose(y: Array, W: Array, *, size: Lengths, geometry: Geometry) -> Any:
    _check(y.shape, W.shape, 0, geometry)
    n, groups = y.shape[0], geometry.groups
    z = matrix(W, groups).transpose(0, 2, 1) @ channels(y, groups)
    windows = z.reshape(W.shape[1] * groups, *W.shape[2:], *y.shape[2:], n)
    return add_columns(windows, size, geometry)


def _conv_weight(x: Array, y: Array, *, kernel: Lengths, geometry: Geometry) -> Array:
    n, groups = len(kernel), geometry.groups
    windows = matrix(columns(x, kernel, y.shape[2:], geometry), groups, 1 + n)
    W = channels(y, groups) @ windows.transpose(0, 2, 1)
    return W.reshape(y.shape[1], x.shape[1] // groups, *kernel)


def _conv_at(y_shape: Lengths, x: Any, W: Any, geometry: Geometry) -> Any:
    """∂T/∂y at the positions y has; an output padding can leave room for more."""
    z = conv(x, W, geometry=geometry)
    return z if z.shape == y_shape else z[tuple(map(slice, y_shape))]


conv: Op = Op(
    "conv",
    _conv,
    lambda g, W, x_shape, geometry: conv_transpose(g, W, size=x_shape[2:], geometry=geometry),
    lambda g, x, W_shape, geometry: conv_weight(x, g, kernel=W_shape[2:], geometry=geometry),
    tex=r"{0} \star {1}",
    flops=lambda out, x, W: 2 * math.prod(out) * math.prod(W[1:]),
)
conv_transpose: Op = Op(
    "conv_transpose",
    _conv_transpose,
    lambda g, W, y_shape, geometry: _conv_at(y_shape, g, W, geometry),
    lambda g, y, W_shape, geometry: conv_weight(g, y, kernel=W_shape[2:], geometry=geometry),
    tex=r"{0} \star^\top {1}",
    flops=lambda out, y, W: 2 * math.prod(y) * math.prod(W[1:]),
)
conv_weight: Op = Op(
    "conv_weight",
    _conv_weight,
    lambda g, y, x_shape, geometry: conv_transpose(y, g, size=x_shape[2:], geometry=geometry),
    lambda g, x, y_shape, geometry: _conv_at(y_shape, x, g, geometry),
    tex=r"\operatorname{{corr}}({0}, {1})",
    flops=lambda out, x, y: 2 * math.prod(y) * math.prod(out[1:]),
)


# ---- what users call


def conv1d(
    x: Any, W: Any, b: Any = None, stride: Size = 1, padding: Padding = 0, dilation: Size = 1,
    groups: int = 1,
) -> Any:  # fmt: skip
    """Slide a kernel along a sequence: :func:`conv2d` with one spatial axis.

    Args:
        x: shape (N, C, L).
        W: shape (out, C / groups, k).
        b: bias, shape (out,).
        stride, padding, dilation, groups: as in ``conv2d``, with its errors.

    Returns:
        Shape (N, out, (L + 2 padding - dilation (k - 1) - 1) // stride + 1).
    """
    return _forward(1, x, W, b, stride, padding, dilation, groups)


def conv2d(
    x: Any, W: Any, b: Any = None, stride: Size = 1, padding: Padding = 0, dilation: Size = 1,
    groups: int = 1,
) -> Any:  # fmt: skip
    """Slide a kernel over an image: at each place, the inner product with what lies under it.

    Args:
        x: shape (N, C, H, W).
        W: shape (out, C / groups, kh, kw).
        b: bias, shape (out,).
        stride: steps from one window to the next; a number, or (vertical, horizontal).
        padding: rows and columns of zeros on each side; ``"same"`` keeps the size (stride 1
            only; of an odd number the larger half goes after), ``"valid"`` is 0.
        dilation: steps between the kernel's elements.
        groups: blocks of channels that do not see each other.

    Returns:
        Shape (N, out, OH, OW), where OH = (H + 2 padding - dilation (kh - 1) - 1) // stride + 1
        and OW likewise.

    Raises:
        ValueError: shapes that do not fit together, or a setting out of range.
    """
    return _forward(2, x, W, b, stride, padding, dilation, groups)


def conv_transpose1d(
    x: Any, W: Any, b: Any = None, stride: Size = 1, padding: Size = 0, output_padding: Size = 0,
    groups: int = 1, dilation: Size = 1,
) -> Any:  # fmt: skip
    """Spread each element of a sequence: :func:`conv_transpose2d` with one spatial axis.

    Args:
        x: shape (N, C, L).
        W: shape (C, out / groups, k).
        b: bias, shape (out,).
        stride, padding, output_padding, groups, dilation: as in ``conv_transpose2d``, with its
            errors.

    Returns:
        Shape (N, out, (L - 1) stride - 2 padding + dilation (k - 1) + output_padding + 1).
    """
    return _transposed(1, x, W, b, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(
    x: Any, W: Any, b: Any = None, stride: Size = 1, padding: Size = 0, output_padding: Size = 0,
    groups: int = 1, dilation: Size = 1,
) -> Any:  # fmt: skip
    """Spread each pixel by a kernel and add up: the transpose of :func:`conv2d`, to upsample.

    With equal settings it maps the shape that ``conv2d`` gives back to the shape it took.

    Args:
        x: shape (N, C, H, W).
        W: shape (C, out / groups, kh, kw): the weight of the convolution it transposes.
        b: bias, shape (out,).
        stride: steps between the spread pixels; a number, or (vertical, horizontal).
        padding: rows and columns cut off each side.
        output_padding: rows and columns added at the lower right; several input sizes of a
            convolution give one output size, and this says which is meant. Less than the
            larger of stride and dilation.
        groups: blocks of channels that do not see each other.
        dilation: steps between the kernel's elements.

    Returns:
        Shape (N, out, OH, OW), where OH = (H - 1) stride - 2 padding + dilation (kh - 1)
        + output_padding + 1 and OW likewise.

    Raises:
        ValueError: shapes that do not fit together, or a setting out of range.
    """
    return _transposed(2, x, W, b, stride, padding, output_padding, groups, dilation)


def _forward(
    n: int, x: Any, W: Any, b: Any, stride: Size, padding: Padding, dilation: Size, groups: int
) -> Any:
    x, W = as_array(x), as_array(W)
    sides = 0 if isinstance(padding, str) else padding
    geometry = Geometry.of(n, stride, sides, dilation, groups)
    if padding == "same":
        if set(geometry.stride) != {1}:
            raise ValueError(f'padding="same" keeps the size with stride 1 only; got {stride!r}')
        around = [d * (k - 1) for d, k in zip(geometry.dilation, W.shape[-n:], strict=True)]
        pads = tuple((total // 2, total - total // 2) for total in around)
        geometry = geometry._replace(padding=pads)
    elif isinstance(padding, str) and padding != "valid":
        raise ValueError(f'padding must be a number, "same" or "valid"; got {padding!r}')
    return _biased(conv(x, W, geometry=geometry), b)


def _transposed(
    n: int, x: Any, W: Any, b: Any, stride: Size, padding: Size, output_padding: Size,
    groups: int, dilation: Size,
) -> Any:  # fmt: skip
    x, W, geometry = as_array(x), as_array(W), Geometry.of(n, stride, padding, dilation, groups)
    extra = per_axis("output_padding", output_padding, n, 0)
    s, d = geometry.stride, geometry.dilation
    if any(e >= max(a, b) for e, a, b in zip(extra, s, d, strict=True)):
        raise ValueError(
            f"output_padding {extra} must be less than the larger of stride {s} and dilation {d}"
        )
    along = zip(x.shape[2:], W.shape[2:], extra, *geometry[:3], strict=False)  # checked later
    size = tuple((m - 1) * s - 2 * p + d * (k - 1) + e + 1 for m, k, e, s, (p, _), d in along)
    if min(size, default=1) < 1:
        raise ValueError(
            f"padding {padding} cuts everything off: an input {x.shape} and a kernel "
            f"{W.shape[2:]} would give an output of {size}"
        )
    return _biased(conv_transpose(x, W, size=size, geometry=geometry), b)


def _biased(z: Any, b: Any) -> Any:
    if b is None:
        return z
    b = as_array(b)
    if b.shape != z.shape[1:2]:
        raise ValueError(
            f"a bias for {z.shape[1]} output channels is {z.shape[1:2]}; got {b.shape}"
        )
    return z + reshape(b, (-1,) + (1,) * (z.ndim - 2))
