"""The backward pass: the chain rule, applied to the graph from its end to its beginning.

For a node y = f(x₁, …, xₙ) with ∂L/∂y known, ∂L/∂xᵢ is the operation's own rule; where a value
was used several times, its gradients add up (the multivariate chain rule; Goodfellow, Bengio &
Courville 2016, section 6.5.2). Nodes are visited in the reverse of the order they were computed
in, so every node's gradient is complete when it is its turn.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from sys import getrefcount
from typing import Any

import numpy as np

from ..errors import GradientError, NonFiniteError, ShapeError
from ..ops import astype, unbroadcast
from . import inplace
from .graph import Node, reachable, state
from .modes import enable_grad, no_grad
from .value import Value

Wrap = Callable[..., Any]
"""Makes a tensor around an array, at a node if one is given, without copying."""

Heap = list[tuple[int, Node]]
ndarray = np.ndarray  # a global name is found faster than an attribute


def pull_back(
    seeds: Sequence[tuple[Node, Any]],
    targets: set[Node] | None = None,
    *,
    wrap: Wrap,
    since: int = -1,
    retain: bool | None = None,
    record: bool = False,
) -> dict[Node, Any]:
    """Pull gradients back from ``seeds`` and return those of the wanted nodes they reach.

    Args:
        seeds: nodes and the gradient each starts with, a tensor.
        targets: the wanted nodes (by default, all tracked leaves); work that leads to none of
            them is not done.
        wrap: makes the tensors that hooks and recorded rules are given, and that are returned.
        since: nodes numbered up to this are taken as leaves.
        retain: keep the saved values; by default only with ``record``.
        record: run the rules on tensors, which records them; else on arrays.
    """
    capture, is_recorded = state.capture, record
    retain = record if retain is None else retain
    keep: Callable[[Any, int], Any] = functools.partial(_own, record, wrap)
    pull: Callable[..., bool] = _pull_node
    if capture is not None:  # which reads the pass from what it records
        retain = record = True
        keep, pull = (lambda g, _: capture.owned(g)), functools.partial(_pull_captured, capture)
    roots = (node for node, _ in seeds)
    wanted = leading_to(roots, targets, since) if targets is not None else None
    found: dict[Node, Any] = {}
    pending: dict[Node, Any] = {}  # gradients that have arrived
    heap: Heap = []  # whose turn it is: the node computed last comes first
    for node, g in seeds:
        start = g if record else g.data
        pending[node] = pending[node] + start if node in pending else start
    with enable_grad() if record else no_grad(), np.errstate(all="ignore"):
        while pending:
            if not heap:  # in the beginning; and when leaves are left, too many for the heap
                heap = sorted((-x.index, x) for x in pending)
            node = heappop(heap)[1]
            g = pending.pop(node)  # complete: all that used this node have had their turn
            if node.hooks:
                g = _run_hooks(node, g, record, wrap)
            if node.leaf is not None if targets is None else node in targets:
                _check_leaf(node)
                found[node] = keep(g, getrefcount(g))
            if node.op is not None and node.index > since:
                is_used = pull(node, g, pending, heap, wanted, record, wrap)
                if is_used and not retain:
                    node.saved = None  # so memory falls as the pass goes on
    if capture is not None:
        found = capture.pulled_back(found, to_leaves=targets is None, record=is_recorded)
    return found


def _pull_captured(capture: Any, node: Node, *rest: Any) -> bool:
    """Apply the rules of one node while a step that is being captured listens."""
    with capture.pulling(node):
        return _pull_node(node, *rest)


def _pull_node(
    node: Node, g: Any, pending: dict[Node, Any], heap: Heap, wanted: set[Node] | None,
    record: bool, wrap: Wrap,
) -> bool:  # fmt: skip
    """Apply the rules of one node and add what they return to its inputs' gradients.

    Return False if no gradient of its inputs is wanted: then nothing is done.
    """
    op, now, values = node.op, state.__dict__, None
    assert op is not None
    observer, anomaly = now["observer"], now["anomaly"]
    for k, x in enumerate(node.inputs):
        vjp = op.vjps[0 if op.variadic else k]
        if vjp is None or not x.tracked or (wanted is not None and x not in wanted):
            continue
        if values is None:
            values = node.saved
            if values is None or record or inplace.overwritten:
                values = _values_of(node, wrap if record else None)
        try:
            if observer is None:
                gx = vjp(k, g, node, values)
            else:
                gx = observer("backward", node, vjp, k, g, node, values)
        except Exception as error:
            error.add_note(f"in the rule of {op.name} for argument {k}; forward at {node.where}")
            raise
        if type(gx) is not ndarray and not isinstance(gx, _VALUES):
            raise GradientError(
                f"the rule of {op.name} for argument {k} returned {gx!r}, not an array. If no "
                "gradient flows there, give None in place of the rule."
            )
        if gx.shape != x.shape or gx.dtype is not x.dtype:
            gx = _fit(gx, node, k)
        if anomaly:
            _check_finite(gx, node, k)
        if x in pending:
            gx = _add(pending.pop(x), gx)
        elif x.op is not None:
            heappush(heap, (-x.index, x))
        pending[x] = gx
    return values is not None


def _add(a: Any, b: Any) -> Any:
    """Return a + b, in the memory of ``a`` if nobody else holds it."""
    if type(a) is ndarray and a.base is None and getrefcount(a) == _UNSHARED:
        a += b
        return a
    return a + b


def _own(record: bool, wrap: Wrap, g: Any, references: int) -> Any:
    """Return a gradient as a tensor whose memory nobody else holds."""
    if record:
        return wrap(g.data.copy(), g._node)
    return wrap(np.asarray(g) if g.base is None and references == _UNSHARED else np.array(g))


# A rule may pass on g or a view of it, or keep what it returns: then others hold its memory.
_VALUES = (ndarray, Value, np.generic)
_UNSHARED = (lambda new: getrefcount(new))(np.empty(0))


def _values_of(node: Node, wrap: Wrap | None) -> list[Any]:
    """Return a node's inputs and output as far as its rules need them; as tensors, by ``wrap``."""
    if node.saved is None:
        raise GradientError(
            f"the graph behind {node.label} (at {node.where}) was freed by an earlier backward. "
            "Compute the loss again, or keep the graph with retain_graph=True."
        )
    if inplace.overwritten:
        inplace.check_saved(node, node.saved)
    return node.saved if wrap is None else _lift(node, node.saved, wrap)


