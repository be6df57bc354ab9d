"""What the first call of a compiled step costs, by its length: planning is to be linear.

    python -m benchmarks.planning [--quick] [--kinds chain,modules] [--json FILE]

The first call records a step, plans it and compiles the plan. For steps of several kinds this
prints its CPU time per operation (forward and backward, as lines of the plan) at 1,000, 4,000 and
40,000 operations, and the ratio of the last to the first, which is 1 if planning is linear; then
the same with numba, where what counts is its compiler: seconds at 60 and 600 operations, with
nothing on disk, of which the ratio is at most 10.

Each kind is measured in a process of its own, its lengths in turn; the figures are medians over
the rounds. Collecting garbage that earlier steps left is not counted. ``--quick`` stops at 10,000
operations, after one round. ``--json FILE`` adds the figures to a file and makes a page of it;
``benchmarks/planning.json`` and ``planning.md`` are such a record.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from tinygrad_ae import Tensor, nn, ops, optim
from tinygrad_ae.compiled import compile
from tinygrad_ae.util.files import atomic

from .speed.machine import describe, environment

LENGTHS = (1_000, 4_000, 40_000)
NUMBA_LENGTHS = (60, 600)
Step = Callable[[Any], Any]
Kind = Callable[[int], tuple[Step, np.ndarray]]
KINDS: dict[str, Kind] = {}


def kind(build: Kind) -> Kind:
    """Let the command know a kind of step: a function of its length that gives step and batch."""
    KINDS[build.__name__] = build
    return build


@kind
def chain(n: int) -> tuple[Step, np.ndarray]:
    """Elementwise functions one after the other, all of the same parameter."""
    w = nn.Parameter(numbers(8))

    def step(x: Tensor) -> Tensor:
        w.grad, h = None, x
        for _ in range(n // 8):
            h = ops.tanh(h * w)
        h.sum().backward()
        return h

    return step, numbers(8)


@kind
def products(n: int) -> tuple[Step, np.ndarray]:
    """Products with a matrix, each with a sum."""
    W, b = nn.Parameter(numbers(4, 4) / 4), nn.Parameter(numbers(4))

    def step(x: Tensor) -> Tensor:
        W.grad, b.grad, h = None, None, x
        for _ in range(n // 7):
            h = h @ W + b
        h.sum().backward()
        return h

    return step, numbers(4, 4)


@kind
def fan_out(n: int) -> tuple[Step, np.ndarray]:
    """One value that thousands read, and the sum of all they make of it."""
    w = nn.Parameter(numbers(8))

    def step(x: Tensor) -> Tensor:
        w.grad = None
        t = x * w
        terms = [t * (k + 0.5) for k in range(n // 4)]
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        total.sum().backward()
        return total

    return step, numbers(8)


@kind
def concatenation(n: int) -> tuple[Step, np.ndarray]:
    """One operation of thousands of parts."""

    def step(x: Tensor) -> Tensor:
        return ops.concatenate([x * (k + 0.5) for k in range(n)]).sum()

    return step, numbers(3)


def parameters(n: int, optimizer: Callable[[list[nn.Parameter]], Any]) -> tuple[Step, np.ndarray]:
    """Thousands of small parameters, each with its gradient, under one optimiser."""
    some = [nn.Parameter(numbers(3)) for _ in range(n // 4)]
    made = optimizer(some)

    def step(x: Tensor) -> Tensor:
        made.zero_grad()
        total = x
        for p in some:
            total = total + x * p
        total.sum().backward()
        made.step()
        return total

    return step, numbers(3)


@kind
def sgd(n: int) -> tuple[Step, np.ndarray]:
    """Thousands of parameters under SGD."""
    return parameters(n, lambda some: optim.SGD(some, lr=0.1))


@kind
def adam(n: int) -> tuple[Step, np.ndarray]:
    """Thousands of parameters under Adam."""
    return parameters(n, optim.Adam)


@kind
def optimizers(n: int) -> tuple[Step, np.ndarray]:
    """Thousands of parameters, each with an optimiser of its own."""

    class Each:
        def __init__(self, some: list[nn.Parameter]) -> None:
            self.all = [optim.SGD([p], lr=0.1) for p in some]

        def zero_grad(self) -> None:
            for one in self.all:
                one.zero_grad()

        def step(self) -> None:
            for one in self.all:
                one.step()

    return parameters(n, Each)


@kind
def modules(n: int) -> tuple[Step, np.ndarray]:
    """Dense layers, and their training."""
    model = nn.Sequential(*(nn.Linear(3, 3) for _ in range(n // 7)))
    optimizer = optim.SGD(model.parameters(), lr=0.01)

    def step(x: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = (model(x) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    return step, numbers(2, 3)


@kind
def constants(n: int) -> tuple[Step, np.ndarray]:
    """Arrays and numbers, all different."""
    arrays = [numbers(5) + k for k in range(n // 2)]

    def step(x: Tensor) -> Tensor:
        for k, c in enumerate(arrays):
            x = (x + c) * (1 / (k + 2))
        return x

    return step, numbers(5)


@kind
def shapes(n: int) -> tuple[Step, np.ndarray]:
    """Parts of an array, no two alike."""

    def step(x: Tensor) -> Tensor:
        total = x[0]
        for k in range(n // 3):
            total = total + (x[k % 199 : k % 199 + 1 + k // 199] * 2.0).sum()
        return total

    return step, numbers(n + 200)


@kind
def views(n: int) -> tuple[Step, np.ndarray]:
    """A view of a view of a view."""

    def step(x: Tensor) -> Tensor:
        h = x * 2
        for _ in range(n):
            h = h.T
            x = x + h
        return x

    return step, numbers(4, 4)


@kind
def calls(n: int) -> tuple[Step, np.ndarray]:
    """Functions that find their memory themselves, one after the other."""

    def step(x: Tensor) -> Tensor:
        for _ in range(n // 2):
            x = ops.cumsum(ops.cumsum(x, axis=0), axis=1) / 8
        return x

    return step, numbers(2, 4)


@kind
def mixed(n: int) -> tuple[Step, np.ndarray]:
    """Elementwise functions drawn at random, so that no two loops are equal."""
    draws = np.random.default_rng(0).integers(0, 5, n)
    functions: list[Callable[[Tensor, Tensor], Tensor]] = [
        ops.add, ops.mul, ops.maximum, lambda a, b: -a, lambda a, b: abs(a - b)
    ]  # fmt: skip

    def step(x: Tensor) -> tuple[Tensor, Tensor]:
        a, b = x, x / 2
        for k in draws:
            a, b = b, functions[k](a, b)
        return a, b

    return step, numbers(8)


def numbers(*shape: int) -> np.ndarray:
    """Return numbers between ½ and 1."""
    return np.random.default_rng(0).random(shape, np.float32) / 2 + np.float32(0.5)


def first_call(build: Kind, n: int, engine: Any) -> tuple[float, int]:
    """Return the CPU seconds of a step's first call, and how many lines its plan has."""
    step, batch = build(n)
    run = compile(step, engine=engine)
    gc.collect()
    began = time.process_time()
    with np.errstate(all="ignore"):
        run(batch)
    seconds = time.process_time() - began
    return seconds, len(run.source().splitlines()) - 2


