"""Reductions over any axes, and the cumulative and normalising functions built like them.

``axis`` is None (all), one axis or several; ``keepdims`` leaves them with length 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .op import Op
from .shape import Axis, axes_of, axis_of, broadcast_to, concatenate, expand_dims, flip, reshape


def kept(g: Any, shape: tuple[int, ...], axis: tuple[int, ...]) -> Any:
    """Give a reduction's result back the axes it lost, with length 1."""
    return g.reshape(tuple(1 if i in axis else n for i, n in enumerate(shape)))


def _spread(g: Any, shape: tuple[int, ...], axis: tuple[int, ...]) -> Any:
    """Repeat a reduction's gradient over the axes that were reduced."""
    return broadcast_to(kept(g, shape, axis), shape)


def _count(shape: tuple[int, ...], axis: tuple[int, ...]) -> int:
    return math.prod(shape[a] for a in axis)


def _reads(out: tuple[int, ...], x: tuple[int, ...]) -> int:
    return math.prod(x)


def _reduction(name: str, reduce: Callable[..., Any], tex: str, *rule: Any) -> Op:
    def forward(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        return reduce(x, axis=axis, keepdims=keepdims)

    return Op(name, forward, *rule, tex=tex, flops=_reads)


_sum = _reduction("sum", np.sum, r"\sum {0}", lambda g, x_shape, axis: _spread(g, x_shape, axis))
_mean = _reduction(
    "mean",
    np.mean,
    r"\operatorname{{mean}}({0})",
    lambda g, x_shape, axis: _spread(g / _count(x_shape, axis), x_shape, axis),
)


def _var_rule(g: Any, x: Any, axis: tuple[int, ...], ddof: int) -> Any:
    deviation = x - x.mean(axis=axis, keepdims=True)
    scale = float(np.divide(2.0, _count(x.shape, axis) - ddof))
    return _spread(g, x.shape, axis) * deviation * scale


def _std_rule(g: Any, x: Any, z: Any, axis: tuple[int, ...], ddof: int) -> Any:
    # A constant input has no spread to reduce: its gradient is taken as 0.
    return _var_rule(0.5 * g / np.where(z == 0, np.inf, z), x, axis, ddof)


_var = Op(
    "var",
    lambda x, *, axis, keepdims, ddof: np.var(x, axis=axis, keepdims=keepdims, ddof=ddof),
    _var_rule,
    tex=r"\operatorname{{var}}({0})",
    flops=_reads,
)
_std = Op(
    "std",
    lambda x, *, axis, keepdims, ddof: np.std(x, axis=axis, keepdims=keepdims, ddof=ddof),
    _std_rule,
    tex=r"\operatorname{{std}}({0})",
    flops=_reads,
)


def share_among(chosen: Any, g: Any, axis: tuple[int, ...]) -> Any:
    """Share the gradient g of a reduction over ``axis`` among the elements that are ``chosen``."""
    share = kept(g, chosen.shape, axis) / chosen.sum(axis=axis, keepdims=True)
    return share.astype(g.dtype) * chosen


def _extremum_rule(g: Any, x: Any, z: Any, axis: tuple[int, ...]) -> Any:
    return share_among(x == kept(z, x.shape, axis), g, axis)


_max = _reduction("max", np.max, r"\max({0})", _extremum_rule)
_min = _reduction("min", np.min, r"\min({0})", _extremum_rule)


def _products_of_others(x: Any) -> Any:
    """For each element of the last axis, the product of all others there.

    Pair up neighbours. The others of an element are its partner and all other pairs; so the
    problem of n elements becomes that of n/2 pairs. No division: zeros and underflow are exact.
    """
    *lead, n = x.shape
    if n <= 1:
        return np.ones(x.shape, x.dtype)
    if n % 2:
        x = concatenate([x, np.ones((*lead, 1), x.dtype)], -1)
    pairs = reshape(x, (*lead, (n + 1) // 2, 2))
    rest = _products_of_others(pairs[..., 0] * pairs[..., 1])
    return reshape(expand_dims(rest, -1) * flip(pairs, -1), x.shape)[..., :n]


def _prod_rule(g: Any, x: Any, axis: tuple[int, ...]) -> Any:
    order = (*(i for i in range(x.ndim) if i not in axis), *axis)
    moved = np.transpose(x, order)
    lead = moved.shape[: x.ndim - len(axis)]
    others = _products_of_others(reshape(moved, (*lead, _count(x.shape, axis))))
    back = tuple(int(i) for i in np.argsort(order))
    return _spread(g, x.shape, axis) * np.transpose(reshape(others, moved.shape), back)


_prod = _reduction("prod", np.prod, r"\prod {0}", _prod_rule)
_cumsum = Op(
    "cumsum",
    lambda x, *, axis: np.cumsum(x, axis=axis),
    lambda g, axis: flip(cumsum(flip(g, axis), axis), axis),
    tex=r"\operatorname{{cumsum}}({0})",
)


def _exponentials(x: Any, axis: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """Return the maximum m over ``axis``, x - m and its exponential, which cannot overflow.

    Infinite elements that are the maximum are equal to it: their x - m is 0.
    """
    top = np.max(x, axis=axis, keepdims=True, initial=_lowest(x))
    with np.errstate(invalid="ignore", over="ignore"):
        below = np.where(x == top, x.dtype.type(0), x - top)
    return top, below, np.exp(below)


def _lowest(x: Any) -> Any:
    return -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min


def _logsumexp_forward(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    top, _, e = _exponentials(x, axis)
    with np.errstate(divide="ignore"):  # log 0 = -inf is the right answer for no mass at all
        z = np.log(np.sum(e, axis=axis, keepdims=True)) + top
    return z if keepdims else np.squeeze(z, axis)


def _softmax_forward(x: Any, *, axis: tuple[int, ...]) -> Any:
    _, _, e = _exponentials(x, axis)
    return e / np.sum(e, axis=axis, keepdims=True)


def _log_softmax_forward(x: Any, *, axis: tuple[int, ...]) -> Any:
    _, below, e = _exponentials(x, axis)
    return below - np.log(np.sum(e, axis=axis, keepdims=True))


_logsumexp = _reduction(
    "logsumexp",
    _logsumexp_forward,
    r"\log \sum e^{{{0}}}",
    lambda g, x, axis: _spread(g, x.shape, axis) * softmax(x, axis),
)
_softmax = Op(
    "softmax",
    _softmax_forward,
    lambda g, z, axis: z * (g - (g * z).sum(axis=axis, keepdims=True)),
    tex=r"\operatorname{{softmax}}({0})",
    flops=lambda out, x: 4 * math.prod(out),
)
_log_softmax = Op(
    "log_softmax",
    _log_softmax_forward,
    lambda g, z, axis: g - np.exp(z) * g.sum(axis=axis, keepdims=True),
    tex=r"\log\operatorname{{softmax}}({0})",
    flops=lambda out, x: 4 * math.prod(out),
)

# The gradient of the norm at the origin is taken as 0.
_norm = _reduction(
    "norm",
    lambda x, axis, keepdims: np.sqrt(np.sum(np.square(x), axis=axis, keepdims=keepdims)),
    r"\lVert {0} \rVert_2",
    lambda g, x, z, axis: _spread(g / np.where(z == 0, np.inf, z), x.shape, axis) * x,
)
_argmax = _reduction("argmax", np.argmax, r"\arg\max {0}")
_argmin = _reduction("argmin", np.argmin, r"\arg\min {0}")
_any = _reduction("any", np.any, r"\bigvee {0}")
_all = _reduction("all", np.all, r"\bigwedge {0}")


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


def cumsum(x: Any, axis: int | None = None) -> Any:
    """Running sum along ``axis`` (of the flattened array by default)."""
    if axis is None:
        x, axis = reshape(x, -1), 0
    return _cumsum(x, axis=axis_of(x, axis))


def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Logarithm of the sum of exponentials over ``axis``, without overflow."""
    return _logsumexp(x, axis=axes_of(x, axis), keepdims=keepdims)


def softmax(x: Any, axis: Axis = -1) -> Any:
    """Exponentials normalised to sum 1 over ``axis``, without overflow.

    Infinite elements that are the largest share it as equal numbers would.
    """
    return _softmax(x, axis=axes_of(x, axis))


def log_softmax(x: Any, axis: Axis = -1) -> Any:
    """Logarithm of :func:`softmax`, exact where that underflows."""
    return _log_softmax(x, axis=axes_of(x, axis))


def norm(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Euclidean norm over ``axis``; its gradient at the origin is 0."""
    return _norm(x, axis=axes_of(x, axis), keepdims=keepdims)


def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Index of the first largest value (int64; needs no gradient)."""
    return _argmax(x, axis=None if axis is None else axis_of(x, axis), keepdims=keepdims)


def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Index of the first smallest value (int64; needs no gradient)."""
    return _argmin(x, axis=None if axis is None else axis_of(x, axis), keepdims=keepdims)


def any(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Whether any element is true (bool; needs no gradient)."""
    return _any(x, axis=axes_of(x, axis), keepdims=keepdims)


def all(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Whether all elements are true (bool; needs no gradient)."""
    return _all(x, axis=axes_of(x, axis), keepdims=keepdims)
