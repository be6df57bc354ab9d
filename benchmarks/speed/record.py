"""The file of what was measured, and the page made from it.

The file is JSON:

- ``machine``: lines about processor, BLAS kernel and versions, of the last measurement.
- ``runs``: by ``"<network>, <n> threads"``: ``network``, ``about`` (it in words), ``threads``,
  ``rounds``, ``dropped`` (rounds that other processes disturbed), ``noisy`` (the contenders of whom
  nothing can be concluded), ``date``, and ``figures`` by contender: those of
  :class:`~benchmarks.speed.measure.Figure`, and ``spread``, half the distance of the quartiles over
  the median.
- ``memory``: by network, by contender: megabytes at the peak, above the imports; null for none.
- ``imports``: by module, milliseconds.
- ``lines``: by ``"<network>, <engine>"``, the parts of a step: what, calls, microseconds (see
  :mod:`~benchmarks.speed.lines`).

Another measurement replaces what it measured again and leaves the rest.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tinygrad_ae.util.files import atomic

from .measure import Figure
from .networks import EVERY

Record = dict[str, Any]
NOISY = 0.15  # of the median: a wider half spread allows no conclusion


def run(about: str, figures: Sequence[Figure]) -> Record:
    """Return what is kept of one network's figures with one number of threads."""
    one = figures[0]
    disturbed = one.dropped > one.rounds
    return {
        "network": one.network,
        "about": about,
        "threads": one.threads,
        "rounds": one.rounds,
        "dropped": one.dropped,
        "noisy": [f.contender for f in figures if disturbed or f.spread > NOISY],
        "date": datetime.date.today().isoformat(),
        "figures": {
            f.contender: {
                name: round(getattr(f, name), 4)
                for name in ("us", "ratio", "low", "high", "spread", "first_ms", "plan_ms")
            }
            for f in figures
        },
    }


def write(path: Path, new: Record) -> None:
    """Put records in the file, beside what it holds already, and make its page again."""
    known = json.loads(path.read_text("utf-8")) if path.exists() else {}
    merged = known | {
        key: {**known.get(key, {}), **value} if isinstance(value, dict) else value
        for key, value in new.items()
    }
    order = {name: k for k, name in enumerate(EVERY)}
    merged["runs"] = dict(sorted(merged["runs"].items(), key=lambda r: order[r[1]["network"]]))
    for target, text in (
        (path, json.dumps(merged, indent=1, ensure_ascii=False) + "\n"),
        (path.with_suffix(".md"), page(merged, path.name)),
    ):
        with atomic(target) as temporary:
            temporary.write_text(text, "utf-8")


def page(record: Record, source: str) -> str:
    """Return the page, in Markdown: each contender's time over the floor, and what else counts."""
    lines = [f"<!-- made by python -m benchmarks.speed --json from {source} -->", ""]
    lines += [f"- {line}" for line in record["machine"]]
    names = list(dict.fromkeys(name for r in record["runs"].values() for name in r["figures"]))
    others = [name for name in names if name != "floor"]
    for threads in sorted({r["threads"] for r in record["runs"].values()}):
        clock = "CPU time, 1 thread" if threads == 1 else f"wall time, {threads} threads"
        lines += ["", f"Time of a step over that of its matrix products alone ({clock}; ? where it",
                  f"varied by more than {NOISY:.0%}):", ""]  # fmt: skip
        lines += _table(["network", "floor, µs", *others], [
            [r["about"], f"{r['figures']['floor']['us']:.1f}"]
            + [_cell(r["figures"].get(name), "ratio", ".2f") + "?" * (name in r["noisy"])
               for name in others]
            for r in record["runs"].values() if r["threads"] == threads
        ])  # fmt: skip
    plans = [r for r in record["runs"].values() if r["threads"] == 1 and "torch" in r["figures"]]
    lines += ["", "First call above a later one, ms:", ""]
    lines += _table(["network", *others], [
        [r["about"], *(_cell(r["figures"].get(name), "plan_ms", ".0f") for name in others)]
        for r in plans
    ])  # fmt: skip
    rows = record.get("memory", {})
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    lines += ["", "Peak memory above the imports, MB:", ""]
    lines += _table(["network", *names], [
        [network, *(_cell(row, name, ".0f") for name in names)] for network, row in rows.items()
    ])  # fmt: skip
    imports = ", ".join(f"{m} {ms:.0f} ms" for m, ms in record.get("imports", {}).items())
    return "\n".join([*lines, "", f"Import: {imports}.", ""])


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]


def _cell(figures: Record | None, name: str, form: str) -> str:
    value = None if figures is None else figures.get(name)
    return "–" if value is None else f"{value:{form}}"
