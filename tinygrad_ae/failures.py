"""What is said of an operation that fails: its inputs, its module, the line of the forward code."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import NonFiniteError, ShapeError
from .graph import constant, line_of, state, user_frame
from .operators import Operators
from .ops.op import Array, Op


def _array(a: Any) -> Array:
    return np.asarray(a.data if isinstance(a, Operators) else a)


def _given(args: tuple[Any, ...]) -> str:
    names = (f"{a.name} " if isinstance(a, Operators) and a.name else "" for a in args)
    arrays = map(_array, args)
    return ", ".join(f"{name}{a.shape} {a.dtype}" for name, a in zip(names, arrays, strict=True))


def _here() -> str:
    frame = user_frame()
    inside = f"in module {state.scope}, " if state.scope else ""
    return f"{inside}at {frame.f_code.co_filename}:{line_of(frame.f_code, frame.f_lasti)}"


def cannot_work(op: Op, args: tuple[Any, ...], error: Exception) -> Exception:
    """Return the error for an operation whose forward raised ``error``."""
    message = f"{op.name} cannot work on {_given(args)}: {error}\n  {_here()}"
    for kind in (IndexError, OverflowError, TypeError):
        if isinstance(error, kind):
            return kind(message)
    failure = ShapeError(message)
    failure.op, failure.scope = op, state.scope
    failure.inputs = tuple(a.node if isinstance(a, Operators) else constant(a) for a in args)
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
        raise TypeError(
            f"{op.name} of {_given(args)} gives {array.dtype}; a Tensor holds floats, "
            f"integers or booleans\n  {_here()}"
        )
    return array


def not_finite(op: Op, args: tuple[Any, ...]) -> NonFiniteError:
    """Return the error for an operation that gave NaN or infinity."""
    bad = [
        a.label() if isinstance(a, Operators) else "a constant"
        for a in args
        if not np.isfinite(_array(a)).all()
    ]
    source = f"its input {', '.join(bad)} is not finite" if bad else "its inputs are finite"
    return NonFiniteError(f"{op.name} gave a value that is not finite ({source})\n  {_here()}")
