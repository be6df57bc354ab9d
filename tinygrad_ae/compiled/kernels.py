"""Functions written as Python source, compiled by numba once and kept on disk."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from ..ops.op import Array
from ..optim.update import SCRATCH, Kernel
from ..util.files import atomic, cache_folder
from . import native

_HEAD = "from tinygrad_ae.compiled.native import *\n\n\n"


@functools.cache
def compiled(
    parameters: tuple[str, ...], body: tuple[str, ...], kind: Literal["python", "c"] = "python"
) -> Any:
    """Return the function of these parameters and lines, compiled when it is first called.

    The source is kept in the cache's folder ``kernels``, numba's machine code beside it. Serial,
    and no faster mathematics than NumPy's: the same operations in the same order.

    Args:
        parameters: their names.
        body: the lines, which may use what :mod:`native` has.
        kind: for Python to call; or for C, by its ``address``, with one whole number.
    """
    source = "\n    ".join([f"{_HEAD}def kernel({', '.join(parameters)}):", *body]) + "\n"
    name = f"kernel_{hashlib.sha256(source.encode()).hexdigest()[:20]}"
    path = cache_folder() / "kernels" / f"{name}.py"
    namespace: dict[str, Any] = {"__name__": __name__}
    exec(compile(source, str(path), "exec"), namespace)  # noqa: S102 - lines that we wrote
    make = native.numba.njit if kind == "python" else _for_c
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic(path) as temporary:
                temporary.write_text(source, "utf-8")
        return make(cache=True, error_model="numpy")(namespace["kernel"])
    except (OSError, RuntimeError):  # nowhere to keep it: it is compiled anew in each process
        return make(cache=False, error_model="numpy")(namespace["kernel"])


def _for_c(**options: Any) -> Any:
    return native.numba.cfunc("void(int64)", **options)


def row_function(body: tuple[str, ...]) -> int:
    """Return the address of a function of a row, which its lines find at ``at``."""
    address: int = compiled(("row",), ("at = pointer(row, int64)", *body), "c").address
    return address


def caller() -> Callable[[Array], None]:
    """Return the function that calls the rows of a table in order; see :mod:`calls`."""
    row = "call(table[k + 1], table.ctypes.data + 8 * (k + 2))", "k += table[k]"
    lines = "k = 0", "while k < table.size:", *indented(row)
    call: Callable[[Array], None] = compiled(("table",), lines)
    return call


def placer() -> Callable[[Array, Array, Array, Array], bool]:
    """Return the function that writes an array's address into cells of a table.

    Given strides other than the array's, or an address that is no multiple of its items' size, it
    writes nothing and returns False.
    """
    place: Callable[[Array, Array, Array, Array], bool] = compiled(
        ("array", "strides", "table", "cells"),
        (
            "for k in range(array.ndim):",
            "    if array.strides[k] != strides[k] and array.shape[k] > 1:",
            "        return False",
            "if array.ctypes.data % array.itemsize:",
            "    return False",
            "for cell in cells:",
            "    table[cell] = array.ctypes.data",
            "return True",
        ),
    )
    return place


def update(equations: tuple[str, ...], arrays: dict[str, Array]) -> Kernel:
    """Return an optimiser's update as one loop; see :func:`tinygrad_ae.optim.update.passes`."""
    arrays = {name: array for name, array in arrays.items() if name not in SCRATCH}
    function = _update(equations, tuple((k, a.ndim, a.dtype.name) for k, a in arrays.items()))
    row = [arrays["w"].size, *(array.ctypes.data for array in arrays.values())]
    return functools.partial(caller(), np.array([len(row) + 2, function, *row]))


@functools.cache
def _update(equations: tuple[str, ...], arrays: tuple[tuple[str, int, str], ...]) -> int:
    flat = [name for name, axes, _ in arrays if axes]
    assigned = {equation.partition(" = ")[0] for equation in equations}
    return row_function(
        (
            *(f"{name}_ = pointer(get(at, {k + 1}), {dtype})"
              for k, (name, _, dtype) in enumerate(arrays)),
            *(f"{name} = get({name}_, 0)" for name, axes, _ in arrays if not axes),
            "for i in range(get(at, 0)):",
            *indented(f"{name} = get({name}_, i)" for name in flat),
            *indented(equations),
            *indented(f"put({name}_, i, {name})" for name in flat if name in assigned),
        )
    )  # fmt: skip


def indented(lines: Sequence[str] | Any) -> list[str]:
    """Return the lines one level further in."""
    return [f"    {line}" for line in lines]
