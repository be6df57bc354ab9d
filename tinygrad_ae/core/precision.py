"""What is said where a number or an array makes a network compute in a wider type unasked.

NumPy's float64 numbers and arrays do that to float32, ``np.sqrt(3)`` or ``Tensor([1.0, 2.0])``, and
those of float32 to float16; Python's own numbers never do.
"""

from __future__ import annotations

import sys
import warnings
from types import FrameType
from typing import Any

import numpy as np

from ..ops.op import Op
from .graph import is_ours, line_of
from .messages import given
from .value import Value

_PACKAGE = __name__.partition(".")[0]
_QUIET = {f"{_PACKAGE}.core.engine", f"{_PACKAGE}.core.inplace"}
_told: tuple[Any, set[tuple[str, int]]] = (None, set())  # the filters, the lines told under them


class PrecisionWarning(UserWarning):
    """A float32 network was made to compute in float64, or one of float16 in a wider type.

    By a number, an array or a parameter of that type.
    """


def widened(op: Op, args: tuple[Any, ...], dtype: np.dtype[Any]) -> None:
    """Warn, once for each line, that ``op`` gave ``dtype`` though a tracked operand is narrower.

    Not where the network computes in that type already, where a conversion was asked for, in
    backward (forward told), or where the result is written into a narrower tensor.
    """
    if op.name == "astype":
        return
    tensors = [a for a in args if isinstance(a, Value) and a._node and a._node.tracked]
    size = dtype.itemsize
    narrow = [t.data.dtype for t in tensors if t.data.dtype.kind == "f" and t.data.itemsize < size]
    is_wide = any(t.data.dtype == dtype and t._node.op for t in tensors if t._node)
    if not narrow or is_wide:
        return
    network = min(narrow, key=lambda t: t.itemsize)
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and is_ours(module := frame.f_globals.get("__name__", "")):
        if module in _QUIET:
            return
        frame = frame.f_back
    if frame is None:
        return
    global _told
    if _told[0] is not warnings.filters:  # with which Python's own once-for-each-line starts anew
        _told = warnings.filters, set()
    place = frame.f_code.co_filename, line_of(frame.f_code, frame.f_lasti)
    if place in _told[1]:
        return
    _told[1].add(place)
    warnings.warn_explicit(
        f"{op.name} of {given(args)} gives {dtype}, and so will all that follows: the {network} "
        f"network becomes one of {'twice' if size == 2 * network.itemsize else 'four times'} the "
        f"memory{' and time' * (network != np.float16)}. Convert what is not {network}, by "
        f"x.astype('{network}') or float(number); if {dtype} is meant, what is: "
        f"x.astype('{dtype}')",
        PrecisionWarning,
        *place,
        module=frame.f_globals.get("__name__"),
    )
