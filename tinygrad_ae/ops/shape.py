"""Operations that move elements and compute nothing: shapes, joins, indexing.

The gradient of a move is the move back.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .op import Array, Op, Rule, as_array

__all__ = [
    "broadcast_to", "concatenate", "copy", "diagonal", "expand_dims", "flip", "gather", "getitem",
    "identity", "moveaxis", "pad", "repeat", "reshape", "roll", "scatter", "scatter_add", "setitem",
    "split", "squeeze", "stack", "swapaxes", "take", "tile", "transpose", "tril", "triu",
]  # fmt: skip

Axis = int | Sequence[int] | None


def ints(value: Any) -> tuple[int, ...]:
    """Return one whole number, or several, of Python's or NumPy's, as a tuple.

    Raises:
        TypeError: it is anything else.
    """
    try:
        return (operator.index(value),)
    except TypeError:
        pass
    try:
        return tuple(map(operator.index, value))
    except TypeError:
        raise TypeError(f"it takes whole numbers here; got {value!r}") from None


def one_int(value: Any) -> int:
    """Return one whole number of Python's or NumPy's.

    Raises:
        TypeError: it is anything else.
    """
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"it takes one whole number here; got {value!r}") from None


def axes_of(x: Any, axis: Axis) -> tuple[int, ...]:
    """Return ``axis`` as a sorted tuple of non-negative axes of ``x``; None means all.

    A number has no axes, but 0 and -1 stand for all of them, as in NumPy.

    Raises:
        IndexError: an axis is out of range or given twice.
    """
    n = len(np.shape(x)) if isinstance(x, (list, tuple)) else x.ndim
    if axis is None or (n == 0 and axis in (0, -1)):
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
    axes = axes_of(x, one_int(axis))
    if not axes:
        raise IndexError(f"axis {axis} is out of range for shape ()")
    return axes[0]


def _move(
    name: str, forward: Callable[..., Any], *rules: Rule, tex: str | None = None, views: bool = True
) -> Op:
    return Op(name, forward, *rules, tex=tex, flops=lambda *shapes: 0, views=views)


def _broadcast(x: Array, shape: tuple[int, ...]) -> Array:
    try:
        return np.broadcast_to(x, shape)
    except ValueError as error:
        raise ValueError(
            f"it cannot be repeated to {shape}: counted from the last, each axis must have its "
            "length there, or length 1"
        ) from error


def _reshaped(x: Any, shape: tuple[int, ...]) -> Any:
    try:
        return np.reshape(x, shape)
    except ValueError as error:
        n, given = np.size(x), math.prod(length for length in shape if length != -1)
        why = f"which has {given}"
        if -1 in shape:
            why = f"as {n} is no multiple of {given}" if given else "which has 0"
        if shape.count(-1) > 1:
            why = "of which one length may be -1"
        raise ValueError(f"its {n} elements do not fill the shape {shape}, {why}") from error


# fmt: off
identity = _move("identity", lambda x: x[...], lambda g: g, tex="{0}")
copy = _move("copy", lambda x: x.copy(), lambda g: g, tex="{0}", views=False)
_reshape = _move("reshape", lambda x, *, shape: _reshaped(x, shape),
                 lambda g, x_shape: g.reshape(x_shape))
# The engine sums a gradient over broadcast axes: that is the whole rule.
_broadcast_to = _move("broadcast_to", lambda x, *, shape: _broadcast(x, shape),
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
    """Repeat along new or length-1 axes, as NumPy's broadcasting would.

    Raises:
        ValueError: another axis has not the length it is to have.
    """
    x, shape = as_array(x), ints(shape)
    return x if x.shape == shape else _broadcast_to(x, shape=shape)


def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    """Permute the axes; reversed by default.

    Raises:
        IndexError: an axis is out of range.
        ValueError: not every axis is named once.
    """
    x = as_array(x)
    if axes is None:
        return _transpose(x, axes=tuple(range(x.ndim))[::-1])
    order = tuple(axis_of(x, a) for a in ints(axes))
    if len(set(order)) < x.ndim or len(order) > x.ndim:
        raise ValueError(f"it takes each of the {x.ndim} axes once; got {ints(axes)}")
    return _transpose(x, axes=order)


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
    sources, places = ([axis_of(x, a) for a in ints(side)] for side in (source, destination))
    if len({*sources}) < len(sources) or len({*places}) < len(places):
        raise ValueError(f"an axis is named twice in {source} to {destination}")
    if len(sources) != len(places):
        raise ValueError(
            f"each axis moves to one position; got {len(sources)} axes {source} and "
            f"{len(places)} positions {destination}"
        )
    moved = dict(zip(places, sources, strict=True))
    others = iter(a for a in range(x.ndim) if a not in sources)
    return transpose(x, [moved[k] if k in moved else next(others) for k in range(x.ndim)])


def flip(x: Any, axis: Axis = None) -> Any:
    """Reverse the order along ``axis`` (all axes by default)."""
    return _flip(x, axis=axes_of(x, axis))


def roll(x: Any, shift: int | Sequence[int], axis: Axis = None) -> Any:
    """Shift elements along ``axis``, those pushed off the end coming back at the start."""
    if axis is None:
        return reshape(roll(reshape(x, -1), shift, 0), np.shape(x))
    shifts, axes = ints(shift), tuple(axis_of(x, a) for a in ints(axis))
    if len(shifts) == 1:
        shifts *= len(axes)
    if len(shifts) != len(axes):
        raise ValueError(f"each axis has its shift; got {len(shifts)} for {len(axes)} axes")
    return _roll(x, shift=shifts, axis=axes)


def expand_dims(x: Any, axis: int | Sequence[int]) -> Any:
    """Insert axes of length 1 at the given positions of the result."""
    new, shape = ints(axis), np.shape(x)
    n = len(shape) + len(new)
    if any(not -n <= a < n for a in new) or len({a % n for a in new}) < len(new):
        raise IndexError(
            f"a result of {n} axes has the positions {-n} to {n - 1}, each once; got axis {axis}"
        )
    places, lengths = {a % n for a in new}, iter(shape)
    return reshape(x, tuple(1 if k in places else next(lengths) for k in range(n)))


def squeeze(x: Any, axis: Axis = None) -> Any:
    """Remove axes of length 1 (all of them by default)."""
    shape = np.shape(x)
    axes = [k for k, n in enumerate(shape) if n == 1] if axis is None else axes_of(x, axis)
    if any(shape[k] != 1 for k in axes):
        raise ValueError(
            f"only axes of length 1 can be removed, and axis {axis} of shape {shape} is longer. To "
            "take one of its elements, index it: x[0]"
        )
    return reshape(x, tuple(n for k, n in enumerate(shape) if k not in axes))


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
        ValueError: nothing is given, or shapes that differ along another axis.
    """
    if not len(xs):
        raise ValueError("concatenate needs at least one array")
    axis = axis_of(xs[0], axis)
    shapes = [np.shape(x) for x in xs]
    if len({(len(shape), shape[:axis], shape[axis + 1 :]) for shape in shapes}) > 1:
        raise ValueError(
            f"the shapes may differ along axis {axis} only; got {', '.join(map(str, shapes))}"
        )
    cuts = (0, *itertools.accumulate(shape[axis] for shape in shapes))
    return _concatenate(*xs, axis=axis, cuts=cuts)


