"""Random graphs: however values are used, reused and let go, the plan's memory holds them apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_ae as tg
from tinygrad_ae import nn, ops, optim
from tinygrad_ae.compiled import Engine, compile

STEPS: list[Callable[[Any, Any], Any]] = [
    lambda x, y: x + y,
    lambda x, y: x - 0.5 * y,
    lambda x, y: x * y,
    lambda x, y: x / (y * y + 1),
    lambda x, y: x @ y,
    lambda x, y: x.T @ y,
    lambda x, y: ops.tanh(x) + y.T,
    lambda x, y: ops.relu(x) * ops.sigmoid(y),
    lambda x, y: ops.where(x > y, x, 0.1 * y),
    lambda x, y: ops.maximum(x, y) - 1,
    lambda x, y: ops.softmax(x) + y.mean(0),
    lambda x, y: x - y.max(1, keepdims=True),
    lambda x, y: ops.leaky_relu(x.reshape(-1), 0.2).reshape(4, 4) + y[::-1],
    lambda x, y: ops.concatenate([x[:2], y[2:]]),
    lambda x, y: ops.clip(x, -1, 1) * y[:, :1],
    lambda x, y: x.detach() * y + (x + y).sum(),
    lambda x, y: ops.log(x * x + 1) - ops.exp(-(y * y)),
    lambda x, y: (x * 0.5).astype(np.float32).astype(np.float64) + y,
]

programs = st.lists(
    st.tuples(st.integers(0, len(STEPS) - 1), st.integers(0, 99), st.integers(0, 99)),
    min_size=1,
    max_size=25,
)


def results(program: Any, seed: int, engine: Engine | None) -> list[Any]:
    """Return what three steps give and leave behind: as written (None), or compiled."""
    rng = np.random.default_rng(seed)
    weights = [nn.Parameter(0.5 * rng.normal(size=(4, 4))) for _ in range(2)]
    optimizer = optim.SGD(weights, lr=1e-3)

    def step(batch: Any) -> Any:
        optimizer.zero_grad()
        values = [batch, *weights]
        for kind, i, j in program:
            x, y = values[i % len(values)], values[j % len(values)]
            values.append(ops.tanh(STEPS[kind](x, y)))
        loss = sum((v.mean() for v in values[3:]), start=(weights[0] * weights[1]).sum())
        loss.backward()
        optimizer.step()
        return loss, values[-1]

    runner = compile(step, engine=engine) if engine else step
    found: list[Any] = []
    for _ in range(3):
        found += [t.detach().numpy() for t in runner(tg.as_tensor(rng.normal(size=(4, 4))))]
        found += [p.grad.data.copy() for p in weights]
    return found + [p.data for p in weights]


@settings(max_examples=60, deadline=None)
@given(programs, st.integers(0, 2**16))
def test_random_steps_are_the_same_compiled(program, seed):
    for wanted, got in zip(
        results(program, seed, None), results(program, seed, "numpy"), strict=True
    ):
        # float32 roundings inside the program, and branches, magnify the last digits
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-6 * max(1, np.abs(wanted).max()))
