"""Values that compare equal are told apart, and what changes where few look is noticed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from steps import said

from tinygrad_ae import Tensor, nn


def is_bool(items: Any) -> float:
    return 2.0 if isinstance(next(iter(items)), bool) else 3.0


def sign(items: Any) -> float:
    return math.copysign(1.0, next(iter(items)))


VALUES: dict[str, tuple[Any, Any, Callable[[Any], Any]]] = {
    "frozen set": (frozenset({1}), frozenset({True}), is_bool),
    "zero in a frozen set": (frozenset({0.0}), frozenset({-0.0}), sign),
    "range's end": (range(0, 3, 2), range(0, 4, 2), lambda v: float(v.stop)),
    "range's step": (range(0, 1, 1), range(0, 1, 5), lambda v: float(v.step)),
    "slice": (slice(0, 1), slice(False, True), lambda v: is_bool([v.start])),
    "zero in a slice": (slice(0.0, 1), slice(-0.0, 1), lambda v: sign([v.start])),
    "zero": (0.0, -0.0, lambda v: sign([v])),
    "one": (1, True, lambda v: is_bool([v])),
    "in tuples": (((0.0, (1,)),), ((0.0, (True,)),), lambda v: is_bool(v[0][1])),
    "NumPy's zero": (np.float64(0.0), np.float64(-0.0), lambda v: sign([v])),
}


@pytest.mark.parametrize("name", VALUES)
def test_values_that_are_equal_are_told_apart(name):
    before, after, use = VALUES[name]

    def build() -> Any:
        settings = {"value": before}
        return (lambda x: x * use(settings["value"])), lambda: settings.update(value=after)

    assert said(build) == []


def refill(container: Any, *items: Any) -> None:
    container.clear()
    add = container.update if isinstance(container, (set, dict)) else container.extend
    add(*items)


CONTAINERS: dict[str, tuple[Callable[[], Any], Callable[[Any], Any], Callable[[Any], Any]]] = {
    "set": (lambda: {1}, lambda v: refill(v, [True]), is_bool),
    "zero in a set": (lambda: {0.0}, lambda v: refill(v, [-0.0]), sign),
    "order of a set": (
        lambda: set([8, 0]),  # noqa: C405 - in this order
        lambda v: refill(v, [0, 8]),
        lambda v: 1.0 + next(iter(v)),
    ),
    "key": (lambda: {1: 1}, lambda v: refill(v, {True: 1}), is_bool),
    "zero as a key": (lambda: {0.0: 1}, lambda v: refill(v, {-0.0: 1}), sign),
    "array's type": (
        lambda: np.ones(2),
        lambda v: setattr(v, "dtype", np.int64),
        lambda v: 2.0 if v.dtype == np.float64 else 3.0,
    ),
    "array's strides": (
        lambda: np.ones((2, 2)),
        lambda v: setattr(v, "strides", (8, 8)),
        lambda v: float(v.strides[0]),
    ),
    "attribute of a string": (
        lambda: type("Text", (str,), {})("a"),
        lambda v: setattr(v, "beta", 3.0),
        lambda v: getattr(v, "beta", 1.0),
    ),
    "attribute of a number": (
        lambda: type("Number", (float,), {})(2.0),
        lambda v: setattr(v, "beta", 3.0),
        lambda v: getattr(v, "beta", 1.0),
    ),
    "shape of a tensor": (
        lambda: Tensor(np.ones((2, 3))),
        lambda v: setattr(v, "data", np.ones((3, 2))),
        lambda v: v.shape[0],
    ),
}


@pytest.mark.filterwarnings("ignore:Setting the:DeprecationWarning")
@pytest.mark.parametrize("name", CONTAINERS)
def test_containers_that_are_equal_are_told_apart(name):
    make, change, use = CONTAINERS[name]

    def build() -> Any:
        thing = make()
        return (lambda x: x * use(thing)), lambda: change(thing)

    assert said(build) == []


@pytest.mark.parametrize(("before", "after"), [(1, True), (0.0, -0.0)])
def test_keys_of_an_argument_are_told_apart(before, after):
    step = lambda x, table: x * is_bool(table) * (1 + sign(table) + 2)
    build = lambda: (step, lambda: None)
    assert said(build, lambda k: ({before if k < 3 else after: None},)) == []


def test_a_forward_put_into_a_layer_and_deleted_is_followed():
    def build() -> Any:
        layer = nn.Linear(3, 3).astype(np.float64)
        layer.forward = lambda x: x * 7.0  # type: ignore[method-assign]
        return (lambda x: layer(x)), lambda: delattr(layer, "forward")

    assert said(build) == []
