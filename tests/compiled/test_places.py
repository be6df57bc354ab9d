"""Places that no code of the user's names: in libraries, built-ins, slots and C, in the system."""

from __future__ import annotations

import builtins
import collections
import ctypes
import decimal
import functools
import gc
import logging
import math
import os
import sys
import threading
import types
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from steps import said

import tinygrad_ae as tg
from tinygrad_ae import Tensor, nn, ops, optim

Made = tuple[Callable[..., Any], Callable[[], Any]]

# ---- libraries, changed after the capture


def patched(owner: Any, name: str, new: Any, step: Callable[[Any], Any]) -> Callable[..., None]:
    def check(monkeypatch: pytest.MonkeyPatch, engine: Any = "numpy") -> None:
        old = getattr(owner, name, None)

        def build() -> Made:
            monkeypatch.undo()
            changed = functools.partial(new, old) if callable(old) else new
            if isinstance(owner, type) and callable(old):
                changed = lambda *args: new(old, *args)
            return step, lambda: monkeypatch.setattr(owner, name, changed, raising=False)

        assert said(build, engine=engine) == []

    return check


LAYER = nn.Linear(3, 3).astype(np.float64)
PATCHES = {
    "forward": patched(nn.Linear, "forward", lambda old, self, x: x * 7.0, lambda x: LAYER(x)),
    "call": patched(nn.Module, "__call__", lambda old, self, x: x * 7.0, lambda x: LAYER(x)),
    "np.tanh": patched(np, "tanh", lambda old, x: x * 7.0, lambda x: np.tanh(x)),
    "math.pi": patched(math, "pi", 7.0, lambda x: x * math.pi),
    "np.linalg.norm": patched(
        np.linalg, "norm", lambda old, x: 9.0, lambda x: x * np.linalg.norm([3.0, 4.0])
    ),
    "ops.tanh": patched(ops, "tanh", lambda old, x: x * 7.0, lambda x: tg.ops.tanh(x)),
    "Tensor.sum": patched(Tensor, "sum", lambda old, x: old(x) * 7.0, lambda x: x.sum()),
    "operator": patched(
        Tensor, "__mul__", lambda old, x, y: old(old(x, y), 7.0), lambda x: x * 2.0
    ),
    "new method": patched(
        Tensor, "brand_new", 1, lambda x: x * (2.0 if hasattr(x, "brand_new") else 1.0)
    ),
    "built-in": patched(builtins, "abs", lambda old, x: 5.0, lambda x: x * abs(-2.0)),
    "os.path.join": patched(
        os.path, "join", lambda old, *parts: "abcdef", lambda x: x * len(os.path.join("a", "b"))
    ),
}


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("name", PATCHES)
def test_what_is_patched_after_the_capture_is_followed(name, engine, monkeypatch):
    if engine == "numba":
        pytest.importorskip("numba")
    PATCHES[name](monkeypatch, engine)


# ---- places that are compared


def private_slots() -> Made:
    class Thing:
        __slots__ = ("__beta",)

        def set(self, value: float) -> None:
            self.__beta = value

        def get(self) -> float:
            return self.__beta

    thing = Thing()
    thing.set(1.0)
    return (lambda x: x * thing.get()), lambda: thing.set(3.0)


def partial_set_anew() -> Made:
    def scale(x: Any, beta: float) -> Any:
        return x * beta

    part = functools.partial(scale, beta=1.0)
    return (lambda x: part(x)), lambda: part.__setstate__((scale, (), {"beta": 5.0}, {}))


def module_imported_inside() -> Made:
    def settings(beta: float) -> None:
        module = types.ModuleType("settings_of_a_test")
        module.beta = beta  # type: ignore[attr-defined]
        sys.modules[module.__name__] = module

    settings(1.0)

    def step(x: Any) -> Any:
        import settings_of_a_test  # type: ignore[import-not-found]

        return x * settings_of_a_test.beta

    return step, lambda: settings(8.0)


def order_of_attributes() -> Made:
    class Thing:
        pass

    thing: Any = Thing()
    thing.a, thing.b = 1.0, 2.0

    def change() -> None:
        first = thing.a
        del thing.a
        thing.a = first

    return (lambda x: x * next(iter(vars(thing).values()))), change


def bases() -> Made:
    class One:
        beta = 1.0

    class Two:
        beta = 2.0

    class Thing(One):
        pass

    return (lambda x: x * Thing.beta), lambda: setattr(Thing, "__bases__", (Two,))


def built_in_shadowed() -> Made:
    names: dict[str, Any] = {}
    exec("def step(x): return x * abs(-2.0)", names)
    return names["step"], lambda: names.update(abs=lambda v: 5.0)


def computed_global() -> Made:
    names: dict[str, Any] = {"BETA": 1.0}
    exec("def step(x): return x * globals()['beta'.upper()]", names)
    return names["step"], lambda: names.update(BETA=3.0)


