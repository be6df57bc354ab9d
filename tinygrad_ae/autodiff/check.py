"""Checks of derivatives against finite differences, and of a whole operation at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import UserError
from ..ops.op import Array, Op
from ..tensor import Tensor, _wrap, as_tensor, from_numpy
from .engine import grad
from .modes import enable_grad, no_grad
from .tree import flatten


class GradcheckError(UserError, AssertionError):
    """A derivative disagrees with finite differences; the message says where and by how much."""


def gradcheck(
    f: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-6,
    rtol: float = 1e-5,
) -> bool:
    """Compare every element of the Jacobian of ``f`` with central finite differences.

    Args:
        f: a deterministic function of tensors that returns one tensor or a nest of them.
        inputs: its arguments: a tuple of float64 arrays or tensors (or nests), or just one.
        eps: half the width of the difference.
        atol: absolute error allowed.
        rtol: relative error allowed.

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
            return [o.data.copy() for o in _outputs(f, rebuild(list(leaves)))]

    first, again = evaluate(), evaluate()
    if any(not np.array_equal(a, b, equal_nan=True) for a, b in zip(first, again, strict=True)):
        raise GradcheckError("the function gives different results for equal inputs")
    numeric = [_differences(evaluate, leaf, eps) for leaf in leaves]
    with enable_grad():
        for leaf in leaves:
            leaf.requires_grad_()
        outputs = _outputs(f, rebuild(list(leaves)))
        for position, output in enumerate(outputs):
            analytic = _rows(output, leaves)
            for k, leaf in enumerate(leaves):
                _compare(analytic[k], numeric[k][position], k, leaf, output, atol, rtol)
    return True


def gradgradcheck(
    f: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-6,
    rtol: float = 1e-5,
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
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal(shape) for shape in shapes]
    count = len(given)

    def gradient(*flat: Tensor) -> list[Tensor]:
        with enable_grad():
            xs = [x if x.requires_grad else x.detach().requires_grad_() for x in flat[:count]]
            outputs = _outputs(f, rebuild(list(xs)))
            pairs = [(o, w) for o, w in zip(outputs, flat[count:], strict=True) if o.requires_grad]
            if not pairs:
                return []
            outs, seeds = zip(*pairs, strict=True)
            found = grad(outs, xs, seeds, create_graph=True, allow_unused=True)
            return [g for g in found if g is not None]

    return gradcheck(gradient, (*given, *weights), eps=eps, atol=atol, rtol=rtol)


def check_op(
    op: Op | Callable[..., Any],
    samples: Sequence[Any],
    *,
    reference: Callable[..., Any] | None = None,
    second: bool = True,
) -> bool:
    """Prove an operation: value, first and second derivative, dtypes, aliasing and LaTeX.

    Args:
        op: the operation, or a function built on it.
        samples: each a tuple of float64 arrays, or a pair (tuple of arrays, dict of attributes).
            Include shapes that broadcast, axes of length 1, and no elements at all.
        reference: computes the expected value from the same arguments.
        second: whether to check second derivatives.

    Raises:
        GradcheckError: what is wrong, on which sample.
    """
    name = op.name if isinstance(op, Op) else getattr(op, "__name__", "the function")
    for number, sample in enumerate(samples):
        arrays, attrs = _sample(sample)
        try:
            _check_sample(op, arrays, attrs, reference, second)
        except (GradcheckError, ValueError, TypeError) as error:
            shapes = [a.shape for a in arrays]
            raise GradcheckError(f"{name}, sample {number} {shapes} {attrs}: {error}") from error
    if isinstance(op, Op):
        _check_tex(op, *_sample(samples[0]))
    return True


def _check_sample(
    op: Op | Callable[..., Any],
    arrays: tuple[Array, ...],
    attrs: dict[str, Any],
    reference: Callable[..., Any] | None,
    second: bool,
) -> None:
    def f(*xs: Any) -> Any:
        return op(*xs, **attrs)

    before = [a.copy() for a in arrays]
    with no_grad():
        out = f(*(from_numpy(a) for a in arrays))
    if any(not np.array_equal(a, b, equal_nan=True) for a, b in zip(arrays, before, strict=True)):
        raise GradcheckError("forward writes to its input")
    if not isinstance(out, Tensor):
        raise GradcheckError(f"it returns {type(out).__name__}, not a tensor")
    if reference is not None:
        wanted = np.asarray(reference(*arrays, **attrs))
        if wanted.shape != out.shape:
            raise GradcheckError(f"its value has shape {out.shape}; expected {wanted.shape}")
        if not np.allclose(out.data, wanted, rtol=1e-10, atol=1e-12, equal_nan=True):
            raise GradcheckError(f"its value is {out.data!r}; expected {wanted!r}")
    _check_dtype(f, arrays)
    gradcheck(f, arrays)
    if second:
        gradgradcheck(f, arrays)


