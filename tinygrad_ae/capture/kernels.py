"""Loops written as Python source, compiled by numba once and kept on disk."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import require
from ..files import atomic, cache_folder
from ..optim.update import SCRATCH, Kernel

_HEAD = "from numpy import bool_, float32, float64, int32, int64, sqrt\n\n\n"


@functools.cache
def compiled(parameters: tuple[str, ...], body: tuple[str, ...]) -> Callable[..., None]:
    """Return the function of these parameters and lines, compiled when it is first called.

    The source is kept in ``cache_folder() / "kernels"``, numba's machine code beside it. Serial,
    and no faster mathematics than NumPy's: the same operations in the same order.

    Raises:
        MissingExtra: numba is not installed.
    """
    numba = require("numba", extra="fast", purpose='engine="numba"')
    source = "\n    ".join([f"{_HEAD}def kernel({', '.join(parameters)}):", *body]) + "\n"
    name = f"kernel_{hashlib.sha256(source.encode()).hexdigest()[:20]}"
    path = cache_folder() / "kernels" / f"{name}.py"
    namespace: dict[str, Any] = {"__name__": __name__}
    exec(compile(source, str(path), "exec"), namespace)
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic(path) as temporary:
                temporary.write_text(source)
        return _jit(numba, namespace["kernel"], cache=True)
    except (OSError, RuntimeError):  # nowhere to keep it: it is compiled anew in each process
        return _jit(numba, namespace["kernel"], cache=False)


def _jit(numba: Any, function: Callable[..., None], cache: bool) -> Callable[..., None]:
    return numba.njit(cache=cache, error_model="numpy")(function)  # type: ignore[no-any-return]


@functools.cache
def update(equations: tuple[str, ...], arrays: tuple[str, ...], numbers: tuple[str, ...]) -> Kernel:
    """Return an optimiser's update as one loop; see :func:`tinygrad_ae.optim.update.passes`."""
    assigned = {equation.partition(" = ")[0] for equation in equations}
    return compiled(
        (*(f"{name}_" for name in arrays), *SCRATCH, *(f"{name}_" for name in numbers)),
        (
            *(f"{name} = {name}_[()]" for name in numbers),
            "for i in range(w_.size):",
            *indented(f"{name} = {name}_[i]" for name in arrays),
            *indented(equations),
            *indented(f"{name}_[i] = {name}" for name in arrays if name in assigned),
        ),
    )


def indented(lines: Sequence[str] | Any) -> list[str]:
    """Return the lines one level further in."""
    return [f"    {line}" for line in lines]
