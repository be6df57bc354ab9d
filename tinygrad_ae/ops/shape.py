"""Operations that move elements and compute nothing: shapes, joins, indexing.

The gradient of a move is the move back.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from types import EllipsisType
from typing import Any

import numpy as np

from .op import Array, Op


def _free(out: tuple[int, ...], *shapes: tuple[int, ...]) -> int:
    return 0


identity = Op("identity", lambda x: x[...], lambda g: g, tex="{0}", flops=_free, views=True)
_reshape = Op(
    "reshape",
    lambda x, *, shape: np.reshape(x, shape),
    lambda g, x_shape: g.reshape(x_shape),
    tex=r"\operatorname{{reshape}}({0})",
    flops=_free,
    views=True,
)
_broadcast_to = Op(
    "broadcast_to",
    lambda x, *, shape: np.broadcast_to(x, shape),
    lambda g: g,  # the engine sums a gradient over broadcast axes: that is the whole rule
    tex=r"\operatorname{{broadcast}}({0})",
    flops=_free,
    views=True,
)
_transpose = Op(
    "transpose",
    lambda x, *, axes: np.transpose(x, axes),
    lambda g, axes: np.transpose(g, tuple(int(i) for i in np.argsort(axes))),
    tex=r"{0}^\top",
    flops=_free,
    views=True,
)
_flip = Op(
    "flip",
    lambda x, *, axis: np.flip(x, axis),
    lambda g, axis: flip(g, axis),
    tex=r"\operatorname{{flip}}({0})",
    flops=_free,
    views=True,
)
_roll = Op(
    "roll",
    lambda x, *, shift, axis: np.roll(x, shift, axis),
    lambda g, shift, axis: roll(g, tuple(-s for s in shift), axis),
    tex=r"\operatorname{{roll}}({0})",
    flops=_free,
)


def reshape(x: Any, shape: int | Sequence[int]) -> Any:
    """Same elements in row-major order, another shape; one length may be -1."""
    return _reshape(x, shape=(shape,) if isinstance(shape, int) else tuple(shape))


def broadcast_to(x: Any, shape: Sequence[int]) -> Any:
    """Repeat along new or length-1 axes, as NumPy's broadcasting would."""
    return x if x.shape == tuple(shape) else _broadcast_to(x, shape=tuple(shape))


def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    """Permute the axes; reversed by default."""
    if axes is None:
        return _transpose(x, axes=tuple(range(x.ndim))[::-1])
    return _transpose(x, axes=tuple(a % x.ndim if -x.ndim <= a < x.ndim else a for a in axes))


