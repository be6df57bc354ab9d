"""Gradients of tensors that are there already: ``backward`` adds them up, ``grad`` returns them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.engine import pull_back
from ..core.tensor import Tensor, _wrap
from ..core.value import TensorLike
from ..errors import GradientError

__all__ = ["backward", "grad"]


def backward(
    root: Tensor,
    gradient: TensorLike | None = None,
    *,
    retain_graph: bool | None = None,
    create_graph: bool = False,
) -> None:
    """Add ∂root/∂leaf to the ``grad`` of every leaf; see :meth:`Tensor.backward`."""
    root.backward(gradient, retain_graph=retain_graph, create_graph=create_graph)


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
    seeds = [o._start(g) for o, g in zip(outs, given, strict=True)]
    targets = {x.node for x in wanted}
    found = pull_back(seeds, targets, wrap=_wrap, retain=retain_graph, record=create_graph)
    for x in wanted:
        if x.node not in found and not allow_unused:
            raise GradientError(
                f"grad: no output depends on the input {x.label()}. If that is meant, pass "
                "allow_unused=True to receive None for it."
            )
    results = tuple(found.get(x.node) for x in wanted)
    return results[0] if isinstance(inputs, Tensor) else results
