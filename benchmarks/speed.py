"""A training step's time, beside the time of its matrix products alone and beside peers'.

    python -m benchmarks.speed [--quick] [--threads 1] [--peers jax,torch] [--json FILE]

A step is forward, backward and Adam on an autoencoder, dense or convolutional. On a CPU it can
hardly take less than its matrix products, so the *floor* is those alone, written into
preallocated arrays by the BLAS that NumPy uses; a step's overhead is what it takes above that.

All contenders run in turn, in short blocks, in one process: what disturbs one disturbs all. Each
block's time is divided by the floor's in the same round; the figures are medians over rounds,
with the quartiles. With one thread CPU time counts, which other processes disturb less; with
more, wall time, without the rounds in which other processes took the cores.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from . import convolutional

Step = Callable[[], object]

NETWORKS: dict[str, tuple[list[int], int]] = {
    "tiny": ([64, 32, 8, 32, 64], 32),
    "small": ([784, 128, 16, 128, 784], 128),
    "deep128": ([784, 1000, 500, 250, 30, 250, 500, 1000, 784], 128),
    "deep1000": ([784, 1000, 500, 250, 30, 250, 500, 1000, 784], 1000),
}
NOISY = 0.15  # of the median: a wider half spread of the floor allows no conclusion


@dataclass
class Figure:
    """Times of one contender on one network, in microseconds, and its ratio to the floor."""

    network: str
    contender: str
    us: float
    ratio: float
    low: float  # quartiles of the ratio
    high: float
    capture_ms: float | None = None


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(prog="benchmarks.speed", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, no deep1000")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--peers", default="", help="any of jax,torch")
    parser.add_argument("--networks", default=",".join([*NETWORKS, "conv"]))
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args(arguments)
    limit_threads(options.threads)
    names = [n for n in options.networks.split(",") if n != "deep1000" or not options.quick]
    peers = [p for p in options.peers.split(",") if p]
    described = describe(options.threads, peers)
    for line in described:
        print(line)
    figures: list[Figure] = []
    for name in names:
        figures += measure(name, peers, options.threads, rounds=12 if options.quick else 40)
        show([f for f in figures if f.network == name], options.threads)
    print(f"\nimport tinygrad_ae: {import_time('tinygrad_ae'):.0f} ms, of which NumPy "
          f"{import_time('numpy'):.0f} ms")  # fmt: skip
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(
                {"machine": described, "figures": [asdict(f) for f in figures]}, file, indent=1
            )


def limit_threads(count: int) -> None:
    """Hold every library to that many threads; they read this when they are loaded."""
    for name in ("OPENBLAS", "OMP", "MKL"):
        os.environ[f"{name}_NUM_THREADS"] = str(count)
    eigen = "true" if count > 1 else "false"
    os.environ["XLA_FLAGS"] = (
        f"--xla_cpu_multi_thread_eigen={eigen} intra_op_parallelism_threads={count}"
    )


def describe(threads: int, peers: Sequence[str]) -> list[str]:
    """Return what the figures depend on."""
    from importlib import metadata

    import numpy as np

    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    packages = ["numpy", "threadpoolctl", *peers]
    versions = []
    for package in packages:
        try:
            versions.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            versions.append(f"{package} not installed")
    lines = [
        f"Python {platform.python_version()}, {', '.join(versions)}",
        f"BLAS {blas.get('name')} {blas.get('version')}, kernel {kernel()}, {threads} thread(s)",
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
    ]
    fixed = {k: v for k, v in os.environ.items() if k in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
    return lines + ([f"BLAS is held back: {fixed}"] if fixed else [])


def kernel() -> str:
    """Return which set of routines OpenBLAS chose for this processor."""
    try:
        pools = importlib.import_module("threadpoolctl").threadpool_info()
    except ImportError:
        return "unknown (install threadpoolctl)"
    return ", ".join(str(pool.get("architecture")) for pool in pools) or "unknown"


def import_time(module: str) -> float:
    """Return milliseconds to import a module in a new process, interpreter's start excluded."""
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    runs = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                             check=True).stdout)
        for _ in range(5)
    ]  # fmt: skip
    return min(runs) * 1e3


# ---- contenders: functions that return a step on given layer widths and a batch


