from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinygrad_ae import Tensor
from tinygrad_ae.errors import ModelError
from tinygrad_ae.models import Sparse

X = np.random.default_rng(0).random((5, 12))


def made(**arguments: Any) -> tuple[Sparse, dict[str, Any]]:
    model = Sparse(inputs=12, latent=8, **arguments).astype(np.float64)
    return model, model.state_dict()


def sigmoid(a: Any) -> Any:
    return 1 / (1 + np.exp(-a))


def test_l1() -> None:
    model, w = made(strength=0.1)
    z = np.maximum(X @ w["encoder.0.weight"].T + w["encoder.0.bias"], 0)
    D = w["decoder.0.weight"]
    D = D / np.sqrt((D**2).sum(0))  # columns of length 1
    x_hat = sigmoid(z @ D.T + w["decoder.0.bias"])
    expected = np.mean((x_hat - X) ** 2) + 0.1 * np.mean(np.sum(z, 1))
    assert model.loss(Tensor(X)).item() == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(model(Tensor(X)).data, x_hat, rtol=1e-12)


def test_l1_gains_nothing_from_larger_weights_in_the_decoder() -> None:
    model, _ = made()
    before = model.loss(Tensor(X)).item()
    model.decoder[0].weight.data *= 10
    assert model.loss(Tensor(X)).item() == pytest.approx(before, rel=1e-12)


def test_kl() -> None:
    model, w = made(penalty="kl", strength=0.1, rho=0.2)
    z = sigmoid(X @ w["encoder.0.weight"].T + w["encoder.0.bias"])
    x_hat = sigmoid(z @ w["decoder.0.weight"].T + w["decoder.0.bias"])
    q = z.mean(0)
    kl = 0.2 * np.log(0.2 / q) + 0.8 * np.log(0.8 / (1 - q))
    expected = np.mean((x_hat - X) ** 2) + 0.1 * kl.sum()
    assert model.loss(Tensor(X)).item() == pytest.approx(expected, rel=1e-12)


def test_kl_is_0_at_the_rate_and_positive_elsewhere() -> None:
    model, _ = made(penalty="kl", strength=1.0, rho=0.2)
    model.encoder[0].weight.data[...] = 0
    penalties = []
    for rate in (0.1, 0.2, 0.3):
        model.encoder[0].bias.data[...] = np.log(rate / (1 - rate))
        error = np.mean((model(Tensor(X)).data - X) ** 2)
        penalties.append(model.loss(Tensor(X)).item() - error)
    assert penalties[1] == pytest.approx(0, abs=1e-12)
    assert min(penalties[0], penalties[2]) > 0.01


def test_k_sparse() -> None:
    model, w = made(penalty="k-sparse", active=3)
    a = X @ w["encoder.0.weight"].T + w["encoder.0.bias"]
    z = np.where(a >= np.sort(a, 1)[:, -3:-2], a, 0)
    np.testing.assert_allclose(model.encoder(Tensor(X)).data, z, rtol=1e-12)
    assert ((z != 0).sum(1) == 3).all()
    x_hat = sigmoid(z @ w["decoder.0.weight"].T + w["decoder.0.bias"])
    assert model.loss(Tensor(X)).item() == pytest.approx(np.mean((x_hat - X) ** 2), rel=1e-12)


@pytest.mark.parametrize("penalty", ["l1", "kl", "k-sparse"])
def test_gradients(penalty: Any, check_gradients: Callable[..., None]) -> None:
    model = Sparse(inputs=4, latent=5, penalty=penalty, strength=0.3, active=2)
    check_gradients(model, np.random.default_rng(0).random((3, 4)))


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ModelError, match="one of l1, kl, k-sparse; got 'l2'"):
        Sparse(penalty="l2")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="the 9 largest of 8"):
        made(penalty="k-sparse", active=9)[0].loss(Tensor(X))
