r"""Convolution, its transpose and its weight gradient: one trilinear form seen from three sides.

Take an input x, a kernel W and an output-shaped y, and form the number

    T(x, W, y) = Σ y[n, o, p] · W[o, c, k] · x[n, c, s·p + d·k - padding]

(n counts samples, o and c output and input channels, p output positions, k kernel positions, s
is the stride, d the dilation). T is linear in each of the three, and its derivatives are

    ∂T/∂y = conv(x, W),    ∂T/∂x = conv_transpose(y, W),    ∂T/∂W = conv_weight(x, y).

So the gradient of any of the three operations is again one of the three, to every order
(Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning"). As everywhere in
deep learning the kernel is not flipped: "convolution" is cross-correlation.

Each is computed as a single matrix product, over arrays that hold the samples last in memory
(see windows.py). Results keep that layout, so the next layer finds its input lying as it
needs it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .op import Array, Op, as_array
from .shape import reshape
from .windows import Lengths, add_windows, count, per_axis, view_windows, zeros_samples_last

__all__ = ["conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d"]

Size = int | Sequence[int]
Padding = int | str | Sequence[int]


class Geometry(NamedTuple):
    """How a kernel moves over its input; one entry per spatial axis.

    Attributes:
        stride: steps from one window to the next.
        padding: zeros (before, after) the input.
        dilation: steps from one element of a window to the next.
        groups: blocks of channels that do not see each other.
    """

    stride: Lengths
    padding: tuple[tuple[int, int], ...]
    dilation: Lengths
    groups: int

    def padded(self, size: Lengths) -> Lengths:
        """Return the input's spatial size with padding."""
        return tuple(n + a + b for n, (a, b) in zip(size, self.padding, strict=True))


