"""Arrays as a reader of the page sees them: a few figures, a histogram, small ones whole."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np

from ....ops.op import Array
from ...picture.flow import measure

WHOLE = 64  # elements up to which an array is shown entirely
_BINS = 24
_SAME = 1e-12  # relative difference below which all elements count as equal
_PICTURES = 4
_LEAST_SIDE = 8  # pixels; less is no picture


def summary(array: Array, picture: tuple[int, ...] | None = None) -> dict[str, Any]:
    """Describe an array.

    Args:
        array: of any shape and dtype.
        picture: shape of the pictures that its rows are, if they are.

    Returns:
        ``mean``, ``min``, ``max``, ``rms`` of the finite elements and how many are ``nonfinite``;
        ``whole``, the elements in C order, of a small array; ``histogram`` of a large one;
        ``pictures``. All of it can be written as JSON.
    """
    values = np.asarray(array, np.float64)
    finite = values[np.isfinite(values)]
    found: dict[str, Any] = {"nonfinite": int(values.size - finite.size)}
    largest = float(np.abs(finite).max(initial=0))
    unit = finite / (largest or 1.0)  # sums and widths of the largest numbers would overflow
    if finite.size:
        found |= {
            "mean": short(largest * unit.mean()),
            "min": short(finite.min()),
            "max": short(finite.max()),
            "rms": short(measure(finite).rms),
        }
    if array.size <= WHOLE:
        found["whole"] = [short(v) for v in values.ravel().tolist()]
    elif finite.size and np.ptp(unit) > _SAME:
        found["histogram"] = np.histogram(unit, _BINS)[0].tolist()
    if picture is not None and finite.size and np.ptp(unit) > _SAME:
        found["pictures"] = _pictures(values, picture)
    return found


def picture_shape(shape: tuple[int, ...], sample: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the height and width of the pictures in an array, None if it holds none.

    Args:
        shape: of the array.
        sample: shape of one sample of the graph's input. Rows of as many numbers as a square
            picture has are pictures, and so are channels of pictures.
    """
    if len(shape) == 4 and min(shape[2:]) >= _LEAST_SIDE:
        return shape[2:]
    side = math.isqrt(math.prod(sample))
    if len(shape) == 2 and side >= _LEAST_SIDE and shape[1] == side * side == math.prod(sample):
        return (side, side)
    return None


def _pictures(values: Array, shape: tuple[int, ...]) -> dict[str, Any]:
    """Pack the first few pictures: one byte a pixel from ``low`` (0) to ``high`` (255).

    Signed values get a range that has 0 in its middle.
    """
    if values.ndim == 4:  # samples of one channel, or the channels of the first sample
        values = values[:, 0] if values.shape[1] == 1 else values[0]
    few = values.reshape(-1, *shape)[:_PICTURES]
    finite = np.where(np.isfinite(few), few, 0)
    largest = float(np.abs(finite).max()) or 1.0
    unit = finite / largest
    low, high = float(unit.min()), float(unit.max())
    is_signed = low < 0
    if is_signed:
        low, high = -max(-low, high), max(-low, high)
    pixels = np.rint((unit - low) * (255 / ((high - low) or 1.0))).astype(np.uint8)
    return {
        "count": len(few),
        "height": shape[0],
        "width": shape[1],
        "signed": is_signed,
        "low": short(largest * low),
        "high": short(largest * high),
        "pixels": base64.b64encode(pixels.tobytes()).decode(),
    }


def short(value: float) -> float | int | str:
    """Round to seven digits; what JSON can't say becomes a word."""
    value = float(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    rounded = float(f"{value:.7g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded
