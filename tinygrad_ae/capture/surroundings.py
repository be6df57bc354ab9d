"""What a step can see beside its arguments: modules, optimisers, and Python's plain values.

A plan freezes the plain values it was captured with: a module's settings and mode, numbers in
the step's closure and among the globals it names. They are compared before each replay.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..nn import Module, Parameter
from ..ops.op import Array
from ..optim import Optimizer

_PLAIN = (bool, int, float, str, type(None))


class Surroundings:
    """What a function can see when it is called with some arguments.

    Attributes:
        modules: its own (as a method), its closure's, its globals' and its arguments', and all
            below them.
        optimizers: likewise.
        place: file and line where the function begins.
    """

    def __init__(self, step: Callable[..., Any], arguments: Iterable[Any]) -> None:
        seen = [*_seen_by(step), *arguments]
        self._roots = [thing for thing in seen if isinstance(thing, Module)]
        self.modules = list(dict.fromkeys(m for root in self._roots for m in root.modules()))
        self.optimizers = [thing for thing in seen if isinstance(thing, Optimizer)]
        code = getattr(getattr(step, "__func__", step), "__code__", None)
        self.place = f"{code.co_filename}:{code.co_firstlineno}" if code else repr(step)
        # Dictionary, key, default and label: of modules' attributes, and of the globals it names.
        self._attributes: list[tuple[dict[str, Any], str, Any, str]] = []
        self._globals: list[tuple[dict[str, Any], str, Any, str]] = []
        self._cells: list[tuple[Any, str]] = []
        self._watch_function(step)
        for module in self.modules:
            self._watch(module)

    def include(self, modules: Iterable[Module]) -> None:
        """Add modules that turned out to run in the step."""
        for module in dict.fromkeys(modules):
            if module not in self.modules:
                self.modules.append(module)
                self._watch(module)

    def settings(self) -> list[Any]:
        """Return the plain values the step may depend on, and which modules and parameters."""
        return self.outside() + [_known(d.get(key, d0)) for d, key, d0, _ in self._attributes]

    def outside(self) -> list[Any]:
        """Return those of them that are no module's, with which the settings begin."""
        return [c.cell_contents for c, _ in self._cells] + [
            d.get(key) for d, key, _, _ in self._globals
        ]

    def changed(self, before: list[Any]) -> str | None:
        """Return the name of a plain value that is not what it was, None if all are."""
        places = (*self._globals, *self._attributes)
        names = [name for _, name in self._cells] + [label for *_, label in places]
        for name, old, new in zip(names, before, self.settings(), strict=True):
            if old is not new and old != new:
                return name
        return None

    def parameters(self) -> list[Parameter]:
        """Return the parameters in sight, each once."""
        found = {id(p): p for optimizer in self.optimizers for p in optimizer.parameters}
        for module in self.modules:
            found |= {id(v): v for v in vars(module).values() if isinstance(v, Parameter)}
        return list(found.values())

    def paths(self) -> dict[int, str]:
        """Return what parameters are called, by their id."""
        found: dict[int, str] = {}
        for root in self._roots:
            for path, p in root.named_parameters():
                found.setdefault(id(p), path)
        return found

    def homes(self) -> dict[int, Array]:
        """Return where the optimisers want gradients written, by the id of their parameter."""
        return {
            id(p): memory
            for optimizer in self.optimizers
            for p, memory in optimizer.gradient_memory()
        }

    def _watch(self, module: Module) -> None:
        values = vars(module)
        kind = type(module).__name__
        self._attributes.append((values, "training", True, f"{kind}.training"))
        for name, value in values.items():
            is_plain = type(value) in _PLAIN and name not in ("training", "_name")
            if is_plain or isinstance(value, (Module, Parameter)):
                self._attributes.append((values, name, None, f"{kind}.{name}"))

    def _watch_function(self, step: Callable[..., Any]) -> None:
        function = getattr(step, "__func__", step)
        if not inspect.isfunction(function):
            return
        names = function.__code__.co_freevars
        for name, cell in zip(names, function.__closure__ or (), strict=True):
            if _is_plain(cell):
                self._cells.append((cell, name))
        for name in function.__code__.co_names:
            if type(function.__globals__.get(name, ...)) in _PLAIN:
                self._globals.append((function.__globals__, name, None, name))


def _known(value: Any) -> Any:
    """Return a value to compare: of a module or parameter, which one it is."""
    return id(value) if isinstance(value, (Module, Parameter)) else value


def _is_plain(cell: Any) -> bool:
    try:
        return type(cell.cell_contents) in _PLAIN
    except ValueError:  # a variable that has no value yet
        return False


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
        try:
            yield cell.cell_contents
        except ValueError:  # a variable that has no value yet
            continue
    for name in step.__code__.co_names:
        if name in step.__globals__:
            yield step.__globals__[name]
