"""What a plan is made of: values, and lines of NumPy that compute them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ..core.graph import Node
from ..ops.op import Array

DType = np.dtype[Any]
Row = list["int | PlanArray"]
"""A line as compiled code carries it out: a function's address, sizes, and where values lie."""

OWN = re.compile(r"step|tensor|(calls|place)\d+")
"""Names of a plan's source which no value has."""

Kind = Literal["ufunc", "product", "call", "fused"]
"""What a line does: an elementwise function, a product for BLAS, anything else, many at once."""

MANY = 64
"""Values from which on it is not found out one by one what an array may share memory with."""


class Uncapturable(Exception):
    """Something a plan cannot repeat; the message says what and where."""


@dataclass(eq=False, slots=True)
class PlanArray:
    """An array in the plan. What holds it is one of four things:

    - ``array``: memory that exists already: a parameter, a constant, a gradient's home;
    - ``base`` and ``view``: part of another value's memory, seen differently;
    - ``local``: a Python variable, new in each run: an input, or what a function returned;
    - none of these: a buffer, for which the plan finds memory.

    A constant with the same number everywhere has it in ``number``, an array without axes;
    ``weak`` if it takes the dtype of what it meets, as Python's numbers do.
    """

    shape: tuple[int, ...]
    dtype: DType
    name: str = "x"
    array: Array | None = None
    base: PlanArray | None = None
    view: Callable[[Array], Array] | None = None
    local: bool = False
    keeps: tuple[PlanArray, ...] = ()  # of a local: what it may share memory with
    number: Array | None = None
    weak: bool = False
    template: Array | None = None  # of the same memory layout, values unset
    # As the properties of these names, of a view; there is no way from a value to itself.
    _root: PlanArray | None = field(init=False, default=None)
    _whole: PlanArray | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.base is not None:
            assert self.view is not None
            self._root = self.base.root
            self._whole = self.base.whole if self.base.nbytes == self.nbytes else None
            if self.template is None:
                self.template = self.view(self.base.layout())

    @property
    def root(self) -> PlanArray:
        """The value in whose memory this one lies; itself if it is no view."""
        return self._root or self

    @property
    def whole(self) -> PlanArray:
        """The value of whose memory this one is all, though its axes may differ."""
        return self._whole or self

    @property
    def is_buffer(self) -> bool:
        """Whether the plan has to find memory for it."""
        return self.array is None and self.base is None and not self.local

    @property
    def nbytes(self) -> int:
        """Size in memory."""
        return math.prod(self.shape) * self.dtype.itemsize

    def roots(self) -> set[PlanArray] | None:
        """Return the values whose memory this one may read; None if they are too many to list."""
        found, new = {self.root}, [self.root]
        while new:
            new = [kept.root for value in new for kept in value.keeps if kept.root not in found]
            found.update(new)
            if len(found) > MANY:
                return None
        return found

    def layout(self) -> Array:
        """Return an array of the same strides; its values mean nothing."""
        if self.array is not None:
            return self.array
        if self.template is None:
            self.template = np.empty(self.shape, self.dtype)
        return self.template

    def memory(self) -> Array:
        """Return what holds it, once the plan has found memory; of no local."""
        views = []
        value = self
        while value.array is None:
            assert value.base is not None
            views.append(value)
            value = value.base
        array = value.array
        for value in reversed(views):
            assert value.view is not None
            array = value.array = value.view(array)
        return array


@dataclass(eq=False, slots=True)
class Line:
    """One line of the plan: ``{0}``, ``{1}``, … stand for ``args`` and ``{out}`` for ``out``."""

    text: str
    args: list[PlanArray]
    out: PlanArray | None = None
    kind: Kind = "call"
    node: Node | None = None
    backward: bool = False  # it pulls a gradient back through ``node``
    ufunc: np.ufunc | None = None  # of an elementwise line
    more: list[PlanArray] = field(
        default_factory=list
    )  # what a line of fused ones gives beside out
    effect: bool = False  # kept though nothing reads ``out``
    where: str = ""
    row: Row | None = None
    inside: list[Line] = field(default_factory=list)  # lines that it stands for

    @property
    def elementwise(self) -> bool:
        """Whether ``out`` may be the memory of an argument of its shape."""
        return self.ufunc is not None

    @property
    def outs(self) -> list[PlanArray]:
        """All values it gives."""
        return [*([] if self.out is None else [self.out]), *self.more]


@dataclass
class Program:
    """Lines in order, what they take and what they give."""

    inputs: list[PlanArray] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    outputs: list[PlanArray] = field(default_factory=list)
    kept: list[PlanArray] = field(default_factory=list)  # gradients, to be read after the step
    objects: dict[str, Any] = field(default_factory=dict)  # functions and objects, by name

    def drop_unused(self) -> None:
        """Remove lines whose result nothing reads."""
        needed = {value.root for value in (*self.outputs, *self.kept)}
        kept = []
        for line in reversed(self.lines):
            if line.effect or not needed.isdisjoint(line.outs):
                kept.append(line)
                needed.update(arg.root for arg in line.args)
        self.lines = kept[::-1]

    def last_reads(self) -> dict[PlanArray, int]:
        """Return, by the value whose memory it is, the number of the last line that may read it.

        What is read after the step has the number of lines. What a local may share memory with is
        read as long as it is: from the last line to the first, so that each is passed on once.
        """
        last = {arg.root: i for i, line in enumerate(self.lines) for arg in line.args}
        last |= dict.fromkeys((v.root for v in (*self.outputs, *self.kept)), len(self.lines))
        for line in reversed(self.lines):
            for out in line.outs:
                for kept in out.keeps:
                    last[kept.root] = max(last.get(kept.root, -1), last.get(out, -1))
        return last
