"""``explain``: the chain rule through a model, written out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..autodiff.engine import pull_back
from ..errors import GradientError, UserError, did_you_mean
from ..graph import Graph, Node
from ..ops.op import Array
from ..tensor import Tensor, _wrap
from .chain import Derivation, Equation, derive_chain
from .explanation import Explanation, Line
from .naming import names

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
    graph = Graph.of(loss)
    called, values = names(graph), graph.values()
    derivation = derive_chain(graph, _wanted(graph, called, wrt), called, values)
    errors = _errors(graph, called, values, derivation) if check else {}
    lines = [
        _line(equation, errors.get(equation.target))
        for equation in derivation.forward + derivation.backward
    ]
    return Explanation(lines, derivation.counts, format)


def _line(equation: Equation, error: float | None) -> Line:
    return Line(
        kind="gradient" if equation.is_gradient else "forward",
        target=equation.target,
        also=equation.also,
        expression=None if equation.unread else equation.expression,
        unread=equation.unread,
        shape=equation.node.shape,
        path=equation.node.path,
        error=error,
    )


# ---- whose gradients


def _wanted(
    graph: Graph, called: Mapping[Node, str], wrt: Wanted | Iterable[Wanted] | None
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
            if item.node not in graph or not item.requires_grad:
                raise UserError(
                    f"explain: the loss does not depend on {item.label()}, or it does not "
                    "require gradients"
                )
            found.append(item.node)
        elif item in known:
            found += known[item]
        else:
            raise UserError(
                f"explain: {item!r} is no parameter, value or module of this graph."
                f"{did_you_mean(item, known)}\n It has: {', '.join(known)}"
            )
    return found


# ---- is it true?


def _errors(
    graph: Graph,
    called: Mapping[Node, str],
    values: Mapping[Node, Array],
    derivation: Derivation,
) -> dict[str, float]:
    """Return the relative error of each line, computed from the numbers of this graph."""
    lines = derivation.forward + derivation.backward
    known: dict[str, Any] = {called[node]: value for node, value in values.items()}
    known |= {name: math.prod(lengths) for name, lengths in derivation.counts.items()}
    gradients = gradients_of(graph, {line.node for line in derivation.backward})
    for line in derivation.backward:
        known[line.target] = gradients[line.node]
    return {
        line.target: _distance(line.expression.evaluate(known), known[line.target])
        for line in lines
        if not line.unread and line.expression.symbols() <= known.keys()
    }


def _distance(found: Array, expected: Array) -> float:
    """Return the largest difference relative to the largest value."""
    if found.shape != expected.shape:
        return math.inf
    if expected.size == 0:
        return 0.0
    difference = float(np.max(np.abs(found - expected)))
    scale = float(np.max(np.abs(expected)))
    return difference / scale if scale else difference


def gradients_of(graph: Graph, nodes: set[Node]) -> dict[Node, Array]:
    """Return ∂L/∂node by backpropagation; no ``grad`` changes and no hook is called.

    Raises:
        GradientError: the graph was freed.
    """
    (root,) = graph.outputs
    seed = _wrap(np.ones(root.shape, root.dtype))
    with _without_hooks(graph):
        found = pull_back([(root, seed)], nodes, retain=True)
    return {node: g.data for node, g in found.items()}


@contextmanager
def _without_hooks(graph: Graph) -> Iterator[None]:
    hooks = {node: node.hooks for node in graph if node.hooks}
    for node in hooks:
        node.hooks = None
    try:
        yield
    finally:
        for node, before in hooks.items():
            node.hooks = before
