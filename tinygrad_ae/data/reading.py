"""What a source was read as: a decision that is said in one line, and kept by the run.

Arrays, pictures and sounds say themselves what they are. A table does not: which of its lines and
columns are what is decided here, once, when a model is trained. A run keeps the decision and reads
every other file by it.

The rule, for what was not asked for (``Wanted``):

**Heading.** A first line without any number is one. A first line that has numbers may be one where

- all of its cells are numbers that run evenly (0, 1, 2; 10, 20, 30; of two columns only from 0 or
  1), or are years, and not all lines below do so too; or
- all of its cells are different whole numbers, but columns below are written with points; or
- its numbers rise (or fall) from cell to cell, and most of them are beyond all numbers below; or
  four whole numbers (five others) rise so, and hardly any line below does; or
- a cell of it is no number, above a column of numbers or dates (an empty one: above a column that
  counts), or is a word above words that occur again and again, of which it is none.

It is one where two of these hold (the first two: with three columns or more; the last with a
single number left out of account, and not above words). Where only one holds it is refused. An
empty cell among other names is called as pandas calls it: ``Unnamed: 0``.

**Columns**, by the first of these that holds:

1. One without any value is left out.
2. Label: one of ``LABEL_NAMES`` whose values are classes, which is whole numbers or words that
   occur twice each on average; ``y`` beside x and z (or beside x, where it is not whole) is a
   coordinate, and beside u and v (cb and cr) a brightness. Refused: such a name without classes,
   two such columns, names that merely end so (``fuel_class``), and a whole ``y`` beside x.
3. Time: dates; a name that says nothing but time (``time_s``, ``elapsed``, ``"Timestamp (ms)"``)
   above values that run in one direction, with few restarts (refused: in no direction); a name
   with time in it above values that never fall; numbers that are Unix times.
4. Names of lines: ``id``, ``user_id``, ``index``, ``Unnamed: 0`` above whole numbers or words.
   Refused: above fractions, and ``activity_id`` above whole numbers that occur ten times each.
5. Words are neither values nor, without such a name, labels: refused.
6. Counters: values that run evenly from line to line, whatever they are called, or number the lines
   in another order; whole numbers that always rise (or always fall) where there is no name, or
   rise with few restarts under a name like ``frame``, ``seq``. Refused: any other column that
   always rises or falls; whole numbers (without a name also fractions) that rise in steps and
   never fall, or count up again and again. So are two such columns by ``--time none``, which lets
   one be learnt.
7. All others are learnt, a constant one too (as the margin of a picture is). A cell that is no
   number is an error there, and nowhere else.

With fewer than ten lines the names alone decide.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinygrad_ae.errors import DataError, did_you_mean


def _of(words: str) -> frozenset[str]:
    return frozenset(words.split())


LABEL_NAMES = _of(
    "label labels class classes target targets y quality species outcome diagnosis category "
    "variety digit anomaly is_anomaly outlier is_outlier ground_truth y_true class_label "
    "class_id label_id target_class fraud is_fraud churn survived"
)
"""Names, in lower case and with their words joined by ``_``, of what is predicted elsewhere."""

_LABEL_ENDINGS = _of("label labels class classes target targets species outcome diagnosis")
_TIME = _of("time timestamp datetime date stamp clock elapsed ts epoch unix")
_UNITS = _of(
    "s sec secs second seconds ms msec millis milliseconds us ns min minutes h hours utc local "
    "iso iso8601"
)
_TIME_ALONE = _of("t seconds sec secs milliseconds millis ms")
_IDS = _of("id ids uid uuid guid")
_INDEX = _of("index idx row rownum row_number row_index line_number")
_NAMES_WORDS = _of("name file filename path image")  # of lines, not of classes
_COUNTERS = _of(
    "n no nr num number count counter seq sequence frame sample step record packet line obs "
    "observation case tick key entry"
)
_DATE = re.compile(
    r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})"
    r"([T ]+\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*([AaPp][Mm])?\s*(Z|UTC|[+-]\d{2}:?\d{2})?)?"
    r"|\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*([AaPp][Mm])?"
)
_UNIX = (9.4e8, 2.2e9)  # seconds: the years 1999 to 2039
_FEW = 10  # lines from which on values tell anything; fewer cannot be trained on anyway
_RISES = 3  # without a fall, from which on a column without a name is no chance
_SHOWN = 6  # names in a line
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}


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
        separator: between columns: a comma, a semicolon or a tab.
        heading: whether the first line names the columns.
        names: of all columns; ``column 1``, ... without a heading.
        columns: those that are learnt, in this order.
        label: the column of labels, or None.
        classes: the words that are labels, class i at position i; none if labels are numbers.
        time: columns that tell the time.
        left_out: further columns that are not learnt, and why, as pairs.
        constant: how many of ``columns`` held one value only.
        header: whether it was asked for to have a heading; None: the rule decided.
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
        said = [f"a table with {_SEPARATORS[self.separator]} and "
                + ("a heading" if self.heading else "no heading")]  # fmt: skip
        constant = f", {self.constant} of them constant" if self.constant else ""
        said.append(f"{_count(len(self.columns), 'column')}{constant}: {shown(self.columns)}")
        classes = shown([f"{i} {name}" for i, name in enumerate(self.classes)])
        said.append("no label" if self.label is None else f"label {_quoted(self.label)}"
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
    """

    said: str
    table: Layout | None = None

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
            return cls(values["said"])
        lists: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in table.items()
        }
        lists["left_out"] = tuple((name, why) for name, why in lists["left_out"])
        return cls(values["said"], Layout(**lists))


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


