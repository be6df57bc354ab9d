"""Tables of what was found: how they are made, shown and kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_ae.util import columns
from tinygrad_ae.util.files import atomic

from .setting import Setting

Spread = dict[str, float]
"""The ``mean`` over seeds and, if there are several, the standard deviation ``sd``."""

Table = list[Mapping[str, str | float | Spread]]

FILE = Path(__file__).parent.parent / "diagnostics.json"
PAGE = FILE.with_suffix(".md")

DIAGNOSTICS: dict[str, Callable[[Setting], Table]] = {}


def diagnostic(measure: Callable[[Setting], Table]) -> Callable[[Setting], Table]:
    """Let the command know a function, under its own name."""
    DIAGNOSTICS[measure.__name__.replace("_", "-")] = measure
    return measure


def spread(values: Sequence[float]) -> Spread:
    """Return what seeds have in common, and how far they are apart."""
    mean = {"mean": float(np.mean(values))}
    return mean | ({"sd": float(np.std(values, ddof=1))} if len(values) > 1 else {})


def said(value: Any) -> str:
    """Return a cell for people."""
    if not isinstance(value, dict):
        return value if isinstance(value, str) else f"{value:.3g}"
    mean, sd = value["mean"], value.get("sd")
    if sd is None:
        return f"{mean:.3g}"
    # Two digits of what varies, and no more of the mean than that.
    digits = max(0, min(5, 1 - int(np.floor(np.log10(sd))))) if sd > 1e-6 else 3
    return f"{mean:.{digits}f} ± {sd:.{digits}f}"


def about(name: str) -> str:
    """Return what a diagnostic looks at, in a line."""
    return (DIAGNOSTICS[name].__doc__ or "").partition("\n")[0]


def show(table: Table) -> str:
    """Return a table for people."""
    texts = [list(table[0])] + [[said(value) for value in row.values()] for row in table]
    return "\n".join(columns.table(texts))


def record(name: str, table: Table, setting: str) -> None:
    """Keep a table in the file of all, and make the page that shows them."""
    kept = json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}
    kept[name] = {"setting": setting, "table": table}
    kept = {key: kept[key] for key in DIAGNOSTICS if key in kept}
    page = ["<!-- made by python -m benchmarks.diagnostics --record -->"]
    for key, found in kept.items():
        head = list(found["table"][0])
        lines = [head, ["---"] * len(head), *(map(said, row.values()) for row in found["table"])]
        page += [f"## {key}", f"{about(key)} ({found['setting']})"]
        page.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    for path, text in (
        (FILE, json.dumps(kept, indent=1, ensure_ascii=False)), (PAGE, "\n\n".join(page))
    ):  # fmt: skip
        with atomic(path) as temporary:
            temporary.write_text(text + "\n", "utf-8")
