"""When a plan is used again, and when a step is captured anew."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from tinygrad_ae import Tensor, nn, ops
from tinygrad_ae.compiled import compile

ONES = np.ones((2, 3))


def test_numbers_passed_to_the_step_are_inputs():
    @compile
    def step(x: Any, scale: float) -> Tensor:
        return (x * scale).sum()

    x = np.ones((2, 3), np.float32)
    assert [step(x, s).item() for s in (1.0, 2.0, 0.5)] == [6.0, 12.0, 3.0]
    assert len(step._entries) == 1


def test_other_arguments_are_told_apart():
    @compile
    def step(x: Any, times: int, how: Any = None, *, flag: bool = False) -> Any:
        y = x * times
        y = how(y) if how else y
        return {"y": -y if flag else y}

    x = np.ones(3)
    for times, how, flag in ((2, None, False), (3, ops.exp, False), (3, np.sqrt, True)):
        wanted = how(x * times) if how else x * times
        for _ in range(2):
            got = step(x, times, how, flag=flag)["y"]
            np.testing.assert_allclose(got.data, -wanted if flag else wanted)
    assert step(x, np.float64(0.5))["y"].tolist() == [0.5] * 3
    assert step(x, np.float64(1.5))["y"].tolist() == [1.5] * 3
    assert sum(len(entries) for entries in step._entries.values()) == 4


def test_a_method_can_be_compiled():
    class Scale(nn.Module):
        def __init__(self, factor: float) -> None:
            self.factor = nn.Parameter(np.array([factor]))

        @compile
        def apply_to(self, x: Any) -> Any:
            return x * self.factor

    for factor in (2.0, 3.0):
        scale = Scale(factor)
        for x in (ONES, 2 * ONES):
            np.testing.assert_array_equal(scale.apply_to(x).data, factor * x)


def test_new_shapes_dtypes_and_modes_are_captured_anew():
    dropout = nn.Dropout(0.5)

    @compile
    def step(x: Any) -> Tensor:
        return dropout(x) * 2

    ones = np.ones((4, 5), np.float32)
    assert step(ones).shape == (4, 5)
    assert step(ones[:2]).shape == (2, 5)
    assert step(ones.astype(np.float64)).dtype == np.float64
    assert (step(ones).data == 0).any()
    dropout.eval()
    assert (step(ones).data == 2).all()
    dropout.train()
    assert (step(ones).data == 0).any()
    captured = step.source()
    dropout.eval()
    step(ones)
    assert "generator" in captured
    assert "generator" not in step.source()
    assert sum(len(entries) for entries in step._entries.values()) == 4


def test_freezing_a_parameter_is_noticed():
    layer = nn.Linear(3, 3)

    @compile
    def step(x: Any) -> Tensor:
        layer.zero_grad()
        loss = layer(x).sum()
        loss.backward()
        return loss

    x = np.ones((2, 3), np.float32)
    step(x)
    step(x)
    assert layer.weight.grad is not None
    layer.weight.requires_grad_(False)
    step(x)
    assert layer.weight.grad is None


def test_plain_values_are_part_of_the_plan_and_compared():
    scale = 1.0

    @compile
    def step(x: Any) -> Any:
        return x * scale

    np.testing.assert_array_equal(step(ONES).data, ONES)
    scale = 2.0
    np.testing.assert_array_equal(step(ONES).data, 2 * ONES)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for scale in range(3, 30):
            np.testing.assert_array_equal(step(ONES).data, scale * ONES)
    assert ["scale keeps changing" in str(w.message) for w in caught] == [True]


def test_a_setting_of_a_module_is_compared_whatever_else_was_set():
    class Scaled(nn.Module):
        factor = 1.0

        def forward(self, x: Any) -> Any:
            return x * self.factor

    model, other = Scaled(), Scaled()
    model.factor = 2.0
    step = compile(lambda x: model(x))
    for factor, where in ((2.0, model), (5.0, other), (3.0, model), (2.0, model)):
        where.factor = factor
        np.testing.assert_array_equal(step(ONES).data, model.factor * ONES)


def test_another_module_or_parameter_in_the_place_of_one_is_noticed():
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    x = np.random.default_rng(0).standard_normal((4, 2)).astype(np.float32)
    step = compile(lambda x: model(x).sum())
    step(x)
    model[1] = nn.Tanh()
    np.testing.assert_allclose(step(x).data, model(Tensor(x)).sum().data, rtol=1e-6)
    model[0] = nn.Linear(2, 3)
    np.testing.assert_allclose(step(x).data, model(Tensor(x)).sum().data, rtol=1e-6)
    model[0].weight = nn.Parameter(np.ones((3, 2), np.float32))
    np.testing.assert_allclose(step(x).data, model(Tensor(x)).sum().data, rtol=1e-6)


def test_results_are_the_callers_own():
    @compile
    def double(x: Any) -> Any:
        return {"twice": x * 2, "sum": x.sum()}

    first = double(np.ones((2, 2)))
    second = double(np.full((2, 2), 3.0))
    assert (first["twice"].data == 2).all()
    assert second["sum"].item() == 12


def test_batches_of_any_memory_layout_are_read_right():
    @compile
    def product(x: Any) -> Any:
        return x @ x.T

    x = np.random.default_rng(0).random((5, 5))
    product(x)
    for y in (x[::-1], x.T, np.asfortranarray(x), np.repeat(x, 2, 0)[::2]):
        np.testing.assert_allclose(product(y).data, y @ y.T, rtol=1e-12)
