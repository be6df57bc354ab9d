"""Gradients set by hand, arguments of other structure, and rarer places that a step reads from."""

from __future__ import annotations

import argparse
import collections
import dataclasses
import functools
import operator
import threading
import types
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_ae as tg
from tinygrad_ae import Tensor, nn, ops, optim
from tinygrad_ae.compiled import CaptureWarning, compile

X = np.linspace(1.0, 2.0, 6).reshape(2, 3)


def same(
    build: Callable[[], Any], arguments: Callable[[int], tuple[Any, ...]] = lambda k: (X * (k + 1),)
) -> list[str]:
    """Hold a compiled step to the step as written for 8 calls; return the warnings."""
    runs, said = [], []
    for compiled in (False, True):
        tg.manual_seed(0)
        step, change, look = build()
        run = compile(step) if compiled else step
        found = []
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for k in range(8):
                change(k)
                given = arguments(k)
                if not compiled:
                    given = tuple(Tensor(a) if isinstance(a, np.ndarray) else a for a in given)
                result = run(*given)
                found += [] if result is None else [tg.as_tensor(result).detach().data.copy()]
                found += [np.array(p) for p in look()]
        said = [str(w.message) for w in caught if w.category is CaptureWarning]
        runs.append(found)
    for wanted, got in zip(*runs, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12)
    return said


def nothing(k: int) -> None:
    """Change nothing."""


# ---- gradients


def two_heads(make: Callable[..., optim.Optimizer]) -> Callable[[], Any]:
    def build() -> Any:
        a, b = nn.Parameter(np.ones(3)), nn.Parameter(np.ones(3))
        optimizer = make([a, b], lr=0.1)

        def step(x: Any, which: str) -> Any:
            optimizer.zero_grad()
            loss = (x * (a if which == "a" else b)).sum()
            loss.backward()
            optimizer.step()
            return loss

        return step, nothing, lambda: [a.data, b.data, a.grad is None, b.grad is None]

    return build


@pytest.mark.parametrize("make", [optim.SGD, optim.Adam])
def test_a_gradient_that_a_step_resets_and_does_not_compute_is_gone(make):
    assert same(two_heads(make), lambda k: (X, "abbaabab"[k])) == []


def by_grad() -> Any:
    w = nn.Parameter(np.ones(3))
    optimizer = optim.SGD([w], lr=0.1)

    def step(x: Any) -> Any:
        (w.grad,) = tg.grad(((x * w) ** 2).sum(), [w])
        optimizer.step()
        return w.grad.sum()

    return step, nothing, lambda: [w.data]


def by_hand() -> Any:
    w, bias = nn.Parameter(np.ones(3)), nn.Parameter(np.ones(3))
    optimizer = optim.SGD([w, bias], lr=0.1)

    def step(x: Any) -> None:
        optimizer.zero_grad()
        (x * w).sum().backward()
        bias.grad = w.grad * 0.5
        optimizer.step()
        return (w * bias).sum()

    return step, nothing, lambda: [w.data, bias.data]


@pytest.mark.parametrize("build", [by_grad, by_hand])
def test_a_gradient_that_a_step_sets_itself_is_set_in_each_call(build):
    assert same(build) == []


def clipped() -> Any:
    w = nn.Parameter(np.ones(3))
    optimizer = optim.SGD([w], lr=0.1)

    def step(x: Any, limit: float) -> Any:
        optimizer.zero_grad()
        loss = ((x * w) ** 2).sum()
        loss.backward()
        optim.clip_grad_norm_([w], limit)
        optim.clip_grad_value_([w], limit)
        optimizer.step()
        return loss

    return step, nothing, lambda: [w.data]


@pytest.mark.parametrize("kind", [float, np.float64])
def test_a_limit_that_is_passed_is_followed_or_said(kind):
    (said,) = same(clipped, lambda k: (X, kind(0.1 * (k + 1))))
    assert "clip_grad_norm_(...)" in said