def _channels(x: Array, groups: int) -> Array:
    """(N, channels, *size) as (groups, channels / groups, *size · N): samples last."""
    places = math.prod(x.shape[2:]) * x.shape[0]
    return np.moveaxis(x, 0, -1).reshape(groups, x.shape[1] // groups, places)


def _rows(W: Array, groups: int) -> Array:
    """A weight as one matrix per group: (G, out / G, C / G · |kernel|)."""
    return W.reshape(groups, W.shape[0] // groups, math.prod(W.shape[1:]))


def _unpadded(x: Array, geometry: Geometry) -> Array:
    sides = zip(x.shape[2:], geometry.padding, strict=True)
    inner: Any = (..., *(slice(a, n - b) for n, (a, b) in sides))
    view: Array = x[inner]
    return view


def _columns(x: Array, kernel: Lengths, geometry: Geometry, counts: Lengths) -> Array:
    """All windows as the columns of one matrix per group: (G, C / G · |kernel|, windows · N)."""
    padded = zeros_samples_last((*x.shape[:2], *geometry.padded(x.shape[2:])), x.dtype)
    _unpadded(padded, geometry)[...] = x
    windows = view_windows(padded, kernel, geometry.stride, geometry.dilation)
    n = len(kernel)
    windows = windows[(slice(None), slice(None), *map(slice, counts))]
    order = (1, *range(2 + n, 2 + 2 * n), *range(2, 2 + n), 0)
    rows = x.shape[1] // geometry.groups * math.prod(kernel)
    return windows.transpose(order).reshape(geometry.groups, rows, math.prod(counts) * x.shape[0])


def _from_channels(z: Array, channels: int, size: Lengths, n: int) -> Array:
    return np.moveaxis(z.reshape(channels, *size, n), -1, 0)


def _check(x: Lengths, W: Lengths, geometry: Geometry) -> None:
    """Raise unless a convolution by W can read x."""
    n, groups = len(geometry.stride), geometry.groups
    axes = "length" if n == 1 else "height, width"
    if len(x) != n + 2 or len(W) != n + 2:
        raise ValueError(
            f"the input must be (batch, channels, {axes}) and the weight have as many axes; "
            f"they are {x} and {W}"
        )
    if W[1] * groups != x[1]:
        raise ValueError(
            f"with groups={groups} the weight {W} reads {W[1] * groups} channels, "
            f"and the input {x} has {x[1]}"
        )
    _check_groups(W, groups)


def _check_groups(W: Lengths, groups: int) -> None:
    if W[0] % groups:
        raise ValueError(f"the first axis of the weight {W} does not divide into {groups} groups")


def _conv(x: Array, W: Array, *, geometry: Geometry) -> Array:
    _check(x.shape, W.shape, geometry)
    kernel, groups = W.shape[2:], geometry.groups
    counts = count(geometry.padded(x.shape[2:]), kernel, geometry.stride, geometry.dilation)
    z = _rows(W, groups) @ _columns(x, kernel, geometry, counts)
    return _from_channels(z, W.shape[0], counts, x.shape[0])


def _conv_transpose(y: Array, W: Array, *, size: Lengths, geometry: Geometry) -> Array:
    groups, kernel = geometry.groups, W.shape[2:]
    if y.shape[1] != W.shape[0]:
        raise ValueError(
            f"the weight {W.shape} reads {W.shape[0]} channels, and the input {y.shape} has "
            f"{y.shape[1]}"
        )
    _check_groups(W.shape, groups)
    columns = _rows(W, groups).transpose(0, 2, 1) @ _channels(y, groups)
    n, channels = len(kernel), W.shape[1] * groups
    windows = columns.reshape(channels, *kernel, *y.shape[2:], y.shape[0])
    shape = (y.shape[0], channels, *geometry.padded(size))
    out = zeros_samples_last(shape, columns.dtype)
    order = (2 * n + 1, 0, *range(n + 1, 2 * n + 1), *range(1, n + 1))
    add_windows(out, windows.transpose(order), geometry.stride, geometry.dilation)
    return _unpadded(out, geometry)


def _conv_weight(x: Array, y: Array, *, kernel: Lengths, geometry: Geometry) -> Array:
    groups = geometry.groups
    columns = _columns(x, kernel, geometry, y.shape[2:])
    W = _channels(y, groups) @ columns.transpose(0, 2, 1)
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
    s, d = per_axis("stride", stride, n, 1), per_axis("dilation", dilation, n, 1)
    if padding == "same":
        if any(step != 1 for step in s):
            raise ValueError(f'padding="same" keeps the size with stride 1 only; got {stride!r}')
        around = [d * (k - 1) for d, k in zip(d, W.shape[-n:], strict=True)]
        pads = tuple((total // 2, total - total // 2) for total in around)
    elif isinstance(padding, str) and padding != "valid":
        raise ValueError(f'padding must be a number, "same" or "valid"; got {padding!r}')
    else:
        each = 0 if isinstance(padding, str) else padding
        pads = tuple((p, p) for p in per_axis("padding", each, n, 0))
    (groups,) = per_axis("groups", groups, 1, 1)
    return _biased(conv(x, W, geometry=Geometry(s, pads, d, groups)), b)


def _transposed(
    n: int, x: Any, W: Any, b: Any, stride: Size, padding: Size, output_padding: Size,
    groups: int, dilation: Size,
) -> Any:  # fmt: skip
    x, W = as_array(x), as_array(W)
    s, d = per_axis("stride", stride, n, 1), per_axis("dilation", dilation, n, 1)
    p, extra = per_axis("padding", padding, n, 0), per_axis("output_padding", output_padding, n, 0)
    (groups,) = per_axis("groups", groups, 1, 1)
    if any(e >= max(a, b) for e, a, b in zip(extra, s, d, strict=True)):
        raise ValueError(
            f"output_padding {extra} must be less than the larger of stride {s} and dilation {d}"
        )
    if x.ndim != n + 2 or W.ndim != n + 2:
        raise ValueError(
            f"conv_transpose{n}d takes an input and a weight of {n + 2} axes; "
            f"got {x.shape} and {W.shape}"
        )
    size = tuple(
        (x.shape[2 + i] - 1) * s[i] - 2 * p[i] + d[i] * (W.shape[2 + i] - 1) + extra[i] + 1
        for i in range(n)
    )
    if min(size) < 1:
        raise ValueError(
            f"padding {p} cuts everything off: an input {x.shape} and a kernel {W.shape[2:]} "
            f"would give an output of {size}"
        )
    geometry = Geometry(s, tuple((a, a) for a in p), d, groups)
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
