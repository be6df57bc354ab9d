"""Whether a table's first line is a heading."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from tinygrad_ae.data.reading.cells import FEW, are_years, is_date, is_finite, is_number, is_whole
from tinygrad_ae.data.reading.names import SHOWN
from tinygrad_ae.errors import DataError


@np.errstate(over="ignore", invalid="ignore")  # what spans too much runs nowhere
def is_heading(
    where: str,
    first: Sequence[str],
    below: Sequence[Sequence[str]],
    header: bool | None,
    cure: str = "Say --header if it names the columns, --no-header if it holds values.",
) -> bool:
    """Return whether a table's first line is a heading, see the rule above.

    Args:
        where: what to call the table in a message.
        first: the cells of that line.
        below: those of some lines below.
        header: what was asked for.
        cure: what to do about it if it may be one or not.

    Raises:
        DataError: it may be one or not.
    """
    if header is not None:
        return header
    numbers = [cell for cell in first if is_number(cell)]
    if not numbers:
        return any(map(str.strip, first))
    names = [j for j, cell in enumerate(first) if not is_number(cell)]
    below = [row for row in below if len(row) == len(first)]
    columns = {j: [row[j].strip() for row in below] for j in names}
    over_numbers = any(
        (all(map(is_number, columns[j])) and re.search(r"[^\W\d_]|^\s*$", first[j]))
        or (all(map(is_date, columns[j])) and not is_date(first[j]))
        for j in names if below
    )  # fmt: skip
    over_words = any(_is_none_of(first[j].strip(), columns[j]) for j in names)
    samples = [
        row for row in ([row[j] for j in range(len(row)) if j not in columns] for row in below)
        if all(map(is_finite, row))
    ]  # fmt: skip
    runs = _runs(numbers) and (
        len(numbers) > 2 or float(numbers[0]) in (0, 1) or are_years(numbers)
    )
    if not names:
        runs = runs and not all(map(_runs, samples))
    whole = len(set(numbers)) == len(numbers) and all(map(is_whole, numbers)) and bool(below)
    whole = whole and all(
        2 * sum(is_whole(row[j]) for row in below) < len(below)
        for j, cell in enumerate(first) if is_number(cell)
    )  # fmt: skip
    stands_out = _stands_out(numbers, samples)
    if names:
        empty = not any(first[j].strip() for j in names)
        index = empty and all(_runs(columns[j]) for j in names)
        if (over_numbers or empty) and (runs or whole or stands_out):
            return True
        if not (runs or stands_out or over_words or (over_numbers and (index or not empty))):
            return False
    elif not (runs or whole or stands_out):
        return False
    elif runs and whole and len(first) > 2:
        return True
    cells = ", ".join(map(str.strip, first[:SHOWN])) + ", …" * (len(first) > SHOWN)
    at = f"column {names[0] + 1}: {first[names[0]].strip()!r} is no number" if names else cells
    raise DataError(
        f"{where}, line 1, {at}. The first line may be a heading or the first sample. {cure}"
    )


def _runs(cells: Sequence[str]) -> bool:
    """Whether cells are numbers that run evenly, or are years."""
    if len(cells) < 2 or not all(map(is_number, cells)):
        return False
    x = np.array([float(cell) for cell in cells])
    if not np.isfinite(x).all():
        return False
    steps = np.diff(x)
    if are_years(cells):
        return bool((steps > 0).all() or (steps < 0).all())
    if len(x) == 2:
        return bool(steps[0] == 1)
    return bool(steps[0] > 0 and np.allclose(steps, steps[0], rtol=1e-6, atol=0))


def _stands_out(first: Sequence[str], samples: Sequence[Sequence[str]]) -> bool:
    """Whether the numbers of a first line are ordered as those of the samples below are not."""
    if len(samples) < FEW or len(first) < 2 or not all(map(is_finite, first)):
        return False
    x, below = np.array(first, float), np.array(samples, float)
    steps = np.diff(x)
    if not ((steps > 0).all() or (steps < 0).all()):
        return False
    beyond = ((x < below.min()) | (x > below.max())).sum()
    rising = (np.diff(below) > 0).all(1).mean()
    enough = 4 if all(map(is_whole, first)) else 5  # that are hardly ordered so by chance
    if enough == 4 and not rising and len(samples) >= 3 * FEW:
        enough = 3
    return bool(2 * beyond > len(x) or (steps[0] > 0 and len(x) >= enough and rising < 0.1))


def _is_none_of(word: str, below: Sequence[str]) -> bool:
    """Whether a word is none of the words in its column, which are there again and again."""
    words = set(below)
    repeated = len(below) >= FEW and 2 * len(words) <= len(below)
    return bool(word) and repeated and word not in words and not any(map(is_number, words))