def test_the_learning_rate_read_by_python_is_followed():
    def build() -> Any:
        w = nn.Parameter(np.ones(3))
        optimizer = optim.SGD([w], lr=0.1)
        return (
            (lambda x: x * optimizer.lr),
            lambda k: setattr(optimizer, "lr", 0.1 + k // 5),
            list,
        )

    assert same(build) == []


@pytest.mark.parametrize("reset", [False, True])
def test_asking_which_gradients_there_are_is_answered_as_in_the_step_as_written(reset):
    def build() -> Any:
        model = nn.Module()
        model.used, model.unused = nn.Parameter(np.ones(3)), nn.Parameter(np.ones(3))

        def step(x: Any) -> Any:
            model.used.zero_grad()
            first = model.used.grad is None
            loss = (x * model.used).sum()
            loss.backward()
            count = sum(p.grad is not None for p in model.parameters())
            return loss * count + first

        return step, lambda k: model.zero_grad() if reset else None, list

    assert len(same(build)) <= 1


# ---- the structure of arguments


@pytest.mark.parametrize(
    ("step", "calls"),
    [
        (lambda x, a=1.0, b=1.0: x * a + b * 10, [{"a": 2.0}] * 5 + [{"b": 2.0}]),
        (lambda x, m=None, b=None: x if m is None else x * m, [{"m": X}] * 5 + [{"b": X}]),
        (lambda x, **k: x * 2 if "train" in k else x * 3, [{"train": True}] * 5 + [{"eval": True}]),
        (lambda x, d=None: x * (2 if "i" in d else 5), [{"d": {"i": X}}] * 5 + [{"d": {"t": X}}]),
        (
            lambda x, d=None: x * next(iter(d.values())),
            [{"d": {"a": X, "b": 2 * X}}] * 5 + [{"d": {"b": 2 * X, "a": X}}],
        ),
        (
            lambda x, n=None: x * len(n[0]),
            [{"n": ([1.0, 2.0], [3.0])}] * 5 + [{"n": ([1.0], [2.0, 3.0])}],
        ),
        (lambda x, n=None: x[:n], [{"n": np.int64(1)}] * 5 + [{"n": np.int64(2)}]),
        (lambda x, n=None: x * 2 if n else x, [{"n": np.bool_(True)}] * 5 + [{"n": np.bool_(0)}]),
    ],
)
def test_arguments_of_another_structure_are_told_apart(step, calls):
    run = compile(step)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for k, named in enumerate(calls):
            wanted = step(Tensor(X + k), **named)
            np.testing.assert_allclose(run(X + k, **named).data, wanted.data)


@pytest.mark.parametrize(
    "step",
    [
        lambda x, c: x * c if isinstance(c, float) else x + 100,
        lambda x, c: x * c if np.isscalar(c) else x + 100,
        lambda x, c: x * c if not isinstance(c, Tensor) else x + 100,
        lambda x, c: x + 100 if hasattr(c, "shape") else x * c,
        lambda x, c: x * round(c, 1),
        lambda x, c: x * {1.5: 3.0}.get(c, 1.0),
        lambda x, c: x * (2 if c.is_integer() else 3),
        lambda x, c: x * divmod(c, 1)[1],
        lambda x, c: x * len(str(c)),
    ],
)
def test_a_number_answers_as_the_float_that_it_is(step):
    run = compile(step)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CaptureWarning)
        for c in (1.5, 2.0, 1.25, 1.5):
            np.testing.assert_allclose(run(X, c).data, step(Tensor(X), c).data)


def test_looking_for_what_is_not_finite_looks_into_a_compiled_step():
    run = compile(lambda x: ops.log(x))
    for _ in range(3):
        run(X)
    with tg.detect_anomaly(), np.errstate(all="ignore"), pytest.raises(tg.errors.NonFiniteError):
        run(-X)


# ---- rarer places


class Config:
    beta = 1.0


@dataclasses.dataclass
class Pair:
    beta: float = 1.0
    gamma: float = 2.0


