"""Formulas on the page: LaTeX, one line of Unicode, and MathML."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from ... import ops
from ...core.graph import Node
from ...ops.op import Op
from .binding import SLOT
from .expression import PRINTERS, Expression, apply, symbol
from .latex import ACCENTS, SIGNS
from .mathml import from_latex
from .templates import says_all
from .text import SUBSCRIPTS, SUPERSCRIPTS, formula, to_text
from .typeset import Typesetter, is_spelt_out, reduced_axes

_COMMANDS = {sign: name for name, sign in reversed(SIGNS.items())}
_ACCENT_NAMES = {mark: name for name, mark in reversed(ACCENTS.items())}
_FROM_SUB = {chr(small): chr(big) for big, small in reversed(SUBSCRIPTS.items())}
_FROM_SUPER = {chr(small): chr(big) for big, small in reversed(SUPERSCRIPTS.items())}


def to_latex(e: Expression) -> str:
    """Return a formula as LaTeX mathematics (what stands between dollar signs)."""
    return Typesetter(name_latex, linear=False).line(e)


def to_mathml(e: Expression) -> str:
    """Return a formula as presentation MathML (what stands inside ``<math>``)."""
    return from_latex(to_latex(e))


def to_unicode(e: Expression) -> str:
    """Return a formula as one line of text."""
    atoms: list[str] = []

    def name(given: str) -> str:
        if given not in atoms:
            atoms.append(given)
        return chr(_NAMES + atoms.index(given))

    tex = Typesetter(name, linear=True).line(e)
    return to_text(tex, ["" for _ in range(_NAMES - SLOT)] + atoms)


def right_side(node: Node, called: Mapping[Node, str]) -> str:
    """Return the right-hand side of an operation's equation, with its inputs' names in it.

    That is its own template, where this says all; else what a derivation writes.
    """
    names = [called[x] for x in node.inputs]
    if node.op is None or node.op.is_random or node.op.name not in Op.reserved:
        return formula(node, names)
    symbols = [symbol(name, x.shape) for name, x in zip(names, node.inputs, strict=True)]
    e = apply(node.op, *symbols, shape=node.shape, attrs=node.attrs)
    is_said = says_all(node.op, node.attrs) and node.op is not ops.getitem
    if is_said and not is_spelt_out(node) and not reduced_axes(e):
        return formula(node, names)
    return str(e)


_NAMES = SLOT + 0x100  # symbols stand above the slots of templates


def name_latex(name: str) -> str:
    r"""Return a symbol's name as LaTeX: ``W₁`` as ``W_{1}``, ``x̂`` as ``\hat{x}``.

    A name of several letters is set upright, and whatever LaTeX would read is escaped.
    """
    if name.startswith("∂") and "/∂" in name:
        above, _, below = name.partition("/∂")
        return rf"\frac{{\partial {name_latex(above[1:])}}}{{\partial {name_latex(below)}}}"
    stem, below, above = name, "", ""
    while stem and unicodedata.category(stem[-1])[0] != "M" and len(stem) > 1:
        if stem[-1] in _FROM_SUPER and stem[-1] not in "ᵀ" and not below:
            above, stem = _FROM_SUPER[stem[-1]] + above, stem[:-1]
        elif stem[-1] in _FROM_SUB:
            below, stem = _FROM_SUB[stem[-1]] + below, stem[:-1]
        else:
            break
    text = _stem_latex(stem)
    below = below.replace("−", "-")
    above = above.replace("−", "-")
    return text + (f"_{{{below}}}" if below else "") + (f"^{{{above}}}" if above else "")


def _stem_latex(stem: str) -> str:
    letters = unicodedata.normalize("NFD", stem)
    accents = [_ACCENT_NAMES[c] for c in letters if c in _ACCENT_NAMES]
    bare = "".join(c for c in letters if c not in _ACCENT_NAMES)
    if len(bare) == 1:
        text = rf"\{_COMMANDS[bare]}" if bare in _COMMANDS else _escaped(bare)
    else:
        text = rf"\mathrm{{{''.join(map(_escaped, bare))}}}"
    for accent in accents:
        text = rf"\{accent}{{{text}}}"
    return text


def _escaped(char: str) -> str:
    if char in "_%#&${}":
        return "\\" + char
    return {"\\": r"\backslash ", "^": r"\hat{}", "~": r"\sim ", " ": "~"}.get(char, char)


PRINTERS.update(unicode=to_unicode, latex=to_latex)
