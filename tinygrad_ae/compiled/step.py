"""The compiled step: capture on first sight of its arguments' shapes, replay from then on."""

from __future__ import annotations

import contextvars
import copy
import functools
import sys
import threading
import types
import warnings
import zlib
from collections.abc import Callable
from typing import Any, overload

import numpy as np

from ..autodiff.tree import Rebuild, flatten
from ..core.graph import state
from ..core.inplace import owner_of
from ..core.tensor import Tensor, _wrap, as_tensor
from ..errors import ModelError
from ..ops.op import Array
from ..util.malloc import give_back
from .engine import ENGINES, Engine, compiler
from .guards import WAYS, Guard, Guards
from .plan import Plan
from .program import Uncapturable
from .reach import Ran, Reach, everybodys, is_foreign, noting
from .trace import Trace, WeakNumber
from .witness import Record


class CaptureWarning(UserWarning):
    """A step cannot be captured, and runs as it is written: right, but slower."""


PLANS = 8
"""Plans kept for one kind of arguments."""

KINDS = 64
"""Kinds of arguments that plans are kept for, the latest."""

WORTH = 4
"""Replays that a plan has to see on average: a setting that changes more often is no setting."""

SMALL = 4096
"""Bytes of an array up to which its values are compared, though the plan reads them anew."""

_NUMBERS = frozenset(c for c in np.typecodes["All"] if np.dtype(c).kind in "biuf")
"""Codes of the types of arrays that can enter a graph."""

LARGEST = 1 << 20
"""Bytes of an array above which comparing its values at each call takes too long."""


class CacheEntry:
    """What is known for one kind of arguments: a plan, or that there can be none.

    Attributes:
        plan: the plan; None if the step runs as it is written.
        guards: what it depends on beside its arguments.
        rebuild: gives results the form in which the step returns them.
        record: what the step did, until a second recording has confirmed it.
        samples: some values of the arguments that it was recorded with.
        uses: how often it was replayed.
    """

    def __init__(
        self, plan: Plan | None, guards: Guards, rebuild: Rebuild, record: Record | None = None
    ) -> None:
        self.plan, self.guards, self.rebuild, self.record = plan, guards, rebuild, record
        self.samples: list[bytes] | None = None
        self.uses = 0
        with np.errstate(all="ignore"):  # what overflows shows in the result, as in the tape's
            self._quiet = contextvars.copy_context()  # entered faster than the line above is

    def run(self, arrays: list[Any]) -> Any:
        """Replay."""
        assert self.plan is not None
        self.uses += 1
        return self.rebuild([_wrap(r) for r in self._quiet.run(self.plan.run, *arrays)])

    def wants_witness(self, arrays: list[Any]) -> bool:
        """Whether the step is to be recorded again: at the second call, and with new arguments."""
        return self.uses == 1 or _samples(arrays) != self.samples


