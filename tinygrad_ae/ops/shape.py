"""Operations that move elements and compute nothing: shapes, joins, indexing.

The gradient of a move is the move back.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Sequence
from types import EllipsisType
from typing import Any

import numpy as np

from .op import Array, Op, Rule, as_array

__all__ = [
    "broadcast_to", "concatenate", "diagonal", "expand_dims", "flip", "gather", "getitem",
    "identity", "moveaxis", "pad", "repeat", "reshape", "roll", "scatter", "scatter_add", "setitem",
    "split", "squeeze", "stack", "swapaxes", "take", "tile", "transpose", "tril", "triu",
]  # fmt: skip

Axis = int | Sequence[int] | None


def ints(value: Any) -> tuple[int, ...]:
    """Return one whole number, or several, of Python's or NumPy's, as a tuple."""
    try:
        return (operator.index(value),)
    except TypeError:
        return tuple(map(operator.index, value))


def axes_of(x: Any, axis: Axis) -> tuple[int, ...]:
    """Return ``axis`` as a sorted tuple of non-negative axes of ``x``; None means all.

    Raises:
        IndexError: an axis is out of range or given twice.
    """
    n = len(np.shape(x)) if isinstance(x, (list, tuple)) else x.ndim
    if axis is None:
        return tuple(range(n))
    given = ints(axis)
    if any(not -n <= a < n for a in given):
        raise IndexError(f"axis {axis} is out of range for shape {np.shape(x)}")
    axes = tuple(sorted(a % n for a in given))
    if len(set(axes)) < len(axes):
        raise IndexError(f"axis {axis} names an axis of shape {np.shape(x)} twice")
    return axes


def axis_of(x: Any, axis: int) -> int:
    """Return ``axis`` as a non-negative axis of ``x``.

    Raises:
        IndexError: it is out of range.
        TypeError: it is not one whole number.
    """
    return axes_of(x, operator.index(axis))[0]


def _move(
    name: str, forward: Callable[..., Any], *rules: Rule, tex: str | None = None, views: bool = True
) -> Op:
    return Op(name, forward, *rules, tex=tex, flops=lambda *shapes: 0, views=views)


# fmt: off
identity = _move("identity", lambda x: x[...], lambda g: g, tex="{0}")
_reshape = _move("reshape", lambda x, *, shape: np.reshape(x, shape),
                 lambda g, x_shape: g.reshape(x_shape))
# The engine sums a gradient over broadcast axes: that is the whole rule.
_broadcast_to = _move("broadcast_to", lambda x, *, shape: np.broadcast_to(x, shape),
                      lambda g: g, tex=r"\operatorname{{broadcast}}({0})")
_transpose = _move("transpose", lambda x, *, axes: np.transpose(x, axes),
                   lambda g, axes: np.transpose(g, tuple(np.argsort(axes).tolist())),
                   tex=r"{0}^\top")
_flip = _move("flip", lambda x, *, axis: np.flip(x, axis), lambda g, axis: flip(g, axis))
_roll = _move("roll", lambda x, *, shift, axis: np.roll(x, shift, axis),
              lambda g, shift, axis: roll(g, tuple(-s for s in shift), axis), views=False)
# fmt: on


def reshape(x: Any, shape: int | Sequence[int]) -> Any:
    """Same elements in row-major order, another shape; one length may be -1."""
    return _reshape(x, shape=ints(shape))


def broadcast_to(x: Any, shape: int | Sequence[int]) -> Any:
    """Repeat along new or length-1 axes, as NumPy's broadcasting would."""
    x, shape = as_array(x), ints(shape)
    return x if x.shape == shape else _broadcast_to(x, shape=shape)


def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    """Permute the axes; reversed by default.

    Raises:
        IndexError: an axis is out of range.
    """
    x = as_array(x)
    if axes is None:
        return _transpose(x, axes=tuple(range(x.ndim))[::-1])
    return _transpose(x, axes=tuple(axis_of(x, a) for a in axes))


