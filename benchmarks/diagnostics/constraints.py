"""What a constraint does to what is learned."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tinygrad_ae import Tensor, nn, ops
from tinygrad_ae.evaluate import PCA, Floats, encode, errors, reconstruct, reconstruction_error
from tinygrad_ae.models import Autoencoder, Contractive, Denoising, Sparse, Variational
from tinygrad_ae.nn.protocols import Model

from ..measures import collages
from .setting import Setting
from .table import Spread, Table, diagnostic, spread

WIDE = 1024  # numbers in a code of a sample of 784


@diagnostic
def identity(s: Setting) -> Table:
    """What a code of 1024 numbers learns of samples of 784 without a constraint, and with each.

    ``digits``: the error (MSE) on test digits. ``collages``: on images whose quarters are of four
    digits, which is small, too, for who copies anything. ``told apart``: how well the error tells
    the two, as the area under the ROC curve; 0.5 is chance. ``directions``: the trace of ∂r/∂x at
    digits, d for the identity and k for a projection to k dimensions. ``active``: numbers of a code
    that are not 0.
    """
    models: dict[str, Callable[[], Model]] = {
        "none": wide,
        "weight decay": lambda: wide(Decayed),
        "noise": lambda: wide(partial(Unclipped, noise=0.3)),
        "sparsity": lambda: Sparse(latent=WIDE),
        "contraction": lambda: Contracted(latent=WIDE),
        "bottleneck, 32": lambda: Autoencoder(hidden=(), latent=32),
    }
    rng = np.random.default_rng(0)
    x = s.test.x[:5000]
    others, noise = collages(x, rng), np.float32(0.05) * rng.standard_normal(x.shape, np.float32)
    is_other = np.repeat([False, True], len(x))
    table: Table = []
    for name, make in models.items():
        found: dict[str, list[float]] = {}
        for model in s.each(make):
            own, other = (reconstruction_error(model, images) for images in (x, others))
            change = reconstruct(model, x + noise) - reconstruct(model, x - noise)
            trace = x.shape[1] * (change * noise).sum() / (2 * (noise**2).sum())
            figures = {
                "digits": own.mean(),
                "collages": other.mean(),
                "told apart": roc_auc_score(is_other, np.concatenate([own, other])),
                "directions": trace,
                "active": (np.abs(encode(model, x)) > 1e-3).sum(1).mean(),
            }
            for key, value in figures.items():
                found.setdefault(key, []).append(float(value))
        row: dict[str, str | float | Spread] = {"constraint": name}
        table.append(row | {key: spread(values) for key, values in found.items()})
    return table


def wide(kind: Callable[..., Autoencoder] = Autoencoder) -> Autoencoder:
    """Return a model with a code of WIDE rectified numbers and no other layer."""
    model = kind(hidden=(), latent=WIDE)
    model.encoder.append(nn.ReLU())
    return model


class Decayed(Autoencoder):
    """Weight decay, as a term of the loss."""

    def loss(self, x: Tensor) -> Tensor:
        """L for a batch of samples, shape (n, d)."""
        matrices = (p for name, p in self.named_parameters() if name.endswith("weight"))
        return super().loss(x) + 5e-6 * sum((W**2).sum() for W in matrices)


class Unclipped(Denoising):
    """Denoising with x̃ = x + σ ε as it is, so that Tweedie's formula holds."""

    def __init__(self, noise: float, **arguments: Any) -> None:
        super().__init__(**arguments)

        def corrupt(x: Any) -> Any:
            return ops.normal(x, x, noise)

        self.corrupt = corrupt


class Contracted(Contractive):
    """The contractive autoencoder, its penalty written down: passes for each number take long."""

    def contraction(self, x: Tensor) -> Tensor:
        """‖∂f(x)/∂x‖²_F of z = σ(W x + b), its mean over samples of shape (n, d)."""
        z, (W, _) = self.encoder(x), self.encoder.parameters()
        penalty: Tensor = ((z * (1 - z)) ** 2 @ (W**2).sum(1)).mean()
        return penalty


@diagnostic
def robustness(s: Setting, noises: tuple[float, ...] = (0.1, 0.2, 0.4, 0.8)) -> Table:
    """How far a code of 32 moves when its sample is spoilt, and what it is still good for.

    ``moved``: the mean of |f(x + σ ε) − f(x)|² over twice the variance of f(x), which is its mean
    over pairs of samples; 1 when the noise makes a code like any other. ``right``: how often a
    linear classifier that learnt unspoilt codes tells the digit, whatever the code's scales are.
    ``MSE``: of the reconstruction of unspoilt digits, since a code can be steady by knowing little.
    The contractive code is of one layer of sigmoids, and is beside one without the penalty.
    """
    assert s.train.y is not None
    assert s.test.y is not None
    shape: dict[str, Any] = {"hidden": (256,), "latent": 32}
    models: dict[str, tuple[Callable[[], Model], float]] = {
        "autoencoder": (lambda: Autoencoder(**shape), 1e-3),
        "denoising, σ = 0.4": (lambda: Unclipped(0.4, **shape), 1e-3),
        "variational": (lambda: Variational(**shape), 1e-3),
        "sigmoids": (lambda: Contracted(latent=32, strength=0.0), 3e-3),
        "contractive": (lambda: Contracted(latent=32), 3e-3),
    }
    rng, x = np.random.default_rng(0), s.test.x
    noise = rng.standard_normal(x.shape, np.float32)
    spoilt = {sigma: x + np.float32(sigma) * noise for sigma in noises}

    def figures(f: Callable[[Floats], Floats], mse: float) -> dict[str, float]:
        probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        probe.fit(f(s.train.x), s.train.y)
        still = {f"moved, σ = {sigma:g}": moved(f, x, v) for sigma, v in spoilt.items()}
        for sigma, v in ({0.0: x} | spoilt).items():
            still[f"right, σ = {sigma:g}"] = float(probe.score(f(v), s.test.y))
        return {"MSE": mse} | still

    pca = PCA(s.train.x, 32)
    found = {"PCA": [figures(pca.encode, float(errors(pca.decode(pca.encode(x)), x).mean()))]}
    for name, (make, lr) in models.items():
        found[name] = [
            figures(partial(encode, model), float(reconstruction_error(model, x).mean()))
            for model in s.each(make, lr)
        ]
    return [
        {"code": name} | {key: spread([one[key] for one in each]) for key in each[0]}
        for name, each in found.items()
    ]


def moved(f: Callable[[Any], Any], x: Any, spoilt: Any) -> float:
    """Return how far codes f(x) move, relative to how far they are apart."""
    z = f(x)
    return float(((f(spoilt) - z) ** 2).sum(1).mean() / (2 * z.var(0).sum()))
