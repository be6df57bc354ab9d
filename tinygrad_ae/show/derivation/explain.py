"""``explain``: the chain rule through a model, written out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...core.graph import Graph, Node
from ...core.tensor import Tensor
from ...errors import GradientError, UserError, did_you_mean
from ...ops.op import Array
from .backward import gradients_of
from .chain import Derivation, Equation, derive_chain
from .explanation import ACCURATE, Explanation, Line, shape_text
from .naming import is_number, names
from .precision import largest, recast, rounding
from .reading import Page, Unreadable
from .sources import joined

Wanted = Tensor | str


def explain(
    loss: Tensor,
    wrt: Wanted | Iterable[Wanted] | None = None,
    *,
    format: str = "unicode",
    check: bool = False,
) -> Explanation:
    """Write out how a loss was computed, and how its gradients follow by the chain rule.

    Nothing is looked up: each gradient is what the operation's own rule, run on letters, says.
    δₖ is the gradient at what layer k computes before its activation, ∂L/∂aₖ; what lies between
    two lines is merged into one formula and simplified.

    Args:
        loss: a tensor of one element that requires gradients. Its graph may have been freed.
        wrt: whose gradients to derive: tensors, names as the derivation prints them (``"W₁"``),
            paths of parameters (``"encoder.0.weight"``) or of modules (``"encoder"``); by
            default all parameters.
        format: how ``str`` prints it: ``"unicode"``, ``"latex"``, ``"markdown"``, ``"html"``.
        check: compute every line and compare it with what the graph computed and what
            backpropagation gives; each line then has its relative error.

    Returns:
        The derivation: printable in every format, and as data (``lines``).

    Raises:
        GradientError: the loss requires no gradients or has several elements, or a check is
            asked for of a graph that was freed.
        UserError: ``wrt`` names nothing in the graph, or the format is unknown.

    Example:
        >>> print(show.explain(model.loss(x), wrt="decoder"))
    """
    if format not in Explanation.FORMATS:
        known = ", ".join(Explanation.FORMATS)
        raise UserError(f"explain: format must be one of {known}; got {format!r}")
    if not isinstance(loss, Tensor):
        raise UserError(
            "explain takes the loss, a tensor, as in explain(model.loss(x)); got "
            f"{type(loss).__name__}"
        )
    if not loss.requires_grad:
        raise GradientError(f"explain: {loss.label()} does not require gradients")
    if loss.size != 1:
        raise GradientError(
            f"explain starts from a loss of one element; this tensor has shape {loss.shape}. "
            "Reduce it with .sum() or .mean()."
        )
    graph, stand_ins = joined(Graph.of(loss))
    called, values = names(graph), graph.values()
    derivation = derive_chain(graph, _wanted(graph, stand_ins, called, wrt), called, values)
    equations = derivation.forward + derivation.backward
    lines = [_line(equation) for equation in equations]
    given = _given(graph, called, derivation)
    if check:
        lines = _Check(graph, values, equations).of(lines, derivation, called, given)
    return Explanation(lines, derivation.counts, format, given)


def _line(equation: Equation) -> Line:
    return Line(
        kind="gradient" if equation.is_gradient else "forward",
        target=equation.target,
        also=equation.also,
        expression=None if equation.unread else equation.expression,
        unread=equation.unread,
        shape=equation.node.shape,
        path=equation.node.path,
        error=None,
    )


def _given(
    graph: Graph, called: Mapping[Node, str], derivation: Derivation
) -> dict[str, tuple[int, ...]]:
    """Return the names, with their shapes, that lines use and no line defines."""
    lines = derivation.forward + derivation.backward
    used = {name for line in lines if not line.unread for name in line.expression.symbols()}
    defined = {line.target for line in lines}
    outside = (node for node in graph if node.op is None or node.op.is_random)
    leaves = {called[node]: node.shape for node in outside if not is_number(node)}
    arrays = {name: array.shape for name, array in derivation.arrays.items()}
    return {name: shape for name, shape in {**leaves, **arrays}.items()
            if (name in used or name in arrays) and name not in defined}  # fmt: skip


# ---- whose gradients


def _wanted(
    graph: Graph,
    stand_ins: Mapping[Node, Node],
    called: Mapping[Node, str],
    wrt: Wanted | Iterable[Wanted] | None,
) -> list[Node]:
    """Return the nodes that ``wrt`` means."""
    tracked = [node for node in graph if node.tracked and node.op is None]
    if wrt is None:
        return tracked
    given: Sequence[Wanted] = [wrt] if isinstance(wrt, (Tensor, str)) else list(wrt)
    known: dict[str, list[Node]] = {}
    consumers = graph.consumers()
    for node in graph:
        if node.tracked and node.op is not None:
            known.setdefault(called[node], []).append(node)
    for node in tracked:
        path = consumers[node][0].path if consumers[node] else ""
        prefixes = path.split(".") if path else []
        full = ".".join([*prefixes, node.name or called[node]])
        modules = [".".join(prefixes[: i + 1]) for i in range(len(prefixes))]
        for name in {called[node], full, *modules}:
            known.setdefault(name, []).append(node)
    found: list[Node] = []
    for item in given:
        if isinstance(item, Tensor):
            if item.node not in stand_ins or not item.requires_grad:
                raise UserError(
                    f"explain: the loss does not depend on {item.label()}, or it does not "
                    "require gradients"
                )
            found.append(stand_ins[item.node])
        elif item in known:
            found += known[item]
        else:
            raise UserError(
                f"explain: {item!r} is no parameter, value or module of this graph."
                f"{did_you_mean(item, known)}\n It has: {', '.join(known)}"
            )
    return found


# ---- is it true?


class _Check:
    """Compares lines with the graph: what they say, computed in double precision, with what it is.

    Args:
        graph: what the lines are about.
        values: of its nodes.
        equations: the lines.

    Raises:
        GradientError: the graph was freed.
    """

    def __init__(
        self, graph: Graph, values: Mapping[Node, Array], equations: Sequence[Equation]
    ) -> None:
        differentiated = {e.node for e in equations if e.is_gradient}
        fine, twins, numbers = recast(graph, values, np.float64)
        gradients = gradients_of(fine, [twins[node] for node in differentiated])
        errors = rounding(graph, values, differentiated)
        self.values = {node: numbers.get(twins[node]) for node in graph}
        self.expected = [
            gradients[twins[e.node]] if e.is_gradient else self.values[e.node] for e in equations
        ]
        # What is 0 by cancellation is no multiple of itself: its rounding is the least scale.
        self.scales = [errors[e.node][1] / ACCURATE if e.is_gradient else 0.0 for e in equations]

    def of(
        self,
        lines: Sequence[Line],
        derivation: Derivation,
        called: Mapping[Node, str],
        given: Mapping[str, tuple[int, ...]],
    ) -> list[Line]:
        """Compute each line from what is printed of it and above it; note how far off it is."""
        known: dict[str, Any] = {name: math.prod(n) for name, n in derivation.counts.items()}
        known |= {called[n]: value for n, value in self.values.items() if called[n] in given}
        page = Page(known | derivation.arrays)
        found = []
        for line, true, scale in zip(lines, self.expected, self.scales, strict=True):
            error = math.inf if line.target in page.known else _error(line, true, scale, page)
            found.append(replace(line, error=error))
            page.define(line.target, true)
        return found


def _error(line: Line, expected: Array | None, scale: float, page: Page) -> float | None:
    """Return how far a line, read, is from what it should give; None if that can't be told."""
    if line.expression is None or expected is None:
        return None
    if any(page.known.get(name, 0) is None for name in line.expression.symbols()):
        return None
    try:
        found = page.value_of(line.text, shape_text(line.shape))
    except Unreadable:
        return math.inf
    return _distance(found, expected, scale)


def _distance(found: Array, expected: Array, least: float = 0.0) -> float:
    """Return the largest difference relative to the largest value, or to ``least`` if larger."""
    if found.shape != expected.shape:
        return math.inf
    differs = (found != expected) & ~(np.isnan(found) & np.isnan(expected))
    if not differs.any():
        return 0.0
    with np.errstate(all="ignore"):
        difference = float(np.max(np.abs(found - expected)[differs]))
        finite = expected[np.isfinite(expected)]
    scale = max(largest(finite), least)
    return math.inf if math.isnan(difference) else difference / scale if scale else difference