def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Exchange two axes.

    Raises:
        IndexError: an axis is out of range.
    """
    x = as_array(x)
    axes, i, j = list(range(x.ndim)), axis_of(x, axis1), axis_of(x, axis2)
    axes[i], axes[j] = j, i
    return transpose(x, axes)


def moveaxis(x: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Any:
    """Move axes to new positions, the others keeping their order."""
    x = as_array(x)
    labels = np.empty(range(x.ndim), dtype=bool)  # an axis of length i stands for axis i
    return transpose(x, np.moveaxis(labels, source, destination).shape)


def flip(x: Any, axis: Axis = None) -> Any:
    """Reverse the order along ``axis`` (all axes by default)."""
    return _flip(x, axis=axes_of(x, axis))


def roll(x: Any, shift: int | Sequence[int], axis: Axis = None) -> Any:
    """Shift elements along ``axis``, those pushed off the end coming back at the start."""
    if axis is None:
        return reshape(roll(reshape(x, -1), shift, 0), np.shape(x))
    shifts, axes = ints(shift), ints(axis)
    return _roll(x, shift=shifts * (len(axes) if len(shifts) == 1 else 1), axis=axes)


def expand_dims(x: Any, axis: int | Sequence[int]) -> Any:
    """Insert axes of length 1 at the given positions of the result."""
    return reshape(x, np.expand_dims(np.empty(np.shape(x), dtype=bool), ints(axis)).shape)


def squeeze(x: Any, axis: Axis = None) -> Any:
    """Remove axes of length 1 (all of them by default)."""
    axes = None if axis is None else ints(axis)
    return reshape(x, np.squeeze(np.empty(np.shape(x), dtype=bool), axes).shape)


# ---- joining and parting


# fmt: off
_concatenate = _move("concatenate", lambda *xs, axis, cuts: np.concatenate(xs, axis),
                     lambda g, i, axis, cuts: _part(g, axis, cuts[i], cuts[i + 1]),
                     tex=r"\left[{args}\right]", views=False)
# fmt: on


def _part(x: Any, axis: int, start: int, stop: int) -> Any:
    return x[(slice(None),) * axis + (slice(start, stop),)]


def concatenate(xs: Sequence[Any], axis: int = 0) -> Any:
    """Join along an existing axis.

    Raises:
        ValueError: nothing is given.
    """
    if not len(xs):
        raise ValueError("concatenate needs at least one array")
    axis = axis_of(xs[0], axis)
    cuts = (0, *itertools.accumulate(np.shape(x)[axis] if axis < np.ndim(x) else 0 for x in xs))
    return _concatenate(*xs, axis=axis, cuts=cuts)


def stack(xs: Sequence[Any], axis: int = 0) -> Any:
    """Join along a new axis."""
    return concatenate([expand_dims(x, axis) for x in xs], axis)


def split(x: Any, sections: int | Sequence[int], axis: int = 0) -> list[Any]:
    """Cut into equal ``sections``, or at the given positions, along ``axis``.

    Raises:
        ValueError: a number of sections that does not divide the length.
        IndexError: ``axis`` is out of range.
    """
    x, axis = as_array(x), axis_of(x, axis)
    n = x.shape[axis]
    if np.ndim(sections) == 0:
        (count,) = ints(sections)
        if count < 1 or n % count:
            raise ValueError(f"cannot cut an axis of length {n} into {count} equal sections")
        cuts = [k * (n // count) for k in range(count + 1)]
    else:
        cuts = [0, *ints(sections), n]
    return [_part(x, axis, start, stop) for start, stop in itertools.pairwise(cuts)]


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


# fmt: off
getitem = _move("getitem", lambda x, *, index: x[index],
                lambda g, x_shape, index: scatter(g, index=index, shape=x_shape),
                tex=r"{0}[\cdot]")
scatter: Op = Op("scatter", _scatter, lambda g, index: getitem(g, index=index))
# x with x[index] replaced by y.
setitem: Op = _move("setitem", lambda x, y, *, index: _replaced(x, y, index),
                    lambda g, index: setitem(g, 0, index=index),
                    lambda g, x_shape, index: _kept(getitem(g, index=index), x_shape, index),
                    tex=r"\operatorname{{set}}({0}, {1})", views=False)
# fmt: on


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
        x, axis = reshape(x, -1), 0
    return as_array(x)[(slice(None),) * axis_of(x, axis) + (as_array(indices),)]


def _along(index: Array, axis: int) -> tuple[Array, ...]:
    grids = list(np.ogrid[tuple(slice(n) for n in index.shape)])
    grids[axis] = index
    return tuple(grids)


def gather(x: Any, axis: int, index: Any) -> Any:
    """Pick along ``axis`` by an integer array of the result's shape, as ``torch.gather``."""
    return as_array(x)[_along(as_array(index), axis_of(x, axis))]