class CompiledStep:
    """A function whose work was recorded once and is repeated without Python's overhead.

    Made by :func:`tinygrad_ae.compile`; called like the function itself.
    """

    def __init__(self, step: Callable[..., Any], engine: Engine = "numpy") -> None:
        functools.update_wrapper(self, step)
        self._step, self._engine = step, engine
        compiler(engine)  # now is the time to miss it
        self._entries: dict[Any, list[CacheEntry]] = {}
        self._last: Plan | None = None
        self._lazy = 0  # calls in which the step only set what was not set before
        self._warned: dict[str, str] = {}  # by the line, what was said of it
        self._given: Any = None  # the arguments of this call, as they came
        self._lock = threading.RLock()  # a plan has one set of buffers

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy the step, not what was recorded of it."""
        return type(self), (self._step, self._engine)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the step: captured the first time, replayed when the arguments look alike.

        Threads that call it at once wait for each other.
        """
        if state.capture is not None or state.as_written:  # inside another step: a part of it
            return self._step(*args, **kwargs)
        with self._lock:
            self._given = args, kwargs
            try:
                return self._run_or_replay(args, kwargs)
            finally:
                self._given = None

    def _run_or_replay(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        leaves, rebuild, form = _flat(args, kwargs)
        if state.anomaly:  # each operation is to be looked at
            return self._eager(leaves, rebuild, bool(kwargs))
        key, arrays = _signature(leaves, form)
        for entry in self._entries.get(key, ()):
            if entry.guards.hold():
                break
        else:
            return self._capture(key, leaves, rebuild, bool(kwargs), arrays)
        plan = entry.plan
        if plan is None or (plan.must_be_none and not plan.may_add()):
            return self._eager(leaves, rebuild, bool(kwargs))
        self._last = plan
        if entry.record is not None and entry.wants_witness(arrays):
            return self._confirm(key, entry, leaves, rebuild, bool(kwargs), arrays)
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
                + "".join(f". It cannot be captured: {why}" for why in self._warned.values())
            )
        return self._last.source

    def _eager(self, leaves: list[Any], rebuild: Rebuild, named: bool) -> Any:
        """Run the step as it is written, on what it was recorded with: arrays become tensors."""
        given = rebuild([leaf if type(leaf) is float else _entering(leaf) for leaf in leaves])
        args, kwargs = given if named else (given, {})
        nests = _nests(self._given, (args, kwargs))
        state.as_written = True
        try:
            return self._step(*args, **kwargs)
        finally:
            state.as_written = False
            _hand_back(nests)

    def _capture(
        self, key: Any, leaves: list[Any], rebuild: Rebuild, named: bool, arrays: list[Any]
    ) -> Any:
        """Run the step once and record it, then let the plan do it."""
        while len(self._entries) >= KINDS:
            del self._entries[next(iter(self._entries))]
        entry, eager = self._record(key, leaves, rebuild, named, arrays)
        if entry.plan is None:
            return eager
        # The plan does this step too, so that equal steps give equal results in every run.
        self._last = entry.plan
        give_back()
        return entry.run(arrays)

    def _record(
        self, key: Any, leaves: list[Any], rebuild: Rebuild, named: bool, arrays: list[Any]
    ) -> tuple[CacheEntry, Any]:
        """Record the step and plan what it did; without a plan return what it gave, too.

        All that the record held on to is free when this is over, before the plan runs.
        """
        around = Reach(self._step, leaves)
        if any(type(leaf) is float for leaf in leaves) and around.asks_kinds():
            entry = CacheEntry(None, Guards([], []), rebuild)
            self._warn(f"it may ask what a number is, once recorded a tensor, at {around.place}")
            self._entries[key] = [entry]
            return entry, self._eager(leaves, rebuild, named)
        if around.asks_for_missing_gradients():
            return self._later(key, around, leaves, rebuild, named)
        sums = _sums(around)
        trace, inputs, result, ran = self._run(around, leaves, rebuild, named)
        changed = Guards(around.direct, around.counted).changed()
        if changed and changed.is_unset and self._lazy < PLANS and trace.problem is None:
            self._lazy += 1  # what is made at first need is there in the next call
            outputs, rebuild_outputs = flatten(result)
            eager = self._as_written(trace, outputs, rebuild_outputs)
            return CacheEntry(None, Guards([], []), rebuild_outputs), eager
        _see_changes(trace, changed, sums, _sums(around))
        also: list[Any] = [*trace.modules]
        around = Reach(self._step, leaves, also, ran)
        if unseen := around.unseen():
            around = Reach(self._step, leaves, [*also, *unseen], ran)
        if around.problem:
            trace.give_up(*around.problem)
        others = self._others(key, trace)
        outputs, rebuild_outputs = flatten(result)
        entry = self._planned(trace, around, inputs, outputs, rebuild_outputs)
        if entry.plan is None:
            self._entries[key] = [entry]
            return entry, self._as_written(trace, outputs, rebuild_outputs)
        entry.samples = _samples(arrays)
        self._entries[key] = [entry, *others]
        trace.undo()
        return entry, None

    def _run(
        self,
        around: Reach,
        leaves: list[Any],
        rebuild: Rebuild,
        named: bool,
        is_second: bool = False,
    ) -> tuple[Trace, list[Array], Any, Ran | None]:
        """Run the step under a new trace."""
        generators = [*everybodys(), *around.generators]
        trace = Trace(around.parameters(), generators, around.place, is_second)
        tensors = [_entering(leaf) for leaf in leaves]
        inputs = [t.data for t in tensors if isinstance(t, Tensor)]
        trace.weak |= {id(t.data): t.data for t in tensors if isinstance(t, WeakNumber)}
        entered = rebuild(tensors)
        args, kwargs = entered if named else (entered, {})
        nests = _nests(self._given, (args, kwargs))
        try:
            with noting() as ran, trace.hearing():
                result = self._step(*args, **kwargs)
        except BaseException:
            trace.finish()
            trace.catch_up()
            raise
        finally:
            changed = _hand_back(nests)
        trace.finish()
        if changed:
            trace.give_up("it changes a list or dict that it was given", trace.place)
        if ran is None:
            why = "a profiler watches, so that what Python reads cannot be seen"
            trace.give_up(why, trace.place)
        return trace, inputs, result, ran

    def _confirm(
        self,
        key: Any,
        entry: CacheEntry,
        leaves: list[Any],
        rebuild: Rebuild,
        named: bool,
        arrays: list[Any],
    ) -> Any:
        """Record the step again, compare, and let the plan do it if the records agree."""
        around = Reach(self._step, leaves)
        if around.asks_for_missing_gradients():
            return self._later(key, around, leaves, rebuild, named)[1]
        sums = _sums(around)
        trace, inputs, result, ran = self._run(around, leaves, rebuild, named, is_second=True)
        outputs, rebuild_outputs = flatten(result)
        if ran is not None and ran.outside:
            trace.give_up(*ran.outside)
        _see_changes(trace, entry.guards.changed(), sums, _sums(around))
        if trace.problem is None:
            assert entry.record is not None
            trace.problem = entry.record.difference(_recorded(trace, around, inputs, outputs))
        if trace.problem is not None:
            self._warn(trace.problem)
            self._entries[key] = [CacheEntry(None, Guards([], []), rebuild_outputs)]
            return self._as_written(trace, outputs, rebuild_outputs)
        trace.undo()
        if _samples(arrays) != entry.samples:
            entry.record = None
        return entry.run(arrays)

    def _later(
        self, key: Any, around: Reach, leaves: list[Any], rebuild: Rebuild, named: bool
    ) -> tuple[CacheEntry, Any]:
        """Run the step as it is written, since it asks which gradients there are and some are not.

        Mostly it makes them, and can be recorded in the next call.
        """
        entry = CacheEntry(None, Guards([], []), rebuild)
        self._lazy += 1
        if self._lazy >= PLANS:
            self._warn(f"it asks whether a gradient is None, at {around.place}")
            self._entries[key] = [entry]
        return entry, self._eager(leaves, rebuild, named)

    def _others(self, key: Any, trace: Trace) -> list[CacheEntry]:
        """Return the plans to keep beside a new one: the latest, if plans are worth their while."""
        others = self._entries.get(key, [])[: PLANS - 1]
        if len(others) == PLANS - 1 and sum(e.uses for e in others) < WORTH * len(others):
            changed = others[0].guards.changed()
            name = changed.label if changed else "a setting"
            trace.give_up(
                f"{name} keeps changing from call to call (pass it as an argument)", trace.place
            )
        return others

    def _as_written(self, trace: Trace, outputs: list[Any], rebuild: Rebuild) -> Any:
        """Return what the step gave when Python ran it, now that this is to stand."""
        trace.catch_up()
        return rebuild([t.detach() if isinstance(t, Tensor) else t for t in outputs])

    def _planned(
        self,
        trace: Trace,
        around: Reach,
        inputs: list[Array],
        outputs: list[Any],
        rebuild: Rebuild,
    ) -> CacheEntry:
        """Return a plan for what was recorded; or, having said why, that there is none."""
        try:
            if trace.problem:
                raise Uncapturable(trace.problem)
            if not all(isinstance(output, Tensor) for output in outputs):
                raise Uncapturable(f"it returns something that is not a tensor, at {trace.place}")
            plan = Plan(
                trace, inputs, outputs, around.paths(), around.gradient_memory(), self._engine
            )
            direct = [*around.direct, *_of_arrays(around, plan), *_of_tensors(around, plan)]
            record = _recorded(trace, around, inputs, outputs)
            return CacheEntry(plan, Guards(direct, around.counted), rebuild, record)
        except Uncapturable as problem:
            self._warn(str(problem))
            return CacheEntry(None, Guards([], []), rebuild)

    def _warn(self, problem: str) -> None:
        line = problem.rpartition(", at ")[2]
        if line not in self._warned:
            self._warned[line] = problem
            name = getattr(self._step, "__qualname__", "the step")
            frame = sys._getframe(1)
            while is_foreign(frame) and frame.f_back is not None:
                frame = frame.f_back
            warnings.warn_explicit(
                f"{name} cannot be compiled and runs as it is written: {problem}",
                CaptureWarning,
                frame.f_code.co_filename,
                frame.f_lineno,
                registry=frame.f_globals.setdefault("__warningregistry__", {}),
            )


