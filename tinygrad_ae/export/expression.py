"""An elementwise operation's formula, Python over single numbers, in JavaScript."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping

from ..ops.formula import parts

_OPERATORS = {
    "add": "+", "subtract": "-", "multiply": "*", "divide": "/", "bitwise_and": "&",
    "bitwise_or": "|", "bitwise_xor": "^", "greater": ">", "less": "<", "greater_equal": ">=",
    "less_equal": "<=", "equal": "===", "not_equal": "!==", "logical_and": "&&",
    "logical_or": "||",
}  # fmt: skip

_FUNCTIONS = {
    **{name: f"Math.{name}" for name in ("exp", "expm1", "log", "log1p", "sqrt", "sign", "sin",
       "cos", "tan", "sinh", "cosh", "tanh", "floor", "ceil")},
    "abs": "Math.abs", "absolute": "Math.abs", "arcsin": "Math.asin", "arccos": "Math.acos",
    "arctan": "Math.atan", "maximum": "Math.max", "minimum": "Math.min", "power": "Math.pow",
    "rint": "rint", "erf": "erf", "hypot": "Math.hypot", "isnan": "Number.isNaN",
    "isfinite": "Number.isFinite", "negative": "-", "logical_not": "!", "invert": "!",
}  # fmt: skip

_TEMPLATES = {  # what JavaScript has no function for
    "where": "({0} ? {1} : {2})",
    "square": "{0} ** 2",
    "floor_divide": "Math.floor({0} / {1})",
    "remainder": "({0} - {1} * Math.floor({0} / {1}))",
    "isinf": "(Math.abs({0}) === Infinity)",
}


def number(value: float) -> str:
    """Return a number as JavaScript writes it."""
    value = float(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def translate(expr: str, names: Mapping[str, str]) -> str:
    """Return a Python formula in JavaScript.

    Args:
        expr: an expression over names, numbers and NumPy's elementwise functions by bare name.
        names: what each name is in JavaScript.

    Raises:
        ValueError: it uses something that has no translation.
    """
    return _translated(ast.parse(expr, mode="eval").body, names)


def _translated(tree: ast.expr, names: Mapping[str, str]) -> str:
    if isinstance(tree, ast.Constant):
        return number(tree.value)  # type: ignore[arg-type]
    if isinstance(tree, ast.Name):
        return names[tree.id]
    name, operands = parts(tree)
    values = [_translated(operand, names) for operand in operands]
    if name in _OPERATORS:
        return f"({f' {_OPERATORS[name]} '.join(values)})"
    if name in _TEMPLATES:
        return _TEMPLATES[name].format(*values)
    if name not in _FUNCTIONS:
        raise ValueError(f"{name} has no translation into JavaScript")
    return f"{_FUNCTIONS[name]}({', '.join(values)})"
