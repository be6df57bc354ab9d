"""Take a compiled step apart: what each kind of its lines takes, and what is left.

    python -m benchmarks.speed.lines [NETWORK] [--engine numba] [--json FILE]

Each kind is timed alone, called again and again; what is left is the whole step's time above their
sum. Run it on a quiet machine, with one thread.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from . import record
from .networks import NETWORKS, compiled, floor

Part = tuple[str, int | None, float]  # what, how many calls, microseconds
_UPDATE = "the update"


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser("benchmarks.speed.lines", description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)  # fmt: skip
    parser.add_argument("network", nargs="?", default="tiny", choices=[*NETWORKS])
    parser.add_argument("--engine", default="numpy", choices=["numpy", "numba"])
    parser.add_argument("--json", type=Path, metavar="FILE", help="add to it, and make FILE.md")
    options = parser.parse_args()
    found = apart(options.network, options.engine)
    for what, calls, us in found:
        print(f"{what:<58}{calls or '–':>4}{us:>9.1f} µs")
    if options.json:
        rounded = [(what, calls, round(us, 1)) for what, calls, us in found]
        record.write(options.json, {"lines": {f"{options.network}, {options.engine}": rounded}})


@np.errstate(all="ignore")
def apart(network: str, engine: Any) -> list[Part]:
    """Return the parts of a network's step, then the rest, the whole and the products alone."""
    step, x = compiled(NETWORKS[network], engine)
    given = step(x).data
    whole = _best(lambda: step(x))
    plan = step._last
    names = plan.run.__globals__ | {"batch": x.data}
    kinds: dict[str, list[str]] = {}
    for line in plan.source.splitlines()[1:-1]:
        text = line.partition("  #")[0].strip()
        if text and not text.startswith("#"):
            kinds.setdefault(_kind(text, names), []).append(text)
    arrays = [t for t in names.values() if isinstance(t, np.ndarray) and t.flags.writeable]
    found: list[Part] = []
    for kind, lines in kinds.items():
        exec("def alone():\n    " + "\n    ".join(lines), names)
        for array in arrays:
            array.fill(1)  # lines repeated alone shall not meet numbers that take longer
        us = _best(names["alone"])
        if kind == _UPDATE:
            found.append(("the update's arithmetic", None, kernels := _best(_kernels(names))))
            kind, us = "the update's numbers, counts and marks, in Python", us - kernels
        found.append((kind, None if "Python" in kind else len(lines), us))
    plan.run = lambda *_: (given,)
    handing = "finding the plan, comparing, handing out the result"
    found.append((handing, None, _best(lambda: step(x))))
    rest = "when it is not called again and again: caches, branches"
    found.append((rest, None, whole - sum(us for *_, us in found)))
    products = _best(floor(NETWORKS[network]))
    return [*found, ("the whole step", None, whole), ("its products alone", None, products)]


def _kernels(names: dict[str, Any]) -> Callable[[], None]:
    """Return what does an update's arithmetic."""
    optimizer = next(t for name, t in names.items() if name.endswith("_step")).func.__self__
    spans = [span for buffer in optimizer._buffers.values() for span in buffer._spans]
    kernels = [kernel for span in spans for made in span.kernels.values() for kernel in made]

    def run() -> None:
        for kernel in kernels:
            kernel()

    return run


def _kind(text: str, names: dict[str, Any]) -> str:
    if ".grad = " in text:
        return "handing out gradients"
    if text.endswith("_step()"):
        return _UPDATE
    if re.match(r"(calls|place)\d+\(", text):
        return "tables of loops and products, and finding the batch"
    if first := re.match(r"(\w+)\.dot\(", text):
        is_vector = names[first[1]].ndim == 1
        return "sums of bias gradients, as products" if is_vector else "products, by dot"
    return "elementwise lines"


def _best(task: Callable[[], object], blocks: int = 60, count: int = 200) -> float:
    """Return the microseconds of a call, in the best of some blocks of calls."""
    times = []
    for _ in range(blocks):
        began = time.process_time()
        for _ in range(count):
            task()
        times.append((time.process_time() - began) / count * 1e6)
    return min(times)


if __name__ == "__main__":
    main()