@overload
def compile(step: Callable[..., Any], *, engine: Engine = "numpy") -> CompiledStep: ...
@overload
def compile(*, engine: Engine = ...) -> Callable[[Callable[..., Any]], CompiledStep]: ...
def compile(step: Callable[..., Any] | None = None, *, engine: Engine = "numpy") -> Any:
    """Record what a step does once, plan its memory, and replay it as straight-line NumPy.

    Args:
        step: a function of arrays, tensors and numbers (or nests of them) that returns tensors;
            what it does besides (backward passes, optimiser updates) is repeated as well. Its
            Python runs in the first call and once more in the second (and in the first one with
            other arguments), to see that both would be recorded alike; there, ``data`` may not
            be updated yet. What it takes from outside the graph is compared before each replay
            or read anew by it; else the step runs as it is written, and a
            :class:`CaptureWarning` says why.
        engine: what carries the plan out: ``"numpy"``, or ``"numba"`` (extra ``fast``), which
            compiles neighbouring elementwise operations and the optimiser's update to machine
            code: the same results, faster, after a second or two at the first call.

    Returns:
        A function of the same arguments. The tensors it returns are not part of a graph. Without a
        step, as in ``@compile(engine="numba")``: what makes such a function of one.

    Raises:
        ModelError: the step is not a function, or there is no such engine.
        MissingExtra: the engine's package is not installed.

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
        return functools.partial(compile, engine=engine)
    if not callable(step):
        raise ModelError(
            f"compile takes the step, a function; got {step!r}. The engine is named: "
            f"compile(step, engine={ENGINES[-1]!r}), and so above a function: @compile(engine=...)"
        )
    return CompiledStep(step, engine)


def _flat(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Any], Rebuild, Any]:
    """Return the leaves of the arguments, what rebuilds these of leaves, and their form.

    The usual case, arrays alone, has nothing to unpack.
    """
    if not kwargs:
        for a in args:
            if not isinstance(a, (Tensor, np.ndarray)):
                break
        else:
            return list(args), tuple, len(args)
    given = (args, kwargs) if kwargs else args
    return *flatten(given), _form(given)


def _form(tree: Any) -> Any:
    """Return how arguments are nested: equal for those whose leaves can stand for each other's."""
    if tree is None:
        return None
    if isinstance(tree, dict):
        return type(tree), tuple((_exact(key), _form(value)) for key, value in tree.items())
    if isinstance(tree, (list, tuple)):
        return type(tree), tuple(map(_form, tree))
    return 0