def matched() -> Made:
    class Thing:
        __match_args__ = ("beta",)

    thing: Any = Thing()
    thing.beta = 1.0

    def step(x: Any) -> Any:
        match thing:
            case Thing(beta):
                return x * beta

    return step, lambda: setattr(thing, "beta", 3.0)


def cache_emptied() -> Made:
    settings = {"beta": 1.0}

    @functools.lru_cache
    def beta() -> float:
        return settings["beta"]

    beta()
    settings["beta"] = 4.0
    return (lambda x: x * beta()), beta.cache_clear


def missing_default() -> Made:
    table: Any = collections.defaultdict(lambda: 1.0)
    step = lambda x: x * collections.defaultdict(table.default_factory)["a"]
    return step, lambda: setattr(table, "default_factory", lambda: 4.0)


def of_c() -> Made:
    numbers = (ctypes.c_double * 2)(1.0, 2.0)
    return (lambda x: x * numbers[0]), lambda: numbers.__setitem__(0, 3.0)


def of_an_exception() -> Made:
    error = ValueError(1.0)
    return (lambda x: x * error.args[0]), lambda: setattr(error, "args", (3.0,))


def of_a_function() -> Made:
    def thing() -> None:
        """First."""

    step = lambda x: x * len(thing.__doc__ or "")
    return step, lambda: setattr(thing, "__doc__", "Another.")


def precision() -> Made:
    decimal.getcontext().prec = 28
    step = lambda x: x * float(decimal.Decimal(1) / decimal.Decimal(3))
    return step, lambda: setattr(decimal.getcontext(), "prec", 4)


def logger_level() -> Made:
    log = logging.Logger("a test's", logging.DEBUG)
    step = lambda x: x * (1.0 if log.isEnabledFor(logging.DEBUG) else 2.0)
    return step, lambda: log.setLevel(logging.INFO)


def arguments_of_the_program() -> Made:
    sys.argv = [*sys.argv[:1]]
    return (lambda x: x * len(sys.argv)), lambda: sys.argv.append("more")


@pytest.mark.parametrize(
    "build",
    [
        private_slots, partial_set_anew, module_imported_inside, order_of_attributes, bases,
        built_in_shadowed, computed_global, matched, cache_emptied, missing_default, of_c,
        of_an_exception, of_a_function, precision, logger_level, arguments_of_the_program,
    ],
)  # fmt: skip
def test_places_that_no_code_names_are_followed(build, monkeypatch):
    monkeypatch.setattr(sys, "argv", sys.argv)
    with decimal.localcontext():
        assert said(build) == []


@pytest.mark.parametrize(
    ("array", "other"),
    [
        (np.array(["a", "b"]), "c"),
        (np.array([1.0, "a"], object), "longer"),
        (np.array(["2020-01-01"], "M8[D]"), np.datetime64("2021-01-01")),
        (np.array([(1.0, 2)], dtype=[("x", float), ("y", int)]), (3.0, 45)),
    ],
)
def test_an_argument_that_cannot_enter_the_graph_is_compared(array, other):
    given = array.copy()

    def build() -> Made:
        given[:] = array
        step = lambda x, a: x * float(sum(map(ord, repr(a.tolist()))))
        return step, lambda: given.__setitem__(0, other)

    assert said(build, lambda k: (given,)) == []


# ---- what is said


class Thing:
    beta = 1.0


def weakly() -> Made:
    things = [Thing()]
    reference = weakref.ref(things[0])

    def change() -> None:
        things.clear()
        gc.collect()

    return (lambda x: x * (1.0 if reference() is not None else 2.0)), change


def weak_values() -> Made:
    things = [Thing()]
    table = weakref.WeakValueDictionary(a=things[0])

    def change() -> None:
        things.clear()
        gc.collect()

    return (lambda x: x * (1.0 if "a" in table else 2.0)), change


def locked() -> Made:
    lock = threading.Lock()
    return (lambda x: x * (1.0 if lock.locked() else 2.0)), lambda: lock.acquire()


def folder() -> Made:
    os.chdir("/")
    return (lambda x: x * len(os.getcwd())), lambda: os.chdir(os.path.dirname(__file__))


def errors() -> Made:
    np.seterr(divide="warn")
    step = lambda x: x * (1.0 if np.geterr()["divide"] == "warn" else 2.0)
    return step, lambda: np.seterr(divide="ignore")


def state_of_a_generator() -> Made:
    rng = np.random.default_rng(3)
    step = lambda x: x * (rng.bit_generator.state["state"]["state"] % 7 + 1)
    return step, lambda: rng.random()


def interpreter() -> Made:
    sys.setswitchinterval(0.005)
    return (lambda x: x * sys.getswitchinterval()), lambda: sys.setswitchinterval(0.01)


