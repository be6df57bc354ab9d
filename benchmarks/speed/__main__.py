"""The command: measures in processes of their own, prints tables, writes JSON."""

from __future__ import annotations

import argparse
import importlib.util
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import __doc__ as description
from . import record
from .machine import describe, import_ms, worker
from .measure import Figure, measure, peak_memory
from .networks import EVERY, NETWORKS, SCALING
from .peers import NotOffered

PEERS = ("jax", "torch", "torch-compile", "autograd", "mygrad")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(
        "benchmarks.speed", description=description, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds, deep1000 if named only")
    parser.add_argument("--peers", default="", help=f"any of {','.join(PEERS)}")
    parser.add_argument("--networks", help=f"some of {','.join(EVERY)}")
    parser.add_argument("--threads", default="1,2", help="default: 1,2; with '' memory only")
    parser.add_argument("--scaling", action="store_true", help="over width, depth and batch")
    parser.add_argument("--no-memory", action="store_true", help="spare the processes it takes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="add to it, and make FILE.md")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--memory", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    peers = [name for name in options.peers.split(",") if name]
    unknown = {*peers} - {*PEERS}
    networks = [name for name in (options.networks or "").split(",") if name]
    if options.networks is None:
        networks = [name for name in NETWORKS if name != "deep1000" or not options.quick]
    networks += list(SCALING) * options.scaling
    unknown |= {*networks} - {*EVERY}
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    names = ["eager", "numpy", *(["numba"] if importlib.util.find_spec("numba") else [])]
    if options.worker:
        work(options, networks, [*names, *peers])
        return
    for line in (lines := describe(peers)):
        print(line)
    found: record.Record = {"machine": lines, "runs": {}, "memory": {}}
    passed = ["--networks", ",".join(networks), "--peers", options.peers]
    passed += ["--quick"] * options.quick
    for threads in (int(n) for n in options.threads.split(",") if n):
        result = worker(threads, *passed)
        if result is None:
            raise SystemExit("the measurement failed; see above")
        figures = [Figure(**figure) for figure in result["figures"]]
        found["runs"] |= show(figures, threads, result["remarks"])
    if not options.no_memory:
        wanted = [*names, *(p for p in peers if p in ("jax", "torch"))]
        found["memory"] = memory([n for n in networks if n in NETWORKS and n != "deep1000"], wanted)
    found["imports"] = {m: round(import_ms(m), 1) for m in ("numpy", "tinygrad_ae")}
    print("\nimport: " + ", ".join(f"{m} {ms:.0f} ms" for m, ms in found["imports"].items()))
    if options.json:
        record.write(options.json, found)


def work(options: argparse.Namespace, wanted: list[str], names: list[str]) -> None:
    """Measure in this process, and say what was found as JSON."""
    if options.memory:
        with suppress(NotOffered):
            peak = peak_memory(EVERY[wanted[0]], options.memory, options.worker)
            print(json.dumps(peak))
        return
    figures: list[dict[str, Any]] = []
    remarks: list[str] = []
    for name in wanted:
        network, main = EVERY[name], name in NETWORKS
        some = [n for n in names if n != "eager" or main]
        if network.kind == "conv" and "torch" in some:
            some.append("torch-nhwc")
        rounds = 40 if main and not options.quick else 12
        got, said = measure(network, some, options.worker, rounds)
        figures += map(asdict, got)
        remarks += said
    print(json.dumps({"figures": figures, "remarks": remarks}))


def show(figures: list[Figure], threads: int, remarks: list[str]) -> record.Record:
    """Print a table for each network, and return what is kept of it."""
    kept: record.Record = {}
    clock = "CPU time, 1 thread" if threads == 1 else f"wall time, {threads} threads"
    for name in dict.fromkeys(figure.network for figure in figures):
        rows = [figure for figure in figures if figure.network == name]
        us = {figure.contender: figure.us for figure in rows}
        print(f"\n{EVERY[name]}; {clock}")
        print(f"{'':<14}{'µs':>10}{'× floor':>9}{'quartiles':>14}"
              f"{'numpy / it':>12}{'numba / it':>12}{'first, ms':>11}{'plan, ms':>10}")  # fmt: skip
        for f in rows:
            ratios = "".join(
                f"{us[mine] / f.us:>12.2f}" if mine in us else f"{'':>12}"
                for mine in ("numpy", "numba")
            )
            print(f"{f.contender:<14}{f.us:>10.1f}{f.ratio:>9.2f}"
                  f"{f'{f.low:.2f}…{f.high:.2f}':>14}{ratios}"
                  f"{f.first_ms:>11.0f}{f.plan_ms:>10.0f}")  # fmt: skip
        run = kept[f"{name}, {threads} threads"] = record.run(str(EVERY[name]), rows)
        if run["noisy"]:
            share = f"{run['dropped']} of {run['dropped'] + run['rounds']} rounds dropped"
            print(f"Too noisy to conclude from: {', '.join(run['noisy'])} ({share}).")
    for remark in remarks:
        print(f"- {remark}")
    return kept


def memory(networks: list[str], names: list[str]) -> record.Record:
    """Print, and return, the peak memory of each contender on each network."""
    print(f"\npeak memory above the imports, MB\n{'':<10}" + "".join(f"{n:>10}" for n in names))
    found: record.Record = {}
    for network in networks:
        row = {n: worker(2, "--networks", network, "--memory", n) for n in names}
        found[network] = {n: v if v is None else round(v, 1) for n, v in row.items()}
        cells = "".join(f"{'–' if v is None else f'{v:.0f}':>10}" for v in row.values())
        print(f"{network:<10}{cells}", flush=True)
    return found


if __name__ == "__main__":
    main()