def _check_dtype(f: Callable[..., Any], arrays: tuple[Array, ...]) -> None:
    singles = [_wrap(a.astype(np.float32)).requires_grad_() for a in arrays]
    with enable_grad():
        out = f(*singles)
        if out.dtype != np.float32:
            raise GradcheckError(f"float32 inputs give {out.dtype}; a constant widens them")
        if out.requires_grad:
            for x, g in zip(singles, grad(out.sum(), singles, allow_unused=True), strict=True):
                if g is not None and (g.shape != x.shape or g.dtype != x.dtype):
                    raise GradcheckError(
                        f"the gradient of an input {x.shape} float32 is {g.shape} {g.dtype}"
                    )


def _check_tex(op: Op, arrays: tuple[Array, ...], attrs: dict[str, Any]) -> None:
    names = [f"x_{k}" for k in range(len(arrays))]
    try:
        op.tex.format(*names, args=", ".join(names), **attrs)
    except (KeyError, IndexError, ValueError) as error:
        raise GradcheckError(
            f"{op.name}: the LaTeX {op.tex!r} cannot be filled in ({error!r}). Write {{0}}, {{1}} "
            "for the inputs, {name} for an attribute, and double every other brace."
        ) from error


def _sample(sample: Any) -> tuple[tuple[Array, ...], dict[str, Any]]:
    if isinstance(sample, tuple) and len(sample) == 2 and isinstance(sample[1], dict):
        arrays, attrs = sample
    else:
        arrays, attrs = sample, {}
    if not isinstance(arrays, tuple):
        arrays = (arrays,)
    return tuple(np.asarray(a, dtype=np.float64) for a in arrays), attrs


def _outputs(f: Callable[..., Any], args: Any) -> list[Tensor]:
    return [as_tensor(o) for o in flatten(f(*args))[0]]


def _differences(evaluate: Callable[[], list[Array]], leaf: Tensor, eps: float) -> list[Array]:
    """Return ∂output/∂leaf for each output, shape (output.size, leaf.size)."""
    flat = leaf.data.flat  # writes through whatever the memory layout
    columns = []
    for i in range(leaf.size):
        kept = flat[i]
        flat[i] = kept + eps
        above = evaluate()
        flat[i] = kept - eps
        below = evaluate()
        flat[i] = kept
        columns.append([(a - b).reshape(-1) / (2 * eps) for a, b in zip(above, below, strict=True)])
    if not columns:
        return [np.zeros((o.size, 0)) for o in evaluate()]
    return [np.stack(column, axis=1) for column in zip(*columns, strict=True)]


def _rows(output: Tensor, leaves: list[Tensor]) -> list[Array]:
    """Return ∂output/∂leaf for each leaf, one backward pass per row."""
    tables = [np.zeros((output.size, leaf.size)) for leaf in leaves]
    if not output.requires_grad:
        return tables
    for row in range(output.size):
        basis = np.zeros(output.shape, output.dtype)
        basis.reshape(-1)[row] = 1
        found = grad(output, leaves, _wrap(basis), retain_graph=True, allow_unused=True)
        for table, g in zip(tables, found, strict=True):
            if g is not None:
                table[row] = g.data.reshape(-1)
    _check_linear(output, leaves, tables)
    return tables


def _check_linear(output: Tensor, leaves: list[Tensor], tables: list[Array]) -> None:
    """Raise unless the rules are linear in g: rows of a basis cannot tell g from |g|."""
    weights = np.random.default_rng(0).standard_normal(output.shape)
    found = grad(output, leaves, _wrap(weights), retain_graph=True, allow_unused=True)
    for k, (table, g) in enumerate(zip(tables, found, strict=True)):
        got = 0 if g is None else g.data.reshape(-1)
        if not np.allclose(got, weights.reshape(-1) @ table, rtol=1e-8, atol=1e-10, equal_nan=True):
            raise GradcheckError(f"the rule for argument {k} is not linear in g")


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
