"""The computation graph: one record per operation, and the graph that every reader reads.

A :class:`Node` says what was computed (operation, inputs, attributes, shape, dtype), in which
module and on which source line. Gradients, drawings, profiles and exports are all readers of
these records; none needs another description of the computation.
"""

from __future__ import annotations

import functools
import itertools
import math
import operator
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from types import CodeType, FrameType
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np

from ..ops.op import Array, Op

R = TypeVar("R")

clock = itertools.count()  # stamps nodes and mutations: a later event has a higher number


class Scope:
    """The module an operation ran in: its path ("encoder.0"), its class, the scope around it."""

    __slots__ = ("kind", "parent", "path")

    def __init__(self, name: str, kind: str, parent: Scope | None) -> None:
        self.path: str = f"{parent.path}.{name}" if parent and parent.path else name
        self.kind, self.parent = kind, parent

    def __repr__(self) -> str:
        return f"{self.path} ({self.kind})" if self.path else self.kind


class State(threading.local):
    """What the current thread does: whether it records, where it is, what watches it."""

    def __init__(self) -> None:
        self.recording = True  # False inside no_grad
        self.everything = False  # record operations on untracked tensors as well
        self.scope: Scope | None = None
        self.repeating = False  # remat runs a function again: what counts its calls does not
        self.anomaly = False  # True inside detect_anomaly
        self.as_written = False  # inside a compiled step that runs as it is written
        # Hears of everything while a step is captured: a Trace of tinygrad_ae.compiled.
        self.capture: Any = None
        # Runs each piece of work in the tape's stead, to time it, say:
        # observer("forward", op, f, *inputs, **attrs), ("backward", node, rule, k, g, node, values)
        # or ("optimizer", optimizer, step) returns what f(...) gives.
        self.observer: Callable[..., Any] | None = None


state = State()


def in_place(function: Callable[..., R]) -> Callable[..., R]:
    """Mark a function that changes arrays outside the graph: a captured step calls it again."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> R:
        if state.capture is None:
            return function(*args, **kwargs)
        return cast(R, state.capture.call(function, args, kwargs))

    return call


def looked_at(how: str) -> None:
    """Tell a step that is being captured that Python looks at values of the graph's."""
    if state.capture is not None:
        state.capture.give_up(f"Python looks at a value that the graph computes ({how})")


class Node:
    """The record of one operation's output, or of a leaf (``op`` is None).

    A node never changes except for what the tape needs: ``saved`` and ``hooks``. It is hashable
    and compares by identity. It is told in which ``frame`` it was computed, or in one called from
    there by this package's own code; by default in the caller's.

    Attributes:
        tracked: whether gradients flow through it.
        saved: the values its rules read, inputs, then output; None where not needed, and None
            altogether once backward freed them.
        hooks: called with its gradient.
        leaf: weak reference to the tensor that receives the gradient: of a tracked leaf its own,
            of an operation's output the one that asked for it by ``retain_grad``.
        scope: the module it was computed in.
        seen: of a leaf that is a view of a tensor outside the graph (a reshaped batch, one step
            of a sequence): operation, source and attributes. Unset for all others.
    """

    __slots__ = (
        "__weakref__", "_code", "_instruction", "attrs", "dtype", "hooks", "index", "inputs",
        "leaf", "name", "op", "saved", "scope", "seen", "shape", "tracked",
    )  # fmt: skip

    hooks: list[Callable[[Any], Any]] | None
    leaf: Callable[[], Any] | None
    name: str | None
    seen: tuple[Op, Node, dict[str, Any]]

    def __init__(
        self,
        op: Op | None,
        inputs: tuple[Node, ...],
        attrs: dict[str, Any],
        value: Array,
        tracked: bool,
        saved: list[Any] | None = None,
        scope: Scope | None = None,
        frame: FrameType | None = None,
    ) -> None:
        global _users
        self.op, self.inputs, self.attrs = op, inputs, attrs
        self.tracked, self.saved, self.scope = tracked, saved, scope
        self.shape, self.dtype, self.index = value.shape, value.dtype, next(clock)
        self.hooks = self.leaf = self.name = None
        frame = frame or sys._getframe(1)
        code = frame.f_code
        if code is not _users:  # it mostly is: an operation is written where the last one was
            frame = user_frame(frame)
            _users = code = frame.f_code
        self._code, self._instruction = code, frame.f_lasti

    @property
    def where(self) -> str:
        """File and line of the forward code that computed it: ``"model.py:12"``."""
        return f"{self._code.co_filename}:{line_of(self._code, self._instruction)}"

    @property
    def flops(self) -> int:
        """Floating-point operations of computing it once."""
        shapes = [x.shape for x in self.inputs]
        return self.op.cost(self.shape, shapes, self.attrs) if self.op else 0

    @property
    def bytes(self) -> int:
        """Bytes read and written to compute it once: none if it shares its input's memory."""
        if self.op is None or self.op.views:
            return 0
        return sum(math.prod(n.shape) * n.dtype.itemsize for n in (self, *self.inputs))

    @property
    def label(self) -> str:
        """Its name if it has one, else its operation's, else what kind of leaf it is."""
        return self.name or (self.op.name if self.op else "leaf" if self.tracked else "constant")

    @property
    def path(self) -> str:
        """Path of the module it ran in, "" at the top."""
        return self.scope.path if self.scope else ""

    def __repr__(self) -> str:
        inside = f" in {self.scope}" if self.scope else ""
        return f"<{self.label} {self.shape} {self.dtype}{inside}>"


def constant(value: Any, frame: FrameType | None = None) -> Node:
    """Return the node of a number or an array that is no tensor's, met in ``frame``."""
    array = np.asarray(value)
    node = Node(None, (), {}, array, False, [array], state.scope, frame)
    if array.ndim == 0:
        node.name = f"{array.item():.6g}"
    if state.capture is not None and isinstance(value, (int, float, np.generic)):
        state.capture.number(array, weak=not isinstance(value, np.generic))
    return node


