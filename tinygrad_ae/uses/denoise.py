"""Denoising: what a model sees through the noise, and how much nearer to the truth that is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..errors import DataError
from ..evaluate import Floats, errors, finite, reconstruct
from ..nn.protocols import Model


@dataclass(frozen=True, eq=False)
class Denoised:
    """Noisy samples and what a model makes of them.

    Attributes:
        noisy: what it was given, shape (n, d).
        denoised: what it made of it, same shape.
        noisy_mse: mean squared error per value of the noisy samples; None without clean ones.
        mse: that of the denoised ones.
    """

    noisy: Floats
    denoised: Floats
    noisy_mse: float | None
    mse: float | None


class SignalToNoise:
    """The signal-to-noise ratio of recordings, in decibels, from stretches of them.

    −10 log₁₀ of what (x − clean)² has of the variance of the clean signal, the mean over channels.
    """

    def __init__(self) -> None:
        self._n, self._sum, self._square, self._noise = 0, np.zeros(1), np.zeros(1), np.zeros(1)

    def add(self, x: Floats, clean: Floats) -> None:
        """Take account of a stretch, shape (times, channels).

        Raises:
            DataError: it is empty or not finite, or the clean one has another shape.
        """
        x, clean = finite(x, "values"), finite(clean, "clean values")
        if x.shape != clean.shape:
            raise DataError(f"a stretch of shape {x.shape} has a clean one of {clean.shape}")
        signal = clean.astype(np.float64)
        self._n += len(x)
        self._sum = self._sum + signal.sum(0)
        self._square = self._square + np.square(signal).sum(0)
        self._noise = self._noise + np.square(x - signal).sum(0)

    def __len__(self) -> int:
        """Return how many times were added."""
        return self._n

    @property
    def decibels(self) -> float:
        """Infinite without noise; NaN where the clean signal never changes.

        Raises:
            DataError: nothing was added.
        """
        if not self._n:
            raise DataError("of no signal there is no noise: add stretches first")
        signal = self._square - self._sum**2 / self._n
        if not (signal > 0).all():
            return math.nan
        share = float(np.mean(self._noise / signal))
        return math.inf if share == 0 else -10 * math.log10(share)


def denoise(model: Model, noisy: Floats, clean: Floats | None = None) -> Denoised:
    """Denoise samples: x̂ = g(f(x̃)).

    Args:
        model: any autoencoder; one that was trained to do so does it best.
        noisy: x̃, shape (n, d), scaled.
        clean: what they were before, same shape, to measure the error by.

    Raises:
        DataError: the clean samples are of another shape; there are none, or they are not finite.
    """
    if clean is not None and clean.shape != noisy.shape:
        raise DataError(
            f"the clean samples have shape {clean.shape}, the noisy ones {noisy.shape}; give the "
            "same samples without noise, in the same order"
        )
    x_hat = reconstruct(model, noisy)
    if clean is None:
        return Denoised(noisy, x_hat, None, None)
    return Denoised(
        noisy, x_hat, float(errors(noisy, clean).mean()), float(errors(x_hat, clean).mean())
    )
