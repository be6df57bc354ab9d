"""The command."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from tinygrad_ae.data import load

from .setting import Setting
from .table import DIAGNOSTICS, about, record, show

# In the order of the page.
for _module in ("constraints", "surface", "training", "codes"):
    importlib.import_module(f"{__package__}.{_module}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.diagnostics")
    parser.add_argument("names", nargs="+", choices=[*DIAGNOSTICS, "all"], metavar="NAME")
    parser.add_argument("--data", default="digits", help="digits, mnist, or a folder of IDX files")
    parser.add_argument("--samples", type=int, default=20_000, help="to learn from, at most")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--record", action="store_true", help="keep the tables in diagnostics.json")
    args = parser.parse_args()
    data = load(args.data)
    s = Setting(data.train.first(args.samples), data.test, args.epochs, args.seeds)
    training = f"{Path(data.name).name}, {len(s.train):,} training samples, {s.epochs} epochs"
    for name in DIAGNOSTICS if "all" in args.names else args.names:
        table = DIAGNOSTICS[name](s)
        print(f"{name}: {about(name)}\n\n{show(table)}\n", flush=True)
        if args.record:
            varied = any(isinstance(cell, dict) for row in table for cell in row.values())
            seeds = f"seeds 0 to {s.seeds - 1}" if varied and s.seeds > 1 else "seed 0"
            record(name, table, f"{training}, {seeds}")


if __name__ == "__main__":
    main()
