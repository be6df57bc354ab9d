"""What a step recorded, brought down to what can be compared with another recording of it.

A plan repeats its record with other numbers in the arguments and parameters. That is right if the
step, run again by Python, would record the same: the same operations on the same values, the same
constants to the last bit. Whether it would is not argued but tried: the first time a plan is to be
replayed, the step is recorded once more, and the two records are compared. A draw from a generator
of the user's, a clock, a counter, a mask computed with NumPy beside the graph: each of them is a
constant in one record and another constant in the other.
"""

from __future__ import annotations

import hashlib
import types
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.graph import Node, line_of
from ..core.tensor import Tensor
from ..nn import Module
from ..ops.op import Array
from ..optim import Optimizer
from .trace import Call, Trace, Write


class Event(NamedTuple):
    """One thing a step did.

    Attributes:
        what: its name.
        shape: of the result.
        reads: where each of its arguments came from: the number of an event, or what else.
        settings: its attributes.
        place: code object and instruction, or the line.
    """

    what: str
    shape: Any
    reads: tuple[Any, ...]
    settings: Any
    place: Any

    @property
    def where(self) -> str:
        """File and line."""
        if isinstance(self.place, str):
            return self.place
        code, instruction = self.place
        return f"{code.co_filename}:{line_of(code, instruction)}"


class Record:
    """What a step did, without the values that its arguments and parameters led to.

    Args:
        trace: the recording.
        inputs: the arrays the step was given.
        outputs: what it returned.
        owners: ids of arrays that existed before the step: read anew by each replay.
    """

    def __init__(
        self, trace: Trace, inputs: Sequence[Any], outputs: Iterable[Any], owners: set[int]
    ) -> None:
        self._trace, self._owners = trace, owners
        self._known: dict[int, Any] = {id(a): ("argument", k) for k, a in enumerate(inputs)}
        self._numbers: dict[Node, int] = {}
        for i, event in enumerate(trace.events):
            if isinstance(event, Node):
                self._numbers[event] = i
                if event.saved is not None and event.saved[-1] is not None:
                    self._known.setdefault(id(event.saved[-1]), i)
            elif isinstance(event, Call) and event.result is not None:
                self._known[id(event.result)] = i
        self.events: list[Event] = [self._event(event) for event in trace.events]
        self.events += [
            Event("gradient", None, (self._array(g),), "", trace.place)
            for _, g in trace.grads(trace.leaves)
            if g is not None
        ]
        self.events += [
            Event("result", t.shape, (self._array(t.data),), "", trace.place)
            for t in outputs
            if isinstance(t, Tensor)
        ]
        del self._trace, self._known, self._numbers

    def difference(self, other: Record) -> str | None:
        """Return what another recording did differently, with the line; None if nothing."""
        for a, b in zip(self.events, other.events, strict=False):
            if a[:4] == b[:4]:
                continue
            if (a.what, a.shape) != (b.what, b.shape):
                return f"it computes {b.what} where it computed {a.what} before, at {b.where}"
            changed = [(x, y) for x, y in zip(a.reads, b.reads, strict=False) if x != y]
            before, now = map(_said, changed[0]) if changed else (a.settings, b.settings)
            return (
                f"{b.what} gets {now} where it got {before} before, from Python, which the plan "
                f"would not run again, at {b.where}"
            )
        if len(self.events) != len(other.events):
            more = max(self.events, other.events, key=len)[min(len(self.events), len(other.events))]
            return f"it does not compute {more.what} in every call, at {more.where}"
        return None

    def _event(self, event: Any) -> Event:
        if isinstance(event, Node):
            assert event.op is not None
            reads = tuple(self._node(x) for x in event.inputs)
            kind = event.shape, event.dtype.str
            settings = tuple((k, self._setting(v)) for k, v in event.attrs.items())
            return Event(event.op.name, kind, reads, settings, (event._code, event._instruction))
        if isinstance(event, Write):
            reads = (self._node(event.target), self._node(event.value))
            return Event("in-place change", None, reads, "", event.where)
        given = self._setting((event.args, event.kwargs))
        grads = tuple(None if g is None else self._array(g) for _, g in event.grads)
        return Event(event.function.__qualname__, None, grads, given, event.where)

    def _node(self, node: Node) -> Any:
        """Return where an operation's argument came from."""
        if node.op is not None:
            return self._numbers.get(node, ("before", node.index))
        leaf = node.leaf and node.leaf()
        if node.saved:
            return self._array(node.saved[0])
        array = self._trace.arrays.get(node)
        if array is None:  # no leaf of the step's own
            return "tensor", id(leaf)
        return self._array(array)

    def _array(self, array: Array) -> Any:
        """Return where an array came from: what is none of the known ones, by its values."""
        known = self._known.get(id(array))
        if known is not None:
            return known
        copied = self._trace.copies.get(id(array))
        if copied is not None:
            source = copied[1]
            return self._node(source) if isinstance(source, Node) else self._array(source)
        base: Any = array
        while base is not None:
            if id(base) in self._owners:
                place = array.__array_interface__["data"][0]
                return "array", place, array.shape, array.strides, array.dtype.str
            base = getattr(base, "base", None)
        return _values(array)

    def _setting(self, value: Any) -> Any:
        """Return an attribute, or an argument of a call, in a form that can be compared."""
        if isinstance(value, Tensor):
            return self._node(value._node) if value._node is not None else self._array(value.data)
        if isinstance(value, np.ndarray):
            return self._array(value)
        if isinstance(value, (list, tuple)):
            return tuple(map(self._setting, value))
        if isinstance(value, dict):
            return tuple((k, self._setting(v)) for k, v in value.items())
        if isinstance(value, slice):
            return "slice", *map(self._setting, (value.start, value.stop, value.step))
        if isinstance(value, np.generic):
            return value.dtype.str, value.tobytes()
        if value is None or value is ... or isinstance(value, (bool, int, float, str)):
            return type(value).__name__, repr(value)
        if isinstance(value, types.FunctionType):  # made anew in each call, perhaps
            return value.__code__
        lasting = isinstance(value, (np.random.Generator, Module, Optimizer))
        return type(value).__qualname__, id(value) if lasting else None


def _values(array: Array) -> Any:
    if array.size == 1:
        return "value", array.dtype.str, array.shape, array.tobytes(), f"{array.item():.6g}"
    digest = hashlib.blake2b(np.ascontiguousarray(array).data, digest_size=16).digest()
    return "values", array.dtype.str, array.shape, digest


def _said(source: Any) -> str:
    """Return how a message calls where an argument came from."""
    if isinstance(source, int):
        return "another result"
    kind = source[0]
    if kind == "value":
        return str(source[-1])
    if kind == "values":
        return f"an array {source[2]} of other values"
    return {"argument": "an argument", "tensor": "another tensor"}.get(kind, "another array")
