"""Joining neighbouring elementwise lines of a plan into loops that numba compiles.

A value that only the lines of one loop use is never written to memory, and memory is what
elementwise work waits for. Functions such as exp and tanh stay with NumPy, whose SIMD versions
are faster; products stay with BLAS.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..ops.op import Array
from .kernels import indented, row_function
from .program import Line, PlanArray, Program, Row

_FORMULAS = {
    "add": "{0} + {1}", "subtract": "{0} - {1}", "multiply": "{0} * {1}", "divide": "{0} / {1}",
    "negative": "-{0}", "square": "{0} * {0}", "absolute": "abs({0})", "sqrt": "sqrt({0})",
    "greater": "{0} > {1}", "greater_equal": "{0} >= {1}", "less": "{0} < {1}",
    "less_equal": "{0} <= {1}", "equal": "{0} == {1}", "not_equal": "{0} != {1}",
    "maximum": "{0} if {0} >= {1} or {0} != {0} else {1}",
    "minimum": "{0} if {0} <= {1} or {0} != {0} else {1}",
}  # fmt: skip
LARGE = 32768
"""Elements from which on a line that stays alone is left to NumPy, which may work in place."""

_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


LINES = 32
"""Lines in a loop at most: what numba takes for one grows faster than its length."""


@dataclass
class Group:
    """Lines that stand in the plan where the first of them stood.

    Elementwise lines of one shape that one loop can carry out; or, with ``shape`` None, a line that
    is something else. ``made`` are the values they give.
    """

    shape: tuple[int, ...] | None
    lines: list[Line] = field(default_factory=list)
    made: set[PlanArray] = field(default_factory=set)

    def add(self, line: Line) -> None:
        """Append a line."""
        self.lines.append(line)
        self.made.update(line.outs)


def fuse(program: Program) -> None:
    """Replace lines by calls of compiled loops, in place."""
    groups = _grouped(program.lines)
    program.lines = [line for group in groups for line in group.lines]
    last, end = program.last_reads(), -1
    program.lines = []
    for group in groups:
        end += len(group.lines)
        if group.shape is None or (len(group.lines) == 1 and math.prod(group.shape) > LARGE):
            program.lines += group.lines
        else:
            needed = {out for out in group.made if last.get(out, -1) > end}
            program.lines.append(_loop(group.shape, group.lines, needed))


def _grouped(lines: list[Line]) -> list[Group]:
    """Return the lines with those that can be joined in one group.

    A line joins the group before it although numbers are computed in between (the loss, say),
    but never passes a product or another call, which memory would have to wait for.
    """
    groups: list[Group] = []
    current: Group | None = None
    between: set[PlanArray] = set()  # what is computed after the current group
    for line in lines:
        shape = line.out.shape if line.out is not None and _is_fusable(line) else None
        if shape and current and _fits(line, current, between):
            current.add(line)
            continue
        groups.append(Group(shape))
        groups[-1].add(line)
        if shape:
            current, between = groups[-1], set()
        elif line.out is not None and line.out.shape == () and not line.effect:
            between.update(line.outs)
        else:
            current = None
    return groups


def _fits(line: Line, group: Group, between: set[PlanArray]) -> bool:
    """Whether a line can be carried out with a group, of which it then needs the same elements."""
    assert line.out is not None
    return (
        group.shape == line.out.shape
        and len(group.lines) < LINES
        and not any(
            arg.root in between or (arg.root in group.made and arg not in group.made)
            for arg in line.args
        )
    )


def _is_fusable(line: Line) -> bool:
    out = line.out
    if line.ufunc is None or line.ufunc.__name__ not in _FORMULAS or out is None:
        return False
    dtypes = {value.dtype for value in (*line.args, out)} - {np.dtype(bool)}
    aligned = all(arg.layout().flags.aligned for arg in line.args)
    return len(dtypes) == 1 and dtypes <= set(_FLOATS) and aligned and not line.effect


def _loop(shape: tuple[int, ...], lines: list[Line], needed: set[PlanArray]) -> Line:
    """Return the line that is the loop of a group's lines.

    Its results get memory that no other argument lies in, and what it overwrites is named once:
    only a loop that sees at its start that its arrays do not overlap runs with SIMD.
    """
    reads: dict[PlanArray, str] = {}
    known: dict[PlanArray, str] = {}  # what the loop's lines call a value
    body: list[str] = []
    for line in lines:
        assert line.out is not None
        assert line.ufunc is not None
        dtypes = line.ufunc.resolve_dtypes((*(arg.dtype for arg in line.args), None))
        operands = []
        for arg, dtype in zip(line.args, dtypes, strict=False):
            if arg not in known:
                reads[arg] = known[arg] = f"x{len(reads)}"
            operands.append(known[arg] if arg.dtype == dtype else f"{dtype.name}({known[arg]})")
        known[line.out] = f"y{len(body)}"
        body.append(f"{known[line.out]} = {_FORMULAS[line.ufunc.__name__].format(*operands)}")
    outs = dict.fromkeys(line.out for line in lines if line.out in needed)
    first, *more = (out for out in outs if out is not None)
    values = list(dict.fromkeys((first, *more, *reads)))
    sizes, strides = _axes(shape, [value.layout() for value in values])
    row: Row = list(sizes)
    start = [f"n{axis} = get(at, {axis})" for axis in range(len(sizes))]
    places: dict[PlanArray, str] = {}
    for k, (value, steps) in enumerate(zip(values, strides, strict=True)):
        places[value] = f"a{k}, {_index(steps, value.dtype.itemsize, start, row)}"
        kind = "bool_" if value.dtype == bool else value.dtype.name
        start.append(f"a{k} = pointer(get(at, {len(row)}), {kind})")
        row.append(value)
    loads = {value: f"{name} = get({places[value]})" for value, name in reads.items()}
    start += [loads.pop(value) for value in reads if not value.shape]
    stores = [f"put({places[out]}, {known[out]})" for out in (first, *more)]
    loop = [*loads.values(), *body, *stores]
    for axis in reversed(range(len(sizes))):
        loop = [f"for i{axis} in range(n{axis}):", *indented(loop)]
    text = f"loop({', '.join(f'{{{k}}}' for k in range(len(values)))})"
    last = lines[-1]
    row = [row_function((*start, *loop)), *row]
    return Line(
        text, values, first, kind="fused", more=more, node=last.node, backward=last.backward,
        where=last.where, row=row,
    )  # fmt: skip


def _axes(
    shape: tuple[int, ...], arrays: list[Array]
) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
    """Return the sizes of the axes to go through, and the bytes to step along them in each array.

    The axes are in the order in which the first array lies in memory, 0 is the step where an
    array is broadcast, and neighbours that are one axis in every array are joined.
    """
    strides = [np.broadcast_to(a, shape).strides for a in arrays]
    order = sorted((k for k, n in enumerate(shape) if n > 1), key=lambda k: -strides[0][k])
    sizes: list[int] = []
    columns: list[tuple[int, ...]] = []  # of each axis, the step in every array
    for axis in order:
        steps = tuple(s[axis] for s in strides)
        if columns and columns[-1] == tuple(step * shape[axis] for step in steps):
            sizes[-1], columns[-1] = sizes[-1] * shape[axis], steps
        else:
            sizes.append(shape[axis])
            columns.append(steps)
    if 0 in shape:
        sizes, columns = [0], [(0,) * len(arrays)]
    return tuple(sizes), [tuple(column[k] for column in columns) for k in range(len(arrays))]


def _index(steps: Sequence[int], itemsize: int, start: list[str], row: Row) -> str:
    """Return which element of an array a loop is at; steps that are not 1 come with the row."""
    terms = []
    for axis, step in enumerate(steps):
        if step == itemsize:
            terms.append(f"i{axis}")
        elif step:
            terms.append(f"i{axis} * s{len(row)}")
            start.append(f"s{len(row)} = get(at, {len(row)})")
            row.append(step // itemsize)
    return " + ".join(terms) or "0"
