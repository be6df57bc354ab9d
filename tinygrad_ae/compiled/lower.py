"""From what a step did to lines of NumPy: each event in turn, each operation by its rule."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence

from ..core.graph import Node
from ..core.tensor import Tensor
from ..ops.op import Array
from ..optim import Optimizer
from ..optim.update import Compiler
from . import convolution, elementwise, structural
from .lines import Lines
from .program import PlanArray, Uncapturable
from .trace import STEP, Call, Grads, Trace, Write

RULES = structural.RULES | convolution.RULES
"""How the operations that are not elementwise become lines, by name."""


class Lowering(Lines):
    """Turns a trace into a program.

    Args:
        trace: what the step did.
        inputs: the arrays the step was given, which differ from run to run.
        outputs: the tensors it returned.
        paths: what parameters are called, by their id.
        gradient_memory: where gradients are best written, by the id of their parameter.
        update: compiles the equations of optimisers.
    """

    def __init__(
        self,
        trace: Trace,
        inputs: Sequence[Array],
        outputs: Sequence[Tensor],
        paths: Mapping[int, str],
        gradient_memory: Mapping[int, Array],
        update: Compiler,
    ) -> None:
        super().__init__(trace, inputs, paths)
        self.gradient_memory, self.update = gradient_memory, update
        # what lines have set ``grad`` to, by the id of the leaf: the trace's array, our value
        self._grads: dict[int, tuple[Array | None, PlanArray | None]] = {}
        self._held: set[PlanArray] = set()  # buffers that those values are all of
        self._given = {id(array) for array in inputs}
        for event in trace.events:
            if isinstance(event, Node):
                self._lower(event)
            elif isinstance(event, Write):
                self._write(event)
            else:
                self._call(event)
        self._set_grads(trace.grads(trace.leaves))
        self.program.kept = [value for _, value in self._grads.values() if value is not None]
        self.program.outputs = [self.array_value(t.data, t.node) for t in outputs]
        if any(value.weak and value.local for value in self.program.outputs):
            raise Uncapturable(f"it returns a number that it was given, at {trace.place}")
        self.program.drop_unused()

    def _lower(self, node: Node) -> None:
        assert node.op is not None
        through = self.trace.pulled.get(node)
        self._label = f"d_{through.label}" if through else node.label
        self.backward = through is not None
        if "recompute" in node.attrs:
            raise Uncapturable(f"remat runs Python code anew in each step, at {node.where}")
        args = [self.value(x) for x in node.inputs]
        start = len(self.program.lines)
        emit = RULES.get(node.op.name)
        found = structural.of_numbers(self, node, args)
        if found is None and emit:
            found = emit(self, node, args)
        if found is None:
            found = elementwise.emit(self, node, args)
        if found is None and node.op.views:
            found = self.view(node, args)
        if found is None:
            try:
                found = structural.generic(self, node, args)
            except Uncapturable as problem:
                raise Uncapturable(f"{problem}, at {node.where}") from None
        self._values[node] = found
        for line in self.program.lines[start:]:
            line.node, line.backward = through or node, through is not None

    def _write(self, event: Write) -> None:
        target, value = self.value(event.target), self.full(self.value(event.value))
        if target.number is not None or (
            target.array is not None and self.trace.is_made(target.array)
        ):
            raise Uncapturable(f"a tensor made in the step is written to, at {event.where}")
        self.add("copyto({0}, {1})", [target, value], effect=True, where=event.where)

    def _call(self, event: Call) -> None:
        self._set_grads(event.grads, event.stamp)
        function = event.function.__qualname__.replace(".", "_").lower()
        owner = event.args[0] if event.args else None
        kind = type(owner).__name__.lower()
        text = kind + function[function.rfind("_") :] if "optim" in type(owner).__module__ else ""
        name = self.object(text or function.strip("_"), self._bound(event))
        values = (self._grads[id(leaf)][1] for leaf, _ in event.grads)
        reads = [value for value in values if value is not None]
        self.add(f"{name}()", reads, effect=True, where=event.where)

    def _bound(self, event: Call) -> Callable[[], None]:
        function, args, kwargs, result = event.function, event.args, event.kwargs, event.result
        if function is STEP:
            return functools.partial(args[0].update, self.update, self._gathered(args[0]))
        if result is None:
            return functools.partial(function, *args, **kwargs)

        def run() -> None:
            result[...] = function(*args, **kwargs)

        return run

    def _gathered(self, optimizer: Optimizer) -> bool:
        """Whether all its gradients are written where the optimiser reads them."""
        found = ((self._grads.get(id(p)), home) for p, home in optimizer.gradient_memory())
        return all(grad and grad[1] and grad[1].array is home for grad, home in found)

    def _set_grads(self, grads: Grads, stamp: float = math.inf) -> None:
        """Let tensors' ``grad`` be what it was in the step at the time ``stamp``."""
        for leaf, array in grads:
            if id(leaf.data) in self._given:
                raise Uncapturable("an argument of the step receives a gradient")
            if id(leaf) in self._grads and self._grads[id(leaf)][0] is array:
                continue
            tensor = "" if self.is_made(leaf.node) else self.object(f"p_{self._called(leaf)}", leaf)
            self._grads[id(leaf)] = array, None
            if array is None:
                if tensor:
                    self.add(f"{tensor}.grad = None", [], effect=True)
                continue
            g = self._own(array, stamp)
            home = self.gradient_memory.get(id(leaf))
            root = _whole(g)
            if home is not None and root.is_buffer and root.dtype == home.dtype:
                root.array, g.array = home.reshape(root.shape), home
                root.name = self.name(f"grad_{self._called(leaf)}")
            self._grads[id(leaf)] = array, g
            self._sources[id(array)] = g  # who reads the gradient from now on reads this memory
            for node in self._readers.pop(id(array), ()):
                del self._values[node]
            if tensor:
                self.add(f"{tensor}.grad = {{0:tensor}}", [g], effect=True)

    def _own(self, array: Array, stamp: float) -> PlanArray:
        """Return a gradient in memory of its own, which may be written to in place."""
        g = self.full(self.array_value(array, None))
        source = self.trace.copies.get(id(array), (array, None))[1]
        users = self.uses.get(self.origin(source), ()) if isinstance(source, Node) else ()
        root = _whole(g)
        plain = root.is_buffer and root.layout().flags.c_contiguous
        if not plain or root in self._held or (users and users[-1].index > stamp):
            copy = root = self.buffer(g.shape, g.dtype, "gradient")
            self.add("copyto({out}, {0})", [g], copy)
            g = copy
        self._held.add(root)
        return g


def _whole(value: PlanArray) -> PlanArray:
    """Return the buffer a value is all of, in the same order; else the value itself."""
    inner = value
    while inner.base is not None and inner.base.nbytes == value.nbytes:
        if not inner.layout().flags.c_contiguous:
            return value
        inner = inner.base
    return inner
