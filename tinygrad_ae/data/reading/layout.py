"""What is asked for of a table, and what is decided of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from tinygrad_ae.data.reading.cells import is_number
from tinygrad_ae.data.reading.heading import is_heading
from tinygrad_ae.data.reading.names import column_names, shown
from tinygrad_ae.data.reading.separator import SEPARATORS


@dataclass(frozen=True)
class Wanted:
    """What is asked for of a table; the rule decides what is not.

    Columns are given by their names in the heading, in upper or lower case. Those of a table
    without heading are called 1, 2, 3, ...

    Args:
        label: the column of labels; "none": there is none, whatever the columns are called.
        columns: those to learn, in this order, and no others; ("all",): all but label and time.
        drop: those to leave out.
        time: the column that tells the time; "none": there is none.
        header: whether the first line is a heading.
    """

    label: str | None = None
    columns: tuple[str, ...] | None = None
    drop: tuple[str, ...] = ()
    time: str | None = None
    header: bool | None = None

    def __bool__(self) -> bool:
        return self != Wanted()


class Places(NamedTuple):
    """Where in a file stands what a layout names.

    Args:
        names: of the file's columns.
        heading: whether its first line is one.
        used: positions of the columns that are learnt.
        label: position of the labels, or None.
    """

    names: tuple[str, ...]
    heading: bool
    used: list[int]
    label: int | None


@dataclass(frozen=True)
class Layout:
    """What the lines and columns of a table are.

    Args:
        separator: between columns: a comma, a semicolon, a tab or a bar (``|``).
        heading: whether the first line names the columns.
        names: of all columns; ``column 1``, ... without a heading.
        columns: those that are learnt, in this order.
        label: the column of labels, or None.
        classes: the words that are labels, class i at position i; none if labels are numbers.
        time: columns that tell the time.
        left_out: further columns that are not learnt, and why, as pairs.
        constant: how many of ``columns`` held one value only.
        header: whether it was asked for to have a heading; None: the rule decided.
        first: the cells of the first line where it might as well be a heading, but was taken as a
            sample: different whole numbers above whole numbers.
    """

    separator: str
    heading: bool
    names: tuple[str, ...]
    columns: tuple[str, ...]
    label: str | None = None
    classes: tuple[str, ...] = ()
    time: tuple[str, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    constant: int = 0
    header: bool | None = None
    first: tuple[str, ...] = ()

    @property
    def headings(self) -> tuple[str, ...]:
        """What a table of the learnt columns is headed by; nothing if that would tell nothing."""
        whole = self.heading or len(self.columns) < len(self.names)
        return self.columns if whole else ()

    def place(
        self, where: str, first: Sequence[str], below: Sequence[Sequence[str]]
    ) -> Places | None:
        """Return where everything is in a file that begins so; None if columns are missing.

        Columns are found by name, in any order; those of a table without heading by position, if
        the file has as many. Whether it has a heading is then decided as of the table that was
        trained on.

        Raises:
            DataError: its first line may be a heading or not.
        """
        names = column_names(first)
        keys = [name.casefold() for name in names]
        if all(keys.count(name.casefold()) == 1 for name in self.columns):
            used = [keys.index(name.casefold()) for name in self.columns]
            label = self.label is not None and self.label.casefold()
            return Places(names, True, used, keys.index(label) if label in keys else None)
        if self.heading or len(first) != len(self.names):
            return None
        used = [self.names.index(name) for name in self.columns]
        place = None if self.label is None else self.names.index(self.label)
        headed = not any(map(is_number, first))
        if self.header is None:
            headed = is_heading(where, first, below, None, "Take the line away if it names the "
                                "columns; if it holds values, put a line above it that names them: "
                                f"{shown(self.names)}.")  # fmt: skip
        return Places(names if headed else self.names, headed, used, place)

    def __str__(self) -> str:
        """The decision in one line."""
        said = [f"a table with {SEPARATORS[self.separator]} and "
                + ("a heading" if self.heading else "no heading")
                + (f" (its first line is a sample: {shown(self.first)})" if self.first else "")
                ]  # fmt: skip
        constant = f", {self.constant} of them constant" if self.constant else ""
        said.append(f"{_count(len(self.columns), 'column')}{constant}: {shown(self.columns)}")
        classes = shown([f"{i} {name}" for i, name in enumerate(self.classes)])
        said.append("no label" if self.label is None else f"label {self.label!r}"
                    + (f" ({classes})" if classes else ""))  # fmt: skip
        said.append(f"time {shown(self.time)}" if self.time else "no time")
        reasons: dict[str, list[str]] = {}
        for name, why in self.left_out:
            reasons.setdefault(why, []).append(name)
        out = ", ".join(f"{shown(names)} ({why})" for why, names in reasons.items())
        said.append(f"left out {out}" if out else "nothing left out")
        return "; ".join(said)


@dataclass(frozen=True)
class Reading:
    """What a source was read as.

    Args:
        said: in one line.
        table: of a table, what its lines and columns are.
        classes: the words that are labels, class i at position i; none if labels are numbers.
    """

    said: str
    table: Layout | None = None
    classes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.said

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON's types."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Reading:
        """Return the reading that :meth:`to_json` gave."""
        table = values["table"]
        if table is None:
            return cls(values["said"], None, tuple(values.get("classes", ())))
        lists: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in table.items()
        }
        lists["left_out"] = tuple((name, why) for name, why in lists["left_out"])
        layout = Layout(**lists)
        return cls(values["said"], layout, layout.classes)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
