"""The command."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from typing import Any

from tinygrad_ae.data import load

from .record import record, recorded, shown, write
from .rows import ROWS, Row, Task

# In the order of the table.
for _module in (
    "reconstruction", "deep", "denoising", "features", "labels", "anomalies", "variational",
    "geometry",
):  # fmt: skip
    importlib.import_module(f"{__package__}.{_module}")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.results",
        description="Measure rows of the table of results.",
        epilog="Rows: " + ", ".join(ROWS),
    )
    parser.add_argument("rows", nargs="+", choices=[*ROWS, "all"], metavar="ROW")
    parser.add_argument("--data", help="mnist, or a folder with its IDX files")
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0")
    parser.add_argument("--more", action="store_true", help="keep the seeds that are recorded")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--quick", action="store_true", help="a small version, to see that it works")
    how.add_argument("--validate", action="store_true", help="measure on held-out training data")
    args = parser.parse_args()
    data = load(args.data or ("digits" if args.quick else "mnist"))
    seeds = [0] if args.quick else list(range(args.seeds))
    rows = ROWS if "all" in args.rows else dict.fromkeys(args.rows)
    for name in rows:
        row, start = ROWS[name], time.process_time()
        each, before = recorded(name) if args.more else ({}, 0.0)
        for seed in (seed for seed in seeds if seed not in each):
            task = Task.of(data, seed, quick=args.quick, validate=args.validate)
            each[seed] = row.measure(task)
            about = {"data": f"{len(task.train)} + {len(task.test)} digits", "command": command()}
            kept = record(row, each, before + time.process_time() - start, about)
            if not (args.quick or args.validate):
                write(name, kept)  # after each seed: what is done is not lost
            tell(row, kept)


def command() -> str:
    """What was typed, but for where the data is."""
    given = sys.argv[1:]
    if "--data" in given:
        given[given.index("--data") + 1] = "FOLDER_WITH_MNIST"
    return " ".join(["python -m benchmarks.results", *given])


def tell(row: Row, kept: dict[str, Any]) -> None:
    print(f"{row.name}  ({kept['cpu_seconds']:.0f} CPU seconds, seeds {kept['seeds']})")
    for name, figure in kept["figures"].items():
        goal = f"   wanted {figure['goal']}" if "goal" in figure else ""
        print(f"    {figure['label']:<50} {shown(figure, row.figures[name])}{goal}", flush=True)


if __name__ == "__main__":
    main()
