"""Walking about in code space: denoise, generate, interpolate, traverse."""

import numpy as np
import pytest

from tinygrad_ae.data import load
from tinygrad_ae.errors import DataError
from tinygrad_ae.evaluate import decode, encode, reconstruct
from tinygrad_ae.models import Autoencoder, Variational
from tinygrad_ae.uses import (
    denoise,
    distance_ratio,
    generate,
    interpolate,
    is_generative,
    nearest,
    traverse,
)

X = load("digits").test.x[:60]
PLAIN = Autoencoder(784, (8,), 3)


def test_denoising_measures_what_was_given_and_what_was_made_of_it() -> None:
    noisy = np.clip(X + 0.25, 0, 1)
    found = denoise(PLAIN, noisy, X)
    np.testing.assert_array_equal(found.denoised, reconstruct(PLAIN, noisy))
    assert found.noisy_mse == pytest.approx(np.square(noisy - X).mean(), rel=1e-5)
    assert found.mse == pytest.approx(np.square(found.denoised - X).mean(), rel=1e-5)
    assert denoise(PLAIN, noisy).mse is None
    with pytest.raises(DataError, match="same samples without noise"):
        denoise(PLAIN, noisy, X[:5])


def test_nearest_is_the_least_of_all_distances() -> None:
    want = np.square(X[:9, None] - X[None, 9:]).mean(-1).min(1)
    np.testing.assert_allclose(nearest(X[:9], X[9:]), want, rtol=1e-4)
    np.testing.assert_allclose(nearest(X[:9], X), 0, atol=1e-6)


def test_a_variational_model_draws_from_its_prior() -> None:
    model = Variational(784, (8,), 3)
    assert is_generative(model)
    made = generate(model, 4000)
    np.testing.assert_allclose(made.codes.mean(0), 0, atol=0.06)
    np.testing.assert_allclose(np.cov(made.codes.T), np.eye(3), atol=0.08)
    np.testing.assert_array_equal(made.samples, decode(model, made.codes))


def test_a_plain_one_draws_like_its_training_codes() -> None:
    assert not is_generative(PLAIN)
    z = encode(PLAIN, X)
    made = generate(PLAIN, 20_000, X)
    np.testing.assert_allclose(made.codes.mean(0), z.mean(0), atol=0.05)
    np.testing.assert_allclose(np.cov(made.codes.T), np.cov(z.T), rtol=0.1, atol=0.02)
    again = generate(PLAIN, 20_000, X, np.random.default_rng(1))
    assert (again.codes != made.codes).all()
    with pytest.raises(DataError, match="has no prior"):
        generate(PLAIN, 3)


def test_reconstructions_are_not_strange() -> None:
    made = reconstruct(PLAIN, X)
    assert distance_ratio(PLAIN, made, X, X) == pytest.approx(1)
    noise = np.random.default_rng(0).random((20, 784)).astype(np.float32)
    assert distance_ratio(PLAIN, noise, X, X) > 1.2


def test_a_path_leads_from_end_to_end() -> None:
    path = interpolate(PLAIN, X[0], X[1], steps=5)
    np.testing.assert_allclose(path.decoded[[0, -1]], reconstruct(PLAIN, X[:2]), rtol=1e-5)
    np.testing.assert_allclose(path.mixed[2], (X[0] + X[1]) / 2, atol=1e-6)
    np.testing.assert_allclose(path.codes[2], encode(PLAIN, X[:2]).mean(0), rtol=1e-4)
    with pytest.raises(DataError, match="at least 2 steps"):
        interpolate(PLAIN, X[0], X[1], steps=1)
    with pytest.raises(DataError, match="two samples of one shape"):
        interpolate(PLAIN, X[0], X[1, :5])


def test_a_traversal_moves_one_number_over_its_range() -> None:
    moved = traverse(PLAIN, X, start=X[0], steps=4, share=1.0)
    z = encode(PLAIN, X)
    np.testing.assert_allclose(moved.ranges, np.stack([z.min(0), z.max(0)], 1), rtol=1e-5)
    code = z[0].copy()
    code[1] = z[:, 1].max()
    np.testing.assert_allclose(moved.samples[1, -1], decode(PLAIN, code[None])[0], rtol=1e-4)
    with pytest.raises(DataError, match="at least 2 steps"):
        traverse(PLAIN, X, steps=1)


def test_what_does_nothing_comes_last() -> None:
    model = Autoencoder(784, (), 4)
    weight = model.decoder[0].weight
    weight.data[:, 2] = 0  # the decoder does not look at z₂
    weight.data[:, 1] *= 5
    moved = traverse(model, X)
    assert moved.order[0] == 1
    assert moved.order[-1] == 2
    assert moved.effect[2] == 0
