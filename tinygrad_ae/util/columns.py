"""Text in columns: how every table that is printed lines its cells up."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Sequence


def table(rows: Iterable[Sequence[str]], *, right: Collection[int] = ()) -> list[str]:
    """Return rows as lines, with two spaces between columns.

    Args:
        rows: of equally many cells.
        right: the columns, counted from 0, whose cells end together; others' begin together.
    """
    columns = [column(cells, right=k in right) for k, cells in enumerate(zip(*rows, strict=True))]
    return ["  ".join(cells).rstrip() for cells in zip(*columns, strict=True)]


def underlined(lines: Sequence[str]) -> list[str]:
    """Return a table's lines with a rule below the first, its head."""
    return [lines[0], "-" * max(map(width, lines)), *lines[1:]]


def column(cells: Sequence[str], *, right: bool = False, widest: int | None = None) -> list[str]:
    """Fill cells up to one width; those longer than ``widest`` stand out."""
    widths = [width(cell) for cell in cells]
    full = max(widths) if widest is None else min(max(widths), widest)
    filled = zip(cells, [" " * (full - n) for n in widths], strict=True)
    return [space + cell if right else cell + space for cell, space in filled]


def width(text: str) -> int:
    """Return how many places a text takes: an accent stands on the letter before it."""
    return sum(not unicodedata.combining(c) for c in text)
