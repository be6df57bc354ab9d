"""LaTeX mathematics, read once into a tree that text, MathML and binding strengths come from.

A formula is a row of items: signs and numbers, and what LaTeX builds of them (scripts, accents,
fractions, roots, words, groups in braces). Brackets are signs like others, since nothing in LaTeX
says that they come in pairs. Any string has a tree: what is missing is empty, and a closing brace
too many is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

SIGNS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "varepsilon": "ε",
    "zeta": "ζ", "eta": "η", "theta": "θ", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν",
    "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "varphi": "φ",
    "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ",
    "Lambda": "Λ", "Pi": "Π", "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
    "sum": "Σ", "prod": "∏", "int": "∫", "partial": "∂", "nabla": "∇", "infty": "∞",
    "top": "⊤", "bigvee": "⋁", "bigwedge": "⋀", "lnot": "¬", "neg": "¬", "ell": "ℓ",
    "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "langle": "⟨", "rangle": "⟩",
    "lVert": "‖", "rVert": "‖", "Vert": "‖", "lvert": "|", "rvert": "|", "vert": "|",
    "ldots": "…", "dots": "…", "cdots": "⋯", "mid": "|", "prime": "′",
}  # fmt: skip

RELATIONS = {
    "odot": "⊙", "oplus": "⊕", "ominus": "⊖", "otimes": "⊗", "oslash": "⊘", "times": "×",
    "cdot": "·", "star": "⋆", "ast": "∗", "circ": "∘", "pm": "±", "mp": "∓", "le": "≤",
    "leq": "≤", "ge": "≥", "geq": "≥", "ne": "≠", "neq": "≠", "approx": "≈", "equiv": "≡",
    "sim": "∼", "propto": "∝", "in": "∈", "notin": "∉", "land": "∧", "lor": "∨", "wedge": "∧",
    "vee": "∨", "to": "→", "rightarrow": "→", "leftarrow": "←", "gets": "←", "mapsto": "↦",
}  # fmt: skip

ACCENTS = {"hat": "\u0302", "widehat": "\u0302", "tilde": "\u0303", "widetilde": "\u0303",
           "bar": "\u0304", "overline": "\u0304", "dot": "\u0307", "ddot": "\u0308",
           "vec": "\u20d7"}  # fmt: skip

OPENING = {"lfloor", "lceil", "langle", "lVert", "lvert", "lnot", "neg", "partial", "nabla"}
CLOSING = {"rfloor", "rceil", "rangle", "rVert", "rvert"}
SILENT = {"left", "right", "big", "Big", "bigl", "bigr", "displaystyle", "limits", "nolimits"}
SPACES = {",", ":", ";", " ", "quad", "qquad", "enspace", "thinspace", "\\"}
FRACTIONS = {"frac", "dfrac", "tfrac"}
WORDS = {"operatorname", "mathrm", "mathbf", "mathit", "mathcal", "mathbb", "text", "boldsymbol",
         "mathsf", "textrm"}  # fmt: skip


@dataclass(frozen=True)
class Sign:
    r"""One character, or a command without argument: ``+``, ``\odot``; white space is ``" "``.

    Attributes:
        token: as LaTeX has it.
        grows: whether it is a bracket after ``\left`` or ``\right``.
    """

    token: str
    grows: bool = False

    @property
    def command(self) -> str:
        """The command's name, "" of a character."""
        return self.token[1:] if self.token.startswith("\\") else ""


@dataclass(frozen=True)
class Number:
    """Digits that stand together."""

    digits: str


@dataclass(frozen=True)
class Group:
    """What stands in braces."""

    row: Row


@dataclass(frozen=True)
class Script:
    """What is lowered (``_``) and raised (``^``) at something, in the order written."""

    base: Item
    marks: Mapping[str, Item]


@dataclass(frozen=True)
class Accent:
    """A letter with a sign above it."""

    name: str
    letter: Item


@dataclass(frozen=True)
class Fraction:
    """A quotient with a bar."""

    above: Item
    below: Item


@dataclass(frozen=True)
class Root:
    """A square root."""

    inside: Item


@dataclass(frozen=True)
class Word:
    """Letters that are one name."""

    letters: Item


Item: TypeAlias = Sign | Number | Group | Script | Accent | Fraction | Root | Word
Row: TypeAlias = tuple[Item, ...]

NOTHING = Group(())
SPACE = Sign(" ")
_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\s+|.", re.DOTALL)


def parse(tex: str) -> Row:
    """Return the tree of a formula."""
    return _Parser(tex).whole()


class _Parser:
    def __init__(self, tex: str) -> None:
        self.tokens = [" " if token.isspace() else token for token in _TOKEN.findall(tex)]
        self.at = 0

    def see(self, ahead: int = 0) -> str:
        """Return a token that is to come, "" after the last."""
        return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else ""

    def take(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1]

    def whole(self) -> Row:
        row = self.row()
        while self.see():
            self.take()  # a closing brace too many
            row += self.row()
        return row

    def row(self) -> Row:
        """Read up to the end of the group."""
        items: list[Item] = []
        while self.see() not in ("", "}"):
            if self.see() in ("^", "_"):
                items.append(self.script(items))
            elif self.see().isdigit():
                items.append(self.number())
            else:
                items.append(self.item())
        return tuple(items)

    def script(self, items: list[Item]) -> Script:
        """Read what is raised and lowered at the last item, which it takes the place of."""
        while items and items[-1] == SPACE:
            items.pop()
        base = items.pop() if items else NOTHING
        marks: dict[str, Item] = {}
        while self.see() in ("^", "_") and self.see() not in marks:
            mark = self.take()
            marks[mark] = self.argument()
        return Script(base, marks)

    def number(self) -> Number:
        digits = self.take()
        while self.see().isdigit() or (self.see() == "." and self.see(1).isdigit()):
            digits += self.take()
        return Number(digits)

    def argument(self) -> Item:
        """Read the next group, or the single sign that stands for one."""
        while self.see() == " ":
            self.take()
        return NOTHING if self.see() in ("", "}") else self.item()

    def item(self) -> Item:
        token = self.take()
        name = token[1:]
        if token == "{":
            row = self.row()
            self.at += 1
            return Group(row)
        if token.isdigit():
            return Number(token)
        if name in ("left", "right"):
            while self.see() == " ":
                self.take()
            if self.see() not in ("", "}", "."):
                return Sign(self.take(), grows=True)
        if name in SILENT:
            self.at += self.see() == "."  # a bracket one cannot see
            return NOTHING
        if name in ACCENTS:
            return Accent(name, self.argument())
        if name in FRACTIONS:
            return Fraction(self.argument(), self.argument())
        if name == "sqrt":
            return Root(self.argument())
        if name in WORDS:
            return Word(self.argument())
        return Sign(token)
