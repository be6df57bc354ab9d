"""The engine's backward pass, looked at: which way gradients go, and what arrives where.

It is :mod:`tinygrad_ae.core.engine` that runs, on a copy of the graph's record that shares its
values. So nothing is touched: no ``grad`` is written, no hook called, nothing that was saved freed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ...core.engine import pull_back
from ...core.graph import Graph, Node, state
from ...core.tensor import _wrap
from ...ops.op import Array, unbroadcast
from .sources import twin_of

Use = tuple[Node, int]  # an operation, and which of its inputs


def way(graph: Graph) -> Iterator[tuple[Node, list[int]]]:
    """Yield the nodes at which gradients arrive, last first, with the inputs they go on to."""
    reached = {node for node in graph.outputs if node.tracked}
    for node in reversed(graph.nodes):
        if node in reached:
            op = node.op
            onward = [k for k, x in enumerate(node.inputs) if op and x.tracked and op.vjp(k)]
            yield node, onward
            reached.update(node.inputs[k] for k in onward)


def watch(
    graph: Graph,
    arrived: Callable[[Node, Array], None],
    passed: Callable[[Node, int, Array], None],
) -> dict[Node, list[Use]]:
    """Pull gradients back from a graph's results, or from their sum, and say what happens.

    Args:
        graph: may have been freed, in part or altogether.
        arrived: called with a node and its whole gradient.
        passed: called with an operation, the number of one of its inputs, and what it adds to the
            gradient of that.

    Returns:
        The nodes whose gradient cannot be known, since something was freed, each with the uses
        that nothing is known of.

    Raises:
        GradientError: a value that a rule needs was overwritten after it was saved.
    """
    lost: dict[Node, list[Use]] = {}
    for node, onward in way(graph):
        if node in lost or node.saved is None:
            for k in onward:
                lost.setdefault(node.inputs[k], []).append((node, k))
    twins: dict[Node, Node] = {}
    for node in graph:
        hooks = None if node in lost else [lambda g, node=node: arrived(node, g.data)]
        if node in lost or node.saved is None:  # the pass ends here, as at a leaf
            twins[node] = twin_of(node, op=None, inputs=(), hooks=hooks, leaf=None)
        else:
            inputs = tuple(twins[x] for x in node.inputs)
            twins[node] = twin_of(node, inputs=inputs, hooks=hooks, leaf=None)
    originals = {twin: node for node, twin in twins.items()}

    def observer(phase: str, subject: Any, rule: Any, /, *args: Any, **attrs: Any) -> Any:
        result = rule(*args, **attrs)
        if phase == "backward" and subject in originals:  # others are inside a rule: remat's
            k = args[0]
            result = np.asarray(unbroadcast(result, subject.inputs[k].shape))
            result = result.astype(subject.inputs[k].dtype, copy=False)
            passed(originals[subject], k, result)
        return result

    seeds = [(twins[x], _wrap(np.ones(x.shape, x.dtype))) for x in graph.outputs if x.tracked]
    with _heard_by(observer):
        pull_back(seeds, wrap=_wrap, retain=True)
    return lost


@contextmanager
def _heard_by(observer: Callable[..., Any]) -> Iterator[None]:
    """Let an observer, and nobody else, hear of the work inside, whatever it gives."""
    before = state.observer, state.capture, state.anomaly
    state.observer, state.capture, state.anomaly = observer, None, False
    try:
        yield
    finally:
        state.observer, state.capture, state.anomaly = before


def gradients_of(graph: Graph, nodes: Iterable[Node]) -> dict[Node, Array]:
    """Return the gradients of the results, or of their sum, of a copied graph without hooks.

    Raises:
        GradientError: the graph was freed.
    """
    seeds = [(root, _wrap(np.ones(root.shape, root.dtype))) for root in graph.outputs]
    found = pull_back([s for s in seeds if s[0].tracked], set(nodes), wrap=_wrap, retain=True)
    return {node: g.data for node, g in found.items()}
