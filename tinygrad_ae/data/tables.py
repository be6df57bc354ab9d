"""Tables in ``.csv`` files: a sample (or a time) on each line, a feature in each column."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from tinygrad_ae.data import reading
from tinygrad_ae.data.arrays import LABELS
from tinygrad_ae.data.raw import Raw, check
from tinygrad_ae.data.reading import Layout, Places, Reading, Table, Wanted
from tinygrad_ae.errors import DataError
from tinygrad_ae.util.files import atomic

_EVERY = 1024  # lines from one place that is remembered to the next
_LOOKED_AT = 100  # lines that tell the separator and whether there is a heading


class CsvFile:
    """A table whose layout is known, and whose lines are read when they are asked for.

    It is gone through once at the beginning, to check it and to take the labels. Only the columns
    that the layout learns are looked at, and that of the labels, if it is there.

    Args:
        path: the file, in UTF-8.
        layout: of the table that a model was trained on. The file's columns are found by their
            names; they may stand in another order, with another separator and among others.

    Attributes:
        shape: (lines, features).
        dtype: float64.
        layout: as given.
        columns: what the features are called; empty without a heading.
        labels: int64, shape (lines,), or None.
        reading: what the file is read as.

    Raises:
        DataError: the file is missing or has no samples, columns of the layout are missing, its
            lines differ in length, or a cell holds text, nothing, NaN or infinity; lines and
            columns are counted from 1.
    """

    def __init__(self, path: Path, layout: Layout) -> None:
        self.dtype = np.dtype(np.float64)
        self._path, self.layout = path, layout
        self._separator, places = _place(path, layout)
        self._used = places.used
        self._places: list[int] = []  # of every so manieth sample in the file
        width, n = 0, 0
        labels: list[str] = []
        lines: list[int] = []
        first: NDArray[np.float64] | None = None
        top: tuple[str, ...] = ()
        constant = np.ones(len(self._used), bool)
        with _readable(path), _opened(path) as file:
            reader = csv.reader(iter(file.readline, ""), delimiter=self._separator)
            while True:
                place = file.tell() if n % _EVERY == 0 else 0
                fields = next(reader, None)
                if fields is None:
                    break
                if not fields:  # a blank line is no sample
                    continue
                if not width:
                    width = len(fields)
                    top = tuple(map(str.strip, fields))
                    if places.heading:
                        continue
                _refuse_other_width(path, reader.line_num, fields, width)
                row = self._checked(reader.line_num, fields, places)
                first = row if first is None else first
                constant &= row == first
                if places.label is not None:
                    labels.append(fields[places.label])
                    lines.append(reader.line_num)
                if n % _EVERY == 0:
                    self._places.append(place)
                n += 1
        self.shape = (n, len(self._used))
        check(self.shape, self.dtype, str(path))
        self.columns = layout.headings
        self.labels = None
        if layout.label is not None and any(map(str.strip, labels)):
            self.labels = reading.numbered(str(path), layout.label, layout.classes, labels, lines)
        self.reading = _as_found(
            layout, self._separator, places, None if self.labels is None else labels,
            int(constant.sum()) if n > 1 else 0, top,
        )  # fmt: skip

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> NDArray[np.float64]:
        """Read some of the samples, shape (k, features)."""
        start, stop, _ = rows.indices(len(self))
        if start >= stop:
            return np.empty((0, self.shape[1]))
        before = start % _EVERY
        with _opened(self._path) as file:
            file.seek(self._places[start // _EVERY])
            table = np.loadtxt(
                filter(str.strip, file), delimiter=self._separator, comments=None, quotechar='"',
                ndmin=2, max_rows=before + stop - start, usecols=self._used,
            )  # fmt: skip
        return table[before:]

    def _checked(self, line: int, fields: list[str], places: Places) -> NDArray[np.float64]:
        """Return the cells that are used; raise DataError unless all hold finite numbers."""
        cells = [fields[j] for j in self._used]
        try:
            row = np.fromiter(map(float, cells), np.float64, len(cells))
            if np.isfinite(row).all() and reading.is_plain("".join(cells)):
                return row
        except ValueError:
            pass
        j = next((j for j in self._used if not reading.is_finite(fields[j])), None)
        if j is None:  # all are, written with spaces of another kind
            return row
        raise reading.bad_cell(
            str(self._path), line, j, places.names[j], fields[j], self._separator
        )


def read_csv(path: Path, wanted: Wanted | None = None, layout: Layout | None = None) -> Raw:
    """Read a table of numbers by its layout, or decide what its lines and columns are.

    Commas, semicolons, tabs or bars (``|``) separate the columns: what gives all lines the same
    number of them, most of numbers.

    Args:
        path: the file, in UTF-8.
        wanted: what is not left to the rule of ``tinygrad_ae.data.reading``.
        layout: what was decided before; then nothing else is.

    Raises:
        DataError: the file cannot be read, or what it holds is ambiguous.
    """
    if layout is not None:
        file = CsvFile(path, layout)
        return Raw(
            file[:], file.labels, where=str(path), kind=str(file.reading), table=layout,
            classes=layout.classes,
        )  # fmt: skip
    wanted = wanted or Wanted()
    table = _scan(path, wanted.header)
    layout = reading.decide(table, wanted)
    x = table.values[:, [table.names.index(name) for name in layout.columns]]
    y = None
    if layout.label is not None:
        j = table.names.index(layout.label)
        text = table.text.get(j, {})
        cells = [text.get(i, repr(v)) for i, v in enumerate(table.values[:, j].tolist())]
        y = reading.numbered(str(path), layout.label, layout.classes, cells, table.lines)
    return Raw(x, y, where=str(path), table=layout, classes=layout.classes)


def before(path: Path, size: int, columns: Sequence[str] = ()) -> Layout:
    """Return the layout of a table about which nothing was decided, such as one of codes.

    So were all tables read before runs kept a decision: a first line without numbers is a heading,
    a column called ``label``, ``labels`` or ``y`` holds labels, and all others are features.

    Args:
        path: the file.
        size: how many features there are to be. Where all columns together are so many, ``y`` is
            one.
        columns: what they are to be called; () where that is not known.
    """
    separator = _separator(path)
    first = _first(path, separator)
    heading = bool(first) and not any(map(reading.is_number, first))
    if not heading:
        names = tuple(f"column {j}" for j in range(1, len(first) + 1))
        return Layout(separator, False, names, names, header=False)
    names = reading.column_names(first)
    known = {name.casefold() for name in columns}
    labels = [name for name in names if name.casefold() in LABELS and name.casefold() not in known]
    if len(names) == size and labels and labels[0].casefold() == "y":
        labels = []
    features = tuple(columns) or tuple(name for name in names if name not in labels[:1])
    return Layout(separator, True, names, features, labels[0] if labels else None)


def _scan(path: Path, header: bool | None) -> Table:
    """Read all cells of a table."""
    separator = _separator(path)
    where = str(path)
    rows: list[NDArray[np.float64]] = []
    blocks: list[NDArray[np.float64]] = []
    text: dict[int, dict[int, str]] = {}
    lines: list[int] = []
    names: tuple[str, ...] = ()
    heading = False
    for line, fields in _lines(path, separator):
        if not names:
            below = [f for _, f in _head(path, separator)][1:]
            heading = reading.is_heading(where, fields, below, header)
            names = reading.column_names(fields)
            if not heading:
                names = tuple(f"column {j}" for j in range(1, len(fields) + 1))
            else:
                continue
        _refuse_other_width(path, line, fields, len(names))
        rows.append(_row(fields, len(lines), text))
        lines.append(line)
        if len(rows) == _EVERY:
            blocks.append(np.stack(rows))
            rows = []
    blocks.append(np.stack(rows) if rows else np.empty((0, len(names))))
    values = np.concatenate(blocks)
    check(values.shape, values.dtype, where)
    return Table(where, separator, heading, names, values, text, lines)


def _row(fields: list[str], i: int, text: dict[int, dict[int, str]]) -> NDArray[np.float64]:
    """Return the numbers of a line, NaN where there is none; put such cells down as text."""
    try:
        row = np.fromiter(map(float, fields), np.float64, len(fields))
        if np.isfinite(row).all() and reading.is_plain("".join(fields)):
            return row
    except ValueError:
        pass
    row = np.full(len(fields), np.nan)
    for j, cell in enumerate(fields):
        if reading.is_finite(cell):
            row[j] = float(cell)
        else:
            text.setdefault(j, {})[i] = cell
    return row


def _opened(path: Path) -> TextIO:
    return open(path, encoding="utf-8-sig", newline="")


def _lines(path: Path, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each line, with its number; blank ones are passed over.

    Raises:
        DataError: the file cannot be read.
    """
    with _readable(path), _opened(path) as file:
        reader = csv.reader(file, delimiter=separator)
        yield from ((reader.line_num, fields) for fields in reader if fields)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{path} cannot be read as a table ({error}); give a file of text in UTF-8 with "
            "commas between the columns."
        ) from error


