"""The compiled step: capture on first sight of its arguments' shapes, replay from then on."""

from __future__ import annotations

import contextvars
import functools
import types
import warnings
from collections.abc import Callable
from typing import Any, overload

import numpy as np

from ..autodiff.tree import Rebuild, flatten
from ..errors import ModelError
from ..graph import state
from ..memory import give_back
from ..nn.module import changes
from ..ops.op import Array
from ..tensor import Tensor, _wrap, as_tensor
from .engine import Engine, compiler
from .plan import Plan
from .program import Uncapturable
from .surroundings import Surroundings
from .trace import Trace


class CaptureWarning(UserWarning):
    """A step cannot be captured, and runs as it is written: right, but slower."""


PLANS = 8
"""Plans kept for one kind of arguments. A setting that changes more often is no setting."""


class Entry:
    """What is known for one kind of arguments: a plan, or that there can be none."""

    def __init__(self, plan: Plan | None, around: Surroundings, rebuild: Rebuild) -> None:
        self.plan, self.rebuild = plan, rebuild
        self.around, self.settings, self.changes = around, around.settings(), changes[0]
        self.outside = around.outside()
        with np.errstate(all="ignore"):  # what overflows shows in the result, as in the tape's
            self._quiet = contextvars.copy_context()  # entered faster than the line above is

    def fits(self) -> bool:
        """Whether settings and parameters are as they were."""
        if self.plan is None:
            return True
        if changes[0] != self.changes:  # some module's attributes, maybe of this step's
            if self.around.settings() != self.settings:
                return False
            self.changes = changes[0]
        elif self.outside and self.around.outside() != self.outside:
            return False
        return self.plan.still_holds()

    def run(self, arrays: list[Array]) -> Any:
        """Replay."""
        assert self.plan is not None
        return self.rebuild([_wrap(r) for r in self._quiet.run(self.plan.run, *arrays)])


class CompiledStep:
    """A function whose work was recorded once and is repeated without Python's overhead.

    Made by :func:`tinygrad_ae.compile`; called like the function itself.
    """

    def __init__(self, step: Callable[..., Any], engine: Engine = "numpy") -> None:
        functools.update_wrapper(self, step)
        self._step, self._engine = step, engine
        compiler(engine)  # now is the time to miss it
        self._entries: dict[Any, list[Entry]] = {}
        self._last: Plan | None = None
        self._warned: set[str] = set()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the step: captured the first time, replayed when the arguments look alike."""
        if state.capture is not None:  # inside another step that is being captured
            return self._step(*args, **kwargs)
        leaves, rebuild = _flat(args, kwargs)
        key, arrays = _signature(leaves, bool(kwargs))
        for entry in self._entries.get(key, ()):
            if entry.fits():
                break
        else:
            return self._capture(key, leaves, rebuild, bool(kwargs))
        plan = entry.plan
        if plan is None or (plan.must_be_none and not plan.may_add()):
            entered = rebuild([_entering(leaf) for leaf in leaves])
            args, kwargs = entered if kwargs else (entered, {})
            return self._step(*args, **kwargs)
        self._last = plan
        return entry.run(arrays)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Bind to an object, as a function defined in a class does."""
        return self if instance is None else types.MethodType(self, instance)

    def source(self) -> str:
        """Return the plan that ran last, as lines of NumPy.

        Raises:
            ModelError: the step has not run yet, or cannot be captured.
        """
        if self._last is None:
            raise ModelError(
                "there is no plan to show: call the step first"
                + "".join(f". It cannot be captured: {why}" for why in self._warned)
            )
        return self._last.source

    def _capture(self, key: Any, leaves: list[Any], rebuild: Rebuild, named: bool) -> Any:
        """Run the step once and record it, then let the plan do it."""
        tensors = [_entering(leaf) for leaf in leaves]
        inputs = [t.data for t in tensors if isinstance(t, Tensor)]
        entered = rebuild(tensors)
        args, kwargs = entered if named else (entered, {})
        entry, eager = self._record(key, args, kwargs, leaves, inputs)
        if entry.plan is None:
            return eager
        # The plan does this step too, so that equal steps give equal results in every run.
        self._last = entry.plan
        give_back()
        return entry.run(inputs)

    def _record(
        self, key: Any, args: Any, kwargs: Any, leaves: list[Any], inputs: list[Array]
    ) -> tuple[Entry, Any]:
        """Run the step and plan what it did; without a plan return what it gave, too.

        All that the record held on to is free when this is over, before the plan runs.
        """
        around = Surroundings(self._step, leaves)
        settings = around.settings()
        trace = Trace(around.parameters(), around.place)
        try:
            with trace.hearing():
                result = self._step(*args, **kwargs)
        except BaseException:
            trace.finish()
            trace.catch_up()
            raise
        trace.finish()
        changed = around.changed(settings)
        if changed:
            trace.give_up(f"the step changes {changed}, which only Python does", trace.place)
        around.include(trace.modules)
        others = [e for e in self._entries.get(key, ()) if e.settings != around.settings()]
        if len(others) >= PLANS:
            name = around.changed(others[0].settings) or "a setting"
            trace.give_up(
                f"{name} keeps changing from call to call (pass it as an argument)", trace.place
            )
        outputs, rebuild_outputs = flatten(result)
        plan = self._plan(trace, around, inputs, outputs)
        entry = Entry(plan, around, rebuild_outputs)
        self._entries[key] = [entry, *others] if plan else [entry]
        if plan is None:
            trace.catch_up()
            detached = [t.detach() if isinstance(t, Tensor) else t for t in outputs]
            return entry, rebuild_outputs(detached)
        trace.undo()
        return entry, None

    def _plan(
        self, trace: Trace, around: Surroundings, inputs: list[Array], outputs: list[Any]
    ) -> Plan | None:
        """Return a plan for what was recorded; or None, having said why."""
        try:
            if trace.problem:
                raise Uncapturable(trace.problem)
            if not all(isinstance(output, Tensor) for output in outputs):
                raise Uncapturable("it returns something that is not a tensor")
            return Plan(trace, inputs, outputs, around.paths(), around.homes(), self._engine)
        except Uncapturable as problem:
            self._warn(str(problem))
            return None

    def _warn(self, problem: str) -> None:
        if problem not in self._warned:
            self._warned.add(problem)
            name = getattr(self._step, "__qualname__", "the step")
            warnings.warn(
                f"{name} cannot be compiled and runs as it is written: {problem}",
                CaptureWarning,
                stacklevel=5,
            )


