"""Steps put together at random of parts that change between calls, and held to the eager step."""

from __future__ import annotations

import types
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

import tinygrad_ae as tg
from tinygrad_ae import Tensor, nn, ops, optim
from tinygrad_ae.compiled import CaptureWarning, Engine, compile

CALLS = 20
WIDTH = 3

Change = Callable[[float], Any]


@dataclass
class Part:
    """A piece of a step: what it makes of x, and what changes it between two calls."""

    apply: Callable[[Any], Any]
    change: Change


FACTOR = 1.0


def by_global() -> Part:
    global FACTOR
    FACTOR = 1.0

    def change(value: float) -> None:
        global FACTOR
        FACTOR = value

    return Part(lambda x: x * FACTOR, change)


def by_helpers_global() -> Part:
    part = by_global()
    return Part(lambda x: part.apply(x) + 1, part.change)


def by_closure() -> Part:
    factor = 1.0

    def change(value: float) -> None:
        nonlocal factor
        factor = value

    return Part(lambda x: x * factor, change)


def by_namespace() -> Part:
    settings = types.SimpleNamespace(inner=types.SimpleNamespace(factor=1.0))
    return Part(lambda x: x * settings.inner.factor, lambda v: setattr(settings.inner, "factor", v))


def by_containers() -> Part:
    table: dict[str, Any] = {"rows": [(1.0, {"factor": 1.0})]}

    def change(value: float) -> None:
        table["rows"][0][1]["factor"] = value

    return Part(lambda x: x * table["rows"][0][1]["factor"], change)


def by_tuple() -> Part:
    thing = types.SimpleNamespace(pair=(1.0, 2.0))
    return Part(lambda x: x * thing.pair[1], lambda v: setattr(thing, "pair", (1.0, v)))


def by_function_attribute() -> Part:
    def scale(x: Any) -> Any:
        return x * scale.factor  # type: ignore[attr-defined]

    scale.factor = 1.0  # type: ignore[attr-defined]
    return Part(scale, lambda v: setattr(scale, "factor", v))


class Scaled(nn.Module):
    factor: Any = 1.0

    def __init__(self) -> None:
        self.register_buffer("shift", np.zeros(WIDTH))
        self.extra = Tensor(np.ones(WIDTH))

    def forward(self, x: Any) -> Any:
        return x * self.factor * self.extra + self.shift


def by_module(change: Callable[[Scaled, float], Any]) -> Callable[[], Part]:
    def build() -> Part:
        module = Scaled()
        return Part(module, lambda v: change(module, v))

    return build


def by_class() -> Part:
    kind = type("Kind", (Scaled,), {"__module__": __name__})
    return Part(kind(), lambda v: setattr(kind, "factor", v))


def by_parameter_of_a_call() -> Part:
    weights = np.ones(WIDTH)
    return Part(lambda x: x * weights, weights.fill)


def by_python_of_an_array() -> Part:
    weight = np.ones(())
    return Part(lambda x: x * float(weight), weight.fill)


def by_a_leaf(make: Callable[[Any], Tensor]) -> Callable[[], Part]:
    def build() -> Part:
        def apply(x: Any) -> Any:
            leaf = make(x.detach())
            (leaf * leaf).sum().backward()
            assert leaf.grad is not None
            return x + leaf.grad

        return Part(apply, lambda _: None)

    return build


def by_forward_hook() -> Part:
    module = nn.Tanh()
    remove: list[Callable[[], None]] = []

    def change(value: float) -> None:
        if remove:
            remove.pop()()
        else:
            remove.append(module.register_forward_hook(lambda m, args, y: y * value))

    return Part(module, change)


def by_dropout() -> Part:
    module = nn.Dropout(0.5)
    return Part(module, lambda _: module.train(not module.training))


def by_default_generator() -> Part:
    return Part(lambda x: x + ops.normal(x), lambda v: tg.manual_seed(int(10 * v)))


def by_own_generator() -> Part:
    rng = np.random.default_rng(1)
    return Part(lambda x: x * ops.uniform(x, generator=rng), lambda _: rng.random())


