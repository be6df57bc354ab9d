"""NumPy's own functions on tensors: ``np.tanh(t)`` records just as ``t.tanh()`` does.

A NumPy function without an equivalent here raises: it would silently leave the graph.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import ops

UFUNCS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: ops.add, np.subtract: ops.sub, np.multiply: ops.mul, np.true_divide: ops.div,
    np.floor_divide: ops.floor_divide, np.negative: ops.neg, np.positive: lambda x: x,
    np.power: ops.power, np.float_power: ops.power, np.square: ops.square,
    np.absolute: ops.abs, np.fabs: ops.abs, np.sign: ops.sign, np.matmul: ops.matmul,
    np.maximum: ops.maximum, np.minimum: ops.minimum,
    np.reciprocal: lambda x: 1.0 / x, np.remainder: ops.mod,
    np.exp: ops.exp, np.log: ops.log, np.log1p: ops.log1p, np.expm1: ops.expm1,
    np.sqrt: ops.sqrt, np.sin: ops.sin, np.cos: ops.cos, np.tan: ops.tan,
    np.arcsin: ops.asin, np.arccos: ops.acos, np.arctan: ops.atan,
    np.sinh: ops.sinh, np.cosh: ops.cosh, np.tanh: ops.tanh,
    np.exp2: lambda x: ops.exp(x * float(np.log(2))),
    np.log2: lambda x: ops.log(x) / float(np.log(2)),
    np.log10: lambda x: ops.log(x) / float(np.log(10)),
    np.equal: ops.equal, np.not_equal: ops.not_equal, np.less: ops.less,
    np.less_equal: ops.less_equal, np.greater: ops.greater, np.greater_equal: ops.greater_equal,
    np.logical_and: ops.logical_and, np.logical_or: ops.logical_or,
    np.logical_not: ops.logical_not, np.bitwise_and: ops.bitwise_and,
    np.bitwise_or: ops.bitwise_or, np.bitwise_xor: ops.bitwise_xor, np.invert: ops.invert,
    np.floor: ops.floor, np.ceil: ops.ceil, np.rint: ops.round,
    np.isnan: ops.isnan, np.isinf: ops.isinf, np.isfinite: ops.isfinite,
}  # fmt: skip

FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    np.sum: ops.sum, np.mean: ops.mean, np.var: ops.var, np.std: ops.std, np.max: ops.max,
    np.min: ops.min, np.amax: ops.max, np.amin: ops.min, np.prod: ops.prod,
    np.cumsum: ops.cumsum, np.argmax: ops.argmax, np.argmin: ops.argmin,
    np.any: ops.any, np.all: ops.all, np.linalg.norm: lambda x, axis=None, keepdims=False: (
        ops.norm(x, axis, keepdims)
    ),
    np.where: lambda condition, x, y: ops.where(condition, x, y), np.clip: ops.clip,
    np.outer: ops.outer, np.dot: ops.dot, np.tensordot: ops.tensordot,
    np.reshape: ops.reshape, np.ravel: lambda x: ops.reshape(x, -1), np.transpose: ops.transpose,
    np.swapaxes: ops.swapaxes, np.moveaxis: ops.moveaxis, np.broadcast_to: ops.broadcast_to,
    np.expand_dims: ops.expand_dims, np.squeeze: ops.squeeze, np.flip: ops.flip,
    np.roll: ops.roll, np.concatenate: ops.concatenate, np.stack: ops.stack,
    np.split: ops.split, np.pad: ops.pad, np.repeat: ops.repeat, np.tile: ops.tile,
    np.tril: ops.tril, np.triu: ops.triu, np.diagonal: ops.diagonal, np.take: ops.take,
    np.einsum: ops.einsum, np.linalg.solve: ops.solve, np.linalg.inv: ops.inv,
    np.linalg.cholesky: ops.cholesky, np.linalg.slogdet: ops.slogdet, np.linalg.det: ops.det,
    np.shape: lambda x: x.shape, np.ndim: lambda x: x.ndim, np.size: lambda x: x.size,
    np.ones_like: lambda x: _like(x, 1), np.zeros_like: lambda x: _like(x, 0),
    np.array_repr: repr, np.array_str: str,
}  # fmt: skip


def _like(x: Any, value: int) -> Any:
    # `where` makes it a tensor, and its condition that nothing of x is in it.
    return ops.where(False, x.detach(), np.full(x.shape, value, x.dtype))


def call_ufunc(
    ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Answer ``ufunc(*inputs)`` with the operation registered for it.

    Raises:
        TypeError: no such operation, or a keyword (``out=``, ``where=``) that cannot be recorded.
    """
    if "out" in kwargs:
        raise TypeError(
            f"np.{ufunc.__name__} cannot write a tensor's values into an existing array: the "
            "gradient would be lost. Use t.detach().numpy() if that is meant."
        )
    if method == "reduce" and ufunc is np.add:
        return _add_reduce(*inputs, **kwargs)
    if method != "__call__" or ufunc not in UFUNCS:
        how = "" if method == "__call__" else f".{method}"
        raise _unknown(f"np.{ufunc.__name__}{how}")
    if kwargs:
        raise TypeError(f"np.{ufunc.__name__} on a tensor does not take {', '.join(kwargs)}")
    operands = [np.asarray(x) if isinstance(x, (list, tuple)) else x for x in inputs]
    return UFUNCS[ufunc](*operands)


def call_function(function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """Answer a NumPy function with the operation registered for it.

    Raises:
        TypeError: no such operation, or an argument it does not take.
    """
    name = f"{function.__module__}.{function.__name__}".replace("numpy", "np", 1)
    if function not in FUNCTIONS:
        raise _unknown(name)
    try:
        return FUNCTIONS[function](*args, **kwargs)
    except TypeError as error:
        if "argument" not in str(error):
            raise
        raise TypeError(f"{name} on a tensor: {error}") from error


def _add_reduce(x: Any, axis: Any = 0, keepdims: bool = False) -> Any:
    return ops.sum(x, axis, keepdims)


def _unknown(name: str) -> TypeError:
    return TypeError(
        f"{name} is not an operation whose gradient is known here, and would silently leave the "
        "graph. Write it with the operations in tinygrad_ae.ops, declare it with tinygrad_ae.Op, "
        "or compute it outside the graph on t.detach().numpy()."
    )
