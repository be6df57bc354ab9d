"""How PyTorch's calls of plain operations become calls of ours.

The key is the entry's name in ``op_db``; the value takes PyTorch's arguments, by its names, with
our tensors in them. A parameter that is not named here skips the samples that use it, and
``unless`` skips those that ask for what we do not have.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from op_db_compare import Skip

from tinygrad_ae import Tensor, ops

Adapter = Callable[..., Any]


def unless(possible: bool, reason: str) -> None:
    """Skip the sample, saying why, unless it is possible here."""
    if not possible:
        raise Skip(reason)


def axes(x: Any, dim: Any) -> Any:
    """PyTorch's ``dim`` as our ``axis``: () means all, and a scalar has an axis 0."""
    if x.ndim == 0 or dim is None or (isinstance(dim, (tuple, list)) and not dim):
        return None
    return tuple(dim) if isinstance(dim, (tuple, list)) else dim


def typed(x: Any, dtype: Any) -> Any:
    return x if dtype is None else x.astype(dtype)


def row(x: Any) -> Any:
    """PyTorch lets a scalar stand where an axis is asked for."""
    return x.reshape(1) if x.ndim == 0 else x


def marked(f: Adapter, **marks: Any) -> Adapter:
    """Give an adapter attributes that the comparison heeds.

    ``kinked``: ours has another convention where arguments tie or are 0, so derivatives are
    compared just beside; ``tolerance``: PyTorch's own error there, with the reason beside it;
    ``outputs``: how many of PyTorch's outputs ours has.
    """

    @functools.wraps(f)
    def adapter(*args: Any, **kwargs: Any) -> Any:
        return f(*args, **kwargs)

    vars(adapter).update(marks)
    return adapter


def kinked(f: Adapter) -> Adapter:
    return marked(f, kinked=True)


def ints(index: Any) -> Any:
    return np.asarray(index)


# ---- one argument

UNARY: dict[str, Adapter] = {
    "abs": ops.abs, "acos": np.arccos, "asin": np.arcsin, "atan": np.arctan, "ceil": np.ceil,
    "cos": np.cos, "cosh": np.cosh, "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1,
    "floor": np.floor, "log": np.log, "log10": np.log10, "log1p": np.log1p, "log2": np.log2,
    "neg": np.negative, "positive": np.positive, "reciprocal": np.reciprocal,
    "round": np.rint, "rsqrt": ops.rsqrt, "sigmoid": ops.sigmoid, "sign": lambda x: _sign(x), "sgn": lambda x: _sign(x),
    "sin": np.sin, "sinh": np.sinh, "sqrt": np.sqrt, "square": np.square, "tan": np.tan,
    "tanh": np.tanh, "erf": ops.erf, "isfinite": np.isfinite, "isinf": np.isinf,
    "isnan": np.isnan, "logical_not": np.logical_not, "bitwise_not": np.invert,
    "isposinf": lambda x: x == np.inf, "isneginf": lambda x: x == -np.inf,
    "deg2rad": lambda x: x * (math.pi / 180), "rad2deg": lambda x: x * (180 / math.pi),
    "clone": lambda x: ops.identity(x), "contiguous": lambda x: ops.identity(x),
    "alias_copy": lambda x: ops.identity(x), "resolve_neg": lambda x: ops.identity(x),
    "real": lambda x: ops.identity(x), "conj": lambda x: ops.identity(x),
    "conj_physical": lambda x: ops.identity(x), "resolve_conj": lambda x: ops.identity(x),
    "float": lambda x: x.astype("float32"), "double": lambda x: x.astype("float64"),
    "bool": lambda x: x.astype(bool),
    "trunc": lambda x: ops.where(x > 0, np.floor(x), np.ceil(x)),
    "frac": lambda x: x - ops.where(x > 0, np.floor(x), np.ceil(x)),
    "special.ndtr": lambda x: 0.5 * (1 + ops.erf(x / math.sqrt(2))),
    "erfc": lambda x: 1 - ops.erf(x),
}  # fmt: skip


def _sign(x: Any) -> Any:
    return np.sign(ops.where(np.isnan(x), 0, x))  # of NaN: NaN in NumPy, 0 in PyTorch


# ---- two and three arguments, broadcasting


def _scaled(f: Adapter) -> Adapter:
    return lambda x, y, alpha=1: f(x, y if isinstance(alpha, int) and alpha == 1 else y * alpha)


def _floor_mod(x: Any, y: Any) -> Any:
    return np.remainder(x, y)