def places() -> dict[str, tuple[Callable[[Any], Any], Callable[[], Any]]]:
    """Return steps, each with what changes what it reads."""
    empty, pair, terms = Config(), Pair(), ["a", "b"]
    args = argparse.Namespace(w_a=1.0, w_b=2.0)
    holder = types.SimpleNamespace(fn=named)
    table, ordered = {"a": X, "b": 2 * X}, collections.OrderedDict(a=1.0, b=2.0)
    get = operator.attrgetter("beta")
    settings: dict[str, float] = {"b": 1.0}
    weights = collections.UserDict(a=1.0)
    numbers, raw, event = {"a": 1.0, "b": 2.0}, bytearray(b"ab"), threading.Event()
    kept = numbers.values()

    @functools.lru_cache
    def cached() -> float:
        return settings["b"]

    cached()

    def match(x: Any) -> Any:
        match pair:
            case Pair(gamma=gamma):
                return x * gamma

    def refresh() -> None:
        settings["b"] = 3.0
        cached.cache_clear()

    return {
        "an object without attributes": (
            lambda x: x * empty.beta, lambda: setattr(empty, "beta", 2.0)
        ),
        "which function it is": (
            lambda x: x * 2 if holder.fn is named else x * 3,
            lambda: setattr(holder, "fn", other),
        ),
        "a function as a namespace": (
            lambda x: x * other.beta, lambda: setattr(other, "beta", 5.0)  # type: ignore[attr-defined]
        ),
        "a cache that is warm": (lambda x: x * cached(), refresh),
        "a namespace of arguments": (
            lambda x: sum(getattr(args, "w_" + n) * x for n in terms),
            lambda: setattr(args, "w_b", 5.0),
        ),
        "a pattern": (match, lambda: setattr(pair, "gamma", 7.0)),
        "all fields": (
            lambda x: x * sum(dataclasses.astuple(pair)), lambda: setattr(pair, "gamma", 7.0)
        ),
        "a getter": (lambda x: x * get(pair), lambda: setattr(pair, "beta", 7.0)),
        "a global that is not there": (absent, lambda: globals().update(ABSENT=4.0)),
        "the order of a dictionary": (
            lambda x: x * next(iter(table.values())), lambda: table.update(a=table.pop("a"))
        ),
        "an ordered dictionary": (lambda x: x * ordered["a"], lambda: ordered.update(a=3.0)),
        "a user's dictionary": (lambda x: x * weights["a"], lambda: weights.update(a=3.0)),
        "a function's code": (lambda x: named(x), lambda: swap(named, other)),
        "values kept of a dictionary": (lambda x: x * sum(kept), lambda: numbers.update(a=5.0)),
        "bytes": (lambda x: x * raw[0], lambda: raw.__setitem__(0, 9)),
        "an event": (
            lambda x: x * 2 if event.is_set() else x, lambda: event.set()
        ),
        "text with an object in it": (
            lambda x: x * float(f"{pair.beta}"), lambda: setattr(pair, "beta", 7.0)
        ),
        "an object's class": (
            lambda x: x * empty.beta, lambda: setattr(empty, "__class__", Other)
        ),
    }  # fmt: skip


class Other:
    beta = 6.0


def named(x: Any) -> Any:
    return x * 2


def other(x: Any) -> Any:
    return x * 9


def absent(x: Any) -> Any:
    try:
        return x * ABSENT  # type: ignore[name-defined]
    except NameError:
        return x


CODE = named.__code__


def swap(a: Any, b: Any) -> None:
    a.__code__ = b.__code__


@pytest.mark.parametrize("when", [1, 5])
@pytest.mark.parametrize("name", places())
def test_rarer_places_are_followed(name, when):
    def build() -> Any:
        globals().pop("ABSENT", None)
        named.__code__, other.beta = CODE, 1.0  # type: ignore[attr-defined]
        step, change = places()[name]
        return step, lambda k: change() if k == when else None, list

    assert same(build) == []


def test_a_large_array_that_the_step_changes_is_said():
    def build() -> Any:
        scale = np.ones((600, 3))

        def step(x: Any) -> Any:
            scale[:] *= 0.9
            return x * scale[:2]

        return step, nothing, list

    (said,) = same(build)
    assert "changes scale" in said


def test_what_is_made_at_first_need_is_made_without_a_word():
    class Masked(nn.Module):
        def __init__(self) -> None:
            self.mask = None

        def forward(self, x: Any) -> Any:
            if self.mask is None:
                self.mask = np.tril(np.ones((2, 3)))
            return x * self.mask

    assert same(lambda: (Masked(), nothing, list)) == []
