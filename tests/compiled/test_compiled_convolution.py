"""Compiled convolutions: the same results, as products of columns, wherever arrays lie in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_ae as tg
from tinygrad_ae import Tensor, nn, ops, optim
from tinygrad_ae.compiled import compile
from tinygrad_ae.models import Convolutional

RNG = np.random.default_rng(2)


def array(*shape: int) -> Any:
    return RNG.standard_normal(shape)


def gradients(f: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., list[Tensor]]:
    """A step that returns f(x, W) and the derivatives of Σ sin f."""

    def step(x: Tensor, W: Tensor) -> list[Tensor]:
        x, W = (Tensor(2.0, requires_grad=True) * a for a in (x, W))
        y = f(x, W)
        return [y, *tg.grad(ops.sin(y).sum(), [x, W])]

    return step


@pytest.mark.parametrize(
    ("f", "x", "W"),
    [
        (lambda x, W: ops.conv2d(x, W, None, 2, 1), (3, 2, 6, 7), (4, 2, 3, 3)),
        (lambda x, W: ops.conv2d(x, W, None, (1, 2), 2, 2, 2), (3, 4, 5, 6), (2, 2, 2, 3)),
        (lambda x, W: ops.conv1d(x, W, None, 3), (1, 1, 8), (2, 1, 2)),
        (lambda x, W: ops.conv_transpose2d(x, W, None, 2, 1, 1), (3, 2, 3, 4), (2, 3, 3, 3)),
        (lambda x, W: ops.conv_transpose1d(x, W, None, 3, 1, 2, 2, 2), (2, 4, 5), (4, 1, 3)),
    ],
)
def test_values_and_gradients_are_those_of_the_eager_step(f, x, W):
    step = gradients(f)
    run = compile(step)
    for order in "CF":
        inputs = [Tensor(np.asarray(array(*s), order=order)) for s in (x, W)]
        for _ in range(2):
            for a, b in zip(step(*inputs), run(*inputs), strict=True):
                np.testing.assert_allclose(a.data, b.data, rtol=1e-12, atol=1e-12)


def test_training_is_products_of_columns_that_lie_samples_last():
    tg.manual_seed(0)
    model = Convolutional((6, 8), (2, 3), latent=4)
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    @compile
    def step(x: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = model.loss(x)
        loss.backward()
        optimizer.step()
        return loss

    step(Tensor(array(5, 48).astype(np.float32)))
    lines = step.source().splitlines()
    backward = [line for line in lines if "∂conv" in line]
    # the transposed convolution's two derivatives share the columns of the gradient
    assert sum(line.strip().startswith("columns") for line in backward) == 2 + 2
    assert not any("= asarray(conv" in line for line in lines)
    # the images are transposed, once for all; from there on everything lies as it is needed
    assert sum("_last" in line.split("#")[0] and "copyto" in line for line in lines) == 1


def test_a_layer_that_is_given_what_a_dense_one_computed():
    tg.manual_seed(0)
    dense = nn.Linear(4, 2 * 3 * 3).astype(np.float64)
    conv = nn.Conv2d(2, 2, 3, padding=1).astype(np.float64)
    parameters = [*dense.parameters(), *conv.parameters()]

    def step(x: Tensor) -> list[Tensor]:
        y = conv(dense(x).reshape(-1, 2, 3, 3))
        return tg.grad((y * x[:, :2].reshape(-1, 2, 1, 1)).square().sum(), parameters)

    run, x = compile(step), Tensor(array(5, 4))
    run(x)
    for a, b in zip(step(x), run(x), strict=True):
        np.testing.assert_allclose(a.data, b.data, rtol=1e-12)


def test_columns_are_taken_anew_when_their_array_was_written_to():
    W = array(1, 1, 2, 2)

    def make() -> Callable[[Tensor], Tensor]:
        image = nn.Parameter(np.ones((2, 1, 4, 4)))

        def step(change: Tensor) -> Tensor:
            before = ops.conv2d(image, W)
            with tg.no_grad():
                image[...] = image + change
            return before * ops.conv2d(image, W)

        return step

    eager, compiled = make(), compile(make())
    for _ in range(3):
        change = Tensor(array(2, 1, 4, 4))
        np.testing.assert_allclose(eager(change).data, compiled(change).data, rtol=1e-12)