def work(options: argparse.Namespace) -> None:
    """Measure one kind in this process, and say the seconds and lines of each round as JSON.

    Short steps are measured several times in a round, so that what disturbs them disturbs a longer
    one as much.
    """
    engine, *lengths = options.worker.split(",")
    build, longest = KINDS[options.kinds], int(lengths[-1])
    warnings.simplefilter("error")  # a step that cannot be compiled is not to be timed
    first_call(chain, 8, engine)  # what is loaded once
    rounds = []
    for _ in range(1 if options.quick else options.rounds):
        rounds.append({})
        for n in lengths:
            times = max(1, longest // int(n) // 4)
            found = [first_call(build, int(n), engine) for _ in range(times)]
            rounds[-1][n] = median(seconds for seconds, _ in found), found[0][1]
    print(json.dumps(rounds))


def measured(name: str, engine: str, lengths: Sequence[int], options: argparse.Namespace) -> Any:
    """Return what a process of its own measures of a kind."""
    command = [
        sys.executable, "-m", "benchmarks.planning", "--kinds", name, "--worker",
        ",".join([engine, *map(str, lengths)]), "--rounds", str(options.rounds),
        *["--quick"] * options.quick,
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        place = environment(1) | {"TINYGRAD_AE_CACHE": folder}
        done = subprocess.run(command, env=place, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def numpy_row(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return microseconds per operation at each length, and the ratio of the last to the first."""
    lengths = (*LENGTHS[:2], 10_000) if options.quick else LENGTHS
    rounds = measured(name, "numpy", lengths, options)
    us = {n: median(r[str(n)][0] / r[str(n)][1] * 1e6 for r in rounds) for n in lengths}
    each = [[r[str(n)][0] / r[str(n)][1] for n in lengths] for r in rounds]
    return {
        "operations": [rounds[0][str(n)][1] for n in lengths],
        "us": [round(us[n], 1) for n in lengths],
        "ratio": round(median(one[-1] / one[0] for one in each), 2),
    }


def numba_row(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return seconds at each length, each with nothing on disk, and the ratio."""
    runs = [measured(name, "numba", [n], argparse.Namespace(rounds=1, quick=True))
            for n in NUMBA_LENGTHS]  # fmt: skip
    seconds = [run[0][str(n)][0] for run, n in zip(runs, NUMBA_LENGTHS, strict=True)]
    return {"s": [round(s, 2) for s in seconds], "ratio": round(seconds[1] / seconds[0], 1)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print a line for each kind."""
    parser = argparse.ArgumentParser(
        "benchmarks.planning", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="to 10,000 operations, one round")
    parser.add_argument("--kinds", default=",".join(KINDS), help=f"some of {','.join(KINDS)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE", help="add to it, and make FILE.md")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    wanted = options.kinds.split(",")
    if unknown := {*wanted} - {*KINDS}:
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    if options.worker:
        work(options)
        return
    record: dict[str, Any] = {"machine": describe([]), "date": f"{datetime.date.today()}"}
    found: dict[str, Any] = {}
    print("\n".join(record["machine"]))
    for name in wanted:
        row = {"about": KINDS[name].__doc__, "numpy": numpy_row(name, options)}
        if importlib.util.find_spec("numba"):
            row["numba"] = numba_row(name, options)
        found[name] = row
        print(line(name, row), flush=True)
    if options.json:
        known = json.loads(options.json.read_text("utf-8")) if options.json.exists() else {}
        merged = known.get("kinds", {}) | found
        record["kinds"] = {name: merged[name] for name in KINDS if name in merged}
        for target, text in (
            (options.json, json.dumps(record, indent=1, ensure_ascii=False) + "\n"),
            (options.json.with_suffix(".md"), page(record, options.json.name)),
        ):
            with atomic(target) as temporary:
                temporary.write_text(text, "utf-8")


def line(name: str, row: dict[str, Any]) -> str:
    """Return a kind's figures for people."""
    numpy, numba = row["numpy"], row.get("numba")
    us = ", ".join(
        f"{n:,}: {us:.0f}" for n, us in zip(numpy["operations"], numpy["us"], strict=True)
    )
    text = f"{name:<14} us per operation, {us}; ratio {numpy['ratio']:.2f}"
    if numba:
        text += f"; numba {numba['s'][0]:.2f} s, {numba['s'][1]:.2f} s; ratio {numba['ratio']:.1f}"
    return text


def page(record: dict[str, Any], source: str) -> str:
    """Return the page, in Markdown."""
    lines = [
        f"<!-- made by python -m benchmarks.planning --json from {source} -->",
        "",
        *(f"- {said}" for said in record["machine"]),
        "",
        "CPU time of a compiled step's first call, per operation (a line of the plan), by the",
        "number of operations, in µs, and the ratio of the last to the first; with numba, seconds",
        "at 60 and 600 operations with nothing on disk, and their ratio:",
        "",
        "| step | operations | µs per operation | ratio | numba, s | ratio |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in record["kinds"].values():
        numpy, numba = row["numpy"], row.get("numba", {"s": [], "ratio": "–"})
        cells = (
            row["about"].rstrip("."), ", ".join(f"{n:,}" for n in numpy["operations"]),
            ", ".join(f"{us:.0f}" for us in numpy["us"]), f"{numpy['ratio']:.2f}",
            ", ".join(f"{s:.2f}" for s in numba["s"]) or "–", str(numba["ratio"]),
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
