"""How PyTorch's calls that move, join, pick and place elements become calls of ours."""

from __future__ import annotations

from typing import Any

import numpy as np
from op_db_map import Adapter, ints, row, unless

from tinygrad_ae import Tensor, ops


def _lengths(given: Any) -> tuple[int, ...]:
    return tuple(given[0]) if given and isinstance(given[0], (tuple, list)) else tuple(given)


def _view(x: Any, *shape: Any) -> Any:
    unless(not (shape and isinstance(shape[0], np.dtype)), "reinterpreting memory")
    return x.reshape(_lengths(shape))


def _expand(x: Any, *shape: Any) -> Any:
    wanted = _lengths(shape)
    own = (None,) * (len(wanted) - x.ndim) + x.shape
    return np.broadcast_to(x, [m if n == -1 else n for n, m in zip(wanted, own, strict=True)])


def _squeeze(x: Any, dim: Any = None) -> Any:
    if dim is None:
        return np.squeeze(x)
    given = dim if isinstance(dim, (tuple, list)) else (dim,)
    ones = tuple(d for d in given if x.ndim and x.shape[d] == 1)  # the others are left, there
    return np.squeeze(x, ones) if ones else ops.identity(x)


def _flatten(x: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    x = row(x)
    a, b = start_dim % x.ndim, end_dim % x.ndim
    return x.reshape(*x.shape[:a], int(np.prod(x.shape[a : b + 1])), *x.shape[b + 1 :])


def _unflatten(x: Any, dim: int, sizes: Any) -> Any:
    dim %= x.ndim
    return x.reshape(*x.shape[:dim], *sizes, *x.shape[dim + 1 :])


def _swap(x: Any, dim0: int, dim1: int) -> Any:
    return np.swapaxes(x, dim0, dim1) if x.ndim else ops.identity(x)


def _at_least(n: int) -> Adapter:
    def one(x: Any) -> Any:
        if x.ndim >= n:
            return ops.identity(x)
        if n == 3:
            return x.reshape({0: (1, 1, 1), 1: (1, *x.shape, 1), 2: (*x.shape, 1)}[x.ndim])
        return x.reshape((1,) * (n - x.ndim) + x.shape)

    def adapter(*xs: Any) -> Any:
        if len(xs) == 1 and isinstance(xs[0], (tuple, list)):
            xs = tuple(xs[0])
        return [one(x) for x in xs]

    return adapter


def _rot90(x: Any, k: int = 1, dims: Any = (0, 1)) -> Any:
    a, b = dims
    for _ in range(k % 4):
        x = np.swapaxes(np.flip(x, b), a, b)
    return x


def _repeat(x: Any, *times: Any) -> Any:
    return np.tile(x, _lengths(times))


def _meshgrid(*xs: Any, indexing: str = "ij") -> Any:
    xs = tuple(xs[0]) if isinstance(xs[0], (tuple, list)) else xs
    n = len(xs)
    flat = [row(x) for x in xs]
    sizes = tuple(x.shape[0] for x in flat)
    grids = [
        np.broadcast_to(x.reshape((1,) * i + (-1,) + (1,) * (n - i - 1)), sizes)
        for i, x in enumerate(flat)
    ]
    return [np.swapaxes(g, 0, 1) for g in grids] if indexing == "xy" and n > 1 else grids


def _diagonal(x: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    return np.diagonal(x, offset, dim1, dim2)


def _linalg_diagonal(x: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    return np.diagonal(x, offset, dim1, dim2)


def _diag_embed(x: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    n = x.shape[-1] + abs(offset)
    i = np.arange(x.shape[-1])
    index = (..., i + max(0, -offset), i + max(0, offset))
    square = ops.scatter(x, index=index, shape=(*x.shape[:-1], n, n))
    return np.moveaxis(square, (-2, -1), (dim1, dim2))


def _diag(x: Any, diagonal: int = 0) -> Any:
    return _diag_embed(x, diagonal) if x.ndim == 1 else np.diagonal(x, diagonal)


def _diagonal_scatter(x: Any, y: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    x = np.moveaxis(x, (dim1, dim2), (-2, -1))
    i = np.arange(y.shape[-1])
    index = (..., i + max(0, -offset), i + max(0, offset))
    return np.moveaxis(ops.setitem(x, y, index=index), (-2, -1), (dim1, dim2))


# ---- joining and parting


def _stacked(n: int, axis: int) -> Adapter:
    return lambda xs: np.concatenate(_at_least(n)(xs), axis if xs[0].ndim or n > 1 else 0)


def _hstack(xs: Any) -> Any:
    xs = _at_least(1)(xs)
    return np.concatenate(xs, 0 if xs[0].ndim == 1 else 1)


def _cat(xs: Any, dim: int = 0) -> Any:
    unless(all(x.ndim == xs[0].ndim for x in xs), "empty tensors of another rank are left out")
    return np.concatenate(xs, dim)


def _split(x: Any, size: Any, dim: int = 0) -> Any:
    n = x.shape[dim]
    cuts = np.cumsum(size)[:-1] if isinstance(size, (tuple, list)) else range(size, n, size)
    return np.split(x, [int(c) for c in cuts], dim)


def _chunk(x: Any, chunks: int, dim: int = 0) -> Any:
    return _split(x, -(-x.shape[dim] // chunks), dim)


def _tensor_split(x: Any, where: Any, dim: int = 0) -> Any:
    if isinstance(where, Tensor):
        where = where.tolist()
    if isinstance(where, int):
        parts, left = divmod(x.shape[dim], where)
        sizes = [parts + 1] * left + [parts] * (where - left)
        where = np.cumsum(sizes)[:-1].tolist()
    return np.split(x, list(where), dim)


def _unbind(x: Any, dim: int = 0) -> Any:
    return [part.squeeze(dim) for part in np.split(x, x.shape[dim], dim)]


def _block_diag(*xs: Any) -> Any:
    xs = [x.reshape((1,) * (2 - x.ndim) + x.shape) for x in xs]
    height, width = (sum(x.shape[i] for x in xs) for i in (0, 1))
    rows, above, left = [], 0, 0
    for x in xs:
        rows.append(np.pad(x, ((0, 0), (left, width - left - x.shape[1]))))
        above, left = above + x.shape[0], left + x.shape[1]
    assert above == height
    return np.concatenate(rows, 0)


# ---- picking and placing


def _at(dim: int, ndim: int, index: Any) -> Any:
    return (slice(None),) * (dim % ndim) + (index,)


def _slice(x: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Any:
    return x[_at(dim, x.ndim, slice(start, end, step))]


def _narrow(x: Any, dim: int, start: Any, length: int) -> Any:
    start = int(start)
    start += x.shape[dim] if start < 0 else 0
    return x[_at(dim, x.ndim, slice(start, start + length))]


def _along(x: Any, dim: int, index: Any) -> Any:
    grids = list(np.ogrid[tuple(slice(n) for n in index.shape)])
    grids[dim % max(x.ndim, 1)] = ints(index)
    return tuple(grids)


def _gather(x: Any, dim: int, index: Any, sparse_grad: bool = False) -> Any:
    unless(row(index).ndim == row(x).ndim, "an index of another rank")
    return ops.gather(row(x), dim, row(index)).reshape(index.shape)


def _scatter(x: Any, dim: int, index: Any, source: Any) -> Any:
    index, lone = row(index), row(x)
    unless(np.unique(_places(lone, dim, index)).size == index.size, "writes one place twice")
    if isinstance(source, Tensor):
        source = row(source)[tuple(slice(n) for n in index.shape)]
    return ops.setitem(lone, source, index=_along(lone, dim, index)).reshape(x.shape)


def _places(x: Any, dim: int, index: Any) -> Any:
    return np.arange(x.size).reshape(x.shape)[_along(x, dim, index)]


def _scatter_add(x: Any, dim: int, index: Any, source: Any) -> Any:
    return ops.scatter_add(row(x), dim, row(index), row(source)).reshape(x.shape)


def _take_along(x: Any, index: Any, dim: int | None = None) -> Any:
    if dim is None:
        return ops.take(x, index).reshape(-1)
    shape = list(np.broadcast_shapes(_without(x.shape, dim), _without(index.shape, dim)))
    full, places = list(shape), list(shape)
    full[dim], places[dim] = x.shape[dim], index.shape[dim]
    return ops.gather(np.broadcast_to(x, full), dim, np.broadcast_to(ints(index), places))


def _without(shape: tuple[int, ...], dim: int) -> tuple[int, ...]:
    return tuple(1 if i == dim else n for i, n in enumerate(shape))


def _index_add(x: Any, dim: int, index: Any, source: Any, alpha: float = 1) -> Any:
    lone, source = row(x), row(source)
    added = ops.scatter(source * alpha, index=_at(dim, lone.ndim, ints(index)), shape=lone.shape)
    return (lone + added).reshape(x.shape)


def _index_set(x: Any, dim: int, index: Any, value: Any) -> Any:
    lone = row(x)
    many = isinstance(value, Tensor) and value.ndim == x.ndim
    unless(not many or np.unique(ints(index)).size == index.size, "writes one place twice")
    value = row(value) if many else value
    return ops.setitem(lone, value, index=_at(dim, lone.ndim, ints(index))).reshape(x.shape)


def _index_put(x: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    index = tuple(ints(i) for i in indices)
    if accumulate:
        shaped = np.broadcast_to(values, x[index].shape)
        return x + ops.scatter(shaped, index=index, shape=x.shape)
    return ops.setitem(x, values, index=index)


def _put(x: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    flat, source = x.reshape(-1), source.reshape(-1)
    places = ints(index).reshape(-1)
    if accumulate:
        return (flat + ops.scatter(source, index=places, shape=flat.shape)).reshape(x.shape)
    unless(np.unique(places % max(x.size, 1)).size == places.size, "writes one place twice")
    return ops.setitem(flat, source, index=places).reshape(x.shape)


def _masked_select(x: Any, mask: Any) -> Any:
    shape = np.broadcast_shapes(x.shape, mask.shape)
    return np.broadcast_to(x, shape)[np.broadcast_to(ints(mask), shape)]


def _masked_scatter(x: Any, mask: Any, source: Any) -> Any:
    shape = np.broadcast_shapes(x.shape, mask.shape)
    places = np.broadcast_to(ints(mask), shape)
    taken = source.reshape(-1)[: int(places.sum())]
    return ops.setitem(np.broadcast_to(x, shape), taken, index=places)


def _getitem(x: Any, index: Any) -> Any:
    return x[index]


def _unfold(x: Any, dim: int, size: int, step: int) -> Any:
    lone = row(x)
    starts = np.arange(0, lone.shape[dim] - size + 1, step)
    found = lone[_at(dim, lone.ndim, starts[:, None] + np.arange(size))]
    found = np.moveaxis(found, dim % lone.ndim + 1, -1)
    return found.reshape(size) if x.ndim == 0 else found


def _triangle(f: Adapter) -> Adapter:
    return lambda x, diagonal=0: f(x, diagonal)


def _flip(x: Any, dims: Any) -> Any:
    return np.flip(x, tuple(dims) if isinstance(dims, (tuple, list)) else dims)


def _roll(x: Any, shifts: Any, dims: Any = None) -> Any:
    return np.roll(x, shifts, dims)


def _diff(x: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    if n == 0:
        return ops.identity(x)
    parts = [p for p in (prepend, x, append) if p is not None]
    x = np.concatenate(parts, dim)
    for _ in range(n):
        length = x.shape[dim]
        unless(length > 0, "a difference of nothing")
        x = _slice(x, dim, 1) - _slice(x, dim, 0, length - 1)
    return x


def _repeat_interleave(x: Any, repeats: Any, dim: Any = None, output_size: Any = None) -> Any:
    times = ints(repeats) if isinstance(repeats, Tensor) else repeats
    return np.repeat(x, times, dim)


def _trees(xs: Any) -> Any:
    unless(len(xs) > 1, "a product of one set")
    return np.stack([g.reshape(-1) for g in _meshgrid(*xs)], 1)


MOVE: dict[str, Adapter] = {
    "reshape": _view, "view": _view, "view_copy": _view,
    "reshape_as": lambda x, y: x.reshape(y.shape), "view_as": lambda x, y: x.reshape(y.shape),
    "flatten": _flatten, "ravel": np.ravel, "unflatten": _unflatten,
    "permute": lambda x, dims: np.transpose(x, dims),
    "permute_copy": lambda x, dims: np.transpose(x, dims),
    "transpose": _swap, "transpose_copy": _swap, "T": lambda x: x.T, "H": lambda x: x.T,
    "t": lambda x: x.T, "t_copy": lambda x: x.T,
    "mT": lambda x: np.swapaxes(x, -2, -1), "mH": lambda x: np.swapaxes(x, -2, -1),
    "movedim": np.moveaxis, "squeeze": _squeeze, "squeeze.multiple": _squeeze,
    "squeeze_copy": _squeeze, "unsqueeze": lambda x, dim: np.expand_dims(x, dim),
    "unsqueeze_copy": lambda x, dim: np.expand_dims(x, dim),
    "expand": _expand, "expand_copy": _expand, "broadcast_to": _expand,
    "expand_as": lambda x, y: np.broadcast_to(x, y.shape),
    "broadcast_tensors": lambda *xs: [
        np.broadcast_to(x, np.broadcast_shapes(*(y.shape for y in xs))) for x in xs
    ],
    "atleast_1d": _at_least(1), "atleast_2d": _at_least(2), "atleast_3d": _at_least(3),
    "flip": _flip, "fliplr": lambda x: np.flip(x, 1), "flipud": lambda x: np.flip(x, 0),
    "roll": _roll, "rot90": _rot90, "repeat": _repeat,
    "tile": _repeat, "repeat_interleave": _repeat_interleave,
    "tril": _triangle(np.tril), "triu": _triangle(np.triu),
    "diagonal": _diagonal, "diagonal_copy": _diagonal, "linalg.diagonal": _linalg_diagonal,
    "diag": _diag, "diag_embed": _diag_embed, "diagonal_scatter": _diagonal_scatter,
    "diagflat": lambda x, offset=0: _diag_embed(x.reshape(-1), offset),
    "cat": _cat, "stack": lambda xs, dim=0: np.stack(xs, dim), "hstack": _hstack,
    "vstack": _stacked(2, 0), "dstack": _stacked(3, 2),
    "column_stack": lambda xs: np.concatenate(
        [x.reshape(-1, 1) if x.ndim < 2 else x for x in xs], 1
    ),
    "split": _split, "split.list_args": _split, "split_with_sizes": _split,
    "split_with_sizes_copy": _split, "unsafe_split": _split, "chunk": _chunk,
    "unsafe_chunk": _chunk, "tensor_split": _tensor_split,
    "hsplit": lambda x, n: _tensor_split(x, n, 0 if x.ndim == 1 else 1),
    "vsplit": lambda x, n: _tensor_split(x, n, 0), "dsplit": lambda x, n: _tensor_split(x, n, 2),
    "unbind": _unbind, "unbind_copy": _unbind, "block_diag": _block_diag,
    "meshgrid.variadic_tensors": _meshgrid, "meshgrid.list_of_tensors": _meshgrid,
    "cartesian_prod": lambda *xs: _trees(xs[0] if isinstance(xs[0], (list, tuple)) else xs),
    "gather": _gather, "take": lambda x, index: np.take(x, ints(index)),
    "take_along_dim": _take_along,
    "index_select": lambda x, dim, index: np.take(row(x), row(index).data, dim).reshape(
        () if x.ndim == 0 else (-1,) if x.ndim == 1 else _selected(x, dim, index)
    ),
    "select": lambda x, dim, index: x[_at(dim, x.ndim, index)],
    "slice": _slice, "narrow": _narrow,
    "narrow_copy": lambda x, dim, start, length: _narrow(
        x, dim, start if start >= 0 else unless(False, "PyTorch's own backward fails"), length
    ), "__getitem__": _getitem,
    "masked_select": _masked_select, "masked_scatter": _masked_scatter, "scatter": _scatter,
    "scatter_add": _scatter_add,
    "scatter_reduce.sum": lambda x, dim, index, source, reduce, include_self=True: _scatter_add(
        x if include_self else unless(False, "include_self=False"), dim, index, source
    ),
    "index_add": _index_add, "index_copy": _index_set, "index_fill": _index_set,
    "index_put": _index_put, "put": _put,
    "select_scatter": lambda x, y, dim, index: ops.setitem(x, y, index=_at(dim, x.ndim, index)),
    "slice_scatter": lambda x, y, dim=0, start=None, end=None, step=1: ops.setitem(
        x, y, index=_at(dim, x.ndim, slice(start, end, step))
    ),
    "unfold": _unfold, "unfold_copy": _unfold, "diff": _diff,
    "zeros_like": lambda x: np.zeros_like(x), "ones_like": lambda x: np.ones_like(x),
}  # fmt: skip


def _selected(x: Any, dim: int, index: Any) -> tuple[int, ...]:
    shape = list(x.shape)
    shape[dim] = index.size
    return tuple(shape)
