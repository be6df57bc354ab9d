"""How good a trained model is: its reconstructions, their errors, and PCA to compare with."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .autodiff import no_grad
from .contract import Model
from .data.batches import batches
from .errors import DataError, ModelError
from .tensor import Tensor, as_tensor

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


def encode(model: Model, x: Rows) -> Floats:
    """Return the codes f(x), shape (n, latent), of samples, shape (n, ...).

    Raises:
        ModelError: the encoder's result is of another shape.
    """
    return gather(encodings(model, x), len(x))


def decode(model: Model, codes: Rows) -> Floats:
    """Return the samples g(z), shape (n, ...), that codes z, shape (n, latent), stand for.

    Raises:
        DataError: the codes are of another width, or not finite.
    """
    return gather(decodings(model, codes), len(codes))


def reconstruct(model: Model, x: Rows) -> Floats:
    """Return g(f(x)) for samples of shape (n, ...), in the same shape.

    Raises:
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
    for batch in in_batches(codes):
        if not np.isfinite(batch).all():
            raise DataError(
                "the codes hold NaN or infinite values; only finite ones can be decoded"
            )
        yield _apply(model, model.decoder, batch, "decoder")


def reconstructions(model: Model, x: Rows) -> Iterator[Floats]:
    """Yield what ``reconstruct`` returns a batch at a time."""
    for codes in encodings(model, x):
        yield _apply(model, model.decoder, codes, "decoder", x.shape[1:])


def gather(parts: Iterable[Floats], n: int) -> Floats:
    """Return the n rows of batches that follow each other as one array."""
    whole, start = None, 0
    for part in parts:
        if whole is None:
            whole = np.empty((n, *part.shape[1:]), part.dtype)
        whole[start : start + len(part)] = part
        start += len(part)
    if whole is None:
        raise DataError("there are no samples")
    return whole


def in_batches(x: Rows) -> Iterator[Floats]:
    """Yield the samples, a thousand or so at a time: fewer if each is large."""
    rows = max(1, min(_ROWS, _VALUES // max(1, math.prod(x.shape[1:]))))
    for start in range(0, len(x), rows):
        yield x[start : start + rows]


def _apply(
    model: Model,
    part: Callable[[Tensor], Tensor],
    x: Floats,
    name: str,
    expected: tuple[int, ...] | None = None,
) -> Floats:
    """Apply a part of a model to a batch, without learning."""
    model.eval()
    with no_grad():
        out: Floats = part(as_tensor(x)).data
    if expected is not None and out.shape != (len(x), *expected):
        raise ModelError(
            f"{type(model).__name__}.{name} turns {x.shape} into {out.shape}; expected "
            f"{(len(x), *expected)}"
        )
    return out


def errors(x_hat: Floats, x: Floats) -> NDArray[np.float64]:
    """Return each sample's mean squared error over its features, shape (n,)."""
    axes = tuple(range(1, x.ndim))
    mse: NDArray[np.float64] = np.square(x_hat.astype(np.float64) - x).mean(axes)
    return mse


def reconstruction_error(model: Model, x: Rows) -> NDArray[np.float64]:
    """Return the mean squared error of each sample's reconstruction, shape (n,)."""
    found = (errors(reconstruct(model, batch), batch) for batch in in_batches(x))
    return gather(found, len(x)).astype(np.float64, copy=False)


def by_class(error: NDArray[np.float64], labels: NDArray[np.int64]) -> dict[int, float]:
    """Return the mean error of the samples of each label."""
    return {int(label): float(error[labels == label].mean()) for label in np.unique(labels)}


def psnr(mse: float) -> float:
    """Return the peak signal-to-noise ratio 10 log₁₀(1 / mse) in decibels, for values in 0...1."""
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
        DataError: k is not within 1...d, or there are fewer than 2 samples.
    """

    def __init__(self, x: Floats, k: int) -> None:
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
        codes: NDArray[np.float64] = (x - self.mean) @ self.components.T
        return codes

    def decode(self, codes: Floats) -> NDArray[np.float64]:
        """Return the samples z V + mean, shape (n, d)."""
        x_hat: NDArray[np.float64] = codes @ self.components + self.mean
        return x_hat


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
    """
    k = min(model.latent, train.shape[1])
    pca = PCA(train, k)
    projected = np.concatenate([pca.decode(pca.encode(batch)) for batch in batches(test, _ROWS)])
    return (
        _quality(type(model).__name__, reconstruction_error(model, test), labels),
        _quality(f"PCA-{k}", errors(projected, test), labels),
    )


def _quality(name: str, error: NDArray[np.float64], labels: NDArray[np.int64] | None) -> Quality:
    return Quality(name, float(error.mean()), {} if labels is None else by_class(error, labels))
