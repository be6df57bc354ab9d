"""``profile``: where a training step's time and memory go, by operation and by module."""

from __future__ import annotations

import html
import tracemalloc
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from ..autodiff import no_grad
from ..errors import UserError
from ..graph import Scope, state
from ..tensor import as_tensor

PHASES = ("forward", "backward", "optimizer")
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
        phases = [f"{row.name} {_time(row.seconds)}" for row in self.by_phase()]
        parts = ", ".join([*phases, f"the rest {_time(self.unobserved)}"])
        return (
            f"{_time(self.seconds)} a call, median of {self.repeat}: {parts}. "
            f"Peak memory {_bytes(self.peak)}."
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
        rate = _si(row.flops / row.seconds, "flop/s") if row.flops and row.seconds else ""
        share = f"{100 * row.seconds / self.seconds:.1f} %" if self.seconds else ""
        moved = "" if row.bytes is None else _bytes(row.bytes)
        return _time(row.seconds), share, f"{row.calls:,}", rate, moved, _bytes(row.peak)


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
    counter = _Counter()
    with _observed(counter):
        counter.measure(fn)
    totals: list[float] = []
    seconds: dict[_Key, list[float]] = defaultdict(list)
    for _ in range(repeat):
        timer = _Timer()
        with _observed(timer):
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


_Key = tuple[str, str, str]  # name, phase, module


def _key(phase: str, subject: Any) -> _Key:
    if phase == "optimizer":
        return type(subject).__name__, phase, ""
    scope = _scope(phase, subject)
    op = subject if phase == "forward" else subject.op
    return op.name, phase, scope.path if scope else ""


def _scope(phase: str, subject: Any) -> Scope | None:
    return state.scope if phase == "forward" else getattr(subject, "scope", None)


@contextmanager
def _observed(observer: Any) -> Any:
    if state.observer is not None:
        raise UserError("profile is measuring already; it can't be used inside what it measures")
    state.observer = observer
    try:
        yield
    finally:
        state.observer = None


class _Timer:
    """Times each piece of work; what runs inside another piece counts as part of it."""

    def __init__(self) -> None:
        self.seconds: dict[_Key, float] = defaultdict(float)

    def __call__(self, phase: str, subject: Any, f: Any, /, *args: Any, **attrs: Any) -> Any:
        key = _key(phase, subject)
        state.observer = _unobserved
        start = perf_counter()
        try:
            return f(*args, **attrs)
        finally:
            self.seconds[key] += perf_counter() - start
            state.observer = self


def _unobserved(phase: str, subject: Any, f: Any, /, *args: Any, **attrs: Any) -> Any:
    return f(*args, **attrs)


@dataclass
class _Cost:
    calls: int = 0
    flops: int | None = 0
    bytes: int | None = 0
    peak: int = 0


class _Counter:
    """Counts what each piece of work does and allocates."""

    def __init__(self) -> None:
        self.costs: dict[_Key, _Cost] = defaultdict(_Cost)
        self.kinds: dict[str, str] = {}
        self.peak = 0

    def measure(self, fn: Callable[[], Any]) -> None:
        was_tracing = tracemalloc.is_tracing()
        tracemalloc.start()
        try:
            self.start = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            fn()
            self._peak_since(self.start)
        finally:
            if not was_tracing:
                tracemalloc.stop()

    def _peak_since(self, before: int) -> int:
        """Return the bytes allocated over ``before`` at the most, and count afresh."""
        most = tracemalloc.get_traced_memory()[1]
        self.peak = max(self.peak, most - self.start)
        tracemalloc.reset_peak()
        return most - before

    def __call__(self, phase: str, subject: Any, f: Any, /, *args: Any, **attrs: Any) -> Any:
        cost = self.costs[_key(phase, subject)]
        self._note_modules(_scope(phase, subject))
        self._peak_since(0)
        before = tracemalloc.get_traced_memory()[0]
        state.observer = _unobserved
        try:
            result = f(*args, **attrs)
            cost.calls += 1
            cost.peak = max(cost.peak, self._peak_since(before))
            work: _Tally | None = None
            if phase == "forward":
                work = _Tally()
                work.add(subject, args, result)
            elif phase == "backward":
                work = _work_of_rule(f, *args)
        finally:
            state.observer = self
        if work is None or cost.flops is None or cost.bytes is None:
            cost.flops = cost.bytes = None
        else:
            cost.flops += work.flops
            cost.bytes += work.bytes
        return result

    def _note_modules(self, scope: Scope | None) -> None:
        chain = []
        while scope is not None:
            chain.append(scope)
            scope = scope.parent
        for outer in reversed(chain):
            self.kinds.setdefault(outer.path, outer.kind)


class _Tally:
    """Adds up the flops and bytes of operations."""

    def __init__(self) -> None:
        self.flops = self.bytes = 0

    def add(self, op: Any, inputs: Sequence[Any], result: Any) -> None:
        self.flops += op.flops(np.shape(result), *map(np.shape, inputs))
        if not op.views:
            self.bytes += sum(np.asarray(v).nbytes for v in (*inputs, result))

    def __call__(self, phase: str, subject: Any, f: Any, /, *args: Any, **attrs: Any) -> Any:
        result = f(*args, **attrs)
        if phase == "forward":
            self.add(subject, args, result)
        return result


def _work_of_rule(rule: Any, k: int, g: Any, node: Any, values: Sequence[Any]) -> _Tally | None:
    """Run a rule on tensors, whose operations can be counted."""

    def lift(value: Any) -> Any:
        return value if value is None else as_tensor(value).detach()

    tally = _Tally()
    state.observer = tally
    try:
        with no_grad():
            rule(k, lift(g), node, [lift(value) for value in values])
    except Exception:  # a rule that works on arrays alone; the real run has succeeded
        return None
    finally:
        state.observer = _unobserved
    return tally


# ---- adding up and printing


def _totals(rows: Iterable[tuple[Row, Row]]) -> list[Row]:
    """Add up rows that are labelled alike; given as (row, its label)."""
    totals: dict[_Key, Row] = {}
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
    lines = [(title, "phase", *HEADINGS), *rows]
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
    printed = [
        "  ".join(
            cell.ljust(width) if k < 2 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    printed.insert(1, "-" * max(map(len, printed)))
    return "\n".join(printed)


def _html(title: str, rows: list[tuple[str, ...]]) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in (title, "phase", *HEADINGS))
    body = ""
    for name, *cells in rows:
        indent = len(name) - len(name.lstrip())
        style = f' style="text-align:left;padding-left:{0.5 + indent / 2}em"'
        body += f'<tr><th scope="row"{style}>{html.escape(name.strip())}</th>'
        body += "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>"
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _time(seconds: float) -> str:
    return _si(seconds, "s")


def _bytes(count: int) -> str:
    return _si(count, "B")


def _si(value: float, unit: str) -> str:
    """Print three digits of a value with the prefix that suits it."""
    if value == 0:
        return f"0 {unit}"
    for power, prefix in ((9, "G"), (6, "M"), (3, "k"), (0, ""), (-3, "m"), (-6, "µ")):
        if abs(value) >= 0.9995 * 10.0**power or power == -6:
            scaled = value / 10.0**power
            digits = 2 if scaled < 9.995 else 1 if scaled < 99.95 else 0
            exact = unit == "B" and not prefix
            return f"{scaled:.{0 if exact else digits}f} {prefix}{unit}"
    raise AssertionError
