"""The names of columns: as a heading has them, and as a message and an option do."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence

from ...util.text import printable

SHOWN = 6  # names in a line


def column_names(cells: Sequence[str]) -> tuple[str, ...]:
    """Return the names in a heading; an empty one as pandas calls it."""
    names = [cell.strip() for cell in cells]
    names[:1] = [name.lstrip("#").strip() for name in names[:1]]  # as numpy.savetxt writes it
    return tuple(name or f"Unnamed: {j}" for j, name in enumerate(names))


def shown(names: Iterable[str]) -> str:
    """Return names with commas, those in the middle left out where there are many."""
    names = [printable(name.replace("\n", " ")) for name in names]
    if len(names) > SHOWN:
        names = [*names[: SHOWN - 2], "…", names[-1]]
    return ", ".join(names)


def bare(name: str) -> str:
    """Return the number by which a column without a name is called, or its name."""
    return name.removeprefix("column ") if re.fullmatch(r"column \d+", name) else name


def shell_word(name: str) -> str:
    """Return a name as one writes it in a shell."""
    if re.fullmatch(r"[\w.-]+", name):
        return name
    return shlex.quote(name) if re.search(r'["$`\\!]', name) else f'"{name}"'
