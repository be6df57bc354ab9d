"""``profile``: where a training step's time and memory go, by operation and by module."""

from __future__ import annotations

import html
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from statistics import median
from time import perf_counter
from typing import Any

from ...errors import UserError
from ...util.columns import table, underlined
from .observe import Counter, Key, Timer, observed
from .quantities import count, data, duration

HEADINGS = ("time", "share", "calls", "flop/s", "bytes", "peak memory")


@dataclass(frozen=True)
class Row:
    """What one kind of work costs in one call of the function.

    Attributes:
        name: the operation, module or optimiser.
        phase: ``"forward"``, ``"backward"`` or ``"optimizer"``.
        module: path of the module it ran in, "" outside of any; for a row by module, its path.
        seconds: median over the repeats.
        calls: how often it ran. In a backward pass an operation runs once per input that gets a
            gradient.
        flops: floating-point operations; None where nothing says (an optimiser, a rule that
            works on arrays alone).
        bytes: read and written, None likewise.
        peak: bytes allocated at the most while one of the calls ran, its result included.
    """

    name: str
    phase: str
    module: str
    seconds: float
    calls: int
    flops: int | None
    bytes: int | None
    peak: int


@dataclass(frozen=True)
class Profile:
    """A measured function; prints as tables, shows as tables in a notebook.

    Attributes:
        rows: one per operation, phase and module, in the order they first ran.
        kinds: the class of each module, by path.
        seconds: of one call of the function, median over the repeats.
        repeat: how many calls were timed.
        peak: bytes allocated at the most during a call, over what there was before it.
    """

    rows: tuple[Row, ...]
    kinds: dict[str, str]
    seconds: float
    repeat: int
    peak: int

    @property
    def unobserved(self) -> float:
        """Seconds in none of the rows: recording, adding gradients up, everything else."""
        return max(0.0, self.seconds - sum(row.seconds for row in self.rows))

    def by_phase(self) -> list[Row]:
        """Return one row each for forward, backward and optimiser, as far as there are any."""
        return _totals((row, replace(row, name=row.phase, module="")) for row in self.rows)

    def by_op(self) -> list[Row]:
        """Return one row per operation and phase, the slowest first."""
        totals = _totals((row, replace(row, module="")) for row in self.rows)
        return sorted(totals, key=lambda row: -row.seconds)

    def by_module(self) -> list[Row]:
        """Return one row per module and phase, with the modules inside it, outermost first.

        What ran outside of all modules is not here.
        """
        inside = []
        for row in self.rows:
            for path in _paths(row.module) if row.phase != "optimizer" else ():
                if path in self.kinds:
                    inside.append((row, replace(row, name=self.kinds[path], module=path)))
        order = {path: i for i, path in enumerate(self.kinds)}
        return sorted(_totals(inside), key=lambda row: (order[row.module], row.phase != "forward"))

    def __str__(self) -> str:
        tables = [_table(title, rows) for title, rows in self._tables()]
        return "\n\n".join([self._headline(), *tables])

    def _repr_html_(self) -> str:
        tables = [_html(title, rows) for title, rows in self._tables()]
        return f"<p>{html.escape(self._headline())}</p>" + "".join(tables)

    def _headline(self) -> str:
        phases = [f"{row.name} {duration(row.seconds)}" for row in self.by_phase()]
        parts = ", ".join([*phases, f"the rest {duration(self.unobserved)}"])
        return (
            f"{duration(self.seconds)} a call, median of {self.repeat}: {parts}. "
            f"Peak memory {data(self.peak)}."
        )

    def _tables(self) -> list[tuple[str, list[tuple[str, ...]]]]:
        by_op = [(row.name, row.phase, *self._figures(row)) for row in self.by_op()]
        tables = [("operation", by_op)]
        if self.kinds:
            by_module = []
            for row in self.by_module():
                indent = "  " * len(_paths(row.module)[1:])
                name = f"{indent}{row.module} ({row.name})" if row.module else row.name
                by_module.append((name, row.phase, *self._figures(row)))
            tables.append(("module", by_module))
        return tables

    def _figures(self, row: Row) -> tuple[str, ...]:
        rate = f"{count(row.flops / row.seconds)}flop/s" if row.flops and row.seconds else ""
        share = f"{100 * row.seconds / self.seconds:.1f} %" if self.seconds else ""
        moved = "" if row.bytes is None else data(row.bytes)
        return duration(row.seconds), share, f"{row.calls:,}", rate, moved, data(row.peak)


