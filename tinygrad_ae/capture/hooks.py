"""What the core tells a trace while a step is captured.

While :func:`tracing` is active, the functions named here report to ``state.capture``; in other
threads, and at all other times, they are untouched.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import mutation, tensor
from ..autodiff import engine
from ..errors import ShapeError
from ..graph import Node, state
from ..nn import Module
from ..ops.op import Op
from ..tensor import Tensor

if TYPE_CHECKING:
    from .trace import Trace

ESCAPES = {
    "__array__": "np.asarray(t)",
    "__bool__": "bool(t)",
    "__float__": "float(t)",
    "__index__": "use as an index",
    "__int__": "int(t)",
    "item": "t.item()",
    "numpy": "t.numpy()",
    "tolist": "t.tolist()",
}
"""How a tensor's value reaches Python, where the graph cannot follow it."""

_one_at_a_time = threading.RLock()


@contextmanager
def tracing(trace: Trace) -> Iterator[None]:
    """Let ``trace`` hear of everything this thread computes, backward passes included."""
    with _one_at_a_time, ExitStack() as swaps:
        swaps.enter_context(_swapped(tensor, "_record", _recorded))
        swaps.enter_context(_swapped(Tensor, "_change", _changed))
        swaps.enter_context(_swapped(tensor, "_constant", _numbered))
        swaps.enter_context(_swapped(tensor, "_plain_index", _indexed))
        swaps.enter_context(_swapped(engine, "_seed", _seeded))
        swaps.enter_context(_swapped(engine, "pull_back", _pulled))
        swaps.enter_context(_swapped(engine, "_pull_node", _pulling))
        swaps.enter_context(_swapped(Tensor, "__init__", _made))
        swaps.enter_context(_swapped(Tensor, "_leaf_node", _tracked))
        swaps.enter_context(_swapped(Module, "__call__", _called))
        for name in ESCAPES:
            if hasattr(Tensor, name):
                swaps.enter_context(_swapped(Tensor, name, _escaped))
        before = state.capture, state.everything
        state.capture, state.everything = trace, True
        try:
            yield
        finally:
            state.capture, state.everything = before


@contextmanager
def _swapped(owner: Any, name: str, wrap: Callable[..., Any]) -> Iterator[None]:
    original = getattr(owner, name)
    setattr(owner, name, wrap(original))
    try:
        yield
    finally:
        setattr(owner, name, original)


def _recorded(record: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Record under ``no_grad`` too, as operations no gradient flows through."""

    def recorded(op: Op, args: Any, attrs: Any, *, unchecked: bool = False) -> Tensor:
        trace = state.capture
        if trace is None:
            return record(op, args, attrs, unchecked=unchecked)
        recording, state.recording = state.recording, True
        try:
            with trace.drawing(op, attrs):
                out = record(op, args, attrs, unchecked=unchecked)
        finally:
            state.recording = recording
        if not recording:
            out.node.tracked = False
        trace.recorded(out.node)
        return out

    return recorded


def _changed(change: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Note what is written into memory outside the graph."""

    def changed(self: Tensor, op: Op, other: Any, attrs: Any = None) -> Tensor:
        trace = state.capture
        tracked = self.requires_grad or (isinstance(other, Tensor) and other.requires_grad)
        if trace is None or (tracked and state.recording):
            return change(self, op, other, attrs)
        by = f"in-place {op.name}"
        value = tensor._record(op, (self, other), attrs or {})
        if value.shape != self.shape:
            raise ShapeError(f"{by} cannot give shape {value.shape} to a tensor {self.shape}")
        trace.written(self, value)
        np.copyto(self.data, value.data, casting="same_kind")
        mutation.mark(mutation.overwritten, self.data, by)
        return self

    return changed


def _numbered(constant: Callable[[Any], Node]) -> Callable[[Any], Node]:
    def numbered(value: Any) -> Node:
        node = constant(value)
        if state.capture is not None and isinstance(value, (int, float, np.generic)):
            assert node.saved is not None
            state.capture.number(node.saved[0], weak=not isinstance(value, np.generic))
        return node

    return numbered


def _indexed(plain_index: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Know where the copy of an index comes from."""

    def indexed(index: Any) -> Any:
        plain = plain_index(index)
        if state.capture is not None and isinstance(plain, np.ndarray):
            original = index.data if isinstance(index, Tensor) else index
            if isinstance(original, np.ndarray):
                state.capture.copies[id(plain)] = plain, original
        return plain

    return indexed


def _seeded(seed: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def seeded(root: Tensor, gradient: Any) -> Tensor:
        start = seed(root, gradient)
        if state.capture is not None and gradient is None:
            state.capture.number(start.data, weak=False)
        return start

    return seeded


def _made(init: Callable[..., None]) -> Callable[..., None]:
    def made(self: Tensor, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        if state.capture is not None:
            state.capture.made[id(self.data)] = self.data

    return made


def _tracked(leaf_node: Callable[..., Node]) -> Callable[..., Node]:
    """Keep the array of a leaf that starts to require gradients in the step."""

    def tracked(self: Tensor, tracked: bool) -> Node:
        node = leaf_node(self, tracked)
        if state.capture is not None:
            state.capture.entered[node] = self.data
        return node

    return tracked


def _pulled(pull_back: Callable[..., None]) -> Callable[..., None]:
    """Run the backward pass on tensors, which records it."""

    def pulled(
        seeds: Any,
        deliver: Callable[[Node, Tensor], None],
        *,
        targets: Any = None,
        since: int = -1,
        retain: bool = False,
        record: bool = False,
    ) -> None:
        trace = state.capture
        if trace is None:
            pull_back(seeds, deliver, targets=targets, since=since, retain=retain, record=record)
            return

        def hand_over(node: Node, g: Tensor) -> None:
            if node.leaf is not None and targets is None:
                trace.delivering(node.leaf())
            if not record:
                g, source = g.detach(), g.node
                trace.copies[id(g.data)] = g.data, source
            deliver(node, g)

        pull_back(seeds, hand_over, targets=targets, since=since, retain=True, record=True)

    return pulled


def _pulling(pull_node: Callable[..., None]) -> Callable[..., None]:
    """Let what a rule records stand in the module of the operation it pulls back through."""

    def pulling(node: Node, *args: Any) -> None:
        trace = state.capture
        if trace is None:
            pull_node(node, *args)
            return
        before = trace.pulling, state.scope
        trace.pulling, state.scope = node, node.scope
        try:
            pull_node(node, *args)
        finally:
            trace.pulling, state.scope = before

    return pulling


def _called(call: Callable[..., Any]) -> Callable[..., Any]:
    def called(self: Module, *args: Any, **kwargs: Any) -> Any:
        if state.capture is not None:
            state.capture.ran(self)
        return call(self, *args, **kwargs)

    return called


def _escaped(method: Callable[..., Any]) -> Callable[..., Any]:
    how = ESCAPES[method.__name__]

    def escaped(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        if state.capture is not None:
            state.capture.give_up(f"Python looks at a value that the graph computes ({how})")
        return method(self, *args, **kwargs)

    return escaped