def _exact(key: Any) -> Any:
    """Return what tells a key from one that is equal to it: True from 1, −0.0 from 0.0."""
    return key if type(key) is str else (type(key), repr(key) if type(key) is float else key)


def _signature(leaves: list[Any], form: Any) -> tuple[Any, list[Any]]:
    """Return what must agree for a plan to be used again, and the arrays it is used on."""
    key: list[Any] = [state.recording, form]
    arrays: list[Any] = []
    for leaf in leaves:
        if isinstance(leaf, Tensor):
            node, leaf = leaf._node, leaf.data
            key.append(node is not None and node.tracked)
        elif isinstance(leaf, np.floating):
            leaf = np.asarray(leaf)
        if isinstance(leaf, np.ndarray) and (char := leaf.dtype.char) in _NUMBERS:
            key += (leaf.shape, char)
            arrays.append(leaf)
        elif type(leaf) is float:
            key.append(float)
            arrays.append(leaf)
        elif isinstance(leaf, (int, str, np.generic)):
            key.append((type(leaf), leaf))
        else:
            key.append(_Same(leaf))
    if len(arrays) > 1 and len({id(a) for a in arrays}) < len(arrays):
        key.append(tuple([id(a) for a in arrays].index(id(a)) for a in arrays))
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
    """Return an argument as the step sees it while it is recorded: arrays become tensors.

    They share the caller's memory, so that what is changed in place is the caller's.
    """
    if isinstance(leaf, np.ndarray) and leaf.dtype.kind in "fiub":
        return _wrap(leaf.view(np.ndarray))
    if isinstance(leaf, np.floating):
        return as_tensor(np.asarray(leaf))
    if type(leaf) is float:
        return WeakNumber.of(leaf)
    return leaf


_Nests = list[tuple[Any, Any, Any]]


