"""Formulas as LaTeX: the tree's structure turned into brackets, and into nothing more.

An operation is written as its own LaTeX template says. How tightly a template binds, and which
of its slots need brackets, is read off the template; so an operation nobody here has heard of is
bracketed as well as ``+`` is. Sums, products and a few moves of elements, for which textbooks
have customs beyond a template (2/n, Σᵢ, 1[a > 0]), are written here.

What is written can be computed by who has nothing else: with every formula goes the shape that
it has when it is read by the rules of :mod:`.reading`. What a textbook leaves out (a broadcast,
an axis of length 1) is left out only where reading gives the same all the same.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, NamedTuple

import numpy as np

from ... import ops
from ...core.graph import Node
from .algebra import BROADCAST, LOGIC
from .binding import SLOT, Level
from .expression import Expression, Shape, apply, symbol
from .simplify import ASTYPE, RESHAPE, TRANSPOSE, is_elementwise
from .templates import (
    analysed,
    as_call,
    attributes,
    index_text,
    number_text,
    says_all,
)  # fmt: skip

INDICES = "ijklprst"  # letters for the positions along axis 0, 1, …


class Fit(Enum):
    """How exactly the shape that is read must be the true one."""

    EXACT = "the same"
    ALIGNED = "the same once NumPy has broadcast it"
    LOOSE = "the same but for axes of length 1"  # where a shape is written beside it


class Form(NamedTuple):
    """What is written, how tightly it binds, and the shape it is read with."""

    text: str
    level: Level
    shape: Shape


class Typesetter:
    """Writes expressions as LaTeX.

    Args:
        name: how a symbol is written.
        linear: write all on one line: 2/n instead of a fraction.
    """

    def __init__(self, name: Callable[[str], str], linear: bool) -> None:
        self.name, self.linear = name, linear
        self.forms: dict[Expression, Form] = {}

    def write(self, e: Expression, least: Level = Level.RELATION, fit: Fit = Fit.EXACT) -> str:
        """Write ``e``, in brackets if it binds less tightly than ``least``."""
        return self.bracketed(self.fitting(e, fit), least)

    def line(self, e: Expression) -> str:
        """Write what stands alone, beside its shape."""
        form = self.form(e)
        is_good = fits(form.shape, e.shape, Fit.ALIGNED) or fits(form.shape, e.shape, Fit.LOOSE)
        return (form if is_good else self.fitting(e, Fit.EXACT)).text

    def bracketed(self, form: Form, least: Level) -> str:
        """Return the text of a form, in brackets if it binds less tightly than ``least``."""
        if form.level >= least:
            return form.text
        tall = r"\frac" in form.text and not self.linear
        return rf"\left({form.text}\right)" if tall else f"({form.text})"

    def fitting(self, e: Expression, fit: Fit) -> Form:
        """Return a form that is read with the shape of ``e``; what is silent is said if need be."""
        form = self.form(e)
        if fits(form.shape, e.shape, fit):
            return form
        name = "reshape" if math.prod(form.shape) == math.prod(e.shape) else "broadcast"
        return self.moved(name, form.text, e.shape)

    def moved(self, name: str, text: str, numbers: Shape) -> Form:
        """Return ``reshape(x; 2, 3)``."""
        arguments = ", ".join(map(str, numbers)) if numbers else "()"
        return Form(rf"\operatorname{{{name}}}({text}; {arguments})", Level.ATOM, numbers)

    def form(self, e: Expression) -> Form:
        """Return how ``e`` is written where nothing is asked of it."""
        if e not in self.forms:
            self.forms[e] = self._form(e)
        return self.forms[e]

    def _form(self, e: Expression) -> Form:
        if e.name is not None:
            is_fraction = e.name.startswith("∂") and "/" in e.name
            return Form(self.name(e.name), Level.PRODUCT if is_fraction else Level.ATOM, e.shape)
        if e.value is not None:
            return _number(e)
        if e.op in (ops.add, ops.sub):
            return self.sum(e)
        if e.op in (ops.mul, ops.div, ops.neg):
            return self.product(e)
        if is_silent(e):
            fit = Fit.ALIGNED if e.op is BROADCAST else Fit.LOOSE
            return self.fitting(e.operands[0], fit)
        if e.op is RESHAPE:
            return self.moved("reshape", self.write(e.operands[0], fit=Fit.LOOSE), e.shape)
        if e.op is ASTYPE and e.operands[0].op in LOGIC:
            return self.indicator(e.operands[0])
        if e.op is TRANSPOSE:
            return self.transpose(e)
        return self.template(e)

    def shape(self, e: Expression) -> Shape:
        """Return the shape that ``e`` is read with."""
        return self.form(e).shape

    # ---- arithmetic

    def sum(self, e: Expression) -> Form:
        """Write a chain of terms."""
        left, right = e.operands
        a, b = self.fitting(left, Fit.ALIGNED), self.fitting(right, Fit.ALIGNED)
        first = self.bracketed(a, Level.SUM)
        sign, least = ("+", Level.SUM) if e.op is ops.add else ("-", Level.PRODUCT)
        second = b.text
        if second.startswith("-") and right.op in (ops.mul, ops.div, ops.neg, None):
            sign, second = "-+"[sign == "-"], second[1:]  # a + (−b) is a − b
        elif b.level < least or second.startswith("-"):
            second = self.bracketed(b, Level.ATOM)
        return Form(f"{first} {sign} {second}", Level.SUM, broadcast(a.shape, b.shape))

    def product(self, e: Expression) -> Form:
        """Write a chain of factors: numbers and scalars as one fraction, then arrays."""
        sign, above, below = self.flatten(e)
        text = self.quotient(above, below, e.shape != ())
        shape = broadcast(*(self.fitting(x, _fit(x)).shape for x in above + below))
        return Form("-" + text, Level.SUM, shape) if sign < 0 else Form(text, Level.PRODUCT, shape)

    def flatten(self, e: Expression) -> tuple[int, list[Expression], list[Expression]]:
        """Return the sign, the factors and the divisors of a product."""
        if e.op is ops.neg:
            sign, above, below = self.flatten(e.operands[0])
            return -sign, above, below
        if e.op in (ops.mul, ops.div):
            (s1, a1, b1), (s2, a2, b2) = map(self.flatten, e.operands)
            return (s1 * s2, a1 + a2, b1 + b2) if e.op is ops.mul else (s1 * s2, a1 + b2, b1 + a2)
        if is_silent(e) and fits(self.shape(e.operands[0]), e.shape, Fit.ALIGNED):
            sign, above, below = self.flatten(e.operands[0])
            is_alone = sign > 0 and not below and len(above) == 1 and above[0].value is None
            return (1, [e], []) if is_alone else (sign, above, below)
        if e.value is not None and e.shape == () and e.value.dtype.kind in "if" and e.value < 0:
            positive = Expression((), value=-e.value)
            return -1, [] if positive.value == 1 else [positive], []
        return 1, [e], []

    def quotient(self, above: list[Expression], below: list[Expression], of_arrays: bool) -> str:
        """Write a quotient of products; what scales arrays stands before them: 2/n x."""
        arrays = [x for x in above if x.shape != ()]
        if not of_arrays or not arrays or any(x.shape != () for x in below):
            return self.fraction(above, below)
        scalars = [x for x in above if x.shape == ()]
        if not scalars and not below:
            return self.factors(arrays)
        is_number = scalars and scalars[0].value is not None
        alone = Level.PRODUCT if is_number else Level.POWER  # (Σ x) y is not Σ x y
        scale = self.fraction(scalars, below) if below else self.factors(scalars, alone)
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
        bottom = f"({self.factors(below)})" if several else self.factor(below[0], Level.POWER)
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
            is_first_number = before is None and x.value is not None
            least = Level.PRODUCT if is_first_number else Level.POWER
            piece = self.factor(x, Level.RELATION if x.name else least)
            if before is not None:
                both = before.shape != () and x.shape != ()
                text += r" \odot " if both else r" \cdot " if piece[0].isdigit() else r"\,"
            text += piece
        return text

    def factor(self, x: Expression, least: Level) -> str:
        """Write one factor."""
        form = self.indicator(x) if x.op in LOGIC else self.fitting(x, _fit(x))
        return self.bracketed(form, least)

    def indicator(self, condition: Expression) -> Form:
        """Write 1 where a condition holds, 0 elsewhere: 1[a > 0]."""
        form = self.form(condition)
        return Form(f"1[{form.text}]", Level.ATOM, form.shape)

    # ---- everything else

    def transpose(self, e: Expression) -> Form:
        """Write ᵀ for an exchange of the last two axes, and every other permutation in numbers."""
        axes, (x,) = e.attrs["axes"], e.operands
        if _is_exchange(axes):
            return Form(self.write(x, Level.ATOM) + r"^\top", Level.POWER, e.shape)
        return self.moved("permute", self.write(x), tuple(axes))._replace(shape=e.shape)

    def template(self, e: Expression) -> Form:
        """Write an operation by its own LaTeX; by its name, with what that leaves unsaid."""
        assert e.op is not None
        fit = Fit.ALIGNED if is_elementwise(e) else Fit.EXACT
        forms = [self.fitting(x, fit) for x in e.operands]
        shape = broadcast(*(f.shape for f in forms)) if is_elementwise(e) else e.shape
        axes = reduced_axes(e)
        if "keepdims" in e.attrs:  # the axes that a sum runs over stay, with length 1
            x = e.operands[0].shape
            shape = tuple(1 if a in axes else n for a, n in enumerate(x)) if axes else ()
        try:
            if not says_all(e.op, e.attrs):
                raise LookupError
            text, level, least = analysed(e.op, len(forms), attributes(e.attrs))
        except (LookupError, ValueError, AttributeError):  # or a template that does not fit its op
            text = as_call(e.op, ", ".join(f.text for f in forms), e.attrs)
            return Form(text, Level.ATOM, shape if is_elementwise(e) else e.shape)
        for k, form in enumerate(forms):
            need = least[k]
            if e.op is ops.matmul and _would_run_on(e.operands[k], form, is_last=k == 1):
                need = Level.POWER
            text = text.replace(chr(SLOT + k), self.bracketed(form, need))
        if e.op is ops.getitem:
            text = text.replace(r"[\cdot]", index_text(e.attrs["index"]))
        return Form(_with_indices(text, axes) if axes else text, level, shape)


def _would_run_on(x: Expression, form: Form, is_last: bool) -> bool:
    """Whether a factor of a matrix product would take in the next one, or be taken apart."""
    if is_last:
        return x.op is ops.matmul and any(len(f.shape) != 2 for f in x.operands)
    return form.text.startswith((r"\sum", r"\prod", r"\log"))


def fits(read: Shape, true: Shape, fit: Fit) -> bool:
    """Whether a value that is read with one shape is as good as one of another."""
    if read == true:
        return True
    if fit is Fit.EXACT:
        return False
    if fit is Fit.LOOSE:
        return [n for n in read if n != 1] == [n for n in true if n != 1]
    try:
        return _stripped(np.broadcast_shapes(read, true)) == _stripped(true)
    except ValueError:
        return False


def broadcast(*shapes: Shape) -> Shape:
    """Return the shape that arrays have together."""
    return np.broadcast_shapes(*shapes)


def _stripped(shape: Shape) -> Shape:
    """Return a shape without leading axes of length 1, which broadcasting adds unasked."""
    first = next((i for i, n in enumerate(shape) if n != 1), len(shape))
    return shape[first:]


def _fit(factor: Expression) -> Fit:
    """Return how a factor must fit: a number that stands beside others may not be an array."""
    return Fit.EXACT if factor.shape == () else Fit.ALIGNED


def is_silent(e: Expression) -> bool:
    """Whether a formula may leave it out: copies, types, broadcasting, axes of length 1."""
    if e.op is RESHAPE:
        return fits(e.operands[0].shape, e.shape, Fit.LOOSE)
    if e.op is ASTYPE:
        return e.operands[0].op not in LOGIC and np.dtype(e.attrs["dtype"]).kind == "f"
    return e.op in (BROADCAST, ops.identity, ops.copy)


def is_spelt_out(node: Node) -> bool:
    """Whether a move of elements is written in words: a permutation, a change of shape."""
    x = symbol("x", node.inputs[0].shape)
    e = apply(node.op, x, shape=node.shape, attrs=node.attrs) if node.op else x
    if e.op is TRANSPOSE:
        return not _is_exchange(e.attrs["axes"])
    return e.op is RESHAPE and not is_silent(e)


def _is_exchange(axes: Sequence[int]) -> bool:
    """Whether a permutation exchanges the last two axes, and no others."""
    n = len(axes)
    return n > 1 and tuple(axes) == (*range(n - 2), n - 1, n - 2)


def index_of(axis: int) -> str:
    """Return the letter that stands for positions along an axis."""
    return INDICES[axis] if axis < len(INDICES) else f"i_{axis}"


def _is_one(e: Expression) -> bool:
    return e.value is not None and e.shape == () and e.value == 1


def _number(e: Expression) -> Form:
    assert e.value is not None
    if e.shape != ():
        is_eye = len(e.shape) == 2 and e.shape[0] == e.shape[1] and _is_identity(e.value)
        return Form("I" if is_eye else r"\mathrm{const}", Level.ATOM, e.shape)
    if e.value.dtype.kind == "b":
        return Form(rf"\mathrm{{{e.value}}}", Level.ATOM, ())
    value = e.value.item()
    if math.isinf(value):
        return Form(*((r"\infty", Level.ATOM) if value > 0 else (r"-\infty", Level.SUM)), ())
    text = number_text(e.value.dtype.type(value)) if e.value.dtype.kind == "f" else str(value)
    if "e" in text:
        digits, _, exponent = text.partition("e")
        power = rf"10^{{{int(exponent)}}}"
        level = Level.POWER if digits == "1" else Level.PRODUCT
        text = power if digits == "1" else rf"{digits} \cdot {power}"
    else:
        level = Level.ATOM
    return Form(text, Level.SUM if value < 0 else level, ())


def _is_identity(matrix: Any) -> bool:
    n = matrix.shape[0]
    return bool((matrix.diagonal() == 1).all() and (matrix != 0).sum() == n)


# ---- which axes a reduction runs over


def reduced_axes(e: Expression) -> tuple[int, ...]:
    """Return the axes that an operation runs over, if those are not all, or the last by custom."""
    axes = e.attrs.get("axis")
    if not isinstance(axes, tuple) or e.op is None or len(e.operands) != 1:
        return ()
    count = len(e.operands[0].shape)
    if "keepdims" in e.attrs:
        return axes if len(axes) < count else ()
    return axes if e.op.name in ("softmax", "log_softmax") and axes != (count - 1,) else ()


def _with_indices(form: str, axes: tuple[int, ...]) -> str:
    """Write the index letters below the name of a reduction: Σ x becomes Σᵢ x."""
    letters = "".join(index_of(axis) for axis in axes)
    end = len(head[0]) if (head := _HEAD.match(form)) else len(form)
    return f"{form[:end]}_{{{letters}}}{form[end:]}"


_HEAD = re.compile(r"(\\log\s*)?(\\operatorname\{[^}]*\}|\\sum)|\\(?!left|lVert)[A-Za-z]+")