def is_number(cell: str) -> bool:
    """Whether a cell is written as a number, if not a finite one."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # which Python alone allows


def is_finite(cell: str) -> bool:
    """Whether a cell is written as a finite number."""
    return is_number(cell) and math.isfinite(float(cell))


def column_names(cells: Sequence[str]) -> tuple[str, ...]:
    """Return the names in a heading; an empty one as pandas calls it."""
    names = [cell.strip() for cell in cells]
    names[:1] = [name.lstrip("#").strip() for name in names[:1]]  # as numpy.savetxt writes it
    return tuple(name or f"Unnamed: {j}" for j, name in enumerate(names))


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
        or (all(map(_DATE.fullmatch, columns[j])) and not _DATE.fullmatch(first[j].strip()))
        for j in names if below
    )  # fmt: skip
    over_words = any(_is_none_of(first[j].strip(), columns[j]) for j in names)
    samples = [
        row for row in ([row[j] for j in range(len(row)) if j not in columns] for row in below)
        if all(map(is_finite, row))
    ]  # fmt: skip
    runs = _runs(numbers) and (
        len(numbers) > 2 or float(numbers[0]) in (0, 1) or _are_years(numbers)
    )
    if not names:
        runs = runs and not all(map(_runs, samples))
    whole = len(set(numbers)) == len(numbers) and all(map(_is_whole, numbers)) and bool(below)
    whole = whole and all(
        2 * sum(_is_whole(row[j]) for row in below) < len(below)
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
    cells = ", ".join(map(str.strip, first[:_SHOWN])) + ", …" * (len(first) > _SHOWN)
    at = f"column {names[0] + 1}: {first[names[0]].strip()!r} is no number" if names else cells
    raise DataError(
        f"{where}, line 1, {at}. The first line may be a heading or the first sample. {cure}"
    )


@np.errstate(over="ignore", invalid="ignore")
def decide(table: Table, wanted: Wanted) -> Layout:
    """Return what the columns of a table are, by what is wanted and by the rule above.

    Raises:
        DataError: it is ambiguous, or what is wanted is not there or contradicts itself.
    """
    label = _resolve(table, wanted.label, "--label")
    clock = _resolve(table, wanted.time, "--time")
    dropped = [_find(table, name, "--drop") for name in wanted.drop]
    everything = _is_word(table, wanted.columns, "all")
    asked = None
    if wanted.columns is not None and not everything:
        asked = [_find(table, name, "--columns") for name in wanted.columns]
        if len(set(asked)) < len(asked):
            raise DataError(f"{table.where}: --columns names a column twice.")
    given = (("--label", [label]), ("--time", [clock]), ("--columns", asked or []))
    for option, chosen in given:
        for j in (j for j in dropped if j in chosen):
            raise DataError(
                f"{table.where}: {_name(table, j)} is given to {option} and to --drop; which is it?"
            )
    for j in (j for j in asked or [] if j in (label, clock)):
        option = "--label" if j == label else "--time"
        raise DataError(
            f"{table.where}: {_name(table, j)} is given to {option}, so it cannot be among "
            "--columns, which are learnt."
        )
    if label is not None and label == clock:
        raise DataError(f"{table.where}: {_name(table, label)} cannot be both label and time.")

    if wanted.time is not None and clock is None and asked is None and not everything:
        _refuse_counters(table, {label, *dropped})

    used: list[int] = []
    times = [] if clock is None else [clock]
    labels: list[int] = []
    out = dict.fromkeys(dropped, "--drop")
    for j in range(len(table.names)):
        if j in out or j in (label, clock):
            continue
        if asked is not None and j in asked:
            continue
        role = _role(table, j, labels=wanted.label is None or label is not None,
                     clocks=wanted.time is None or clock is not None)  # fmt: skip
        if everything and role.role not in ("label", "time") and role.why != "is empty":
            used.append(j)
        elif role.role == "label" and label is None:
            labels.append(j)
        elif role.role == "time":
            times.append(j)
        elif role.role == "out":
            out[j] = role.why
        elif asked is not None:
            out[j] = "not among --columns"
        elif role.role == "label":
            raise _ambiguous(
                table, j, f"is named like a label, but --label is {_name(table, label)}",
                "--drop NAME if it is to be left out, --columns with it and all others if not",
            )  # fmt: skip
        elif role.role == "ask":
            raise _ambiguous(table, j, role.why, role.cure)
        else:
            used.append(j)
    if len(labels) > 1:
        which = " and ".join(_name(table, j) for j in labels)
        raise DataError(
            f"{table.where}: the labels must be one column, but {which} are named so. Say which: "
            f"--label {_given(table, labels[0])} --drop {_given(table, labels[1])}."
        )
    if labels:
        (label,) = labels
    if asked is not None:
        used = asked
    if not used:
        outs = ", ".join(f"{_name(table, j)} ({why})" for j, why in list(out.items())[:_SHOWN])
        outs = f" Left out: {outs}." if outs else ""
        if labels:
            outs += f" {_name(table, label)} was taken as the label; --label none keeps it."
        raise DataError(
            f"{table.where} holds no samples: no column is left to learn.{outs} Say which to "
            "learn: --columns NAME,... or --columns all."
        )
    for j in used:
        _refuse_text(table, j)
    classes = () if label is None else _classes(table, label)
    names = [name.casefold() for name in table.names]
    for j in [*used, *([] if label is None else [label])]:
        if names.count(names[j]) > 1:
            raise DataError(
                f"{table.where}: two columns are called {_name(table, j)}. Rename one in the "
                "heading."
            )
    x = table.values[:, used]
    return Layout(
        table.separator,
        table.heading,
        table.names,
        tuple(table.names[j] for j in used),
        None if label is None else table.names[label],
        classes,
        tuple(table.names[j] for j in times),
        tuple((table.names[j], out[j]) for j in sorted(out)),
        int((x == x[:1]).all(0).sum()) if len(x) > 1 else 0,
        wanted.header,
    )


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
                f"{shown(classes)}, but line {lines[i]} has {words[i]!r} in {_quoted(label)}. Give "
                "the word in each line, or leave the column out of the file."
            )
        known = {word: i for i, word in enumerate([*classes, *new])}
        return np.array([known[word] for word in words], np.int64)
    y = np.array([float(word) if is_number(word) else np.nan for word in words])
    wrong = ~(np.isfinite(y) & (y % 1 == 0) & (abs(y) < 2**53))
    if wrong.any():
        i = int(wrong.argmax())
        raise DataError(
            f"{where}: the labels must be one column of whole numbers, but line {lines[i]} has "
            f"{words[i]!r} in {_quoted(label)}. Number the classes 0, 1, 2, ...; or give words "
            f"in all lines; or leave it out by --drop {_shell(label)}."
        )
    return y.astype(np.int64)


def new_classes(classes: Sequence[str], cells: Iterable[str]) -> tuple[str, ...]:
    """Return the words in cells that are none of the classes, sorted."""
    return tuple(sorted({cell.strip() for cell in cells} - {*classes}))


class _Role(NamedTuple):
    role: Literal["channel", "label", "time", "out", "ask"]
    why: str = ""
    cure: str = ""


def _role(table: Table, j: int, *, labels: bool, clocks: bool) -> _Role:
    """Return what a column is by the rule; with ``labels`` or ``clocks`` off it cannot be such."""
    x, text = table.values[:, j], table.text.get(j, {})
    n, words = len(x), bool(text) and len(text) == len(x)
    if text and len(text) == n and not any(map(str.strip, text.values())):
        return _Role("out", "is empty")
    name = _words(table.names[j]) if table.named(j) else ()
    if labels and name and (role := _label_role(table, j, name)):
        return role
    if words and all(_DATE.fullmatch(cell.strip()) for cell in text.values()):
        return _Role("time")
    if text and not words:  # bad cells, which matter where values do
        if clocks and _says_time(name):
            return _Role("time")
        return _Role("out", "names the lines") if _is_id(name) else _Role("channel")
    if clocks and not words and (role := _time_role(x, name)):
        return role
    if _is_id(name) or (not table.named(j) and table.heading) or (words and _names_lines(name)):
        if name and name[-1] in _IDS and len(name) > 1 and _FEW * len(np.unique(x)) <= len(x):
            return _Role("ask", "is named like an id, but its values occur again and again",
                         "--label NAME if these are classes, --drop NAME if it is to be left out"
                         )  # fmt: skip
        if words or (x % 1 == 0).all():
            return _Role("out", "names the lines")
        named = "is named like an id" if name else "has no name, as one that counts the lines"
        return _Role("ask", f"{named}, but holds fractions", "--drop NAME if it is to "
                     "be left out, --columns all or with it if it is to be learnt")  # fmt: skip
    if words and all(_decimal_comma(cell, table.separator) for cell in text.values()):
        return _Role("channel")  # which is refused by what is wrong
    if words:
        some = ", ".join(repr(w) for w in list(dict.fromkeys(text.values()))[:3])
        return _Role("ask", f"holds words ({some}, ...), which cannot be learnt", "--label NAME if "
                     "these are classes, --drop NAME if it is to be left out")  # fmt: skip
    if not clocks and _says_time(name):
        return _Role("channel")
    return _counting_role(x, name, clocks)


def _label_role(table: Table, j: int, name: tuple[str, ...]) -> _Role | None:
    key = "_".join(name)
    if key not in LABEL_NAMES and "".join(name) not in LABEL_NAMES:
        if name[-1] in _LABEL_ENDINGS and len(name) > 1:
            return _Role("ask", "may be a label, by its name", "--label NAME, or --drop NAME, or "
                         "--label none if it is to be learnt")  # fmt: skip
        return None
    problem = _unlike_classes(table, j)
    if key == "y":
        others = {_words(other) for i, other in enumerate(table.names) if i != j}
        better = any("_".join(o) in LABEL_NAMES for o in others)
        if others >= {("u",), ("v",)} or others >= {("cb",), ("cr",)}:
            return None
        if ("x",) in others and (("z",) in others or problem or better):
            return None
        if ("x",) in others:
            return _Role("ask", "may be a coordinate, beside x, or a label", "--label NAME, or "
                         "--label none if it is to be learnt")  # fmt: skip
    if problem:
        return _Role("ask", f"is named like a label, but {problem}", "--drop NAME if it is to be "
                     "left out, --label none if it is to be learnt")  # fmt: skip
    return _Role("label")


def _unlike_classes(table: Table, j: int) -> str:
    """Return what speaks against a column's being classes; nothing if nothing does."""
    x, text = table.values[:, j], table.text.get(j, {})
    if text and len(text) < len(x):
        i = min(text)
        return f"line {table.lines[i]} has {text[i]!r} among whole numbers"
    if not text and (x % 1 != 0).any():
        return "the labels must be one column of whole numbers, and it has others"
    values = set(text.values()) if text else np.unique(x)
    if len(x) >= _FEW and 2 * len(values) > len(x):
        return f"has {len(values)} different values in {len(x)} lines"
    return ""


