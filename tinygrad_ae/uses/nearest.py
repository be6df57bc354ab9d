"""How far samples are from those of a reference set."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..data.batches import batches
from ..errors import DataError
from ..evaluate import Floats, finite

_ROWS = 512  # compared with the whole reference at a time


def nearest(x: Floats, reference: Floats) -> NDArray[np.float64]:
    """Return the mean squared difference per value to the nearest reference sample.

    Args:
        x: samples, shape (n, d).
        reference: what they are compared with, shape (m, d).

    Returns:
        Shape (n,).

    Raises:
        DataError: there are none on either side, they are not finite, or differ in width.
    """
    x, reference = finite(x, "samples"), finite(reference, "reference samples")
    if x.ndim != 2 or x.shape[1:] != reference.shape[1:]:
        raise DataError(
            f"samples of shape {x.shape} cannot be compared with reference samples of "
            f"{reference.shape}; both must be (…, d)"
        )
    squares = np.square(reference, dtype=np.float64).sum(1)
    found = []
    for batch in batches(x, _ROWS):
        # |x − r|² = |x|² + |r|² − 2 x·r
        distance = np.square(batch, dtype=np.float64).sum(1)[:, None] + squares
        distance -= 2 * (batch @ reference.T)
        found.append(np.maximum(distance.min(1), 0))
    result: NDArray[np.float64] = np.concatenate(found) / x.shape[1]
    return result
