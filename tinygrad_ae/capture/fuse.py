"""Joining neighbouring elementwise lines of a plan into loops that numba compiles.

A value that only the lines of one loop use is never written to memory, and memory is what
elementwise work waits for. Functions such as exp and tanh stay with NumPy, whose SIMD versions
are faster; products stay with BLAS.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from .kernels import compiled, indented
from .program import Line, Program, Value

_FORMULAS = {
    "add": "{0} + {1}", "subtract": "{0} - {1}", "multiply": "{0} * {1}", "divide": "{0} / {1}",
    "negative": "-{0}", "square": "{0} * {0}", "absolute": "abs({0})", "sqrt": "sqrt({0})",
    "greater": "{0} > {1}", "greater_equal": "{0} >= {1}", "less": "{0} < {1}",
    "less_equal": "{0} <= {1}", "equal": "{0} == {1}", "not_equal": "{0} != {1}",
    "maximum": "{0} if {0} >= {1} or {0} != {0} else {1}",
    "minimum": "{0} if {0} <= {1} or {0} != {0} else {1}",
}  # fmt: skip
_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


@dataclass
class Group:
    """Elementwise lines of one shape that one loop can carry out, where the first of them stood."""

    shape: tuple[int, ...]
    lines: list[Line] = field(default_factory=list)


def fuse(program: Program) -> None:
    """Replace lines by calls of compiled loops, in place."""
    items = _grouped(program.lines)
    program.lines = []
    for k, item in enumerate(items):
        if isinstance(item, Line):
            program.lines.append(item)
        elif len(item.lines) == 1:
            program.lines += item.lines
        else:
            program.lines.append(_loop(program, item, _needed(program, items[k + 1 :])))


def _grouped(lines: list[Line]) -> list[Line | Group]:
    """Return the lines with those that can be joined in groups.

    A line joins the group before it although numbers are computed in between (the loss, say),
    but never passes a product or another call, which memory would have to wait for.
    """
    items: list[Line | Group] = []
    current: Group | None = None
    between: set[Value] = set()  # what is computed after the current group
    for line in lines:
        if _is_fusable(line):
            assert line.out is not None
            reads = {root for arg in line.args for root in arg.roots()}
            fits = current and current.shape == line.out.shape and not reads & between
            if current and fits and not _reads_other_elements(line, current):
                current.lines.append(line)
                continue
            current, between = Group(line.out.shape, [line]), set()
            items.append(current)
            continue
        items.append(line)
        if line.out is not None and line.out.shape == () and not line.effect:
            between.update(line.outs)
        else:
            current = None
    return items


def _is_fusable(line: Line) -> bool:
    out = line.out
    if line.ufunc is None or line.ufunc.__name__ not in _FORMULAS or out is None or not out.shape:
        return False
    dtypes = {value.dtype for value in (*line.args, out)} - {np.dtype(bool)}
    return len(dtypes) == 1 and dtypes <= set(_FLOATS) and not line.effect


def _reads_other_elements(line: Line, group: Group) -> bool:
    """Whether the line needs, for one element, others of what the group computes."""
    made = {member.out for member in group.lines}
    return any(arg not in made and not made.isdisjoint(arg.roots()) for arg in line.args)


def _needed(program: Program, later: list[Line | Group]) -> set[Value]:
    """Return the values that are read after a group."""
    lines = [line for item in later for line in (item.lines if isinstance(item, Group) else [item])]
    values = [*program.outputs, *program.kept, *(arg for line in lines for arg in line.args)]
    return {root for value in values for root in value.roots()}


def _loop(program: Program, group: Group, needed: set[Value]) -> Line:
    """Return the line that calls a group's loop.

    Its results get memory that no other argument lies in, and what it overwrites is passed once:
    only a loop that sees at its start that its arrays do not overlap runs with SIMD.
    """
    parameters: dict[Value, str] = {}
    known: dict[Value, str] = {}
    numbers: list[str] = []
    loads: list[str] = []
    body: list[str] = []
    outs = dict.fromkeys(line.out for line in group.lines if line.out in needed)
    first, *more = (out for out in outs if out is not None)
    axes = _axes(group, [first, *more])
    whole = axes.shape(group.shape)

    def operand(value: Value) -> str:
        if value not in known:
            name = parameters[value] = f"a{len(parameters)}"
            known[value] = f"x{len(known)}"
            load = f"{known[value]} = {name}{_element(axes.shape(value.shape), whole)}"
            (loads if value.shape else numbers).append(load)
        return known[value]

    for line in group.lines:
        assert line.out is not None
        assert line.ufunc is not None
        operands = [operand(arg) for arg in line.args]
        dtypes = line.ufunc.resolve_dtypes((*(arg.dtype for arg in line.args), None))
        for k, (arg, dtype) in enumerate(zip(line.args, dtypes, strict=False)):
            if arg.dtype != dtype:
                operands[k] = f"{dtype.name}({operands[k]})"
        known[line.out] = f"y{len(body)}"
        body.append(f"{known[line.out]} = {_FORMULAS[line.ufunc.__name__].format(*operands)}")
    results = {out: parameters.get(out, f"r{k}") for k, out in enumerate((first, *more))}
    stores = [f"{results[out]}{_element(whole, whole)} = {known[out]}" for out in results]
    lines = [*loads, *body, *stores]
    for axis in reversed(range(len(whole))):
        lines = [f"for i{axis} in range({results[first]}.shape[{axis}]):", *indented(lines)]
    passed = parameters | results
    kernel = compiled(tuple(passed.values()), (*numbers, *lines))
    name = f"loop{len([n for n in program.objects if n.startswith('loop')])}"
    program.objects[name] = kernel
    text = f"{name}({', '.join(axes.passed(k, arg.shape) for k, arg in enumerate(passed))})"
    last = group.lines[-1]
    return Line(text, list(passed), first, more=more, node=last.node, backward=last.backward,
                where=last.where)  # fmt: skip


@dataclass(frozen=True)
class Axes:
    """How a loop goes through its arrays: runs of axes in the order in which they lie in memory.

    None: as they are, axis by axis.
    """

    runs: tuple[tuple[int, ...], ...] | None

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape that an array has in the loop."""
        if not shape or self.runs is None:
            return shape
        padded = (1,) * (sum(map(len, self.runs)) - len(shape)) + shape
        return tuple(math.prod(padded[axis] for axis in run) for run in self.runs)

    def passed(self, k: int, shape: tuple[int, ...]) -> str:
        """Return how argument ``k`` is passed to the loop."""
        if not shape or self.runs is None:
            return f"{{{k}}}"
        order = tuple(axis for run in self.runs for axis in run)
        missing = (1,) * (len(order) - len(shape))
        padded = f".reshape({missing + shape})" if missing else ""
        return f"{{{k}}}{padded}.transpose({order}).reshape({self.shape(shape)})"