def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Exchange two axes."""
    axes = list(range(x.ndim))
    axes[axis1], axes[axis2] = axes[axis2], axes[axis1]
    return transpose(x, axes)


def moveaxis(x: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Any:
    """Move axes to new positions, the others keeping their order."""
    labels = np.empty(range(x.ndim), dtype=bool)  # an axis of length i stands for axis i
    return transpose(x, np.moveaxis(labels, source, destination).shape)


def flip(x: Any, axis: int | Sequence[int] | None = None) -> Any:
    """Reverse the order along ``axis`` (all axes by default)."""
    return _flip(x, axis=tuple(axis) if isinstance(axis, Sequence) else axis)


def roll(x: Any, shift: int | Sequence[int], axis: int | Sequence[int] | None = None) -> Any:
    """Shift elements along ``axis``, those pushed off the end coming back at the start."""
    if axis is None:
        return reshape(roll(reshape(x, -1), shift, 0), x.shape)
    shifts = (shift,) if isinstance(shift, int) else tuple(shift)
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    return _roll(x, shift=shifts * (len(axes) if len(shifts) == 1 else 1), axis=axes)


def expand_dims(x: Any, axis: int | Sequence[int]) -> Any:
    """Insert axes of length 1 at the given positions of the result."""
    return reshape(x, np.expand_dims(np.empty(x.shape, dtype=bool), _tuple(axis)).shape)


def squeeze(x: Any, axis: int | Sequence[int] | None = None) -> Any:
    """Remove axes of length 1 (all of them by default)."""
    return reshape(x, np.squeeze(np.empty(x.shape, dtype=bool), _tuple(axis)).shape)


def _tuple(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, Sequence) else axis


# ---- joining and parting


def _concatenate_rule(g: Any, i: int, axis: int, cuts: tuple[int, ...]) -> Any:
    return g[(slice(None),) * axis + (slice(cuts[i], cuts[i + 1]),)]


_concatenate = Op(
    "concatenate",
    lambda *xs, axis, cuts: np.concatenate(xs, axis),
    _concatenate_rule,
    tex=r"\left[{args}\right]",
    flops=_free,
)


def concatenate(xs: Sequence[Any], axis: int = 0) -> Any:
    """Join along an existing axis.

    Raises:
        ValueError: nothing is given.
    """
    if not len(xs):
        raise ValueError("concatenate needs at least one array")
    axis = axis % max(xs[0].ndim, 1) if -xs[0].ndim <= axis else axis
    cuts = (0, *itertools.accumulate(np.shape(x)[axis] if axis < np.ndim(x) else 0 for x in xs))
    return _concatenate(*xs, axis=axis, cuts=cuts)


def stack(xs: Sequence[Any], axis: int = 0) -> Any:
    """Join along a new axis."""
    return concatenate([expand_dims(x, axis) for x in xs], axis)


def split(x: Any, sections: int | Sequence[int], axis: int = 0) -> list[Any]:
    """Cut into equal ``sections``, or at the given positions, along ``axis``.

    Raises:
        ValueError: a number of sections that does not divide the length.
    """
    axis %= x.ndim
    n = x.shape[axis]
    if isinstance(sections, int):
        if n % sections:
            raise ValueError(f"cannot cut an axis of length {n} into {sections} equal sections")
        cuts = list(range(0, n + 1, n // sections))
    else:
        cuts = [0, *sections, n]
    lead = (slice(None),) * axis
    return [x[(*lead, slice(a, b))] for a, b in itertools.pairwise(cuts)]


# ---- indexing

Index = int | slice | EllipsisType | None | Array | Sequence[Any] | tuple[Any, ...]


def _is_basic(index: Any) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return all(p is None or p is ... or isinstance(p, (int, np.integer, slice)) for p in parts)


def _scatter(x: Any, *, index: Any, shape: tuple[int, ...]) -> Array:
    out = np.zeros(shape, x.dtype)
    if _is_basic(index):
        out[index] = x
    else:
        np.add.at(out, index, x)  # an element taken twice receives both gradients
    return out


getitem = Op(
    "getitem",
    lambda x, *, index: x[index],
    lambda g, x_shape, index: scatter(g, index=index, shape=x_shape),
    tex=r"{0}[\cdot]",
    flops=_free,
    views=True,
)
scatter: Op = Op(
    "scatter",
    _scatter,
    lambda g, index: getitem(g, index=index),
    tex=r"\operatorname{{scatter}}({0})",
)
# x with x[index] replaced by y.
setitem: Op = Op(
    "setitem",
    lambda x, y, *, index: _replaced(x, y, index),
    lambda g, index: setitem(g, 0, index=index),
    lambda g, x_shape, index: _kept(getitem(g, index=index), x_shape, index),
    tex=r"\operatorname{{set}}({0}, {1})",
    flops=_free,
)


def _kept(g: Any, shape: tuple[int, ...], index: Any) -> Any:
    """Where an element is assigned twice the last value stays: only that one has a gradient."""
    if _is_basic(index):
        return g
    order = np.arange(int(np.prod(g.shape))).reshape(g.shape)
    last = np.zeros(shape, order.dtype)
    last[index] = order
    return g * (last[index] == order)


def _replaced(x: Array, y: Any, index: Any) -> Array:
    out = x.copy()
    out[index] = y
    return out


def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """Elements at ``indices`` along ``axis`` (of the flattened array by default)."""
    if axis is None:
        return getitem(reshape(x, -1), index=np.asarray(indices))
    return getitem(x, index=(slice(None),) * (axis % x.ndim) + (np.asarray(indices),))


def _along(index: Array, axis: int) -> tuple[Array, ...]:
    grids = list(np.ogrid[tuple(slice(n) for n in index.shape)])
    grids[axis] = index
    return tuple(grids)


def gather(x: Any, axis: int, index: Any) -> Any:
    """Pick along ``axis`` by an integer array of the result's shape, as ``torch.gather``."""
    return getitem(x, index=_along(np.asarray(index), axis % x.ndim))


