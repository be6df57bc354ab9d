"""What a step's Python can read: the globals, cells and attributes that its code names.

The code says by name what it reads. From the step's own functions, and from those they name in
turn, the search goes on to the values behind the names, to the classes of objects, and into what
containers hold, until nothing new is named. Every such place becomes a guard. The search sees more
than one run of the step reads, which costs a comparison; it misses what code reads without naming
it, which the second recording is for (:mod:`.witness`).
"""

from __future__ import annotations

import argparse
import builtins
import collections
import collections.abc
import contextvars
import decimal
import dis
import functools
import gc
import logging
import operator
import os
import random
import sys
import threading
import types
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..core.tensor import Tensor
from ..nn import Module, Parameter
from ..ops import Op
from ..ops.op import Array
from ..optim import Optimizer
from .guards import MISSING, PLAIN, SNAPSHOTS, WAYS, Guard

_HERE = Path(__file__).parents[1]
_READ = tuple(str(_HERE / name) for name in ("data", "models", "train.py"))
"""Of our own code, what is read as the user's: the rest keeps nothing that is not in the graph."""

_NUMPY = Path(np.__file__).parent
_PACKAGES, _PYTHON = str(_NUMPY.parent), str(Path(dis.__file__).parent)

_ALL_ATTRIBUTES = {
    "vars", "__dict__", "getattr", "attrgetter", "globals", "locals", "eval", "exec", "astuple",
    "asdict", "fields", "__getattribute__", "__getstate__", "format", "format_map",
}  # fmt: skip
"""Names by which code reads what it does not name."""

_SEEING_ALL = (getattr, vars, eval, exec, globals, locals)
_OPEN_KINDS: tuple[type, ...] = (
    types.SimpleNamespace, argparse.Namespace, collections.UserDict, collections.UserList,
    threading.Event, np.poly1d,
)  # fmt: skip
"""Classes of Python's own that hold settings, whose code is not read: all they hold may matter."""

_KINDS = {"isinstance", "isscalar", "hasattr", "callable", "type"}
"""Names by which code asks what kind of thing something is."""

_IMPLICIT = {"forward", "training", "__call__"}

_ALL_GLOBALS = {"globals", "eval", "exec"}, {"f_globals", "__globals__"}
"""Functions, and attributes, by which code reads globals that it does not name."""

_STATES = {"bit_generator", "get_state", "getstate"}
"""Names by which code reads how far a random generator has come."""

_HELD: dict[type, tuple[str, ...]] = {
    functools.partial: ("func", "args", "keywords"),
    collections.deque: ("maxlen",),
    collections.defaultdict: ("default_factory",),
    decimal.Context: ("prec", "rounding", "Emin", "Emax", "clamp"),
    logging.Logger: ("level", "parent", "disabled", "manager"),
    logging.Manager: ("disable",),
}
"""What the methods of some of Python's own classes answer from, though nobody names it."""

_WEAK = (
    weakref.ref, weakref.WeakSet, weakref.WeakKeyDictionary, weakref.WeakValueDictionary,
    weakref.ProxyType, weakref.CallableProxyType,
)  # fmt: skip

_OPERATORS = {
    "+": "add", "-": "sub", "*": "mul", "/": "truediv", "@": "matmul", "**": "pow",
    "//": "floordiv", "%": "mod", "<": "lt", ">": "gt", "<=": "le", ">=": "ge", "==": "eq",
    "!=": "ne",
}  # fmt: skip
_SIGNS = {
    "BINARY_SUBSCR": {"__getitem__"}, "STORE_SUBSCR": {"__setitem__"},
    "UNARY_NEGATIVE": {"__neg__"},
}  # fmt: skip
"""The methods that signs stand for, of tensors: somebody may put others in their place."""


class Ran(dict[types.CodeType, "str | None"]):
    """Code objects that ran, each with the name of its module.

    Attributes:
        outside: what was asked that no guard can watch, and where; None if nothing.
    """

    outside: tuple[str, str] | None = None


_Generator = (np.random.Generator, np.random.RandomState, np.random.BitGenerator, random.Random)


