"""What is said of an operation that fails: its inputs, its module, the line of the forward code."""

from __future__ import annotations

import reprlib
from typing import Any

import numpy as np

from ..errors import NonFiniteError, ShapeError, UserError
from ..ops.op import Array, Op
from ..ops.reasons import reason
from .graph import constant, line_of, state, user_frame
from .value import Value


def _array(a: Any) -> Array:
    return np.asarray(a.data if isinstance(a, Value) else a)


def _described(a: Any) -> str:
    """Return an argument in words: the shape and dtype of an array, and a tensor's name."""
    if isinstance(a, (list, tuple)) and any(isinstance(part, (Value, np.ndarray)) for part in a):
        return f"[{', '.join(map(_described, a))}]"
    if not isinstance(a, (Value, np.ndarray, np.generic)):
        return reprlib.repr(a)
    name = f"{a.name} " if isinstance(a, Value) and a.name else ""
    array = _array(a)
    return f"{name}{array.shape} {array.dtype}"


def given(args: tuple[Any, ...]) -> str:
    """Return the arguments of an operation in words."""
    return ", ".join(map(_described, args))


def _here() -> str:
    frame = user_frame()
    inside = f"in module {state.scope}, " if state.scope else ""
    return f"{inside}at {frame.f_code.co_filename}:{line_of(frame.f_code, frame.f_lasti)}"


def cannot_work(op: Op, args: tuple[Any, ...], error: Exception) -> Exception:
    """Return the error for an operation whose forward raised ``error``."""
    failure = _failure(f"{op.name} cannot work on {given(args)}", error)
    if isinstance(failure, ShapeError) and not any(isinstance(a, (list, tuple)) for a in args):
        failure.op, failure.scope = op, state.scope
        failure.inputs = tuple(a.node if isinstance(a, Value) else constant(a) for a in args)
    return failure


def cannot_call(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any], error: Exception
) -> Exception:
    """Return the error for a function of tensors that raised ``error``: as it is if it says all."""
    called = error.__traceback__ and error.__traceback__.tb_next  # else the call does not fit
    if getattr(error, "is_told", False) or isinstance(error, UserError) or not called:
        return error
    named = [f"{key}={_described(value)}" for key, value in kwargs.items()]
    return _failure(f"{name} cannot work on {', '.join([*map(_described, args), *named])}", error)


def cannot_hold(data: Any, dtype: Any, error: Exception) -> Exception:
    """Return the error for data of which no tensor can be made."""
    what = type(data).__name__ if dtype is None else f"{type(data).__name__} as {dtype}"
    return _failure(f"a Tensor cannot hold this {what}", error)


def _failure(what: str, error: Exception) -> Exception:
    message = f"{what}: {reason(error)}\n  {_here()}"
    kinds = (IndexError, OverflowError, TypeError)
    return _told(next((k for k in kinds if isinstance(error, k)), ShapeError)(message))


def misfit(message: str) -> ShapeError:
    """Return the error for what does not fit, with the line of the forward code."""
    failure = ShapeError(f"{message}\n  {_here()}")
    _told(failure)
    return failure


def _told(failure: Exception) -> Exception:
    """Mark an error that says all there is to say: no caller needs to add anything."""
    vars(failure)["is_told"] = True
    return failure


def as_result(op: Op, args: tuple[Any, ...], z: Any) -> Array:
    """Return what forward gave, such as a NumPy number, as an array that a tensor can hold.

    Raises:
        TypeError: it gave several, or none of floats, integers or booleans.
    """
    if isinstance(z, (tuple, list)):
        raise TypeError(
            f"the forward of {op.name} returned a {type(z).__name__} of {len(z)}; an operation "
            "has one output: declare one operation for each"
        )
    array: Array = np.asarray(z)
    if array.dtype.kind not in "fiub":
        failure = TypeError(
            f"{op.name} of {given(args)} gives {array.dtype}; a Tensor holds floats, "
            f"integers or booleans\n  {_here()}"
        )
        raise _told(failure)
    return array


def not_finite(op: Op, args: tuple[Any, ...]) -> NonFiniteError:
    """Return the error for an operation that gave NaN or infinity."""
    bad = [
        a.label() if isinstance(a, Value) else "a constant"
        for a in args
        if not np.isfinite(_array(a)).all()
    ]
    source = f"its input {', '.join(bad)} is not finite" if bad else "its inputs are finite"
    return NonFiniteError(f"{op.name} gave a value that is not finite ({source})\n  {_here()}")