def _nests(given: Any, entered: Any) -> _Nests:
    """Return the lists and dicts among the arguments: the caller's, the step's, and its copy."""
    if not isinstance(given, (list, tuple, dict)):
        return []
    pairs = (
        (given[k], entered[k]) for k in (given if isinstance(given, dict) else range(len(given)))
    )
    found = [nest for pair in pairs for nest in _nests(*pair)]
    return found if isinstance(given, tuple) else [*found, (given, entered, copy.copy(entered))]


def _hand_back(nests: _Nests) -> bool:
    """Let the caller's lists and dicts be changed as the step changed its own; tell if it did."""
    is_changed = False
    for given, entered, before in nests:
        if _ids(entered) == _ids(before):
            continue
        is_changed = True
        own = {
            id(b): given[k]
            for k, b in (before.items() if isinstance(before, dict) else enumerate(before))
        }
        if isinstance(given, dict):
            now = {key: own.get(id(value), value) for key, value in entered.items()}
            given.clear()
            given.update(now)
        else:
            given[:] = [own.get(id(value), value) for value in entered]
    return is_changed


def _ids(nest: Any) -> list[Any]:
    """Return what a list or dict holds, by identity."""
    return (
        [(key, id(value)) for key, value in nest.items()]
        if isinstance(nest, dict)
        else [*map(id, nest)]
    )


def _samples(arrays: list[Any]) -> list[bytes]:
    """Return a few values of each argument, enough to tell batches apart."""
    found = []
    for array in arrays:
        flat = np.asarray(array).reshape(-1)
        found.append(flat[:: max(1, flat.size // 32)].tobytes())
    return found


def _sums(around: Reach) -> dict[str, int]:
    """Return checksums of the arrays that Python itself may change."""
    arrays = ((label, a) for label, a in around.arrays if a.dtype.kind in "fiub")
    return {label: zlib.crc32(np.ascontiguousarray(a).data) for label, a in arrays}


def _see_changes(
    trace: Trace, changed: Guard | None, before: dict[str, int], after: dict[str, int]
) -> None:
    """Give up if the step has changed something that its graph knows nothing of."""
    labels = [changed.label] if changed else []
    labels += [label for label in before if before[label] != after.get(label)]
    if labels:
        trace.give_up(f"the step changes {labels[0]}, which only Python does", trace.place)


def _recorded(trace: Trace, around: Reach, inputs: list[Array], outputs: list[Any]) -> Record:
    before = [array for _, array in around.arrays] + [t.data for _, t in around.tensors]
    owners = {id(owner) for a in before for owner in (a, owner_of(a))}
    return Record(trace, inputs, outputs, owners)


def _of_arrays(around: Reach, plan: Plan) -> list[Guard]:
    """Return guards of the values of arrays that Python itself may compute with.

    Of large ones that the plan reads anew it is taken that it is the graph that uses them.
    """
    guards = []
    for label, array in around.arrays:
        is_read = id(owner_of(array)) in plan.memory
        if array.nbytes > LARGEST and not is_read:
            raise Uncapturable(
                f"it may compute with {label}, an array of {array.nbytes / 1e6:.0f} MB, outside "
                f"the graph (pass it as an argument, or make it a tensor), at {around.place}"
            )
        if array.nbytes <= SMALL or not is_read:
            guards.append(Guard(label, "values", array, None, WAYS["values"][1](array, None)))
    return guards


def _of_tensors(around: Reach, plan: Plan) -> list[Guard]:
    """Return guards of where the memory of tensors is, and of which node and hooks they have."""
    labels = {id(t): label for label, t in around.tensors}
    tensors = {id(t): t for t, _, _ in plan.parameters}
    asked = around.asks_what_is_tracked()
    tensors |= {id(t): t for _, t in around.tensors if asked or id(owner_of(t.data)) in plan.memory}
    guards = [  # of the rest Python may ask the form
        Guard(f"the form of {label}", "form", t, None, WAYS["form"][1](t, None))
        for label, t in around.tensors
        if id(t) not in tensors
    ]
    for key, t in tensors.items():
        label = labels.get(key) or t.label()
        guards.append(Guard(f"{label}.data", "data", t, None, t.data))
        if t._node is None or not t.requires_grad:
            guards.append(Guard(label, "tracked", t, None, False))
        else:
            hooks = t._node.hooks
            guards.append(Guard(label, "node", t, None, t._node))
            if hooks is not None:
                guards.append(Guard(f"the hooks of {label}", "contents", hooks, None, [*hooks]))
            guards.append(Guard(f"the hooks of {label}", "hooks", t._node, None, hooks))
    return guards
