"""The file of results, and the table made from it."""

from __future__ import annotations

import datetime
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from tinygrad_ae.run.config import environment
from tinygrad_ae.util.files import atomic

from .rows import ROWS, Figure, Row

FOLDER = Path(__file__).parent.parent
FILE = FOLDER / "results.json"
PAGE = FOLDER / "results.md"
README = FOLDER.parent / "README.md"

Record = dict[str, Any]

_MADE = "<!-- made by python -m benchmarks.results from benchmarks/results.json -->\n"
_END = "<!-- end of what is made -->\n"


def record(
    row: Row, each: dict[int, dict[str, float]], cpu_seconds: float, about: Record
) -> Record:
    """Return what is kept of a row: for each figure, by seed, its mean and its spread.

    Args:
        row: which.
        each: the figures by name, by seed.
        cpu_seconds: that all took, of all threads together: a busy machine does not change it.
        about: what is to be kept beside: the command and the data.
    """
    seeds = list(each)
    names = each[seeds[0]]
    return {
        "recipe": row.recipe,
        "seeds": seeds,
        "figures": {
            name: _figure(row.figures[name], [each[seed][name] for seed in seeds]) for name in names
        },
        "cpu_seconds": round(cpu_seconds, 1),
        "date": datetime.date.today().isoformat(),
        **about,
        "versions": environment(),
    }


def _figure(figure: Figure, values: list[float]) -> Record:
    mean = float(np.mean(values))
    summary: Record = {"label": figure.label, "values": values, "mean": mean}
    if len(values) > 1:
        sd = float(np.std(values, ddof=1))
        half = float(stats.t.ppf(0.975, len(values) - 1)) * sd / math.sqrt(len(values))
        summary |= {"sd": sd, "interval_95": [mean - half, mean + half]}
    if figure.goal:
        summary |= {"goal": figure.goal, "reached": figure.at_least <= mean <= figure.at_most}
    if figure.positive:
        summary["reached"] = "sd" in summary and summary["interval_95"][0] > 0
    if figure.elsewhere:
        summary["elsewhere"] = figure.elsewhere
    return summary


def read() -> dict[str, Record]:
    """Return the records by row; none, if there is no file."""
    records: dict[str, Record] = json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}
    return records


def recorded(name: str) -> tuple[dict[int, dict[str, float]], float]:
    """Return a row's figures by name, by seed, and the CPU seconds they took; nothing, if none."""
    kept = read().get(name)
    if kept is None:
        return {}, 0.0
    each = {
        seed: {key: figure["values"][k] for key, figure in kept["figures"].items()}
        for k, seed in enumerate(kept["seeds"])
    }
    return each, kept.get("cpu_seconds", 0.0)


def write(name: str, new: Record) -> None:
    """Put a row's record in the file, whole or not at all, and make what shows it again."""
    records = {**read(), name: new}
    ordered = {row: records[row] for row in ROWS if row in records}
    _replace(FILE, json.dumps(ordered, indent=1, ensure_ascii=False) + "\n")
    publish(ordered)


def publish(records: dict[str, Record]) -> None:
    """Make the page of all figures, and the README's table of those that have a goal."""
    _replace(PAGE, page(records))
    _replace(README, in_readme(README.read_text("utf-8"), records))


def page(records: dict[str, Record]) -> str:
    """Return the page, in Markdown: a line for each figure, and how it was found."""
    lines = ["| row | figure | reached | wanted | elsewhere | seeds |", "|---|---|---|---|---|---|"]
    recipes = []
    for name, kept in records.items():
        for key, figure in kept["figures"].items():
            cells = [
                name,
                figure["label"],
                shown(figure, ROWS[name].figures[key]),
                _verdict(figure),
                figure.get("elsewhere", ""),
                str(len(kept["seeds"])),
            ]
            lines.append(f"| {' | '.join(cells)} |")
        minutes = f", {kept['cpu_seconds'] / 60:.1f} CPU minutes" if "cpu_seconds" in kept else ""
        recipes.append(
            f"**{name}** ({kept['date']}{minutes}): {kept['recipe']}\n`{kept['command']}`\n"
        )
    return "\n".join([_MADE, *lines, "", *recipes])


def in_readme(text: str, records: dict[str, Record]) -> str:
    """Return the README with its table, of the figures that have a goal, made again."""
    lines = ["| row | figure | reached | wanted |", "|---|---|---|---|"]
    for name, kept in records.items():
        for key, figure in kept["figures"].items():
            if "goal" in figure:
                value = shown(figure, ROWS[name].figures[key])
                lines.append(f"| {name} | {figure['label']} | {value} | {_verdict(figure)} |")
    before, _, rest = text.partition(_MADE)
    _, _, after = rest.partition(_END)
    return before + _MADE + "\n" + "\n".join(lines) + "\n\n" + _END + after


def _replace(path: Path, text: str) -> None:
    with atomic(path) as temporary:
        temporary.write_text(text, "utf-8")


def shown(figure: Record, known: Figure) -> str:
    """Return a figure's mean, with its standard deviation or its 95 % interval, for people."""
    mean, digits = f"{figure['mean']:.{known.digits}f}", known.digits
    if not figure.get("sd"):
        return mean
    if known.positive:
        low, high = figure["interval_95"]
        return f"{mean} ({low:.{digits}f}…{high:.{digits}f})"
    return f"{mean} ± {figure['sd']:.{digits}f}"


def _verdict(figure: Record) -> str:
    if "goal" not in figure:
        return ""
    return f"{figure['goal']} {'✓' if figure['reached'] else '✗'}"