def _time_role(x: NDArray[np.float64], name: tuple[str, ...]) -> _Role | None:
    steps = np.diff(x)
    if _says_time(name):
        against = min((steps < 0).sum(), (steps > 0).sum())
        if len(x) < _FEW or 10 * against <= len(x):
            return _Role("time")
        return _Role("ask", "is named like a time, but its values run in no direction", "--time "
                     "NAME if it is one, --time none if it is to be learnt")  # fmt: skip
    if len(x) < _FEW or not steps.any():
        return None
    if _TIME & {*name} and (steps >= 0).all():
        return _Role("time")
    for scale in (1, 1e3, 1e6, 1e9):
        if x.min() >= _UNIX[0] * scale and x.max() <= _UNIX[1] * scale:
            if (steps >= 0).all():
                return _Role("time")
            return _Role("ask", "may hold Unix times", "--time NAME if it does, --time none if "
                         "it is to be learnt")  # fmt: skip
    return None


def _says_time(name: tuple[str, ...]) -> bool:
    """Whether a name says nothing but time, and in which unit."""
    if len(name) == 1 and name[0] in _TIME_ALONE:
        return True
    return {*name} <= _TIME | _UNITS | {"t"} and bool({*name} & (_TIME | {"t"}))


def _counting_role(x: NDArray[np.float64], name: tuple[str, ...], clocks: bool) -> _Role:
    if len(x) < _FEW:
        return _Role("channel")
    whole = bool((x % 1 == 0).all())
    steps = np.diff(x)
    always = bool((steps > 0).all() or (steps < 0).all())
    if always and _is_even(x):
        return _Role("out", "counts evenly")
    if whole and np.ptp(x) == len(x) - 1 and len(np.unique(x)) == len(x):
        return _Role("out", "numbers the lines")
    rises, falls = int((steps > 0).sum()), int((steps < 0).sum())
    mostly = whole and 10 * falls <= len(x) and 2 * rises > len(x)
    if (mostly and name and name[-1] in _COUNTERS) or (always and whole and not name):
        return _Role("out", "counts, with gaps or restarts")
    if not clocks:
        return _Role("channel")
    cure = ("--drop NAME, or --time NAME, or --time none if it is to be learnt (of several such, "
            "--columns with those that are)")  # fmt: skip
    steady = not (rises and falls) and rises + falls >= _RISES
    if always or (steady and (whole or not name)):
        way = "rises" if rises else "falls"
        how = "from line to line" if always else "in steps"
        return _Role("ask", f"{way} {how}, as a counter or a time does", cure)
    up = steps[steps > 0]
    few = rises and 10 * falls <= len(x) and (x[1:][steps < 0] == x.min()).all()
    if (whole or not name) and few and np.ptp(up) == 0 and np.ptp(x) >= _RISES * up[0]:
        return _Role("ask", "counts up again and again", cure)
    return _Role("channel")