def scatter_add(x: Any, axis: int, index: Any, source: Any) -> Any:
    """Add ``source`` to ``x`` at the places :func:`gather` would read, as ``torch.scatter_add``."""
    index = np.asarray(index)
    if source.shape != index.shape:
        source = source[tuple(slice(n) for n in index.shape)]
    return x + scatter(source, index=_along(index, axis % x.ndim), shape=x.shape)


# ---- padding and repeating

PadWidth = int | tuple[int, int] | Sequence[tuple[int, int]]


def pad(x: Any, pad_width: PadWidth, mode: str = "constant", constant_values: float = 0) -> Any:
    """Add elements before and after each axis, as ``np.pad``.

    ``mode`` is ``"constant"``, or any mode of ``np.pad`` that copies elements:
    ``"edge"``, ``"reflect"``, ``"symmetric"``, ``"wrap"``.

    Raises:
        ValueError: another mode.
    """
    if mode == "constant":
        widths = np.broadcast_to(np.asarray(pad_width, dtype=int), (x.ndim, 2))
        pairs = tuple((int(a), int(b)) for a, b in widths)
        return _pad(x, pad_width=pairs, value=constant_values)
    if mode not in ("edge", "reflect", "symmetric", "wrap"):
        raise ValueError(f"pad: mode {mode!r}; use constant, edge, reflect, symmetric or wrap")
    positions = np.arange(int(np.prod(x.shape))).reshape(x.shape)
    return take(x, np.pad(positions, pad_width, mode=mode))  # type: ignore[call-overload]


_pad = Op(
    "pad",
    lambda x, *, pad_width, value: np.pad(x, pad_width, constant_values=value),
    lambda g, x_shape, pad_width: g[
        tuple(slice(a, a + n) for (a, _), n in zip(pad_width, x_shape, strict=True))
    ],
    tex=r"\operatorname{{pad}}({0})",
    flops=_free,
)


def repeat(x: Any, repeats: int | Sequence[int], axis: int | None = None) -> Any:
    """Repeat each element (of the flattened array by default), as ``np.repeat``."""
    if axis is None:
        return repeat(reshape(x, -1), repeats, 0)
    return take(x, np.repeat(np.arange(x.shape[axis]), repeats), axis)


def tile(x: Any, reps: int | Sequence[int]) -> Any:
    """Repeat the whole array ``reps`` times along each axis, as ``np.tile``."""
    times = (reps,) if isinstance(reps, int) else tuple(reps)
    n = max(len(times), x.ndim)
    times, shape = (1,) * (n - len(times)) + times, (1,) * (n - x.ndim) + x.shape
    pairs = [m for r, s in zip(times, shape, strict=True) for m in (r, s)]
    ones = [m for s in shape for m in (1, s)]
    final = tuple(r * s for r, s in zip(times, shape, strict=True))
    return reshape(broadcast_to(reshape(x, ones), pairs), final)


def tril(x: Any, k: int = 0) -> Any:
    """Lower triangle of the last two axes: elements above diagonal ``k`` become 0."""
    return np.where(np.tri(x.shape[-2], x.shape[-1], k, dtype=bool), x, 0)


def triu(x: Any, k: int = 0) -> Any:
    """Upper triangle of the last two axes: elements below diagonal ``k`` become 0."""
    return np.where(np.tri(x.shape[-2], x.shape[-1], k - 1, dtype=bool), 0, x)


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Diagonal of two axes, which move to the end as one, as ``np.diagonal``."""
    x = moveaxis(x, (axis1, axis2), (-2, -1))
    rows, columns = x.shape[-2:]
    i = np.arange(max(0, -offset), max(0, -offset, min(rows, columns - offset)))
    return getitem(x, index=(..., i, i + offset))