def _clamp(x: Any, min: Any = None, max: Any = None) -> Any:
    unless(x.size == np.broadcast(*(ints(a.data if isinstance(a, Tensor) else a) for a in
                                    (x, min, max) if a is not None)).size,
           "limits larger than the input")  # fmt: skip
    return ops.clip(x, min, max)


BINARY: dict[str, Adapter] = {
    "add": _scaled(np.add), "sub": _scaled(np.subtract),
    "rsub": lambda x, y, alpha=1: y - x if alpha == 1 else y - x * alpha,
    "mul": np.multiply, "div.no_rounding_mode": lambda x, y, rounding_mode=None: x / y,
    "true_divide": np.true_divide,
    "div.floor_rounding": lambda x, y, rounding_mode: x // y, "floor_divide": np.floor_divide,
    "remainder": np.remainder, "__rmod__": lambda x, y: np.remainder(y, x),
    "pow": kinked(lambda x, y: x**y), "float_power": kinked(lambda x, y: np.float_power(x, y)),
    "__radd__": lambda x, y: y + x, "__rsub__": lambda x, y: y - x,
    "__rmul__": lambda x, y: y * x, "__rdiv__": lambda x, y: y / x,
    "__rpow__": kinked(lambda x, y: y**x), "__rmatmul__": lambda x, y: y @ x,
    "__rand__": lambda x, y: y & x, "__ror__": lambda x, y: y | x,
    "__rxor__": lambda x, y: x ^ y,
    "maximum": np.maximum, "minimum": np.minimum, "max.binary": ops.maximum,
    "min.binary": ops.minimum,
    "eq": lambda x, y: x == y, "ne": lambda x, y: x != y, "lt": lambda x, y: x < y,
    "le": lambda x, y: x <= y, "gt": lambda x, y: x > y, "ge": lambda x, y: x >= y,
    "logical_and": np.logical_and, "logical_or": np.logical_or,
    "logical_xor": lambda x, y: (x != 0) ^ (y != 0),
    "bitwise_and": np.bitwise_and, "bitwise_or": np.bitwise_or, "bitwise_xor": np.bitwise_xor,
    "clamp": _clamp, "clamp_min": kinked(lambda x, y: np.maximum(x, y)),
    "clamp_max": kinked(lambda x, y: np.minimum(x, y)),
    "where": lambda x, condition, y: np.where(condition, x, y),
    "masked_fill": lambda x, mask, value: np.where(mask, value, x),
    "lerp": lambda x, y, weight: x + weight * (y - x),
    "addcmul": lambda x, y, w, value=1: x + value * y * w,
    "addcdiv": lambda x, y, w, value=1: x + value * y / w,
    "logaddexp": lambda x, y: _logaddexp(x, y),
    "dist": lambda x, y, p: _p_norm(x - y, p),
    "nn.functional.pairwise_distance": lambda x, y, p=2, eps=1e-6, keepdim=False: _p_norm(
        x - y + eps, p, -1, keepdim
    ),
    "inner": lambda x, y: x * y if 0 in (x.ndim, y.ndim) else ops.tensordot(x, y, ((-1,), (-1,))),
    "outer": np.outer, "dot": np.dot, "vdot": np.dot, "mm": np.matmul, "bmm": np.matmul,
    "mv": np.matmul, "matmul": lambda x, y: x @ y,
    "linalg.vecdot": lambda x, y, dim=-1: np.sum(x * y, axis=dim),
    "tensordot": lambda x, y, dims: _tensordot(x, y, dims),
    "addmm": lambda b, x, y, beta=1, alpha=1: beta * b + alpha * (x @ y),
    "addmm.decomposed": lambda b, x, y, beta=1, alpha=1: beta * b + alpha * (x @ y),
    "addmv": lambda b, x, y, beta=1, alpha=1: beta * b + alpha * (x @ y),
    "addr": lambda b, x, y, beta=1, alpha=1: beta * b + alpha * np.outer(x, y),
    "baddbmm": lambda b, x, y, beta=1, alpha=1: beta * b + alpha * (x @ y),
    "addbmm": lambda b, x, y, beta=1, alpha=1: beta * b + alpha * (x @ y).sum(0),
    "kron": lambda x, y: _kron(x, y),
    "linalg.multi_dot": lambda xs: _product(xs),
    "linalg.matrix_power": lambda x, n: _product([x] * n) if n > 0 else unless(False, "power < 1"),
}  # fmt: skip


def _logaddexp(x: Any, y: Any) -> Any:
    shape = np.broadcast_shapes(x.shape, y.shape)
    unless(np.abs(x.data).max(initial=0) < 1e6, "rounding decides the gradient, here as there")
    return ops.logsumexp(ops.stack([np.broadcast_to(x, shape), np.broadcast_to(y, shape)]), 0)


