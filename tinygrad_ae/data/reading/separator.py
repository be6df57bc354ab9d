"""What separates the columns of a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tinygrad_ae.data.reading.cells import is_date, is_number
from tinygrad_ae.errors import DataError

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
"""Those that are read, with what they are called."""

_UNREAD = {" ": "spaces", ":": "colons"}


def separator_of(where: str, rows: Callable[[str], Sequence[Sequence[str]]]) -> str:
    """Return what gives all lines of a table the same number of cells, most of them numbers.

    Args:
        where: what to call the table in a message.
        rows: gives the cells of its first lines by the separator.

    Raises:
        DataError: it seems to be one that is not read.
    """

    def fits(separator: str) -> tuple[bool, bool, float]:
        found = rows(separator)
        widths = {len(row) for row in found[1:]} or {len(row) for row in found}
        cells = [cell for row in found for cell in row]
        if separator != ",":  # elsewhere than here numbers have commas
            cells = [cell.replace(",", ".") for cell in cells]
        numbers = sum(map(is_number, cells)) / max(1, len(cells))
        return bool(found) and max(map(len, found)) > 1, len(widths) == 1, numbers

    best = max(SEPARATORS, key=fits)
    _refuse_unread(where, rows(best), rows)
    return best


def _refuse_unread(
    where: str,
    found: Sequence[Sequence[str]],
    rows: Callable[[str], Sequence[Sequence[str]]],
) -> None:
    """Raise DataError if cells hold several numbers each, with spaces or colons between them."""
    below = found[1:] or found  # the first line may be a heading
    if all(is_number(cell) or is_date(cell) for row in below for cell in row):
        return
    alone = max(map(len, found), default=0) == 1
    for separator, name in _UNREAD.items():
        parts = [[cell for cell in row if cell] for row in rows(separator)]
        parts = parts[1:] or parts
        if separator == " ":
            parts = [[cell.replace(",", ".") for cell in row] for row in parts]
        numbers = sum(is_number(cell) for row in parts for cell in row)
        enough = 0.5 if alone else 1.0  # words may stand among them where nothing else separates
        if {len(row) for row in parts} - {0, 1} and len({len(row) for row in parts}) == 1 and (
            numbers >= enough * sum(map(len, parts))
        ):  # fmt: skip
            raise DataError(
                f"{where}: its columns seem to be separated by {name}, but read are "
                f"{', '.join(SEPARATORS.values())}. Put commas in their place, or semicolons if "
                "there are commas inside the numbers."
            )
