"""Denoising: what a model sees through the noise, and how much nearer to the truth that is."""

from __future__ import annotations

from dataclasses import dataclass

from ..contract import Model
from ..errors import DataError
from ..evaluate import Floats, errors, reconstruct


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


def denoise(model: Model, noisy: Floats, clean: Floats | None = None) -> Denoised:
    """Denoise samples: x̂ = g(f(x̃)).

    Args:
        model: any autoencoder; one that was trained to do so does it best.
        noisy: x̃, shape (n, d), scaled.
        clean: what they were before, same shape, to measure the error by.

    Raises:
        DataError: the clean samples are of another shape.
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
