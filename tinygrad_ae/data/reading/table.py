"""The cells of a table, and what is said of one that cannot be used."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tinygrad_ae.data.reading.cells import has_decimal_comma
from tinygrad_ae.data.reading.names import bare, shell_word
from tinygrad_ae.errors import DataError


@dataclass(frozen=True)
class Table:
    """The cells of a table, before it is decided what they are.

    Args:
        where: what to call it in a message.
        separator: between columns.
        heading: whether ``names`` stood in it.
        names: of the columns.
        values: float64, shape (lines, columns); NaN where a cell holds no finite number.
        text: those cells, by column and line (counted from 0).
        lines: the number of each line in the file.
    """

    where: str
    separator: str
    heading: bool
    names: tuple[str, ...]
    values: NDArray[np.float64]
    text: dict[int, dict[int, str]] = field(default_factory=dict)
    lines: Sequence[int] = ()

    def named(self, j: int) -> bool:
        """Whether somebody gave column j a name."""
        return self.heading and re.fullmatch(r"unnamed: \d+", self.names[j].casefold()) is None


def bad_cell(where: str, line: int, column: int, name: str, cell: str, separator: str) -> DataError:
    """Return the error that names a cell without a number, in a column (from 0) that needs one."""
    named = "" if name == f"column {column + 1}" else f" ({name})"
    problem = f"{cell!r} is not a finite number" if cell.strip() else "the cell is empty"
    if has_decimal_comma(cell, separator):
        mark = "a tab" if separator == "\t" else repr(separator)
        problem = (
            f"{cell!r} is not a number with a point: the file has {mark} between its columns, and "
            "commas inside its numbers. Write those as points"
        )
    if name.startswith("Unnamed: "):
        named = " (which has no name in the header)"
    return DataError(
        f"{where}, line {line}, column {column + 1}{named}: {problem}. Every cell below the "
        "header must hold a number in a column that is learnt; fill the gaps, remove those lines, "
        f"or leave the column out by --drop {shell_word(bare(name))}."
    )


def name_of(table: Table, j: int | None) -> str:
    """Return what a message calls column j."""
    if j is None:
        return "none"
    return repr(table.names[j]) if table.heading else table.names[j]


def as_given(table: Table, j: int) -> str:
    """Return a column as an option takes it."""
    return shell_word(bare(table.names[j]) if not table.heading else table.names[j])