_PACKAGE = __name__.partition(".")[0]


@functools.cache
def is_ours(module: str) -> bool:
    """Whether a module is this package's own code, and not a model's file."""
    inside = f"{module}.".startswith(f"{_PACKAGE}.")
    return inside and not module.startswith(f"{_PACKAGE}.models")


_users: CodeType | None = None  # where the last operation was found to be written


def user_frame(frame: FrameType | None = None) -> FrameType:
    """Return the innermost frame that is not this package's own code (a model's file is not).

    The search starts at ``frame``, by default the caller's.
    """
    frame = frame or sys._getframe(1)
    while is_ours(frame.f_globals.get("__name__", "")) and frame.f_back is not None:
        frame = frame.f_back
    return frame


def locate(error: Exception, scope: Scope | None) -> None:
    """Note on an error the module it comes from and the user's line, unless it has them."""
    if getattr(error, "__notes__", None):
        return
    trace, place = error.__traceback__, None
    while trace is not None:
        if not is_ours(trace.tb_frame.f_globals.get("__name__", "")):
            place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    error.add_note(f"in module {scope}" + (f", at {place}" if place else ""))


def line_of(code: CodeType, instruction: int) -> int:
    """Return the source line of an instruction offset."""
    lines = (line for start, end, line in code.co_lines() if start <= instruction < end and line)
    return next(lines, code.co_firstlineno)


def reachable(roots: Iterable[Node], *, tracked_only: bool = False, since: int = -1) -> list[Node]:
    """Return all nodes the roots depend on, inputs before outputs.

    With ``tracked_only``, those that gradients flow through; nodes numbered up to ``since`` are
    taken as leaves.

    Nodes are numbered when they are made, after their inputs: sorting by number is a
    topological order. No recursion, so depth does not matter.
    """
    seen: set[Node] = set()
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node not in seen and (node.tracked or not tracked_only):
            seen.add(node)
            if node.index > since:
                stack.extend(node.inputs)
    return sorted(seen, key=operator.attrgetter("index"))


class Graph:
    """All nodes some tensors depend on, in the order they were computed.

    Example:
        >>> graph = Graph.of(loss)
        >>> [node.op.name for node in graph if node.op]
        >>> graph.op("linear")[0].where
    """

    def __init__(self, outputs: Iterable[Node]) -> None:
        self.outputs = tuple(outputs)
        self.nodes = tuple(reachable(self.outputs))

    @classmethod
    def of(cls, *tensors: Any) -> Graph:
        """Return the graph behind one or more tensors (or nodes)."""
        return cls(t if isinstance(t, Node) else t.node for t in tensors)

    @classmethod
    def from_json(cls, text: str) -> Graph:
        """Return the graph that :meth:`to_json` wrote; see :mod:`tinygrad_ae.export.json`."""
        return formats["json"].read(text)

    def to_json(self) -> str:
        """Return the graph's structure as JSON; :mod:`tinygrad_ae.export.json` has the schema."""
        return formats["json"].write(self)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def op(self, name: str) -> list[Node]:
        """Return the nodes computed by the operation of that name, in order."""
        return [node for node in self.nodes if node.op and node.op.name == name]

    def module(self, path: str) -> list[Node]:
        """Return the nodes computed in the module at ``path`` or below it."""
        return [n for n in self.nodes if n.path == path or n.path.startswith(path + ".")]

    def filter(self, wanted: Callable[[Node], bool]) -> list[Node]:
        """Return the nodes for which ``wanted`` is true, in order."""
        return [node for node in self.nodes if wanted(node)]

    def counts(self) -> Counter[str]:
        """Return how often each operation occurs, by name."""
        return Counter(node.op.name for node in self.nodes if node.op)

    def leaves(self) -> list[Node]:
        """Return the nodes nothing computed: inputs, constants and parameters."""
        return [node for node in self.nodes if node.op is None]

    def consumers(self) -> dict[Node, list[Node]]:
        """Return, for each node, the nodes that take it as input (once per use)."""
        uses: dict[Node, list[Node]] = {node: [] for node in self.nodes}
        for node in self.nodes:
            for x in node.inputs:
                uses[x].append(node)
        return uses

    def values(self) -> dict[Node, Array]:
        """Return the output of each node, as far as it is known.

        Read from what the tape saved and what leaves hold; what was not saved is computed again
        from its inputs. Missing are the values of operations that backward has freed, and what
        depends on them; under ``record_everything`` all are saved until then.
        """
        known: dict[Node, Array] = {}
        for node in self.nodes:
            kept = node.saved or ()
            for x, value in zip(node.inputs, kept, strict=False):
                if isinstance(value, np.ndarray):
                    known.setdefault(x, value)
            if kept and kept[-1] is not None:
                known[node] = kept[-1]
            elif node.leaf is not None and (tensor := node.leaf()) is not None:
                known[node] = tensor.data
        for node in self.nodes:
            if node not in known and node.op and node.saved and not node.op.is_random:
                inputs = [known.get(x) for x in node.inputs]
                if all(x is not None for x in inputs):
                    known[node] = np.asarray(node.op.forward(*inputs, **node.attrs))
        return known

    def __repr__(self) -> str:
        operations = sum(node.op is not None for node in self.nodes)
        return f"<Graph: {operations} operations, {len(self) - operations} leaves>"


class Format(NamedTuple):
    """How a graph is written as text, and read again."""

    write: Callable[[Graph], str]
    read: Callable[[str], Graph]


formats: dict[str, Format] = {}  # by name; tinygrad_ae.export, which is above, enters its own
