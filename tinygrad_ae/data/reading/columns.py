"""What a column is by its name and its values alone."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinygrad_ae.data.reading.cells import FEW, has_decimal_comma, is_date
from tinygrad_ae.data.reading.table import Table


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
    "observation case tick key entry pkt ctr cnt msg message"
)
_CALENDAR = _of(
    "year yr month mnth week day days dom doy dow weekday hour hours hr minute minutes hhmm hhmmss "
    "hms ymd yymmdd yyyymmdd"
)  # parts of dates and times of day
_UNIX = (9.4e8, 2.2e9)  # seconds: the years 1999 to 2039
_RISES = 3  # without a fall, from which on a column without a name is no chance
_STRAY = 50  # steps, one of which may fall in what counts up again and again


_CLOCK_CURE = (
    "--drop NAME, or --time NAME, or --time none if it is to be learnt (of several such, "
    "--columns with those that are)"
)


class Role(NamedTuple):
    """What a column is.

    Args:
        role: "channel": it is learnt; "out": it is left out; "ask": the rule does not decide.
        why: it is left out or asked about.
        cure: the options that settle it; NAME stands for the column.
    """

    role: Literal["channel", "label", "time", "out", "ask"]
    why: str = ""
    cure: str = ""


def role_of(table: Table, j: int, *, labels: bool, clocks: bool) -> Role:
    """Return what a column is by the rule; with ``labels`` or ``clocks`` off it cannot be such."""
    x, text = table.values[:, j], table.text.get(j, {})
    n, words = len(x), bool(text) and len(text) == len(x)
    if text and len(text) == n and not any(map(str.strip, text.values())):
        return Role("out", "is empty")
    name = _words(table.names[j]) if table.named(j) else ()
    if labels and name and (role := _label_role(table, j, name)):
        return role
    if words and all(is_date(cell) for cell in text.values()):
        return Role("time")
    if text and not words:  # bad cells, which matter where values do
        if clocks and _says_time(name):
            return Role("time")
        return Role("out", "names the lines") if _is_id(name) else Role("channel")
    if clocks and not words and (role := _time_role(x, name)):
        return role
    if _is_id(name) or (not table.named(j) and table.heading) or (words and _names_lines(name)):
        if name and name[-1] in _IDS and len(name) > 1 and FEW * len(np.unique(x)) <= len(x):
            return Role("ask", "is named like an id, but its values occur again and again",
                         "--label NAME if these are classes, --drop NAME if it is to be left out"
                         )  # fmt: skip
        if words or (x % 1 == 0).all():
            return Role("out", "names the lines")
        named = "is named like an id" if name else "has no name, as one that counts the lines"
        return Role("ask", f"{named}, but holds fractions", "--drop NAME if it is to "
                     "be left out, --columns all or with it if it is to be learnt")  # fmt: skip
    if words and all(has_decimal_comma(cell, table.separator) for cell in text.values()):
        return Role("channel")  # which is refused by what is wrong
    if words:
        some = ", ".join(repr(w) for w in list(dict.fromkeys(text.values()))[:3])
        return Role("ask", f"holds words ({some}, ...), which cannot be learnt", "--label NAME if "
                     "these are classes, --drop NAME if it is to be left out")  # fmt: skip
    if not clocks and _says_time(name):
        return Role("channel")
    return _counting_role(x, name, clocks)


def _label_role(table: Table, j: int, name: tuple[str, ...]) -> Role | None:
    key = "_".join(name)
    if key not in LABEL_NAMES and "".join(name) not in LABEL_NAMES:
        if name[-1] in _LABEL_ENDINGS and len(name) > 1:
            return Role("ask", "may be a label, by its name", "--label NAME, or --drop NAME, or "
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
            return Role("ask", "may be a coordinate, beside x, or a label", "--label NAME, or "
                         "--label none if it is to be learnt")  # fmt: skip
    if problem:
        return Role("ask", f"is named like a label, but {problem}", "--drop NAME if it is to be "
                     "left out, --label none if it is to be learnt")  # fmt: skip
    return Role("label")


def _unlike_classes(table: Table, j: int) -> str:
    """Return what speaks against a column's being classes; nothing if nothing does."""
    x, text = table.values[:, j], table.text.get(j, {})
    if text and len(text) < len(x):
        i = min(text)
        return f"line {table.lines[i]} has {text[i]!r} among whole numbers"
    if not text and (x % 1 != 0).any():
        return "the labels must be one column of whole numbers, and it has others"
    values = set(text.values()) if text else np.unique(x)
    if len(x) >= FEW and 2 * len(values) > len(x):
        return f"has {len(values)} different values in {len(x)} lines"
    return ""