def floor(widths: list[int], batch: Any) -> Step:
    """Return the step's matrix products alone."""
    import numpy as np

    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(n, m)).astype(np.float32) for m, n in pairwise(widths)]
    gradients = [np.empty_like(w) for w in weights]
    values = [batch, *(np.empty((len(batch), n), np.float32) for n in widths[1:])]
    pulled = [np.ones_like(v) for v in values]
    calls: list[tuple[Any, Any, Any]] = []
    for k, w in enumerate(weights):
        calls.append((values[k], w.T, values[k + 1]))
    for k in reversed(range(len(weights))):
        calls.append((pulled[k + 1].T, values[k], gradients[k]))
        if k:
            calls.append((pulled[k + 1], weights[k], pulled[k]))

    def step() -> None:
        for a, b, out in calls:
            np.matmul(a, b, out)

    return step


def ours(widths: list[int], batch: Any, compiled: bool) -> Step:
    """Return our step: as written, or compiled."""
    from tinygrad_ae import manual_seed, nn, optim
    from tinygrad_ae.capture import compile
    from tinygrad_ae.tensor import Tensor, as_tensor

    manual_seed(0)
    layers: list[nn.Module] = []
    for k, (m, n) in enumerate(pairwise(widths)):
        layers += [nn.Linear(m, n), activation(nn, k, len(widths))]
    model = nn.Sequential(*(layer for layer in layers if layer is not None))
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    x = as_tensor(batch)

    def step(x: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = ((model(x) - x) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    run = compile(step) if compiled else step
    return lambda: run(x)


def activation(nn: Any, k: int, count: int) -> Any:
    """Return what follows layer k: ReLU, nothing after the code, a sigmoid at the end."""
    if k == count - 2:
        return nn.Sigmoid()
    return None if k == (count - 1) // 2 - 1 else nn.ReLU()


def torch(widths: list[int], batch: Any, threads: int) -> Step:
    """Return PyTorch's step, with its fused Adam."""
    t: Any = importlib.import_module("torch")

    t.set_num_threads(threads)
    t.manual_seed(0)
    layers: list[Any] = []
    for k, (m, n) in enumerate(pairwise(widths)):
        layers += [t.nn.Linear(m, n), activation(t.nn, k, len(widths))]
    model = t.nn.Sequential(*(layer for layer in layers if layer is not None))
    optimizer = t.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    x = t.from_numpy(batch)

    def step() -> None:
        optimizer.zero_grad()
        loss = ((model(x) - x) ** 2).mean()
        loss.backward()
        optimizer.step()
        loss.item()

    return step


def jax(widths: list[int], batch: Any) -> Step:
    """Return JAX's step, compiled as one function."""
    import numpy as np

    j: Any = importlib.import_module("jax")
    jnp: Any = importlib.import_module("jax.numpy")

    rng = np.random.default_rng(0)
    w = [jnp.asarray(rng.normal(0, m**-0.5, (m, n)), "float32") for m, n in pairwise(widths)]
    b = [jnp.zeros(n, "float32") for n in widths[1:]]

    def loss_of(parameters: Any, x: Any) -> Any:
        h = x
        for k, (wk, bk) in enumerate(zip(*parameters, strict=True)):
            h = h @ wk + bk
            if k == len(widths) - 2:
                h = j.nn.sigmoid(h)
            elif k != (len(widths) - 1) // 2 - 1:
                h = j.nn.relu(h)
        return jnp.mean((h - x) ** 2)

    def adam(state: Any, x: Any) -> Any:
        p, m, v, t = state
        loss, g = j.value_and_grad(loss_of)(p, x)
        t = t + 1
        m = j.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = j.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        a, c = 1e-3 / (1 - 0.9**t), 1 / (1 - 0.999**t)
        p = j.tree.map(lambda p, m, v: p - a * m / (jnp.sqrt(v * c) + 1e-8), p, m, v)
        return (p, m, v, t), loss

    update = j.jit(adam, donate_argnums=0)
    zeros = j.tree.map(jnp.zeros_like, (w, b))
    state = ((w, b), zeros, j.tree.map(jnp.copy, zeros), jnp.zeros((), "float32"))
    x = jnp.asarray(batch)

    def step() -> None:
        nonlocal state
        state, loss = update(state, x)
        loss.block_until_ready()

    return step


# ---- measuring


def dense(name: str, peers: Sequence[str], threads: int) -> dict[str, Step]:
    """Return the steps to compare on a dense network, by name."""
    import numpy as np

    widths, count = NETWORKS[name]
    batch = np.random.default_rng(1).random((count, widths[0]), dtype=np.float32)
    steps: dict[str, Step] = {
        "floor": floor(widths, batch),
        "eager": ours(widths, batch, compiled=False),
        "compiled": ours(widths, batch, compiled=True),
    }
    if "torch" in peers:
        steps["torch"] = torch(widths, batch, threads)
    if "jax" in peers:
        steps["jax"] = jax(widths, batch)
    return steps


def measure(name: str, peers: Sequence[str], threads: int, rounds: int) -> list[Figure]:
    """Return the figures of all contenders on one network."""
    if name == "conv":
        steps = convolutional.contenders(peers, threads)
    else:
        steps = dense(name, peers, threads)
    first: dict[str, float] = {}
    for contender, step in steps.items():
        start = time.perf_counter()
        step()
        first[contender] = (time.perf_counter() - start) * 1e3
        step()
    each = {contender: repeats(step) for contender, step in steps.items()}
    times: dict[str, list[float]] = {contender: [] for contender in steps}
    for _ in range(rounds):
        found = {c: timed(step, each[c], threads) for c, step in steps.items()}
        if threads > 1 and any(taken for _, taken in found.values()):
            continue
        for contender, (seconds, _) in found.items():
            times[contender].append(seconds)
    if not times["floor"]:
        raise SystemExit("the machine was too busy: no round was without other processes")
    return [figure(name, c, times, first if c in ("compiled", "jax") else {}) for c in steps]


def repeats(step: Step) -> int:
    """Return how many steps take about 20 ms."""
    start = time.perf_counter()
    step()
    return max(1, min(2000, int(0.02 / (time.perf_counter() - start))))


def timed(step: Step, count: int, threads: int) -> tuple[float, bool]:
    """Return seconds per step, and whether other processes had the cores meanwhile."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(count):
        step()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return (cpu if threads == 1 else wall) / count, cpu < 0.9 * wall


def figure(
    network: str, contender: str, times: dict[str, list[float]], first: dict[str, float]
) -> Figure:
    """Return the medians of a contender's times and of their ratios to the floor's."""
    ratios = [a / b for a, b in zip(times[contender], times["floor"], strict=True)]
    low, _, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else (ratios * 3)
    us = statistics.median(times[contender]) * 1e6
    return Figure(
        network, contender, us, statistics.median(ratios), low, high, first.get(contender)
    )


def title(network: str) -> str:
    """Return a network's layers and batch."""
    if network == "conv":
        return convolutional.TITLE
    widths, count = NETWORKS[network]
    return f"{network}: {'-'.join(map(str, widths))}, batch {count}"


def show(figures: list[Figure], threads: int) -> None:
    """Print one network's table."""
    clock = "CPU" if threads == 1 else "wall"
    print(f"\n{title(figures[0].network)}, {clock} time")
    print(f"{'':<10}{'µs':>10}{'× floor':>10}{'quartiles':>16}{'ours / it':>11}{'first, ms':>11}")
    mine = next(f.us for f in figures if f.contender == "compiled")
    for f in figures:
        first = f"{f.capture_ms:.1f}" if f.capture_ms else ""
        print(
            f"{f.contender:<10}{f.us:>10.1f}{f.ratio:>10.2f}"
            f"{f'{f.low:.2f}…{f.high:.2f}':>16}{mine / f.us:>11.2f}{first:>11}"
        )
    theirs = [f.us for f in figures if f.contender.startswith("torch")]
    if len(theirs) > 1:
        print(f"ours over PyTorch's better layout: {mine / min(theirs):.2f}")
    spread = max((f.high - f.low) / 2 / f.ratio for f in figures if f.contender != "floor")
    if spread > NOISY:
        print(f"The machine was too noisy to conclude from this (spread ±{spread:.0%}).")


if __name__ == "__main__":
    main()