def _head(path: Path, separator: str) -> list[tuple[int, list[str]]]:
    return [found for found, _ in zip(_lines(path, separator), range(_LOOKED_AT), strict=False)]


def _first(path: Path, separator: str) -> list[str]:
    return next((fields for _, fields in _lines(path, separator)), [])


def _separator(path: Path) -> str:
    """Return what separates the columns of a table."""

    def rows(separator: str) -> list[list[str]]:
        return [fields for _, fields in _head(path, separator)]

    return reading.separator_of(str(path), rows)


def _place(path: Path, layout: Layout) -> tuple[str, Places]:
    """Return what separates the columns of a file, and where those are that a layout names."""
    _separator(path)  # refuses one that is not read
    for separator in dict.fromkeys((layout.separator, *reading.SEPARATORS)):
        first, *below = [fields for _, fields in _head(path, separator)] or [[]]
        places = layout.place(str(path), first, below)
        if places is not None:
            return separator, places
    found = _first(path, _separator(path))
    check((len(found), 1), np.dtype(np.float64), str(path))
    if not layout.heading:
        raise DataError(
            f"{path} has {len(found)} columns, but the table that the model was trained on had "
            f"{len(layout.names)}, without a heading. Give a table with the same columns."
        )
    names = {name.casefold() for name in reading.column_names(found)}
    missing = [name for name in layout.columns if name.casefold() not in names]
    raise DataError(
        f"{path}: the model was trained on the columns {reading.shown(layout.columns)}, but "
        + (f"{reading.shown(missing)} {'is' if len(missing) == 1 else 'are'} missing in its "
           "heading. " if missing else "some of them are there twice. ")
        + "Give a table whose first line names these columns, in any order."
    )  # fmt: skip


