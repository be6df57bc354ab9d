"""Pictures in files, read and written with Pillow."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_ae.data import arrays, folders
from tinygrad_ae.data.bounds import refuse_too_large
from tinygrad_ae.data.raw import Raw
from tinygrad_ae.errors import DataError, require
from tinygrad_ae.util.files import atomic, atomic_folder
from tinygrad_ae.util.pixels import tiled

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm")

# Pillow's modes: those whose numbers are brightness, and what the others are turned into.
_DIRECT = ("L", "RGB", "RGBA", "I;16")
_CONVERTED = {"1": "L", "P": "RGB"}

LARGEST = 2**24
"""Pixels of a picture at most."""

ON_SHEET = 96  # pictures on a sheet; more would have to be scrolled
_COLUMNS, _GAP, _WIDEST = 16, 4, 1200  # of a sheet: pictures in a row, space, largest width


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
    refuse_too_large(files.folder, len(paths) * first.nbytes)
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
        x, y, where=str(files.folder), names=files.names, kind=kind, label_kind=files.label_kind,
        classes=() if y is None else files.classes,
    )  # fmt: skip


def _pixels(path: Path) -> NDArray[Any]:
    pillow = require("PIL.Image", extra="all", purpose="Reading pictures")
    ops = require("PIL.ImageOps", extra="all", purpose="Reading pictures")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pillow.DecompressionBombWarning)  # of our limit, below
            image = pillow.open(path)
        with image:
            if image.width * image.height > LARGEST:
                raise DataError(
                    f"{path} is {image.width:,} × {image.height:,}; a picture to learn from has "
                    f"{LARGEST:,} pixels at most. Make it smaller, or cut it into parts."
                )
            upright = ops.exif_transpose(image)  # a camera stores how it was held beside the pixels
            upright = upright.convert(_CONVERTED.get(upright.mode, upright.mode))
    except DataError:
        raise
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


def write_folder(
    folder: Path,
    parts: Iterable[NDArray[Any]],
    n: int,
    shape: Sequence[int],
    names: Sequence[str] | None,
) -> None:
    """Write each sample as a PNG file; the folder appears when all are written.

    Args:
        folder: a new one.
        parts: samples with values in 0...1, shape (n, d), in batches.
        n: how many there are.
        shape: of one sample.
        names: what the samples came from; numbers without.
    """
    stems = [str(Path(name).with_suffix("")) for name in names or ()]
    if len(set(stems)) != n:
        width = len(str(n - 1))
        stems = [f"{i:0{width}}" for i in range(n)]
    pictures = (picture for x in parts for picture in _as_pixels(x, shape))
    with atomic_folder(folder) as temporary:
        for stem, picture in zip(stems, pictures, strict=True):
            path = temporary / f"{stem}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            _image(picture).save(path)


def write_sheet(path: Path, rows: Sequence[NDArray[Any]], shape: Sequence[int]) -> int:
    """Write samples side by side into one picture; return how many there was room for.

    Args:
        path: of the PNG file.
        rows: samples with values in 0...1, shape (n, d); several such arrays stand below each
            other, sample by sample.
        shape: of one sample.
    """
    cells = np.concatenate([_as_pixels(x[:ON_SHEET], shape) for x in rows], axis=1)
    inner = tiled(cells, min(_COLUMNS, len(cells)), _GAP, 255)
    margins = [(_GAP, _GAP), (_GAP, _GAP), (0, 0)][: inner.ndim]
    sheet = np.pad(inner, margins, constant_values=255)
    zoom = max(1, min(4, _WIDEST // sheet.shape[1]))
    image = _image(sheet)
    image = image.resize((image.width * zoom, image.height * zoom), resample=0)  # 0: nearest
    with atomic(path) as temporary:
        image.save(temporary)
    return len(cells)


def _as_pixels(x: NDArray[Any], shape: Sequence[int]) -> NDArray[np.uint8]:
    if not (len(shape) == 2 or (len(shape) == 3 and shape[2] in (3, 4) and shape[1] > 1)):
        raise DataError(
            f"Samples of shape {tuple(shape)} are no pictures; write them to a file ending in "
            f"{', '.join(arrays.WRITTEN)} (sound: .wav)."
        )
    pixels: NDArray[np.uint8] = np.rint(np.clip(x, 0, 1) * 255).astype(np.uint8)
    return pixels.reshape(-1, *shape)


def _image(pixels: NDArray[np.uint8]) -> Any:
    return require("PIL.Image", extra="all", purpose="Writing pictures").fromarray(pixels)
