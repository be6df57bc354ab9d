from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import log_softmax

from tinygrad_ae import Tensor, manual_seed
from tinygrad_ae.errors import DataError
from tinygrad_ae.models import Autoencoder, Classifier
from tinygrad_ae.optim import Adam
from tinygrad_ae.train import fit

RNG = np.random.default_rng(0)
X, Y = RNG.random((5, 12)), np.array([2, 0, 1, 1, 2])


def made(reconstruction: float) -> Classifier:
    manual_seed(3)
    model = Classifier(12, (8,), 4, classes=3, reconstruction=reconstruction)
    return model.astype(np.float64)


@pytest.mark.parametrize("weight", [0.0, 0.7])
def test_the_loss_is_the_labels_cross_entropy_and_the_reconstructions_error(weight: float) -> None:
    model = made(weight)
    z = model.encoder(Tensor(X)).data
    log_p = log_softmax(z @ model.head.weight.data.T + model.head.bias.data, axis=1)
    expected = -np.mean([log_p[i, y] for i, y in enumerate(Y)])
    expected += weight * np.mean((model.decoder(Tensor(z)).data - X) ** 2)
    batch = model.with_labels(X, Y)
    assert batch.shape == (5, 15)
    assert model.loss(Tensor(batch)).item() == pytest.approx(expected, rel=1e-12)


def test_a_sample_without_a_label_counts_in_the_reconstruction_alone() -> None:
    model = made(0.7)
    batch = np.concatenate([X, np.zeros((5, 3))], 1)
    expected = 0.7 * np.mean((model(Tensor(X)).data - X) ** 2)
    assert model.loss(Tensor(batch)).item() == pytest.approx(expected, rel=1e-12)


def test_a_probe_leaves_the_code_and_finds_what_is_in_it() -> None:
    manual_seed(0)
    rng = np.random.default_rng(1)
    y = rng.integers(0, 3, 300)
    x = np.clip(np.eye(3)[y] @ rng.random((3, 12)) + 0.05 * rng.random((300, 12)), 0, 1)
    x = x.astype(np.float32)
    model = Autoencoder(inputs=12, hidden=(8,), latent=4)
    before = model.state_dict()
    probe = Classifier.of(model, classes=3, frozen=True)
    optimizer = Adam([p for p in probe.parameters() if p.requires_grad], lr=3e-2)
    fit(probe, probe.with_labels(x, y), epochs=40, optimizer=optimizer)
    assert probe.encoder is model.encoder
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    assert np.mean(probe.log_probabilities(Tensor(x)).data.argmax(1) == y) > 0.95


def test_fine_tuning_moves_the_encoder_too() -> None:
    model = Autoencoder(inputs=12, hidden=(8,), latent=4)
    before = model.state_dict()
    tuned = Classifier.of(model, classes=3)
    fit(tuned, tuned.with_labels(X.astype(np.float32), Y), epochs=1)
    moved = {n for n, value in model.state_dict().items() if not np.array_equal(value, before[n])}
    assert moved == {name for name in before if name.startswith("encoder")}


def test_labels_that_do_not_fit_are_refused() -> None:
    model = made(1.0)
    with pytest.raises(DataError, match="learns from labels, and this data has none"):
        model.with_labels(X, None)
    with pytest.raises(DataError, match=r"within 0...2; found 0 to 7. Say .*classes=8"):
        model.with_labels(X, np.array([0, 7]))


def test_gradients(check_gradients: Callable[..., None]) -> None:
    model = Classifier(4, (3,), 2, classes=2, activation="tanh")
    check_gradients(model, model.with_labels(RNG.random((3, 4)), np.array([0, 1, 1])))