def _as_found(
    layout: Layout,
    separator: str,
    places: Places,
    labels: Sequence[str] | None,
    constant: int,
    first: tuple[str, ...],
) -> Reading:
    """Say what a file is read as whose layout was decided on before."""
    new = reading.new_classes(layout.classes, labels or ()) if layout.classes else ()
    keys = {name.casefold() for name in (*layout.columns, *layout.time, layout.label or "")}
    others = [name for name in places.names if name.casefold() not in keys]
    reasons = {name.casefold(): why for name, why in layout.left_out}
    found = {name.casefold() for name in places.names}
    here = replace(
        layout,
        separator=separator,
        heading=places.heading,
        label=None if labels is None else layout.label,
        classes=() if labels is None else layout.classes + new,
        time=tuple(name for name in layout.time if name.casefold() in found),
        left_out=tuple((name, reasons.get(name.casefold(), "not learnt")) for name in others),
        constant=constant,
        first=() if places.heading or not layout.first else first,
    )
    unknown = f"; not among the classes that were trained on: {reading.shown(new)}" if new else ""
    return Reading(f"{here}{unknown}", layout, layout.classes)


def _refuse_other_width(path: Path, line: int, fields: list[str], width: int) -> None:
    if len(fields) != width:
        raise DataError(
            f"{path}, line {line}: found {len(fields)} columns, expected {width} as in the first "
            "line. Fill the gap or mend the line."
        )


def write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table to a ``.csv`` file, which is whole or not there.

    Args:
        path: of the file.
        columns: the heading.
        rows: a value for each column; each is written as ``str`` gives it.

    Raises:
        OSError: the file cannot be written.
    """
    with atomic(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(columns)
        table.writerows(rows)
