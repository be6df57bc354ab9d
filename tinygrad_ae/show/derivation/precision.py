"""A graph computed once more with other floats: what is rounding changes, what is true stays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ...core.graph import Graph, Node
from ...ops.op import Array
from .backward import gradients_of
from .sources import twin_of

FAINT = 100.0  # roundings of its terms, and a gradient that is no larger is 0


def recast(
    graph: Graph, values: Mapping[Node, Array], dtype: npt.DTypeLike
) -> tuple[Graph, dict[Node, Node], dict[Node, Array]]:
    """Compute a graph anew from its leaves, in floats of ``dtype``.

    What is no float, or drawn at random, is taken from ``values``: choices stay as they were made.

    Returns:
        The graph, the node in it for each node of the given one, and the values of its nodes, as
        far as what they depend on is known.
    """
    twins: dict[Node, Node] = {}
    found: dict[Node, Array] = {}
    for node in graph:
        inputs = tuple(twins[x] for x in node.inputs)
        attrs = node.attrs | ({"dtype": np.dtype(dtype)} if "dtype" in node.attrs else {})
        value: Any = values.get(node)
        if node.op is not None and node.dtype.kind == "f" and not node.op.is_random:
            arguments = [found.get(x) for x in inputs]
            if all(a is not None for a in arguments):
                value = node.op.forward(*arguments, **attrs)
        twin = twins[node] = twin_of(node, inputs=inputs, attrs=attrs, hooks=None, leaf=None)
        if node.dtype.kind == "f":
            twin.dtype = np.dtype(dtype)
            value = None if value is None else np.asarray(value).astype(dtype, copy=False)
        if value is not None:
            found[twin] = value
        if node.saved is not None:  # else backward has freed it, or it is a leaf
            twin.saved = [found.get(x) for x in (*inputs, twin)]
    return Graph(twins[node] for node in graph.outputs), twins, found


def rounding(
    graph: Graph, values: Mapping[Node, Array], nodes: Iterable[Node]
) -> dict[Node, tuple[float, float]]:
    """Return how large gradients are in double precision, and what of that may be rounding.

    Rounding shrinks with the precision, what is small does not. So how far single precision is
    off tells how large the terms were that were added up, and what double precision makes of it.
    """
    nodes = list(nodes)
    gradients = []
    with np.errstate(all="ignore"):
        for dtype in (np.float32, np.float64):
            twin, twins, _ = recast(graph, values, dtype)
            found = gradients_of(twin, [twins[node] for node in nodes])
            gradients.append({node: found[twins[node]] for node in nodes if twins[node] in found})
        coarse, fine = gradients
        finer = float(np.finfo(np.float64).eps / np.finfo(np.float32).eps)
        return {n: (largest(g), finer * largest(coarse[n] - g)) for n, g in fine.items()}


def cancelled(graph: Graph, values: Mapping[Node, Array], nodes: Iterable[Node]) -> set[Node]:
    """Return those of the nodes whose gradient is 0 but for rounding: its terms cancel."""
    try:
        known = rounding(graph, values, nodes)
    except Exception:  # a rule is a stranger's code: what it can't do leaves a picture whole
        return set()
    return {node for node, (size, error) in known.items() if 0 < size <= FAINT * error}


def largest(x: Array) -> float:
    """Return the largest magnitude, 0 of nothing."""
    return float(np.max(np.abs(x), initial=0))