def _refuse_counters(table: Table, known: set[int | None]) -> None:
    """Raise DataError if several columns that nothing else is known of may be counters."""
    found = [
        j for j in range(len(table.names))
        if j not in known and _role(table, j, labels=True, clocks=True).role == "ask"
        and _role(table, j, labels=True, clocks=False).role == "channel"
    ]  # fmt: skip
    if len(found) > 1:
        which = " and ".join(_name(table, j) for j in found)
        raise DataError(
            f"{table.where}: {which} may all be counters or times, so --time none does not say "
            "which are to be learnt. Say --columns with all columns that are, or --drop "
            f"{_given(table, found[0])} for one that is not."
        )


def _is_even(x: NDArray[np.float64]) -> bool:
    """Whether each value is nearest to its own place on the line from the first to the last."""
    step = (x[-1] - x[0]) / (len(x) - 1)
    return bool((np.rint((x - x[0]) / step) == np.arange(len(x))).all())


def _is_id(name: tuple[str, ...]) -> bool:
    if not name:
        return False
    return name[-1] in _IDS or name[0] in ("id", "unnamed") or "_".join(name) in _INDEX


def _names_lines(name: tuple[str, ...]) -> bool:
    return bool(name) and name[-1] in _NAMES_WORDS


def _words(name: str) -> tuple[str, ...]:
    """Return the words of a name in lower case, without a unit in brackets."""
    bare = re.sub(r"[(\[].*?[)\]]", " ", name)
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", bare)
    return tuple(re.findall(r"[^\W_]+", parted.casefold()))


