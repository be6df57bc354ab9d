"""Formulas as LaTeX: the tree's structure turned into brackets, and into nothing more.

An operation is written as its own LaTeX template says. How tightly a template binds, and which
of its slots need brackets, is read off the template; so an operation nobody here has heard of is
bracketed as well as ``+`` is. Only sums, products and a few moves of elements, for which textbooks
have customs beyond a template (2/n, Σᵢ, 1[a > 0], nothing at all), are written here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import IntEnum
from functools import cache
from typing import Any

from .. import ops
from ..ops.op import Op
from .algebra import BROADCAST
from .expression import Expression
from .formula import CLOSING, OPENING, RELATIONS, TOKEN
from .simplify import ASTYPE, LOGIC, RESHAPE, TRANSPOSE

INDICES = "ijklmnpq"  # of the axes that a reduction runs over
SLOT = 0xE000  # Unicode's private use area: stands for an operand inside a template


class Level(IntEnum):
    """How tightly something binds, loosest first."""

    RELATION = 0  # a > b
    SUM = 1  # a + b
    PRODUCT = 2  # a ⊙ b, a / b, 2 a
    MATMUL = 3  # A B, Σ a
    POWER = 4  # a², Aᵀ
    ATOM = 5  # a, f(x), (a + b)


class Typesetter:
    """Writes expressions as LaTeX.

    Args:
        name: how a symbol is written.
        linear: write all on one line: 2/n instead of a fraction.
    """

    def __init__(self, name: Callable[[str], str], linear: bool) -> None:
        self.name, self.linear = name, linear

    def write(self, e: Expression, least: Level = Level.RELATION) -> str:
        """Write ``e``, in brackets if it binds less tightly than ``least``."""
        text, level = self.form(e)
        if level >= least:
            return text
        tall = r"\frac" in text and not self.linear
        return rf"\left({text}\right)" if tall else f"({text})"

    def form(self, e: Expression) -> tuple[str, Level]:
        """Return what is written and how tightly it binds."""
        if e.name is not None:
            fraction = e.name.startswith("∂") and "/" in e.name
            return self.name(e.name), Level.PRODUCT if fraction else Level.ATOM
        if e.value is not None:
            return _number(e)
        if e.op in (ops.add, ops.sub):
            return self.sum(e), Level.SUM
        if e.op in (ops.mul, ops.div, ops.neg):
            return self.product(e)
        if is_silent(e):
            return self.form(e.operands[0])
        if e.op is ASTYPE and e.operands[0].op in LOGIC:
            return self.indicator(e.operands[0]), Level.ATOM
        if e.op is TRANSPOSE and len(e.shape) == 2:
            return self.write(e.operands[0], Level.ATOM) + r"^\top", Level.POWER
        return self.template(e)

    # ---- arithmetic

    def sum(self, e: Expression) -> str:
        """Write a chain of terms."""
        left, right = e.operands
        first = self.write(left, Level.SUM)
        sign, least = ("+", Level.SUM) if e.op is ops.add else ("-", Level.PRODUCT)
        second = self.write(right, least)
        if second.startswith("-"):
            second = f"({second})"
        return f"{first} {sign} {second}"

    def product(self, e: Expression) -> tuple[str, Level]:
        """Write a chain of factors: numbers and scalars as one fraction, then arrays."""
        sign, above, below = _flatten(e)
        scalars = e.shape != ()
        scale_above = [x for x in above if scalars and x.shape == ()]
        scale_below = [x for x in below if scalars and x.shape == ()]
        above = [x for x in above if not (scalars and x.shape == ())]
        below = [x for x in below if not (scalars and x.shape == ())]
        scale = self.fraction(scale_above, scale_below)
        body = self.fraction(above, below) if above or below else ""
        if scale and body:
            if not below and len(above) == 1:
                body = self.write(above[0], Level.MATMUL)
            elif below:
                body = f"({body})" if self.linear else body
            text = rf"{scale}\,{body}"
        else:
            text = scale or body
        return ("-" + text, Level.SUM) if sign < 0 else (text, Level.PRODUCT)

    def fraction(self, above: list[Expression], below: list[Expression]) -> str:
        """Write a quotient of products."""
        top = self.factors(above)
        if not below:
            return top
        if not self.linear:
            return rf"\frac{{{top or 1}}}{{{self.factors(below)}}}"
        several = len(below) > 1
        bottom = f"({self.factors(below)})" if several else self.write(below[0], Level.POWER)
        simple = len(above) < 2 and len(below) < 2 and (above + below)[-1].size == 0
        return f"{top or 1}/{bottom}" if simple else f"{top or 1} / {bottom}"

    def factors(self, factors: list[Expression]) -> str:
        """Write a product: numbers side by side, arrays with ⊙."""
        if len(factors) == 1:
            return self.write(factors[0], Level.PRODUCT)
        text = ""
        for x in factors:
            piece = self.indicator(x) if x.op in LOGIC else self.write(x, Level.POWER)
            if text:
                text += r" \odot " if x.shape else r" \cdot " if _is_digit(piece) else r"\,"
            text += piece
        return text

    def indicator(self, condition: Expression) -> str:
        """Write 1 where a condition holds, 0 elsewhere: 1[a > 0]."""
        return f"1[{self.write(condition)}]"

    # ---- everything else

    def template(self, e: Expression) -> tuple[str, Level]:
        """Write an operation by its own LaTeX."""
        assert e.op is not None
        count = len(e.operands)
        try:
            form, level, least = _analysed(e.op, count, _attributes(e))
        except (LookupError, ValueError, AttributeError):  # a template that does not fit its op
            arguments = ", ".join(self.write(x) for x in e.operands)
            return rf"\operatorname{{{_plain(e.op.name)}}}({arguments})", Level.ATOM
        for k, x in enumerate(e.operands):
            form = form.replace(chr(SLOT + k), self.write(x, least[k]))
        axes = _reduced_axes(e)
        return (_with_indices(form, axes), level) if axes else (form, level)


def is_silent(e: Expression) -> bool:
    """Whether a formula does not mention it: copies, types, broadcasting, axes of length 1."""
    if e.op is RESHAPE:
        before, after = e.operands[0].shape, e.shape
        return [n for n in before if n != 1] == [n for n in after if n != 1]
    return e.op in (BROADCAST, ops.identity) or (e.op is ASTYPE and e.operands[0].op not in LOGIC)


def index_of(axis: int) -> str:
    """Return the letter that stands for positions along an axis."""
    return INDICES[axis] if axis < len(INDICES) else f"i_{axis}"


def _flatten(e: Expression) -> tuple[int, list[Expression], list[Expression]]:
    """Return the sign, the factors and the divisors of a product."""
    if e.op is ops.neg:
        sign, above, below = _flatten(e.operands[0])
        return -sign, above, below
    if e.op is ops.mul:
        s1, a1, b1 = _flatten(e.operands[0])
        s2, a2, b2 = _flatten(e.operands[1])
        return s1 * s2, a1 + a2, b1 + b2
    if e.op is ops.div:
        s1, a1, b1 = _flatten(e.operands[0])
        s2, a2, b2 = _flatten(e.operands[1])
        return s1 * s2, a1 + b2, b1 + a2
    if is_silent(e):
        return _flatten(e.operands[0])
    if e.value is not None and e.shape == () and e.value.dtype.kind in "if" and e.value < 0:
        positive = Expression((), value=-e.value)
        return -1, [] if positive.value == 1 else [positive], []
    return 1, [e], []


def _number(e: Expression) -> tuple[str, Level]:
    assert e.value is not None
    if e.value.dtype.kind == "b" and e.shape == ():
        return rf"\mathrm{{{e.value}}}", Level.ATOM
    if e.shape == ():
        value = e.value.item()
        if math.isinf(value):
            return (r"\infty", Level.ATOM) if value > 0 else (r"-\infty", Level.SUM)
        text = f"{value:.6g}"
        if "e" in text:
            digits, _, exponent = text.partition("e")
            text = rf"{digits} \cdot 10^{{{int(exponent)}}}"
        return text, Level.SUM if value < 0 else Level.ATOM
    is_eye = len(e.shape) == 2 and e.shape[0] == e.shape[1] and _is_identity(e.value)
    return ("I" if is_eye else r"\mathrm{const}"), Level.ATOM


def _is_identity(matrix: Any) -> bool:
    n = matrix.shape[0]
    return bool((matrix.diagonal() == 1).all() and (matrix != 0).sum() == n)


def _is_digit(text: str) -> bool:
    return text[:1].isdigit()


def _plain(text: str) -> str:
    return "".join("\\" + c if c in "_%#&$" else c for c in text)


# ---- what an operation's template says


def _attributes(e: Expression) -> tuple[tuple[str, str], ...]:
    values = []
    for name, value in e.attrs.items():
        text = f"{value:.6g}" if isinstance(value, float) else str(value)
        values.append((name, _plain(text.replace("{", "").replace("}", "").replace("\\", ""))))
    return tuple(values)


@cache
def _analysed(
    op: Op, count: int, attrs: tuple[tuple[str, str], ...]
) -> tuple[str, Level, tuple[Level, ...]]:
    """Return the filled-in template, how tightly it binds, and what each operand must."""
    slots = [chr(SLOT + k) for k in range(count)]
    form = op.tex.format(*slots, **{"args": ", ".join(slots), **dict(attrs)})
    least = dict.fromkeys(slots, Level.RELATION)
    level = Level.ATOM
    outer = _outermost(form)
    for position, token in enumerate(outer):
        before = outer[position - 1] if position else ""
        after = outer[position + 1] if position + 1 < len(outer) else ""
        if token in least:
            need = max(_needs(before, False), _needs(after, True))
            least[token] = max(least[token], need)
        level = min(level, _binds(token, before))
        if token in least and (before in least or after in least):
            level = min(level, Level.MATMUL)
    return form, level, tuple(least[slot] for slot in slots)


def _outermost(form: str) -> list[str]:
    """Return the tokens outside of all brackets; a group or bracket in one piece is ``()``."""
    outer: list[str] = []
    depth = 0
    tokens = [m.group() for m in TOKEN.finditer(form)]
    bars = 0
    for i, token in enumerate(tokens):
        word = token[1:] if token.startswith("\\") else token
        if word in ("left", "right") or token.isspace():
            continue
        if token in ("|", r"\vert", r"\|", r"\Vert"):
            bars += 1
            opens = bars % 2 == 1
        else:
            opens = token in ("(", "[", "{") or word in OPENING & {f"l{w[1:]}" for w in CLOSING}
            if token in (")", "]", "}") or word in CLOSING:
                depth -= 1
                continue
            if not opens:
                if depth == 0:
                    outer.append(token)
                continue
        if not opens:
            depth -= 1
            continue
        if depth == 0:
            outer.append("()")
        depth += 1
        del i
    return outer


def _needs(neighbour: str, is_right: bool) -> Level:
    """Return how tightly an operand must bind beside this token."""
    word = neighbour[1:]
    if neighbour in ("", ",", "()"):
        return Level.RELATION if neighbour != "()" else Level.ATOM
    if neighbour in ("^", "_"):
        return Level.ATOM
    if neighbour == "+" or (neighbour == "-" and is_right):
        return Level.SUM
    if neighbour == "-":
        return Level.PRODUCT
    if neighbour == "/" and not is_right:
        return Level.POWER
    if neighbour in ("<", ">", "=") or word in ("le", "ge", "ne", "leq", "geq", "neq", "approx"):
        return Level.SUM
    if word in ("land", "lor", "oplus", "lnot", "neg"):
        return Level.ATOM
    if neighbour == "/" or word in RELATIONS or word in ("sum", "prod"):
        return Level.PRODUCT
    return Level.MATMUL if neighbour.startswith("\\") and len(word) == 1 else Level.POWER


def _binds(token: str, before: str) -> Level:
    """Return how tightly what contains this token on the outside binds."""
    word = token[1:]
    if token in ("<", ">", "=") or word in ("le", "ge", "ne", "leq", "geq", "neq", "land", "lor"):
        return Level.RELATION
    if token in ("+", "-"):
        return Level.SUM if before not in ("^", "_") else Level.ATOM
    if token == "/" or word == "frac" or (token.startswith("\\") and word in RELATIONS):
        return Level.PRODUCT
    if word in ("sum", "prod", "arg", "bigvee", "bigwedge") or token in ("\\,", "\\;", "\\:"):
        return Level.MATMUL
    return Level.POWER if token == "^" else Level.ATOM


# ---- which axes a reduction runs over


def _reduced_axes(e: Expression) -> tuple[int, ...]:
    """Return the axes that are gone or of length 1 afterwards; nothing if that is all of them."""
    axes = e.attrs.get("axis")
    if not isinstance(axes, tuple) or "keepdims" not in e.attrs:
        return ()
    return axes if len(axes) < len(e.operands[0].shape) else ()


def _with_indices(form: str, axes: tuple[int, ...]) -> str:
    """Write the index letters below the name of a reduction: Σ x becomes Σᵢ x."""
    letters = "".join(index_of(axis) for axis in axes)
    match = TOKEN.match(form)
    assert match is not None
    head = match.group()
    if head == r"\operatorname" or (head == r"\log" and "sum" in form):
        end = form.index("}") + 1 if head == r"\operatorname" else form.index("sum") + 3
        return f"{form[:end]}_{{{letters}}}{form[end:]}"
    if head.startswith("\\") and head[1:].isalpha() and head not in (r"\left", r"\lVert"):
        return f"{head}_{{{letters}}}{form[len(head) :]}"
    return f"{form}_{{{letters}}}"