def profile(fn: Callable[[], Any], *, repeat: int = 10) -> Profile:
    """Measure the operations that a function runs: forward, backward and in the optimiser.

    The function runs once to warm up, once to count flops, bytes and memory, and ``repeat``
    times to be timed. What a backward rule costs is counted by running it once more on tensors
    and adding up the operations it calls.

    Args:
        fn: usually one training step: loss, ``backward()``, ``optimizer.step()``.
        repeat: how often it is timed, at least 1.

    Raises:
        UserError: ``fn`` can't be called, ``repeat`` is below 1, or a profile is running already.

    Example:
        >>> def step():
        ...     optimizer.zero_grad()
        ...     model.loss(x).backward()
        ...     optimizer.step()
        >>> print(profile(step))
    """
    if not callable(fn):
        raise UserError(
            f"profile measures a function while it runs; it was given a {type(fn).__name__}. "
            "Write profile(lambda: model.loss(x).backward())"
        )
    if repeat < 1:
        raise UserError(f"profile needs repeat of at least 1; got {repeat}")
    fn()
    counter = Counter()
    with observed(counter):
        counter.measure(fn)
    totals: list[float] = []
    seconds: dict[Key, list[float]] = defaultdict(list)
    for _ in range(repeat):
        timer = Timer()
        with observed(timer):
            start = perf_counter()
            fn()
            totals.append(perf_counter() - start)
        for key in counter.costs:
            seconds[key].append(timer.seconds.get(key, 0.0))
    rows = [
        Row(*key, median(seconds[key]), cost.calls, cost.flops, cost.bytes, cost.peak)
        for key, cost in counter.costs.items()
    ]
    return Profile(tuple(rows), counter.kinds, median(totals), repeat, counter.peak)


# ---- adding up and printing


def _totals(rows: Iterable[tuple[Row, Row]]) -> list[Row]:
    """Add up rows that are labelled alike; given as (row, its label)."""
    totals: dict[Key, Row] = {}
    for row, label in rows:
        key = (label.name, label.phase, label.module)
        so_far = totals.get(key)
        if so_far is None:
            totals[key] = label
            continue
        totals[key] = replace(
            so_far,
            seconds=so_far.seconds + row.seconds,
            calls=so_far.calls + row.calls,
            flops=_sum(so_far.flops, row.flops),
            bytes=_sum(so_far.bytes, row.bytes),
            peak=max(so_far.peak, row.peak),
        )
    return list(totals.values())


def _sum(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b


def _paths(path: str) -> list[str]:
    """Return the paths of a module and of those around it, outermost ("", the model) first."""
    parts = path.split(".") if path else []
    return [".".join(parts[:i]) for i in range(len(parts) + 1)]


def _table(title: str, rows: list[tuple[str, ...]]) -> str:
    head = (title, "phase", *HEADINGS)
    return "\n".join(underlined(table([head, *rows], right=range(2, len(head)))))


def _html(title: str, rows: list[tuple[str, ...]]) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in (title, "phase", *HEADINGS))
    body = ""
    for name, *cells in rows:
        indent = len(name) - len(name.lstrip())
        style = f' style="text-align:left;padding-left:{0.5 + indent / 2}em"'
        body += f'<tr><th scope="row"{style}>{html.escape(name.strip())}</th>'
        body += "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>"
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
