"""Gradients in a compiled step: whose memory they are, and what adds to them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from steps import data, training

import tinygrad_ae as tg
from tinygrad_ae import Tensor, nn, no_grad, ops, optim
from tinygrad_ae.compiled import compile
from tinygrad_ae.models import Autoencoder

ONES = np.ones((2, 3))


def test_gradients_reset_outside_the_step_accumulate_in_between():
    layer = nn.Linear(3, 3)

    @compile
    def step(x: Any) -> Any:
        loss = layer(x).sum()
        loss.backward()
        return loss

    for _ in range(2):
        layer.zero_grad()
        for k in range(1, 4):
            step(ONES.astype(np.float32))
            np.testing.assert_array_equal(layer.bias.grad.data, 2.0 * k)


def test_in_place_updates_by_hand_are_part_of_the_plan():
    w, eager = nn.Parameter(np.ones(3)), nn.Parameter(np.ones(3))

    def by_hand(x: Any) -> Any:
        w.grad = None
        loss = ((w * x) ** 2).sum()
        loss.backward()
        with no_grad():
            w[...] = w - 0.1 * w.grad
        return loss

    def by_hand_eager(x: Any) -> Any:
        eager.grad = None
        loss = ((eager * x) ** 2).sum()
        loss.backward()
        with no_grad():
            eager[...] = eager - 0.1 * eager.grad
        return loss

    compiled = compile(by_hand)
    for k in range(1, 4):
        x = np.array([[0.1, 0.2, 0.3]]) * k
        assert compiled(x).item() == pytest.approx(by_hand_eager(tg.as_tensor(x)).item(), rel=1e-14)
    np.testing.assert_allclose(w.data, eager.data, rtol=1e-14)


def test_gradients_of_gradients_are_captured():
    w = nn.Parameter(np.array([1.0, 2.0]))

    def penalty(x: Any) -> Any:
        w.grad = None
        y = (ops.tanh(w * x)).sum()
        g = tg.grad(y, w, create_graph=True)
        (g * g).sum().backward()
        return (g * g).sum()

    compiled = compile(penalty)
    for k in range(1, 4):
        x = np.array([[0.5, -0.3]]) * k
        wanted = penalty(tg.as_tensor(x)).item()
        expected = w.grad.data.copy()
        assert compiled(x).item() == pytest.approx(wanted, rel=1e-12)
        np.testing.assert_allclose(w.grad.data, expected, rtol=1e-12)


@pytest.mark.parametrize("with_optimizer", [False, True])
def test_gradients_have_memory_of_their_own(with_optimizer):
    """Constant, shared, transposed and later used gradients, scaled in place."""

    def run(compiled: bool) -> list[Any]:
        rng = np.random.default_rng(0)
        a, b, c, d = (nn.Parameter(rng.normal(size=(3, 3))) for _ in range(4))
        ps = [a, b, c, d]
        optimizer = optim.SGD(ps if with_optimizer else [nn.Parameter(np.ones(1))], lr=0.1)

        def step(x: Any) -> Any:
            for p in ps:
                p.grad = None
            loss = a.sum() + ((b + c) * x).sum() + ((d.T @ x) ** 2).sum()
            loss.backward()
            kept = d.grad * 1.0
            optim.clip_grad_norm_(ps, 0.5)
            optimizer.step()
            after = (d.grad + kept).sum()
            return loss, after

        runner = compile(step) if compiled else step
        found = []
        for k in range(3):
            x = np.random.default_rng(k).normal(size=(3, 3))
            found += [t.detach().numpy() for t in runner(tg.as_tensor(x))]
            found += [p.grad.data.copy() for p in ps] + [p.data.copy() for p in ps]
        return found

    for wanted, got in zip(run(False), run(True), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-14)


def test_gradients_are_computed_where_the_optimiser_reads_them():
    model, optimizer, step = training(Autoencoder(12, (8,), 3))
    run = compile(step)
    run(data()[0])
    assert "copyto" not in run.source()
    for p, memory in optimizer.gradient_memory():
        assert p.grad.data is memory
    assert len(list(model.parameters())) == 8


def test_gradients_that_overflow_are_found_where_the_optimiser_reads_them():
    layer = nn.Linear(2, 2)
    optimizer = optim.SGD(layer.parameters(), lr=0.1)
    for value, finite in ((1.0, True), (1e30, True), (np.inf, False), (np.nan, False)):
        layer.weight.grad = Tensor(np.full((2, 2), value, np.float32))
        assert optimizer.finite() is finite  # though 1e30 squared is not
