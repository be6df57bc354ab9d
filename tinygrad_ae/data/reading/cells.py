"""What is written in a cell: a number, a date, a word."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

_DATE = re.compile(
    r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})"
    r"([T ]+\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*([AaPp][Mm])?\s*(Z|UTC|[+-]\d{2}:?\d{2})?)?"
    r"|\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*([AaPp][Mm])?"
)
FEW = 10  # lines from which on values tell anything; fewer cannot be trained on anyway


def is_number(cell: str) -> bool:
    """Whether a cell is written as a number, if not a finite one."""
    try:
        float(cell)
    except ValueError:
        return False
    return is_plain(cell.strip())


def is_plain(text: str) -> bool:
    """Whether a text is without what Python alone takes in numbers: ``1_000``, other digits."""
    return text.isascii() and "_" not in text


def is_finite(cell: str) -> bool:
    """Whether a cell is written as a finite number."""
    return is_number(cell) and math.isfinite(float(cell))


def is_whole(cell: str) -> bool:
    """Whether a cell is written as a whole number."""
    return re.fullmatch(r"\s*[+-]?[0-9]+\s*", cell) is not None


def is_date(cell: str) -> bool:
    """Whether a cell is written as a date, a time of day, or both."""
    return _DATE.fullmatch(cell.strip()) is not None


def are_years(cells: Sequence[str]) -> bool:
    """Whether all cells may be years: 1800 to 2100."""
    return all(is_whole(cell) and 1800 <= float(cell) <= 2100 for cell in cells)


def has_decimal_comma(cell: str, separator: str) -> bool:
    """Whether a cell is a number with a comma where a point should be."""
    return separator != "," and re.fullmatch(r"\s*[+-]?[0-9]+,[0-9]+\s*", cell) is not None
