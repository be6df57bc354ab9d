"""From the equations of an update to passes of NumPy over flat arrays, in place."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Sequence

import numpy as np

from ..ops.formula import parts
from ..ops.op import Array

Kernel = Callable[[], None]  # an update, ready to run
# Makes a kernel of equations and, by the names they have there, arrays.
Compiler = Callable[[tuple[str, ...], dict[str, Array]], Kernel]

SCRATCH = ("s0", "s1", "s2", "s3")


def passes(equations: tuple[str, ...], arrays: dict[str, Array]) -> Kernel:
    """Return an update whose every function or operator is one call of NumPy.

    Args:
        equations: assignments in Python syntax, in order. What is assigned to is an array, or a
            new name for what the equations after it use.
        arrays: those of the equations, numbers among them as arrays without axes, and as many to
            write on as ``SCRATCH`` names.
    """
    return functools.partial(_passes(equations, tuple(arrays)), *arrays.values())


@functools.cache
def _passes(equations: tuple[str, ...], names: tuple[str, ...]) -> Callable[..., None]:
    lines: list[str] = []
    known = {name: name for name in names}
    free: Sequence[str] = SCRATCH

    def emit(tree: ast.expr, out: str, free: Sequence[str]) -> str:
        """Write lines that compute ``tree`` into ``out``; return where its value is."""
        if isinstance(tree, ast.Name):
            return known[tree.id]
        name, operands = parts(tree)
        places = []
        for operand in operands:
            places.append(emit(operand, free[0], free))
            if places[-1] == free[0]:
                free = free[1:]
        lines.append(f"    {name}({', '.join([*places, out])})")
        return out

    for equation in equations:
        target, _, formula = equation.partition(" = ")
        place = emit(ast.parse(formula, mode="eval").body, known.get(target, free[0]), free)
        if target not in known:
            known[target] = place
            free = [name for name in free if name != place]
    source = "\n".join([f"def kernel({', '.join(names)}):", *lines])
    exec(source, namespace := dict(vars(np)))  # noqa: S102 - equations of this package
    return namespace["kernel"]  # type: ignore[no-any-return]
