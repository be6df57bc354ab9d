"""What a step takes from outside the graph is followed, or its plan is given up with a warning."""

from __future__ import annotations

import collections
import contextvars
import os
import queue
import random
import re
import sys
import time
import types
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_ae as tg
from tinygrad_ae import Tensor, nn, ops
from tinygrad_ae.compiled import CaptureWarning, compile

BATCHES = [np.full((2, 3), k) for k in (1.0, 2.0, 0.5, 3.0, 1.5)]


def follows(
    build: Callable[[], tuple[Callable[..., Any], Callable[[int], Any]]], calls: int = 6
) -> None:
    """Hold a compiled step, with something changed before each call, to the step as written.

    ``build`` returns the step and what changes something before call k.
    """
    runs = []
    for compiled in (False, True):
        tg.manual_seed(0)
        step, change = build()
        run = compile(step) if compiled else step
        found = []
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", tg.PrecisionWarning)
            for k in range(calls):
                change(k)
                found.append(tg.as_tensor(run(tg.as_tensor(BATCHES[k % 5].copy()))).detach().data)
        runs.append(found)
    for wanted, got in zip(*runs, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=0)


def warns(build: Callable[[], tuple[Callable[..., Any], Callable[[int], Any]]], match: str) -> None:
    """Hold a compiled step to the step as written: right in each call, with one warning."""
    runs = []
    for compiled in (False, True):
        tg.manual_seed(0)
        np.random.seed(0)
        random.seed(0)
        step, change = build()
        run = compile(step) if compiled else step
        found = []
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for k in range(6):
                change(k)
                found.append(tg.as_tensor(run(tg.as_tensor(BATCHES[k % 5].copy()))).detach().data)
        runs.append(found)
    for wanted, got in zip(*runs, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=0)
    (one,) = caught
    assert one.category is CaptureWarning
    assert re.search(match, str(one.message))
    assert "test_outside.py:" in str(one.message)


def nothing(k: int) -> None:
    """Change nothing."""


# ---- leaves that the step makes


def input_gradient(make: Callable[[Any], Tensor]) -> Callable[[], Any]:
    def build() -> Any:
        def step(batch: Any) -> Any:
            x = make(batch)
            loss = (x * x * x).sum()
            loss.backward()
            assert x.grad is not None
            return loss + (x.grad * batch).sum()

        return step, nothing

    return build


@pytest.mark.parametrize(
    "make",
    [
        lambda batch: Tensor(batch, requires_grad=True),
        lambda batch: nn.Parameter(batch * 1),
        lambda batch: (batch * 1).detach().requires_grad_(),
        lambda batch: tg.as_tensor(batch).copy().detach().requires_grad_(),
        lambda batch: Tensor(batch, requires_grad=True, dtype=np.float64),
        lambda batch: Tensor(batch * 2 + 1, requires_grad=True),
    ],
)
def test_leaves_made_of_the_batch_are_made_of_each_batch(make):
    follows(input_gradient(make))


def test_a_leaf_of_another_type_is_converted_in_each_call():
    follows(input_gradient(lambda b: Tensor(b, requires_grad=True, dtype=np.float32)))


# ---- random numbers


class Noisy(nn.Module):
    def __init__(self) -> None:
        self.rng = np.random.default_rng(3)

    def forward(self, x: Any) -> Any:
        return x + self.rng.normal(size=x.shape)


def draws(draw: Callable[[Any], Any]) -> Callable[[], Any]:
    return lambda: ((lambda x: x * 2 + draw(x)), nothing)


def own_generator() -> Any:
    rng = np.random.default_rng(1)
    return (lambda x: x + rng.normal(size=x.shape)), nothing


def bound_draw() -> Any:
    draw = np.random.default_rng(1).standard_normal
    return (lambda x: x + draw(x.shape)), nothing


def old_generator() -> Any:
    rng = np.random.RandomState(1)
    return (lambda x: x + rng.rand(*x.shape)), nothing


def pythons_generator() -> Any:
    rng = random.Random(1)
    return (lambda x: x * rng.gauss(0, 1)), nothing


@pytest.mark.parametrize(
    "build",
    [
        own_generator,
        bound_draw,
        old_generator,
        pythons_generator,
        lambda: (Noisy(), nothing),
        draws(lambda x: np.random.normal(size=x.shape)),
        draws(lambda x: np.random.rand()),
        draws(lambda x: random.random()),
        draws(lambda x: random.choice([1.0, 2.0, 3.0])),
    ],
)
def test_draws_outside_the_graph_are_said(build):
    warns(build, "drawn outside the graph, from a ")


