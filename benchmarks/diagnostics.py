"""What the theory claims of autoencoders, looked at: one function each, and a command for it.

    python -m benchmarks.diagnostics identity
    python -m benchmarks.diagnostics all --data FOLDER_WITH_MNIST --samples 20000 --epochs 10

By default on the bundled digits. Each prints a table of what it found on the test split.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tinygrad_ae import manual_seed, optim
from tinygrad_ae.contract import Model
from tinygrad_ae.data import load
from tinygrad_ae.data.corrupt import gaussian
from tinygrad_ae.data.dataset import Dataset, Split
from tinygrad_ae.evaluate import PCA, Floats, encode, errors, reconstruction_error
from tinygrad_ae.models import Autoencoder, Contractive, Denoising, Sparse, Variational
from tinygrad_ae.train import fit

Table = list[dict[str, str | float]]


@dataclass(frozen=True)
class Setting:
    """What diagnostics work on.

    Args:
        train: what models learn.
        test: what they are looked at with.
        epochs: of each training.
        seeds: of each training, where a spread is shown.
    """

    train: Split
    test: Split
    epochs: int = 10
    seeds: int = 3

    def fitted(self, make: Callable[[], Model], seed: int = 0, lr: float = 1e-3) -> Model:
        """Return a trained model."""
        manual_seed(seed)
        model = make()
        optimizer = optim.Adam(model.parameters(), lr=lr)
        fit(model, self.train.x, epochs=self.epochs, optimizer=optimizer, compile=True)
        return model


def identity(s: Setting) -> Table:
    """What a code wider than the sample learns without a constraint, and with each.

    ``digits``: the error on test digits. ``noise``: the error on samples of independent uniform
    pixels, over their variance: 0 for who copies anything, 1 or more for who has learned digits.
    ``active``: the share of a code's numbers that are not near 0 (a tenth of their largest).
    """
    wide: dict[str, Any] = {"hidden": (), "latent": 1024, "activation": "relu"}
    models: dict[str, Callable[[], Model]] = {
        "undercomplete, 32": lambda: Autoencoder(hidden=(), latent=32),
        "none, 1024": lambda: Autoencoder(**wide),
        "denoising, 1024": lambda: Denoising(**wide, strength=(0.3,)),
        "sparse, 1024": lambda: Sparse(latent=1024, strength=1e-4),
        "contractive, 64": lambda: Contractive(latent=64),
    }
    noise = np.random.default_rng(0).random((1000, s.test.x.shape[1]), np.float32)
    table: Table = []
    for name, make in models.items():
        model = s.fitted(make)
        z = np.abs(encode(model, s.test.x))
        table.append(
            {
                "constraint": name,
                "digits": float(reconstruction_error(model, s.test.x).mean()),
                "noise": float(reconstruction_error(model, noise).mean() / noise.var()),
                "active": float((z > 0.1 * z.max(1, keepdims=True)).mean()),
            }
        )
    return table


def intrinsic_dimension(s: Setting, sizes: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)) -> Table:
    """The error by code size, of an autoencoder and of PCA: curved surfaces need fewer numbers."""
    table: Table = []
    for k in sizes:
        pca = PCA(s.train.x, k)
        model = s.fitted(partial(Autoencoder, hidden=(256,), latent=k))
        table.append(
            {
                "code": k,
                "autoencoder": float(reconstruction_error(model, s.test.x).mean()),
                "PCA": float(errors(pca.decode(pca.encode(s.test.x)), s.test.x).mean()),
            }
        )
    return table


def robustness(s: Setting, noises: tuple[float, ...] = (0.05, 0.1, 0.2, 0.4)) -> Table:
    """How far a code moves when its sample is corrupted, against how far codes are apart.

    Mean of |f(x̃) − f(x)|² over twice the variance of f(x), which is the mean over pairs of samples:
    1 when the noise makes a code like any other.
    """
    models: dict[str, Callable[[], Model]] = {
        "autoencoder": lambda: Autoencoder(hidden=(256,), latent=32),
        "denoising": lambda: Denoising(hidden=(256,), latent=32, strength=(0.4,)),
        "contractive": lambda: Contractive(latent=32),
        "variational": lambda: Variational(hidden=(256,), latent=32),
    }
    table: Table = []
    for name, make in models.items():
        model = s.fitted(make)
        z = encode(model, s.test.x)
        row: dict[str, str | float] = {"model": name}
        for noise in noises:
            moved = encode(model, gaussian(s.test.x, noise, np.random.default_rng(0)))
            row[f"σ = {noise:g}"] = float(((moved - z) ** 2).sum(1).mean() / (2 * z.var(0).sum()))
        table.append(row)
    return table


def sensitivity(s: Setting) -> Table:
    """The error by depth, width, activation and learning rate: mean and deviation over seeds."""
    base: dict[str, Any] = {"hidden": (128,), "latent": 16, "activation": "relu"}
    changes: dict[str, tuple[dict[str, Any], float]] = {
        "128 relu 1e-3": ({}, 1e-3),
        "depth 0": ({"hidden": ()}, 1e-3),
        "depth 3": ({"hidden": (128, 128, 128)}, 1e-3),
        "width 32": ({"hidden": (32,)}, 1e-3),
        "width 512": ({"hidden": (512,)}, 1e-3),
        "tanh": ({"activation": "tanh"}, 1e-3),
        "sigmoid": ({"activation": "sigmoid"}, 1e-3),
        "gelu": ({"activation": "gelu"}, 1e-3),
        "lr 1e-4": ({}, 1e-4),
        "lr 1e-2": ({}, 1e-2),
    }
    table: Table = []
    for name, (change, lr) in changes.items():
        make = partial(Autoencoder, **{**base, **change})
        models = [s.fitted(make, seed, lr) for seed in range(s.seeds)]
        found = [float(reconstruction_error(model, s.test.x).mean()) for model in models]
        table.append({"setting": name, "mean": float(np.mean(found)), "sd": float(np.std(found))})
    return table


def factors(s: Setting) -> Table:
    """What each number of a VAE's code is about: its correlation with what is measured of a digit.

    Thickness and slant are those of :func:`thickness` and :func:`slant`; ``digit`` is the share of
    the number's variance that lies between the classes (the correlation ratio η²).
    """
    model = s.fitted(lambda: Variational(hidden=(256,), latent=10, beta=2.0))
    z = encode(model, s.test.x)
    measured = {"thickness": thickness(s.test.x), "slant": slant(s.test.x)}
    table: Table = []
    for j in np.argsort(-z.var(0)):
        row: dict[str, str | float] = {"number": int(j), "variance": float(z[:, j].var())}
        for name, values in measured.items():
            row[name] = float(np.corrcoef(z[:, j], values)[0, 1])
        if s.test.y is not None:
            means = {y: z[s.test.y == y, j].mean() for y in np.unique(s.test.y)}
            between = np.array([means[y] for y in s.test.y])
            row["digit η²"] = float(between.var() / z[:, j].var())
        table.append(row)
    return table


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


DIAGNOSTICS: dict[str, Callable[[Setting], Table]] = {
    "identity": identity,
    "intrinsic-dimension": intrinsic_dimension,
    "robustness": robustness,
    "sensitivity": sensitivity,
    "factors": factors,
}


def show(table: Table) -> str:
    """Return a table for people."""
    texts = [list(table[0])] + [
        [v if isinstance(v, str) else f"{v:.4g}" for v in row.values()] for row in table
    ]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in texts
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.diagnostics")
    parser.add_argument("names", nargs="+", choices=[*DIAGNOSTICS, "all"], metavar="NAME")
    parser.add_argument("--data", default="digits", help="digits, mnist, or a folder of IDX files")
    parser.add_argument("--samples", type=int, default=10_000, help="to learn from, at most")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    data: Dataset = load(args.data)
    s = Setting(data.train.first(args.samples), data.test, args.epochs, args.seeds)
    for name in DIAGNOSTICS if "all" in args.names else args.names:
        about = (DIAGNOSTICS[name].__doc__ or "").partition("\n")[0]
        print(f"{name}: {about}\n\n{show(DIAGNOSTICS[name](s))}\n", flush=True)


if __name__ == "__main__":
    main()
