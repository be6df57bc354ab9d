from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinygrad_ae import Tensor, manual_seed
from tinygrad_ae.data.corrupt import masking
from tinygrad_ae.models import Stacked
from tinygrad_ae.optim import Adam
from tinygrad_ae.train import fit

X = np.random.default_rng(0).random((5, 12), np.float32)


def made(**arguments: Any) -> Stacked:
    manual_seed(3)
    model = Stacked(inputs=12, hidden=(8,), latent=4, activation="sigmoid", **arguments)
    return model.astype(np.float64)


def sigmoid(a: Any) -> Any:
    return 1 / (1 + np.exp(-a))


def affine(model: Stacked, layer: str, h: Any) -> Any:
    state = model.state_dict()
    return h @ state[f"{layer}.weight"].T + state[f"{layer}.bias"]


def loss(model: Stacked, x: Any) -> float:
    manual_seed(4)
    return float(model.loss(Tensor(x)).item())


def masked(h: Any) -> Any:
    manual_seed(4)
    return masking(h, 0.5)


def test_each_layer_in_turn_denoises_the_codes_of_those_before() -> None:
    model, x = made(pretrain=2), X.astype(np.float64)
    model.start_epoch(1)
    h = sigmoid(affine(model, "encoder.0", masked(x)))
    x_hat = sigmoid(affine(model, "decoder.2", h))
    assert loss(model, x) == pytest.approx(np.mean((x_hat - x) ** 2), rel=1e-12)

    model.start_epoch(2)
    h = sigmoid(affine(model, "encoder.0", x))
    z = sigmoid(affine(model, "encoder.2", masked(h)))
    h_hat = sigmoid(affine(model, "decoder.0", z))
    assert loss(model, x) == pytest.approx(np.mean((h_hat - h) ** 2), rel=1e-12)


@pytest.mark.parametrize("epoch", [4, 5, None])
def test_then_all_denoise_together(epoch: int | None) -> None:
    model, x = made(pretrain=2), X.astype(np.float64)
    if epoch is not None:  # and so does a model that nobody trains
        model.start_epoch(epoch)
    x_hat = model(Tensor(masked(x))).data
    assert loss(model, x) == pytest.approx(np.mean((x_hat - x) ** 2), rel=1e-12)


@pytest.mark.parametrize("compiled", [False, True])
def test_the_layers_that_are_not_in_turn_stay_as_they_are(compiled: bool) -> None:
    model = made(pretrain=1).astype(np.float32)
    optimizer, moved = Adam(model.parameters(), lr=1e-2), []
    before = model.state_dict()

    def look(history: Any) -> None:
        nonlocal before
        now = model.state_dict()
        moved.append({name for name in now if not np.array_equal(now[name], before[name])})
        before = now

    fit(model, X, epochs=3, optimizer=optimizer, on_epoch=look, compile=compiled)
    outer = {f"{layer}.{p}" for layer in ("encoder.0", "decoder.2") for p in ("weight", "bias")}
    assert moved == [outer, set(before) - outer, set(before)]


def test_without_pretraining_all_start_together() -> None:
    model = made(pretrain=0)
    model.start_epoch(0)
    assert model.layer == 0


@pytest.mark.parametrize("layer", [0, 1])
def test_gradients(layer: int, check_gradients: Callable[..., None]) -> None:
    model = Stacked(inputs=4, hidden=(3,), latent=2, activation="tanh")
    model.layer = layer
    check_gradients(model, np.random.default_rng(0).random((3, 4)))