@dataclass(frozen=True)
class Reads:
    """What a code object names, the functions defined in it included.

    Attributes:
        globals: names it looks up in its module.
        names: attributes, and strings that may be names of such.
        imports: modules it imports when it runs.
        data: lines on which it reads ``.data``, each with the name before it.
        codes: itself and the code objects inside it.
        everything: whether it may read what it does not name.
        loads: whether it gets modules by the strings in it.
        asks: whether it may ask if there is a gradient: it reads one, and compares with None.
    """

    globals: frozenset[str]
    names: frozenset[str]
    imports: frozenset[str]
    data: tuple[tuple[int, tuple[str, Any]], ...]
    codes: frozenset[types.CodeType]
    everything: bool
    loads: bool
    asks: bool


@functools.lru_cache(4096)
def _reads(code: types.CodeType) -> Reads:
    own: set[str] = set()
    names: set[str] = set()
    imports: set[str] = set()
    data: list[tuple[int, tuple[str, Any]]] = []
    before: tuple[str, Any] = "", None
    compares = False
    for line in dis.get_instructions(code):
        what = line.opname
        if what in ("LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "DELETE_GLOBAL"):
            own.add(line.argval)
        elif what.endswith(("_ATTR", "_METHOD")) or what == "IMPORT_FROM":
            names.add(line.argval)
            if line.argval == "data" and what.startswith("LOAD"):
                place = line.positions.lineno if line.positions else None
                data.append((place or code.co_firstlineno, before))
        elif what == "IMPORT_NAME":
            imports.add(line.argval)
        names |= _SIGNS.get(what, set())
        if what in ("BINARY_OP", "COMPARE_OP"):
            sign = line.argrepr.removeprefix("bool(").removesuffix(")")
            is_in_place = what == "BINARY_OP" and sign.endswith("=")
            method = _OPERATORS.get(sign[:-1] if is_in_place else sign)
            if method:
                names |= {f"__{method}__", f"__{'i' if is_in_place else 'r'}{method}__"}
            names |= {"__getitem__"} if sign == "[]" else set()
        compares = compares or what == "IS_OP" or what.endswith(("IF_NONE", "IF_NOT_NONE"))
        before = what, line.argval
    everything = not (own | names - {"eval"}).isdisjoint(_ALL_ATTRIBUTES)  # model.eval() is ours
    loads = not (own | names).isdisjoint({"import_module", "__import__", "modules"})
    texts = {c for c in _leaves(code.co_consts) if isinstance(c, str)}
    names |= {text for text in texts if all(part.isidentifier() for part in text.split("."))}
    inner = [_reads(c) for c in code.co_consts if isinstance(c, types.CodeType)]
    return Reads(
        frozenset(own).union(*(r.globals for r in inner)),
        frozenset(names).union(*(r.names for r in inner)),
        frozenset(imports).union(*(r.imports for r in inner)),
        (*data, *(place for r in inner for place in r.data)),
        frozenset([code]).union(*(r.codes for r in inner)),
        everything or any(r.everything for r in inner),
        loads or any(r.loads for r in inner),
        ("grad" in names and compares) or any(r.asks for r in inner),
    )


def _leaves(constants: Iterable[Any]) -> Iterator[Any]:
    """Yield constants, those in tuples too: a pattern's names are."""
    for constant in constants:
        yield from _leaves(constant) if isinstance(constant, tuple) else (constant,)


def _modules_called(name: str, package: str) -> Iterator[Any]:
    """Yield what an import of that name in that package may be, as far as it is loaded."""
    yield sys.modules.get(name)
    while package:
        yield sys.modules.get(f"{package}.{name}" if name else package)
        package = package.rpartition(".")[0]


@dataclass
class _Found:
    """What one search came upon."""

    direct: dict[Any, Guard] = field(default_factory=dict)
    counted: list[Guard] = field(default_factory=list)
    seen: dict[int, Any] = field(default_factory=dict)
    modules: list[Module] = field(default_factory=list)
    optimizers: list[Optimizer] = field(default_factory=list)
    tensors: list[tuple[str, Tensor]] = field(default_factory=list)
    arrays: list[tuple[str, Array]] = field(default_factory=list)
    generators: list[Any] = field(default_factory=list)
    functions: list[types.FunctionType] = field(default_factory=list)
    codes: set[types.CodeType] = field(default_factory=set)
    classes: dict[type, Any] = field(default_factory=dict)
    attributes: dict[str, list[Any]] = field(default_factory=dict)
    problem: tuple[str, str] | None = None


class Reach:
    """What a function can see when it is called with some arguments.

    Args:
        step: the function, method, or object that is called.
        arguments: the leaves of its arguments.
        also: what turned out to run in it: modules and functions.
        ran: what ran in it; all else is left out. None if that is not known.

    Attributes:
        place: file and line where the step begins.
        modules: all modules in sight, and all below them.
        optimizers: likewise.
        generators: random generators that Python itself could draw from.
        problem: why its Python cannot be guarded, and where; None if it can.
    """

    def __init__(
        self,
        step: Callable[..., Any],
        arguments: Iterable[Any],
        also: Iterable[Any] = (),
        ran: Ran | None = None,
    ) -> None:
        self._ran = ran
        roots = [("the step", step)]
        roots += [(_kind(a), a) for a in arguments if not _enters(a)]
        roots += [(_kind(a), a) for a in also]
        roots += [("Tensor", Tensor)]
        self._start = _unwrapped(step)
        kind = type(self._start)
        ways_in = (self._start, *(getattr(kind, name, None) for name in ("forward", "__call__")))
        code = next((f.__code__ for f in ways_in if hasattr(f, "__code__")), None)
        self.place = f"{code.co_filename}:{code.co_firstlineno}" if code else repr(step)
        self._names, self._everything = set(_IMPLICIT), False
        self._always: set[Any] = set()
        self._waiting: collections.deque[tuple[Any, str]] = collections.deque()
        known = None
        while known != (len(self._names), self._everything):
            known = len(self._names), self._everything
            self._found = _Found()
            for label, root in roots:
                self._walk(root, label)
            while self._waiting:
                self._open(*self._waiting.popleft())
        found = self._found
        self.direct, self.counted = list(found.direct.values()), found.counted
        self.modules, self.optimizers = found.modules, found.optimizers
        self.tensors, self.arrays, self.generators = found.tensors, found.arrays, found.generators
        self.problem = (ran and ran.outside) or found.problem or self._looks_at_data()

    # ---- what the plan wants to know

    def asks_what_is_tracked(self) -> bool:
        """Whether the step may read a tensor's ``requires_grad``."""
        return "requires_grad" in self._names

    def asks_kinds(self) -> bool:
        """Whether the step may ask what kind of thing a number is: recorded, it is a tensor."""
        return any(
            not _KINDS.isdisjoint(reads.globals | reads.names)
            for reads in (_reads(f.__code__) for f in self._found.functions)
        )

    def asks_for_missing_gradients(self) -> bool:
        """Whether the step may ask if a gradient is None, and one is.

        While it is recorded such a parameter has a mark in place of None.
        """
        asks = any(_reads(f.__code__).asks for f in self._found.functions)
        return asks and any(p.grad is None and p.requires_grad for p in self.parameters())

    def parameters(self) -> list[Parameter]:
        """Return the parameters in sight, each once."""
        found = {id(p): p for optimizer in self.optimizers for p in optimizer.parameters}
        for module in self.modules:
            found |= {id(v): v for v in vars(module).values() if isinstance(v, Parameter)}
        return list(found.values())

    def paths(self) -> dict[int, str]:
        """Return what parameters are called, by their id."""
        found: dict[int, str] = {}
        below: set[Module] = set()
        for module in self.modules:
            if module not in below:
                below.update(module.modules())
                for path, p in module.named_parameters():
                    found.setdefault(id(p), path)
        return found

    def gradient_memory(self) -> dict[int, Array]:
        """Return where the optimisers want gradients written, by the id of their parameter."""
        return {
            id(p): memory
            for optimizer in self.optimizers
            for p, memory in optimizer.gradient_memory()
        }

    def unseen(self) -> list[types.FunctionType]:
        """Return functions of the user's that ran though no name led to them."""
        codes = [
            code
            for code, module in (self._ran or {}).items()
            if code not in self._found.codes and not self._is_foreign(_file(module))
        ]
        if not codes:
            return []
        return [f for f in gc.get_referrers(*codes) if isinstance(f, types.FunctionType)]

    # ---- the search

    def _is_foreign(self, path: str) -> bool:
        """Whether code of a file is left unread: Python's, NumPy's, our core's.

        Of other packages only what is known to have run is read, for they are large.
        """
        return _origin(path) != "user" and (self._ran is None or _origin(path) != "package")

    def _is_users(self, cls: type) -> bool:
        return not _is_ours(cls) and not self._is_foreign(_file(cls.__module__))

    def _walk(self, value: Any, label: str) -> None:
        """Put a value on the list of what is to be looked into, once."""
        plain = type(value) in PLAIN or isinstance(value, (np.dtype, np.generic, np.ufunc))
        if not plain and id(value) not in self._found.seen:
            self._found.seen[id(value)] = value
            self._waiting.append((value, label))

    def _open(self, value: Any, label: str) -> None:
        """Note what can be read through a value."""
        found = self._found
        if isinstance(value, _WEAK):
            problem = f"it may ask {label}, a weak reference, whether something still is"
            found.problem = found.problem or (problem, self.place)
            return
        for held in _HELD.get(type(value), ()):
            self._guard("attribute", value, held, f"{label}.{held}")
        if not isinstance(value, (Tensor, np.ndarray, Module, types.ModuleType, *_Generator)):
            self._descriptors(value, label)
        if isinstance(value, Tensor):
            found.tensors.append((label, value))
            for hook in (value._node.hooks if value._node is not None else None) or ():
                self._walk(hook, f"a hook of {label}")
        elif isinstance(value, np.ndarray):
            found.arrays.append((label, value))
            if value.dtype == object:
                self._walk(value.tolist(), label)
        elif isinstance(value, _Generator):
            found.generators.append(value)
        elif isinstance(value, types.FunctionType):
            self._function(value)
            if value is os.getenv:
                self._walk(getattr(os.environ, "_data", None), "os.environ")
        elif isinstance(value, (types.MethodType, types.BuiltinMethodType)):
            self._walk(value.__self__, label)
            self._walk(getattr(value, "__func__", None), label)
        elif isinstance(value, types.MethodWrapperType):  # cfg.__getattribute__, say
            self._everything = True
            self._walk(value.__self__, label)
        elif isinstance(value, collections.abc.MappingView):
            self._walk(getattr(value, "mapping", None), label)
        elif _has_bytes(value):
            self._guard("bytes", value, None, label)
        elif type(value).__module__ in _LOCKS and not hasattr(value, "__dict__"):
            problem = f"it may ask {label}, a {type(value).__name__}, which others change"
            found.problem = found.problem or (problem, self.place)
        elif type(value) is functools.partial:
            pass
        elif isinstance(value, functools._lru_cache_wrapper):
            self._always.add(value.__wrapped__)  # it may not run, and stand for what it gave
            self._guard("cached", value, None, f"what {label} keeps")
            self._walk(value.__wrapped__, label)
        elif isinstance(value, operator.attrgetter):
            self._everything = True
        elif isinstance(value, (staticmethod, classmethod)):
            self._walk(value.__func__, label)
        elif isinstance(value, property):
            for method in (value.fget, value.fset):
                self._walk(method, label)
        elif isinstance(value, Op):
            if value.name not in Op.reserved:
                for rule in (value.forward, *value.rules):
                    self._walk(rule, label)
        elif isinstance(value, type):
            self._class(value)
        elif isinstance(value, types.ModuleType):
            if not self._is_foreign(_file(value.__name__)):
                self._items(vars(value), label, self._names)
                if self._everything:
                    self._guard("pairs", vars(value), None, f"the names in {label}")
                self._guard("size", vars(value), None, f"a name in {label}")
            else:
                self._foreign(vars(value), label)
            if value is os and not self._names.isdisjoint(_ENVIRONMENT):
                self._walk(getattr(os.environ, "_data", None), "os.environ")
            if value is decimal:
                self._guard("answer", decimal.getcontext, None, "the decimal context")
        elif isinstance(value, contextvars.ContextVar):
            self._guard("context", value, None, label, is_missing=True)
        elif isinstance(value, Module):
            self._module(value)
        elif isinstance(value, _CONTAINERS):
            self._container(value, label)
        elif any(value is f for f in _SEEING_ALL):
            self._everything = True
        elif isinstance(value, collections.abc.Iterator):
            found.problem = found.problem or (f"it may draw from {label}, an iterator", self.place)
        else:
            self._object(value, label)
            return
        described = (types.FunctionType, type, types.ModuleType, Module, Op)
        if not isinstance(value, described) and self._is_users(type(value)):
            self._object(value, label)

    def _function(self, function: types.FunctionType) -> None:
        found, code = self._found, function.__code__
        label = function.__qualname__.rpartition(".")[2]
        if not self._is_foreign(_file(function.__globals__.get("__name__"))):
            self._items(vars(function), label, self._names)
            self._guard("size", vars(function), None, f"an attribute of {label}")
        if not self._may_run(function) and "__closure__" not in self._names:
            return
        self._guard("code", function, None, label)
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            if name == "__class__":  # for super(): nobody puts another there
                self._walk(Guard(name, "cell", cell, None, None).now(), name)
            else:
                self._guard("cell", cell, None, name)
        for name in ("__defaults__", "__kwdefaults__", "__wrapped__"):
            if getattr(function, name, None) is not None:
                self._guard("attribute", function, name, f"{label}.{name}")
        own = function.__globals__.get("__name__")
        if function is self._start or not self._is_foreign(_file(own)):
            reads = _reads(code)
            found.functions.append(function)
            found.codes |= reads.codes
            if not _STATES.isdisjoint(reads.names):
                problem = "it may read the state of a random generator"
                place = f"{code.co_filename}:{code.co_firstlineno}"
                found.problem = found.problem or (problem, place)
            self._names |= reads.names
            self._everything |= reads.everything
            names = function.__globals__
            self._items(names, "", reads.globals | (reads.names if reads.everything else set()))
            functions, attributes = _ALL_GLOBALS
            looks_up = reads.loads and "sys" in reads.globals  # in sys.modules, perhaps itself
            if looks_up or functions & reads.globals or attributes & reads.names:
                self._guard("pairs", names, None, f"the globals of {label}", value=dict(names))
            for name in reads.globals.difference(names):
                self._guard("no item", names, name, name, MISSING, is_missing=True)
            self._foreign(vars(builtins), "", reads.globals.difference(names))
            for name in (*reads.imports, *(reads.names if reads.loads else ())):
                if name in sys.modules or reads.loads:
                    way = "item" if name in sys.modules else "no item"
                    self._guard(way, sys.modules, name, name, is_missing=True)
                for module in _modules_called(name, names.get("__package__") or ""):
                    self._walk(module, name)

    def _may_run(self, thing: Any) -> bool:
        """Whether a value is no function that is known not to have run: then it is not read."""
        is_function = isinstance(thing, types.FunctionType)
        if self._ran is None or not is_function or thing is self._start or thing in self._always:
            return True
        return not _reads(thing.__code__).codes.isdisjoint(self._ran)

    def _class(self, cls: type) -> None:
        for base in cls.__mro__:
            if base not in self._found.classes and self._is_users(base):
                values = self._found.classes[base] = vars(base)
                own = {
                    name
                    for name, value in values.items()
                    if name.startswith("__")
                    and isinstance(value, types.FunctionType)
                    and self._may_run(value)
                }
                self._items(values, base.__name__, self._names | own)
                self._guard("size", values, None, f"an attribute of {base.__name__}")
                self._guard("attribute", base, "__mro__", f"the bases of {base.__name__}")
                self._names |= set(getattr(base, "__match_args__", ()))
                if self._is_users(type(base)):
                    self._class(type(base))
            elif base not in self._found.classes and _is_core(base):
                values = self._found.classes[base] = vars(base)
                self._foreign(values, base.__name__)
                self._guard("size", values, None, f"an attribute of {base.__name__}")

    def _descriptors(self, value: Any, label: str) -> None:
        """Guard what a class keeps elsewhere than in a dictionary: slots, and attributes in C."""
        kind: Any = type(value)
        for name in self._names.intersection(_in_c(kind)):
            self._guard("attribute", value, name, f"{label}.{name}", is_missing=True)

    def _foreign(self, holder: Any, label: str, names: Iterable[str] | None = None) -> None:
        """Guard what a library calls by the names that are read, without looking into it."""
        for name in sorted((self._names if names is None else set(names)).intersection(holder)):
            if name in ("modules", "training"):  # sys.modules is asked by name; modes, of modules
                continue
            is_looked_into = isinstance(holder[name], (types.ModuleType, list))
            place = f"{label}.{name}" if label else name
            self._guard("item", holder, name, place, is_looked_into=is_looked_into)

    def _module(self, module: Module) -> None:
        """Guard a module: its parts and mode, and what is read of a user's or all of ours.

        Modules count how often they are changed, so that most of these guards cost nothing as long
        as none is; what is read is compared all the same, as code may go round the counting.
        """
        found, values, kind = self._found, vars(module), type(module).__name__
        found.modules.append(module)
        self._class(type(module))
        users = self._is_users(type(module))
        members = Guard(
            f"an attribute of {kind}", "members", values, None, WAYS["members"][1](values, None)
        )
        mode = Guard(f"{kind}.training", "mode", module, None, module.training)
        found.counted += [members, mode]
        own = None if users else self._read_by(type(module))  # all, or the names that are
        if own is None or "training" in own:
            found.direct.setdefault(("mode", id(module)), mode)
        if users:
            found.direct.setdefault(("members", id(values)), members)
            self._guard("type", module, None, f"the class of a {kind}")
        for name, value in values.items():
            is_part = isinstance(value, (Module, Tensor)) or name.startswith("_forward")
            is_read = name in self._names or self._everything or not users
            if name in ("_name", "training") or not (is_part or is_read):
                continue
            guard = Guard(f"{kind}.{name}", "item", values, name, value)
            found.counted.append(guard)
            if own is None or name in own:
                found.direct.setdefault(("item", id(values), name), guard)
            found.attributes.setdefault(name, []).append(value)
            self._walk(value, guard.label)

    def _read_by(self, cls: type) -> frozenset[str] | None:
        """Return the attributes that a layer of ours read in the step; None if it may be any."""
        functions = [f for base in cls.__mro__ if base is not Module for f in vars(base).values()]
        codes = [f.__code__ for f in functions if isinstance(f, types.FunctionType)]
        reads = [_reads(code) for code in codes if self._ran is None or code in self._ran]
        if self._ran is None or any(r.everything for r in reads):
            return None
        return frozenset[str]().union(*(r.names for r in reads))

    def _container(self, value: Any, label: str) -> None:
        if not isinstance(value, (tuple, frozenset)):
            is_mapping = isinstance(value, collections.abc.Mapping)
            way = "pairs" if is_mapping else "contents"
            self._guard(way, value, None, label, value=SNAPSHOTS[way](value))
        if isinstance(value, collections.abc.Mapping):
            for key, item in value.items():
                self._walk(item, f"{label}[{key!r}]")
        else:
            for k, item in enumerate(value):
                self._walk(item, f"{label}[{k}]")

    def _object(self, value: Any, label: str) -> None:
        """Note what a user's object holds under the names that are read; of our own all it holds.

        (Our own code beyond the core is not read, so that any of its attributes may matter.)
        """
        kind: Any = type(value)
        if isinstance(value, Optimizer):
            self._found.optimizers.append(value)
        elif _is_core(kind):
            return
        ours = _is_ours(kind) and not isinstance(value, Optimizer)
        attributes: dict[str, Any] = getattr(value, "__dict__", {})
        is_open = isinstance(value, _OPEN_KINDS)
        users = self._is_users(kind) or is_open
        all_of_it = ours or is_open or (users and self._everything)
        if isinstance(value, Optimizer):
            for name in self._names:
                if isinstance(getattr(kind, name, None), property) and name != "equations":
                    self._guard("attribute", value, name, f"{kind.__name__}.{name}")
        self._class(kind)
        names = set(attributes) if all_of_it else self._names | _INSIDE
        self._items(attributes, kind.__name__, names)
        if users and self._everything:  # in their order
            self._guard("pairs", attributes, None, f"the attributes of {kind.__name__}")
        if users:
            self._guard("size", attributes, None, f"an attribute of {kind.__name__}")
            self._guard("type", value, None, f"the class of a {kind.__name__}")
        if all_of_it:
            for name in _in_c(kind):
                self._guard("attribute", value, name, f"{kind.__name__}.{name}", is_missing=True)

    def _items(self, holder: Any, label: str, names: Iterable[str]) -> None:
        """Guard those of a dictionary's items whose name is read."""
        for name in sorted(set(names).intersection(holder)):
            self._guard("item", holder, name, f"{label}.{name}" if label else name)

    def _guard(
        self,
        way: str,
        holder: Any,
        key: Any,
        label: str,
        value: Any = MISSING,
        *,
        is_missing: bool = False,
        is_looked_into: bool = True,
    ) -> None:
        guard = Guard(label, way, holder, key, value)
        if value is MISSING:
            now = guard.now()
            guard.value = SNAPSHOTS[way](now) if way in SNAPSHOTS else now
        if guard.value is MISSING and not is_missing:
            return
        if self._found.direct.setdefault((way, id(holder), key), guard) is not guard:
            return
        if isinstance(key, str):
            self._found.attributes.setdefault(key, []).append(guard.value)
        if is_looked_into and way not in (*SNAPSHOTS, "size", "code", "type", "bytes", "cached"):
            self._walk(guard.value, label)

    # ---- the one way out of the graph that nothing else sees

    def _looks_at_data(self) -> tuple[str, str] | None:
        """Return where the user's code reads a tensor's ``.data``, if it does."""
        for function in self._found.functions:
            for line, (what, name) in _reads(function.__code__).data:
                last = name[-1] if isinstance(name, tuple) else name
                if what.startswith("LOAD_FAST") and last == "self":
                    continue
                if isinstance(last, str) and not what.startswith("LOAD_FAST"):
                    known = self._found.attributes.get(last) or _cell_values(function, last)
                    if known and not any(isinstance(x, (Tensor, np.ndarray)) for x in known):
                        continue
                where = f"{function.__code__.co_filename}:{line}"
                return "it reads or writes the .data of a tensor, beside the graph", where
        return None


_CONTAINERS = (
    collections.abc.Mapping, set, frozenset, list, tuple, collections.deque,
)  # fmt: skip
_ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "expandvars", "expanduser"}
_LOCKS = {"_thread", "sqlite3", "_socket"}
_OURS = f"{__package__.partition('.')[0]}."
_MODELS = f"{_OURS}models"
_INSIDE = {"__wrapped__", "func", "pyfunc"}  # where what stands around a function keeps it