@pytest.mark.parametrize(
    ("build", "match"),
    [
        (weakly, "a weak reference"),
        (weak_values, "a weak reference"),
        (locked, "a lock, which others change"),
        (folder, "getcwd, whose answer"),
        (errors, "geterr, whose answer"),
        (state_of_a_generator, "the state of a random generator"),
        (interpreter, "getswitchinterval, whose answer"),
    ],
)
def test_what_no_guard_can_watch_is_said(build, match, monkeypatch):
    monkeypatch.chdir("/")
    interval = sys.getswitchinterval()
    try:
        with np.errstate():
            (message,) = said(build)
    finally:
        sys.setswitchinterval(interval)
    assert match in message
    assert "test_places.py:" in message


# ---- what the optimiser's step changes, seen by Python after it


AFTER: dict[str, Callable[[Any, Any, Any], Any]] = {
    "data": lambda loss, w, o: loss + w.data,
    "data, as a number": lambda loss, w, o: loss * float(w.data[0]),
    "data, returned": lambda loss, w, o: Tensor(w.data) + loss,
    "a norm": lambda loss, w, o: loss * np.linalg.norm(w.data),
    "its text": lambda loss, w, o: loss * (1.0 if "0.3" in repr(w) else 2.0),
    "a rate": lambda loss, w, o: setattr(o, "lr", 0.5) or loss,
    "a constant": lambda loss, w, o: setattr(o, "weight_decay", 0.5) or loss,
    "the graph": lambda loss, w, o: loss + w,
    "a copy": lambda loss, w, o: loss + Tensor(w.detach()),
    "nothing": lambda loss, w, o: loss,
}


@pytest.mark.filterwarnings("ignore::tinygrad_ae.compiled.CaptureWarning")
@pytest.mark.parametrize("name", AFTER)
def test_what_follows_the_optimisers_step_sees_it_from_the_first_call(name):
    def build() -> Made:
        w = nn.Parameter(np.linspace(0.5, 1.5, 3))
        optimizer = optim.SGD([w], lr=0.1)

        def step(x: Any) -> Any:
            optimizer.zero_grad()
            loss = (x * w * w).sum()
            loss.backward()
            optimizer.step()
            return AFTER[name](loss, w, optimizer)

        return step, lambda: None

    said(build)


# ---- what the caller gave


@pytest.mark.filterwarnings("ignore::tinygrad_ae.compiled.CaptureWarning")
@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.__setitem__(..., t * 2),
        lambda t: t.__iadd__(1),
        lambda t: None,
    ],
)
def test_a_tensor_made_of_an_argument_is_no_part_of_it(change):
    def step(x: Any) -> Any:
        t = Tensor(x)
        change(t)
        return t.sum() + x.sum()

    run = tg.compile(step)
    for k in range(4):
        x = np.full((2, 3), k + 1.0)
        wanted = step(tg.as_tensor(x.copy())).item()
        assert run(x).item() == wanted
        assert (x == k + 1.0).all()


@pytest.mark.filterwarnings("ignore::tinygrad_ae.compiled.CaptureWarning")
@pytest.mark.parametrize(
    "change",
    [
        lambda nest: nest["list"].append(nest["list"][0] * 2),
        lambda nest: nest["list"].reverse(),
        lambda nest: nest["list"].pop(),
        lambda nest: nest.update(more=1),
        lambda nest: nest.pop("other"),
    ],
)
def test_a_list_or_dict_that_the_step_changes_is_the_callers(change):
    def step(nest: Any) -> Any:
        change(nest)
        return nest["list"][-1].sum()

    run = tg.compile(step)
    for k in range(4):
        arrays = [np.full(3, k + 1.0), np.full(3, k + 2.0)]
        eager = {"list": [tg.as_tensor(a.copy()) for a in arrays], "other": 1}
        nest: Any = {"list": [*arrays], "other": 1}
        assert run(nest).item() == step(eager).item()
        assert list(nest) == list(eager)
        for a, b in zip(nest["list"], eager["list"], strict=True):
            np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
        assert any(nest["list"][0] is a for a in arrays)


def test_methods_called_like_ways_to_everything_cost_no_plan():
    names: dict[str, Any] = {"epoch": 0, "model": nn.Linear(3, 3).astype(np.float64).eval()}
    exec("def step(x): return model.eval()(x) * len([*model.modules()])", names)
    step = tg.compile(names["step"])
    for epoch in range(20):
        names["epoch"] = epoch
        step(np.full((2, 3), epoch / 7))
    (entries,) = step._entries.values()
    assert [entry.plan is not None for entry in entries] == [True]


def test_a_step_keeps_no_arguments():
    step = tg.compile(lambda x: x * 2)
    given = np.ones(3)
    alive = weakref.ref(given)
    for _ in range(3):
        step(given)
    del given
    assert alive() is None
