"""The generator that initialisers, dropout and shuffling draw from unless given their own."""

from __future__ import annotations

import numpy as np

Source = np.random.Generator | None
"""Where random numbers come from: None stands for ``default_generator``."""

default_generator = np.random.default_rng()


def generator_of(source: Source) -> np.random.Generator:
    """Return the generator that is meant."""
    return default_generator if source is None else source


def manual_seed(seed: int) -> np.random.Generator:
    """Restart the default generator from ``seed``; equal seeds give equal random numbers.

    Raises:
        ValueError: a negative seed.
    """
    fresh = np.random.default_rng(seed)
    default_generator.bit_generator.state = fresh.bit_generator.state
    return default_generator
