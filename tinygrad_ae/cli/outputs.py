"""Files the commands write: arrays, sheets of pictures, folders of pictures."""

from __future__ import annotations

import csv
import math
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError, require
from ..files import atomic

ARRAYS = (".npy", ".npz", ".csv")
SHEET = ".png"
_COLUMNS, _GAP, _PIXELS = 16, 4, 1200  # of a sheet: pictures in a row, space, largest width
_SHOWN = 96  # pictures on a sheet; more would have to be scrolled


def array_target(out: str, source: str) -> Path:
    """Return where an array goes that is made from ``source``.

    Raises:
        UserError: the suffix names no known format, the folder does not exist, or the source
            would be overwritten.
    """
    path = Path(out)
    if path.suffix not in ARRAYS:
        raise UserError(f"{out} must end in {', '.join(ARRAYS)}: the suffix chooses the format.")
    return _sparing(path, source)


def sample_target(out: str, source: str) -> Path:
    """Return where samples go: a file of arrays or pictures, or a new folder of pictures.

    Raises:
        UserError: the suffix names no known format, the folder is not empty, or the source would
            be overwritten.
    """
    path = Path(out)
    if path.suffix in (*ARRAYS, SHEET):
        return _sparing(path, source)
    if path.suffix:
        raise UserError(
            f"{out} must end in {', '.join((*ARRAYS, SHEET))}, which chooses the format, or have "
            "no suffix: then it is a folder of pictures."
        )
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UserError(f"{out} exists already and is not empty. Choose another folder.")
    return in_existing_folder(path)


def in_existing_folder(path: Path) -> Path:
    """Return the path of a file to be, in a folder that is there.

    Raises:
        UserError: it is not.
    """
    if not path.parent.is_dir():
        raise UserError(f"The folder {path.parent} does not exist. Make it, or choose another.")
    return path


def _sparing(path: Path, source: str) -> Path:
    """Return the path of a file to be that overwrites nothing of the source."""
    given = Path(source).expanduser()
    is_read = (
        path.exists()
        and given.exists()
        and (path.samefile(given) or given.resolve() in path.resolve().parents)
    )
    if is_read:
        raise UserError(f"{path} is what is to be read: choose another file for the result.")
    return in_existing_folder(path)


@contextmanager
def writing(path: Path) -> Iterator[str]:
    """Yield how to report a file that is written inside: whether it replaces one.

    Raises:
        UserError: it cannot be written, said by the name that the user gave.
    """
    report = f"{path} (replaced)" if path.is_file() else str(path)
    try:
        yield report
    except OSError as error:
        raise UserError(f"{path} cannot be written: {reason(error)}.") from error


def reason(error: OSError) -> str:
    """Return why something cannot be written, without the name of a temporary file."""
    return error.strerror or f"the disk took only a part of it ({error}); it may be full"


def write_array(
    path: Path, array: NDArray[Any], *, key: str, columns: Sequence[str] | None = None
) -> None:
    """Write an array: as it is to .npy, under ``key`` to .npz, as rows with a header to .csv."""
    with atomic(path) as temporary:
        if path.suffix == ".npy":
            np.save(temporary, array)
        elif path.suffix == ".npz":
            arrays: dict[str, Any] = {key: array}
            np.savez_compressed(temporary, **arrays)
        else:
            rows = array.reshape(len(array), -1)
            with open(temporary, "w", encoding="utf-8", newline="") as file:
                names = columns or [f"{key[0]}{i}" for i in range(rows.shape[1])]
                csv.writer(file, lineterminator="\n").writerow(names)
                np.savetxt(file, rows, fmt="%.9g", delimiter=",")


def write_pictures(
    folder: Path, x: NDArray[Any], shape: Sequence[int], names: Sequence[str] | None
) -> None:
    """Write each sample as a PNG file; the folder appears when all are written.

    Args:
        folder: a new one.
        x: samples with values in 0...1, shape (n, d).
        shape: of one sample.
        names: what the samples came from; numbers without.
    """
    pixels = _pixels(x, shape)
    stems = [str(Path(name).with_suffix("")) for name in names or ()]
    if len(set(stems)) != len(pixels):
        width = len(str(len(pixels) - 1))
        stems = [f"{i:0{width}}" for i in range(len(pixels))]
    temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
    try:
        for stem, picture in zip(stems, pixels, strict=True):
            path = temporary / f"{stem}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            _image(picture).save(path)
        temporary.chmod(0o755)
        os.replace(temporary, folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def write_sheet(path: Path, rows: Sequence[NDArray[Any]], shape: Sequence[int]) -> int:
    """Write samples side by side into one picture; return how many there was room for.

    Args:
        path: of the PNG file.
        rows: samples with values in 0...1, shape (n, d); several such arrays stand below each
            other, sample by sample.
        shape: of one sample.
    """
    cells = np.concatenate([_pixels(x[:_SHOWN], shape) for x in rows], axis=1)
    height, width = cells.shape[1:3]
    columns = min(_COLUMNS, len(cells))
    lines = math.ceil(len(cells) / columns)
    sheet = np.full(
        (lines * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP, *cells.shape[3:]),
        255,
        np.uint8,
    )
    for i, cell in enumerate(cells):
        top = _GAP + i // columns * (height + _GAP)
        left = _GAP + i % columns * (width + _GAP)
        sheet[top : top + height, left : left + width] = cell
    zoom = max(1, min(4, _PIXELS // sheet.shape[1]))
    image = _image(sheet)
    image = image.resize((image.width * zoom, image.height * zoom), resample=0)  # 0: nearest
    with atomic(path) as temporary:
        image.save(temporary)
    return len(cells)


def _pixels(x: NDArray[Any], shape: Sequence[int]) -> NDArray[np.uint8]:
    if not (len(shape) == 2 or (len(shape) == 3 and shape[2] in (3, 4))):
        raise UserError(
            f"Samples of shape {tuple(shape)} are no pictures; write them to a file ending in "
            f"{', '.join(ARRAYS)}."
        )
    pixels: NDArray[np.uint8] = np.rint(np.clip(x, 0, 1) * 255).astype(np.uint8)
    return pixels.reshape(-1, *shape)


def _image(pixels: NDArray[np.uint8]) -> Any:
    return require("PIL.Image", extra="all", purpose="Writing pictures").fromarray(pixels)
