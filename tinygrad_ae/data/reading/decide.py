"""What all columns of a table are: by what is asked for, and by the rule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygrad_ae.data.reading.columns import role_of
from tinygrad_ae.data.reading.labels import classes_of
from tinygrad_ae.data.reading.layout import Layout, Wanted
from tinygrad_ae.data.reading.names import SHOWN, bare, shown
from tinygrad_ae.data.reading.table import Table, as_given, bad_cell, name_of
from tinygrad_ae.errors import DataError, did_you_mean


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
                f"{table.where}: {name_of(table, j)} is given to {option} and to --drop; which is "
                "it?"
            )
    for j in (j for j in asked or [] if j in (label, clock)):
        option = "--label" if j == label else "--time"
        raise DataError(
            f"{table.where}: {name_of(table, j)} is given to {option}, so it cannot be among "
            "--columns, which are learnt."
        )
    if label is not None and label == clock:
        raise DataError(f"{table.where}: {name_of(table, label)} cannot be both label and time.")

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
        role = role_of(table, j, labels=wanted.label is None or label is not None,
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
                table, j, f"is named like a label, but --label is {name_of(table, label)}",
                "--drop NAME if it is to be left out, --columns with it and all others if not",
            )  # fmt: skip
        elif role.role == "ask":
            raise _ambiguous(table, j, role.why, role.cure)
        else:
            used.append(j)
    if len(labels) > 1:
        which = " and ".join(name_of(table, j) for j in labels)
        raise DataError(
            f"{table.where}: the labels must be one column, but {which} are named so. Say which: "
            f"--label {as_given(table, labels[0])} --drop {as_given(table, labels[1])}."
        )
    if labels:
        (label,) = labels
    if asked is not None:
        used = asked
    if not used:
        outs = ", ".join(f"{name_of(table, j)} ({why})" for j, why in list(out.items())[:SHOWN])
        outs = f" Left out: {outs}." if outs else ""
        if labels:
            outs += f" {name_of(table, label)} was taken as the label; --label none keeps it."
        raise DataError(
            f"{table.where} holds no samples: no column is left to learn.{outs} Say which to "
            "learn: --columns NAME,... or --columns all."
        )
    for j in used:
        _refuse_text(table, j)
    classes = () if label is None else classes_of(table, label)
    names = [name.casefold() for name in table.names]
    for j in [*used, *([] if label is None else [label])]:
        if names.count(names[j]) > 1:
            raise DataError(
                f"{table.where}: two columns are called {name_of(table, j)}. Rename one in the "
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
        _first(table) if wanted.header is None else (),
    )


def _first(table: Table) -> tuple[str, ...]:
    """Return the cells of a first line that might be a heading, see ``Layout.first``."""
    if table.heading or 0 in {i for cells in table.text.values() for i in cells}:
        return ()
    first = table.values[0]
    if (first % 1 != 0).any() or len(np.unique(first)) < len(first):
        return ()
    return tuple(f"{value:.0f}" for value in first)


def _refuse_counters(table: Table, known: set[int | None]) -> None:
    """Raise DataError if several columns that nothing else is known of may be counters."""
    found = [
        j for j in range(len(table.names))
        if j not in known and role_of(table, j, labels=True, clocks=True).role == "ask"
        and role_of(table, j, labels=True, clocks=False).role == "channel"
    ]  # fmt: skip
    if len(found) > 1:
        which = " and ".join(name_of(table, j) for j in found)
        raise DataError(
            f"{table.where}: {which} may all be counters or times, so --time none does not say "
            "which are to be learnt. Say --columns with all columns that are, or --drop "
            f"{as_given(table, found[0])} for one that is not."
        )


def _refuse_text(table: Table, j: int) -> None:
    """Raise DataError if a column that is to be learnt has a cell that is no number."""
    if cells := table.text.get(j):
        i = min(cells)
        raise bad_cell(table.where, table.lines[i], j, table.names[j], cells[i], table.separator)


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
        known = [bare(name) for name in table.names]
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
        f"{table.where}: {name_of(table, j)} {why}. Say what it is: "
        f"{cure.replace('NAME', as_given(table, j))}."
    )
