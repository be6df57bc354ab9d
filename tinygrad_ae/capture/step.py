"""The compiled step: capture on first sight of its arguments' shapes, replay from then on."""

from __future__ import annotations

import functools
import inspect
import types
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..autodiff.tree import Rebuild, flatten
from ..errors import ModelError
from ..graph import state
from ..nn import Module, Parameter
from ..ops.op import Array
from ..optim import Optimizer
from ..tensor import Tensor, _wrap
from .hooks import tracing
from .plan import Plan
from .program import Uncapturable
from .trace import Trace


class CaptureWarning(UserWarning):
    """A step cannot be captured, and runs as it is written: right, but slower."""


class Entry:
    """What is known for one kind of arguments: a plan, or that there can be none."""

    def __init__(self, plan: Plan | None, modules: list[Module], rebuild: Rebuild) -> None:
        self.plan, self.rebuild = plan, rebuild
        self.modules = modules
        self.modes = self._modes()

    def _modes(self) -> list[bool]:
        return [module.training for module in self.modules]

    def fits(self) -> bool:
        """Whether modules and parameters are as they were."""
        return self._modes() == self.modes and (self.plan is None or self.plan.still_holds())

    def run(self, arrays: list[Array]) -> Any:
        """Replay."""
        assert self.plan is not None
        with np.errstate(all="ignore"):
            results = self.plan.run(*arrays)
        return self.rebuild([_wrap(r) for r in results])


class CompiledStep:
    """A function whose work was recorded once and is repeated without Python's overhead.

    Made by :func:`tinygrad_ae.compile`; called like the function itself.
    """

    def __init__(self, step: Callable[..., Any]) -> None:
        functools.update_wrapper(self, step)
        self._step = step
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
        """Run the step once and record it; what it returns is what it always returns."""
        tensors = [_entering(leaf) for leaf in leaves]
        inputs = [t.data for t in tensors if isinstance(t, Tensor)]
        entered = rebuild(tensors)
        args, kwargs = entered if named else (entered, {})
        around = list(_modules_around(self._step, leaves))
        trace = Trace(_parameters_around(self._step, around))
        try:
            with tracing(trace):
                result = self._step(*args, **kwargs)
        finally:
            trace.finish()
        outputs, rebuild_outputs = flatten(result)
        plan = None
        if trace.problem is None:
            try:
                kept = [t for t in outputs if isinstance(t, Tensor)]
                if len(kept) < len(outputs):
                    raise Uncapturable(
                        "it returns something that is not a tensor, which would never change"
                    )
                plan = Plan(trace, inputs, kept, _paths(self._step, leaves))
            except Uncapturable as problem:
                trace.problem = str(problem)
        if trace.problem:
            self._warn(trace.problem)
        modules = list(dict.fromkeys([*around, *trace.modules]))
        self._last = plan or self._last
        entry = Entry(plan, modules, rebuild_outputs)
        others = [e for e in self._entries.get(key, ()) if e.modes != entry.modes]
        self._entries[key] = [entry, *others]
        return rebuild_outputs([t.detach() if isinstance(t, Tensor) else t for t in outputs])

    def _warn(self, problem: str) -> None:
        if problem not in self._warned:
            self._warned.add(problem)
            name = getattr(self._step, "__qualname__", "the step")
            warnings.warn(
                f"{name} cannot be compiled and runs as it is written: {problem}",
                CaptureWarning,
                stacklevel=4,
            )


def compile(step: Callable[..., Any]) -> CompiledStep:
    """Record what a step does once, plan its memory, and replay it as straight-line NumPy.

    Args:
        step: a function of arrays, tensors and numbers (or nests of them) that returns tensors;
            what it does besides (backward passes, optimiser updates) is repeated as well.

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
    return CompiledStep(step)


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
        if isinstance(leaf, np.ndarray):
            key += (leaf.shape, leaf.dtype.char)
            arrays.append(leaf)
        elif type(leaf) is float:
            key.append(float)
            arrays.append(np.asarray(leaf, np.float32))
        else:
            key.append(leaf)
    return tuple(key), arrays


def _entering(leaf: Any) -> Any:
    """Return an argument as the step sees it while it is captured: arrays become tensors."""
    if isinstance(leaf, Tensor):
        return leaf
    if isinstance(leaf, np.ndarray) and leaf.dtype.kind in "fiub":
        return _wrap(leaf)
    if type(leaf) is float:
        return _wrap(np.asarray(leaf, np.float32))
    return leaf


def _modules_around(step: Callable[..., Any], arguments: list[Any]) -> Iterator[Module]:
    """Yield the modules a function can see: its own, its closure's, its globals' and arguments."""
    for thing in (*_seen_by(step), *arguments):
        if isinstance(thing, Module):
            yield from thing.modules()


def _parameters_around(step: Callable[..., Any], modules: list[Module]) -> list[Parameter]:
    found: dict[int, Parameter] = {}
    for thing in _seen_by(step):
        if isinstance(thing, Optimizer):
            found |= {id(p): p for p in thing.parameters}
    for module in modules:
        found |= {id(v): v for v in vars(module).values() if isinstance(v, Parameter)}
    return list(found.values())


def _paths(step: Callable[..., Any], arguments: list[Any]) -> dict[int, str]:
    """Return the paths of the parameters of the modules a function can see, by their id."""
    found: dict[int, str] = {}
    for thing in (*_seen_by(step), *arguments):
        if isinstance(thing, Module):
            for path, p in thing.named_parameters():
                found.setdefault(id(p), path)
    return found


def _seen_by(step: Any) -> Iterator[Any]:
    if isinstance(step, functools.partial):
        yield from (*step.args, *step.keywords.values())
        yield from _seen_by(step.func)
        return
    if isinstance(step, types.MethodType):
        yield step.__self__
        step = step.__func__
    if not inspect.isfunction(step):
        yield step
        return
    for cell in step.__closure__ or ():
        yield cell.cell_contents
    for name in step.__code__.co_names:
        if name in step.__globals__:
            yield step.__globals__[name]
