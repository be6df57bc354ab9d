"""Pictures as arrays of pixels: many set into one, and as the bytes of a PNG file."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import require


def tiled(pictures: NDArray[Any], columns: int, gap: int, fill: float) -> NDArray[Any]:
    """Set pictures of one size, shape (n, height, width, …), into rows of one picture.

    Args:
        pictures: from left to right, then from top to bottom.
        columns: how many stand in a row.
        gap: pixels between two.
        fill: what the gaps hold, and the places that the last row leaves free.
    """
    n, height, width = pictures.shape[:3]
    down, right = height + gap, width + gap
    size = (math.ceil(n / columns) * down - gap, columns * right - gap, *pictures.shape[3:])
    whole = np.full(size, fill, pictures.dtype)
    for i, picture in enumerate(pictures):
        top, left = i // columns * down, i % columns * right
        whole[top : top + height, left : left + width] = picture
    return whole


def png(pixels: NDArray[np.uint8], purpose: str = "Writing pictures") -> bytes:
    """Return a picture, shape (height, width), or with 3 or 4 channels, as a PNG file's content."""
    pillow = require("PIL.Image", extra="all", purpose=purpose)
    file = io.BytesIO()
    pillow.fromarray(pixels).save(file, "PNG", optimize=True)
    return file.getvalue()