@pytest.mark.filterwarnings("ignore::tinygrad_ae.compiled.CaptureWarning")
@pytest.mark.parametrize(
    "draw",
    [
        lambda x: np.random.default_rng().normal(size=x.shape),
        lambda x: random.SystemRandom().random(),
        lambda x: float(time.perf_counter_ns()),
        lambda x: (
            len(__import__("os").urandom(8)) * int.from_bytes(__import__("os").urandom(4), "big")
        ),
    ],
)
def test_what_no_rule_foresees_differs_from_call_to_call(draw):
    step = compile(lambda x: x * 0 + draw(x))
    found = [step(BATCHES[0]).data[0, 0] for _ in range(6)]
    assert len(set(found)) == 6


def test_what_no_rule_foresees_is_said_with_its_line():
    waiting: queue.SimpleQueue[float] = queue.SimpleQueue()
    for k in range(9):
        waiting.put(float(k))
    step = compile(lambda x: x * waiting.get())
    step(BATCHES[0])
    with pytest.warns(CaptureWarning, match=r"mul gets 1 where it got 0 .*test_outside\.py:\d+"):
        assert step(BATCHES[1]).data[0, 0] == 2.0
    assert step(BATCHES[1]).data[0, 0] == 4.0


def test_what_the_world_answers_is_said(tmp_path):
    file = tmp_path / "beta.txt"

    def read() -> Any:
        return (lambda x: x * float(file.read_text())), lambda k: file.write_text(str(k // 3))

    def clock() -> Any:
        return (lambda x: x * (time.time() > 0)), nothing

    warns(read, "it calls open")
    warns(clock, "it calls time")


def test_generators_by_name_are_replayed_without_a_word():
    def build() -> Any:
        rng = np.random.default_rng(5)
        return (lambda x: x + ops.normal(x, generator=rng)), nothing

    follows(build)


# ---- plain values, wherever they lie


class Weighted(nn.Module):
    kind = 1.0

    def __init__(self) -> None:
        self.beta: Any = 0.0
        self.options = {"scale": [1.0, (2.0, {"deep": 3.0})]}

    def forward(self, x: Any) -> Any:
        (_, (_, deep)) = self.options["scale"]
        return x * self.beta + self.kind + deep["deep"]


class Trainer:
    """No module: an object of the user's."""

    def __init__(self) -> None:
        self.model, self.weight = Weighted(), 1.0
        self.settings = types.SimpleNamespace(beta=1.0)

    def step(self, x: Any) -> Any:
        return self.model(x) * self.weight + helper(x) * self.settings.beta


class Slotted:
    __slots__ = ("factor",)

    def __init__(self) -> None:
        self.factor = 1.0


SCALE = 1.0
TABLE = {"a": [1.0, 2.0]}


def helper(x: Any) -> Any:
    return x * SCALE + nested(x) * TABLE["a"][1]


def nested(x: Any, shift: Any = [0.5]) -> Any:  # noqa: B006 - a default that changes
    return x + shift[0] + nested.bias  # type: ignore[attr-defined]


nested.bias = 1.0  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    global SCALE
    yield
    SCALE, TABLE["a"][1], nested.bias = 1.0, 2.0, 1.0  # type: ignore[attr-defined]
    nested.__defaults__[0][0] = 0.5
    Weighted.kind = 1.0


def at(k: int, when: int, change: Callable[[], Any]) -> None:
    """Change something before call ``when``."""
    if k == when:
        change()


def set_global() -> None:
    global SCALE
    SCALE = 7.0


CHANGES: dict[str, Callable[[Trainer], Any]] = {
    "an attribute, by a NumPy scalar": lambda t: setattr(t.model, "beta", np.minimum(1.0, 3 / 4)),
    "an attribute, by a 0-d array": lambda t: setattr(t.model, "beta", np.array(0.3)),
    "an attribute, behind the module's back": lambda t: vars(t.model).update(beta=2.0),
    "a class attribute": lambda t: setattr(Weighted, "kind", 5.0),
    "a class attribute, on the instance": lambda t: setattr(t.model, "kind", 4.0),
    "deep in containers": lambda t: t.model.options["scale"][1][1].update(deep=9.0),
    "an item of a list": lambda t: t.model.options["scale"].__setitem__(1, (1.0, {"deep": 2.0})),
    "a trainer's attribute": lambda t: setattr(t, "weight", 3.0),
    "a namespace": lambda t: setattr(t.settings, "beta", 3.0),
    "another namespace": lambda t: setattr(t, "settings", types.SimpleNamespace(beta=3.0)),
    "a helper's global": lambda t: set_global(),
    "a global's contents": lambda t: TABLE["a"].__setitem__(1, 5.0),
    "a function's attribute": lambda t: setattr(nested, "bias", 2.0),
    "a function's default": lambda t: nested.__defaults__[0].__setitem__(0, 4.0),
    "another model": lambda t: setattr(t, "model", Weighted()),
    "a method": lambda t: setattr(t.model, "forward", lambda x: x * 3),
    "a forward hook": lambda t: t.model.register_forward_hook(lambda m, args, y: y * 2),
    "a forward pre-hook": lambda t: t.model.register_forward_pre_hook(lambda m, args: args[0] + 1),
}


@pytest.mark.parametrize("when", [1, 3])
@pytest.mark.parametrize("what", CHANGES)
def test_changes_between_calls_are_followed(what, when):
    def build() -> Any:
        Weighted.kind = 1.0
        _reset()
        trainer = Trainer()
        return trainer.step, lambda k: at(k, when, lambda: CHANGES[what](trainer))

    follows(build)


def _reset() -> None:
    global SCALE
    SCALE, TABLE["a"][1], nested.bias = 1.0, 2.0, 1.0  # type: ignore[attr-defined]
    nested.__defaults__[0][0] = 0.5


@pytest.mark.parametrize("when", [1, 3])
def test_a_method_of_the_class_and_a_helper_replaced_are_followed(when, monkeypatch):
    def build() -> Any:
        trainer = Trainer()
        monkeypatch.undo()

        def change() -> None:
            monkeypatch.setattr(Weighted, "forward", lambda self, x: x - 1)
            monkeypatch.setitem(globals(), "nested", lambda x: x * 10)

        return trainer.step, lambda k: at(k, when, change)

    follows(build)


def factory(x: Any) -> Any:
    """Return a step whose closure is a helper's, two functions down."""
    amount = 1.0

    def inner(y: Any) -> Any:
        return y * amount

    def outer(y: Any) -> Any:
        return inner(y) + 1

    def change(k: int) -> None:
        nonlocal amount
        amount = 1.0 + k // 2

    return outer, change


def late() -> Any:
    model = nn.Module()
    return (
        (lambda x: x * getattr(model, "late", 1.0)),
        lambda k: at(k, 2, lambda: setattr(model, "late", 5.0)),
    )


def slots() -> Any:
    thing = Slotted()
    return (lambda x: x * thing.factor), lambda k: setattr(thing, "factor", 1.0 + k // 3)


def dynamic() -> Any:
    thing = types.SimpleNamespace(w0=1.0, w1=2.0)
    step = lambda x: x * sum(getattr(thing, f"w{i}") for i in range(2))
    return step, lambda k: setattr(thing, "w1", 2.0 + k // 3)


def reference() -> Any:
    import functools

    @functools.lru_cache
    def wrapped(n: int) -> float:
        return float(n)

    values = {"f": lambda x: x * wrapped(2)}
    return (
        (lambda x: values["f"](x)),
        lambda k: at(k, 2, lambda: values.update(f=lambda x: x * wrapped(7))),
    )


def environment() -> Any:
    os.environ["TINYGRAD_AE_TEST"] = "1"
    return (
        (lambda x: x * float(os.environ["TINYGRAD_AE_TEST"])),
        lambda k: os.environ.update(TINYGRAD_AE_TEST=str(1 + k // 3)),
    )


def context() -> Any:
    beta = contextvars.ContextVar("beta", default=1.0)
    return (lambda x: x * beta.get()), lambda k: at(k, 3, lambda: beta.set(2.0))


def imported() -> Any:
    module = types.ModuleType("settings_of_a_test")
    module.beta = 1.0  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module

    def step(x: Any) -> Any:
        from settings_of_a_test import beta  # type: ignore[import-not-found]

        return x * beta

    return step, lambda k: setattr(module, "beta", 1.0 + k // 3)


def property_() -> Any:
    class Thing:
        hidden = 1.0

        @property
        def shown(self) -> float:
            return self.hidden

    thing = Thing()
    return (lambda x: x * thing.shown), lambda k: setattr(thing, "hidden", 1.0 + k // 3)


def own_operation() -> Any:
    settings = {"slope": 1.0}
    steep = tg.Op(
        "steep_of_a_test", lambda x: x * settings["slope"], lambda g: g * settings["slope"]
    )
    weight = nn.Parameter(np.ones(3))

    def step(x: Any) -> Any:
        weight.zero_grad()
        steep(x * weight).sum().backward()
        return weight.grad

    return step, lambda k: settings.update(slope=1.0 + k // 3)


def deque() -> Any:
    last = collections.deque([1.0, 2.0], maxlen=2)
    return (lambda x: x * last[0]), lambda k: last.append(k // 3)


def array_in_place() -> Any:
    weights = np.ones(3)
    return (lambda x: x * weights), lambda k: np.multiply(weights, 1 + k // 3, out=weights)


def array_by_python() -> Any:
    beta = np.zeros(())
    return (lambda x: x * float(beta)), lambda k: beta.fill(k // 2)


def array_computed() -> Any:
    rows = np.arange(6.0)
    return (lambda x: x + rows.reshape(2, 3).mean(0)), lambda k: at(k, 3, lambda: rows.fill(2))


def large_array() -> Any:
    rows = np.ones((300, 3))
    return (lambda x: x + rows[:2]), lambda k: at(k, 3, lambda: rows.fill(2))


@pytest.mark.parametrize(
    "build",
    [
        lambda: factory(0), late, slots, dynamic, reference, array_in_place, array_by_python,
        array_computed, large_array, environment, context, imported, property_, own_operation, deque,
    ],
)  # fmt: skip
def test_more_places_are_followed(build):
    follows(build)


def test_a_setting_that_follows_the_epochs_is_replayed_without_a_word():
    def build() -> Any:
        model = Weighted()
        return model, lambda k: setattr(model, "beta", np.minimum(1.0, k // 10 / 20))

    follows(build, 200)


# ---- tensors of the user's


class Centred(nn.Module):
    def __init__(self) -> None:
        self.centre = Tensor(np.ones(3))
        self.register_buffer("scale", np.ones(3))
        self.weight = nn.Parameter(np.ones(3))

    def forward(self, x: Any) -> Any:
        return (x - self.centre) * self.scale * self.weight


TENSORS: dict[str, Callable[[Centred], Any]] = {
    "a tensor replaced": lambda m: setattr(m, "centre", Tensor(np.full(3, 4.0))),
    "a tensor's data": lambda m: setattr(m.centre, "data", np.full(3, 4.0)),
    "a tensor in place": lambda m: m.centre.__iadd__(1.0),
    "a buffer replaced": lambda m: setattr(m, "scale", Tensor(np.full(3, 4.0))),
    "a buffer registered again": lambda m: m.register_buffer("scale", np.full(3, 4.0)),
    "a buffer's data": lambda m: setattr(m.scale, "data", np.full(3, 4.0)),
    "a parameter's data": lambda m: setattr(m.weight, "data", np.full(3, 4.0)),
    "a parameter replaced": lambda m: setattr(m, "weight", nn.Parameter(np.full(3, 4.0))),
    "a state loaded": lambda m: m.load_state_dict({"scale": np.full(3, 2.0), "weight": np.ones(3)}),
    "a gradient hook": lambda m: m.weight.register_hook(lambda g: g * 100),
    "frozen": lambda m: m.weight.requires_grad_(False),
}


@pytest.mark.parametrize("when", [1, 3])
@pytest.mark.parametrize("what", TENSORS)
def test_tensors_are_followed(what, when):
    def build() -> Any:
        model = Centred()

        def step(x: Any) -> Any:
            model.zero_grad()
            loss = (model(x) ** 2).sum()
            if loss.requires_grad:
                loss.backward()
            return loss if model.weight.grad is None else loss + model.weight.grad.sum()

        return step, lambda k: at(k, when, lambda: TENSORS[what](model))

    follows(build)


# ---- what Python does that a plan does not


def counts() -> Any:
    log: list[int] = []

    def step(x: Any) -> Any:
        log.append(1)
        return x * len(log)

    return step, nothing


def keeps() -> Any:
    thing = types.SimpleNamespace(last=0.0)

    def step(x: Any) -> Any:
        thing.last = x.sum()
        return x * 2

    return step, nothing


def iterates() -> Any:
    values = iter([1.0] * 4 + [2.0] * 4)
    return (lambda x: x * next(values)), nothing


def clips_weights() -> Any:
    weight = nn.Parameter(np.ones(3))

    def step(x: Any) -> Any:
        weight.data[...] = weight.data * 0.5
        return (x * weight).sum()

    return step, nothing


def masks() -> Any:
    return (lambda x: x * (x.data > 1.2)), nothing


def huge() -> Any:
    rows = np.ones((70_000, 3))
    return (lambda x: x * rows.mean(0)), lambda k: at(k, 3, lambda: rows.fill(2))


@pytest.mark.parametrize(
    ("build", "match"),
    [
        (counts, "changes log"),
        (keeps, "changes SimpleNamespace.last"),
        (iterates, "an iterator"),
        (clips_weights, "the .data of a tensor"),
        (masks, "the .data of a tensor"),
        (huge, "may compute with rows, an array of 2 MB"),
    ],
)
def test_what_a_plan_cannot_repeat_is_said(build, match):
    warns(build, match)


# ---- arguments


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64])
@pytest.mark.parametrize("number", [1234567890.5, 0.1, -3.0])
def test_a_number_takes_the_type_of_what_it_meets(dtype, number):
    def step(x: Any, scale: float) -> Any:
        twice = scale * 2 - 1
        return x * scale, (x + 1) / twice, ops.where(x > 1, x, scale), ops.maximum(x, scale)

    compiled = compile(step)
    for value in (1.5, number, number / 3):
        x = np.array([0.5, 2.0, 100.0]).astype(dtype)
        with np.errstate(over="ignore"):
            wanted, found = step(Tensor(x), value), compiled(x, value)
        for a, b in zip(wanted, found, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(b.data, a.data, rtol=1e-12 if dtype == np.float64 else 1e-6)
    assert len(compiled._entries) == 1


def test_a_number_may_be_changed_in_place_by_its_name():
    def step(x: Any, scale: float) -> Any:
        scale *= 2
        scale += 1
        return x * scale

    compiled = compile(step)
    for value in (1.0, 2.5, 4.0):
        np.testing.assert_array_equal(
            compiled(BATCHES[1], value).data, BATCHES[1] * (2 * value + 1)
        )


def test_an_argument_changed_in_place_is_the_callers_in_every_call():
    def step(x: Any) -> Any:
        x *= 2
        return x + 1

    compiled = compile(step)
    for k in range(4):
        x = np.full(3, float(k))
        np.testing.assert_array_equal(compiled(x).data, 2.0 * k + 1)
        np.testing.assert_array_equal(x, 2.0 * k)


def test_one_array_given_twice_is_told_from_two():
    step = compile(lambda x, y: x * 2 + y)
    a, b = np.ones(2), np.full(2, 5.0)
    for x, y in ((a, a), (a, b), (b, a), (b, b), (a, b)):
        np.testing.assert_array_equal(step(x, y).data, 2 * x + y)
        np.testing.assert_array_equal(step(Tensor(x), Tensor(y)).data, 2 * x + y)
    t = Tensor(a)
    for x, y in ((t, t), (t, Tensor(b)), (t, t)):
        np.testing.assert_array_equal(step(x, y).data, 2 * x.data + y.data)


def test_one_warning_for_one_line_whatever_the_shapes():
    waiting: queue.SimpleQueue[float] = queue.SimpleQueue()
    for k in range(9):
        waiting.put(float(k))
    step = compile(lambda x: x * waiting.get())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for k in range(3):
            for x in (np.ones((4, 2)), np.ones((3, 2))):
                step(x + k)
    assert len(caught) == 1


def test_what_the_garbage_collector_calls_is_none_of_the_step():
    import gc

    def told(phase: str, info: Any) -> None:
        global SCALE
        SCALE += 1

    gc.callbacks.append(told)
    try:
        step = compile(lambda x: [[] for _ in range(2000)] and x * 2)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for k in range(12):
                gc.collect()
                assert step(np.full(2, float(k))).tolist() == [2.0 * k] * 2
        assert gc.isenabled()
    finally:
        gc.callbacks.remove(told)