def _check_leaf(node: Node) -> None:
    """Raise if a leaf's data was replaced by data the graph's record does not describe."""
    leaf = node.leaf and node.leaf()
    if leaf is not None and (leaf.data.shape != node.shape or leaf.data.dtype != node.dtype):
        raise GradientError(
            f"{leaf.label()} was given other data: {leaf.shape} {leaf.dtype}, where the graph "
            f"has {node.shape} {node.dtype}. Write the values in place, t.data[...] = values, or "
            "make a new tensor."
        )


def _lift(node: Node, saved: Sequence[Any], wrap: Wrap) -> list[Any]:
    """Return the saved values as tensors that stand in the graph where the originals stood."""
    values = []
    for value, source in zip(saved, (*node.inputs, node), strict=True):
        if isinstance(value, np.ndarray):
            # what was saved is right though a tensor that shares its memory moved on
            value = wrap(value.copy() if inplace.left_behind else value, source)
        values.append(value)
    return values


def _fit(gx: Any, node: Node, k: int) -> Any:
    """Sum over broadcast axes and convert; what then does not fit is the rule's mistake."""
    x = node.inputs[k]
    _check_leaf(x)
    try:
        return astype(unbroadcast(gx, x.shape), x.dtype)
    except ValueError as error:
        assert node.op is not None
        raise ShapeError(
            f"the rule of {node.op.name} for argument {k} is wrong: {error} (forward at "
            f"{node.where})"
        ) from error


def _run_hooks(node: Node, g: Any, record: bool, wrap: Wrap) -> Any:
    for hook in tuple(node.hooks or ()):
        replaced = hook(g if record else wrap(np.array(g)))
        if replaced is not None:
            if replaced.shape != node.shape:
                raise ShapeError(
                    f"a hook on {node.label} returned shape {replaced.shape}; the gradient it "
                    f"was given has shape {node.shape}"
                )
            replaced = astype(replaced, node.dtype)
            g = replaced if record else replaced.data
    return g


def leading_to(roots: Iterable[Node], targets: set[Node], since: int = -1) -> set[Node]:
    """Return the nodes that gradients pass on their way from ``roots`` to ``targets``."""
    wanted: set[Node] = set()
    for node in reachable(roots, tracked_only=True, since=since):
        if node in targets or not wanted.isdisjoint(node.inputs):
            wanted.add(node)
    return wanted


def _check_finite(gx: Any, node: Node, k: int) -> None:
    if not np.isfinite(gx.data if isinstance(gx, Value) else gx).all():
        inside = f" in module {node.scope}," if node.scope else ""
        raise NonFiniteError(
            f"the gradient of {node.label} with respect to its argument {k} is not finite\n"
            f" {inside} forward at {node.where}"
        )
