"""Formulas in Python syntax, taken apart into NumPy's elementwise functions."""

from __future__ import annotations

import ast

_SYNTAX: dict[type[ast.AST], str] = {
    ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide",
    ast.Pow: "power", ast.USub: "negative", ast.Not: "logical_not", ast.Invert: "invert",
    ast.And: "logical_and", ast.Or: "logical_or", ast.BitAnd: "bitwise_and",
    ast.BitOr: "bitwise_or", ast.BitXor: "bitwise_xor", ast.Gt: "greater", ast.Lt: "less",
    ast.GtE: "greater_equal", ast.LtE: "less_equal", ast.Eq: "equal", ast.NotEq: "not_equal",
}  # fmt: skip


def parts(tree: ast.expr) -> tuple[str, list[ast.expr]]:
    """Return the NumPy function at the top of a formula, by name, and its operands.

    Raises:
        ValueError: a formula has no meaning for arrays, such as an index or a chained comparison.
    """
    match tree:
        case ast.BinOp(left, op, right):
            return _SYNTAX[type(op)], [left, right]
        case ast.UnaryOp(op, operand):
            return _SYNTAX[type(op)], [operand]
        case ast.BoolOp(op, [left, right]):
            return _SYNTAX[type(op)], [left, right]
        case ast.Compare(left, [op], [right]):
            return _SYNTAX[type(op)], [left, right]
        case ast.Call(ast.Name(name), operands):
            return name, operands
    raise ValueError(f"{ast.unparse(tree)} cannot be part of an elementwise formula")
