"""What is said where float64 that nobody asked for makes a float32 network compute in float64.

NumPy's float64 numbers and arrays do that, ``np.sqrt(3)`` or ``Tensor([1.0, 2.0])``; Python's own
numbers never do.
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
    """A float32 network was made to compute in float64 by a number or an array of that type."""


def widened(op: Op, args: tuple[Any, ...]) -> None:
    """Warn, once for each line, that ``op`` gave float64 though a tracked operand is float32.

    Not where the network computes in float64 already, where a conversion was asked for, in backward
    (forward told), or where the result is written into a float32 tensor.
    """
    if op.name == "astype":
        return
    tensors = [a for a in args if isinstance(a, Value) and a._node and a._node.tracked]
    is_single = any(t.data.dtype == np.float32 for t in tensors)
    is_wide = any(t.data.dtype == np.float64 and t._node.op for t in tensors if t._node)
    if not is_single or is_wide:
        return
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
        f"{op.name} of {given(args)} gives float64, and so will all that follows: the float32 "
        "network becomes one of twice the memory and time. Convert what is not float32, by "
        "x.astype('float32') or float(number); if float64 is meant, what is: x.astype('float64')",
        PrecisionWarning,
        *place,
        module=frame.f_globals.get("__name__"),
    )
