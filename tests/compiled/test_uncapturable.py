"""Steps that no plan can repeat say so, once and with the line, and run as they are written."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_ae as tg
from tinygrad_ae import Tensor, nn
from tinygrad_ae.compiled import CaptureWarning, compile

ONES = np.ones((2, 3))


def uncapturable(f: Callable[..., Any], *calls: Any) -> None:
    """Check that a step warns once, with a line of this file, and gives the eager results."""
    step = compile(f)
    with pytest.warns(CaptureWarning, match=r"test_uncapturable\.py:\d+") as caught:
        first = step(calls[0])
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = [first, *(step(x) for x in calls[1:])]
    for x, got in zip(calls, results, strict=True):
        wanted = f(tg.as_tensor(x))
        np.testing.assert_array_equal(tg.as_tensor(got).data, tg.as_tensor(wanted).data)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * 2 if x.sum() > 0 else x,
        lambda x: x * float(x.sum()),
        lambda x: x * x.sum().item(),
        lambda x: x * np.asarray(x).max(),
        lambda x: x * x.numpy().max(),
        lambda x: x.detach() + x.data[0],
        lambda x: x[x > 0],
    ],
)
def test_looking_at_values_is_said_and_runs_eagerly(f):
    uncapturable(f, ONES, -ONES, 3 * ONES)


def test_gradients_from_before_the_step_are_said_and_run_eagerly():
    w = Tensor(np.ones(3), requires_grad=True)
    w.grad = Tensor(np.ones(3))

    def step(x: Any) -> Any:
        (w * x).sum().backward()
        return w.grad

    compiled = compile(step)
    with pytest.warns(CaptureWarning, match="zero_grad"):
        compiled(ONES)
    compiled(ONES)
    np.testing.assert_array_equal(w.grad.data, 5.0)


def test_a_step_that_counts_in_python_is_said_and_counts_on():
    class Warm(nn.Module):
        def __init__(self) -> None:
            self.count = 0

        def forward(self, x: Any) -> Any:
            self.count += 1
            return x * min(1.0, self.count / 4)

    model = Warm()
    step = compile(lambda x: model(x))
    with pytest.warns(CaptureWarning, match=r"changes Warm\.count"):
        first = step(ONES)
    results = [first, *(step(ONES) for _ in range(4))]
    assert [r.data[0, 0] for r in results] == [0.25, 0.5, 0.75, 1.0, 1.0]


def test_randomness_outside_the_graph_is_said():
    def step(x: Any) -> Any:
        return x * tg.default_generator.random()

    with pytest.warns(CaptureWarning, match="drawn outside the graph"):
        compile(step)(ONES)


def test_asking_whether_gradients_are_finite_is_said():
    layer = nn.Linear(3, 3)
    optimizer = tg.optim.SGD(layer.parameters(), lr=0.1)

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = layer(x).sum()
        loss.backward()
        if optimizer.finite():
            optimizer.step()
        return loss

    with pytest.warns(CaptureWarning, match=r"optimizer\.finite\(\).*test_uncapturable\.py"):
        compile(step)(ONES.astype(np.float32))


def test_a_state_read_in_the_step_is_said():
    layer = nn.Linear(3, 3)

    def step(x: Any) -> Any:
        return layer(x) * float(layer.state_dict()["bias"].sum())

    with pytest.warns(CaptureWarning, match=r"state_dict\(\)"):
        compile(step)(ONES.astype(np.float32))
