"""Neighbouring lines of a plan as one call, with no Python in between.

A call of one of NumPy's functions takes half a microsecond before it computes anything. So what
loops and products do is written into a table of whole numbers, and one compiled function goes
through it. A row holds its own length, the address of a function, and what that is called on:
sizes, and addresses of arrays. The products are those of the BLAS that NumPy carries, called as
NumPy calls them, so that their bits are NumPy's, too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from ..ops.op import Array
from .kernels import caller, placer, row_function
from .native import BLAS
from .program import Line, PlanArray, Program, Row

_ROWS, _COLUMNS = 101, 102  # in CBLAS: how matrices lie in memory,
_PLAIN, _TRANSPOSED = 111, 112  # and how they are read
_LETTERS = {np.dtype(np.float32): "s", np.dtype(np.float64): "d"}
_BODIES = {
    "dot": "put(pointer(get(at, 3), {real}), 0, {s}dot(get(at, 0), get(at, 1), 1, get(at, 2), 1))",
    "gemv": "{s}gemv(int32(get(at, 0)), int32(get(at, 1)), get(at, 2), get(at, 3), "
    "{real}(1), get(at, 4), get(at, 5), get(at, 6), 1, {real}(0), get(at, 7), 1)",
    "gemm": "{s}gemm(int32(101), int32(get(at, 0)), int32(get(at, 1)), "
    "get(at, 2), get(at, 3), get(at, 4), "
    "{real}(1), get(at, 5), get(at, 6), get(at, 7), get(at, 8), {real}(0), get(at, 9), get(at, 3))",
}


def join(program: Program) -> None:
    """Replace lines that need no Python by calls of tables, in place; memory must be allocated."""
    table: list[int] = []
    calls: list[slice] = []
    places: dict[PlanArray, list[int]] = {}  # where addresses that change belong
    joined: list[Line] = []
    row: Row | None = None
    for line in program.lines:
        before, row = row, line.row or _product(line)
        if row is None:
            joined.append(line)
            continue
        if before is None:
            joined.append(Line(f"calls{len(calls)}()", []))
            calls.append(slice(len(table), 0))
        table.append(len(row) + 1)
        for item in row:
            if isinstance(item, PlanArray) and item.local:
                if item not in places:
                    joined.insert(-1, Line(f"place{len(places)}({{0}})", [item]))
                places.setdefault(item, []).append(len(table))
                table.append(0)
            else:
                table.append(item.memory().ctypes.data if isinstance(item, PlanArray) else item)
        joined[-1].inside.append(line)
        calls[-1] = slice(calls[-1].start, len(table))
    program.lines = joined
    cells = np.array(table, np.int64)
    for k, part in enumerate(calls):
        program.objects[f"calls{k}"] = functools.partial(caller(), cells[part])
    for k, (value, where) in enumerate(places.items()):
        program.objects[f"place{k}"] = _placing(value, cells, np.array(where))


def _placing(value: PlanArray, table: Array, where: Array) -> Callable[[Array], None]:
    """Return what writes down where an array lies that is new in each run."""
    put, strides = placer(), np.array(value.layout().strides)
    layout = np.empty_like(value.layout())  # which itself is an array of the recorded step
    held = [layout]

    def place(array: Array) -> None:
        if array.dtype is not layout.dtype or not put(array, strides, table, where):
            copy = np.empty_like(layout)  # as the plan expects it in memory
            np.copyto(copy, array)
            put(copy, strides, table, where)
            held[0] = copy

    return place


def _product(line: Line) -> Row | None:
    """Return a product as a row; None if NumPy does not simply hand it to BLAS."""
    if line.kind != "product":
        return None
    x, y = line.args
    name = {(1, 1): "dot", (2, 2): "gemm"}.get((len(x.shape), len(y.shape)), "gemv")
    x_lies, y_lies = _way(x), _way(y)
    if _LETTERS.get(x.dtype, "") + name not in BLAS or x_lies is None or y_lies is None:
        return None
    (x_way, x_step), (y_way, y_step) = x_lies, y_lies
    assert line.out is not None
    function = _function(name, x.dtype)
    if name == "dot":
        return [function, x.shape[0], x, y, line.out]
    if len(y.shape) == 1:
        order = _ROWS if x_way == _PLAIN else _COLUMNS
        return [function, order, _PLAIN, *x.shape, x, x_step, y, line.out]
    if len(x.shape) == 1:
        order = _ROWS if y_way == _PLAIN else _COLUMNS
        return [function, order, _TRANSPOSED, *y.shape, y, y_step, x, line.out]
    read = x.roots(), y.roots()
    if read[0] is None or read[1] is None or not read[0].isdisjoint(read[1]):
        return None  # maybe of a matrix with itself transposed, for which BLAS has another function
    sizes = x.shape[0], y.shape[1], x.shape[1]
    return [function, x_way, y_way, *sizes, x, x_step, y, y_step, line.out]


def _way(x: PlanArray) -> tuple[int, int] | None:
    """Return how BLAS is told of an array, and the distance of its rows; None if it cannot be."""
    flags = x.layout().flags
    if min(x.shape) < 2 or not (flags.c_contiguous or flags.f_contiguous):
        return None
    return (_PLAIN, x.shape[-1]) if flags.c_contiguous else (_TRANSPOSED, x.shape[0])


@functools.cache
def _function(name: str, dtype: np.dtype[np.floating]) -> int:
    return row_function((_BODIES[name].format(s=_LETTERS[dtype], real=dtype.name),))