def _unwrapped(step: Any) -> Any:
    while isinstance(step, (functools.partial, types.MethodType)):
        step = step.func if isinstance(step, functools.partial) else step.__func__
    return step


def _cell_values(function: types.FunctionType, name: str) -> list[Any]:
    names = function.__code__.co_freevars
    cells = zip(names, function.__closure__ or (), strict=True)
    return [cell.cell_contents for own, cell in cells if own == name]


_SEEN_ELSEWHERE = {"__dict__", "__weakref__", "__class__", "__globals__", "__builtins__"}


def _has_bytes(value: Any) -> bool:
    """Whether a value is memory: an array of Python's or of C's, a mapped file."""
    try:
        memoryview(value)
    except TypeError:
        return False
    return not isinstance(value, (np.ndarray, np.generic))


@functools.lru_cache(1024)
def _in_c(kind: Any) -> frozenset[str]:
    """Return the names of the attributes that a class keeps in C: slots, and what is like them."""
    found = (
        name
        for cls in kind.__mro__
        for name, value in vars(cls).items()
        if isinstance(value, (types.GetSetDescriptorType, types.MemberDescriptorType))
    )
    return frozenset(found) - _SEEN_ELSEWHERE


@functools.cache
def _origin(path: str) -> str:
    """Return whose the code of a file is: python, numpy, core, package (another's) or user."""
    if path.startswith(str(_HERE)):
        return "user" if path.startswith(_READ) else "core"
    if path.startswith(_PACKAGES):
        return "numpy" if path.startswith(f"{_NUMPY}{os.sep}") else "package"
    return "python" if not path or path.startswith(("<frozen", _PYTHON)) else "user"


