"""How much gradient flows where: the backward pass, measured on the way."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property

import numpy as np

from ...core.graph import Graph, Node
from ...ops.op import Array
from ..derivation.backward import watch
from ..derivation.naming import is_number, of_parameters
from ..derivation.precision import cancelled

FAR = 1000.0  # this many times the median and more is exploding, as many times less vanishing
CANCELS = "gradient is 0: its terms cancel, up to rounding"
FEWEST_GRADIENTS = 4  # for a median to say something
FEWEST_SAMPLES = 8  # for a unit that is never active to be called dead


class Status(Enum):
    """Why there is a number, or none."""

    COMPUTED = "computed"
    FREED = "freed"  # by a backward pass, with what it needs
    NOT_NEEDED = "not needed"  # nothing it depends on requires gradients
    NOT_COMPUTED = "not computed"  # it requires gradients, but none arrives from these results


@dataclass(frozen=True)
class Amount:
    """How large a gradient is.

    Attributes:
        status: whether it is known.
        rms: root mean square of its finite elements.
        size: number of its elements.
        nan: how many of them are not a number.
        infinite: how many are infinite.
        cancels: whether it is 0 but for rounding, since what was added up in it cancels.
    """

    status: Status
    rms: float = math.nan
    size: int = 0
    nan: int = 0
    infinite: int = 0
    cancels: bool = False

    @property
    def is_computed(self) -> bool:
        """Whether there is a number."""
        return self.status is Status.COMPUTED


@dataclass
class Flow:
    """The gradients of a graph's results (of their sum, where they have several elements).

    Attributes:
        totals: for every node, how large ∂L/∂node is.
        parts: the same for what arrives at a node from each of its uses.
        remarks: what is wrong with a node's gradient or value, in words.
    """

    totals: dict[Node, Amount] = field(default_factory=dict)
    parts: dict[Node, dict[Hashable, Amount]] = field(default_factory=dict)
    remarks: dict[Node, list[str]] = field(default_factory=dict)

    def level(self, amount: Amount) -> float | None:
        """Return where a gradient lies between the weakest (0) and the strongest (1), by log."""
        if not (amount.is_computed and amount.rms > 0) or amount.cancels:
            return None
        low, high = self._ends
        level = (math.log10(amount.rms) - low) / max(high - low, 1.0)
        return min(1.0, max(0.0, level))

    @cached_property
    def _ends(self) -> tuple[float, float]:
        """Logarithms of the weakest and the strongest gradient.

        Those of single numbers don't count where there are others: the loss's own is 1, which
        its mean spreads over a whole batch.
        """
        sizes: dict[bool, list[float]] = {True: [], False: []}
        for node, parts in self.parts.items():
            known = [a.rms for a in parts.values() if a.rms > 0 and not a.cancels]
            sizes[node.shape == ()] += known
        logs = [math.log10(rms) for rms in sizes[False] or sizes[True]]
        return (min(logs), max(logs)) if logs else (0.0, 0.0)


def measure(array: Array) -> Amount:
    """Return how large a gradient is."""
    finite = np.isfinite(array)
    values = array if finite.all() else array[finite]
    rms = math.nan
    if values.size:  # scaled, since squares of what is tiny or huge leave the range of numbers
        scale = float(np.abs(values).max()) or 1.0
        rms = scale * math.sqrt(np.mean(np.square(values / scale, dtype=float)))
    nan = int(np.isnan(array).sum())
    return Amount(Status.COMPUTED, rms, array.size, nan, int(array.size - finite.sum()) - nan)


def flow(
    graph: Graph,
    key: Callable[[Node, int], Hashable],
    visit: Callable[[Node, Array], None] | None = None,
) -> Flow:
    """Pull gradients back through a graph and measure them on the way.

    Args:
        graph: its results are what is differentiated; where they have several elements, their sum.
        key: which use the input ``k`` of a node is; uses of a value with equal keys count as one.
        visit: called with each node and its gradient, last node first.

    Raises:
        GradientError: a value that a rule needs was overwritten after it was saved.
    """
    found = Flow()
    arriving: dict[Node, dict[Hashable, Array]] = {}

    def parts(node: Node) -> dict[Hashable, Amount]:
        known = arriving.pop(node, {})
        if node in graph.outputs and node.tracked:
            known["seed"] = np.ones(node.shape, node.dtype)
        return {use: measure(g) for use, g in known.items()}

    def arrived(node: Node, gradient: Array) -> None:
        found.parts[node], found.totals[node] = parts(node), measure(gradient)
        if visit:
            visit(node, gradient)

    def passed(node: Node, k: int, part: Array) -> None:
        known, use = arriving.setdefault(node.inputs[k], {}), key(node, k)
        known[use] = known[use] + part if use in known else part

    lost = watch(graph, arrived, passed)
    for node in graph:
        if not node.tracked:
            found.totals[node] = Amount(Status.NOT_NEEDED)
        elif node in lost:
            freed = {key(*use): Amount(Status.FREED) for use in lost[node]}
            found.parts[node], found.totals[node] = parts(node) | freed, Amount(Status.FREED)
        elif node not in found.totals:
            found.parts[node], found.totals[node] = {}, Amount(Status.NOT_COMPUTED)
    return found


# ---- what needs attention


def remark(found: Flow, graph: Graph, values: dict[Node, Array]) -> None:
    """Write down what is wrong with gradients and values."""
    # Gradients of parameters and of values are of different orders: one is the sum over a batch.
    # So are those of single numbers, which have no like.
    many = [node for node in graph if math.prod(node.shape) > 1]
    own = of_parameters(graph)
    groups = [node for node in many if node in own], [node for node in many if node not in own]
    medians = {node: _median(found, alike) for alike in groups for node in alike}
    _mark_cancelled(found, graph, values, medians)
    for node in graph:
        median = medians.get(node)
        amount = found.totals[node]
        remarks = _non_finite("gradient", amount.nan, amount.infinite, amount.size)
        if amount.is_computed and not remarks:
            if amount.rms == 0:
                remarks.append("gradient is exactly 0 everywhere")
            elif amount.cancels:
                remarks.append(CANCELS)
            elif median and amount.rms < median / FAR:
                remarks.append(f"vanishing gradient: 1/{_times(median / amount.rms)} of the median")
            elif median and amount.rms > median * FAR:
                remarks.append(f"exploding gradient: {_times(amount.rms / median)} × the median")
        if node in values:
            value = np.asarray(values[node])
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                nan = int(np.isnan(value).sum())
                infinite = int(np.isinf(value).sum())
                remarks = _non_finite("value", nan, infinite, value.size) + remarks
            elif dead := _dead_units(node, values):
                remarks.append(dead)
        if remarks:
            found.remarks[node] = remarks


def _mark_cancelled(
    found: Flow, graph: Graph, values: dict[Node, Array], medians: dict[Node, float | None]
) -> None:
    """Tell gradients that are 0 but for rounding from small ones, among those that look small."""
    sizes = {node: found.totals[node].rms for node, median in medians.items() if median}
    small = {node for node, rms in sizes.items() if 0 < rms < (medians[node] or 0) / FAR}
    for node in cancelled(graph, values, small) if small else ():
        found.totals[node] = replace(found.totals[node], cancels=True)
        if len(found.parts[node]) == 1:
            found.parts[node] = dict.fromkeys(found.parts[node], found.totals[node])


def _median(found: Flow, nodes: Iterable[Node]) -> float | None:
    sizes = [found.totals[node].rms for node in nodes]
    sizes = [rms for rms in sizes if math.isfinite(rms) and rms > 0]
    return float(np.median(sizes)) if len(sizes) >= FEWEST_GRADIENTS else None


def _times(ratio: float) -> str:
    return f"{ratio:.0e}".replace("e+0", "e").replace("e+", "e")


def _non_finite(what: str, nan: int, infinite: int, size: int) -> list[str]:
    parts = [f"{n:,} {name}" for n, name in ((nan, "NaN"), (infinite, "infinite")) if n]
    return [f"{what} not finite: {' and '.join(parts)} of {size:,}"] if parts else []


def _dead_units(node: Node, values: dict[Node, Array]) -> str:
    """Say how many units no sample moves, for an operation on single elements of one input."""
    inputs = [x for x in node.inputs if not is_number(x)]
    if node.op is None or not (node.op.expr and node.tracked) or len(inputs) != 1:
        return ""
    x, z = values.get(inputs[0]), values[node]
    if x is None or x.shape != z.shape or z.ndim < 2 or len(z) < FEWEST_SAMPLES:
        return ""
    x, z = _by_unit(x), _by_unit(z)
    moved = np.ptp(x, axis=0) > np.finfo(x.dtype).tiny ** 0.5  # less vanishes in a square
    dead = (z == z[0]).all(axis=0) & moved
    count = int(dead.sum())
    if not count:
        return ""
    always = "0" if (z[0][dead] == 0).all() else "constant"
    units = "channels" if len(node.shape) == 4 else "units"
    return f"dead: {count:,} of {dead.size:,} {units} are {always} for all {node.shape[0]} samples"


def _by_unit(values: Array) -> Array:
    """Return one column per unit: a number of a sample, or a channel of an image."""
    if values.ndim == 4:
        return np.moveaxis(values, 1, -1).reshape(-1, values.shape[1])
    return values.reshape(len(values), -1)