def _tensordot(x: Any, y: Any, dims: Any) -> Any:
    if not isinstance(dims, int):
        lengths = [[t.shape[a] for a in side] for t, side in zip((x, y), dims, strict=True)]
        unless(lengths[0] == lengths[1], "broadcasts a contracted axis")
    return np.tensordot(x, y, dims)


def _product(xs: Any) -> Any:
    z = xs[0]
    for x in xs[1:]:
        z = z @ x
    return z


def _kron(x: Any, y: Any) -> Any:
    z = np.expand_dims(x, (1, 3)) * np.expand_dims(y, (0, 2))
    return z.reshape(x.shape[0] * y.shape[0], x.shape[1] * y.shape[1])


# ---- reductions


def _p_norm(x: Any, p: Any = 2, dim: Any = None, keepdim: bool = False) -> Any:
    unless(p in (1, 2, "fro", None, math.inf, -math.inf), "a norm other than 1, 2 and infinity")
    axis = axes(x, dim)
    if p == 1:
        return np.sum(np.abs(x), axis=axis, keepdims=keepdim)
    if p in (math.inf, -math.inf):
        return (np.max if p > 0 else np.min)(np.abs(x), axis=axis, keepdims=keepdim)
    return np.linalg.norm(x, axis=axis, keepdims=keepdim)


def _matrix_norm(x: Any, ord: Any = None, dim: Any = None, keepdim: bool = False) -> Any:
    matrix = x.ndim == 2 if dim is None else isinstance(dim, (tuple, list)) and len(dim) == 2
    unless(not matrix or ord in (None, "fro"), "a matrix norm other than Frobenius")
    return _p_norm(x, ord, dim, keepdim)


def _spread(f: Adapter) -> Adapter:
    def adapter(
        x: Any, dim: Any = None, unbiased: Any = None, correction: Any = 1, keepdim: bool = False
    ) -> Any:
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        ddof = correction if unbiased is None else int(unbiased)
        return f(x, axes(x, dim), keepdim, 1 if ddof is None else ddof)

    return adapter


def _with_mean(f: Adapter) -> Adapter:
    spread = _spread(f)

    def adapter(
        x: Any, dim: Any = None, unbiased: Any = None, correction: Any = 1, keepdim: bool = False
    ) -> Any:
        over = None if isinstance(dim, bool) else axes(x, dim)
        return [
            spread(x, dim, unbiased, correction, keepdim),
            np.mean(x, axis=over, keepdims=keepdim),
        ]

    return adapter


def _reduce(f: Adapter) -> Adapter:
    return lambda x, dim=None, keepdim=False, dtype=None: f(
        typed(x, dtype), axis=axes(x, dim), keepdims=keepdim
    )


def _with_index(value: Adapter, index: Adapter) -> Adapter:
    def adapter(x: Any, dim: int, keepdim: bool = False) -> Any:
        axis = axes(x, dim)
        return [value(x, axis=axis, keepdims=keepdim), index(x, axis=axis, keepdims=keepdim)]

    return adapter


def _masked(f: Adapter, neutral: float) -> Adapter:
    """A reduction of the elements under a mask: the others become what changes nothing."""

    def adapter(x: Any, dim: Any = None, keepdim: bool = False, mask: Any = None) -> Any:
        axis = axes(x, dim)
        unless(np.isfinite(neutral) or _some(x, mask, axis), "nothing under the mask")
        seen = x if mask is None else np.where(mask, x, neutral)
        return f(seen, axis=axis, keepdims=keepdim)

    return adapter


def _some(x: Any, mask: Any, axis: Any) -> bool:
    return mask is None or bool(np.broadcast_to(ints(mask), x.shape).any(axis=axis).all())


def _masked_mean(x: Any, dim: Any = None, keepdim: bool = False, mask: Any = None) -> Any:
    unless(_some(x, mask, axes(x, dim)), "nothing under the mask")
    total = _masked(np.sum, 0)(x, dim, keepdim, mask)
    ones = np.broadcast_to(1.0 if mask is None else ints(mask).astype(float), x.shape)
    return total / ones.sum(axis=axes(x, dim), keepdims=keepdim)


def _masked_softmax(f: Adapter, sign: int = 1) -> Adapter:
    def adapter(x: Any, dim: int, mask: Any = None) -> Any:
        unless(_some(x, mask, axes(x, dim)), "nothing under the mask")
        return f(sign * x if mask is None else np.where(mask, sign * x, -np.inf), axes(x, dim))

    return adapter


