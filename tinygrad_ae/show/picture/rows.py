"""The lines of a card below its equation: gradients, what is kept in memory, cost, remarks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ...core.graph import Graph, Node
from ...ops.op import Array
from ..derivation.derive import GRADIENT, local_gradients, read_back
from ..derivation.naming import is_number
from ..measure.cost import Cost
from ..measure.quantities import count, data, duration, number
from .cards import Row, RowKind, Thumbnail
from .flow import CANCELS, Amount, Flow, Status
from .grouping import Grouping
from .repetition import Group

FEW_READERS = 2  # a parameter that more operations take is not drawn beside the first
LONGEST_SUM = 56  # characters in which the terms of a sum are written out


@dataclass
class Details:
    """What is known of a graph beyond the graph itself.

    Attributes:
        names: what each node is called.
        result: what is differentiated: "L" in ∂L/∂x.
        flow: gradients, or None if they are not to be shown.
        values: of nodes, as far as they are known and to be shown.
        costs: time and memory of each operation, or None.
        thumbnails: small pictures of values.
        failure: for a graph whose last operation failed, why.
        legend: how to read the picture.
    """

    names: dict[Node, str]
    result: str = "L"
    flow: Flow | None = None
    values: dict[Node, Array] = field(default_factory=dict)
    costs: dict[Node, Cost] | None = None
    thumbnails: dict[Node, tuple[Thumbnail, ...]] = field(default_factory=dict)
    failure: str = ""
    legend: tuple[str, ...] = ()

    def number(self, node: Node) -> str:
        """Return ``"= 0.12"`` for a node of one element whose value is known."""
        value = self.values.get(node)
        if value is None or np.size(value) != 1:
            return ""
        text = f"{np.asarray(value).item():.5g}"
        return "= " + text.replace("-", "−")


class Rows:
    """Writes the lines of cards.

    Args:
        graph: what is drawn.
        grouping: its cards.
        details: what is known.
    """

    def __init__(self, graph: Graph, grouping: Grouping, details: Details) -> None:
        self.graph, self.grouping, self.details = graph, grouping, details
        self.consumers = graph.consumers()
        self.derived: dict[Node, list[str]] = {}

    def owner(self, unit: Group) -> Group | None:
        """Return what a parameter is drawn beside: the operation that takes it first.

        One that many take stands on its own.
        """
        node = unit.copies[0][0]
        readers = [self.grouping.places[use].group for use in self.consumers[node]]
        if node.op is not None or not node.tracked or not 0 < len(set(readers)) <= FEW_READERS:
            return None
        reader = readers[0]
        return None if reader.is_closed or reader.repeat is not unit.repeat else reader

    def of(self, unit: Group) -> tuple[Row, ...]:
        """Return the lines of a card."""
        found: list[Row] = []
        if self.details.failure and unit.copies[0][0] in self.graph.outputs:
            found.append(Row(RowKind.REMARK, "fails on what it is given"))
        flow, costs = self.details.flow, self.details.costs
        if flow is not None:
            if unit.is_closed:
                found += self._closed_gradients(unit, flow)
            else:
                found += self._gradients(unit, flow)
            found += _remarks(unit, self.details, flow)
        if costs is not None:
            found += cost_rows(unit, costs)
        if flow is not None or costs is not None:
            found += _memory(unit, self.details.names)
        return tuple(found)

    # ---- gradients

    def _gradients(self, unit: Group, flow: Flow) -> list[Row]:
        """Return what a leaf or an operation says about gradients."""
        node = unit.copies[0][0]
        found: list[Row] = []
        uses = flow.parts.get(node, {})
        total = [flow.totals[n] for n in unit.nodes]
        if not node.tracked:
            found.append(Row(RowKind.ABSENT, f"{self._of(node)} not needed"))
        elif all(a.status is Status.NOT_COMPUTED for a in total):
            found.append(Row(RowKind.ABSENT, f"{self._of(node)} not computed"))
        elif node in self.graph.outputs and len(uses) == 1:
            row = _row(RowKind.GRADIENT, f"{self._of(node)} = 1", total, flow)
            found.append(replace(row, number=""))
        elif len(uses) > 1:
            found.append(_row(RowKind.SUM, self._sum(node), total, flow))
        elif self.owner(unit) is not None:
            found.append(_row(RowKind.GRADIENT, self._sum(node), total, flow))
        return found + self._passed_on(unit, flow)

    def _passed_on(self, unit: Group, flow: Flow) -> list[Row]:
        """Return a line for each input that an operation's gradient goes on to."""
        node = unit.copies[0][0]
        found = []
        for k, x in enumerate(node.inputs):
            if not (x.tracked and node.tracked and node.op) or self._stands_beside(x, node):
                continue
            if node.op.vjp(k) is None:
                text = f"{node.op.name} passes none on to {self.details.names[x]}"
                found.append(Row(RowKind.ABSENT, text))
                continue
            parts = [
                flow.parts.get(n.inputs[k], {}).get((unit, turn, k))
                for turn, (n,) in enumerate(unit.copies)
            ]
            amounts = [a for a in parts if a]
            if amounts:
                sign = "+=" if len(flow.parts[x]) > 1 else "="
                derived = self._formulas(node)[k]
                text = f"{self._of(x)} {sign} {derived}" if derived else self._of(x)
                found.append(_row(RowKind.GRADIENT, text, amounts, flow))
        return found

    def _closed_gradients(self, unit: Group, flow: Flow) -> list[Row]:
        """Return what a closed module says: its outputs, inputs, and its parameters together."""
        inside = set(unit.nodes)
        found = []
        for node in unit.copies[-1]:
            is_seen = any(reader not in inside for reader in self.consumers[node])
            if is_seen and len(flow.parts.get(node, {})) > 1:
                found.append(_row(RowKind.SUM, self._sum(node), [flow.totals[node]], flow))
        arguments = dict.fromkeys(x for n in unit.copies[0] for x in n.inputs if x not in inside)
        for x in arguments:
            amount = flow.parts.get(x, {}).get((unit, 0, None))
            if amount and x in self.grouping.places:
                sign = "+=" if len(flow.parts[x]) > 1 else "="
                found.append(_row(RowKind.GRADIENT, f"{self._of(x)} {sign} …", [amount], flow))
        own = [x for x, home in self.grouping.hidden.items() if home is unit and x.tracked]
        if own:
            text = f"∂{self.details.result}/∂θ of {len(own)} parameters"
            found.append(_row(RowKind.GRADIENT, text, [flow.totals[x] for x in own], flow))
        return found

    def _stands_beside(self, x: Node, node: Node) -> bool:
        """Whether ``x`` is a parameter that is drawn beside ``node`` and says this itself."""
        if x.op is not None or self.consumers[x][0] is not node:
            return False
        return self.owner(self.grouping.places[x].group) is self.grouping.places[node].group

    def _of(self, node: Node) -> str:
        return f"∂{self.details.result}/∂{self.details.names[node]}"

    def _formulas(self, node: Node) -> list[str]:
        if node not in self.derived:
            derived = local_gradients(node, self.details.names, self.details.values)
            self.derived[node] = [str(e) if e is not None else "" for e in derived]
        return self.derived[node]

    def _sum(self, node: Node) -> str:
        """Write a gradient as the sum of what its uses contribute."""
        terms = []
        for use in dict.fromkeys(self.consumers[node]):
            is_open = use in self.grouping.places and not self.grouping.places[use].group.is_closed
            for k, x in enumerate(use.inputs):
                if x is node and use.tracked and use.op and use.op.vjp(k):
                    terms.append((use, self._formulas(use)[k] if is_open else ""))
        if len(terms) == 1 and terms[0][1]:
            return f"{self._of(node)} = {terms[0][1]}"
        if len(terms) == 1:
            return self._of(node)
        written = " + ".join(term.replace(GRADIENT, self._of(use)) for use, term in terms)
        if all(term for _, term in terms) and len(written) <= LONGEST_SUM:
            return f"{self._of(node)} = {written.replace('+ −', '− ')}"
        return f"{self._of(node)} = sum of {len(terms)} gradients"


