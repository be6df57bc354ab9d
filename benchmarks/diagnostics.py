"""What the theory claims of autoencoders, looked at: one function each, and a command for it.

    python -m benchmarks.diagnostics identity
    python -m benchmarks.diagnostics all --data FOLDER_WITH_MNIST --samples 20000 --epochs 10

By default on the bundled digits. Each prints a table of what it found on the test split; with
``--record`` it is kept in benchmarks/diagnostics.json, and benchmarks/diagnostics.md is made anew.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from tinygrad_ae import Tensor, manual_seed, nn, optim
from tinygrad_ae.contract import Model
from tinygrad_ae.data import load
from tinygrad_ae.data.corrupt import gaussian
from tinygrad_ae.data.dataset import Dataset, Split
from tinygrad_ae.evaluate import PCA, decode, encode, errors, reconstruct, reconstruction_error
from tinygrad_ae.files import atomic
from tinygrad_ae.models import Autoencoder, Classifier, Contractive, Denoising, Sparse, Variational
from tinygrad_ae.train import fit, rows
from tinygrad_ae.uses import generate

from .measures import collages, loops, precision_and_coverage, slant, thickness

Table = list[dict[str, str | float]]
M = TypeVar("M", bound=Model)

FILE = Path(__file__).parent / "diagnostics.json"
PAGE = FILE.with_suffix(".md")


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

    def fitted(self, make: Callable[[], M], seed: int = 0, lr: float = 1e-3) -> M:
        """Return a trained model."""
        manual_seed(seed)
        model = make()
        optimizer = optim.Adam(model.parameters(), lr=lr)
        samples = rows(model, self.train)
        fit(model, samples, epochs=self.epochs, optimizer=optimizer, compile=True)
        return model


def identity(s: Setting) -> Table:
    """What a code wider than the sample learns without a constraint, and with each.

    ``digits``: the error on test digits. ``collages``: on images whose quarters are of four digits,
    which is small, too, for who copies anything. ``active``: the share of a code's numbers that are
    not near 0 (a tenth of their largest).
    """
    wide: dict[str, Any] = {"hidden": (), "latent": 1024, "activation": "relu"}
    models: dict[str, Callable[[], Model]] = {
        "undercomplete, 32": lambda: Autoencoder(hidden=(), latent=32),
        "none, 1024": lambda: Autoencoder(**wide),
        "denoising, 1024": lambda: Denoising(**wide, strength=(0.3,)),
        "sparse, 1024": lambda: Sparse(latent=1024, strength=1e-4),
        "contractive, 64": lambda: Contractive(latent=64),
    }
    others = collages(s.test.x, np.random.default_rng(0))
    table: Table = []
    for name, make in models.items():
        model = s.fitted(make)
        z = np.abs(encode(model, s.test.x))
        own, other = (float(reconstruction_error(model, x).mean()) for x in (s.test.x, others))
        table.append(
            {
                "constraint": name,
                "digits": own,
                "collages": other,
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
    """The error by depth, width, activation, initial weights and learning rate, over seeds.

    Mean and standard deviation. Initial weights are those of PyTorch unless another distribution
    is named.
    """
    base: dict[str, Any] = {"hidden": (128,), "latent": 16, "activation": "relu"}
    changes: dict[str, tuple[dict[str, Any], float, Callable[[Any], Any] | None]] = {
        "128 relu 1e-3": ({}, 1e-3, None),
        "depth 0": ({"hidden": ()}, 1e-3, None),
        "depth 3": ({"hidden": (128, 128, 128)}, 1e-3, None),
        "width 32": ({"hidden": (32,)}, 1e-3, None),
        "width 512": ({"hidden": (512,)}, 1e-3, None),
        "tanh": ({"activation": "tanh"}, 1e-3, None),
        "sigmoid": ({"activation": "sigmoid"}, 1e-3, None),
        "gelu": ({"activation": "gelu"}, 1e-3, None),
        "Xavier": ({}, 1e-3, nn.init.xavier_uniform_),
        "He": ({}, 1e-3, partial(nn.init.kaiming_normal_, nonlinearity="relu")),
        "orthogonal": ({}, 1e-3, nn.init.orthogonal_),
        "N(0, 0.001²)": ({}, 1e-3, partial(nn.init.normal_, std=0.001)),
        "N(0, 0.5²)": ({}, 1e-3, partial(nn.init.normal_, std=0.5)),
        "lr 1e-4": ({}, 1e-4, None),
        "lr 1e-2": ({}, 1e-2, None),
    }
    table: Table = []
    for name, (change, lr, init) in changes.items():
        make = partial(_initialised, {**base, **change}, init)
        models = [s.fitted(make, seed, lr) for seed in range(s.seeds)]
        found = [float(reconstruction_error(model, s.test.x).mean()) for model in models]
        table.append({"setting": name, "mean": float(np.mean(found)), "sd": float(np.std(found))})
    return table


def _initialised(arguments: dict[str, Any], init: Callable[[Any], Any] | None) -> Model:
    model = Autoencoder(**arguments)
    for parameter in model.parameters() if init else ():
        if parameter.ndim == 2:
            init(parameter)
    return model


def generation(s: Setting) -> Table:
    """What is decoded from random codes, judged by a classifier that learnt real digits.

    Codes are drawn from p(z) for the variational model; for the plain one from the normal
    distribution of its training codes, and from N(0, I). ``confidence``: mean probability of the
    likeliest digit. ``precision``: share of made-up digits among real ones; ``coverage``: share of
    real digits among made-up ones, both by neighbourhoods in the classifier's code (see
    ``measures``). The first row is of real digits, the second of reconstructions by the plain
    model. Mean and standard deviation over seeds.
    """
    n = min(1000, len(s.test) // 2)
    real, others = s.test.x[:n], s.test.x[n : 2 * n]
    judge = s.fitted(lambda: Classifier(hidden=(256,), latent=64, reconstruction=0.0))
    found: dict[str, list[tuple[float, ...]]] = {}
    for seed in range(s.seeds):
        rng = np.random.default_rng(seed)
        plain = s.fitted(lambda: Autoencoder(hidden=(400,), latent=20), seed)
        variational = s.fitted(lambda: Variational(hidden=(400,), latent=20), seed)
        noise = rng.standard_normal((n, 20)).astype(np.float32)
        made = {
            "real digits": others,
            "reconstructions": reconstruct(plain, others),
            "autoencoder, N(0, I)": decode(plain, noise),
            "autoencoder, N(m, C)": generate(plain, n, s.train.x, rng).samples,
            "variational, p(z)": generate(variational, n, None, rng).samples,
        }
        for name, x in made.items():
            log_p = judge.log_probabilities(Tensor(x)).data
            figures = precision_and_coverage(encode(judge, x), encode(judge, real))
            found.setdefault(name, []).append((float(np.exp(log_p.max(1)).mean()), *figures))
    columns = ("confidence", "precision", "coverage")
    return [
        {
            "samples": name,
            **{c: _spread(v) for c, v in zip(columns, zip(*each, strict=True), strict=True)},
        }
        for name, each in found.items()
    ]


def _spread(values: tuple[float, ...]) -> str:
    return f"{np.mean(values):.3f}" + (f" ± {np.std(values):.3f}" if len(values) > 1 else "")


def factors(s: Setting) -> Table:
    """What each number of a VAE's code is about: its correlation with what is measured of a digit.

    Thickness, slant and loops are those of ``measures``; ``digit`` is the share of the number's
    variance that lies between the classes (the correlation ratio η²).
    """
    model = s.fitted(lambda: Variational(hidden=(256,), latent=10, beta=2.0))
    z = encode(model, s.test.x)
    measured = {name: measure(s.test.x) for name, measure in FACTORS.items()}
    table: Table = []
    for j in np.argsort(-z.var(0)):
        row: dict[str, str | float] = {"number": int(j), "variance": float(z[:, j].var())}
        for name, values in measured.items():
            row[name] = float(np.corrcoef(z[:, j], values)[0, 1]) if values.std() else 0.0
        if s.test.y is not None:
            means = {y: z[s.test.y == y, j].mean() for y in np.unique(s.test.y)}
            between = np.array([means[y] for y in s.test.y])
            row["digit η²"] = float(between.var() / z[:, j].var())
        table.append(row)
    return table


FACTORS = {"thickness": thickness, "slant": slant, "loops": loops}

DIAGNOSTICS: dict[str, Callable[[Setting], Table]] = {
    "identity": identity,
    "intrinsic-dimension": intrinsic_dimension,
    "robustness": robustness,
    "sensitivity": sensitivity,
    "generation": generation,
    "factors": factors,
}


def show(table: Table) -> str:
    """Return a table for people."""
    texts = [list(table[0])] + [[_said(value) for value in row.values()] for row in table]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in texts
    )


def record(name: str, table: Table, setting: str) -> None:
    """Keep a table in the file of all, and make the page that shows them."""
    kept = json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}
    kept[name] = {"setting": setting, "table": table}
    kept = {key: kept[key] for key in DIAGNOSTICS if key in kept}
    page = ["<!-- made by python -m benchmarks.diagnostics --record -->"]
    for key, found in kept.items():
        about = (DIAGNOSTICS[key].__doc__ or "").partition("\n")[0]
        head = list(found["table"][0])
        lines = [head, ["---"] * len(head), *(map(_said, row.values()) for row in found["table"])]
        page += [f"## {key}", f"{about} ({found['setting']})"]
        page.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    for path, text in (
        (FILE, json.dumps(kept, indent=1, ensure_ascii=False)), (PAGE, "\n\n".join(page))
    ):  # fmt: skip
        with atomic(path) as temporary:
            temporary.write_text(text + "\n", "utf-8")


def _said(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.diagnostics")
    parser.add_argument("names", nargs="+", choices=[*DIAGNOSTICS, "all"], metavar="NAME")
    parser.add_argument("--data", default="digits", help="digits, mnist, or a folder of IDX files")
    parser.add_argument("--samples", type=int, default=10_000, help="to learn from, at most")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--record", action="store_true", help="keep the tables in diagnostics.json")
    args = parser.parse_args()
    data: Dataset = load(args.data)
    s = Setting(data.train.first(args.samples), data.test, args.epochs, args.seeds)
    setting = (
        f"{Path(data.name).name}, {len(s.train):,} training samples, {s.epochs} epochs, "
        f"seeds 0 to {s.seeds - 1}"
    )
    for name in DIAGNOSTICS if "all" in args.names else args.names:
        about = (DIAGNOSTICS[name].__doc__ or "").partition("\n")[0]
        table = DIAGNOSTICS[name](s)
        print(f"{name}: {about}\n\n{show(table)}\n", flush=True)
        if args.record:
            record(name, table, setting)


if __name__ == "__main__":
    main()