def stack(xs: Sequence[Any], axis: int = 0) -> Any:
    """Join along a new axis.

    Raises:
        ValueError: nothing is given, or arrays of several shapes.
    """
    shapes = dict.fromkeys(map(np.shape, xs))
    if not shapes:
        raise ValueError("stack needs at least one array")
    if len(shapes) > 1:
        raise ValueError(f"it takes arrays of one shape; got {', '.join(map(str, shapes))}")
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
    if axis is None or not axes_of(x, one_int(axis)):
        x, axis = reshape(x, -1), 0
    return as_array(x)[(slice(None),) * axis_of(x, axis) + (as_array(indices),)]


def _along(index: Array, axis: int) -> tuple[Array, ...]:
    grids = list(np.ogrid[tuple(slice(n) for n in index.shape)])
    grids[axis] = index
    return tuple(grids)


def gather(x: Any, axis: int, index: Any) -> Any:
    """Pick along ``axis`` by an integer array of the result's shape, as ``torch.gather``.

    Args:
        x: of any shape.
        axis: along which ``index`` counts.
        index: whole numbers, with as many axes as ``x``, none of them longer than x's but ``axis``.

    Raises:
        ValueError: an index of another number of axes, or longer ones.
        TypeError: an index that holds no whole numbers.
        IndexError: an index out of range.
    """
    x, index = as_array(x), as_array(index)
    return x[_along(index, _places(x, axis, index))]


def scatter_add(x: Any, axis: int, index: Any, source: Any) -> Any:
    """Add ``source`` to ``x`` at the places :func:`gather` would read, as ``torch.scatter_add``.

    Args:
        x: of any shape.
        axis: along which ``index`` counts.
        index: as for :func:`gather`.
        source: what is added, at least as long as ``index`` along each axis; the rest is left out.

    Raises:
        ValueError: an index or a source of other axes than ``x``.
        TypeError: an index that holds no whole numbers.
        IndexError: an index out of range.
    """
    x, index, source = as_array(x), as_array(index), as_array(source)
    axis = _places(x, axis, index)
    if source.ndim != x.ndim or any(n > m for n, m in zip(index.shape, source.shape, strict=True)):
        raise ValueError(
            f"the source must be at least as long as the index along each axis; got {source.shape} "
            f"for {index.shape}"
        )
    if source.shape != index.shape:
        source = source[tuple(slice(n) for n in index.shape)]
    return x + scatter(source, index=_along(index, axis), shape=x.shape)


