"""What codes know of digits, and what is decoded from codes nobody encoded."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from tinygrad_ae import Tensor
from tinygrad_ae.evaluate import PCA, Floats, decode, encode, reconstruct
from tinygrad_ae.models import Autoencoder, Classifier, Variational
from tinygrad_ae.nn.protocols import Model
from tinygrad_ae.uses import generate

from ..measures import explained, loops, precision_and_coverage, slant, thickness
from .setting import Setting
from .table import Spread, Table, diagnostic, spread

FACTORS = {"thickness": thickness, "slant": slant, "loops": loops}


@diagnostic
def generation(s: Setting) -> Table:
    """What is decoded from random codes, judged by a classifier that learnt real digits.

    Codes are drawn from p(z) for the variational model; for the plain one from the normal
    distribution of its training codes, and from N(0, I). ``confidence``: mean probability of the
    likeliest digit. ``precision``: share of made-up digits among real ones; ``coverage``: share of
    real digits among made-up ones, both by neighbourhoods in the classifier's code (see
    ``measures``). The first row is of real digits, the second of reconstructions by the plain
    model.
    """
    n = min(2000, len(s.test) // 2)
    real, others = s.test.x[:n], s.test.x[n : 2 * n]
    judge = s.fitted(lambda: Classifier(hidden=(256,), latent=64, reconstruction=0.0))

    def judged(x: Floats) -> tuple[float, ...]:
        confidence = np.exp(judge.log_probabilities(Tensor(x)).data).max(1).mean()
        return float(confidence), *precision_and_coverage(encode(judge, x), encode(judge, real))

    found: dict[str, list[tuple[float, ...]]] = {"real digits": [judged(others)]}
    for seed in range(s.seeds):
        rng = np.random.default_rng(seed)
        plain = s.fitted(lambda: Autoencoder(hidden=(400,), latent=20), seed)
        variational = s.fitted(lambda: Variational(hidden=(400,), latent=20), seed)
        noise = rng.standard_normal((n, 20)).astype(np.float32)
        made = {
            "reconstructions": reconstruct(plain, others),
            "autoencoder, N(0, I)": decode(plain, noise),
            "autoencoder, N(m, C)": generate(plain, n, s.train.x, rng).samples,
            "variational, p(z)": generate(variational, n, None, rng).samples,
        }
        for name, x in made.items():
            found.setdefault(name, []).append(judged(x))
    columns = ("confidence", "precision", "coverage")
    return [
        {"samples": name} | dict(zip(columns, map(spread, zip(*each, strict=True)), strict=True))
        for name, each in found.items()
    ]


@diagnostic
def factors(s: Setting) -> Table:
    """What each number of a VAE's code is about: its correlation with what is measured of a digit.

    Thickness, slant and loops are those of ``measures``; ``digit`` is the correlation ratio η, the
    root of the share of the number's variance that lies between the classes. β = 2, seed 0; numbers
    in the order of their variance.
    """
    assert s.test.y is not None
    z = encode(s.fitted(partial(Variational, hidden=(256,), latent=10, beta=2.0)), s.test.x)
    classes = np.eye(int(s.test.y.max()) + 1)[s.test.y]
    measured = {name: measure(s.test.x) for name, measure in FACTORS.items()}
    table: Table = []
    for j in np.argsort(-z.var(0)):
        row: dict[str, str | float | Spread] = {"number": f"z{j}", "variance": float(z[:, j].var())}
        for name, values in measured.items():
            row[name] = float(np.corrcoef(z[:, j], values)[0, 1]) if values.std() else 0.0
        row["digit"] = explained(classes, z[:, j]) ** 0.5
        table.append(row)
    return table


@diagnostic
def knowledge(s: Setting) -> Table:
    """How much of thickness, slant, loops and digit a code of 10 knows, linearly.

    The share of a factor's variance that an affine map of the code explains, on digits that it was
    not fitted to; ``(one)``: of that single number of the code which explains most. The digit is a
    row of nine zeros and a one.
    """
    assert s.test.y is not None
    measured = {name: measure(s.test.x) for name, measure in FACTORS.items()}
    measured["digit"] = np.eye(int(s.test.y.max()) + 1)[s.test.y]
    shape: dict[str, Any] = {"hidden": (256,), "latent": 10}
    models: dict[str, Callable[[], Model]] = {
        "autoencoder": lambda: Autoencoder(**shape),
        "variational, β = 1": lambda: Variational(**shape),
        "variational, β = 4": lambda: Variational(**shape, beta=4.0),
    }
    codes: dict[str, Any] = {"PCA": [PCA(s.train.x, 10).encode(s.test.x)]}
    for name, make in models.items():
        codes[name] = [encode(model, s.test.x) for model in s.each(make)]
    table: Table = []
    for name, each in codes.items():
        row: dict[str, str | float | Spread] = {"code": name}
        for factor, values in measured.items():
            one = [max(explained(z[:, [j]], values) for j in range(z.shape[1])) for z in each]
            row[factor] = spread([explained(z, values) for z in each])
            row[f"{factor} (one)"] = spread(one)
        table.append(row)
    return table
