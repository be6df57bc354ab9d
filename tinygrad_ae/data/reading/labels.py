"""Labels, as whole numbers or as words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from tinygrad_ae.data.reading.cells import is_number
from tinygrad_ae.data.reading.names import shell_word, shown
from tinygrad_ae.data.reading.table import Table
from tinygrad_ae.errors import DataError, did_you_mean

LARGEST = 2**53 - 1
"""The largest label, and the smallest but for its sign: beyond, float64 confuses whole numbers."""


def numbered(
    where: str, label: str, classes: Sequence[str], cells: Sequence[str], lines: Sequence[int]
) -> NDArray[np.int64]:
    """Return the labels that cells hold: whole numbers, or the positions of words in ``classes``.

    Words that are not among the classes are numbered after them, as ``new_classes`` has them.

    Args:
        where: what to call the table in a message.
        label: the name of the column.
        classes: of the table that was trained on; none if its labels are numbers.
        cells: of the column.
        lines: where they stand in the file.

    Raises:
        DataError: a cell is empty or no whole number, or is a number where the classes are words.
    """
    words = [cell.strip() for cell in cells]
    if classes:
        new = new_classes(classes, words)
        strange = {""} | {word for word in new if is_number(word)}
        i = next((i for i, word in enumerate(words) if word in strange - {*classes}), None)
        if i is not None:
            raise DataError(
                f"{where}: the labels must be words, of which the model was trained on "
                f"{shown(classes)}, but line {lines[i]} has {words[i]!r} in {label!r}. Give "
                "the word in each line, or leave the column out of the file."
            )
        known = {word: i for i, word in enumerate([*classes, *new])}
        return np.array([known[word] for word in words], np.int64)
    y = np.array([float(word) if is_number(word) else np.nan for word in words])
    wrong = ~(np.isfinite(y) & (y % 1 == 0) & (abs(y) <= LARGEST))
    if wrong.any():
        i = int(wrong.argmax())
        limit = f", which exceeds {LARGEST:,}" if abs(y[i]) > LARGEST else ""
        raise DataError(
            f"{where}: the labels must be one column of whole numbers, but line {lines[i]} has "
            f"{words[i]!r} in {label!r}{limit}. Number the classes 0, 1, 2, ...; or give words "
            f"in all lines; or leave it out by --drop {shell_word(label)}."
        )
    return y.astype(np.int64)


def numbers_of(where: str, labels: Sequence[int | str], classes: Sequence[str]) -> tuple[int, ...]:
    """Return the numbers of labels that were asked for by number, or by the word they stand for.

    Args:
        where: what to call the data in a message.
        labels: as asked for.
        classes: the words that are labels, class i at position i; none if labels are numbers.

    Raises:
        DataError: there is no such word, or a number is that of one class and the name of another.
    """
    numbers: list[int] = []
    known = shown([f"{i} {name}" for i, name in enumerate(classes)])
    for label in labels:
        named = classes.index(str(label)) if str(label) in classes else None
        counted = None
        if not isinstance(label, str) and (named is None or label in range(len(classes))):
            counted = int(label)
        if named is None and counted is None:
            words = f"the labels are {known}" if classes else "the labels are whole numbers"
            raise DataError(
                f"{where} has no label {label!r}; {words}.{did_you_mean(str(label), classes)}"
            )
        if named is not None and counted is not None and named != counted:
            raise DataError(
                f"{where}: the label {label} may be the class of that name, or of that number; the "
                f"classes are {known}. Rename them so that both are the same, such as 01, 02, 10."
            )
        numbers += [n for n in (named, counted) if n is not None][:1]
    return tuple(numbers)


def new_classes(classes: Sequence[str], cells: Iterable[str]) -> tuple[str, ...]:
    """Return the words in cells that are none of the classes, sorted."""
    return tuple(sorted({cell.strip() for cell in cells} - {*classes}))


def classes_of(table: Table, j: int) -> tuple[str, ...]:
    """Return the words that are the labels, sorted; none if they are numbers."""
    text = table.text.get(j, {})
    if len(text) == len(table.values) and all(map(str.strip, text.values())):
        return tuple(sorted({cell.strip() for cell in text.values()}))
    cells = [text.get(i, repr(float(v))) for i, v in enumerate(table.values[:, j])]
    numbered(table.where, table.names[j], (), cells, table.lines)
    return ()
