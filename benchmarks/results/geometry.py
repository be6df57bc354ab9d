"""What theory says exactly: the subspace of a linear autoencoder, the direction of denoising."""

from __future__ import annotations

import math

import numpy as np
from scipy.linalg import subspace_angles

from tinygrad_ae import Tensor, nn, ops
from tinygrad_ae.evaluate import PCA, Floats, reconstruct

from .rows import Figure, Task, row, trained


class Linear(nn.Module):
    """z = W x + b, x̂ = V z + c; L = mean of (x̂ − x)²."""

    def __init__(self, inputs: int = 784, latent: int = 16) -> None:
        super().__init__()
        self.latent = latent
        self.encoder = nn.Linear(inputs, latent)
        self.decoder = nn.Linear(latent, inputs)

    def loss(self, x: Tensor) -> Tensor:
        """L for a batch of samples, shape (n, d)."""
        return ((self.decoder(self.encoder(x)) - x) ** 2).mean()


@row(
    angle=Figure(
        "largest principal angle to PCA's subspace, rad",
        at_most=0.01,
        elsewhere="0: equal subspaces (Baldi and Hornik 1989)",
        digits=4,
    ),
    excess=Figure("MSE above PCA-16's, relative", digits=6),
)
def linear(task: Task) -> dict[str, float]:
    """A linear autoencoder with a code of 16 against the first 16 principal components of the
    training images. The loss of an affine map sees mean and covariance C = Σ λᵢ vᵢ vᵢᵀ alone, so
    it is trained on the 2 · 784 points ±√(784 λᵢ) vᵢ, which have those of the centred images: Adam
    2e-2 with 10 % warm-up, then along a cosine, 4,000 steps of all points. After 2,000 of 1e-2 two
    of three seeds were still 0.02 rad away: λ₁₇ is 0.96 λ₁₆.
    """  # fmt: skip
    d = task.train.x.shape[1]
    pca = PCA(task.train.x, d)
    half = np.sqrt(d * np.maximum(pca.variance, 0))[:, None] * pca.components
    points = np.concatenate([half, -half]).astype(np.float32)
    model = trained(task, Linear, points, epochs=4000, lr=2e-2, batch_size=len(points), warm=True)
    decoder = model.decoder.weight.data.astype(np.float64)
    error = float(np.mean((reconstruct(model, points) - points) ** 2, dtype=np.float64))
    best = float(pca.variance[model.latent :].sum()) / d
    angles = subspace_angles(decoder, pca.components[: model.latent].T)
    return {"angle": float(angles.max()), "excess": error / best - 1}


def moons(n: int, rng: np.random.Generator) -> Floats:
    """Return points on two interleaved half circles, shape (n, 2), within ±1."""
    t, lower = math.pi * rng.random(n), rng.integers(0, 2, n)
    sign = 1 - 2 * lower
    points = np.stack([sign * (np.cos(t) - 0.5), sign * (np.sin(t) - 0.25)], 1)
    return (points / 1.5).astype(np.float32)


def spiral(n: int, rng: np.random.Generator) -> Floats:
    """Return points on a spiral of one and a half turns, shape (n, 2), within ±1."""
    t = 3 * math.pi * np.sqrt(0.05 + 0.95 * rng.random(n))
    points = t[:, None] * np.stack([np.cos(t), np.sin(t)], 1) / (3 * math.pi)
    return points.astype(np.float32)


NOISE = 0.1
"""Standard deviation of the noise on points that lie within ±1."""


class Plane(nn.Module):
    """A denoising autoencoder of points: 2 → 64 → 64 → 64 → 2, ReLU, linear at its end."""

    def __init__(self) -> None:
        super().__init__()
        self.latent = 64
        self.encoder = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU())
        self.decoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))

    def loss(self, x: Tensor) -> Tensor:
        """L for a batch of clean points, shape (n, 2): the mean of (r(x̃) − x)²."""
        x_hat = self.decoder(self.encoder(ops.normal(x, x, NOISE)))
        return ((x_hat - x) ** 2).mean()


def score(x: Floats, samples: Floats, width: float) -> Floats:
    """Return ∇ log p at x, shape (n, 2), for p the mean of normal densities around samples.

    With weights wᵢ ∝ exp(−|x − xᵢ|² / 2 σ²), which sum to 1, it is (Σᵢ wᵢ xᵢ − x) / σ².
    """
    distance = ((x[:, None].astype(np.float64) - samples) ** 2).sum(-1)
    w = np.exp(-(distance - distance.min(1, keepdims=True)) / (2 * width**2))
    w /= w.sum(1, keepdims=True)
    gradient: Floats = (w @ samples - x) / width**2
    return gradient


def cosine(a: Floats, b: Floats) -> float:
    """Return the mean cosine between rows."""
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return float(np.mean((a * b).sum(1) / lengths))


@row(
    moons=Figure("two moons: cosine to the score", at_least=0.9, digits=3),
    spiral=Figure("spiral: cosine to the score", at_least=0.9, digits=3),
)
def manifold(task: Task) -> dict[str, float]:
    """Denoising autoencoders 2-64-64-64-2 of 5,000 points on two curves in the plane, noise of a
    twentieth of their extent, 200 epochs; mean cosine between r(x) − x and the score ∇ log p(x)
    at 1,000 noisy points x. p is a kernel estimate, as wide as the noise, from 5,000 points that
    were not trained on: of that p the best r has r(x) − x = σ² ∇ log p(x) (Alain and Bengio 2014).
    """  # fmt: skip
    figures = {}
    for curve in (moons, spiral):
        rng = np.random.default_rng(task.seed)
        train, fresh, points = curve(5_000, rng), curve(5_000, rng), curve(1_000, rng)
        model = trained(task, Plane, train, epochs=200, lr=5e-3, batch_size=100, warm=True)
        x = points + NOISE * rng.standard_normal(points.shape, np.float32)
        figures[curve.__name__] = cosine(reconstruct(model, x) - x, score(x, fresh, NOISE))
    return figures
