"""From the equations of an update to passes of NumPy over flat arrays, in place."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..ops.formula import parts

Kernel = Callable[..., None]
"""An update: takes the arrays, as many scratch arrays as ``SCRATCH`` names, and the numbers."""

Compiler = Callable[[tuple[str, ...], tuple[str, ...], tuple[str, ...]], Kernel]
"""Makes a kernel of equations, the names of their arrays, and the names of their numbers."""

SCRATCH = ("s0", "s1", "s2", "s3")


@functools.cache
def passes(equations: tuple[str, ...], arrays: tuple[str, ...], numbers: tuple[str, ...]) -> Kernel:
    """Return an update whose every function or operator is one call of NumPy.

    Args:
        equations: assignments in Python syntax, in order. What is assigned to is an array, or a
            new name for what the equations after it use.
        arrays: the arrays' names.
        numbers: the numbers' names; they come as arrays without axes.
    """
    lines: list[str] = []
    known = {name: name for name in (*arrays, *numbers)}
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
    namespace: dict[str, Any] = dict(vars(np))
    exec("\n".join([f"def kernel({', '.join([*arrays, *SCRATCH, *numbers])}):", *lines]), namespace)
    kernel: Kernel = namespace["kernel"]
    return kernel
