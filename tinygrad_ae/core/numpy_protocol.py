"""NumPy's own functions on tensors: ``np.tanh(t)`` records just as ``t.tanh()`` does.

A NumPy function without an equivalent here leaves the graph. Of tensors that need no gradient it
computes what NumPy does of their values, arrays; of others only what has no gradient anyway, such
as the order of their elements, and else raises.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import ops
from ..ops.op import Array, as_array
from ..ops.shape import axis_of
from .graph import state
from .messages import cannot_call
from .value import Value


def _array(x: Any) -> Any:
    """Return an operand with a shape: lists and numbers become arrays."""
    return x if hasattr(x, "shape") else np.asarray(x)


def _pair(x: Any, y: Any) -> Any:
    shape = np.broadcast_shapes(np.shape(x), np.shape(y))
    return ops.stack([ops.broadcast_to(_array(v), shape) for v in (x, y)])


def _reciprocal(x: Any) -> Any:
    if x.dtype.kind != "f":
        raise TypeError("np.reciprocal of whole numbers is 0 for almost all; write 1 / t")
    return 1.0 / x


UFUNCS: dict[np.ufunc, Callable[..., Any]] = {
    **{op.forward: op for op in ops.Op.registry.values() if isinstance(op.forward, np.ufunc)},
    np.power: ops.power,
    np.matmul: ops.matmul,
    np.positive: lambda x: x,
    np.reciprocal: _reciprocal,
    np.fabs: lambda x: ops.abs(*ops.in_floats((x,))),
    np.float_power: lambda x, y: ops.power(*(ops.astype(_array(v), np.float64) for v in (x, y))),
    np.logaddexp: lambda x, y: ops.logsumexp(_pair(*ops.in_floats((x, y))), 0),
    np.exp2: lambda x: ops.exp(x * float(np.log(2))),
    np.log2: lambda x: ops.log(x) / float(np.log(2)),
    np.log10: lambda x: ops.log(x) / float(np.log(10)),
}


def _like(x: Any, value: Any) -> Any:
    # `where` makes it a tensor, and its condition that nothing of x is in it.
    return ops.where(False, x.detach(), np.full(x.shape, value, x.dtype))


def _clip(x: Any, a_min: Any = None, a_max: Any = None, min: Any = None, max: Any = None) -> Any:
    return ops.clip(x, a_min if min is None else min, a_max if max is None else max)


def _inner(x: Any, y: Any) -> Any:
    return ops.tensordot(x, y, (-1, -1)) if np.ndim(x) and np.ndim(y) else x * y


def _concatenate(arrays: Sequence[Any], axis: int | None = 0) -> Any:
    if axis is None:
        return ops.concatenate([ops.reshape(x, -1) for x in arrays])
    return ops.concatenate(arrays, axis)


def _vstack(tup: Sequence[Any]) -> Any:
    return ops.concatenate([x if np.ndim(x) > 1 else ops.reshape(x, (1, -1)) for x in tup])


def _hstack(tup: Sequence[Any]) -> Any:
    xs = [_atleast_1d(x) for x in tup]
    return ops.concatenate(xs, 1 if np.ndim(xs[0]) > 1 else 0)


def _atleast_1d(x: Any) -> Any:
    return x if np.ndim(x) else ops.reshape(x, (1,))


def _diff(x: Any, n: int = 1, axis: int = -1) -> Any:
    lead = (slice(None),) * axis_of(x, axis)
    for _ in range(n):
        x = x[(*lead, slice(1, None))] - x[(*lead, slice(-1))]
    return x


def _trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return ops.sum(ops.diagonal(x, offset, axis1, axis2), -1)


def _diag(v: Any, k: int = 0) -> Any:
    if v.ndim == 2:
        return ops.diagonal(v, k)
    if v.ndim != 1:
        raise ValueError(f"it takes a vector, or a matrix; got shape {v.shape}")
    i, n = np.arange(len(v)), len(v) + abs(k)
    return ops.scatter(v, index=(i + max(0, -k), i + max(0, k)), shape=(n, n))


def _where(condition: Any, x: Any = None, y: Any = None) -> Any:
    if x is None and y is None:
        return _of_values(np.where, "np.where", (condition,), {})
    return ops.where(condition, x, y)


def _namesakes(module: Any, names: str) -> dict[Callable[..., Any], Callable[..., Any]]:
    """Pair functions of NumPy with ours of the same name."""
    return {getattr(module, name): getattr(ops, name) for name in names.split()}


FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    **_namesakes(np, "sum mean var std max min prod cumsum argmax argmin any all dot outer"),
    **_namesakes(np, "tensordot einsum reshape transpose swapaxes moveaxis broadcast_to squeeze"),
    **_namesakes(np, "expand_dims flip roll stack split pad repeat tile tril triu diagonal take"),
    **_namesakes(np.linalg, "norm solve inv cholesky slogdet det"),
    np.amax: ops.max, np.amin: ops.min, np.clip: _clip, np.inner: _inner, np.round: ops.round,
    np.where: _where,
    np.ravel: lambda x: ops.reshape(x, -1), np.atleast_1d: _atleast_1d,
    np.concatenate: _concatenate, np.vstack: _vstack, np.hstack: _hstack,
    np.diag: _diag, np.diff: _diff, np.trace: _trace,
    np.shape: lambda x: x.shape, np.ndim: lambda x: x.ndim, np.size: lambda x: x.size,
    np.ones_like: lambda x: _like(x, 1), np.zeros_like: lambda x: _like(x, 0),
    np.full_like: lambda a, fill_value: _like(a, fill_value),
    np.array_repr: repr, np.array_str: str,
}  # fmt: skip


def call_ufunc(
    ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Answer ``ufunc(*inputs)`` with the operation registered for it.

    Raises:
        TypeError: no such operation, or a keyword (``out=``, ``where=``) that cannot be recorded.
    """
    if "out" in kwargs and ufunc in UFUNCS:
        if not any(getattr(x, "requires_grad", False) for x in inputs):
            return _of_values(getattr(ufunc, method), f"np.{ufunc.__name__}", inputs, kwargs)
        raise TypeError(
            f"np.{ufunc.__name__} cannot write a tensor's values into an existing array: the "
            "gradient would be lost. Use t.detach().numpy() if that is meant."
        )
    if method == "reduce" and ufunc is np.add:
        return ops.sum(*inputs, **{"axis": 0, **kwargs})
    if method != "__call__" or ufunc not in UFUNCS:
        how = "" if method == "__call__" else f".{method}"
        return _of_values(getattr(ufunc, method), f"np.{ufunc.__name__}{how}", inputs, kwargs)
    if kwargs:
        raise TypeError(f"np.{ufunc.__name__} on a tensor does not take {', '.join(kwargs)}")
    try:
        return UFUNCS[ufunc](*map(as_array, inputs))
    except ValueError as error:
        failure = cannot_call(ufunc.__name__, inputs, {}, error)
        if failure is error:
            raise
        raise failure from error


