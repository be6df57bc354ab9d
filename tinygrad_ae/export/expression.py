"""An elementwise operation's formula, Python over single numbers, in JavaScript."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping

_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.BitAnd: "&", ast.BitOr: "|",
    ast.BitXor: "^", ast.Gt: ">", ast.Lt: "<", ast.GtE: ">=", ast.LtE: "<=", ast.Eq: "===",
    ast.NotEq: "!==", ast.USub: "-", ast.Invert: "!",
}  # fmt: skip

_CALLS = {
    **{name: f"Math.{name}" for name in ("abs", "exp", "expm1", "log", "log1p", "sqrt", "sign",
       "sin", "cos", "tan", "sinh", "cosh", "tanh", "floor", "ceil")},
    "arcsin": "Math.asin", "arccos": "Math.acos", "arctan": "Math.atan",
    "maximum": "Math.max", "minimum": "Math.min", "rint": "rint", "erf": "erf",
    "isnan": "Number.isNaN", "isfinite": "Number.isFinite",
}  # fmt: skip

_TEMPLATES = {  # what JavaScript has no function for
    "where": "({0} ? {1} : {2})",
    "power": "Math.pow({0}, {1})",
    "logical_and": "({0} && {1})",
    "logical_or": "({0} || {1})",
    "logical_not": "!({0})",
    "floor_divide": "Math.floor({0} / {1})",
    "remainder": "({0} - {1} * Math.floor({0} / {1}))",
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
    match tree:
        case ast.Constant(int() | float() as value):
            return number(value)
        case ast.Name(name):
            return names[name]
        case ast.BinOp(left, ast.Pow(), right):
            return _call("power", [left, right], names)
        case ast.BinOp(left, op, right) | ast.Compare(left, [op], [right]):
            a, b = _translated(left, names), _translated(right, names)
            return f"({a} {_OPERATORS[type(op)]} {b})"
        case ast.UnaryOp(op, operand) if type(op) in _OPERATORS:
            return f"{_OPERATORS[type(op)]}({_translated(operand, names)})"
        case ast.Call(ast.Name(name), operands):
            return _call(name, operands, names)
    raise ValueError(f"{ast.unparse(tree)} has no translation into JavaScript")


def _call(name: str, operands: list[ast.expr], names: Mapping[str, str]) -> str:
    values = [_translated(operand, names) for operand in operands]
    if name in _TEMPLATES:
        return _TEMPLATES[name].format(*values)
    if name not in _CALLS:
        raise ValueError(f"{name} has no translation into JavaScript")
    return f"{_CALLS[name]}({', '.join(values)})"
