from collections.abc import Callable

import numpy as np
import pytest

from tinygrad_ae import Tensor, default_generator, manual_seed
from tinygrad_ae.data.corrupt import corruption, gaussian
from tinygrad_ae.errors import UserError
from tinygrad_ae.models import Denoising
from tinygrad_ae.optim import Adam
from tinygrad_ae.train import fit

X = np.random.default_rng(0).random((5, 12), np.float32)


def test_the_loss_compares_what_is_made_of_the_corrupted_with_the_clean() -> None:
    model = Denoising(inputs=12, hidden=(6,), latent=4, strength=(0.3,)).requires_grad_(False)
    manual_seed(4)
    noisy = gaussian(X, 0.3, default_generator)
    x_hat = model.decoder(model.encoder(Tensor(noisy))).data
    for mode in (model.train(), model.eval()):  # in evaluation too
        manual_seed(4)
        assert mode.loss(Tensor(X)).item() == pytest.approx(np.mean((x_hat - X) ** 2), rel=1e-6)


def test_each_loss_draws_afresh() -> None:
    model = Denoising(inputs=12, hidden=(6,), latent=4)
    assert model.loss(Tensor(X)).item() != model.loss(Tensor(X)).item()


def test_several_corruptions_in_a_row() -> None:
    kinds, strength, shape = ("masking", "blur"), (0.5, 1.0), (3, 4)
    model = Denoising(12, (6,), 4, "tanh", False, kinds, strength, shape)
    manual_seed(4)
    noisy = corruption(kinds, strength, shape)(X)
    x_hat = model(Tensor(noisy)).data
    manual_seed(4)
    assert model.loss(Tensor(X)).item() == pytest.approx(np.mean((x_hat - X) ** 2), rel=1e-6)


def test_the_corruption_grows_in_training_alone() -> None:
    model = Denoising(12, (6,), 4, strength=(0.3,), anneal=4)
    for due in (0.25, 0.5, 0.75, 1, 1):
        manual_seed(4)
        noisy = X + due * (gaussian(X, 0.3, default_generator) - X)
        x_hat = model(Tensor(noisy)).data
        manual_seed(4)
        assert model.loss(Tensor(X)).item() == pytest.approx(np.mean((x_hat - X) ** 2), rel=1e-5)
    model.eval()
    model.steps.data[...] = 0
    full = Denoising(12, (6,), 4, strength=(0.3,))
    full.load_state_dict(model.state_dict())
    manual_seed(4)
    loss = model.loss(Tensor(X)).item()
    manual_seed(4)
    assert loss == pytest.approx(full.loss(Tensor(X)).item(), rel=1e-6)
    assert model.steps.item() == 0


def test_a_corruption_that_cannot_be_is_refused_when_the_model_is_made() -> None:
    with pytest.raises(UserError, match="Did you mean 'masking'"):
        Denoising(corruptions=("maskin",))
    with pytest.raises(UserError, match="one strength; got 1 for masking, gaussian"):
        Denoising(corruptions=("masking", "gaussian"))
    with pytest.raises(UserError, match="blur needs the shape of a sample"):
        Denoising(corruptions=("blur",))


def test_it_learns_to_denoise() -> None:
    """Samples lie on a line; what noise moves off it is to be brought back."""
    manual_seed(0)
    rng = np.random.default_rng(1)
    line = (0.2 + 0.6 * rng.random((400, 1)) * np.ones((1, 12))).astype(np.float32)
    model = Denoising(inputs=12, hidden=(16,), latent=4, strength=(0.1,))
    fit(model, line, epochs=40, batch_size=50, optimizer=Adam(model.parameters(), lr=1e-2))
    noisy = gaussian(line, 0.1, rng)
    model.requires_grad_(False)
    denoised = model(Tensor(noisy)).data
    assert np.mean((denoised - line) ** 2) < 0.3 * np.mean((noisy - line) ** 2)


def test_gradients(check_gradients: Callable[..., None]) -> None:
    model = Denoising(inputs=4, hidden=(3,), latent=2, activation="tanh")
    check_gradients(model, np.random.default_rng(0).random((3, 4)))