def call_function(function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """Answer a NumPy function with the operation registered for it.

    Raises:
        TypeError: no such operation, or an argument it does not take.
    """
    name = f"{function.__module__}.{function.__name__}".replace("numpy", "np", 1)
    if function not in FUNCTIONS:
        return _of_values(function, name, args, kwargs)
    args, kwargs = _as_ours(function, FUNCTIONS[function], args, kwargs)
    try:
        return FUNCTIONS[function](*args, **kwargs)
    except (TypeError, ValueError, IndexError) as error:
        if isinstance(error, TypeError) and "argument" in str(error):
            raise TypeError(f"{name} on a tensor: {error}") from error
        failure = cannot_call(function.__name__, args, kwargs, error)
        if failure is error:
            raise
        raise failure from error


def _as_ours(
    function: Callable[..., Any], ours: Callable[..., Any], args: Any, kwargs: dict[str, Any]
) -> tuple[Sequence[Any], dict[str, Any]]:
    """Hand over the arguments by NumPy's names: its order differs, and has some we lack.

    What has no default, the data, keeps its place; what has its default is left out.
    """
    theirs = _signature(function)
    if theirs is None or ours in (repr, str):
        return args, kwargs
    known = _parameters_of(ours)
    placed: list[Any] = []
    named: dict[str, Any] = {}
    for name, value in theirs.bind(*args, **kwargs).arguments.items():
        parameter = theirs.parameters[name]
        if parameter.kind is parameter.VAR_POSITIONAL:
            placed += value
        elif parameter.kind is parameter.VAR_KEYWORD:
            named |= value
        elif parameter.default is parameter.empty and name not in known:
            placed.append(value)
        elif value is not parameter.default:
            named[name] = value
    return placed, named


@functools.cache
def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except ValueError:  # written in C
        return None


@functools.cache
def _parameters_of(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of what a function takes after its first argument."""
    return tuple(inspect.signature(function).parameters)[1:]


WITHOUT_GRADIENT = {
    np.argsort, np.argpartition, np.lexsort, np.argwhere, np.nonzero, np.flatnonzero,
    np.count_nonzero, np.searchsorted, np.digitize, np.isclose, np.allclose, np.isin,
    np.array_equal, np.array_equiv, np.where, np.result_type, np.can_cast, np.iscomplexobj,
    np.isrealobj, np.shares_memory, np.may_share_memory, np.save, np.savez, np.savez_compressed,
    np.savetxt, np.array2string, np.signbit, np.isposinf, np.isneginf,
}  # fmt: skip
"""What gives positions, counts, truth values, text or a file: no gradient is lost in it."""


def _of_values(function: Callable[..., Any], name: str, args: Any, kwargs: Any) -> Any:
    """Return what NumPy computes of the values of tensors, outside the graph.

    Raises:
        TypeError: a gradient would be lost, or the function would write into a tensor.
    """
    even_tracked = function in WITHOUT_GRADIENT

    def values(x: Any) -> Any:
        if isinstance(x, (list, tuple)):
            return type(x)(map(values, x)) if type(x) in (list, tuple) else x
        if not isinstance(x, Value):
            return x
        tensor: Any = x
        if not even_tracked and tensor.requires_grad and state.recording:
            raise _unknown(name)
        array: Array = tensor._leave(name, even_tracked=True).view()
        array.flags.writeable = False  # a write that the graph does not hear of
        return array

    given, options = values(tuple(args)), {key: values(value) for key, value in kwargs.items()}
    try:
        return function(*given, **options)
    except (ValueError, TypeError, IndexError) as error:
        if "read-only" not in str(error):
            raise cannot_call(name, tuple(args), kwargs, error) from error
        raise TypeError(
            f"{name} would write into a tensor, unnoticed by what saved its values for backward. "
            "Assign instead, t[index] = value, or write to t.data."
        ) from error


def _unknown(name: str) -> TypeError:
    return TypeError(
        f"{name} is not an operation whose gradient is known here, and would silently leave the "
        "graph. Write it with the operations in tinygrad_ae.ops, declare it with tinygrad_ae.Op, "
        "or compute it outside the graph on t.detach().numpy()."
    )
