"""``explore``: the page, from test samples, the map of their codes, and the model itself."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...data import Dataset
from ...errors import UserError
from ...evaluate import PCA, encode
from ...export import javascript
from ...nn.protocols import Model, evaluating
from ...util.files import atomic
from ...util.template import assemble

SHOWN = 300  # samples on the map; more hide each other
_SCRIPTS = ("paint.js", "state.js", "latent.js", "draw.js", "path.js")

Floats = NDArray[np.floating[Any]]


def explore(
    model: Model, data: Dataset, path: str | os.PathLike[str], *, title: str | None = None
) -> Path:
    """Write one HTML file in which a trained autoencoder encodes and decodes what one does.

    Drag a point over the map of codes or move a latent, and see it decoded; draw a sample, put
    noise on it, and see it encoded and reconstructed; walk between two samples through the space
    of codes and through that of samples. The file needs no network: encoder and decoder stand in
    it as JavaScript, which agrees with them to 1e-5.

    Args:
        model: trained.
        data: whose test split is shown.
        path: the file to write, ending in ``.html``.
        title: heading; by default the model's class and the data's name.

    Returns:
        The path written.

    Raises:
        UserError: ``path`` does not end in ``.html``; or the encoder or decoder draws random
            numbers, or has an operation that cannot be printed as JavaScript.
        OSError: the file cannot be written.

    Example:
        >>> explore(model, load("digits"), "explore.html")
    """
    target = Path(path)
    if target.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"explore writes HTML: {target} must end in .html")
    shown = data.shown(SHOWN)
    x = data.test.x[shown]
    codes = encode(model, data.test.x)
    with evaluating(model):
        program = javascript(encode=(model.encoder, x[:1]), decode=(model.decoder, codes[:1]))
    heading = title or f"{type(model).__name__} on {data.name}"
    content = {
        "shape": list(data.shape),
        "latent": model.latent,
        "samples": _packed(x),
        "labels": None if data.test.y is None else data.test.y[shown].tolist(),
        **_map(codes),
    }
    text = assemble(__package__, heading, content, _SCRIPTS, program=program)
    with atomic(target) as temporary:
        temporary.write_text(text, "utf-8")
    return target


def _map(codes: Floats) -> dict[str, Any]:
    """Return how codes are laid out flat: by the two directions in which they vary most."""
    k = codes.shape[1]
    if k > 2:
        pca = PCA(codes, 2)
        mean, axes = pca.mean, pca.components
    else:  # they are flat already
        mean, axes = codes.mean(0), np.eye(2, k)
    low, high = np.percentile(codes, (0.5, 99.5), axis=0)
    return {
        "mean": _rounded(mean),
        "axes": [_rounded(axis) for axis in axes],
        "low": _rounded(low),
        "high": _rounded(np.where(high > low, high, low + 1)),
    }


def _rounded(values: Floats) -> list[float]:
    return [float(f"{v:.7g}") for v in np.ravel(values)]


def _packed(x: NDArray[np.float32]) -> dict[str, str]:
    """Return samples as base64: of bytes where they are 255ths, of float32 elsewhere."""
    levels = np.rint(x * 255)
    if ((x >= 0) & (x <= 1)).all() and np.array_equal((levels / 255).astype(np.float32), x):
        return {"kind": "bytes", "text": _base64(levels.astype(np.uint8))}
    return {"kind": "floats", "text": _base64(x.astype("<f4"))}


def _base64(array: NDArray[Any]) -> str:
    return base64.b64encode(array.tobytes()).decode("ascii")
