"""Tables of numbers in ``.csv`` files: a sample on each line, a feature in each column."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from tinygrad_ae.data.arrays import LABELS
from tinygrad_ae.data.raw import Raw, check
from tinygrad_ae.errors import DataError

_EVERY = 1024  # lines from one place that is remembered to the next


class CsvFile:
    """A table of numbers separated by commas, whose lines are read when they are asked for.

    It is gone through once at the beginning, to check it and to take the labels.

    A first line without any number is a header. The column that it names ``y``, ``label`` or
    ``labels`` holds integer labels and is not a feature.

    Args:
        path: the file, in UTF-8.

    Attributes:
        shape: (lines, features).
        dtype: float64.
        columns: what the header calls the features; empty without one.
        labels: int64, shape (lines,), or None.

    Raises:
        DataError: the file is missing or has no samples, its lines differ in length, or a cell
            holds text, nothing, NaN or infinity; lines and columns are counted from 1.
    """

    def __init__(self, path: Path) -> None:
        self.dtype = np.dtype(np.float64)
        self._path = path
        self._places: list[int] = []  # of every so manieth sample in the file
        header, width, n = None, 0, 0
        labels: list[float] = []
        self._labelled: list[int] = []
        try:
            with self._open() as file:
                reader = csv.reader(iter(file.readline, ""))
                while True:
                    place = file.tell() if n % _EVERY == 0 else 0
                    fields = next(reader, None)
                    if fields is None:
                        break
                    if not fields:  # a blank line is no sample
                        continue
                    if header is None:
                        header = [] if any(map(_is_number, fields)) else fields
                        self._labelled = _label_column(path, header)
                        width = len(fields)
                        if header:
                            continue
                    if len(fields) != width:
                        _refuse_other_separator(path, fields)
                        raise DataError(
                            f"{path}, line {reader.line_num}: found {len(fields)} columns, "
                            f"expected {width} as in the first line. Fill the gap or mend the line."
                        )
                    row = _row(path, reader.line_num, fields, header)
                    labels.extend(row[self._labelled])
                    if n % _EVERY == 0:
                        self._places.append(place)
                    n += 1
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise DataError(
                f"{path} cannot be read as a table ({error}); give a file of text in UTF-8 with "
                "commas between the columns."
            ) from error
        self.shape = (n, width - len(self._labelled))
        check(self.shape, self.dtype, str(path))
        names = [name.strip().lower() for name in header or []]
        self.columns = tuple(np.delete(names, self._labelled).tolist())
        self.labels = (
            _whole(path, names[self._labelled[0]], np.array(labels)) if self._labelled else None
        )

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> NDArray[np.float64]:
        """Read some of the samples, shape (k, features)."""
        start, stop, _ = rows.indices(len(self))
        if start >= stop:
            return np.empty((0, self.shape[1]))
        before = start % _EVERY
        with self._open() as file:
            file.seek(self._places[start // _EVERY])
            table = np.loadtxt(
                filter(str.strip, file), delimiter=",", comments=None, quotechar='"', ndmin=2,
                max_rows=before + stop - start,
            )  # fmt: skip
        return np.delete(table[before:], self._labelled, axis=1)

    def _open(self) -> TextIO:
        return open(self._path, encoding="utf-8-sig", newline="")


def read_csv(path: Path) -> Raw:
    """Read a table of numbers separated by commas, see ``CsvFile``."""
    file = CsvFile(path)
    return Raw(file[:], file.labels, where=str(path), columns=file.columns)


def feature_names(path: Path) -> tuple[str, ...] | None:
    """Return what the header of a ``.csv`` file calls the features; None if there is none."""
    if path.suffix.lower() != ".csv":
        return None
    with open(path.expanduser(), encoding="utf-8-sig", newline="") as file:
        header: list[str] = next(filter(None, csv.reader(file)), [])
    if any(map(_is_number, header)):
        return None
    return tuple(name for name in header if name.strip().lower() not in LABELS)


def _row(path: Path, line: int, fields: list[str], header: list[str]) -> NDArray[np.float64]:
    try:
        row = np.fromiter(map(float, fields), np.float64, len(fields))
        if np.isfinite(row).all():
            return row
    except ValueError:
        pass
    _refuse_other_separator(path, fields)
    column, field = next((i, f) for i, f in enumerate(fields, 1) if not _is_number(f, finite=True))
    problem = "the cell is empty" if not field.strip() else f"{field!r} is not a finite number"
    named = f" ({header[column - 1].strip()})" if header else ""
    if named[2:-1].lower() in LABELS:
        raise _labels_error(path, f"line {line} has {field!r}")
    raise DataError(
        f"{path}, line {line}, column {column}{named}: {problem}. Every cell below the header must "
        "hold a number, with commas between the columns; fill the gaps, or remove those lines or "
        "that column."
    )


def _refuse_other_separator(path: Path, fields: list[str]) -> None:
    for separator, name in ((";", "';'"), ("\t", "a tab")):
        if any(separator in field for field in fields):
            raise DataError(
                f"{path} has {name} between its columns; expected commas, and points in numbers. "
                "Save it so (in pandas: to_csv(..., index=False))."
            )


def _label_column(path: Path, header: list[str]) -> list[int]:
    """Return which column holds labels, as a list of one or none."""
    names = [name.strip().lower() for name in header]
    if "" in names:
        raise DataError(
            f"{path}: column {names.index('') + 1} has no name in the header, so it may be a "
            "numbering of the lines and not a feature. Name it or remove it "
            "(in pandas: to_csv(..., index=False))."
        )
    labels = [i for i, name in enumerate(names) if name in LABELS]
    if len(labels) > 1:
        raise _labels_error(path, " and ".join(repr(header[i]) for i in labels) + " are named so")
    return labels


def _whole(path: Path, name: str, y: NDArray[np.float64]) -> NDArray[np.int64]:
    if (y % 1).any():
        raise _labels_error(path, f"{name!r} has others")
    return y.astype(np.int64)


def _labels_error(path: Path, problem: str) -> DataError:
    return DataError(
        f"{path}: the labels must be one column of whole numbers, but {problem}. Number the "
        "classes 0, 1, 2, ...; rename what is no label."
    )


def _is_number(field: str, *, finite: bool = False) -> bool:
    try:
        number = float(field)
    except ValueError:
        return False
    return math.isfinite(number) or not finite