def is_foreign(frame: types.FrameType) -> bool:
    """Whether a frame runs other code than the user's, to whom messages name a line."""
    name = frame.f_globals.get("__name__")
    return _origin(_file(name)) != "user" or name == f"{_OURS}train"


def is_core(frame: types.FrameType) -> bool:
    """Whether a frame runs our own code, all but what is read as the user's."""
    return _origin(_file(frame.f_globals.get("__name__"))) == "core"


def _file(module: str | None) -> str:
    """Return the file of a module; "" if it is built in."""
    if module in sys.builtin_module_names:
        return ""
    return getattr(sys.modules.get(module or ""), "__file__", None) or "<typed in>"


def _is_core(cls: type) -> bool:
    return _origin(_file(cls.__module__)) == "core"


def _is_ours(cls: type) -> bool:
    return f"{cls.__module__}.".startswith(_OURS) and not cls.__module__.startswith(_MODELS)


def _enters(argument: Any) -> bool:
    """Whether an argument becomes part of the graph: its values are given anew in each call."""
    if isinstance(argument, np.ndarray):
        return argument.dtype.kind in "fiub"
    return isinstance(argument, Tensor)


def _kind(thing: Any) -> str:
    return getattr(thing, "__qualname__", None) or type(thing).__name__


def everybodys() -> Iterator[Any]:
    """Yield the generators that any code may draw from: NumPy's and Python's own."""
    yield np.random.mtrand._rand
    if "random" in sys.modules:
        yield random._inst


