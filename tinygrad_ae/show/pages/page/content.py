"""What the page says: cards with their numbers, and the steps of both passes. Plain data."""

from __future__ import annotations

import linecache
import re
from collections.abc import Mapping
from typing import Any

from ....core.graph import Graph, Node
from ....ops.op import Array
from ....util.colours import NEGATIVE, POSITIVE, SIGNS
from ...derivation.backward import way
from ...derivation.derive import GRADIENT, local_gradients
from ...derivation.expression import Expression
from ...derivation.naming import names
from ...derivation.printers import right_side
from ...picture.cards import Card, Frame, Kind
from ...picture.compose import picture
from ...picture.flow import Amount, Flow, Status, flow
from ...picture.grouping import EVERYTHING, first_array, group
from .layout import Layout, Size, place
from .numbers import picture_shape, short, summary

_CARD, _PARAMETER = (320, 54), (212, 48)  # pixels: width, height of two lines of text
_NUMBERS = 36, 18  # pixels of height that numbers take: beside a drawing, alone


class Content:
    """Gathers all that the page shows of one graph."""

    def __init__(self, graph: Graph, values: bool) -> None:
        self.graph, self.with_values = graph, values
        grouping = group(graph, depth=EVERYTHING, fold=False)
        self.picture = picture(graph, grouping)
        self.names = names(graph)
        cards = enumerate(grouping.groups)
        self.ids = {unit.node: f"n{i}" for i, unit in cards if unit.node is not None}
        self.values: Mapping[Node, Array] = graph.values() if values else {}
        self.gradients: dict[Node, Array] = {}
        self.flow = flow(graph, lambda *use: use, self.gradients.__setitem__) if values else Flow()
        data = first_array(graph)
        self.sample = data.shape[1:] if data else ()

    def data(self, title: str) -> dict[str, Any]:
        """Return everything as data that can be written as JSON."""
        layout = place(self.picture, self._sizes())
        nodes = {id: node for node, id in self.ids.items()}
        cards = {card.id: card for card in self.picture.frame.all_cards()}
        homes: dict[str, str] = {}
        modules: list[dict[str, Any]] = []
        _walk(self.picture.frame, "", layout, modules, homes)
        return {
            "title": title,
            "size": layout.size,
            "cards": [
                self._card(node, cards[id], homes[id]) | _box(layout.cards[id])
                for id, node in nodes.items()
            ],
            "modules": modules,
            "arrows": [
                {"tail": a.tail, "head": a.head, "tracked": a.tracked, "points": points}
                for a, points in zip(self.picture.arrows, layout.arrows, strict=True)
            ],
            "steps": [*self._forward(), *self._backward()],
            "numbers": self.with_values,
            "signs": {"positive": POSITIVE, "negative": NEGATIVE, "legend": SIGNS},
        }

    def _sizes(self) -> dict[str, Size]:
        sizes = {}
        for card in self.picture.frame.all_cards():
            is_parameter = card.kind is Kind.PARAMETER
            width, height = _PARAMETER if is_parameter else _CARD
            sizes[card.id] = (width, height + self.with_values * _NUMBERS[is_parameter])
        return sizes

    # ---- cards

    def _card(self, node: Node, card: Card, home: str) -> dict[str, Any]:
        file, _, line = node.where.rpartition(":")
        return {
            "id": card.id,
            "kind": card.kind.value,
            "name": self.names[node],
            "title": card.title,
            "owner": card.owner,
            "formula": card.formula,
            "shape": list(node.shape),
            "dtype": node.dtype.name,
            "note": card.note,
            "module": home,
            "scope": repr(node.scope) if node.op and node.path else "",
            "where": f"{file.replace(chr(92), '/').rpartition('/')[2]}:{line}",
            "source": linecache.getline(file, int(line)).strip() if line.isdecimal() else "",
            "tracked": node.tracked,
            "is_leaf": node.op is None,
            "value": self._summary(self.values.get(node), node),
            "gradient": self._summary(self.gradients.get(node), node),
            "status": self.flow.totals.get(node, Amount(Status.NOT_COMPUTED)).status.value,
        }

    def _summary(self, array: Array | None, node: Node) -> dict[str, Any] | None:
        if array is None:
            return None
        return summary(array, picture_shape(node.shape, self.sample))

    # ---- steps

    def _forward(self) -> list[dict[str, Any]]:
        return [
            {
                "phase": "forward",
                "card": id,
                "equation": f"{self.names[node]} = {right_side(node, self.names)}",
                "numbers": self._in_numbers(node),
                "inputs": [self.ids[x] for x in dict.fromkeys(node.inputs) if x in self.ids],
            }
            for node, id in self.ids.items()
            if node.op is not None
        ]

    def _in_numbers(self, node: Node) -> str:
        """Return the equation with the numbers in it, where all of them are single ones."""
        numbers = self._single_numbers(node)
        return _equation(right_side(node, numbers), numbers[node]) if numbers else ""

    def _single_numbers(self, node: Node) -> dict[Node, str]:
        """Return the values of a node and its inputs as text if each is one number."""
        numbers = {}
        for n in (node, *node.inputs):
            value = self.values.get(n)
            if value is None or value.size != 1:
                return {}
            numbers[n] = _number(value)
        return numbers

    def _backward(self) -> list[dict[str, Any]]:
        """Return the chain rule, one step per operation, in the order backward takes them."""
        steps: list[dict[str, Any]] = []
        for node, onward in way(self.graph):
            gradient = f"∂L/∂{self.names[node]}"
            if node in self.graph.outputs:
                seed = {"to": self.ids[node], "equation": f"{gradient} = 1", "rms": 1}
                steps.append(self._step(node, [seed]) | {"seed": True})
            if node.op is not None:
                rules = self._rules(node, onward)
                steps.append(self._step(node, rules) | {"arriving": f"{GRADIENT} = {gradient}"})
        return steps

    def _step(self, node: Node, rules: list[dict[str, Any]]) -> dict[str, Any]:
        return {"phase": "backward", "card": self.ids[node], "rules": rules}

    def _rules(self, node: Node, onward: list[int]) -> list[dict[str, Any]]:
        """Return what a node adds to the gradients of the inputs that get one."""
        derived = local_gradients(node, self.names, self.values)
        rules = []
        for k in onward:
            x, formula = node.inputs[k], derived[k]
            right = "a rule that works on arrays alone" if formula is None else str(formula)
            rule: dict[str, Any] = {"to": self.ids[x], "equation": f"∂L/∂{self.names[x]} = {right}"}
            part = self.flow.parts.get(x, {}).get((node, k))
            if part is not None and part.is_computed:
                rule |= {"rms": short(part.rms), "nonfinite": part.nan + part.infinite}
                if formula is not None:
                    rule["numbers"] = self._rule_in_numbers(formula, node, k)
            rules.append(rule)
        return rules

    def _rule_in_numbers(self, formula: Expression, node: Node, k: int) -> str:
        """Return a rule with the numbers in it, where all of them are single ones."""
        numbers, g = self._single_numbers(node), self.gradients.get(node)
        if not numbers or g is None or node.inputs[k].shape:
            return ""
        bracketed = {n: f"({text})" if text[0] == "−" else text for n, text in numbers.items()}
        written = local_gradients(node, bracketed, self.values)[k]
        arrays = {self.names[n]: self.values[n] for n in (*node.inputs, node)} | {GRADIENT: g}
        result = formula.evaluate(arrays)
        return _equation(str(written).replace(GRADIENT, _number(g)), _number(result))


def _walk(
    frame: Frame, parent: str, layout: Layout, modules: list[dict[str, Any]], homes: dict[str, str]
) -> None:
    homes.update({card.id: frame.path for card in frame.cards})
    for inner in frame.frames.values():
        place = _box(layout.frames[inner.path])
        modules.append({"path": inner.path, "kind": inner.kind, "parent": parent} | place)
        _walk(inner, inner.path, layout, modules, homes)


def _box(box: tuple[float, float, float, float]) -> dict[str, float]:
    return dict(zip("xywh", box, strict=True))


def _number(value: Array) -> str:
    return f"{value.item():.5g}".replace("-", "−")


def _equation(left: str, right: str) -> str:
    """Return left = right; between two numbers stands a sign, which letters do without."""
    left = re.sub(r"(?<=[\d)]) (?=[\d(])", " · ", left)
    return right if left == right else f"{left} = {right}"
