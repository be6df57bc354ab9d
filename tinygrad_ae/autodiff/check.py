"""Checks of derivatives against finite differences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..core.modes import enable_grad, no_grad
from ..core.tensor import Tensor, as_tensor
from ..errors import UserError
from ..ops.op import Array
from .functional import grads, jacobian_of
from .tree import flatten

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]


class GradcheckError(UserError, AssertionError):
    """A derivative disagrees with finite differences; the message says where and by how much."""


def gradcheck(
    f: Callable[..., Any], inputs: Any, *, eps: float = 1e-6, atol: float = 1e-6, rtol: float = 1e-5
) -> bool:
    """Compare every element of the Jacobian of ``f`` with central finite differences.

    Args:
        f: a deterministic function of tensors that returns one tensor or a nest of them.
        inputs: its arguments: a tuple of float64 arrays or tensors (or nests), or just one.
        eps: half the width of the difference.
        atol: error allowed, as a part of the Jacobian's largest entry.
        rtol: error allowed, as a part of the entry itself.

    Returns:
        True, if all agree.

    Raises:
        GradcheckError: naming the argument, its element, the output's element and both values.
        TypeError: an input is not float64, where differences would be mostly rounding error.
    """
    args = inputs if isinstance(inputs, tuple) else (inputs,)
    given, rebuild = flatten(args)
    leaves = [Tensor(leaf.data if isinstance(leaf, Tensor) else leaf) for leaf in given]
    for k, leaf in enumerate(leaves):
        if leaf.dtype != np.float64:
            raise TypeError(f"gradcheck needs float64 inputs; argument {k} is {leaf.dtype}")

    def evaluate() -> list[Array]:
        with no_grad():
            return [o.data.astype(np.float64) for o in _outputs(f, rebuild(list(leaves)))]

    first, again = evaluate(), evaluate()
    if any(not np.array_equal(a, b, equal_nan=True) for a, b in zip(first, again, strict=True)):
        raise GradcheckError("the function gives different results for equal inputs")
    numeric = [_differences(evaluate, leaf, eps) for leaf in leaves]
    with enable_grad():
        for leaf in leaves:
            leaf.requires_grad_()
        outputs = _outputs(f, rebuild(list(leaves)))
        for position, output in enumerate(outputs):
            with _read_only(leaves):
                jacobians = zip(jacobian_of(output, leaves), leaves, strict=True)
                analytic = [j.data.reshape(output.size, x.size) for j, x in jacobians]
                _check_linear(output, leaves, analytic)
            rounding = 10 * np.finfo(np.float64).eps * _largest(output.data) / eps
            for k, leaf in enumerate(leaves):
                expected = numeric[k][position]
                allowed = rounding + atol * _largest(expected)
                _compare(analytic[k], expected, k, leaf, output, allowed, rtol)
    return True


def gradgradcheck(
    f: Callable[..., Any], inputs: Any, *, eps: float = 1e-6, atol: float = 1e-6, rtol: float = 1e-5
) -> bool:
    """Check second derivatives: :func:`gradcheck` of the gradient of a random combination.

    Raises:
        GradcheckError: as :func:`gradcheck`; "argument n" beyond the function's own are the
            weights of the combination.
    """
    args = inputs if isinstance(inputs, tuple) else (inputs,)
    with no_grad():
        given, rebuild = flatten(args)
        shapes = [o.shape for o in _outputs(f, rebuild([as_tensor(x) for x in given]))]
    weights = [*map(np.random.default_rng(0).standard_normal, shapes)]

    def gradient(*flat: Tensor) -> list[Tensor]:
        with enable_grad():
            xs = [x if x.requires_grad else x.detach().requires_grad_() for x in flat[: len(given)]]
            return grads(_outputs(f, rebuild(xs)), xs, flat[len(given) :], record=True)

    return gradcheck(gradient, (*given, *weights), eps=eps, atol=atol, rtol=rtol)


def _outputs(f: Callable[..., Any], args: Any) -> list[Tensor]:
    return [as_tensor(o) for o in flatten(f(*args))[0]]


def _differences(evaluate: Callable[[], list[Array]], leaf: Tensor, eps: float) -> list[Array]:
    """Return ∂output/∂leaf for each output, shape (output.size, leaf.size)."""
    flat = leaf.data.flat  # writes through whatever the memory layout
    tables = [np.empty((o.size, leaf.size)) for o in evaluate()]
    for i in range(leaf.size):
        kept = flat[i]
        flat[i] = kept + eps
        above = evaluate()
        flat[i] = kept - eps
        below = evaluate()
        flat[i] = kept
        for table, a, b in zip(tables, above, below, strict=True):
            table[:, i] = (a - b).reshape(-1) / (2 * eps)
    return tables


def _check_linear(output: Tensor, leaves: list[Tensor], tables: list[Array]) -> None:
    """Raise unless the rules are linear in g: rows of a basis cannot tell g from |g|."""
    weights = np.random.default_rng(0).standard_normal(output.shape)
    found, flat = grads([output], leaves, [weights], record=False), weights.reshape(-1)
    for k, (table, g) in enumerate(zip(tables, found, strict=True)):
        with np.errstate(invalid="ignore"):
            gap = np.abs(g.data.reshape(-1) - flat @ table)
            allowed = 1e-8 * (np.abs(flat) @ np.abs(table)) + 1e-12 * _largest(output.data)
        if (gap > allowed).any():
            raise GradcheckError(f"the rule for argument {k} is not linear in g")


@contextmanager
def _read_only(leaves: list[Tensor]) -> Iterator[None]:
    """Let a rule that writes to its arguments fail."""
    for leaf in leaves:
        leaf.data.flags.writeable = False
    try:
        yield
    finally:
        for leaf in leaves:
            leaf.data.flags.writeable = True


def _largest(values: Array) -> float:
    finite = np.abs(values[np.isfinite(values)])
    return float(finite.max(initial=0.0))


def _compare(
    analytic: Array, numeric: Array, k: int, leaf: Tensor, output: Tensor, atol: float, rtol: float
) -> None:
    close = np.isclose(analytic, numeric, rtol=rtol, atol=atol)
    if close.all():
        return
    gap = np.where(close, -1.0, np.nan_to_num(np.abs(analytic - numeric), nan=np.inf))
    row, column = (int(i) for i in np.unravel_index(np.argmax(gap), gap.shape))
    element = tuple(int(i) for i in np.unravel_index(column, leaf.shape))
    place = tuple(int(i) for i in np.unravel_index(row, output.shape))
    raise GradcheckError(
        f"∂output{list(place)}/∂(argument {k}){list(element)}: the rule gives "
        f"{analytic[row, column]:.9g}, finite differences give {numeric[row, column]:.9g} "
        f"({int((~close).sum())} of {close.size} entries of this Jacobian disagree)"
    )