def _row(kind: RowKind, text: str, amounts: Sequence[Amount], flow: Flow) -> Row:
    levels = [level for a in amounts if (level := flow.level(a)) is not None]
    return Row(kind, text, written(amounts), max(levels, default=None))


def written(amounts: Iterable[Amount]) -> str:
    """Write how large gradients are: one number, or the smallest and the largest."""
    known = list(amounts)
    for status in Status:
        if status is not Status.COMPUTED and any(a.status is status for a in known):
            return str(status.value)
    sizes = [0.0 if a.cancels else a.rms for a in known if not math.isnan(a.rms)]
    if not sizes:
        return "NaN" if known else ""
    low, high = number(min(sizes)), number(max(sizes))
    text = low if low == high else f"{low} … {high}"
    return text + (" (not all finite)" if any(a.nan or a.infinite for a in known) else "")


def _remarks(unit: Group, details: Details, flow: Flow) -> list[Row]:
    marked = {n: flow.remarks[n] for n in unit.nodes if n in flow.remarks}
    if len(unit.nodes) == 1:
        return [Row(_kind(text), text) for texts in marked.values() for text in texts]
    found = [
        Row(_kind(text), f"{details.names[n]}: {text}")
        for n, texts in list(marked.items())[:1]
        for text in texts
    ]
    if len(marked) > 1:
        found.append(Row(RowKind.REMARK, f"and remarks on {len(marked) - 1} more values"))
    return found