@contextmanager
def noting() -> Iterator[Ran | None]:
    """Collect what runs; None where a profiler watches that can neither listen nor be stopped."""
    before: Any = sys.getprofile()
    if before is not None and not callable(before) and not hasattr(before, "disable"):
        yield None
        return
    ran = Ran()

    def note(frame: types.FrameType, event: str, function: Any) -> None:
        if callable(before):
            before(frame, event, function)
        if event == "call":
            if frame.f_code not in ran:
                ran[frame.f_code] = frame.f_globals.get("__name__")
            is_question = ran.outside is None and frame.f_code in _ASKING
            if is_question and frame.f_back and not is_foreign(frame.f_back):
                place = f"{frame.f_back.f_code.co_filename}:{frame.f_back.f_lineno}"
                name = frame.f_code.co_name
                ran.outside = f"it calls {name}, whose answer may be another later", place
        elif event == "c_call" and ran.outside is None and _is_outside(frame, function):
            while is_foreign(frame) and frame.f_back:
                frame = frame.f_back
            place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
            ran.outside = f"it calls {function.__name__}, whose answer may be another later", place

    collects = gc.isenabled()
    gc.disable()  # whoever asked to be told of collections would seem to run in the step
    if before is not None and not callable(before):  # cProfile's: it goes on afterwards
        before.disable()
    sys.setprofile(note)
    try:
        yield ran
    finally:
        sys.setprofile(before if callable(before) else None)
        if before is not None and not callable(before):
            before.enable()
        if collects:
            gc.enable()


