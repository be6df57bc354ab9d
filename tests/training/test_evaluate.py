import math

import numpy as np
import pytest

from tinygrad_ae import Tensor, nn
from tinygrad_ae.errors import DataError, ModelError
from tinygrad_ae.evaluate import (
    PCA,
    by_class,
    compare,
    decode,
    encode,
    errors,
    psnr,
    reconstruct,
    reconstruction_error,
)
from tinygrad_ae.models import Autoencoder

X = np.random.default_rng(0).random((3000, 6), np.float32) @ np.diag([1, 2, 3, 4, 5, 6]) / 6
X = X.astype(np.float32)


def test_results_of_many_batches_are_those_of_one() -> None:
    model = Autoencoder(6, (5,), 2)
    alone = model.requires_grad_(False)(Tensor(X)).data
    np.testing.assert_allclose(reconstruct(model, X), alone, rtol=1e-5)
    np.testing.assert_allclose(decode(model, encode(model, X)), alone, rtol=1e-5)
    expected = ((alone.astype(np.float64) - X) ** 2).mean(1)
    np.testing.assert_allclose(reconstruction_error(model, X), expected, rtol=1e-5)


def test_using_a_model_is_evaluation() -> None:
    model = Autoencoder(6, (5,), 2)
    model.encoder = nn.Sequential(nn.Dropout(0.5), nn.Linear(6, 2))
    model.train()
    np.testing.assert_array_equal(encode(model, X), encode(model, X))


def test_an_encoder_that_does_not_keep_its_promise_is_named() -> None:
    model = Autoencoder(6, (5,), 2)
    model.latent = 3
    with pytest.raises(ModelError, match=r"encoder turns \(1024, 6\) into \(1024, 2\)"):
        encode(model, X)


@pytest.mark.parametrize("codes", [np.zeros((4, 3)), np.zeros(2), np.zeros((4, 2, 1))])
def test_codes_of_another_width_are_refused(codes: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"expected|decodes codes of shape \(n, 2\)"):
        decode(Autoencoder(6, (5,), 2), codes)


def test_codes_that_are_not_finite_are_refused() -> None:
    with pytest.raises(DataError, match="NaN"):
        decode(Autoencoder(6, (5,), 2), np.array([[1.0, np.nan]]))


def test_psnr() -> None:
    assert psnr(0.01) == pytest.approx(20.0)
    assert psnr(0.0) == math.inf


def test_errors_are_means_over_the_features_of_any_shape() -> None:
    x = np.zeros((2, 2, 2), np.float32)
    np.testing.assert_allclose(errors(np.stack([x[0] + 1, x[1] + 2]), x), [1, 4])


def test_errors_by_class() -> None:
    error, labels = np.array([1.0, 2.0, 6.0]), np.array([7, 3, 3])
    assert by_class(error, labels) == {3: 4.0, 7: 1.0}


def test_pca_is_the_truncated_singular_value_decomposition() -> None:
    pca = PCA(X, 2)
    mean = X.mean(0, dtype=np.float64)
    u, s, vt = np.linalg.svd(X - mean, full_matrices=False)
    np.testing.assert_allclose(pca.decode(pca.encode(X)), (u[:, :2] * s[:2]) @ vt[:2] + mean)
    np.testing.assert_allclose(pca.variance, s[:2] ** 2 / len(X))
    np.testing.assert_allclose(pca.components @ pca.components.T, np.eye(2), atol=1e-12)


def test_pca_of_wide_samples_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).normal(size=(500, 60)) * 0.9 ** np.arange(60)
    exact = PCA(x, 5)
    monkeypatch.setattr("tinygrad_ae.evaluate._EXACT", 10)
    wide = PCA(x, 5)
    np.testing.assert_allclose(wide.variance, exact.variance, rtol=1e-9)
    np.testing.assert_allclose(
        wide.decode(wide.encode(x)), exact.decode(exact.encode(x)), atol=1e-6
    )


def test_pca_of_all_components_loses_nothing() -> None:
    pca = PCA(X, 6)
    np.testing.assert_allclose(pca.decode(pca.encode(X)), X, atol=1e-12)


@pytest.mark.parametrize("k", [0, 7])
def test_pca_has_between_one_and_d_components(k: int) -> None:
    with pytest.raises(DataError, match=f"code of {k} numbers"):
        PCA(X, k)


def test_the_comparison_is_on_the_same_samples_and_code_size() -> None:
    model = Autoencoder(6, (5,), 2)
    labels = np.arange(100) % 2
    ours, theirs = compare(model, X, X[:100], labels)
    assert (ours.name, theirs.name) == ("Autoencoder", "PCA-2")
    assert ours.mse == pytest.approx(reconstruction_error(model, X[:100]).mean())
    pca = PCA(X, 2)
    assert theirs.mse == pytest.approx(errors(pca.decode(pca.encode(X[:100])), X[:100]).mean())
    assert np.mean(list(theirs.by_class.values())) == pytest.approx(theirs.mse)


def test_a_code_wider_than_a_sample_is_compared_with_pca_of_all_components() -> None:
    _, theirs = compare(Autoencoder(6, (), 9), X, X[:10])
    assert theirs.name == "PCA-6"
    assert theirs.by_class == {}
