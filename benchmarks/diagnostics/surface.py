"""The surface that samples lie near: how many numbers it takes, and the way back to it."""

from __future__ import annotations

from functools import partial

import numpy as np

from tinygrad_ae.evaluate import PCA, Floats, errors, reconstruct, reconstruction_error
from tinygrad_ae.models import Autoencoder

from ..measures import distance_to, pulled, two_neighbours
from .constraints import Unclipped
from .setting import Setting
from .table import Table, diagnostic, spread


@diagnostic
def intrinsic_dimension(s: Setting, sizes: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)) -> Table:
    """The error (MSE) by code size, of an autoencoder 784 → 256 → k and of PCA."""
    table: Table = []
    for k in sizes:
        pca = PCA(s.train.x, k)
        models = s.each(partial(Autoencoder, hidden=(256,), latent=k))
        found = [float(reconstruction_error(model, s.test.x).mean()) for model in models]
        flat = float(errors(pca.decode(pca.encode(s.test.x)), s.test.x).mean())
        table.append({"code": k, "autoencoder": spread(found), "PCA": flat})
    return table


@diagnostic
def dimension_by_distances(s: Setting) -> Table:
    """How many dimensions digits have, by the distances of neighbours and by PCA.

    ``neighbours``: the estimate of ``measures.two_neighbours``. ``PCA``: how many components hold
    90 % of the variance. No network takes part.
    """
    assert s.train.y is not None
    each = {f"{label}": s.train.x[s.train.y == label] for label in np.unique(s.train.y)}
    table: Table = []
    for name, x in ({"all": s.train.x} | each).items():
        share = np.cumsum(PCA(x, x.shape[1]).variance)
        flat = int((share < 0.9 * share[-1]).sum()) + 1
        table.append({"digits": name, "neighbours": two_neighbours(x), "PCA": flat})
    return table


@diagnostic
def manifold(s: Setting, noises: tuple[float, ...] = (0.25, 0.5)) -> Table:
    """Noisy digits pulled back: the way r(x̃) − x̃ beside the way home, x − x̃.

    x̃ = x + σ ε, not clipped, so that Tweedie's formula holds. ``cosine``: of the two ways.
    ``left``: |r(x̃) − x| over |x̃ − x|. ``to a digit``: the distance of r(x̃) to the training digit
    next to it. The rivals of the denoising autoencoder, which learned at this σ, are one of the
    same shape that never saw noise, and what would be best, E[x | x̃], if digits were normally
    distributed, or if there were none but those of the training.
    """
    x = s.test.x[:1000]
    table: Table = []
    plain = list(s.each(lambda: Autoencoder(hidden=(256,), latent=64)))
    pca = PCA(s.train.x, s.train.x.shape[1])
    kept = np.maximum(pca.variance, 0)
    for noise in noises:
        rng = np.random.default_rng(0)
        noisy = x + np.float32(noise) * rng.standard_normal(x.shape, np.float32)
        denoising = s.each(partial(Unclipped, noise, hidden=(256,), latent=64))
        backs: dict[str, list[Floats]] = {
            "x itself": [x],
            "x̃ itself": [noisy],
            "if normal": [pca.decode(pca.encode(noisy) * (kept / (kept + noise**2)))],
            "if training digits": [pulled(noisy, s.train.x, noise)],
            "autoencoder": [reconstruct(model, noisy) for model in plain],
            "denoising": [reconstruct(model, noisy) for model in denoising],
        }
        for name, found in backs.items():
            way = [np.nan if name == "x̃ itself" else _cosine(r - noisy, x - noisy) for r in found]
            left = [_length(r - x) / _length(noisy - x) for r in found]
            near = [float(distance_to(r, s.train.x).mean()) for r in found]
            table.append(
                {
                    "σ": noise,
                    "r": name,
                    "cosine": "–" if name == "x̃ itself" else spread(way),
                    "left": spread(left),
                    "to a digit": spread(near),
                }
            )
    return table


def _cosine(a: Floats, b: Floats) -> float:
    product, squares = (a * b).sum(1), (a**2).sum(1) * (b**2).sum(1)
    return float((product / np.sqrt(squares)).mean())


def _length(a: Floats) -> float:
    return float(np.sqrt((a**2).sum(1)).mean())