def _places(x: Any, axis: int, index: Any) -> int:
    """Return the axis along which an index of x's places counts, having checked that it fits."""
    if index.dtype.kind not in "iu":
        raise TypeError(f"the index must hold whole numbers; got {index.dtype}")
    axis = axis_of(x, axis)
    if index.ndim != x.ndim or any(k != axis and n > x.shape[k] for k, n in enumerate(index.shape)):
        raise ValueError(
            f"the index must have the {x.ndim} axes of {x.shape}, none longer but axis {axis}; got "
            f"shape {index.shape}"
        )
    return axis


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
        return _pad(x, pad_width=_widths(x.ndim, pad_width), value=constant_values)
    if mode not in ("edge", "reflect", "symmetric", "wrap"):
        raise ValueError(f"pad: mode {mode!r}; use constant, edge, reflect, symmetric or wrap")
    positions = np.arange(math.prod(x.shape)).reshape(x.shape)
    widths = _widths(x.ndim, pad_width)
    if any(n == 0 and max(pair) > 0 for n, pair in zip(x.shape, widths, strict=True)):
        raise ValueError(f"an axis of shape {x.shape} has no elements to copy; use mode constant")
    return take(x, np.pad(positions, widths, mode=mode))  # type: ignore[call-overload]


def _widths(ndim: int, pad_width: PadWidth) -> tuple[tuple[int, int], ...]:
    """Return how many elements to add before and after each axis."""
    given = np.asarray(pad_width)
    if given.dtype.kind not in "iu" or given.shape not in ((), (1,), (2,), (1, 2), (ndim, 2)):
        raise ValueError(
            "pad_width is a whole number, a pair (before, after), or one pair for each of the "
            f"{ndim} axes; got {pad_width}"
        )
    if (given < 0).any():
        raise ValueError(f"pad_width cannot be negative; got {pad_width}. To cut, index: x[1:-1]")
    return tuple((int(a), int(b)) for a, b in np.broadcast_to(given, (ndim, 2)))


def _unpadded(g: Any, x_shape: tuple[int, ...], pad_width: Sequence[tuple[int, int]]) -> Any:
    return g[tuple(slice(a, a + n) for (a, _), n in zip(pad_width, x_shape, strict=True))]


# fmt: off
_pad = _move("pad", lambda x, *, pad_width, value: np.pad(x, pad_width, constant_values=value),
             _unpadded, views=False)
# fmt: on


def repeat(x: Any, repeats: int | Sequence[int], axis: int | None = None) -> Any:
    """Repeat each element (of the flattened array by default), as ``np.repeat``.

    Raises:
        ValueError: a negative number of times, or neither one number nor one for each element.
    """
    if axis is None or not axes_of(x, one_int(axis)):
        return repeat(reshape(x, -1), repeats, 0)
    n, times = np.shape(x)[axis_of(x, axis)], ints(repeats)
    if len(times) not in (1, n) or min(times, default=0) < 0:
        raise ValueError(
            f"repeats is a whole number from 0, or one for each of the {n} elements; got {repeats}"
        )
    return take(x, np.repeat(np.arange(n), times), axis)


def tile(x: Any, reps: int | Sequence[int]) -> Any:
    """Repeat the whole array ``reps`` times along each axis, as ``np.tile``."""
    x, times = as_array(x), ints(reps)
    if min(times, default=0) < 0:
        raise ValueError(f"reps cannot be negative; got {reps}")
    n = max(len(times), x.ndim)
    times, shape = (1,) * (n - len(times)) + times, (1,) * (n - x.ndim) + x.shape
    rows = reshape(x, [m for s in shape for m in (1, s)])
    pairs = [m for pair in zip(times, shape, strict=True) for m in pair]
    return reshape(broadcast_to(rows, pairs), np.multiply(times, shape))


def tril(x: Any, k: int = 0) -> Any:
    """Lower triangle of the last two axes: elements above diagonal ``k`` become 0.

    A vector is each row of a square matrix, as in NumPy.

    Raises:
        ValueError: ``x`` has no axes.
    """
    x = as_array(x)
    return np.where(_below(x, k), x, x.dtype.type(0))


def triu(x: Any, k: int = 0) -> Any:
    """Upper triangle of the last two axes: elements below diagonal ``k`` become 0.

    A vector is each row of a square matrix, as in NumPy.

    Raises:
        ValueError: ``x`` has no axes.
    """
    x = as_array(x)
    return np.where(_below(x, k - 1), x.dtype.type(0), x)


def _below(x: Any, k: int) -> Array:
    """Return where the last two axes are on diagonal ``k`` or below it."""
    if not x.ndim:
        raise ValueError("a number has no triangle; it takes a vector or matrices")
    return np.tri(x.shape[-2:][0], x.shape[-1], one_int(k), dtype=bool)


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Diagonal of two axes, which move to the end as one, as ``np.diagonal``.

    Raises:
        ValueError: ``x`` has fewer than two axes, or both are the same.
    """
    x = as_array(x)
    if x.ndim < 2 or axis_of(x, axis1) == axis_of(x, axis2):
        raise ValueError(
            f"a diagonal has two axes; got axis {axis1} and axis {axis2} of shape {x.shape}"
        )
    x = moveaxis(x, (axis1, axis2), (-2, -1))
    rows, columns = x.shape[-2:]
    i = np.arange(max(0, -offset), max(0, -offset, min(rows, columns - offset)))
    return getitem(x, index=(..., i, i + offset))