def _runs(cells: Sequence[str]) -> bool:
    """Whether cells are numbers that run evenly, or are years."""
    if len(cells) < 2 or not all(map(is_number, cells)):
        return False
    x = np.array([float(cell) for cell in cells])
    if not np.isfinite(x).all():
        return False
    steps = np.diff(x)
    if _are_years(cells):
        return bool((steps > 0).all() or (steps < 0).all())
    if len(x) == 2:
        return bool(steps[0] == 1)
    return bool(steps[0] > 0 and np.allclose(steps, steps[0], rtol=1e-6, atol=0))


def _stands_out(first: Sequence[str], samples: Sequence[Sequence[str]]) -> bool:
    """Whether the numbers of a first line are ordered as those of the samples below are not."""
    if len(samples) < _FEW or len(first) < 2 or not all(map(is_finite, first)):
        return False
    x, below = np.array(first, float), np.array(samples, float)
    steps = np.diff(x)
    if not ((steps > 0).all() or (steps < 0).all()):
        return False
    beyond = ((x < below.min()) | (x > below.max())).sum()
    rising = (np.diff(below) > 0).all(1).mean()
    enough = 4 if all(map(_is_whole, first)) else 5  # that are hardly ordered so by chance
    return bool(2 * beyond > len(x) or (steps[0] > 0 and len(x) >= enough and rising < 0.1))