def scatter_add(x: Any, axis: int, index: Any, source: Any) -> Any:
    """Add ``source`` to ``x`` at the places :func:`gather` would read, as ``torch.scatter_add``."""
    x, index, source = as_array(x), as_array(index), as_array(source)
    if source.shape != index.shape:
        source = source[tuple(slice(n) for n in index.shape)]
    return x + scatter(source, index=_along(index, axis_of(x, axis)), shape=x.shape)


# ---- padding and repeating

PadWidth = int | tuple[int, int] | Sequence[tuple[int, int]]


def pad(x: Any, pad_width: PadWidth, mode: str = "constant", constant_values: float = 0) -> Any:
    """Add elements before and after each axis, as ``np.pad``.

    ``mode`` is ``"constant"``, or any mode of ``np.pad`` that copies elements:
    ``"edge"``, ``"reflect"``, ``"symmetric"``, ``"wrap"``.

    Raises:
        ValueError: another mode.
    """
    x = as_array(x)
    if mode == "constant":
        widths = np.broadcast_to(np.asarray(pad_width, dtype=int), (x.ndim, 2))
        pairs = tuple((int(a), int(b)) for a, b in widths)
        return _pad(x, pad_width=pairs, value=constant_values)
    if mode not in ("edge", "reflect", "symmetric", "wrap"):
        raise ValueError(f"pad: mode {mode!r}; use constant, edge, reflect, symmetric or wrap")
    positions = np.arange(int(np.prod(x.shape))).reshape(x.shape)
    return take(x, np.pad(positions, pad_width, mode=mode))  # type: ignore[call-overload]


def _unpadded(g: Any, x_shape: tuple[int, ...], pad_width: Sequence[tuple[int, int]]) -> Any:
    return g[tuple(slice(a, a + n) for (a, _), n in zip(pad_width, x_shape, strict=True))]


# fmt: off
_pad = _move("pad", lambda x, *, pad_width, value: np.pad(x, pad_width, constant_values=value),
             _unpadded, views=False)
# fmt: on


def repeat(x: Any, repeats: int | Sequence[int], axis: int | None = None) -> Any:
    """Repeat each element (of the flattened array by default), as ``np.repeat``."""
    if axis is None:
        return repeat(reshape(x, -1), repeats, 0)
    return take(x, np.repeat(np.arange(np.shape(x)[axis_of(x, axis)]), repeats), axis)


def tile(x: Any, reps: int | Sequence[int]) -> Any:
    """Repeat the whole array ``reps`` times along each axis, as ``np.tile``."""
    x, times = as_array(x), ints(reps)
    n = max(len(times), x.ndim)
    times, shape = (1,) * (n - len(times)) + times, (1,) * (n - x.ndim) + x.shape
    rows = reshape(x, [m for s in shape for m in (1, s)])
    pairs = [m for pair in zip(times, shape, strict=True) for m in pair]
    return reshape(broadcast_to(rows, pairs), np.multiply(times, shape))


def tril(x: Any, k: int = 0) -> Any:
    """Lower triangle of the last two axes: elements above diagonal ``k`` become 0."""
    x = as_array(x)
    return np.where(np.tri(x.shape[-2], x.shape[-1], k, dtype=bool), x, x.dtype.type(0))


def triu(x: Any, k: int = 0) -> Any:
    """Upper triangle of the last two axes: elements below diagonal ``k`` become 0."""
    x = as_array(x)
    return np.where(np.tri(x.shape[-2], x.shape[-1], k - 1, dtype=bool), x.dtype.type(0), x)


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Diagonal of two axes, which move to the end as one, as ``np.diagonal``."""
    x = moveaxis(x, (axis1, axis2), (-2, -1))
    rows, columns = x.shape[-2:]
    i = np.arange(max(0, -offset), max(0, -offset, min(rows, columns - offset)))
    return getitem(x, index=(..., i, i + offset))
