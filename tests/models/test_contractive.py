from collections.abc import Callable

import numpy as np
import pytest

from tinygrad_ae import Tensor, grad, jacobian, manual_seed, no_grad
from tinygrad_ae.models import Contractive
from tinygrad_ae.optim import Adam
from tinygrad_ae.train import fit

X = np.random.default_rng(0).random((5, 6))


def closed_form(model: Contractive, x: Tensor) -> Tensor:
    """Σⱼ (zⱼ (1 − zⱼ))² Σᵢ Wⱼᵢ², for one layer of sigmoids; its mean over samples."""
    z = model.encoder(x)
    lengths = (model.encoder[0].weight ** 2).sum(1)
    return ((z * (1 - z)) ** 2 * lengths).sum(1).mean()


def test_the_penalty_is_the_closed_form_for_one_layer() -> None:
    model = Contractive(inputs=6, latent=4).astype(np.float64)
    x = Tensor(X)
    ours, theirs = model.contraction(x), closed_form(model, x)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-12)
    parameters = list(model.encoder.parameters())
    for a, b in zip(grad(ours, parameters), grad(theirs, parameters), strict=True):
        np.testing.assert_allclose(a.data, b.data, rtol=1e-10, atol=1e-14)


def test_the_penalty_is_the_norm_of_the_jacobian_of_any_encoder() -> None:
    model = Contractive(inputs=6, hidden=(5,), latent=3, activation="tanh").astype(np.float64)
    norms = [np.sum(jacobian(model.encoder, x[None]).data ** 2) for x in X]
    assert model.contraction(Tensor(X)).item() == pytest.approx(np.mean(norms), rel=1e-12)


def test_the_loss_is_the_error_and_the_penalty_in_training_and_evaluation() -> None:
    model = Contractive(inputs=6, latent=4, strength=0.7).astype(np.float64)
    x_hat = model(Tensor(X)).data
    expected = np.mean((x_hat - X) ** 2) + 0.7 * closed_form(model, Tensor(X)).item()
    assert model.loss(Tensor(X)).item() == pytest.approx(expected, rel=1e-12)
    with no_grad():
        assert model.eval().loss(Tensor(X)).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("hidden", "activation"), [((), "tanh"), ((3,), "tanh"), ((3,), "gelu")])
def test_gradients(
    hidden: tuple[int, ...], activation: str, check_gradients: Callable[..., None]
) -> None:
    model = Contractive(inputs=4, hidden=hidden, latent=2, activation=activation, strength=1.0)
    check_gradients(model, np.random.default_rng(0).random((3, 4)))


def test_a_stronger_penalty_contracts_more() -> None:
    left = []
    for strength in (0.0, 0.1):
        manual_seed(0)
        model = Contractive(inputs=6, latent=4, strength=strength)
        x = X.astype(np.float32)
        fit(model, x, epochs=100, optimizer=Adam(model.parameters(), lr=1e-2))
        left.append(model.contraction(Tensor(x)).item())
    assert left[1] < 0.5 * left[0]
