"""The lines of a plan: what they are called, and values that need care."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from steps import data, training

import tinygrad_ae as tg
from tinygrad_ae import Tensor, no_grad, ops
from tinygrad_ae.compiled import compile
from tinygrad_ae.models import Autoencoder

ONES = np.ones((2, 3))


def test_source_names_operations_modules_and_lines():
    _, _, step = training(Autoencoder(12, (8,), 3))
    run = compile(step)
    with pytest.raises(tg.errors.UserError, match="call the step first"):
        run.source()
    run(data()[0])
    source = run.source()
    assert "encoder.0" in source
    assert "∂linear" in source
    assert "autoencoder.py:" in source
    assert "adam_step()" in source


def test_work_under_no_grad_is_part_of_the_plan():
    @compile
    def step(x: Any) -> Any:
        with no_grad():
            target = x * 3
        return target - x

    np.testing.assert_array_equal(step(ONES).data, 2 * ONES)
    np.testing.assert_array_equal(step(2 * ONES).data, 4 * ONES)


def test_a_tensor_made_of_a_computed_one_follows_it():
    @tg.compile
    def step(batch):
        with no_grad():
            doubled = batch * 2
        return (Tensor(doubled) + 1).sum()

    assert [step(np.full(3, value)).item() for value in (1.0, 2.0, 3.0)] == [9, 15, 21]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_choosing_keeps_every_bit(dtype):
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-42, -1.5, 3.0], dtype)
    x, y = (a.reshape(-1, 8) for a in (special, special[::-1].copy()))

    @compile
    def choose(x: Any, y: Any) -> Any:
        c = x > 0
        return ops.where(c, x, y), ops.where(c, x, 0.0), ops.where(c, 0.0, y), ops.where(c, 2.5, y)

    for a, b in ((x, y), (y, x)):
        wanted = [np.where(a > 0, p, q) for p, q in ((a, b), (a, 0), (0, b), (2.5, b))]
        for got, right in zip(choose(a, b), wanted, strict=True):
            assert got.dtype == right.dtype == dtype
            assert got.data.tobytes() == right.tobytes()
    assert "bitwise" in choose.source()


def test_the_logistic_functions_keep_their_tails():
    x = np.concatenate([np.linspace(-103, 103, 4001), [np.inf, -np.inf, np.nan, 0.0]])
    x = x.astype(np.float32)

    @compile
    def logistic(x: Any) -> Any:
        return ops.sigmoid(x), ops.softplus(x), ops.logsigmoid(x)

    for got, wanted in zip(logistic(x), logistic.__wrapped__(tg.as_tensor(x)), strict=True):
        np.testing.assert_allclose(got.data, wanted.data, rtol=1e-6, atol=1e-44)


@pytest.mark.parametrize("name", ["step", "tensor", "dot", "float32", "class", "calls0"])
def test_a_tensor_may_be_called_what_the_plan_calls_its_own(name):
    w = Tensor(np.full((3, 3), 0.1), requires_grad=True, name=name)

    def run(x: Any) -> Any:
        return (x @ w).exp() @ w.tanh()

    np.testing.assert_array_equal(compile(run)(ONES).data, run(Tensor(ONES)).data)
