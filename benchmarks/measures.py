"""What can be measured of digits, of made-up ones, of codes, and of the surface samples lie near.

E. Facco et al., "Estimating the Intrinsic Dimension of Datasets by a Minimal Neighborhood
Information", Scientific Reports 7 (2017); T. Kynkäänniemi et al., "Improved Precision
and Recall Metric for Assessing Generative Models", NeurIPS (2019), equation 1; M. Naeem et al.,
"Reliable Fidelity and Diversity Metrics for Generative Models", ICML (2020), section 4.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from tinygrad_ae.evaluate import Floats

_NEIGHBOURS = 5  # that a neighbourhood reaches to


def thickness(x: Floats) -> Floats:
    """Return how thick the strokes of 28 × 28 images are, in pixels, shape (n,).

    Ink over the length of its outline's half: a long stroke of width w and length l has ink w l
    and an outline of about 2 l, which is the total variation of the image.
    """
    images = x.reshape(-1, 28, 28).astype(np.float64)
    down, right = np.diff(images, axis=1)[:, :, :-1], np.diff(images, axis=2)[:, :-1]
    outline = np.sqrt(down**2 + right**2).sum((1, 2))
    result: Floats = 2 * images.sum((1, 2)) / np.maximum(outline, 1e-9)
    return result


def slant(x: Floats) -> Floats:
    """Return how far 28 × 28 images lean to the right, in pixels per row, shape (n,).

    The slope of the regression of ink's column on its height: −μ₁₁ / μ₀₂ of the image's moments.
    """
    images = x.reshape(-1, 28, 28).astype(np.float64)
    ink = np.maximum(images.sum((1, 2)), 1e-9)
    i, j = np.mgrid[:28, :28]
    row = i - (images * i).sum((1, 2), keepdims=True) / ink[:, None, None]
    column = j - (images * j).sum((1, 2), keepdims=True) / ink[:, None, None]
    slope: Floats = -(images * row * column).sum((1, 2)) / np.maximum(
        (images * row**2).sum((1, 2)), 1e-9
    )
    return slope


def loops(x: Floats) -> Floats:
    """Return how many holes the strokes of 28 × 28 images enclose, shape (n,).

    The connected parts of what is not ink (below one half), those of two pixels or more, less the
    one around the digit: 1 for a 0, 2 for an 8.
    """
    images = np.pad(x.reshape(-1, 28, 28) < 0.5, ((0, 0), (1, 1), (1, 1)), constant_values=True)
    found = np.empty(len(images))
    for i, background in enumerate(images):
        parts, _ = ndimage.label(background)
        found[i] = (np.bincount(parts.ravel())[1:] > 1).sum() - 1
    return found


def collages(x: Floats, rng: np.random.Generator) -> Floats:
    """Return images whose quarters are those of four random ones, shape (n, 784).

    Each pixel is distributed as it was, but together they are no digit.
    """
    images = x.reshape(-1, 28, 28).copy()
    for rows in (slice(14), slice(14, 28)):
        for columns in (slice(14), slice(14, 28)):
            images[:, rows, columns] = images[rng.permutation(len(images)), rows, columns]
    return images.reshape(len(x), -1)


def precision_and_coverage(made: Floats, real: Floats) -> tuple[float, float]:
    """Return how like real samples made-up ones are, and how many of the kinds there are they show.

    Both in a space of features, in which a real sample's neighbourhood is the ball that reaches to
    its fifth nearest other one.

    Args:
        made: features of made-up samples, shape (n, d).
        real: features of real ones, shape (m, d).

    Returns:
        precision, the share of made-up samples that lie in the neighbourhood of a real one; and
        coverage, the share of real ones whose neighbourhood holds a made-up one.
    """
    radius = np.sort(_distances(real, real), axis=1)[:, _NEIGHBOURS]  # the 0th is itself
    near = _distances(made, real) <= radius
    return float(near.any(1).mean()), float(near.any(0).mean())


def explained(z: Floats, y: Floats) -> float:
    """Return the share of the variance of y that an affine map of z explains, within 0...1.

    The map is fitted to every second sample, and the share is of the others.

    Args:
        z: codes, shape (n, k).
        y: a number for each, shape (n,), or several, shape (n, m), whose variances are added.
    """
    affine = np.column_stack([z.astype(np.float64), np.ones(len(z))])
    weights = np.linalg.lstsq(affine[::2], y[::2], rcond=None)[0]
    seen = y[1::2]
    rest = np.square(affine[1::2] @ weights - seen).sum()
    whole = np.square(seen - seen.mean(0)).sum()
    return max(0.0, 1 - float(rest / whole)) if whole else 0.0


def two_neighbours(x: Floats) -> float:
    """Return how many dimensions the surface has that samples lie on, by two distances alone.

    If samples are spread evenly in d dimensions, the ratio of the distances to the second and to
    the first neighbour exceeds r with probability r⁻ᵈ; the likeliest d is 1 / mean of log ratio.
    Near the surface's border there is less room for neighbours, so it is rather too small.

    Args:
        x: samples, shape (n, features), no two of them equal.
    """
    logs = []
    for distances in _in_parts(x, x):
        _, first, second = np.sort(np.partition(distances, 2, axis=1)[:, :3], axis=1).T
        logs.append(np.log(second / first))
    return float(1 / np.concatenate(logs).mean())


def distance_to(x: Floats, samples: Floats) -> Floats:
    """Return the distance of each x, shape (n, d), to the nearest of the samples, shape (n,)."""
    result: Floats = np.concatenate([part.min(1) for part in _in_parts(x, samples)])
    return result


def pulled(noisy: Floats, samples: Floats, noise: float) -> Floats:
    """Return E[x | x̃] if x is one of the samples, all as likely, and x̃ = x + σ ε.

    The mean of the samples, weighted by exp(−|x̃ − x|² / 2σ²).

    Args:
        noisy: x̃, shape (n, d).
        samples: what x may be, shape (m, d).
        noise: σ.
    """
    means = []
    for distances in _in_parts(noisy, samples):
        log_weights = (distances.min(1, keepdims=True) ** 2 - distances**2) / (2 * noise**2)
        weights = np.exp(log_weights)
        means.append(weights @ samples / weights.sum(1, keepdims=True))
    return np.concatenate(means)


def _in_parts(a: Floats, b: Floats) -> Iterator[Floats]:
    """Yield distances of a few rows of a to all of b, shape (few, m), as the memory allows."""
    for start in range(0, len(a), 256):
        yield _distances(a[start : start + 256], b)


def _distances(a: Floats, b: Floats) -> Floats:
    squares = (a.astype(np.float64) ** 2).sum(1)[:, None] + (b.astype(np.float64) ** 2).sum(1)
    result: Floats = np.sqrt(np.maximum(squares - 2 * (a.astype(np.float64) @ b.T), 0))
    return result
