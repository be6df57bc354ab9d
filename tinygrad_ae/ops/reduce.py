"""Reductions over any axes, and the cumulative and normalising functions built like them.

``axis`` is None (all), one axis or a tuple of axes; ``keepdims`` leaves them with length 1.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np

from .op import Op
from .shape import broadcast_to, flip

Axis = int | tuple[int, ...] | None


def axes_of(x: Any, axis: Axis) -> tuple[int, ...]:
    """Return ``axis`` as a sorted tuple of non-negative axes of ``x``.

    Raises:
        IndexError: an axis is out of range or given twice.
    """
    if axis is None:
        return tuple(range(x.ndim))
    given = axis if isinstance(axis, tuple) else (axis,)
    if builtins.any(not -x.ndim <= a < x.ndim for a in given):
        raise IndexError(f"axis {axis} is out of range for shape {x.shape}")
    axes = tuple(sorted(a % x.ndim for a in given))
    if len(set(axes)) < len(axes):
        raise IndexError(f"axis {axis} names an axis of shape {x.shape} twice")
    return axes


def _kept(g: Any, shape: tuple[int, ...], axis: tuple[int, ...]) -> Any:
    """Give a reduction's result back the axes it lost, with length 1."""
    return g.reshape(tuple(1 if i in axis else n for i, n in enumerate(shape)))


def _spread(g: Any, shape: tuple[int, ...], axis: tuple[int, ...]) -> Any:
    """Repeat a reduction's gradient over the axes that were reduced."""
    return broadcast_to(_kept(g, shape, axis), shape)


def _count(shape: tuple[int, ...], axis: tuple[int, ...]) -> int:
    return int(np.prod([shape[a] for a in axis], dtype=int))


def _reduction(name: str, forward: Callable[..., Any], rule: Any, tex: str) -> Op:
    return Op(name, forward, rule, tex=tex, flops=lambda out, x: int(np.prod(x)))


_sum = _reduction(
    "sum",
    lambda x, *, axis, keepdims: np.sum(x, axis=axis, keepdims=keepdims),
    lambda g, x_shape, axis: _spread(g, x_shape, axis),
    r"\sum {0}",
)
_mean = _reduction(
    "mean",
    lambda x, *, axis, keepdims: np.mean(x, axis=axis, keepdims=keepdims),
    lambda g, x_shape, axis: _spread(g / _count(x_shape, axis), x_shape, axis),
    r"\operatorname{{mean}}({0})",
)


def _var_rule(g: Any, x: Any, axis: tuple[int, ...], ddof: int) -> Any:
    deviation = x - x.mean(axis=axis, keepdims=True)
    return (
        _spread(g, x.shape, axis) * deviation * float(np.divide(2.0, _count(x.shape, axis) - ddof))
    )


def _std_rule(g: Any, x: Any, z: Any, axis: tuple[int, ...], ddof: int) -> Any:
    # A constant input has no spread to reduce: its gradient is taken as 0.
    return _var_rule(0.5 * g / np.where(z == 0, np.inf, z), x, axis, ddof)


_var = _reduction(
    "var",
    lambda x, *, axis, keepdims, ddof: np.var(x, axis=axis, keepdims=keepdims, ddof=ddof),
    _var_rule,
    r"\operatorname{{var}}({0})",
)
_std = _reduction(
    "std",
    lambda x, *, axis, keepdims, ddof: np.std(x, axis=axis, keepdims=keepdims, ddof=ddof),
    _std_rule,
    r"\operatorname{{std}}({0})",
)


def _extremum_rule(g: Any, x: Any, z: Any, axis: tuple[int, ...]) -> Any:
    # Elements that share the extremum share its gradient.
    chosen = (x == _kept(z, x.shape, axis)).astype(g.dtype)
    return _spread(g, x.shape, axis) * chosen / chosen.sum(axis=axis, keepdims=True)


_max = _reduction(
    "max",
    lambda x, *, axis, keepdims: np.max(x, axis=axis, keepdims=keepdims),
    _extremum_rule,
    r"\max({0})",
)
_min = _reduction(
    "min",
    lambda x, *, axis, keepdims: np.min(x, axis=axis, keepdims=keepdims),
    _extremum_rule,
    r"\min({0})",
)


def _prod_rule(g: Any, x: Any, z: Any, axis: tuple[int, ...]) -> Any:
    if not np.any(x == 0):
        return _spread(g * z, x.shape, axis) / x
    # With zeros, z / x is undefined: multiply the *other* elements, one left out at a time.
    others = tuple(i for i in range(x.ndim) if i not in axis)
    n = _count(x.shape, axis)
    lead = tuple(x.shape[i] for i in others)
    rows = np.transpose(x, others + axis).reshape((*lead, 1, n))
    rest = prod(np.where(np.eye(n, dtype=bool), 1, rows), axis=-1)
    back = rest.reshape(tuple(x.shape[i] for i in others + axis))
    order = tuple(int(i) for i in np.argsort(others + axis))
    return _spread(g, x.shape, axis) * np.transpose(back, order)


_prod = _reduction(
    "prod",
    lambda x, *, axis, keepdims: np.prod(x, axis=axis, keepdims=keepdims),
    _prod_rule,
    r"\prod {0}",
)
_cumsum = Op(
    "cumsum",
    lambda x, *, axis: np.cumsum(x, axis=axis),
    lambda g, axis: flip(cumsum(flip(g, axis), axis), axis),
    tex=r"\operatorname{{cumsum}}({0})",
)


