"""Pictures in files, read with Pillow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_ae.data import folders
from tinygrad_ae.data.raw import Raw
from tinygrad_ae.errors import DataError, require

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm")

# Pillow's modes: those whose numbers are brightness, and what the others are turned into.
_DIRECT = ("L", "RGB", "RGBA", "I;16")
_CONVERTED = {"1": "L", "P": "RGB"}


def read(path: Path) -> Raw:
    """Read one picture: shape (1, h, w) for grey, (1, h, w, 3) for RGB, (1, h, w, 4) for RGBA.

    Raises:
        DataError: the file cannot be read as a picture, or its colours are of another kind.
        MissingExtra: Pillow is not installed.
    """
    x = _pixels(path)
    kind = f"a picture, {_describe(x)}"
    return Raw(x[None], None, where=str(path), names=(path.name,), kind=kind)


def read_folder(folder: Path) -> dict[str, Raw]:
    """Read a folder of pictures, labelled and split as ``folders.find`` describes.

    Raises:
        DataError: there are no pictures, they differ in size or colours, or one is unreadable.
        MissingExtra: Pillow is not installed.
    """
    found = folders.find(folder, SUFFIXES, "pictures")
    return {split: _read(files) for split, files in found.items()}


def _read(files: folders.Files) -> Raw:
    paths = files.paths
    first = _pixels(paths[0])
    x = np.empty((len(paths), *first.shape), first.dtype)
    for i, path in enumerate(paths):
        pixels = _pixels(path)
        if pixels.shape != first.shape or pixels.dtype != first.dtype:
            raise DataError(
                f"The pictures in {files.folder} differ: {paths[0].name} is {_describe(first)}, "
                f"but {path.name} is {_describe(pixels)}. Bring them all to one size and one kind "
                "of colour."
            )
        x[i] = pixels
    y = None if files.labels is None else np.array(files.labels)
    kind = f"{len(x):,} picture{'s' * (len(x) != 1)}, {_describe(first)}"
    return Raw(
        x, y, where=str(files.folder), names=files.names, kind=kind, label_kind=files.label_kind
    )


def _pixels(path: Path) -> NDArray[Any]:
    pillow = require("PIL.Image", extra="all", purpose="Reading pictures")
    ops = require("PIL.ImageOps", extra="all", purpose="Reading pictures")
    try:
        with pillow.open(path) as image:
            upright = ops.exif_transpose(image)  # a camera stores how it was held beside the pixels
            upright = upright.convert(_CONVERTED.get(upright.mode, upright.mode))
    # Pillow's decoders raise what they like on damaged files.
    except Exception as error:
        raise DataError(
            f"{path} cannot be read as a picture ({error}): it is missing, damaged, cut short or "
            "of another format. Save it again, as PNG for example."
        ) from error
    if upright.mode not in _DIRECT:
        raise DataError(
            f"{path} has colours of Pillow's mode {upright.mode!r}; expected grey (L, or I;16), "
            "RGB or RGBA. Convert it to one of these."
        )
    return np.asarray(upright)


def _describe(pixels: NDArray[Any]) -> str:
    height, width, *channels = pixels.shape
    colour = {(): "grey", (3,): "RGB", (4,): "RGBA"}[tuple(channels)]
    return f"{width} × {height} {colour} ({pixels.dtype})"