def _time_role(x: NDArray[np.float64], name: tuple[str, ...]) -> Role | None:
    steps = np.diff(x)
    if _says_time(name):
        against = min((steps < 0).sum(), (steps > 0).sum())
        if len(x) < FEW or 10 * against <= len(x):
            return Role("time")
        return Role("ask", "is named like a time, but its values run in no direction", "--time "
                     "NAME if it is one, --time none if it is to be learnt")  # fmt: skip
    if len(x) < FEW or not steps.any():
        return None
    if _TIME & {*name} and (steps >= 0).all():
        return Role("time")
    changes = int(np.count_nonzero(steps))
    seldom = 10 * changes <= len(x) or (changes < _RISES and (steps >= 0).all())
    if _CALENDAR & {*name} and seldom and (x % 1 == 0).all():
        return Role("ask", "is named like a part of a date and seldom changes", _CLOCK_CURE)
    for scale in (1, 1e3, 1e6, 1e9):
        if x.min() >= _UNIX[0] * scale and x.max() <= _UNIX[1] * scale:
            if (steps >= 0).all():
                return Role("time")
            return Role("ask", "may hold Unix times", "--time NAME if it does, --time none if "
                         "it is to be learnt")  # fmt: skip
    return None


def _says_time(name: tuple[str, ...]) -> bool:
    """Whether a name says nothing but time, and in which unit."""
    if len(name) == 1 and name[0] in _TIME_ALONE:
        return True
    return {*name} <= _TIME | _UNITS | {"t"} and bool({*name} & (_TIME | {"t"}))


def _counting_role(x: NDArray[np.float64], name: tuple[str, ...], clocks: bool) -> Role:
    if len(x) < FEW:
        return Role("channel")
    whole = bool((x % 1 == 0).all())
    steps = np.diff(x)
    always = bool((steps > 0).all() or (steps < 0).all())
    if always and _is_even(x):
        return Role("out", "counts evenly")
    if whole and np.ptp(x) == len(x) - 1 and len(np.unique(x)) == len(x):
        return Role("out", "numbers the lines")
    rises, falls = int((steps > 0).sum()), int((steps < 0).sum())
    mostly = whole and 2 * rises > len(x) and (10 * falls <= len(x) or _counts_again(x))
    if (mostly and name and name[-1] in _COUNTERS) or (always and whole and not name):
        return Role("out", "counts, with gaps or restarts")
    if not clocks:
        return Role("channel")
    steady = not (rises and falls) and rises + falls >= _RISES
    if always or (steady and (whole or not name)):
        way = "rises" if rises else "falls"
        how = "from line to line" if always else "in steps"
        return Role("ask", f"{way} {how}, as a counter or a time does", _CLOCK_CURE)
    if whole or not name or {*name} & (_TIME | _CALENDAR):
        for way, values in (("up", x), ("down", -x)):
            if _counts_again(values):
                return Role("ask", f"counts {way} again and again", _CLOCK_CURE)
    return Role("channel")


def _counts_again(x: NDArray[np.float64]) -> bool:
    """Whether values count up and start anew, as what wraps round does: packets modulo 256, days.

    Where they start anew they fall by half of their range or to its lowest tenth, further than they
    ever rise; and between two such falls they rise three times or more, by less than half of it.
    """
    steps, span = np.diff(x), np.ptp(x)
    up, down = steps[steps > 0], steps < 0
    if not (up.size and down.any()):
        return False
    down &= -steps > 2 * up.max()  # a signal falls as it rises
    evenly = 10 * down.sum() <= len(x) and (x[1:][steps < 0] == x.min()).all() and np.ptp(up) == 0
    if evenly and down.any():  # in few lines nothing else would tell
        return bool(span >= _RISES * up[0])
    anew = down & ((-steps >= span / 2) | (x[1:] <= x.min() + span / 10))
    stray = int(((steps < 0) & ~anew).sum() + (up > span / 2).sum())
    enough = len(x) >= 2 * FEW and up.size >= _RISES * anew.sum() > 0
    return bool(enough and _STRAY * stray <= len(steps))


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
