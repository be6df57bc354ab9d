import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinygrad_ae import Tensor
from tinygrad_ae.errors import ModelError, UserError
from tinygrad_ae.models import Autoencoder
from tinygrad_ae.nn import Module

Check = Callable[[Module, Any], None]


def widths(part: Module) -> list[tuple[int, ...]]:
    return [p.shape for name, p in part.named_parameters() if name.endswith("weight")]


def test_the_decoder_mirrors_the_encoder() -> None:
    model = Autoencoder(inputs=20, hidden=(12, 7), latent=3)
    assert widths(model.encoder) == [(12, 20), (7, 12), (3, 7)]
    assert widths(model.decoder) == [(7, 3), (12, 7), (20, 12)]
    assert model.latent == 3


def test_without_hidden_layers_the_code_is_affine() -> None:
    model = Autoencoder(inputs=6, hidden=(), latent=2)
    a, b = np.random.default_rng(0).random((2, 4, 6), np.float32)
    f = lambda x: model.encoder(Tensor(x)).numpy()
    model.requires_grad_(False)
    np.testing.assert_allclose(f((a + b) / 2), (f(a) + f(b)) / 2, rtol=1e-5, atol=1e-6)


def test_the_loss_is_the_mean_squared_error_of_the_reconstruction() -> None:
    model = Autoencoder(inputs=6, hidden=(5,), latent=2).requires_grad_(False)
    x = np.random.default_rng(0).random((4, 6), np.float32)
    z = model.encoder(Tensor(x))
    x_hat = model.decoder(z)
    assert z.shape == (4, 2)
    assert (x_hat.data > 0).all()
    assert (x_hat.data < 1).all()
    np.testing.assert_array_equal(model(Tensor(x)).data, x_hat.data)
    assert model.loss(Tensor(x)).item() == pytest.approx(np.mean((x_hat.data - x) ** 2))


def test_the_activation_is_chosen_by_name() -> None:
    assert "Tanh" in repr(Autoencoder(activation="tanh"))
    with pytest.raises(UserError, match="Did you mean 'relu'"):
        Autoencoder(activation="rellu")


# ---- tied weights


def test_a_tied_decoder_is_the_transposed_encoder() -> None:
    model = Autoencoder(inputs=6, hidden=(5, 4), latent=2, tied=True)
    assert [name for name, _ in model.named_parameters() if name.startswith("decoder")] == [
        "decoder.0.bias",
        "decoder.2.bias",
        "decoder.4.bias",
    ]
    x = np.random.default_rng(0).random((4, 6), np.float32)
    state = model.state_dict()
    z = model.encoder(Tensor(x)).data
    h = np.maximum(z @ state["encoder.4.weight"] + state["decoder.0.bias"], 0)
    h = np.maximum(h @ state["encoder.2.weight"] + state["decoder.2.bias"], 0)
    logits = h @ state["encoder.0.weight"] + state["decoder.4.bias"]
    np.testing.assert_allclose(model(Tensor(x)).data, 1 / (1 + np.exp(-logits)), rtol=1e-5)


def test_tied_weights_stay_tied() -> None:
    model = Autoencoder(inputs=6, hidden=(5,), latent=2, tied=True)
    other = copy.deepcopy(model)
    state = {name: value + 1 for name, value in model.state_dict().items()}
    other.load_state_dict(state)
    for layer in (other.astype(np.float64), copy.deepcopy(other)):
        assert layer.encoder[0].weight is layer.decoder[2].weight
        np.testing.assert_array_equal(layer.decoder[2].weight.data, state["encoder.0.weight"])
    assert other.encoder[0].weight is not model.encoder[0].weight


@pytest.mark.parametrize("tied", [False, True])
def test_gradients(tied: bool, check_gradients: Check) -> None:
    model = Autoencoder(inputs=4, hidden=(3,), latent=2, activation="tanh", tied=tied)
    check_gradients(model, np.random.default_rng(0).random((3, 4)))


def test_one_width_is_not_taken_for_several() -> None:
    for make in (lambda: Autoencoder(784, 128, 16), lambda: Autoencoder(hidden=128)):  # type: ignore[arg-type]
        with pytest.raises(ModelError, match=r"hidden=128 must be .*: hidden=\(128,\)"):
            make()
