"""NumPy's own files, ``.npy`` and ``.npz``; and arrays written to them, or to tables."""

from __future__ import annotations

import csv
import math
import os
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_ae.data.bounds import refuse_promise, refuse_special, refuse_too_large
from tinygrad_ae.data.raw import Raw, check, described
from tinygrad_ae.data.reading import Reading, shown
from tinygrad_ae.errors import DataError
from tinygrad_ae.util.files import atomic

SAMPLES = ("x", "X", "images", "data")
LABELS = ("y", "labels", "label")
WRITTEN = (".npy", ".npz", ".csv")
"""The suffixes that ``write`` knows."""


def read_npy(path: Path) -> Raw:
    """Read samples, shape (n, ...), from a ``.npy`` file.

    Raises:
        DataError: the file is missing, damaged or cut short, or holds no real numbers.
    """
    shape, _, dtype, _ = _header(path)
    refuse_too_large(path, math.prod(shape) * dtype.itemsize)
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:
        raise _damaged(path, error) from error
    return Raw(array, None, where=str(path))


class NpyFile:
    """A ``.npy`` file whose samples are read when they are asked for, however many there are.

    (Mapping it would be less code, but what was read stays in the process's memory as long as
    there is room for it, and the whole file counts as its address space.)

    Args:
        path: of the file.

    Raises:
        DataError: the file is missing, damaged or cut short, or holds no real numbers.
    """

    def __init__(self, path: Path) -> None:
        self.shape, fortran, self.dtype, self._start = _header(path)
        check(self.shape, self.dtype, str(path))
        self.columns: tuple[str, ...] = ()  # has neither names for them
        self.labels: NDArray[Any] | None = None  # nor labels
        self.reading = Reading(f"an array, shape {self.shape}, {self.dtype}; no labels")
        self._path, self._scattered = path, None
        if fortran and len(self.shape) > 1:  # a sample lies scattered over the whole file
            self._scattered = np.load(path, mmap_mode="r")

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        """Read some of the samples, shape (k, ...)."""
        if self._scattered is not None:
            return np.asarray(self._scattered[rows])
        start, stop, _ = rows.indices(len(self))
        size = math.prod(self.shape[1:])
        count = max(0, stop - start) * size
        offset = self._start + start * size * self.dtype.itemsize
        array = np.fromfile(self._path, self.dtype, count, offset=offset)
        return array.reshape(-1, *self.shape[1:])


def _header(path: Path) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Return what a ``.npy`` file says: shape, whether in Fortran's order, type; where it begins.

    Raises:
        DataError: it is missing, damaged, or holds less than it says.
    """
    refuse_special(path)
    try:
        with open(path, "rb") as file:
            shape, fortran, dtype = _described(file)
            start = file.tell()
            room = file.seek(0, os.SEEK_END) - start
        if room < math.prod(shape) * dtype.itemsize:
            raise ValueError("it is shorter than its header says")
    except Exception as error:  # damaged headers reach Python's tokenizer, with errors of its own
        raise _damaged(path, error) from error
    return shape, fortran, dtype, start


def _described(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    read = {(1, 0): np.lib.format.read_array_header_1_0}
    read[(2, 0)] = np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read[np.lib.format.read_magic(file)](file)
    if dtype.hasobject:
        raise ValueError("object")
    if min(shape, default=0) < 0:
        raise ValueError(f"its header says the shape {shape}")
    return shape, fortran, dtype


def read_npz(path: Path) -> dict[str, Raw]:
    """Read an ``.npz`` file of samples, or of their splits.

    Samples are the array ``x`` (or ``X``, ``images``, ``data``; or the only one there is), with
    labels in ``y`` (or ``labels``, ``label``) if there are any. Splits are ``x_train`` (or
    ``train``), and likewise ``validation`` and ``test`` where they are there, with labels in
    ``y_train`` and so on.

    Raises:
        DataError: the file is missing or damaged, or has arrays of other names.
    """
    with _Archive(path) as arrays:
        return _parts(path, arrays)


def _parts(path: Path, arrays: _Archive) -> dict[str, Raw]:
    parts = {}
    for split in ("train", "validation", "test"):
        key = _key(path, arrays, (split, f"x_{split}"))
        if key is not None:
            label = _key(path, arrays, (f"y_{split}",))
            parts[split] = _raw(arrays, key, label, f"{path} ({split})")
    if "train" in parts:
        _refuse_other_splits(path, arrays, parts)
        return parts
    key = _key(path, arrays, SAMPLES)
    if key is None and len(arrays.names) == 1:
        (key,) = arrays.names
    if key is None or parts:
        raise DataError(
            f"{path} holds the arrays {shown(arrays.names) or '(none)'}; expected x (with y for "
            "labels), or x_train, x_validation and x_test (with y_train, ...). Save it with such "
            "names, as in numpy.savez(file, x=samples)."
        )
    return {"train": _raw(arrays, key, _key(path, arrays, LABELS), str(path))}


def _raw(arrays: _Archive, key: str, label: str | None, where: str) -> Raw:
    x, y = arrays[key], None if label is None else arrays[label]
    return Raw(x, y, where, kind=described(f"array {key}", x), label_kind=f"in {label}")


def _refuse_other_splits(path: Path, arrays: _Archive, splits: Iterable[str]) -> None:
    """Refuse what would be left out unnoticed, such as a split that is called otherwise."""
    others = {*arrays.names} - {name for s in splits for name in (s, f"x_{s}", f"y_{s}")}
    if others:
        raise DataError(
            f"{path} holds x_train, but also {shown(sorted(others))}, which would not be used. "
            "Splits are x_train, x_validation and x_test (with y_train, ...): rename these arrays, "
            "or leave them out."
        )


class _Archive:
    """An ``.npz`` file whose arrays are read when they are asked for, and no others.

    Attributes:
        names: of the arrays.
    """

    def __init__(self, path: Path) -> None:
        refuse_special(path)
        self._path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except Exception as error:  # damaged files raise what they like
            raise _damaged(path, error) from error
        self._members = {
            member.filename.removesuffix(".npy"): member
            for member in self._zip.infolist()
            if member.filename.endswith(".npy")
        }
        self.names = [*self._members]

    def __enter__(self) -> _Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def __getitem__(self, name: str) -> NDArray[Any]:
        member = self._members[name]
        where = f"{self._path} ({name})"
        try:
            with self._zip.open(member) as file:
                shape, fortran, dtype = _described(file)
                size = math.prod(shape) * dtype.itemsize
                if size > member.file_size:
                    raise ValueError(f"{name} is shorter than its header says")
                refuse_promise(where, member.file_size, member.compress_size)
                data = file.read(size)
            if len(data) < size:
                raise ValueError(f"{name} is cut short")
            flat = np.frombuffer(data, dtype)
            return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)
        except DataError:
            raise
        except Exception as error:  # as above
            raise _damaged(self._path, error) from error


def _key(path: Path, arrays: _Archive, keys: Iterable[str]) -> str | None:
    found = [key for key in keys if key in arrays.names]
    if len(found) > 1:
        raise DataError(f"{path} holds both {found[0]} and {found[1]}; keep the one that is meant.")
    return found[0] if found else None


def _damaged(path: Path, error: BaseException) -> DataError:
    if "object" in str(error).lower():
        return DataError(
            f"{path} holds Python objects, not numbers; they are not read, because loading them "
            "could run code. Save an array of numbers of one shape."
        )
    return DataError(
        f"{path} cannot be read as NumPy's {path.suffix} ({error}): it is missing, damaged, cut "
        "short or something else. Save it again with numpy.save or numpy.savez."
    )


def write(
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