def _axes(group: Group, outs: list[Value]) -> Axes:
    """Return the axes as they lie in memory; neighbours that nothing tells apart are one."""
    strides = outs[0].layout().strides
    order = sorted(range(len(strides)), key=lambda axis: -strides[axis])
    made = {line.out for line in group.lines}
    values = [*outs, *(arg for line in group.lines for arg in line.args if arg not in made)]
    whole = [v for v in values if v.shape == group.shape and not v.local]
    if order == sorted(order) or not all(
        v.layout().transpose(order).flags.c_contiguous for v in whole
    ):
        return Axes(None)
    shapes = {(1,) * (len(order) - len(v.shape)) + v.shape for v in values if v.shape}
    runs: list[list[int]] = []
    for axis in order:
        if runs and all(
            (s[axis] == group.shape[axis]) == (s[runs[-1][-1]] == group.shape[runs[-1][-1]])
            for s in shapes
        ):
            runs[-1].append(axis)
        else:
            runs.append([axis])
    return Axes(tuple(map(tuple, runs)))


def _element(shape: tuple[int, ...], whole: tuple[int, ...]) -> str:
    """Return the index of the element of an array that broadcasting gives the whole's."""
    first = len(whole) - len(shape)
    axes = ["0" if n == 1 != whole[first + k] else f"i{first + k}" for k, n in enumerate(shape)]
    return f"[{', '.join(axes)}]" if axes else "[()]"
