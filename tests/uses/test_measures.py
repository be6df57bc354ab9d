"""What measures a model at work: anomalies, compression, features."""

from collections.abc import Callable

import numpy as np
import pytest

from tinygrad_ae.data import load
from tinygrad_ae.errors import DataError
from tinygrad_ae.evaluate import PCA, encode, errors, reconstruct
from tinygrad_ae.models import Autoencoder
from tinygrad_ae.uses import (
    anomaly_scores,
    attribution,
    compress,
    detect,
    few_labels,
    jpeg,
    linear_probe,
    quantised,
    threshold,
)

DIGITS = load("digits").test
X, Y = DIGITS.x[:400], DIGITS.y[:400]
MODEL = Autoencoder(784, (8,), 3)
RNG = np.random.default_rng(0)


def brute_auroc(scores: np.ndarray, anomalous: np.ndarray) -> float:
    """The share of pairs that are in order, ties counting half."""
    a, n = scores[anomalous][:, None], scores[~anomalous][None]
    return float((a > n).mean() + 0.5 * (a == n).mean())


def test_areas_are_what_they_mean() -> None:
    anomalous = RNG.random(300) < 0.3
    scores = np.round(RNG.normal(size=300) + anomalous, 1)  # with ties
    found = detect(scores, anomalous, 0.5)
    assert found.auroc.value == pytest.approx(brute_auroc(scores, anomalous))
    precision = [(anomalous[scores >= s]).mean() for s in np.unique(scores)]
    recall = [(scores[anomalous] >= s).mean() for s in np.unique(scores)]
    area = -np.diff([*recall, 0]) @ precision
    assert found.auprc.value == pytest.approx(area)
    assert found.auroc.low < found.auroc.value < found.auroc.high
    assert found.at[0] == (scores[~anomalous] > 0.5).mean()
    assert found.at[1] == (scores[anomalous] > 0.5).mean()
    assert found.at[2] == anomalous[scores > 0.5].mean()


def test_the_interval_holds_the_truth_about_as_often_as_it_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tinygrad_ae.uses.anomalies._RESAMPLES", 200)
    truth = 0.7602499389  # Φ(1 / √2)
    hits = 0
    anomalous = np.arange(120) < 60
    for seed in range(60):
        scores = np.random.default_rng(seed).normal(size=120) + anomalous
        area = detect(scores, anomalous, 0).auroc
        hits += area.low <= truth <= area.high
    assert 52 <= hits <= 60  # of 60 intervals of 95 %


def test_one_kind_alone_has_no_curves() -> None:
    with pytest.raises(DataError, match="all 5 samples are normal"):
        detect(np.zeros(5), np.zeros(5, bool), 0)


def test_a_threshold_lets_its_share_of_normal_ones_pass() -> None:
    normal = RNG.random(1000)
    assert (normal > threshold(normal, 0.1)).mean() == pytest.approx(0.1, abs=0.002)
    with pytest.raises(DataError, match="needs scores"):
        threshold(normal[:0])


def test_parts_of_a_score_sum_to_it() -> None:
    x_hat, parts = attribution(MODEL, X)
    np.testing.assert_array_equal(x_hat, reconstruct(MODEL, X))
    np.testing.assert_allclose(parts.sum(1), anomaly_scores(MODEL, X))


def test_fine_steps_cost_nothing_but_bits() -> None:
    pca = PCA(X, 5)
    found = quantised("PCA", pca.encode, pca.decode, X, X[:50], steps=(1e-4, 1e-2, 0.1, 3.0))
    exact = errors(pca.decode(pca.encode(X[:50])), X[:50]).mean()
    assert found.mse[0] == pytest.approx(exact, rel=1e-4)
    assert (np.diff(found.bits) < 0).all()
    assert (np.diff(found.mse) >= 0).all()
    mean = errors(np.broadcast_to(X.mean(0), X[:50].shape), X[:50]).mean()
    assert found.mse[3] == pytest.approx(mean, rel=1e-4)  # all rounds to 0
    # rounding to steps of Δ adds Δ² / 12 to each of the 5 numbers, shared by 784 values
    added = 5 * (0.01 * np.sqrt(784)) ** 2 / 12 / 784
    assert found.mse[1] - exact == pytest.approx(added, rel=0.3)


def test_rounding_does_not_depend_on_the_unit_of_a_code() -> None:
    pca = PCA(X, 4)
    unit = np.array([1, 10, 0.1, 3])
    plain = quantised("a", pca.encode, pca.decode, X, X[:40], (0.05,))
    other = quantised(
        "b", lambda x: pca.encode(x) * unit, lambda z: pca.decode(z / unit), X, X[:40], (0.05,)
    )
    assert other.bits[0] == pytest.approx(plain.bits[0], rel=0.02)
    assert other.mse[0] == pytest.approx(plain.mse[0], rel=0.02)


def test_a_model_stands_beside_pca_and_jpeg() -> None:
    assert [c.name for c in compress(MODEL, X, X[:20], (0.05, 0.2))] == [
        "Autoencoder", "PCA-3", "PCA, up to 256",
    ]  # fmt: skip
    found = jpeg(X[:100], (28, 28), (10, 90))
    assert found.bits[0] < found.bits[1]
    assert found.mse[0] > found.mse[1]
    with pytest.raises(DataError, match="no pictures in grey"):
        jpeg(X, (784,))


def test_a_probe_finds_what_lies_open() -> None:
    y = RNG.integers(0, 3, 600)
    z = np.eye(3)[y] + 0.3 * RNG.normal(size=(600, 3))
    sets = [(z[i::3], y[i::3]) for i in range(3)]
    assert linear_probe(*sets).accuracy > 0.9
    chance = linear_probe(*[(RNG.normal(size=(200, 3)), labels) for _, labels in sets])
    assert 0.2 < chance.accuracy < 0.5
    with pytest.raises(DataError, match="at least two classes"):
        linear_probe(*[(z[i::3], y[i::3] * 0) for i in range(3)])


def test_labels_need_not_count_from_zero() -> None:
    y = RNG.choice([3, 8], 300)
    z = np.where(y == 3, 1.0, -1.0)[:, None] + 0.1 * RNG.normal(size=(300, 2))
    sets = [(z[i::3], y[i::3]) for i in range(3)]
    assert linear_probe(*sets).accuracy == 1


def test_few_labels_compares_two_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinygrad_ae.uses.features._TUNING_STEPS", 20)
    before = encode(MODEL, X[:5])
    made: list[int] = []
    fresh: Callable[[int], Autoencoder] = lambda seed: (
        made.append(seed),
        Autoencoder(784, (8,), 3),
    )[1]
    found = few_labels(MODEL, fresh, (X, Y), (X[:50], Y[:50]), 20, seeds=(4, 5))
    assert made == [4, 5]
    assert found.pretrained.shape == found.fresh.shape == (2,)
    np.testing.assert_array_equal(encode(MODEL, X[:5]), before)  # the model is not changed
    with pytest.raises(DataError, match="3 labels were asked for"):
        few_labels(MODEL, fresh, (X, Y), (X, Y), 3)
