"""Reductions over any axes, and the cumulative and normalising functions built like them.

``axis`` is None (all), one axis or several; ``keepdims`` leaves them with length 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .op import Array, Op, as_array
from .shape import Axis, axes_of, broadcast_to, one_int, reshape

__all__ = [
    "all", "any", "argmax", "argmin", "cumsum", "largest", "log_softmax", "logsumexp", "max",
    "mean", "min", "norm", "prod", "softmax", "std", "sum", "var",
]  # fmt: skip


def kept(g: Any, shape: tuple[int, ...], axis: tuple[int, ...]) -> Any:
    """Give a reduction's result back the axes it lost, with length 1."""
    return g.reshape(tuple(1 if i in axis else n for i, n in enumerate(shape)))


def _spread(g: Any, x_shape: tuple[int, ...], axis: tuple[int, ...]) -> Any:
    """Repeat a reduction's gradient over the axes that were reduced."""
    return broadcast_to(kept(g, x_shape, axis), x_shape)


def _count(shape: tuple[int, ...], axis: tuple[int, ...]) -> int:
    return math.prod(shape[a] for a in axis)


def _reads(out: tuple[int, ...], x: tuple[int, ...]) -> int:
    return math.prod(x)


def _reduction(
    name: str, reduce: Callable[..., Any], tex: str | None, *rule: Any, floats: bool = False
) -> Op:
    def forward(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        return reduce(x, axis=axis, keepdims=keepdims)

    return Op(name, forward, *rule, tex=tex, flops=_reads, floats=floats)


_sum = _reduction("sum", np.sum, r"\sum {0}", _spread)


def _dispersion(name: str, measure: Callable[..., Any], rule: Any) -> Op:
    def forward(x: Any, *, axis: tuple[int, ...], keepdims: bool, ddof: int) -> Any:
        return measure(x, axis=axis, keepdims=keepdims, ddof=ddof)

    return Op(name, forward, rule, flops=_reads)


def _var_rule(g: Any, x: Any, axis: tuple[int, ...], ddof: int) -> Any:
    deviation = x - x.mean(axis=axis, keepdims=True)
    scale = float(np.divide(2.0, _count(x.shape, axis) - ddof))
    return _spread(g, x.shape, axis) * deviation * scale


def _std_rule(g: Any, x: Any, z: Any, axis: tuple[int, ...], ddof: int) -> Any:
    # A constant input has no spread to reduce: its gradient is taken as 0.
    return _var_rule(0.5 * g / np.where(z == 0, np.inf, z), x, axis, ddof)


_var = _dispersion("var", np.var, _var_rule)
_std = _dispersion("std", np.std, _std_rule)


def share_among(chosen: Any, g: Any, axis: tuple[int, ...]) -> Any:
    """Share the gradient g of a reduction over ``axis`` among the elements that are ``chosen``."""
    share = kept(g, chosen.shape, axis) / chosen.sum(axis=axis, keepdims=True)
    return share.astype(g.dtype) * chosen


def _extremum_rule(g: Any, x: Any, z: Any, axis: tuple[int, ...]) -> Any:
    return share_among(x == kept(z, x.shape, axis), g, axis)


_max = _reduction("max", np.max, r"\max({0})", _extremum_rule)
_min = _reduction("min", np.min, r"\min({0})", _extremum_rule)
_argmax = _reduction("argmax", np.argmax, r"\arg\max {0}")
_argmin = _reduction("argmin", np.argmin, r"\arg\min {0}")
_any = _reduction("any", np.any, r"\bigvee {0}")
_all = _reduction("all", np.all, r"\bigwedge {0}")


def _products_of_others(x: Any) -> Any:
    """For each element of the last axis, the product of all others there.

    Pair up neighbours. The others of an element are its partner and all other pairs; so the
    problem of n elements becomes that of n/2 pairs. No division: zeros and underflow are exact.
    """
    *lead, n = x.shape
    if n <= 1:
        return np.ones(x.shape, x.dtype)
    if n % 2:
        x = np.concatenate([x, np.ones((*lead, 1), x.dtype)], -1)
    pairs = x.reshape(*lead, (n + 1) // 2, 2)
    rest = _products_of_others(pairs[..., 0] * pairs[..., 1])
    return (np.expand_dims(rest, -1) * np.flip(pairs, -1)).reshape(x.shape)[..., :n]


def _prod_rule(g: Any, x: Any, axis: tuple[int, ...]) -> Any:
    last = tuple(range(-len(axis), 0))
    moved = np.moveaxis(x, axis, last)
    flat = moved.reshape(*moved.shape[: x.ndim - len(axis)], _count(x.shape, axis))
    others = _products_of_others(flat).reshape(moved.shape)
    return _spread(g, x.shape, axis) * np.moveaxis(others, last, axis)


_prod = _reduction("prod", np.prod, r"\prod {0}", _prod_rule)


def _below_top(x: Any, axis: tuple[int, ...]) -> tuple[Any, Any]:
    """Return x - m, whose exponential cannot overflow, and m, the maximum over ``axis``.

    Infinite elements that are the maximum are equal to it: their x - m is 0.
    """
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    with np.errstate(invalid="ignore", over="ignore"):
        return np.where(x == top, x.dtype.type(0), x - top), top


def _logsumexp_forward(x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    below, top = _below_top(x, axis)
    with np.errstate(divide="ignore"):  # log 0 = -inf is the right answer for no mass at all
        z = np.log(np.sum(np.exp(below), axis=axis, keepdims=True)) + top
    return z if keepdims else np.squeeze(z, axis)


def _softmax_forward(x: Any, *, axis: tuple[int, ...]) -> Any:
    e = np.exp(_below_top(x, axis)[0])
    return e / np.sum(e, axis=axis, keepdims=True)


def _log_softmax_forward(x: Any, *, axis: tuple[int, ...]) -> Any:
    below, _ = _below_top(x, axis)
    return below - np.log(np.sum(np.exp(below), axis=axis, keepdims=True))


def _norm_rule(g: Any, x: Any, z: Any, axis: tuple[int, ...]) -> Any:
    # At the origin it is taken as 0.
    return _spread(g / np.where(z == 0, np.inf, z), x.shape, axis) * x


# fmt: off
_cumsum = Op("cumsum", lambda x, *, axis: np.cumsum(x, axis=axis),
             lambda g, axis: np.flip(cumsum(np.flip(g, axis), axis), axis))
_mean = _reduction("mean", np.mean, None, lambda g, x_shape, axis: _spread(
                       g / _count(x_shape, axis), x_shape, axis))
_logsumexp = _reduction("logsumexp", _logsumexp_forward, r"\log \sum e^{{{0}}}",
                        lambda g, x, axis: _spread(g, x.shape, axis) * softmax(x, axis),
                        floats=True)
_softmax = Op("softmax", _softmax_forward,
              lambda g, z, axis: z * (g - (g * z).sum(axis=axis, keepdims=True)),
              flops=lambda out, x: 4 * math.prod(out), floats=True)
_log_softmax = Op("log_softmax", _log_softmax_forward,
                  lambda g, z, axis: g - np.exp(z) * g.sum(axis=axis, keepdims=True),
                  tex=r"\log\operatorname{{softmax}}({0})",
                  flops=lambda out, x: 4 * math.prod(out), floats=True)
_norm = _reduction("norm", lambda x, **over: np.sqrt(np.sum(np.square(x), **over)),
                   r"\lVert {0} \rVert_2", _norm_rule, floats=True)
_largest = Op("largest", lambda x, *, k: _mark_largest(x, k),
              tex=r"{0} \in \operatorname{{top}}_{{{k}}}({0})",
              flops=lambda out, x: 2 * math.prod(x))
# fmt: on


def _axis(x: Any, axis: int | None) -> int | None:
    """Return the axis, None for all of them, as 0 and -1 mean for a number."""
    axes = () if axis is None else axes_of(x, one_int(axis))
    return axes[0] if axes else None


def _numbers(x: Any) -> Any:
    if (x := as_array(x)).dtype.kind == "b":
        raise TypeError(
            "it takes numbers, not truth values. If the exponentials of 0 and 1 are meant, convert "
            "them first: x.astype('float32')"
        )
    return x


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
    if (along := _axis(x, axis)) is None:
        x, along = reshape(x, -1), 0
    return _cumsum(x, axis=along)


def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Logarithm of the sum of exponentials over ``axis``, without overflow."""
    return _logsumexp(_numbers(x), axis=axes_of(x, axis), keepdims=keepdims)


def softmax(x: Any, axis: Axis = -1) -> Any:
    """Exponentials normalised to sum 1 over ``axis``, without overflow.

    Infinite elements that are the largest share it as equal numbers would.
    """
    return _softmax(_numbers(x), axis=axes_of(x, axis))


def log_softmax(x: Any, axis: Axis = -1) -> Any:
    """Logarithm of :func:`softmax`, exact where that underflows."""
    return _log_softmax(_numbers(x), axis=axes_of(x, axis))


def norm(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Euclidean norm over ``axis``; its gradient at the origin is 0."""
    return _norm(x, axis=axes_of(x, axis), keepdims=keepdims)


def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Index of the first largest value (int64; needs no gradient)."""
    return _argmax(x, axis=_axis(x, axis), keepdims=keepdims)


def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Index of the first smallest value (int64; needs no gradient)."""
    return _argmin(x, axis=_axis(x, axis), keepdims=keepdims)


def largest(x: Any, k: int) -> Any:
    """Mark the k largest elements along the last axis (bool; needs no gradient).

    Among equal ones some are chosen, so that there are k.

    Args:
        x: of shape (..., n).
        k: how many, 1 to n.

    Raises:
        ValueError: k is out of range.
    """
    return _largest(x, k=k)


def _mark_largest(x: Array, k: int) -> Array:
    if not 1 <= k <= x.shape[-1]:
        raise ValueError(f"the {k} largest of {x.shape[-1]} cannot be chosen; k is 1 to that many")
    marked = np.zeros(x.shape, bool)
    np.put_along_axis(marked, np.argpartition(x, -k, axis=-1)[..., -k:], True, axis=-1)
    return marked


def any(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Whether any element is true (bool; needs no gradient)."""
    return _any(x, axis=axes_of(x, axis), keepdims=keepdims)


def all(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Whether all elements are true (bool; needs no gradient)."""
    return _all(x, axis=axes_of(x, axis), keepdims=keepdims)
