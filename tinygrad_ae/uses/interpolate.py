"""Interpolating: the way from one sample to another, through codes and through values.

The straight line between two samples passes over double exposures, which are no samples. The
straight line between their codes, decoded, bends through what the decoder knows of samples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import DataError
from ..evaluate import Floats, decode, encode
from ..nn.protocols import Model


@dataclass(frozen=True, eq=False)
class Path:
    """Two ways between the same two samples.

    Attributes:
        t: how far along each step is, from 0 to 1, shape (steps,).
        codes: (1 − t) f(a) + t f(b), shape (steps, k).
        decoded: the same, decoded, shape (steps, d).
        mixed: (1 − t) a + t b, shape (steps, d).
    """

    t: Floats
    codes: Floats
    decoded: Floats
    mixed: Floats


def interpolate(model: Model, a: Floats, b: Floats, steps: int = 11) -> Path:
    """Go from one sample to another, in code space and in the space of values.

    Args:
        model: a trained autoencoder.
        a: a sample, shape (d,).
        b: another.
        steps: how many, both ends included.

    Raises:
        DataError: the samples differ in shape, are empty or not finite, or there are fewer than 2
            steps.
    """
    if a.shape != b.shape or a.ndim != 1:
        raise DataError(f"two samples of one shape (d,) are needed; got {a.shape} and {b.shape}")
    if steps < 2:
        raise DataError(f"a path has at least 2 steps, its ends; got {steps}")
    t = np.linspace(0, 1, steps, dtype=np.float32)
    f_a, f_b = encode(model, np.stack([a, b]))
    codes = _between(f_a, f_b, t)
    return Path(t, codes, decode(model, codes), _between(a, b, t))


def _between(a: Floats, b: Floats, t: Floats) -> Floats:
    return np.multiply.outer(1 - t, a) + np.multiply.outer(t, b)
