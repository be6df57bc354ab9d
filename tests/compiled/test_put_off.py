"""While a step is captured its optimiser waits for the plan, unless something may see the effect."""

from __future__ import annotations

import tracemalloc
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_ae as tg
from tinygrad_ae import Tensor, nn, optim
from tinygrad_ae.compiled import CaptureWarning, compile

BATCH = np.random.default_rng(0).random((5, 4), dtype=np.float32)
After = Callable[[nn.Linear, optim.Optimizer, Tensor], Any]


def weights(after: After, compiled: bool, steps: int = 2) -> tuple[list[Any], list[Any]]:
    """Return what some steps give that do something after the optimiser's, and the parameters."""
    tg.manual_seed(0)
    layer = nn.Linear(4, 4)
    optimizer = optim.SGD(layer.parameters(), lr=0.5, momentum=0.9)

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = ((layer(x) - x) ** 2).mean()
        loss.backward()
        optimizer.step()
        return after(layer, optimizer, x)

    run = compile(step) if compiled else step
    found = [tg.as_tensor(run(tg.as_tensor(BATCH))).detach().numpy() for _ in range(steps)]
    return found, [p.data for p in layer.parameters()]


def average(layer: nn.Linear) -> Tensor:
    """Write to a parameter in place, as moving averages do."""
    with tg.no_grad():
        layer.bias[...] = layer.bias * 0.5
    return layer.bias.sum()


@pytest.mark.parametrize(
    "after",
    [
        lambda layer, optimizer, x: layer(x).sum(),
        lambda layer, optimizer, x: layer.weight.norm(),
        lambda layer, optimizer, x: average(layer),
        lambda layer, optimizer, x: optimizer.zero_grad() or layer(x).sum(),
        lambda layer, optimizer, x: optimizer.step() or layer(x).sum(),
    ],
)
@pytest.mark.parametrize("steps", [1, 3])
def test_what_comes_after_the_update_sees_it(after, steps):
    for wanted, got in zip(weights(after, False, steps), weights(after, True, steps), strict=True):
        for a, b in zip(wanted, got, strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "after",
    [
        lambda layer, optimizer, x: float(layer.weight.detach().numpy().sum()),
        lambda layer, optimizer, x: optimizer.zero_grad() or layer.weight.detach().tolist(),
        lambda layer, optimizer, x: "nothing of the graph" and 1.5,
    ],
)
def test_without_a_plan_the_update_is_done(after):
    wanted = weights(after, False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CaptureWarning)
        got = weights(after, True)
    for a, b in zip(wanted, got, strict=True):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_array_equal(x, y)


def test_a_mistake_after_the_update_leaves_it_done():
    def mistake(*_: Any) -> Any:
        raise KeyError("mistake")

    layer = nn.Linear(4, 4)
    before = layer.weight.data.copy()
    optimizer = optim.SGD(layer.parameters(), lr=0.5)

    @compile
    def step(x: Any) -> Any:
        layer(x).sum().backward()
        optimizer.step()
        mistake()

    with pytest.raises(KeyError):
        step(BATCH)
    assert (layer.weight.data != before).any()
    assert optimizer.state_dict()["float32.steps"].tolist() == [1, 1]


def test_a_parameter_given_other_data_is_trained_on():
    layer = nn.Linear(4, 4)
    optimizer = optim.SGD(layer.parameters(), lr=0.5)

    @compile
    def step(x: Any) -> Any:
        optimizer.zero_grad()
        layer(x).sum().backward()
        optimizer.step()
        return layer.bias.sum()

    for value in (1.0, 7.0):
        for wanted in (value - 2.5, value - 5.0):
            if wanted == value - 2.5:
                layer.bias.data = np.full(4, value, np.float32)
            assert step(BATCH).item() == pytest.approx(4 * wanted)
            np.testing.assert_allclose(layer.bias.data, wanted)


def test_capturing_takes_no_second_copy_of_parameters_and_state():
    model = nn.Sequential(nn.Linear(500, 500), nn.Linear(500, 500))
    optimizer = optim.Adam(model.parameters())
    size = sum(p.data.nbytes for p in model.parameters())

    @compile
    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = (model(x) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    tracemalloc.start()
    try:
        step(np.ones((4, 500), np.float32))
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3.5 * size  # the products, the gradients they are copied to, and templates
    assert held < 0.5 * size
