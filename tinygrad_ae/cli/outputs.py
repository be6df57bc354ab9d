"""Files the commands write: arrays, sheets of pictures, folders of pictures."""

from __future__ import annotations

import csv
import math
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data import Recording, audio
from ..errors import UserError, require
from ..util.files import atomic

ARRAYS = (".npy", ".npz", ".csv")
SHEET = ".png"
SOUND = ".wav"
_COLUMNS, _GAP, _PIXELS = 16, 4, 1200  # of a sheet: pictures in a row, space, largest width
SHOWN = 96  # pictures on a sheet; more would have to be scrolled
_WAV = 2**32 - 64  # bytes that a file's header can count


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
    """Return where samples go: a file of arrays, pictures or sound, or a new folder.

    Raises:
        UserError: the suffix names no known format, the folder is not empty, or the source would
            be overwritten.
    """
    path = Path(out)
    known = (*ARRAYS, SHEET, SOUND)
    if path.suffix in known:
        return _sparing(path, source)
    if path.suffix:
        raise UserError(
            f"{out} must end in {', '.join(known)}, which chooses the format, or have no suffix: "
            "then it is a folder of pictures or sounds."
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
    path: Path,
    parts: Iterable[NDArray[Any]],
    n: int,
    *,
    key: str,
    columns: Sequence[str] | None = None,
) -> None:
    """Write an array: as it is to .npy, under ``key`` to .npz, as rows with a header to .csv.

    Args:
        path: of the file, which appears when all is written.
        parts: the array's rows in batches, written as they come (to .npz: when all are there).
        n: its rows in all.
        key: its name.
        columns: of a table; numbers without.
    """
    with atomic(path) as temporary:
        if path.suffix == ".npy":
            _write_npy(temporary, parts, n)
        elif path.suffix == ".npz":
            arrays: dict[str, Any] = {key: np.concatenate(list(parts))}
            np.savez_compressed(temporary, **arrays)
        else:
            with open(temporary, "w", encoding="utf-8", newline="") as file:
                for i, part in enumerate(parts):
                    rows = part.reshape(len(part), -1)
                    if i == 0:
                        names = columns or [f"{key[0]}{i}" for i in range(rows.shape[1])]
                        csv.writer(file, lineterminator="\n").writerow(names)
                    np.savetxt(file, rows, fmt="%.9g", delimiter=",")


def _write_npy(path: Path, parts: Iterable[NDArray[Any]], n: int) -> None:
    with open(path, "wb") as file:
        for i, part in enumerate(parts):
            if i == 0:
                header = {
                    "descr": np.lib.format.dtype_to_descr(part.dtype),
                    "fortran_order": False,
                    "shape": (n, *part.shape[1:]),
                }
                np.lib.format.write_array_header_1_0(file, header)
            file.write(np.ascontiguousarray(part).data)


Restored = Iterable[tuple[Recording, Iterable[NDArray[Any]]]]  # a recording, values for it


def write_recordings(
    target: Path,
    recordings: Sequence[Recording],
    restored: Restored,
    columns: Sequence[str] | None,
) -> None:
    """Write recordings: to a sound file or a folder of such, or as an array of values by time.

    Args:
        target: of the file or folder.
        recordings: as they are in length, rate and name.
        restored: each with the values to write, stretches that follow each other.
        columns: what a table calls its channels; numbers without.

    Raises:
        UserError: there are several where one has room.
    """
    if not target.suffix:
        return write_sounds(target, recordings, restored)
    lengths = {len(recording) for recording in recordings}
    if len(recordings) > 1 and (target.suffix in (SOUND, ".csv") or len(lengths) > 1):
        raise UserError(
            f"{len(recordings)} recordings do not fit into one {target.suffix} file; give a name "
            "without suffix, for a folder of .wav files."
        )
    if target.suffix == SOUND:
        return write_sound(target, *next(iter(restored)))
    if len(recordings) == 1:
        _, parts = next(iter(restored))
        return write_array(target, parts, len(recordings[0]), key="x", columns=columns)
    parts = (np.concatenate(list(stretches))[None] for _, stretches in restored)
    return write_array(target, parts, len(recordings), key="x")


def write_sounds(folder: Path, sounds: Sequence[Recording], restored: Restored) -> None:
    """Write each recording as a WAV file named as it was; the folder appears when all are written.

    Raises:
        UserError: a recording has no rate.
    """
    names = [Path(sound.where).name for sound in sounds]
    if len(set(names)) != len(sounds):  # from several subfolders
        names = ["-".join(Path(sound.where).parts[-2:]) for sound in sounds]
    with _new_folder(folder) as temporary:
        for name, (sound, parts) in zip(names, restored, strict=True):
            write_sound(temporary / name, sound, parts)


def write_sound(path: Path, sound: Recording, parts: Iterable[NDArray[Any]]) -> None:
    """Write values for a recording as a WAV file.

    Raises:
        UserError: it has no rate, or is too long.
    """
    if sound.sample_rate is None:
        raise UserError(
            f"{sound.where} is not known to be sound: how many values there are in a second was "
            f"not given (--sample-rate). Write it to a file ending in {', '.join(ARRAYS)}."
        )
    if 2 * len(sound) * sound.channels > _WAV:
        raise UserError(
            f"{sound.where} is too long for a .wav file, which holds 4 GB at most. Write it to a "
            "file ending in .npy."
        )
    audio.write_stretches(path, parts, sound.sample_rate)


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder that becomes ``folder`` when the block succeeds."""
    temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
    try:
        yield temporary
        temporary.chmod(0o755)
        os.replace(temporary, folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def write_pictures(
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
    pictures = (picture for x in parts for picture in _pixels(x, shape))
    with _new_folder(folder) as temporary:
        for stem, picture in zip(stems, pictures, strict=True):
            path = temporary / f"{stem}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            _image(picture).save(path)


def pick(parts: Iterable[NDArray[Any]], rows: NDArray[np.int64]) -> NDArray[Any]:
    """Return some rows of batches, in their order, and go through the others."""
    kept: list[NDArray[Any]] = []
    start = 0
    for part in parts:
        kept.append(part[rows[(rows >= start) & (rows < start + len(part))] - start])
        start += len(part)
    return np.concatenate(kept)


def write_sheet(path: Path, rows: Sequence[NDArray[Any]], shape: Sequence[int]) -> int:
    """Write samples side by side into one picture; return how many there was room for.

    Args:
        path: of the PNG file.
        rows: samples with values in 0...1, shape (n, d); several such arrays stand below each
            other, sample by sample.
        shape: of one sample.
    """
    cells = np.concatenate([_pixels(x[:SHOWN], shape) for x in rows], axis=1)
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
    if not (len(shape) == 2 or (len(shape) == 3 and shape[2] in (3, 4) and shape[1] > 1)):
        raise UserError(
            f"Samples of shape {tuple(shape)} are no pictures; write them to a file ending in "
            f"{', '.join(ARRAYS)} (sound: {SOUND})."
        )
    pixels: NDArray[np.uint8] = np.rint(np.clip(x, 0, 1) * 255).astype(np.uint8)
    return pixels.reshape(-1, *shape)


def _image(pixels: NDArray[np.uint8]) -> Any:
    return require("PIL.Image", extra="all", purpose="Writing pictures").fromarray(pixels)