def _masked_norm(x: Any, ord: Any, dim: Any = None, keepdim: bool = False, mask: Any = None) -> Any:
    unless(ord != -np.inf or _some(x, mask, axes(x, dim)), "nothing under the mask")
    neutral = np.inf if ord == -np.inf else 0
    return _p_norm(x if mask is None else np.where(mask, x, neutral), ord, dim, keepdim)


def _normalised(f: Adapter) -> Adapter:
    return lambda x, dim, dtype=None: f(typed(x, dtype), axes(x, dim))


def _safe_softmax(x: Any, dim: int) -> Any:
    unless(bool((x.data > -np.inf).any(axis=axes(x, dim)).all()), "softmax of nothing but -inf")
    return ops.softmax(x, axes(x, dim))


def _trapezoid(y: Any, x: Any = None, dx: Any = 1.0, dim: int = -1) -> Any:
    y = np.moveaxis(y, dim, -1)
    if x is not None:
        x = np.moveaxis(x, dim, -1) if x.ndim > 1 else x
        dx = x[..., 1:] - x[..., :-1]
    return np.sum(0.5 * dx * (y[..., 1:] + y[..., :-1]), axis=-1)


REDUCE: dict[str, Adapter] = {
    "sum": _reduce(np.sum), "mean": _reduce(np.mean), "prod": _reduce(np.prod),
    "amax": _reduce(np.amax), "amin": _reduce(np.amin), "all": _reduce(np.all),
    "any": _reduce(np.any), "count_nonzero": lambda x, dim=None: np.sum(x != 0, axis=axes(x, dim)),
    "logsumexp": _reduce(ops.logsumexp), "argmax": _reduce(np.argmax),
    "argmin": _reduce(np.argmin), "var": _spread(ops.var), "var.unbiased": _spread(ops.var),
    "std": _spread(ops.std), "std.unbiased": _spread(ops.std),
    "var_mean": _with_mean(ops.var), "var_mean.unbiased": _with_mean(ops.var),
    "std_mean": _with_mean(ops.std), "std_mean.unbiased": _with_mean(ops.std),
    "max.reduction_no_dim": _reduce(np.max), "min.reduction_no_dim": _reduce(np.min),
    "max.reduction_with_dim": _with_index(np.max, np.argmax),
    "min.reduction_with_dim": _with_index(np.min, np.argmin),
    "aminmax": lambda x, dim=None, keepdim=False: [
        np.min(x, axis=axes(x, dim), keepdims=keepdim),
        np.max(x, axis=axes(x, dim), keepdims=keepdim),
    ],
    "cumsum": lambda x, dim, dtype=None: np.cumsum(typed(row(x), dtype), dim).reshape(x.shape),
    "nansum": lambda x, dim=None, keepdim=False, dtype=None: np.sum(
        typed(ops.where(np.isnan(x), 0, x), dtype), axis=axes(x, dim), keepdims=keepdim
    ),
    "sum_to_size": lambda x, *shape: ops.unbroadcast(
        x, tuple(shape[0]) if shape and isinstance(shape[0], (tuple, list)) else shape
    ),
    "softmax": _normalised(ops.softmax), "softmax.with_dtype": _normalised(ops.softmax),
    "log_softmax": _normalised(ops.log_softmax),
    "log_softmax.with_dtype": _normalised(ops.log_softmax),
    "torch.ops.aten._safe_softmax.default": _safe_softmax,
    "norm": _p_norm, "norm.fro": _p_norm, "norm.inf": _p_norm, "linalg.norm": _matrix_norm,
    "linalg.norm.subgradients_at_zero": kinked(_matrix_norm),
    "linalg.vector_norm": lambda x, ord=2, dim=None, keepdim=False: _p_norm(x, ord, dim, keepdim),
    "linalg.matrix_norm": lambda x, ord="fro", dim=(-2, -1), keepdim=False: _matrix_norm(
        x, ord, dim, keepdim
    ),
    "trace": lambda x: np.sum(np.diagonal(x)),
    "masked.sum": _masked(np.sum, 0), "masked.prod": _masked(np.prod, 1),
    "masked.amax": _masked(np.max, -np.inf), "masked.amin": _masked(np.min, np.inf),
    "masked.logsumexp": _masked(ops.logsumexp, -np.inf), "masked.mean": _masked_mean,
    "masked.norm": _masked_norm, "masked.softmax": _masked_softmax(ops.softmax),
    "masked.softmin": _masked_softmax(ops.softmax, -1),
    "masked.log_softmax": _masked_softmax(ops.log_softmax),
    "trapezoid": _trapezoid, "trapz": _trapezoid,
}  # fmt: skip
