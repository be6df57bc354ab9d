"""A map of codes on which the sample under the pointer is shown, with its reconstruction."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....util.pixels import png
from ...plots.canvas import BLACK, CLASSES
from ...plots.projection import project
from ...plots.tiles import channels_of, is_image, value_range
from .document import Document, data_uri

_POINTS = 1200
_VALUES = 2_000_000  # of all samples together; more would make the page slow to open


def hover_map(
    document: Document,
    codes: NDArray[Any],
    x: NDArray[Any],
    x_hat: NDArray[Any],
    shape: Sequence[int],
    labels: NDArray[Any] | None = None,
) -> str:
    """Return the map as HTML, and add its program to the document.

    Args:
        document: that it is for.
        codes: shape (n, k); of more than two numbers their two principal components are shown.
        x: the samples, shape (n, d).
        x_hat: their reconstructions.
        shape: of one sample.
        labels: shape (n,), which colour the points.
    """
    d = x.shape[1]
    n = max(1, min(_POINTS, len(codes), _VALUES // d))
    points, _ = project(codes[:n])
    if points.shape[1] == 1:  # a code of one number against the error
        points = np.concatenate([points, np.square(x_hat[:n] - x[:n]).mean(1)[:, None]], axis=1)
    low, span = points.min(0), np.ptp(points, axis=0)
    points = (points - low) / np.where(span > 0, span, 1)
    error = np.square(x_hat[:n].astype(np.float64) - x[:n]).mean(1)
    classes = [] if labels is None else np.unique(labels).tolist()
    palette = ["ink" if c == BLACK else c for c in CLASSES]  # black would vanish on a dark page
    colour = {label: palette[i % len(palette)] for i, label in enumerate(classes)}
    bottom, top = value_range(np.stack([x[:n], x_hat[:n]]), shape)
    data = {
        "points": np.round(points, 4).tolist(),
        "colours": [CLASSES[0] if labels is None else colour[int(labels[i])] for i in range(n)],
        "captions": [
            f"test sample {i}{'' if labels is None else f', class {labels[i]}'}: MSE {error[i]:.4f}"
            for i in range(n)
        ],
        "features": d,
        "image": [*shape[:2], channels_of(shape)] if is_image(shape) else None,
        "channels": channels_of(shape),
        "sprites": [_sprite((part[:n] - bottom) / (top - bottom)) for part in (x, x_hat)],
    }
    document.script(files(__package__).joinpath("hover.js").read_text("utf-8"))
    legend = "".join(
        f'<span><i style="background:{c.replace("ink", "currentColor")}"></i>'
        f"{html.escape(str(name))}</span>"
        for name, c in colour.items()
    )
    return (
        '<div class="map"><canvas class="points"></canvas><div><div class="shown">'
        '<div><div class="sample-name">sample x</div><canvas class="sample"></canvas></div>'
        '<div><div class="sample-name">reconstruction x̂</div><canvas class="sample"></canvas></div>'
        f'</div><div class="sample-name caption"></div></div><div class="legend">{legend}</div>'
        f'<script type="application/json">{json.dumps(data, separators=(",", ":"))}</script></div>'
    )


def _sprite(unit: NDArray[Any]) -> str:
    pixels = np.rint(np.clip(unit, 0, 1) * 255).astype(np.uint8)
    return data_uri(png(pixels), "image/png")