@overload
def compile(step: Callable[..., Any], *, engine: Engine = "numpy") -> CompiledStep: ...
@overload
def compile(*, engine: Engine) -> Callable[[Callable[..., Any]], CompiledStep]: ...
def compile(step: Callable[..., Any] | None = None, *, engine: Engine = "numpy") -> Any:
    """Record what a step does once, plan its memory, and replay it as straight-line NumPy.

    Args:
        step: a function of arrays, tensors and numbers (or nests of them) that returns tensors;
            what it does besides (backward passes, optimiser updates) is repeated as well. Other
            Python runs in the first call alone; there, ``data`` may not be updated yet.
        engine: what carries the plan out: ``"numpy"``, or ``"numba"`` (extra ``fast``), which
            compiles neighbouring elementwise operations and the optimiser's update to machine
            code: the same results, faster, after a second or two at the first call.

    Returns:
        A function of the same arguments. The tensors it returns are not part of a graph.

    Example:
        >>> @tinygrad_ae.compile
        ... def step(batch):
        ...     optimizer.zero_grad()
        ...     loss = model.loss(batch)
        ...     loss.backward()
        ...     optimizer.step()
        ...     return loss
    """
    if step is None:
        return functools.partial(CompiledStep, engine=engine)
    return CompiledStep(step, engine)


def _flat(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Any], Rebuild]:
    """Return the leaves of the arguments; the usual case, arrays alone, has nothing to unpack."""
    if not kwargs:
        for a in args:
            if not isinstance(a, (Tensor, np.ndarray)):
                break
        else:
            return list(args), tuple
    return flatten((args, kwargs)) if kwargs else flatten(args)


def _signature(leaves: list[Any], named: bool) -> tuple[Any, list[Array]]:
    """Return what must agree for a plan to be used again, and the arrays it is used on."""
    key: list[Any] = [state.recording, named]
    arrays: list[Array] = []
    for leaf in leaves:
        if isinstance(leaf, Tensor):
            node, leaf = leaf._node, leaf.data
            key.append(node is not None and node.tracked)
        elif isinstance(leaf, np.generic):
            leaf = np.asarray(leaf)
        if isinstance(leaf, np.ndarray):
            key += (leaf.shape, leaf.dtype.char)
            arrays.append(leaf)
        elif type(leaf) is float:
            key.append(float)
            arrays.append(np.asarray(leaf, np.float32))
        elif isinstance(leaf, (int, str)):
            key.append((type(leaf), leaf))
        else:
            key.append(_Same(leaf))
    return tuple(key), arrays


class _Same:
    """An argument that can only be compared by being the same object."""

    def __init__(self, thing: object) -> None:
        self.thing = thing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.thing is self.thing

    def __hash__(self) -> int:
        return id(self.thing)


def _entering(leaf: Any) -> Any:
    """Return an argument as the step sees it while it is captured: arrays become tensors."""
    if isinstance(leaf, Tensor):
        return leaf
    if isinstance(leaf, (np.ndarray, np.generic)):
        return as_tensor(np.asarray(leaf))
    if type(leaf) is float:
        return _wrap(np.asarray(leaf, np.float32))
    return leaf
