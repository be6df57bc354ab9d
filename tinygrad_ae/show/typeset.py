"""Formulas as LaTeX: the tree's structure turned into brackets, and into nothing more.

An operation is written as its own LaTeX template says. How tightly a template binds, and which
of its slots need brackets, is read off the template; so an operation nobody here has heard of is
bracketed as well as ``+`` is. Only sums, products and a few moves of elements, for which textbooks
have customs beyond a template (2/n, Σᵢ, 1[a > 0], nothing at all), are written here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .. import ops
from .algebra import BROADCAST, LOGIC
from .expression import Expression
from .formula import TOKEN
from .simplify import ASTYPE, RESHAPE, TRANSPOSE
from .templates import SLOT, Level, analysed, attributes, index_text, plain

INDICES = "ijklprst"  # letters for the positions along axis 0, 1, …


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
        second, level = self.form(right)
        if second.startswith("-") and right.op in (ops.mul, ops.div, ops.neg, None):
            sign, second = "-+"[sign == "-"], second[1:]  # a + (−b) is a − b
        elif level < least or second.startswith("-"):
            second = self.write(right, Level.ATOM)
        return f"{first} {sign} {second}"

    def product(self, e: Expression) -> tuple[str, Level]:
        """Write a chain of factors: numbers and scalars as one fraction, then arrays."""
        sign, above, below = _flatten(e)
        text = self.quotient(above, below, e.shape != ())
        return ("-" + text, Level.SUM) if sign < 0 else (text, Level.PRODUCT)

    def quotient(self, above: list[Expression], below: list[Expression], of_arrays: bool) -> str:
        """Write a quotient of products; what scales arrays stands before them: 2/n x."""
        arrays = [x for x in above if x.shape != ()]
        if not of_arrays or not arrays or any(x.shape != () for x in below):
            return self.fraction(above, below)
        scalars = [x for x in above if x.shape == ()]
        if not scalars and not below:
            return self.factors(arrays)
        scale = self.fraction(scalars, below)
        if self.linear and " " in scale and below:
            scale = f"({scale})"
        body = self.factors(arrays)
        if len(arrays) == 1:
            body = self.factor(arrays[0], Level.RELATION if arrays[0].name else Level.MATMUL)
        return rf"{scale}\,{body}"

    def fraction(self, above: list[Expression], below: list[Expression]) -> str:
        """Write a quotient of products."""
        if below and not self.linear:  # the bar itself is a bracket
            top, bottom = (self.factors(x, Level.RELATION) if x else "1" for x in (above, below))
            return rf"\frac{{{top}}}{{{bottom}}}"
        top = self.factors(above) if above else "1"
        if not below:
            return top
        several = len(below) > 1
        bottom = f"({self.factors(below)})" if several else self.write(below[0], Level.POWER)
        is_short = len(above) < 2 and not several and all(x.size == 0 for x in above + below)
        return f"{top}/{bottom}" if is_short else f"{top} / {bottom}"

    def factors(self, factors: list[Expression], alone: Level = Level.PRODUCT) -> str:
        """Write a product: numbers side by side, arrays with ⊙.

        A single factor must bind as tightly as ``alone`` says.
        """
        factors = [x for x in factors if not _is_one(x)] or factors[:1]
        if len(factors) == 1:
            return self.factor(factors[0], alone)
        text = ""
        for before, x in zip([None, *factors], factors, strict=False):
            piece = self.factor(x, Level.RELATION if x.name else Level.POWER)
            if before is not None:
                both = before.shape != () and x.shape != ()
                text += r" \odot " if both else r" \cdot " if piece[0].isdigit() else r"\,"
            text += piece
        return text

    def factor(self, x: Expression, least: Level) -> str:
        """Write one factor."""
        return self.indicator(x) if x.op in LOGIC else self.write(x, least)

    def indicator(self, condition: Expression) -> str:
        """Write 1 where a condition holds, 0 elsewhere: 1[a > 0]."""
        return f"1[{self.write(condition)}]"

    # ---- everything else

    def template(self, e: Expression) -> tuple[str, Level]:
        """Write an operation by its own LaTeX."""
        assert e.op is not None
        count = len(e.operands)
        try:
            form, level, least = analysed(e.op, count, attributes(e.attrs))
        except (LookupError, ValueError, AttributeError):  # a template that does not fit its op
            arguments = ", ".join(self.write(x) for x in e.operands)
            return rf"\operatorname{{{plain(e.op.name)}}}({arguments})", Level.ATOM
        for k, x in enumerate(e.operands):
            form = form.replace(chr(SLOT + k), self.write(x, least[k]))
        if e.op is ops.getitem:
            form = form.replace(r"[\cdot]", index_text(e.attrs["index"]))
        axes = reduced_axes(e)
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


def _is_one(e: Expression) -> bool:
    return e.value is not None and e.shape == () and e.value == 1


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
            power = rf"10^{{{int(exponent)}}}"
            text = power if digits == "1" else rf"{digits} \cdot {power}"
        return text, Level.SUM if value < 0 else Level.ATOM
    is_eye = len(e.shape) == 2 and e.shape[0] == e.shape[1] and _is_identity(e.value)
    return ("I" if is_eye else r"\mathrm{const}"), Level.ATOM


def _is_identity(matrix: Any) -> bool:
    n = matrix.shape[0]
    return bool((matrix.diagonal() == 1).all() and (matrix != 0).sum() == n)


# ---- which axes a reduction runs over


def reduced_axes(e: Expression) -> tuple[int, ...]:
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
