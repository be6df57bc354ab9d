"""Running a step once and writing down everything it does, in order."""

from __future__ import annotations

import copy
import dis
import functools
import inspect
import random
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from sys import getrefcount
from typing import Any, cast

import numpy as np

from ..core.graph import Node, clock, line_of, looked_at, state, user_frame
from ..core.tensor import Tensor, _wrap
from ..nn import Module, Parameter
from ..ops import astype
from ..ops.op import Array, Op
from ..optim import Optimizer
from ..util.random import default_generator
from .reach import is_core

Grads = list[tuple[Tensor, "Array | None"]]
"""The gradient each leaf has. (Pairs: tensors compare elementwise, so no dictionary.)"""

Gradients = dict[Node, Tensor]

_ARITHMETIC = {
    "add", "sub", "mul", "div", "power", "neg", "abs", "mod", "floor_divide",
    "equal", "not_equal", "less", "less_equal", "greater", "greater_equal",
}  # fmt: skip
"""Python's operators: of numbers they make numbers."""

STEP = inspect.unwrap(Optimizer.step)


@dataclass
class Write:
    """Memory that receives a value: ``target[...] = value``."""

    target: Node
    value: Node
    where: str


@dataclass
class Call:
    """A function that works in place on tensors and their gradients, such as an update.

    ``grads`` are the gradients that it may read, as they were at the time.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    grads: Grads
    result: Array | None
    where: str
    stamp: int = field(default_factory=lambda: next(clock))


@dataclass
class Number:
    """A number of the step's source, or a backward pass's start: it can never change."""

    array: Array
    weak: bool


class WeakNumber(Tensor):
    """A Python number on its way through a step that is recorded: as such it never changes."""

    __slots__ = ()
    _is_number = True
    __iadd__, __isub__ = Tensor.__add__, Tensor.__sub__
    __imul__, __itruediv__ = Tensor.__mul__, Tensor.__truediv__
    __ipow__, __ifloordiv__ = Tensor.__pow__, Tensor.__floordiv__
    __imod__ = Tensor.__mod__

    def __getattr__(self, name: str) -> Any:
        """Answer as a float does, outside the graph."""
        if name.startswith("_") or not hasattr(float, name):
            raise AttributeError(f"a number has no attribute {name!r}")
        looked_at(f"number.{name}")
        return getattr(self.data.item(), name)

    def __hash__(self) -> int:
        looked_at("a number as a key")
        return hash(self.data.item())

    def __round__(self, digits: int | None = None) -> Any:
        looked_at("round(number)")
        return round(self.data.item(), digits)

    def __divmod__(self, other: Any) -> Any:
        looked_at("divmod(number, ...)")
        return divmod(self.data.item(), other)

    def __repr__(self) -> str:
        looked_at("repr(number)")
        return repr(self.data.item())

    @classmethod
    def of(cls, value: float) -> WeakNumber:
        """Return a number as a tensor."""
        number: Any = _wrap(np.asarray(value))
        number.__class__ = cls
        return cast(WeakNumber, number)


class Trace:
    """What a step did.

    Attributes:
        place: file and line of the step, for what is found when it is over.
        start: the clock when it began: what is older came from outside.
        events: the operations, writes and calls, in order.
        leaves: the tensors it delivered gradients to.
        must_be_none: those whose ``grad`` it added to without having reset it.
        modules: the modules that ran.
        numbers: the constants it used, by the id of their array.
        arrays: those of leaves that were new to the graph.
        weak: by their id, numbers that take the dtype of what they meet, as Python's do: those
            the step was given, and what its operators make of them.
        copies: by their id, arrays that hold the same as a node's result or another array.
        pulled: for what a backward pass recorded, the operation it pulled back through.
        problem: why it cannot be replayed, with the line; None if it can.
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        generators: Iterable[Any],
        place: str,
        is_second: bool = False,
    ) -> None:
        self.place, self._is_second = place, is_second
        self.start = next(clock)
        self.events: list[Node | Write | Call] = []
        self.leaves: list[Tensor] = []
        self._places: dict[int, int] = {}  # where in that list they are, by their ids
        self.must_be_none: list[Tensor] = []
        self.modules: list[Module] = []
        self.numbers: dict[int, Number] = {}
        self.arrays: dict[Node, Array] = {}
        self.pulled: dict[Node, Node] = {}
        self.copies: dict[int, tuple[Array, Node | Array]] = {}
        self.weak: dict[int, Array] = {}
        self.problem: str | None = None
        self._is_weak = False  # the result of the operation that is being computed
        self._made: dict[int, tuple[Array, Array]] = {}  # arrays, and what they are copies of
        self._around = sys._getframe(1).f_code
        self._through: Node | None = None  # the operation whose rules are running
        self._undo: list[Callable[[], None]] = []
        self._late: list[Call] = []  # optimisers' steps that wait
        self._generators: dict[int, tuple[Any, Any]] = {}
        for generator in (default_generator, *generators):
            self._expect(generator)
        # Parameters without a gradient get a mark instead, which shows if the step resets it.
        self._marks: dict[int, tuple[Parameter, Tensor]] = {}
        self._before: dict[int, tuple[Parameter, Tensor | None]] = {}  # gradients, or marks
        for p in parameters:
            if p.grad is None and p.requires_grad:
                p.grad = _wrap(np.broadcast_to(np.zeros((), p.dtype), p.shape))
                self._marks[id(p)] = p, p.grad
            self._before[id(p)] = p, p.grad

    def finish(self) -> None:
        """Remove the marks, and see that nothing but the graph drew random numbers."""
        self._see_assigned(p for p, _ in self._before.values())
        for p, mark in self._marks.values():
            if p.grad is mark:
                p.grad = None
        for generator, _ in list(self._generators.values()):
            self._expect(generator, self.place)

    def undo(self) -> None:
        """Bring everything the step changed back to what it was, so that a plan may run it.

        Gradients are gone, and their memory with them: the plan sets them before anything reads
        them.
        """
        for restore in reversed(self._undo):
            restore()
        for leaf in self.leaves:
            leaf.grad = None

    # ---- told by the core, where it says ``state.capture``

    @contextmanager
    def hearing(self) -> Iterator[None]:
        """Hear of everything this thread computes, under ``no_grad`` too."""
        before = state.capture, state.everything
        state.capture, state.everything = self, True
        try:
            yield
        finally:
            state.capture, state.everything = before

    def give_up(self, why: str, place: str | None = None) -> None:
        """Note why the step cannot be replayed (the first reason), and the line that runs now."""
        self.catch_up()
        if self.problem is None:
            self.problem = f"{why}, at {place or _here()}"

    def computing(self, op: Op, attrs: dict[str, Any], values: list[Any]) -> list[Any]:
        """See that nothing else has drawn from the generator an operation is about to use.

        Return what it is to be computed from: of numbers that were passed to the step, numbers.
        """
        self.catch_up()
        if op.is_random and attrs["generator"] is not None:
            self._expect(attrs["generator"])
        self._is_weak = False
        if not self.weak or not any(id(v) in self.weak for v in values):
            return values
        values = [v.item() if id(v) in self.weak else v for v in values]
        self._is_weak = op.name in _ARITHMETIC and all(isinstance(v, (int, float)) for v in values)
        return values

    def recorded(self, result: Tensor) -> None:
        """Note an operation."""
        node = result.node
        self.events.append(node)
        if self._is_weak:
            self.weak[id(result.data)] = result.data
            result.__class__ = WeakNumber
        if self._through is not None:
            self.pulled[node] = self._through
        generator = node.attrs.get("generator")
        if generator is not None:
            self._generators[id(generator)] = generator, _state_of(generator)

    @contextmanager
    def pulling(self, node: Node) -> Iterator[None]:
        """Let what a rule records stand in the module of the operation it pulls back through."""
        before = self._through, state.scope
        self._through, state.scope = node, node.scope
        try:
            yield
        finally:
            self._through, state.scope = before

    def owned(self, g: Tensor) -> Tensor:
        """Return a leaf's gradient in memory that nobody else holds.

        A second recording, which is only compared, lets go of what it was computed in.
        """
        node = g._node
        saved = (node and node.saved) or [None]
        is_its_own = saved[-1] is g.data and g.data.base is None and _holders(g) == _ALONE + 1
        if self._is_second and is_its_own:
            saved[-1] = None
            return g
        return _wrap(g.data.copy(), node)

    def pulled_back(self, found: Gradients, *, to_leaves: bool, record: bool) -> Gradients:
        """Hear of the gradients that a backward pass, itself recorded, is about to hand over."""
        for node, g in found.items():
            if to_leaves and node.leaf is not None:
                self._receives(node.leaf())
            if not record:
                found[node] = g.detach()
                self.copied(g.data, g.node)
        return found

    def copied(self, array: Array, source: Node | Array) -> None:
        """Note an array that holds the same as a node's result or another array."""
        self.copies[id(array)] = array, source

    def made(self, array: Array, data: Any) -> None:
        """Note the array of a new tensor, made of ``data``."""
        source = data.data if isinstance(data, Tensor) else data
        self._made[id(array)] = array, source if isinstance(source, np.ndarray) else array
        if isinstance(data, Tensor):
            if data.dtype != array.dtype:
                data = astype(data.detach(), array.dtype)
            self.copied(array, data.node)
        elif isinstance(data, np.ndarray) and data.dtype == array.dtype:
            self.copied(array, data)

    def is_made(self, array: Array) -> bool:
        """Whether an array is that of a tensor the step made."""
        return id(array) in self._made

    def entered(self, node: Node, array: Array) -> None:
        """Keep the array of a leaf that is new to the graph."""
        self.arrays[node] = array

    def ran(self, module: Module) -> None:
        """Note a module whose mode the step may depend on."""
        self.modules.append(module)

    def number(self, array: Array, weak: bool) -> None:
        """Note an array that nobody can write to."""
        self.numbers[id(array)] = Number(array, weak)

    def written(self, target: Tensor, value: Tensor) -> None:
        """Note that ``target`` receives a value in place."""
        self.catch_up()
        self._shares([target.data])
        memory, before = target.data, target.data.copy()
        self._undo.append(lambda: np.copyto(memory, before))
        self.events.append(Write(target.node, value.node, _here()))

    def _receives(self, leaf: Tensor | None) -> None:
        """Note that a leaf is about to receive a gradient."""
        if leaf is None:
            return
        known = id(leaf) in self._places
        if leaf.grad is not None and leaf.grad is self._marks.get(id(leaf), (None, None))[1]:
            self.must_be_none.append(leaf)  # it had none before the step, and was not reset in it
            leaf.grad = None
        elif leaf.grad is not None and not known:
            self.give_up(
                f"it adds to the gradient that {leaf.label()} had before the step (call "
                "zero_grad() inside the step)"
            )
        if not known:
            self._places[id(leaf)] = len(self.leaves)
            self.leaves.append(leaf)

    def _see_assigned(self, parameters: Iterable[Tensor]) -> None:
        """Note the parameters whose gradient the step has reset or set, without a backward pass."""
        for p in parameters:
            before = self._before.get(id(p))
            if before is not None and p.grad is not before[1] and id(p) not in self._places:
                self._places[id(p)] = len(self.leaves)
                self.leaves.append(p)

    def call(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Run a function that works in place, and note it; a number it returns stays live."""
        args = tuple(list(a) if isinstance(a, Iterator) else a for a in args)
        given = args[0].parameters if function is STEP else _tensors_in(args)
        self._see_assigned(given)
        read = given if function is STEP else self.leaves
        if any(map(_is_number, (*args, *kwargs.values()))):
            looked_at(f"{function.__name__}(...)")
            args = tuple(a.data.item() if _is_number(a) else a for a in args)
            kwargs = {k: a.data.item() if _is_number(a) else a for k, a in kwargs.items()}
        call = Call(function, args, kwargs, self.grads(read), None, _here())
        self.events.append(call)
        if function is STEP:
            self._late.append(call)
            if not self._is_last() or self._shares(p.data for p in given):
                self.catch_up()
            return None
        self.catch_up()
        state.capture = None
        try:
            result = function(*args, **kwargs)
        finally:
            state.capture = self
        if result is None:
            return None
        call.result = np.array(result)
        return _wrap(call.result)

    def _is_last(self) -> bool:
        """Whether nothing follows in the step but its return, by the code of all that called."""
        frame: types.FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code is not self._around:
            if not is_core(frame) and not _returns(frame.f_code, frame.f_lasti):
                return False
            frame = frame.f_back
        return True

    def _shares(self, arrays: Iterable[Array]) -> bool:
        """Whether memory is about to change of which the step made a copy: say so if it is."""
        copied = [a for pair in self._made.values() for a in pair]
        shared = any(np.may_share_memory(a, b) for a in arrays for b in copied)
        if shared:
            self.give_up("it changes a tensor after making one of it, or one that it made")
        return shared

    def catch_up(self) -> None:
        """Do the optimisers' steps that were put off, now that their effects may be seen.

        Mostly such a step comes last and is left to the plan: the memory is spared that it takes
        to do it and undo it.
        """
        while self._late:
            call = self._late.pop(0)
            (optimizer,) = call.args
            now = [(leaf, leaf.grad) for leaf, _ in call.grads]
            for leaf, g in call.grads:
                leaf.grad = None if g is None else _wrap(g)
            hearing, state.capture = state.capture, None
            try:
                self._undo.append(_snapshot(optimizer))
                optimizer.update()
            finally:
                state.capture = hearing
            for leaf, grad in now:
                leaf.grad = grad

    def grads(self, of: Iterable[Tensor]) -> Grads:
        """Return the gradients that some leaves have now, in the order in which they got one."""
        found = sorted(self._places[id(t)] for t in of if id(t) in self._places)
        leaves = (self.leaves[k] for k in found)
        return [(leaf, None if leaf.grad is None else leaf.grad.data) for leaf in leaves]

    def _expect(self, generator: Any, place: str | None = None) -> None:
        now = _state_of(generator)
        if id(generator) not in self._generators:
            self._generators[id(generator)] = generator, now
            if isinstance(generator, np.random.Generator):  # the plan will draw from it
                self._undo.append(lambda: setattr(generator.bit_generator, "state", now))
        known = self._generators[id(generator)]
        if _differ(known[1], now):
            kind = type(generator)
            self.give_up(
                f"random numbers are drawn outside the graph, from a {kind.__module__}."
                f"{kind.__qualname__} (draw them with ops.normal, ops.uniform, ops.bernoulli)",
                place,
            )
            self._generators[id(generator)] = generator, now


def _tensors_in(args: Iterable[Any]) -> list[Tensor]:
    """Return the tensors among some arguments, and in the lists among them."""
    lists = (a if isinstance(a, (list, tuple)) else (a,) for a in args)
    return [t for parts in lists for t in parts if isinstance(t, Tensor)]


_QUIET = (
    "RETURN", "LOAD_FAST", "LOAD_CONST", "LOAD_DEREF", "STORE_FAST", "POP_TOP", "BUILD_", "COPY",
    "SWAP", "NOP", "CACHE",
)  # fmt: skip
"""How instructions begin that call nothing and look into nothing."""


@functools.lru_cache(1024)
def _returns(code: types.CodeType, since: int) -> bool:
    """Whether after an instruction a function only returns what it has at hand."""
    for line in dis.get_instructions(code):
        if line.offset > since:
            if not line.opname.startswith(_QUIET):
                return False
            if line.opname.startswith("RETURN"):
                return True
    return False


def _is_number(a: Any) -> bool:
    return isinstance(a, Tensor) and a.size == 1 and not a.requires_grad


def _holders(t: Tensor) -> int:
    """Return how many hold a tensor's array."""
    return getrefcount(t.data)


_ALONE = _holders(_wrap(np.empty(0)))


def _snapshot(optimizer: Optimizer) -> Callable[[], None]:
    """Return a function that brings an optimiser and its parameters back to what they are now."""
    before = {name: _brief(value) for name, value in optimizer.state_dict().items()}
    values = [p.data.copy() for p in optimizer.parameters]

    def restore() -> None:
        optimizer.load_state_dict(before)
        for p, value in zip(optimizer.parameters, values, strict=True):
            np.copyto(p.data, value)

    return restore


def _brief(value: Any) -> Any:
    """Return zeros, which is what a state begins with, as an array that takes no memory."""
    if isinstance(value, np.ndarray) and not value.any():
        return np.broadcast_to(np.zeros((), value.dtype), value.shape)
    return value


def _state_of(generator: Any) -> Any:
    """Return a copy of a generator's state: NumPy's, old or new, or Python's."""
    if isinstance(generator, random.Random):
        return generator.getstate()
    if isinstance(generator, np.random.RandomState):
        return copy.deepcopy(generator.get_state(legacy=False))
    source = getattr(generator, "bit_generator", generator)
    return copy.deepcopy(source.state)


def _differ(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return any(_differ(a[key], b[key]) for key in a)
    if isinstance(a, tuple):
        return bool(a != b)
    return not np.array_equal(a, b)


def _here() -> str:
    frame = user_frame()
    return f"{frame.f_code.co_filename}:{line_of(frame.f_code, frame.f_lasti)}"
