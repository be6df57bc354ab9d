"""Observers of the tape: they run its work in its stead, and time or count it."""

from __future__ import annotations

import tracemalloc
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from ...autodiff import no_grad
from ...core.graph import Scope, state
from ...core.tensor import as_tensor
from ...core.value import Value
from ...errors import UserError

Key = tuple[str, str, str]  # name, phase, module


def key_of(phase: str, subject: Any) -> Key:
    """Return what a piece of work is counted as."""
    if phase == "optimizer":
        return type(subject).__name__, phase, ""
    scope = _scope(phase, subject)
    op = subject if phase == "forward" else subject.op
    return op.name, phase, scope.path if scope else ""


def _scope(phase: str, subject: Any) -> Scope | None:
    return state.scope if phase == "forward" else getattr(subject, "scope", None)


@contextmanager
def observed(observer: Callable[..., Any]) -> Iterator[None]:
    """Let ``observer`` run the tape's work inside the block."""
    if state.observer is not None:
        raise UserError("profile is measuring already; it can't be used inside what it measures")
    state.observer = observer
    try:
        yield
    finally:
        state.observer = None


class Timer:
    """Times each piece of work; what runs inside another piece counts as part of it."""

    def __init__(self) -> None:
        self.seconds: dict[Key, float] = defaultdict(float)

    def __call__(self, phase: str, subject: Any, f: Any, /, *args: Any, **attrs: Any) -> Any:
        """Run a piece of work and time it."""
        key = key_of(phase, subject)
        state.observer = _unobserved
        start = perf_counter()
        try:
            return f(*args, **attrs)
        finally:
            self.seconds[key] += perf_counter() - start
            state.observer = self


def _unobserved(phase: str, subject: Any, f: Any, /, *args: Any, **attrs: Any) -> Any:
    return f(*args, **attrs)


@dataclass
class Count:
    """What pieces of work of one kind did; None where nothing says."""

    calls: int = 0
    flops: int | None = 0
    bytes: int | None = 0
    peak: int = 0


class Counter:
    """Counts what each piece of work does and allocates."""

    def __init__(self) -> None:
        self.costs: dict[Key, Count] = defaultdict(Count)
        self.kinds: dict[str, str] = {}
        self.peak = 0

    def measure(self, fn: Callable[[], Any]) -> None:
        """Run a function whose work this is the observer of."""
        was_tracing = tracemalloc.is_tracing()
        tracemalloc.start()
        try:
            self.start = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            fn()
            self._peak_since(self.start)
        finally:
            if not was_tracing:
                tracemalloc.stop()

    def _peak_since(self, before: int) -> int:
        """Return the bytes allocated over ``before`` at the most, and count afresh."""
        most = tracemalloc.get_traced_memory()[1]
        self.peak = max(self.peak, most - self.start)
        tracemalloc.reset_peak()
        return most - before

    def __call__(self, phase: str, subject: Any, f: Any, /, *args: Any, **attrs: Any) -> Any:
        """Run a piece of work and count it."""
        cost = self.costs[key_of(phase, subject)]
        self._note_modules(_scope(phase, subject))
        self._peak_since(0)
        before = tracemalloc.get_traced_memory()[0]
        state.observer = _unobserved
        try:
            result = f(*args, **attrs)
            cost.calls += 1
            cost.peak = max(cost.peak, self._peak_since(before))
            work: Tally | None = None
            if phase == "forward":
                work = Tally()
                work.add(subject, args, attrs, result)
            elif phase == "backward":
                work = work_of_rule(f, *args)
        finally:
            state.observer = self
        if work is None or cost.flops is None or cost.bytes is None:
            cost.flops = cost.bytes = None
        else:
            cost.flops += work.flops
            cost.bytes += work.bytes
        return result

    def _note_modules(self, scope: Scope | None) -> None:
        chain = []
        while scope is not None:
            chain.append(scope)
            scope = scope.parent
        for outer in reversed(chain):
            self.kinds.setdefault(outer.path, outer.kind)


class Tally:
    """Adds up what operations do: flops, bytes read and written, bytes of new arrays."""

    def __init__(self) -> None:
        self.flops = self.bytes = self.memory = 0

    def add(self, op: Any, inputs: Sequence[Any], attrs: dict[str, Any], result: Any) -> None:
        """Count an operation."""
        self.flops += op.cost(np.shape(result), [np.shape(x) for x in inputs], attrs)
        if not op.views:
            self.bytes += sum(np.asarray(v).nbytes for v in (*inputs, result))
            self.memory += np.asarray(result).nbytes

    def __call__(self, phase: str, subject: Any, f: Any, /, *args: Any, **attrs: Any) -> Any:
        """Run a piece of work; count it if it is an operation."""
        result = f(*args, **attrs)
        if phase == "forward":
            self.add(subject, args, attrs, result)
        return result


def work_of_rule(rule: Any, k: int, g: Any, node: Any, values: Sequence[Any]) -> Tally | None:
    """Run a rule on tensors, whose operations can be counted; None if it works on arrays alone."""

    def lift(value: Any) -> Any:
        return as_tensor(value).detach() if isinstance(value, (np.ndarray, Value)) else value

    tally, before = Tally(), state.observer
    state.observer = tally
    try:
        with no_grad(), np.errstate(all="ignore"):
            rule(k, lift(g), node, [lift(value) for value in values])
    except Exception:  # a stranger's code: the real run has succeeded
        return None
    finally:
        state.observer = before
    return tally
