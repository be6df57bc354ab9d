"""Comparing: any models, and PCA of their code sizes, on the same samples."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..evaluate import (
    PCA,
    Floats,
    Quality,
    by_class,
    errors,
    finite,
    gather,
    in_batches,
    reconstruct,
)
from ..nn.protocols import Model


def compare(
    models: Mapping[str, Model],
    train: Floats,
    test: Floats,
    labels: NDArray[np.int64] | None = None,
) -> tuple[list[Quality], dict[str, Floats]]:
    """Return how well each model, and PCA of each code size, reconstructs the same samples.

    Args:
        models: by the names that they are to have.
        train: what PCA is fitted to, shape (n, d).
        test: what all reconstruct, shape (m, d).
        labels: of the test samples, shape (m,), for the errors by class.

    Returns:
        The qualities, the best first, and the reconstructions by name, each of shape (m, d).

    Raises:
        DataError: there are no models, no test samples, fewer than 2 to fit PCA to, samples that
            are not finite, or not a label for each.
    """
    if not models:
        raise DataError("there are no models to compare")
    train = finite(train, "samples to fit PCA to")
    made = {name: reconstruct(model, test) for name, model in models.items()}
    for k in sorted({min(model.latent, train.shape[1]) for model in models.values()}):
        pca = PCA(train, k)
        parts = (pca.decode(pca.encode(batch)).astype(np.float32) for batch in in_batches(test))
        made[f"PCA-{k}"] = gather(parts, len(test))
    qualities = []
    for name, x_hat in made.items():
        error = errors(x_hat, test)
        classes = {} if labels is None else by_class(error, labels)
        qualities.append(Quality(name, float(error.mean()), classes))
    return sorted(qualities, key=lambda q: q.mse), made