_FILES = {np.fromfile}
_ASKS = {open, input, os.urandom, os.stat, os.lstat, os.listdir, os.scandir}
_ASKING = {np.geterr.__code__, np.get_printoptions.__code__}
_WORLD = {"posix", "nt", "time", "sys", "gc", "_locale", "_posixsubprocess", "_socket"}
_CONSTANT = {
    "fspath", "intern", "getsizeof", "getpid", "exc_info", "_getframe", "audit", "exit", "sleep",
    "collect", "enable", "disable",
}  # fmt: skip
"""Modules whose functions ask the system or the interpreter, and those that always say the same."""

_READ_CODE = ("importlib", "linecache", "tokenize", "logging", "warnings", "traceback", "inspect")


def _is_outside(frame: types.FrameType, function: Any) -> bool:
    """Whether a built-in function asks the world: for a file's contents, a person's word, the time.

    Not when Python reads its own code; what else the system knows, only if the user's code asks.
    """
    module = frame.f_globals.get("__name__") or ""
    if function in _ASKS:
        return not module.startswith(_READ_CODE)
    name, module = getattr(function, "__name__", ""), frame.f_globals.get("__name__")
    if _origin(_file(module)) != "user":
        return False
    if getattr(getattr(function, "__self__", None), "__module__", "") == "datetime":
        return name in ("now", "utcnow", "today")
    return function in _FILES or (
        getattr(function, "__module__", None) in _WORLD and name not in _CONSTANT
    )
