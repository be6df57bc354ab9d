"""The backward pass: the chain rule, applied to the graph from its end to its beginning.

For a node y = f(x₁, …, xₙ) with ∂L/∂y known, ∂L/∂xᵢ is the operation's own rule; where a value
was used several times, its gradients add up (the multivariate chain rule; Goodfellow, Bengio &
Courville 2016, section 6.5.2). Nodes are visited in the reverse of the order they were computed
in, so every node's gradient is complete when it is its turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from sys import getrefcount
from typing import Any, cast

import numpy as np

from ..errors import GradientError, NonFiniteError, ShapeError
from ..ops import astype, unbroadcast
from . import inplace
from .graph import Node, reachable, state
from .modes import enable_grad, no_grad
from .operators import TensorLike
from .tensor import Tensor, _wrap, as_tensor, ndarray

__all__ = ["backward", "grad"]


def backward(
    root: Tensor,
    gradient: TensorLike | None = None,
    *,
    retain_graph: bool | None = None,
    create_graph: bool = False,
) -> None:
    """Add ∂root/∂leaf to the ``grad`` of every leaf; see :meth:`Tensor.backward`."""
    seeds = [(_tracked(root), seed(root, gradient))]
    for node, g in pull_back(seeds, retain=retain_graph, record=create_graph).items():
        leaf = node.leaf and node.leaf()
        if leaf is not None:
            leaf.grad = g if leaf.grad is None else leaf.grad + g


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: TensorLike | Sequence[TensorLike] | None = None,
    *,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> Any:
    """Return ∂outputs/∂inputs without touching any ``grad``.

    Args:
        outputs: one tensor or several (their gradients are summed).
        inputs: one tensor or several, leaves or not.
        grad_outputs: ∂L/∂output for each output; 1 for outputs of one element.
        retain_graph: keep what forward saved; by default only with ``create_graph``.
        create_graph: record the pass, so that the results can be differentiated again.
        allow_unused: return None for inputs the outputs do not depend on, instead of raising.

    Returns:
        A tensor for one input, a tuple for several; each of its input's shape and dtype.

    Raises:
        GradientError: an output or input does not require gradients, an output does not depend
            on an input, or the graph was freed.
    """
    outs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    wanted = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    given = [grad_outputs] if isinstance(outputs, Tensor) else (grad_outputs or [None] * len(outs))
    for x in wanted:
        if not x.requires_grad:
            raise GradientError(
                f"grad: the input {x.label()} does not require gradients. Create it with "
                "requires_grad=True, or call requires_grad_() before it is used."
            )
    seeds = [(_tracked(o), seed(o, g)) for o, g in zip(outs, given, strict=True)]
    found = pull_back(seeds, {x.node for x in wanted}, retain=retain_graph, record=create_graph)
    for x in wanted:
        if x.node not in found and not allow_unused:
            raise GradientError(
                f"grad: no output depends on the input {x.label()}. If that is meant, pass "
                "allow_unused=True to receive None for it."
            )
    results = tuple(found.get(x.node) for x in wanted)
    return results[0] if isinstance(inputs, Tensor) else results


def pull_back(
    seeds: Sequence[tuple[Node, Tensor]],
    targets: set[Node] | None = None,
    *,
    since: int = -1,
    retain: bool | None = None,
    record: bool = False,
) -> dict[Node, Tensor]:
    """Pull gradients back from ``seeds`` and return those of the wanted nodes they reach.

    Args:
        seeds: nodes and the gradient each starts with.
        targets: the wanted nodes (by default, all tracked leaves); work that leads to none of
            them is not done.
        since: nodes numbered up to this are taken as leaves.
        retain: keep the saved values; by default only with ``record``.
        record: run the rules on tensors, which records them; else on arrays.
    """
    capture, is_recorded = state.capture, record
    retain = record if retain is None else retain
    if capture is not None:  # which reads the pass from what it records
        retain = record = True
    wanted = _leading_to(seeds, targets, since) if targets is not None else None
    found: dict[Node, Tensor] = {}
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
            g = pending.pop(node)
            if node.hooks:
                g = _run_hooks(node, g, record)
            if node.leaf is not None if targets is None else node in targets:
                _check_leaf(node)
                found[node] = (
                    _own(g, record, getrefcount(g)) if capture is None else capture.owned(g)
                )
            if node.op is not None and node.index > since:
                if capture is None:
                    pulled = _pull_node(node, g, pending, heap, wanted, record)
                else:
                    with capture.pulling(node):
                        pulled = _pull_node(node, g, pending, heap, wanted, record)
                if pulled and not retain:
                    node.saved = None
    if capture is not None:
        found = capture.pulled_back(found, to_leaves=targets is None, record=is_recorded)
    return found


Heap = list[tuple[int, Node]]


def _pull_node(
    node: Node, g: Any, pending: dict[Node, Any], heap: Heap, wanted: set[Node] | None, record: bool
) -> bool:
    """Apply the rules of one node and add what they return to its inputs' gradients.

    Return False if no gradient of its inputs is wanted: then nothing is done.
    """
    op, now, values = node.op, state.__dict__, None
    assert op is not None
    observer, anomaly = now["observer"], now["anomaly"]
    for k, x in enumerate(node.inputs):
        pull = op.pulls[0 if op.variadic else k]
        if pull is None or not x.tracked or (wanted is not None and x not in wanted):
            continue
        if values is None:
            values = node.saved
            if values is None or record or inplace.overwritten:
                values = _values_of(node, record)
        try:
            if observer is None:
                gx = pull(k, g, node, values)
            else:
                gx = observer("backward", node, pull, k, g, node, values)
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


def _own(g: Any, record: bool, references: int) -> Tensor:
    """Return a gradient as a tensor whose memory nobody else holds."""
    if record:
        return _wrap(g.data.copy(), g._node)
    return _wrap(np.asarray(g) if g.base is None and references == _UNSHARED else np.array(g))


# A rule may pass on g or a view of it, or keep what it returns: then others hold its memory.
_VALUES = (ndarray, Tensor, np.generic)
_UNSHARED = (lambda new: getrefcount(new))(np.empty(0))


def _values_of(node: Node, record: bool) -> list[Any]:
    """Return the inputs and the output of a node, as far as its rules need them."""
    if node.saved is None:
        raise GradientError(
            f"the graph behind {node.label} (at {node.where}) was freed by an earlier backward. "
            "Compute the loss again, or keep the graph with retain_graph=True."
        )
    if inplace.overwritten:
        inplace.check_saved(node, node.saved)
    return _lift(node, node.saved) if record else node.saved


def _check_leaf(node: Node) -> None:
    """Raise if a leaf's data was replaced by data the graph's record does not describe."""
    leaf = node.leaf and node.leaf()
    if leaf is not None and (leaf.data.shape != node.shape or leaf.data.dtype != node.dtype):
        raise GradientError(
            f"{leaf.label()} was given other data: {leaf.shape} {leaf.dtype}, where the graph "
            f"has {node.shape} {node.dtype}. Write the values in place, t.data[...] = values, or "
            "make a new tensor."
        )


def _lift(node: Node, saved: Sequence[Any]) -> list[Any]:
    """Return the saved values as tensors that stand in the graph where the originals stood."""
    values = []
    for value, source in zip(saved, (*node.inputs, node), strict=True):
        if isinstance(value, np.ndarray):
            # what was saved is right though a tensor that shares its memory moved on
            value = _wrap(value.copy() if inplace.left_behind else value, source)
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


def _run_hooks(node: Node, g: Any, record: bool) -> Any:
    for hook in tuple(node.hooks or ()):
        replaced = hook(g if record else _wrap(np.array(g)))
        if replaced is not None:
            replaced = as_tensor(replaced)
            if replaced.shape != node.shape:
                raise ShapeError(
                    f"a hook on {node.label} returned shape {replaced.shape}; the gradient it "
                    f"was given has shape {node.shape}"
                )
            replaced = astype(replaced, node.dtype)
            g = replaced if record else replaced.data
    return g


def _leading_to(seeds: Sequence[tuple[Node, Tensor]], targets: set[Node], since: int) -> set[Node]:
    wanted: set[Node] = set()
    for node in reachable((node for node, _ in seeds), tracked_only=True, since=since):
        if node in targets or not wanted.isdisjoint(node.inputs):
            wanted.add(node)
    return wanted


def _check_finite(gx: Any, node: Node, k: int) -> None:
    if not np.isfinite(gx.data if isinstance(gx, Tensor) else gx).all():
        inside = f" in module {node.scope}," if node.scope else ""
        raise NonFiniteError(
            f"the gradient of {node.label} with respect to its argument {k} is not finite\n"
            f" {inside} forward at {node.where}"
        )


def _tracked(root: Tensor) -> Node:
    if not root.requires_grad:
        raise GradientError(
            f"{root.label()} does not require gradients: it was computed from tensors that do "
            "not, inside no_grad, after detach(), or through an operation that has no gradient. "
            "Create the inputs with requires_grad=True."
        )
    return root.node


def seed(root: Tensor, gradient: TensorLike | None) -> Tensor:
    """Return the gradient that a backward pass from ``root`` starts with."""
    if gradient is None:
        if root.size != 1:
            raise GradientError(
                f"backward starts from a loss of one element; this tensor has shape {root.shape}."
                " Reduce it with .sum() or .mean(), or pass the gradient to start from."
            )
        start = np.ones(root.shape, root.dtype)
        if state.capture is not None:
            state.capture.number(start, weak=False)
        return _wrap(start)
    given = as_tensor(gradient)
    if given.shape != root.shape:
        raise ShapeError(
            f"the gradient to start from has shape {given.shape}, the tensor {root.shape}"
        )
    return cast(Tensor, astype(given, root.dtype))
