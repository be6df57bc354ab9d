"""Anomalies: what a model cannot reconstruct is unlike what it was trained on.

The score of a sample is its reconstruction error; the threshold is a quantile of the scores of
normal samples that were held out. How well scores tell anomalous samples from normal ones at any
threshold is the area under the ROC curve: the probability that an anomalous sample scores higher
than a normal one. Where anomalies are rare, the area under precision against recall says more.

T. Fawcett, "An Introduction to ROC Analysis", Pattern Recognition Letters 27 (2006), sections 5
and 7; J. Davis and M. Goadrich, "The Relationship Between Precision-Recall and ROC Curves", ICML
(2006); B. Efron and R. Tibshirani, An Introduction to the Bootstrap (1993), section 13.3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..evaluate import Floats, Rows, finite, in_batches, matched, reconstruct, reconstruction_error
from ..nn.protocols import Model

Numbers = NDArray[np.float64]
_RESAMPLES = 1000
_LEVEL = 0.95  # of a confidence interval


@dataclass(frozen=True)
class Area:
    """An area under a curve, with its 95 % confidence interval by the bootstrap."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.4f} ({self.low:.4f} to {self.high:.4f})"


@dataclass(frozen=True, eq=False)
class Detection:
    """How well scores tell anomalous samples from normal ones.

    Attributes:
        false_alarms: share of the normal samples above each threshold, from none to all.
        detected: share of the anomalous ones.
        precision: share of the samples above a threshold that are anomalous.
        auroc: area under ``detected`` against ``false_alarms``; 0.5 by chance.
        auprc: area under ``precision`` against ``detected`` (average precision); by chance it is
            the share of anomalous samples.
        chance: that share.
        threshold: that was chosen.
        at: the three shares at the threshold: false alarms, detected, precision.
    """

    false_alarms: Numbers
    detected: Numbers
    precision: Numbers
    auroc: Area
    auprc: Area
    chance: float
    threshold: float
    at: tuple[float, float, float]


def anomaly_scores(model: Model, x: Rows) -> Numbers:
    """Return each sample's reconstruction error, its mean over values, shape (n,).

    Raises:
        DataError: there are no samples, or they are not finite.
    """
    return reconstruction_error(model, x)


def attribution(model: Model, x: Floats) -> tuple[Floats, Numbers]:
    """Return what each value adds to its sample's score, and the reconstruction it is due to.

    Args:
        model: a trained autoencoder.
        x: samples, shape (n, d).

    Returns:
        x̂, shape (n, d), and (x̂ − x)² / d, same shape, whose rows sum to the scores.

    Raises:
        DataError: there are no samples, or they are not finite.
    """
    x_hat = reconstruct(model, x)
    return x_hat, np.square(x_hat.astype(np.float64) - x) / x[0].size


def scores_and_largest(model: Model, x: Rows) -> tuple[Numbers, NDArray[np.int64]]:
    """Return each sample's score, and which of its values adds most to it, both of shape (n,).

    The samples are read once, a batch at a time.

    Raises:
        DataError: there are no samples, or they are not finite.
    """
    scores, largest = np.empty(len(x)), np.empty(len(x), np.int64)
    start = 0
    for batch in in_batches(x):
        _, parts = attribution(model, batch)
        rows = slice(start, start + len(batch))
        scores[rows], largest[rows] = parts.sum(1), parts.argmax(1)
        start = rows.stop
    return scores, largest


def threshold(normal: Numbers, false_alarms: float = 0.05) -> float:
    """Return the score that this share of the normal samples exceeds.

    Args:
        normal: scores of normal samples that the model was not trained on, shape (n,).
        false_alarms: the share that may be taken for anomalous.

    Raises:
        DataError: there are no scores, they are not finite, or the share is not within 0...1.
    """
    if not normal.size or not 0 <= false_alarms <= 1:
        raise DataError(
            f"a threshold needs scores of normal samples and a share within 0...1; got "
            f"{normal.size} scores and {false_alarms}"
        )
    return float(np.quantile(finite(normal, "scores of normal samples"), 1 - false_alarms))


def detect(
    scores: Numbers,
    anomalous: NDArray[np.bool_],
    threshold: float,
    generator: np.random.Generator | None = None,
) -> Detection:
    """Judge scores of samples of which it is known what they are.

    Args:
        scores: higher for what is more anomalous, shape (n,).
        anomalous: what they are in truth, shape (n,).
        threshold: above it a sample is taken for anomalous.
        generator: draws the bootstrap's samples; ``np.random.default_rng(0)`` unless given.

    Raises:
        DataError: all samples are normal, or all anomalous; there are no scores, they or the
            threshold are not finite, or it is not known of each what it is.
    """
    scores = finite(scores, "scores")
    if not np.isfinite(threshold):
        raise DataError(f"a threshold must be finite; got {threshold}")
    anomalous = matched(anomalous, "truths", len(scores), "scores")
    if anomalous.dtype != np.bool_:
        raise DataError(
            f"what a sample is in truth is True (anomalous) or False; got {anomalous.dtype}"
        )
    if anomalous.all() or not anomalous.any():
        kind = "anomalous" if anomalous.all() else "normal"
        raise DataError(
            f"all {len(anomalous)} samples are {kind}; curves need both kinds. Say which labels "
            "are normal so that others are left."
        )
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))  # equal scores: one step
    truth = anomalous[order]

    def shares(weights: Numbers) -> tuple[Numbers, Numbers, Numbers]:
        hits = np.append(0, np.cumsum(weights * truth)[ends])
        alarms = np.append(0, np.cumsum(weights * ~truth)[ends])
        precision = hits / np.maximum(hits + alarms, 1)
        precision[0] = 1
        return alarms / alarms[-1], hits / hits[-1], precision

    curves = shares(np.ones(len(scores)))
    areas = np.array(_areas(*curves))
    resampled = np.array([_areas(*shares(weights)) for weights in _resamples(truth, generator)])
    cut = (1 - _LEVEL) / 2
    low, high = np.quantile(resampled, (cut, 1 - cut), axis=0)
    above = scores > threshold
    taken = max(1, int(above.sum()))
    return Detection(
        *curves,
        auroc=Area(areas[0], low[0], high[0]),
        auprc=Area(areas[1], low[1], high[1]),
        chance=float(anomalous.mean()),
        threshold=threshold,
        at=(
            float(above[~anomalous].mean()),
            float(above[anomalous].mean()),
            float((above & anomalous).sum() / taken),
        ),
    )


def _areas(alarms: Numbers, hits: Numbers, precision: Numbers) -> tuple[float, float]:
    """Return the area under the ROC curve by trapezes, and the average precision."""
    return float(np.trapezoid(hits, alarms)), float((np.diff(hits) * precision[1:]).sum())


def _resamples(truth: NDArray[np.bool_], generator: np.random.Generator | None) -> list[Numbers]:
    """Return how often each sample is in each resample, as many of each kind as there are."""
    generator = generator or np.random.default_rng(0)
    drawn = []
    for _ in range(_RESAMPLES):
        weights = np.empty(len(truth))
        for kind in (truth, ~truth):
            n = int(kind.sum())
            weights[kind] = np.bincount(generator.integers(0, n, n), minlength=n)
        drawn.append(weights)
    return drawn