def by_layer() -> Part:
    layer = nn.Linear(WIDTH, WIDTH).astype(np.float64).requires_grad_(False)

    def change(value: float) -> None:
        with tg.no_grad():
            layer.bias[...] = layer.bias * 0 + value

    return Part(layer, change)


def by_draw_of_the_users() -> Part:
    rng = np.random.default_rng(2)
    return Part(lambda x: x + rng.normal(size=x.shape), lambda _: None)


PARTS: dict[str, Callable[[], Part]] = {
    "global": by_global,
    "helper's global": by_helpers_global,
    "closure": by_closure,
    "namespace": by_namespace,
    "containers": by_containers,
    "tuple": by_tuple,
    "function attribute": by_function_attribute,
    "attribute": by_module(lambda m, v: setattr(m, "factor", v)),
    "NumPy attribute": by_module(lambda m, v: setattr(m, "factor", np.float64(v))),
    "0-d attribute": by_module(lambda m, v: setattr(m, "factor", np.array(v))),
    "attribute behind": by_module(lambda m, v: vars(m).update(factor=v)),
    "class attribute": by_class,
    "array in place": by_parameter_of_a_call,
    "array by Python": by_python_of_an_array,
    "leaf": by_a_leaf(lambda x: Tensor(x, requires_grad=True)),
    "parameter": by_a_leaf(lambda x: nn.Parameter(x * 1)),
    "detached": by_a_leaf(lambda x: (x * 2).detach().requires_grad_()),
    "buffer in place": by_module(lambda m, v: m.shift.__iadd__(v)),
    "buffer again": by_module(lambda m, v: m.register_buffer("shift", np.full(WIDTH, v))),
    "buffer's data": by_module(lambda m, v: setattr(m.shift, "data", np.full(WIDTH, v))),
    "tensor": by_module(lambda m, v: setattr(m, "extra", Tensor(np.full(WIDTH, v)))),
    "tensor's data": by_module(lambda m, v: setattr(m.extra, "data", np.full(WIDTH, v))),
    "forward hook": by_forward_hook,
    "mode": by_dropout,
    "default generator": by_default_generator,
    "named generator": by_own_generator,
    "parameter in place": by_layer,
}
UNCAPTURABLE = {"user's draw": by_draw_of_the_users}

programs = st.lists(
    st.tuples(
        st.sampled_from(sorted(PARTS)),
        st.dictionaries(st.integers(0, CALLS - 1), st.sampled_from([0.5, 1.5, 2.0]), max_size=2),
    ),
    min_size=1,
    max_size=4,
)
"""Names of parts, each with the calls before which it changes, and to what."""


def results(program: Iterable[Any], engine: Engine | None) -> tuple[list[Any], list[str]]:
    """Return what 20 calls give and leave, and the warnings: eager (None), or compiled."""
    tg.manual_seed(0)
    parts = [((PARTS | UNCAPTURABLE)[name](), changes) for name, changes in program]
    weight = nn.Parameter(np.linspace(0.5, 1.5, WIDTH))
    optimizer = optim.SGD([weight], lr=0.01)

    def step(x: Any, number: float) -> Any:
        optimizer.zero_grad()
        y = x * number
        for part, _ in parts:
            y = ops.tanh(part.apply(y))
        loss = (y * weight).sum()
        loss.backward()
        optimizer.step()
        return loss, y

    run = compile(step, engine=engine) if engine else step
    rng = np.random.default_rng(9)
    found: list[Any] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for k in range(CALLS):
            for part, changes in parts:
                if k in changes:
                    part.change(changes[k])
            x = rng.normal(size=(2, WIDTH))
            found += [t.detach().data.copy() for t in run(tg.as_tensor(x), 1.0 + k / 10)]
            found.append(weight.data.copy())
    said = [str(w.message) for w in caught if w.category is CaptureWarning]
    assert len(said) == len(caught)
    return found, said


def hold(program: Any, engine: Engine) -> list[str]:
    """Check that a compiled program gives what the eager one gives; return its warnings."""
    wanted, _ = results(program, None)
    got, said = results(program, engine)
    for a, b in zip(wanted, got, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-12)
    assert len(said) <= 1
    return said
