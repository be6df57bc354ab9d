"""Codes in the plane: their two widest directions."""

from __future__ import annotations

import numpy as np

from .canvas import Array


def project(codes: Array) -> tuple[Array, Array]:
    """Project codes on their two directions of largest variance.

    Args:
        codes: shape (n, k). With two numbers or fewer they stay as they are.

    Returns:
        Points, shape (n, 2) or as they were, and the share of the variance that each axis shows.
    """
    centred = codes - codes.mean(axis=0)
    if codes.shape[1] <= 2:
        variance = np.square(centred).mean(0)
        return codes, variance / max(float(variance.sum()), np.finfo(float).tiny)
    _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
    # The sign of a direction is arbitrary: make its largest part positive.
    largest = directions[np.arange(len(directions)), abs(directions).argmax(1)]
    directions *= np.sign(largest)[:, None]
    share = sizes**2 / max(float(np.sum(sizes**2)), np.finfo(float).tiny)
    if len(share) < 2:  # a single sample has no directions
        directions, share = np.eye(2, codes.shape[1]), np.zeros(2)
    return centred @ directions[:2].T, share[:2]
