"""Timing in short blocks, in turn; run in a process of its own for each number of threads."""

from __future__ import annotations

import gc
import importlib
import resource
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from .networks import Network, Step, floor
from .peers import NotOffered, contender

BLOCK = 0.02  # seconds
OTHERS = 0.1  # of the machine: a round in which other processes had more is dropped


@dataclass
class Figure:
    """Times of one contender on one network, in microseconds, and its ratio to the floor."""

    network: str
    contender: str
    threads: int
    us: float
    ratio: float
    low: float  # quartiles of the ratio
    high: float
    first_ms: float  # from nothing to the end of the first step
    plan_ms: float  # the first call's time above that of a later one: capturing, compiling
    rounds: int
    dropped: int

    @property
    def spread(self) -> float:
        """Half the distance of the quartiles, over the median."""
        return (self.high - self.low) / 2 / self.ratio


def measure(
    network: Network, names: Sequence[str], threads: int, rounds: int
) -> tuple[list[Figure], list[str]]:
    """Return the figures of the floor and of all contenders, and remarks."""
    steps: dict[str, Step] = {}
    remarks, first = [], {}
    for name in ("floor", *names):
        start = time.perf_counter()
        try:
            step = floor(network) if name == "floor" else contender(name, network, threads)
            call = _timed(step, 1, threads)
        except (NotOffered, ImportError, RuntimeError) as error:
            remarks.append(f"{network.name}, {name}: {str(error).splitlines()[0]}")
            continue
        steps[name] = step
        first[name] = (time.perf_counter() - start) * 1e3, call * 1e3
        step()
    each = {name: _repeats(step) for name, step in steps.items()}
    times: dict[str, list[float]] = {name: [] for name in steps}
    dropped = 0
    gc.collect()
    gc.disable()
    for _ in range(rounds):
        before, wall = _other_work(), time.perf_counter()
        found = {name: _timed(step, each[name], threads) for name, step in steps.items()}
        if _other_work() - before > OTHERS * 2 * (time.perf_counter() - wall) and threads > 1:
            dropped += 1
            continue
        for name, seconds in found.items():
            times[name].append(seconds)
    gc.enable()
    if len(times["floor"]) < 3:
        return [], [*remarks, f"{network.name}: the machine was too busy, {dropped} rounds dropped"]
    return [
        _figure(network.name, name, threads, times, first[name], dropped) for name in steps
    ], remarks


def peak_memory(network: Network, name: str, threads: int) -> float:
    """Return the megabytes a few steps take at most, above what the imports took."""
    if name in ("eager", "numpy", "numba"):
        import tinygrad_ae.compiled
        import tinygrad_ae.nn.functional
        import tinygrad_ae.optim  # noqa: F401
    if name not in ("floor", "eager", "numpy"):
        importlib.import_module(name.partition("-")[0])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    step = floor(network) if name == "floor" else contender(name, network, threads)
    for _ in range(5):
        step()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def _repeats(step: Step) -> int:
    start = time.perf_counter()
    step()
    return max(1, min(2000, int(BLOCK / (time.perf_counter() - start))))


def _timed(step: Step, count: int, threads: int) -> float:
    """Return seconds per step: of the processor for one thread, else of the clock."""
    clock = time.process_time if threads == 1 else time.perf_counter
    start = clock()
    for _ in range(count):
        step()
    return (clock() - start) / count


def _other_work() -> float:
    """Return the seconds of processor time that all other processes have had (Linux; else 0)."""
    try:
        with open("/proc/stat", encoding="ascii") as file:
            user, nice, system, _, _, irq, softirq, stolen = map(int, file.readline().split()[1:9])
    except OSError:
        return 0.0
    return (user + nice + system + irq + softirq + stolen) / 100 - time.process_time()


def _figure(
    network: str,
    name: str,
    threads: int,
    times: dict[str, list[float]],
    first: tuple[float, float],
    dropped: int,
) -> Figure:
    ratios = [a / b for a, b in zip(times[name], times["floor"], strict=True)]
    low, median, high = statistics.quantiles(ratios, n=4)
    us = statistics.median(times[name]) * 1e6
    made, call = first
    plan = max(0.0, call - us / 1e3)
    return Figure(network, name, threads, us, median, low, high, made, plan, len(ratios), dropped)
