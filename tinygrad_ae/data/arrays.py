"""NumPy's own files, ``.npy`` and ``.npz``; and arrays written to them, or to tables."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from tinygrad_ae.data.raw import Raw, check, described
from tinygrad_ae.data.reading import Reading
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
    try:
        # Mapped, not read: a header that promises more than the file holds is found at once.
        array = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # damaged headers reach Python's tokenizer, with errors of its own
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
        read = {(1, 0): np.lib.format.read_array_header_1_0}
        read[(2, 0)] = np.lib.format.read_array_header_2_0
        try:
            with open(path, "rb") as file:
                self.shape, fortran, self.dtype = read[np.lib.format.read_magic(file)](file)
                self._start = file.tell()
                room = file.seek(0, os.SEEK_END) - self._start
            if self.dtype.hasobject:
                raise ValueError("object")
            if room < math.prod(self.shape) * self.dtype.itemsize:
                raise ValueError("it is shorter than its header says")
        except Exception as error:  # damaged headers raise what they like
            raise _damaged(path, error) from error
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


def read_npz(path: Path) -> dict[str, Raw]:
    """Read an ``.npz`` file of samples, or of their splits.

    Samples are the array ``x`` (or ``X``, ``images``, ``data``; or the only one there is), with
    labels in ``y`` (or ``labels``, ``label``) if there are any. Splits are ``x_train`` (or
    ``train``), and likewise ``validation`` and ``test`` where they are there, with labels in
    ``y_train`` and so on.

    Raises:
        DataError: the file is missing or damaged, or has arrays of other names.
    """
    arrays = _arrays(path)
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
    if key is None and len(arrays) == 1:
        (key,) = arrays
    if key is None or parts:
        raise DataError(
            f"{path} holds the arrays {', '.join(arrays) or '(none)'}; expected x (with y for "
            "labels), or x_train, x_validation and x_test (with y_train, ...). Save it with such "
            "names, as in numpy.savez(file, x=samples)."
        )
    return {"train": _raw(arrays, key, _key(path, arrays, LABELS), str(path))}


def _raw(arrays: dict[str, NDArray[Any]], key: str, label: str | None, where: str) -> Raw:
    x, y = arrays[key], None if label is None else arrays[label]
    return Raw(x, y, where, kind=described(f"array {key}", x), label_kind=f"in {label}")


def _refuse_other_splits(
    path: Path, arrays: dict[str, NDArray[Any]], splits: Iterable[str]
) -> None:
    """Refuse what would be left out unnoticed, such as a split that is called otherwise."""
    others = arrays.keys() - {name for s in splits for name in (s, f"x_{s}", f"y_{s}")}
    if others:
        raise DataError(
            f"{path} holds x_train, but also {', '.join(sorted(others))}, which would not be used. "
            "Splits are x_train, x_validation and x_test (with y_train, ...): rename these arrays, "
            "or leave them out."
        )


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with open(path, "rb") as file, NpzFile(file, allow_pickle=False) as archive:
            return {key: value for key, value in archive.items() if isinstance(value, np.ndarray)}
    except Exception as error:  # as above
        raise _damaged(path, error) from error


def _key(path: Path, arrays: dict[str, NDArray[Any]], keys: Iterable[str]) -> str | None:
    found = [key for key in keys if key in arrays]
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
