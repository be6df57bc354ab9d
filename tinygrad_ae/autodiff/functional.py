"""Derivatives of functions: products with Jacobians and Hessians, and the matrices themselves.

All take functions of tensors, and arguments that may be nests (lists, tuples, dicts) of arrays
or tensors. When an argument, or a tensor the function closes over, requires gradients, the results
do too, so these compose; inside ``no_grad`` they do not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..core.engine import pull_back
from ..core.graph import clock, reachable, state
from ..core.modes import enable_grad
from ..core.tensor import Tensor, _wrap, as_tensor
from ..errors import GradientError, ShapeError
from ..ops import identity, stack
from .tree import Rebuild, flatten, structure

__all__ = ["hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]


class _Arguments:
    """Arguments as fresh tracked tensors, so that a derivative counts only paths through them."""

    def __init__(self, args: Sequence[Any]) -> None:
        self.recording, self.start = state.recording, next(clock)
        given, self.rebuild = flatten(tuple(args))
        with enable_grad():
            self.leaves = [_entry(as_tensor(leaf)) for leaf in given]
        self.args: tuple[Any, ...] = self.rebuild(self.leaves)

    def observed(self, outputs: Iterable[Tensor]) -> bool:
        """Whether someone differentiates in turn: outputs depend on what was tracked before."""
        roots = [o.node for o in outputs if o.requires_grad and self.recording]
        behind = reachable(roots, tracked_only=True, since=self.start)
        return any(node.index < self.start for node in behind)


def _entry(t: Tensor) -> Tensor:
    if t.requires_grad:
        return identity(t)  # type: ignore[no-any-return]
    if t.dtype.kind != "f":
        raise GradientError(
            f"derivatives are taken with respect to floats; an argument of shape {t.shape} is "
            f"{t.dtype}. Convert it with astype('float64'), or close over it."
        )
    return _wrap(t.data).requires_grad_()


def _tensors(tree: Any) -> tuple[list[Tensor], Rebuild]:
    leaves, rebuild = flatten(tree)
    return [as_tensor(leaf) for leaf in leaves], rebuild


def _zeros(t: Tensor) -> Tensor:
    return _wrap(np.zeros(t.shape, t.dtype))


def grads(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor], seeds: Sequence[Any], *, record: bool
) -> list[Tensor]:
    """Return Σ seedᵀ ∂output/∂input for each input; zeros where nothing depends on it."""
    pairs = zip(outputs, seeds, strict=True)
    starts = [o._start(s) for o, s in pairs if o.requires_grad]
    found = pull_back(starts, {x.node for x in inputs}, wrap=_wrap, retain=True, record=record)
    return [found[x.node] if x.node in found else _zeros(x) for x in inputs]


def _match(tree: Any, like: Any, what: str) -> list[Tensor]:
    given, wanted = structure(tree), structure(like)
    if given != wanted:
        raise ShapeError(f"{what} must have the shapes {wanted}, so nested; they have {given}")
    return _tensors(tree)[0]


def _scalar(value: Any) -> Tensor:
    if not isinstance(value, Tensor) or value.size != 1:
        what = f"shape {value.shape}" if isinstance(value, Tensor) else type(value).__name__
        raise GradientError(f"the function must return a tensor of one element, not {what}")
    return value


def value_and_grad(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, *, has_aux: bool = False
) -> Callable[..., Any]:
    """Turn a function that returns a loss into one that returns (loss, gradient).

    Args:
        f: returns a tensor of one element, or with ``has_aux`` a pair (loss, anything).
        argnums: which positional arguments to differentiate; one, or several for a tuple.
        has_aux: ``f`` returns extra data beside the loss.

    Returns:
        A function of the same arguments. The gradient has the structure of its argument.

    Raises:
        GradientError: ``f`` does not return a tensor of one element.
    """
    chosen = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    def evaluate(*args: Any, **kwargs: Any) -> Any:
        entered = _Arguments([args[i] for i in chosen])
        full = list(args)
        for i, arg in zip(chosen, entered.args, strict=True):
            full[i] = arg
        with enable_grad():
            result = f(*full, **kwargs)
            loss = _scalar(result[0] if has_aux else result)
            record = entered.observed([loss])
            trees = entered.rebuild(grads([loss], entered.leaves, [None], record=record))
        gradient = trees[0] if isinstance(argnums, int) else trees
        value = loss if record else loss.detach()
        return ((value, result[1]) if has_aux else value), gradient

    return evaluate


def vjp(f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """Evaluate ``f`` and return (output, pull): pull(v) is vᵀJ for each argument.

    ``v`` has the structure and shapes of the output. ``pull`` may be called again.
    """
    entered = _Arguments(primals)
    with enable_grad():
        outputs, rebuild = _tensors(f(*entered.args))
    observed = entered.observed(outputs)

    def pull(cotangents: Any) -> tuple[Any, ...]:
        seeds = _match(cotangents, rebuild([*outputs]), "cotangents")
        record = state.recording and (observed or any(s.requires_grad for s in seeds))
        return tuple(entered.rebuild(grads(outputs, entered.leaves, seeds, record=record)))

    return rebuild([o if observed else o.detach() for o in outputs]), pull


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """Evaluate ``f`` and the directional derivative J v: returns (output, J v).

    Reverse mode twice: the product uᵀJ is linear in u, and its derivative with respect to u in
    the direction v is J v (the "double backward trick", J. Townsend 2017).
    """
    entered = _Arguments(primals)
    directions = _match(tuple(tangents), entered.args, "tangents")
    with enable_grad():
        outputs, rebuild = _tensors(f(*entered.args))
        record = entered.observed([*outputs, *directions])
        dummies = [_zeros(o).requires_grad_(o.requires_grad) for o in outputs]
        pulled = grads(outputs, entered.leaves, dummies, record=True)
        pushed = grads(pulled, dummies, directions, record=record)
    return rebuild([o if record else o.detach() for o in outputs]), rebuild(pushed)


def hvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """Return the product H v of a loss's Hessian with a direction, without forming H.

    The gradient of gᵀv, where g is the gradient (Pearlmutter 1994). One argument gives its
    product, several give a tuple.
    """
    entered = _Arguments(primals)
    directions = _match(tuple(tangents), entered.args, "tangents")
    with enable_grad():
        loss = _scalar(f(*entered.args))
        record = entered.observed([loss, *directions])
        g = grads([loss], entered.leaves, [None], record=True)
        products = entered.rebuild(grads(g, entered.leaves, directions, record=record))
    return products[0] if len(primals) == 1 else products


def jacobian(f: Callable[..., Any], *args: Any) -> Any:
    """Return all ∂output/∂argument: for one of each, shape output.shape + argument.shape.

    Where the output is a nest, or there are several arguments or one is a nest, the result is
    the output's nest of (the argument's, or a tuple of the arguments') nests.
    """
    entered = _Arguments(args)
    with enable_grad():
        outputs, rebuild_out = _tensors(f(*entered.args))
        record = entered.observed(outputs)
        rows = [jacobian_of(o, entered.leaves, record=record) for o in outputs]
    trees = [entered.rebuild(row) for row in rows]
    return rebuild_out([t[0] if len(args) == 1 else t for t in trees])


def jacobian_of(output: Tensor, inputs: Sequence[Tensor], *, record: bool = False) -> list[Tensor]:
    """Return ∂output/∂input for each input, one backward pass per element of the output."""
    rows = []
    for k in range(output.size):
        basis = np.eye(1, output.size, k, output.dtype).reshape(output.shape)
        basis.flags.writeable = False  # a rule may not write to g, which others share
        rows.append(grads([output], inputs, [_wrap(basis)], record=record))
    if not rows:
        return [_wrap(np.zeros(output.shape + x.shape, x.dtype)) for x in inputs]
    return [
        stack(list(column)).reshape(output.shape + x.shape)
        for column, x in zip(zip(*rows, strict=True), inputs, strict=True)
    ]


def hessian(f: Callable[..., Any], *args: Any) -> Any:
    """Return the second derivatives of a loss: for one argument, shape x.shape + x.shape."""
    evaluate = value_and_grad(f, 0 if len(args) == 1 else range(len(args)))
    return jacobian(lambda *inner: evaluate(*inner)[1], *args)