def _stable(x: Any, axis: tuple[int, ...]) -> Any:
    """Return the maximum over ``axis``, 0 where it is infinite: what exponents are shifted by."""
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    return np.where(np.isfinite(top), top, 0).astype(x.dtype)


def _logsumexp_forward(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    top = _stable(x, axis)
    with np.errstate(
        divide="ignore", over="ignore"
    ):  # log 0 = -inf is the right answer for no mass at all
        z = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return z if keepdims else np.squeeze(z, axis)


def _logsumexp_rule(g: Any, x: Any, z: Any, axis: tuple[int, ...]) -> Any:
    whole = _kept(z, x.shape, axis)
    return _spread(g, x.shape, axis) * np.exp(x - np.where(whole == -np.inf, 0, whole))


_logsumexp = _reduction("logsumexp", _logsumexp_forward, _logsumexp_rule, r"\log \sum e^{{{0}}}")


def _softmax_forward(x: Any, *, axis: tuple[int, ...]) -> Any:
    e = np.exp(x - _stable(x, axis))
    return e / np.sum(e, axis=axis, keepdims=True)


_softmax = Op(
    "softmax",
    _softmax_forward,
    lambda g, z, axis: z * (g - (g * z).sum(axis=axis, keepdims=True)),
    tex=r"\operatorname{{softmax}}({0})",
    flops=lambda out, x: 4 * int(np.prod(out)),
)
_log_softmax = Op(
    "log_softmax",
    lambda x, *, axis: x - _logsumexp_forward(x, axis=axis, keepdims=True),
    lambda g, z, axis: g - np.exp(z) * g.sum(axis=axis, keepdims=True),
    tex=r"\log\operatorname{{softmax}}({0})",
    flops=lambda out, x: 4 * int(np.prod(out)),
)

# The gradient of the norm at the origin is taken as 0.
_norm = _reduction(
    "norm",
    lambda x, *, axis, keepdims: np.sqrt(np.sum(np.square(x), axis=axis, keepdims=keepdims)),
    lambda g, x, z, axis: _spread(g / np.where(z == 0, np.inf, z), x.shape, axis) * x,
    r"\lVert {0} \rVert_2",
)
_argmax = Op(
    "argmax",
    lambda x, *, axis, keepdims: np.argmax(x, axis=axis, keepdims=keepdims),
    tex=r"\arg\max {0}",
)
_argmin = Op(
    "argmin",
    lambda x, *, axis, keepdims: np.argmin(x, axis=axis, keepdims=keepdims),
    tex=r"\arg\min {0}",
)
_any = Op(
    "any", lambda x, *, axis, keepdims: np.any(x, axis=axis, keepdims=keepdims), tex=r"\bigvee {0}"
)
_all = Op(
    "all",
    lambda x, *, axis, keepdims: np.all(x, axis=axis, keepdims=keepdims),
    tex=r"\bigwedge {0}",
)


def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Sum over ``axis``; of nothing, 0."""
    return _sum(x, axis=axes_of(x, axis), keepdims=keepdims)


def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Arithmetic mean over ``axis``."""
    return _mean(x, axis=axes_of(x, axis), keepdims=keepdims)


def var(x: Any, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> Any:
    """Variance over ``axis``: the squared deviations' sum over (count - ``ddof``)."""
    return _var(x, axis=axes_of(x, axis), keepdims=keepdims, ddof=ddof)


def std(x: Any, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> Any:
    """Standard deviation over ``axis``; the gradient of a constant input is 0."""
    return _std(x, axis=axes_of(x, axis), keepdims=keepdims, ddof=ddof)


def max(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Largest value over ``axis``; equal ones share the gradient."""
    return _max(x, axis=axes_of(x, axis), keepdims=keepdims)


def min(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Smallest value over ``axis``; equal ones share the gradient."""
    return _min(x, axis=axes_of(x, axis), keepdims=keepdims)


def prod(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Product over ``axis``; its gradient is exact with zeros among the factors too."""
    return _prod(x, axis=axes_of(x, axis), keepdims=keepdims)


def cumsum(x: Any, axis: int) -> Any:
    """Running sum along ``axis``."""
    return _cumsum(x, axis=axes_of(x, axis)[0])


def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Logarithm of the sum of exponentials over ``axis``, without overflow."""
    return _logsumexp(x, axis=axes_of(x, axis), keepdims=keepdims)


def softmax(x: Any, axis: Axis = -1) -> Any:
    """Exponentials normalised to sum 1 over ``axis``, without overflow."""
    return _softmax(x, axis=axes_of(x, axis))


def log_softmax(x: Any, axis: Axis = -1) -> Any:
    """Logarithm of :func:`softmax`, exact where that underflows."""
    return _log_softmax(x, axis=axes_of(x, axis))


def norm(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Euclidean norm over ``axis``; its gradient at the origin is 0."""
    return _norm(x, axis=axes_of(x, axis), keepdims=keepdims)


def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Index of the first largest value (int64; needs no gradient)."""
    return _argmax(x, axis=axis, keepdims=keepdims)


def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Index of the first smallest value (int64; needs no gradient)."""
    return _argmin(x, axis=axis, keepdims=keepdims)


def any(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Whether any element is true (bool; needs no gradient)."""
    return _any(x, axis=axes_of(x, axis), keepdims=keepdims)


def all(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Whether all elements are true (bool; needs no gradient)."""
    return _all(x, axis=axes_of(x, axis), keepdims=keepdims)
