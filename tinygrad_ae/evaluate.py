"""How good a trained model is: its reconstructions, their errors, and PCA to compare with.

Whatever is measured has to be there and finite: of nothing, of NaN and of infinity there is no
error, score or area, so they are refused (``DataError``) wherever they are given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .autodiff import no_grad
from .core.tensor import Tensor, as_tensor
from .data.batches import batches
from .errors import DataError, ModelError
from .nn.protocols import Model, evaluating

__all__ = [
    "PCA",
    "Quality",
    "by_class",
    "compare",
    "decode",
    "decodings",
    "encode",
    "encodings",
    "errors",
    "psnr",
    "reconstruct",
    "reconstruction_error",
    "reconstructions",
]

Floats = NDArray[np.floating[Any]]

_ROWS, _VALUES = 1024, 2**20  # samples that go through a model at a time, and numbers in them
_EXACT = 2048  # numbers in a sample up to which PCA is by the whole covariance matrix
_ITERATIONS = 20  # of its approximation beyond


class Rows(Protocol):
    """Samples of shape (n, ...): an array, or what reads its slices when they are asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of all of them."""

    def __len__(self) -> int: ...
    def __getitem__(self, rows: slice, /) -> Floats: ...


def finite(x: Any, what: str, first: int = 0) -> NDArray[Any]:
    """Return what was given as an array, of at least one number and of finite ones alone.

    Args:
        x: of any shape.
        what: it is, in the plural.
        first: the number of its first row, in the whole that it is a part of.

    Raises:
        DataError: there is nothing in it, or something else.
    """
    array = np.asarray(x)
    if not array.size:
        raise DataError(f"there are no {what}: an array of shape {array.shape} was given")
    if array.dtype.kind not in "fiub":
        raise DataError(f"the {what} must be real numbers; got an array of {array.dtype}")
    with np.errstate(all="ignore"):  # NaN and infinity stay what they are in a sum; it is quick
        total = array.sum(dtype=np.float64)
    if array.dtype.kind == "f" and not math.isfinite(total):
        wrong = np.argwhere(~np.isfinite(array))
        if len(wrong):
            value, where = array[tuple(wrong[0])], [int(i) for i in wrong[0]]
            if where:
                where[0] += first
            raise DataError(
                f"the {what} hold NaN or infinite values: {len(wrong):,} of {array.size:,}, the "
                f"first is {value} at {where}. Leave them out or fill the gaps"
            )
    return array


def matched(given: Any, what: str, n: int, others: str) -> NDArray[Any]:
    """Return what belongs to each of n others as an array.

    Raises:
        DataError: there is not one for each.
    """
    array = np.asarray(given)
    if array.shape != (n,):
        raise DataError(f"there are {n} {others}, but {what} of shape {array.shape}, not ({n},)")
    return array


def encode(model: Model, x: Rows) -> Floats:
    """Return the codes f(x), shape (n, latent), of samples, shape (n, ...).

    Raises:
        DataError: there are no samples, or they are not finite.
        ModelError: the encoder's result is of another shape.
    """
    return gather(encodings(model, x), len(x))


def decode(model: Model, codes: Rows) -> Floats:
    """Return the samples g(z), shape (n, ...), that codes z, shape (n, latent), stand for.

    Raises:
        DataError: there are no codes, or they are of another width, or not finite.
    """
    return gather(decodings(model, codes), len(codes))


def reconstruct(model: Model, x: Rows) -> Floats:
    """Return g(f(x)) for samples of shape (n, ...), in the same shape.

    Raises:
        DataError: there are no samples, or they are not finite.
        ModelError: the encoder's or decoder's result is of another shape.
    """
    return gather(reconstructions(model, x), len(x))


def encodings(model: Model, x: Rows) -> Iterator[Floats]:
    """Yield what ``encode`` returns a batch at a time, so that neither need fit in the memory."""
    for batch in in_batches(x):
        yield _apply(model, model.encoder, batch, "encoder", (model.latent,))


def decodings(model: Model, codes: Rows) -> Iterator[Floats]:
    """Yield what ``decode`` returns a batch at a time."""
    if len(codes.shape) != 2 or codes.shape[1] != model.latent:
        raise DataError(
            f"the codes have shape {codes.shape}; this model decodes codes of shape "
            f"(n, {model.latent})"
        )
    for batch in in_batches(codes, "codes"):
        yield _apply(model, model.decoder, batch, "decoder")


def reconstructions(model: Model, x: Rows) -> Iterator[Floats]:
    """Yield what ``reconstruct`` returns a batch at a time."""
    for codes in encodings(model, x):
        yield _apply(model, model.decoder, codes, "decoder", x.shape[1:])


def gather(parts: Iterable[Floats], n: int) -> Floats:
    """Return the n rows of batches that follow each other as one array.

    Raises:
        DataError: there are none.
    """
    whole, start = None, 0
    for part in parts:
        if whole is None:
            whole = np.empty((n, *part.shape[1:]), part.dtype)
        whole[start : start + len(part)] = part
        start += len(part)
    if whole is None:
        raise DataError("there are no samples")
    return whole


def in_batches(x: Rows, what: str = "samples") -> Iterator[Floats]:
    """Yield the samples, a thousand or so at a time: fewer if each is large.

    Raises:
        DataError: there are none, or they are not finite.
    """
    rows = max(1, min(_ROWS, _VALUES // max(1, math.prod(x.shape[1:]))))
    for start in range(0, max(1, len(x)), rows):
        yield finite(x[start : start + rows], what, start)


def _apply(
    model: Model,
    part: Callable[[Tensor], Tensor],
    x: Floats,
    name: str,
    expected: tuple[int, ...] | None = None,
) -> Floats:
    """Apply a part of a model to a batch, without learning."""
    with evaluating(model), no_grad():
        out: Floats = part(as_tensor(x)).data
    if expected is not None and out.shape != (len(x), *expected):
        raise ModelError(
            f"{type(model).__name__}.{name} turns {x.shape} into {out.shape}; expected "
            f"{(len(x), *expected)}"
        )
    if not np.isfinite(out).all():
        raise ModelError(
            f"{type(model).__name__}.{name} gives values that are not finite for ones that are. "
            "Did its training diverge? Within 'with tinygrad_ae.detect_anomaly():' the first "
            "operation that does so is named."
        )
    return out


def errors(x_hat: Floats, x: Floats) -> NDArray[np.float64]:
    """Return each sample's mean squared error over its features, shape (n,).

    Args:
        x_hat: reconstructions, shape (n, ...).
        x: samples, same shape.

    Raises:
        DataError: there are none, they are not finite, or they differ in shape.
    """
    x_hat, x = finite(x_hat, "reconstructions"), finite(x, "samples")
    if x_hat.shape != x.shape:
        raise DataError(f"the reconstructions have shape {x_hat.shape}, the samples {x.shape}")
    axes = tuple(range(1, x.ndim))
    mse: NDArray[np.float64] = np.square(x_hat.astype(np.float64) - x).mean(axes)
    return mse


def reconstruction_error(model: Model, x: Rows) -> NDArray[np.float64]:
    """Return the mean squared error of each sample's reconstruction, shape (n,).

    Raises:
        DataError: there are no samples, or they are not finite.
    """
    found = (errors(reconstruct(model, batch), batch) for batch in in_batches(x))
    return gather(found, len(x)).astype(np.float64, copy=False)


def by_class(error: NDArray[np.float64], labels: NDArray[np.int64]) -> dict[int, float]:
    """Return the mean error of the samples of each label.

    Args:
        error: of each sample, shape (n,).
        labels: of each, shape (n,).

    Raises:
        DataError: there are none, they are not finite, or there is not a label for each.
    """
    error = finite(error, "errors")
    labels = matched(labels, "labels", len(error), "errors")
    return {int(label): float(error[labels == label].mean()) for label in np.unique(labels)}


def psnr(mse: float) -> float:
    """Return the peak signal-to-noise ratio 10 log₁₀(1 / mse) in decibels, for values in 0...1.

    Raises:
        DataError: the error is negative or not finite.
    """
    if not 0 <= mse < math.inf:
        raise DataError(f"a mean squared error is a number of at least 0; got {mse}")
    return math.inf if mse == 0 else 10 * math.log10(1 / mse)


class PCA:
    """Principal components: the k directions in which samples vary most.

    Of all affine codes of k numbers it has the least squared reconstruction error on the
    samples it is fitted to (Eckart and Young 1936), so it is what an autoencoder has to beat.

    For samples of many numbers, whose covariance matrix would fill the memory, the directions
    come from subspace iteration (Halko, Martinsson and Tropp 2011, algorithm 4.4).

    Args:
        x: samples, shape (n, d).
        k: numbers in a code, at most d.

    Attributes:
        mean: of the samples, shape (d,), float64.
        components: orthonormal rows, shape (k, d), by decreasing variance, float64.
        variance: of the samples along each component, shape (k,).

    Raises:
        DataError: k is not within 1...d, there are fewer than 2 samples, or they are not finite
            or not of shape (n, d).
    """

    def __init__(self, x: Floats, k: int) -> None:
        x = finite(x, "samples")
        if x.ndim != 2:
            raise DataError(f"PCA takes samples of shape (n, d); got {x.shape}")
        n, d = x.shape
        if not 1 <= k <= d or n < 2:
            raise DataError(f"PCA of {n} samples of {d} numbers cannot give a code of {k} numbers")
        self.mean = x.mean(0, dtype=np.float64)
        if d <= _EXACT:
            values, vectors = np.linalg.eigh(self._covariance(x))
        else:
            basis = np.random.default_rng(0).standard_normal((d, min(d, k + 16)))
            for _ in range(_ITERATIONS):
                basis, _ = np.linalg.qr(self._covariance(x, basis))
            values, vectors = np.linalg.eigh(basis.T @ self._covariance(x, basis))
            vectors = basis @ vectors
        self.variance = values[: -k - 1 : -1]  # from increasing order
        self.components = vectors[:, : -k - 1 : -1].T

    def _covariance(
        self, x: Floats, basis: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Return the samples' covariance C, or its product with a basis, shape (d, m)."""
        n, d = x.shape
        total: NDArray[np.float64] = np.zeros((d, d) if basis is None else basis.shape)
        for batch in batches(x, _ROWS):
            centred = batch - self.mean
            total += centred.T @ (centred if basis is None else centred @ basis)
        total /= n
        return total

    def encode(self, x: Floats) -> NDArray[np.float64]:
        """Return the codes (x − mean) Vᵀ, shape (n, k)."""
        x = self._fitting(x, "samples", self.components.shape[1])
        codes: NDArray[np.float64] = (x - self.mean) @ self.components.T
        return codes

    def decode(self, codes: Floats) -> NDArray[np.float64]:
        """Return the samples z V + mean, shape (n, d)."""
        codes = self._fitting(codes, "codes", self.components.shape[0])
        x_hat: NDArray[np.float64] = codes @ self.components + self.mean
        return x_hat

    def _fitting(self, x: Floats, what: str, width: int) -> Floats:
        x = finite(x, what)
        if x.shape[-1:] != (width,):
            raise DataError(f"the {what} have shape {x.shape}; this PCA takes ones of (n, {width})")
        return x


