"""Tables of numbers in ``.csv`` files: a sample on each line, a feature in each column."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinygrad_ae.data.arrays import LABELS
from tinygrad_ae.data.raw import Raw
from tinygrad_ae.errors import DataError


def read_csv(path: Path) -> Raw:
    """Read a table of numbers separated by commas.

    A first line without any number is a header. The column that it names ``y``, ``label`` or
    ``labels`` holds integer labels and is not a feature.

    Args:
        path: the file, in UTF-8.

    Returns:
        float64 samples, shape (lines, features).

    Raises:
        DataError: the file is missing or has no samples, its lines differ in length, or a cell
            holds text, nothing, NaN or infinity; lines and columns are counted from 1.
    """
    header, rows = None, []
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            for fields in filter(None, reader):  # a blank line is no sample
                if header is None:
                    header = [] if any(map(_is_number, fields)) else fields
                    width = len(fields)
                    if header:
                        continue
                if len(fields) != width:
                    _refuse_other_separator(path, fields)
                    raise DataError(
                        f"{path}, line {reader.line_num}: found {len(fields)} columns, expected "
                        f"{width} as in the first line. Fill the gap or mend the line."
                    )
                rows.append(_row(path, reader.line_num, fields))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{path} cannot be read as a table ({error}); give a file of text in UTF-8 with "
            "commas between the columns."
        ) from error
    return _labelled(path, header or [], np.array(rows))


def feature_names(path: Path) -> tuple[str, ...] | None:
    """Return what the header of a ``.csv`` file calls the features; None if there is none."""
    if path.suffix.lower() != ".csv":
        return None
    with open(path.expanduser(), encoding="utf-8-sig", newline="") as file:
        header: list[str] = next(filter(None, csv.reader(file)), [])
    if any(map(_is_number, header)):
        return None
    return tuple(name for name in header if name.strip().lower() not in LABELS)


def _row(path: Path, line: int, fields: list[str]) -> NDArray[np.float64]:
    try:
        row = np.fromiter(map(float, fields), np.float64, len(fields))
        if np.isfinite(row).all():
            return row
    except ValueError:
        pass
    _refuse_other_separator(path, fields)
    column, field = next((i, f) for i, f in enumerate(fields, 1) if not _is_number(f, finite=True))
    problem = "the cell is empty" if not field.strip() else f"{field!r} is not a finite number"
    raise DataError(
        f"{path}, line {line}, column {column}: {problem}. Every cell below the header must hold a "
        "number, with commas between the columns; fill the gaps or remove those lines."
    )


def _refuse_other_separator(path: Path, fields: list[str]) -> None:
    for separator, name in ((";", "';'"), ("\t", "a tab")):
        if any(separator in field for field in fields):
            raise DataError(
                f"{path} has {name} between its columns; expected commas, and points in numbers. "
                "Save it so (in pandas: to_csv(..., index=False))."
            )


def _labelled(path: Path, header: list[str], table: NDArray[np.float64]) -> Raw:
    names = [name.strip().lower() for name in header]
    if "" in names:
        raise DataError(
            f"{path}: column {names.index('') + 1} has no name in the header, so it may be a "
            "numbering of the lines and not a feature. Name it or remove it "
            "(in pandas: to_csv(..., index=False))."
        )
    labels: list[int] = [i for i, name in enumerate(names) if name in LABELS]
    if not labels or not len(table):
        return Raw(table, None, where=str(path), columns=tuple(names))
    y = table[:, labels[0]]
    if len(labels) > 1 or (y % 1).any():
        raise DataError(
            f"{path}: the labels must be one column of whole numbers, but "
            f"{' and '.join(repr(header[i]) for i in labels)} "
            f"{'are named so' if len(labels) > 1 else 'has others'}. Rename what is no label."
        )
    names.pop(labels[0])
    return Raw(
        np.delete(table, labels, axis=1), y.astype(np.int64), str(path), columns=tuple(names)
    )


def _is_number(field: str, *, finite: bool = False) -> bool:
    try:
        number = float(field)
    except ValueError:
        return False
    return math.isfinite(number) or not finite