def _is_none_of(word: str, below: Sequence[str]) -> bool:
    """Whether a word is none of the words in its column, which are there again and again."""
    words = set(below)
    repeated = len(below) >= _FEW and 2 * len(words) <= len(below)
    return bool(word) and repeated and word not in words and not any(map(is_number, words))


def _are_years(cells: Sequence[str]) -> bool:
    return all(_is_whole(cell) and 1800 <= float(cell) <= 2100 for cell in cells)


def _is_whole(cell: str) -> bool:
    return re.fullmatch(r"\s*[+-]?\d+\s*", cell) is not None


def _refuse_text(table: Table, j: int) -> None:
    """Raise DataError if a column that is to be learnt has a cell that is no number."""
    if cells := table.text.get(j):
        i = min(cells)
        raise bad_cell(table.where, table.lines[i], j, table.names[j], cells[i], table.separator)


def bad_cell(where: str, line: int, column: int, name: str, cell: str, separator: str) -> DataError:
    """Return the error that names a cell without a number, in a column (from 0) that needs one."""
    named = "" if name == f"column {column + 1}" else f" ({name})"
    problem = f"{cell!r} is not a finite number" if cell.strip() else "the cell is empty"
    if _decimal_comma(cell, separator):
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
        f"or leave the column out by --drop {_shell(_bare(name))}."
    )


def _decimal_comma(cell: str, separator: str) -> bool:
    return separator != "," and re.fullmatch(r"\s*[+-]?\d+,\d+\s*", cell) is not None


def _classes(table: Table, j: int) -> tuple[str, ...]:
    """Return the words that are the labels, sorted; none if they are numbers."""
    text = table.text.get(j, {})
    if len(text) == len(table.values) and all(map(str.strip, text.values())):
        return tuple(sorted({cell.strip() for cell in text.values()}))
    cells = [text.get(i, repr(float(v))) for i, v in enumerate(table.values[:, j])]
    numbered(table.where, table.names[j], (), cells, table.lines)
    return ()


def _is_word(table: Table, given: Sequence[str] | None, word: str) -> bool:
    """Whether a word was given that stands for itself, and not for a column of that name."""
    columns = {name.casefold() for name in table.names}
    return given is not None and list(given) == [word] and word not in columns


def _resolve(table: Table, given: str | None, option: str) -> int | None:
    if given is None or _is_word(table, [given], "none"):
        return None
    return _find(table, given, option)


def _find(table: Table, given: str, option: str) -> int:
    """Return the position of a column by its name, or without a heading by its number."""
    key = given.strip().casefold()
    names = [name.casefold() for name in table.names]
    if not table.heading and key.isdecimal():
        key = f"column {int(key)}"
    if key not in names:
        known = [_bare(name) for name in table.names]
        columns = f"its columns are {shown(known)}" if table.heading else (
            f"it has no heading, so its columns are called 1...{len(names)}"
        )  # fmt: skip
        raise DataError(
            f"{table.where} has no column {given!r} ({option}); {columns}."
            f"{did_you_mean(given, known)}"
        )
    return names.index(key)


def _ambiguous(table: Table, j: int, why: str, cure: str) -> DataError:
    return DataError(
        f"{table.where}: {_name(table, j)} {why}. Say what it is: "
        f"{cure.replace('NAME', _given(table, j))}."
    )


def _name(table: Table, j: int | None) -> str:
    if j is None:
        return "none"
    return _quoted(table.names[j]) if table.heading else table.names[j]


def _given(table: Table, j: int) -> str:
    """Return a column as an option takes it."""
    return _shell(_bare(table.names[j]) if not table.heading else table.names[j])


def _bare(name: str) -> str:
    return name.removeprefix("column ") if re.fullmatch(r"column \d+", name) else name


def _shell(name: str) -> str:
    return name if re.fullmatch(r"[\w.-]+", name) else f'"{name}"'


def _quoted(name: str) -> str:
    return repr(name)


def shown(names: Iterable[str]) -> str:
    """Return names with commas, those in the middle left out where there are many."""
    names = list(names)
    if len(names) > _SHOWN:
        names = [*names[: _SHOWN - 2], "…", names[-1]]
    return ", ".join(names)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
