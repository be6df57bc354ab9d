"""Pictures in files, read with Pillow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    return Raw(_pixels(path)[None], None, where=str(path), names=(path.name,))


def read_folder(folder: Path) -> dict[str, Raw]:
    """Read a folder of pictures, in the order of their names.

    Pictures in one level of subfolders are labelled by them: 0, 1, 2, ... in the order of the
    subfolders' names. Where there is a subfolder ``train``, it and ``validation`` and ``test``
    hold the splits instead. Files that are no pictures, and hidden ones, are passed over.

    Raises:
        DataError: there are no pictures, they differ in size or colours, or one is unreadable.
        MissingExtra: Pillow is not installed.
    """
    if (folder / "train").is_dir():
        splits = [folder / name for name in ("train", "validation", "test")]
        classes = _subfolders(folder / "train")
        return {split.name: _read(split, classes) for split in splits if split.is_dir()}
    return {"train": _read(folder, _subfolders(folder))}


def _read(folder: Path, classes: list[str]) -> Raw:
    top = _files(folder)
    found = [name for name in _subfolders(folder) if _files(folder / name)]
    if top and found:
        raise DataError(
            f"{folder} holds pictures both directly ({top[0].name}) and in subfolders "
            f"({found[0]}); put them all directly in it (no labels) or all in subfolders (one for "
            "each label)."
        )
    if unknown := set(found) - set(classes):
        raise DataError(
            f"{folder} has the class folder {min(unknown)!r}, which the training split lacks; its "
            f"classes are {', '.join(classes) or 'none: it has no subfolders'}."
        )
    labelled = [(path, classes.index(name)) for name in found for path in _files(folder / name)]
    paths = top or [path for path, _ in labelled]
    if not paths:
        raise DataError(
            f"{folder} holds no pictures; expected files ending in {', '.join(SUFFIXES)}, in it or "
            "in its subfolders."
        )
    first = _pixels(paths[0])
    x = np.empty((len(paths), *first.shape), first.dtype)
    for i, path in enumerate(paths):
        pixels = _pixels(path)
        if pixels.shape != first.shape or pixels.dtype != first.dtype:
            raise DataError(
                f"The pictures in {folder} differ: {paths[0].name} is {_describe(first)}, but "
                f"{path.name} is {_describe(pixels)}. Bring them all to one size and one kind of "
                "colour."
            )
        x[i] = pixels
    y = None if top else np.array([label for _, label in labelled])
    names = tuple(str(path.relative_to(folder)) for path in paths)
    return Raw(x, y, where=str(folder), names=names)


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


def _files(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    )


def _subfolders(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
