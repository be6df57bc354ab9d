"""Values as pictures small enough for a card: images, bars for short vectors, histograms.

Positive is blue and negative orange, which colour-blind people tell apart; what is not finite
is pink. The background is transparent, so a picture fits light and dark cards.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...core.graph import Graph
from ...errors import UserError
from ...ops.op import Array
from ...util.colours import NEGATIVE, POSITIVE
from ...util.pixels import png, tiled
from ..measure.quantities import number
from .cards import Thumbnail
from .grouping import first_array

SAMPLES = 3  # of a batch, side by side
FEWEST_BARS, MOST_BARS = 2, 48  # elements of a vector that is drawn as bars
SMALLEST_IMAGE = 8 * 8  # fewer elements would be guesswork
NOT_FINITE = (204, 80, 160)
HEIGHT, WIDTH = 42, 96  # points, of bars and histograms
ZOOM = 3  # pixels per point, so that edges stay sharp

Pixels = NDArray[np.uint8]


def image_shape(graph: Graph, shape: Sequence[int] | None) -> tuple[int, ...] | None:
    """Return how one sample of the input lies as an image, None if it is none.

    Args:
        graph: whose first array is the input.
        shape: as given by the user; by default a square, if the input's size is one. What is one
            value wide, (times, 1, channels), is a signal and none.

    Raises:
        UserError: the shape given is no image's.
    """
    if shape is not None:
        if len(shape) == 3 and shape[1] == 1:
            return None
        if len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] not in (1, 3)):
            raise UserError(
                "shape says how a sample lies as an image: (height, width) or (height, width, "
                f"channels) with 1 or 3 channels; got {tuple(shape)}"
            )
        return tuple(shape)
    input = first_array(graph)
    if input is None or len(input.shape) != 2:
        return None
    side = math.isqrt(input.shape[1])
    return (side, side) if side * side == input.shape[1] >= SMALLEST_IMAGE else None


def is_image(values: Array, image: Sequence[int]) -> bool:
    """Whether samples of a value lie as images."""
    return values.ndim > 1 and math.prod(values.shape[1:]) == math.prod(image)


def thumbnail(
    values: Array, name: str, image: Sequence[int] | None, *, signed: bool = False
) -> Thumbnail | None:
    """Return a small picture of a value; None for a single number.

    Args:
        values: the value.
        name: what it is called.
        image: how one sample lies as an image, if samples are.
        signed: whether to show an image's sign even if it is never negative: a gradient's.
    """
    values = np.asarray(values, float)
    if values.size < FEWEST_BARS:
        return None
    finite = values[np.isfinite(values)]
    # sums and differences of scaled values stay within the range of numbers
    scale = float(np.abs(finite).max(initial=0)) or 1.0
    spread = "nothing finite"
    if finite.size:
        mean = scale * float((finite / scale).mean())
        ends = (float(finite.min()), mean, float(finite.max()))
        spread = "least {}, mean {}, greatest {}".format(*map(number, ends)).replace("-", "−")
    batch = values.reshape(len(values), -1) if values.ndim > 1 else values[None]
    if image is not None and is_image(values, image):
        shown = batch[:SAMPLES].reshape(-1, *image)
        pixels, what = _side_by_side(shown, signed), f"first {len(shown)} samples"
    elif values.ndim == 4 and min(values.shape[2:]) > 3:
        pixels, what = _side_by_side(values[0][:SAMPLES], signed), "channels of the first sample"
    elif batch.shape[1] <= MOST_BARS and batch.shape[1] >= FEWEST_BARS:
        pixels, what = _bars(batch[0] / scale), "first sample" if len(batch) > 1 else "elements"
    else:
        pixels, what = _histogram(finite / scale), "histogram"
    height = pixels.shape[0] / ZOOM
    width = pixels.shape[1] / ZOOM
    text = f"{name}: {what}; {spread}"
    content = png(pixels, "Drawing values on cards")
    return Thumbnail(content, round(width), round(height), name, text)


def _side_by_side(images: Array, signed: bool) -> Pixels:
    """Show images next to each other, on one scale."""
    finite = images[np.isfinite(images)]
    low = float(finite.min()) if finite.size else 0.0
    high = float(finite.max()) if finite.size else 1.0
    if signed or low < 0:
        colours = _diverging(images, max(abs(low), abs(high)) or 1.0)
    else:
        top = 1.0 if high <= 1 else high
        grey = np.nan_to_num(images / top, nan=0, posinf=1, neginf=0)
        colours = np.repeat((255 * grey)[..., None], 3, axis=-1) if images.ndim == 3 else 255 * grey
        if colours.shape[-1] == 1:
            colours = np.repeat(colours, 3, axis=-1)
    unknown = ~np.isfinite(images)
    broken = np.any(unknown, axis=-1) if images.ndim == 4 else unknown
    colours = np.where(np.asarray(broken)[..., None], NOT_FINITE, colours)
    opaque = np.concatenate([colours, np.full((*colours.shape[:-1], 1), 255)], axis=-1)
    opaque = opaque.astype(np.uint8)
    side = max(opaque.shape[1:3])
    zoom = max(1, round(HEIGHT * ZOOM / side))
    opaque = opaque.repeat(zoom, axis=1).repeat(zoom, axis=2)
    return tiled(opaque, len(opaque), 2 * ZOOM, 0)  # transparent between them


def _diverging(images: Array, limit: float) -> Array:
    """Colour values by sign: white is zero."""
    levels = np.nan_to_num(images, nan=0, posinf=limit, neginf=-limit).clip(-limit, limit) / limit
    level = levels.mean(axis=-1, keepdims=True) if images.ndim == 4 else levels[..., None]
    end = np.where(level >= 0, POSITIVE, NEGATIVE)
    colours: Array = 255 + (end - 255) * np.abs(level)
    return colours


def _bars(vector: Array) -> Pixels:
    """Show a vector's elements as bars up and down from zero."""
    values = np.nan_to_num(vector, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = min(0.0, values.min()), max(0.0, values.max())
    scale = (HEIGHT * ZOOM - 1) / max(high - low, 1e-300)  # which keeps it finite
    step = max(2 * ZOOM, WIDTH * ZOOM // len(vector))
    canvas = np.zeros((HEIGHT * ZOOM, step * len(vector), 4), np.uint8)
    zero = round(high * scale)
    for i, value in enumerate(values):
        end = round((high - value) * scale)
        top, bottom = sorted((zero, end))
        colour = POSITIVE if value >= 0 else NEGATIVE
        if not np.isfinite(vector[i]):
            top, bottom, colour = 0, HEIGHT * ZOOM, NOT_FINITE
        canvas[top : bottom + 1, i * step + 1 : (i + 1) * step - 1] = (*colour, 255)
    canvas[zero : zero + 1] = (128, 128, 128, 255)
    return canvas


def _histogram(finite: Array) -> Pixels:
    """Show how values are distributed; a grey line marks zero."""
    canvas = np.zeros((HEIGHT * ZOOM, WIDTH * ZOOM, 4), np.uint8)
    if not finite.size:
        canvas[:] = (*NOT_FINITE, 255)
        return canvas
    low, high = float(finite.min()), float(finite.max())
    if high - low < 1e-6:  # all alike: one bar in the middle
        low, high = low - 0.5, high + 0.5
    counts, edges = np.histogram(finite, bins=32, range=(low, high))
    step = WIDTH * ZOOM // len(counts)
    for i, n in enumerate(counts):
        height = round((HEIGHT * ZOOM - 2) * n / counts.max())
        colour = POSITIVE if edges[i] + edges[i + 1] >= 0 else NEGATIVE
        canvas[HEIGHT * ZOOM - height :, i * step : (i + 1) * step - 1] = (*colour, 255)
    if edges[0] < 0 < edges[-1]:
        zero = round(-edges[0] / (edges[-1] - edges[0]) * step * len(counts))
        canvas[:, max(0, zero - 1) : zero + 1] = (128, 128, 128, 255)
    canvas[-2:] = (128, 128, 128, 255)
    return canvas
