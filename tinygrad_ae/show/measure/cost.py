"""What each operation of a graph costs, measured by running it again."""

from __future__ import annotations

import copy
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ...core.graph import Node
from ...core.modes import no_grad
from ...ops.op import Array
from .observe import Tally, work_of_rule

RUNS = 5  # after one that warms caches up; the median counts


@dataclass(frozen=True)
class Work:
    """What one direction costs.

    Attributes:
        seconds: median time of a run, 0 if it was not run.
        flops: floating-point operations.
        bytes: read and written.
        memory: bytes of new arrays.
    """

    seconds: float = 0.0
    flops: int = 0
    bytes: int = 0
    memory: int = 0

    def __add__(self, other: Work) -> Work:
        return Work(
            self.seconds + other.seconds,
            self.flops + other.flops,
            self.bytes + other.bytes,
            self.memory + other.memory,
        )


@dataclass(frozen=True)
class Cost:
    """What one operation costs: computing it, and pulling its gradient back."""

    forward: Work
    backward: Work


def forward_work(node: Node, values: dict[Node, Array]) -> Work:
    """Measure one operation's forward pass; without its inputs' values, count it only."""
    assert node.op is not None
    inputs = [values.get(x) for x in node.inputs]
    seconds = 0.0
    if all(x is not None for x in inputs):
        attrs = node.attrs
        if node.op.is_random:  # drawing must not move the generator on
            attrs = {**attrs, "generator": copy.deepcopy(attrs["generator"])}
        seconds = _median_time(partial(node.op.forward, *inputs, **attrs))
    made = 0 if node.op.views else math.prod(node.shape) * node.dtype.itemsize
    return Work(seconds, node.flops, node.bytes, made)


def backward_work(node: Node, gradient: Array) -> Work:
    """Measure the rules of one operation on the gradient that arrives at it.

    Flops and bytes are those of the operations its rules call.
    """
    assert node.op is not None
    work = Work()
    for k, x in enumerate(node.inputs):
        pull = node.op.vjp(k)
        if x.tracked and pull is not None and node.saved is not None:
            with no_grad():
                seconds = _median_time(partial(pull, k, gradient, node, node.saved))
            counted = work_of_rule(pull, k, gradient, node, node.saved) or Tally()
            work += Work(seconds, counted.flops, counted.bytes, counted.memory)
    return work


def _median_time(run: Callable[[], Any]) -> float:
    with np.errstate(all="ignore"):
        run()
        times = []
        for _ in range(RUNS):
            start = time.perf_counter()
            run()
            times.append(time.perf_counter() - start)
    return statistics.median(times)