def _kind(remark: str) -> RowKind:
    return RowKind.ABSENT if remark == CANCELS else RowKind.REMARK  # as it should be: no warning


# ---- memory and cost


def kept(node: Node) -> list[Node]:
    """Return the values an operation keeps for backward, apart from parameters."""
    found = dict.fromkeys(read_back(node) if node.tracked else ())
    return [n for n in found if not is_number(n) and (n.op is not None or not n.tracked)]


def size_of(nodes: Iterable[Node]) -> int:
    """Return the bytes of values together; what only looks at another's memory has none."""
    owners = set()
    for node in nodes:
        while node.op is not None and node.op.views:
            node = node.inputs[0]
        owners.add(node)
    return sum(math.prod(n.shape) * n.dtype.itemsize for n in owners)


def _memory(unit: Group, names: dict[Node, str]) -> list[Row]:
    values = list(dict.fromkeys(value for node in unit.nodes for value in kept(node)))
    if not values:
        return []
    is_freed = all(node.saved is None for node in unit.nodes if kept(node))
    what = ", ".join(names[value] for value in values)
    if len(values) > 3:
        what = f"{len(values)} values"
    verb = "kept" if is_freed else "keeps"
    return [Row(RowKind.MEMORY, f"{verb} {what}", "freed" if is_freed else data(size_of(values)))]


def cost_rows(unit: Group, costs: dict[Node, Cost]) -> list[Row]:
    """Return what a card's operations cost, forward and backward."""
    spent = [costs[node] for node in unit.nodes if node in costs]
    if not spent:
        return []
    longest = max(max(c.forward.seconds, c.backward.seconds) for c in costs.values()) or 1.0
    found = []
    for arrow, works in (("↓", [c.forward for c in spent]), ("↑", [c.backward for c in spent])):
        work = sum(works[1:], works[0])
        if work.seconds or arrow == "↓":
            text = f"{arrow} {duration(work.seconds)} · {count(work.flops)}flop"
            traffic = f"{data(work.bytes)} moved · {data(work.memory)} new"
            if not work.flops and not work.bytes:
                text, traffic = f"{arrow} {duration(work.seconds)}", ""
            level = min(1.0, work.seconds / longest)
            found.append(Row(RowKind.COST, text, traffic, level))
    return found
