"""What carries a plan out: NumPy itself, or kernels that numba compiles."""

from __future__ import annotations

from typing import Literal, get_args

from ..errors import ModelError, require
from ..optim.update import Compiler, passes

Engine = Literal["numpy", "numba"]
ENGINES: tuple[Engine, ...] = get_args(Engine)


def compiler(engine: Engine) -> Compiler:
    """Return what compiles an optimiser's update for an engine.

    Raises:
        ModelError: there is no such engine.
        MissingExtra: its package is not installed.
    """
    if engine == "numpy":
        return passes
    if engine != "numba":
        raise ModelError(f"engine must be one of {', '.join(ENGINES)}; got {engine!r}")
    require("numba", extra="fast", purpose='engine="numba"')
    from . import kernels

    return kernels.update
