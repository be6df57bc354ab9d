"""Generating: decode codes that no sample gave.

It works as far as codes that are drawn lie where codes of samples lie. A variational autoencoder is
trained for that: its codes as a whole are to be distributed like p(z), and p(z) can be drawn from.
A plain one leaves its codes wherever they fell. A normal distribution of their mean and covariance
is the nearest thing to draw from, but nothing made the codes normal: between them are holes, and
what is decoded from a hole need not be a sample of anything.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..data.bounds import refuse_too_large
from ..errors import DataError
from ..evaluate import Floats, decode, encode, reconstruct
from ..nn.protocols import Generative, Model
from .nearest import nearest


@dataclass(frozen=True, eq=False)
class Generated:
    """Samples that a model made up.

    Attributes:
        codes: what was drawn, shape (n, k).
        samples: g(z), shape (n, d).
        source: what the codes were drawn from.
    """

    codes: NDArray[np.float32]
    samples: Floats
    source: str


def is_generative(model: Model) -> bool:
    """Whether the model was trained to have its codes distributed like a p(z) that is known."""
    return isinstance(model, Generative)


def generate(
    model: Model, n: int, train: Floats | None = None, generator: np.random.Generator | None = None
) -> Generated:
    """Draw codes and decode them.

    Args:
        model: one with ``prior(z)`` has codes drawn from that; for any other they are drawn from
            a normal distribution with the mean and covariance of its training codes.
        n: how many samples to make.
        train: training samples, shape (m, d), which a model without a prior needs.
        generator: draws; ``np.random.default_rng(0)`` unless given.

    Raises:
        DataError: the model has no prior and there are no training samples, or they are not finite;
            or ``n`` is less than 1, or more than the memory can hold.
    """
    if n < 1:
        raise DataError(f"the number of samples to make must be at least 1; got {n}")
    numbers = n * (model.latent if train is None else train.shape[1])
    refuse_too_large(f"The {n:,} samples asked for", numbers * np.dtype(np.float32).itemsize)
    generator = generator or np.random.default_rng(0)
    noise = generator.standard_normal((n, model.latent)).astype(np.float32)
    if isinstance(model, Generative):
        codes = np.asarray(model.prior(noise), np.float32)
        return Generated(codes, decode(model, codes), "p(z)")
    if train is None or len(train) < 2:
        raise DataError(
            f"{type(model).__name__} has no prior, so its codes are drawn like those of its "
            f"training samples: give 2 or more as train; got {0 if train is None else len(train)}"
        )
    z = encode(model, train).astype(np.float64)
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(z.T)))
    # z = m + C^½ ε; a code with a number that never changes has a C without a Cholesky factor
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    codes = (z.mean(0) + noise @ root).astype(np.float32)
    return Generated(codes, decode(model, codes), "N(m, C) of the training codes")


def distance_ratio(model: Model, samples: Floats, train: Floats, held_out: Floats) -> float:
    """Return how far made-up samples are from real ones, in units of what the decoder's blur costs.

    That is their mean squared distance to the nearest training sample, divided by that of
    reconstructions of samples which the model has not seen. Near 1, they are as near to real
    samples as anything that this decoder makes of real ones.

    Args:
        model: that made them.
        samples: made up, shape (n, d).
        train: training samples, shape (m, d).
        held_out: samples that the model has not seen, shape (l, d).

    Raises:
        DataError: there are no samples of one of the three kinds, or they are not finite.
    """
    own = float(nearest(reconstruct(model, held_out), train).mean())
    return float(nearest(samples, train).mean()) / max(own, np.finfo(float).tiny)