@dataclass(frozen=True)
class Quality:
    """Reconstruction quality on one set of samples.

    Attributes:
        name: whose it is.
        mse: mean squared error per feature.
        by_class: the same for the samples of each label; empty without labels.
    """

    name: str
    mse: float
    by_class: dict[int, float]

    @property
    def psnr(self) -> float:
        """Peak signal-to-noise ratio in decibels."""
        return psnr(self.mse)


def compare(
    model: Model, train: Floats, test: Floats, labels: NDArray[np.int64] | None = None
) -> tuple[Quality, Quality]:
    """Return the quality of a model and of PCA with the same code size, on the same samples.

    Args:
        model: a trained autoencoder.
        train: what PCA is fitted to, shape (n, d).
        test: what both reconstruct, shape (m, d).
        labels: of the test samples, shape (m,), for the errors by class.

    Raises:
        DataError: there are no test samples, fewer than 2 to fit PCA to, samples that are not
            finite, or not a label for each.
    """
    train, test = finite(train, "samples to fit PCA to"), finite(test, "test samples")
    k = min(model.latent, train.shape[1])
    pca = PCA(train, k)
    projected = np.concatenate([pca.decode(pca.encode(batch)) for batch in batches(test, _ROWS)])
    return (
        _quality(type(model).__name__, reconstruction_error(model, test), labels),
        _quality(f"PCA-{k}", errors(projected, test), labels),
    )


def _quality(name: str, error: NDArray[np.float64], labels: NDArray[np.int64] | None) -> Quality:
    return Quality(name, float(error.mean()), {} if labels is None else by_class(error, labels))
