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

from ...core.graph import Graph, Node
from ...core.modes import no_grad, record_everything
from ...core.tensor import Tensor, _wrap
from ...ops.op import Array, Rule

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
    return Work(seconds, node.flops, node.bytes, _made(node))


def backward_work(node: Node, gradient: Array) -> Work:
    """Measure the rules of one operation on the gradient that arrives at it.

    Flops and bytes are those of the operations its rules call, found by recording them.
    """
    assert node.op is not None
    work = Work()
    for k, x in enumerate(node.inputs):
        pull = node.op.vjp(k)
        if x.tracked and pull is not None and node.saved is not None:
            with no_grad():
                seconds = _median_time(partial(pull, k, gradient, node, node.saved))
            work += Work(seconds, *_recorded(pull, k, gradient, node, node.saved))
    return work


def _recorded(
    pull: Rule, k: int, gradient: Array, node: Node, saved: list[Any]
) -> tuple[int, int, int]:
    """Return flops, bytes moved and bytes made by the operations a rule calls."""
    with record_everything(), np.errstate(all="ignore"):
        lifted = [_wrap(v) if isinstance(v, np.ndarray) else v for v in saved]
        try:
            result = pull(k, _wrap(gradient), node, lifted)
        except Exception:  # a rule is a stranger's code, and may work on arrays alone
            return 0, 0, 0
    if not isinstance(result, Tensor):
        return 0, 0, 0
    called = [n for n in Graph.of(result) if n.op is not None]
    return sum(n.flops for n in called), sum(n.bytes for n in called), sum(map(_made, called))


def _made(node: Node) -> int:
    """Return the bytes of an operation's new array."""
    if node.op is None or node.op.views:
        return 0
    return math.prod(node.shape) * node.dtype.itemsize


def _median_time(run: Callable[[], Any]) -> float:
    with np.errstate(all="ignore"):
        run()
        times = []
        for _ in range(RUNS):
            start = time.perf_counter()
            run()
            times.append(time.perf_counter() - start)
    return statistics.median(times)
