"""Formulas as plain text: an operation's LaTeX, printed with Unicode's mathematical signs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ...core.graph import Node

SUBSCRIPTS = str.maketrans("0123456789+-−=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
SUPERSCRIPTS = str.maketrans(
    "0123456789+-−=()abcdefghijklmnoprstuvwxyzT⊤",
    "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᵀᵀ",
)

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

TOKEN = re.compile(r"\\([A-Za-z]+)|\\(.)|(\s+)|(.)", re.DOTALL)


def to_text(tex: str, atoms: Sequence[str] = ()) -> str:
    """Print LaTeX mathematics as one line of Unicode text.

    Fractions become ``a / b``, accents combining marks; sub- and superscripts use Unicode's own
    where all their characters have one. A command it does not know is printed by its bare name,
    and unbalanced braces are tolerated: any string gives some text.

    Args:
        tex: the formula. ``chr(0xE000 + i)`` in it stands for ``atoms[i]``.
        atoms: names and values to print as they are.

    Example:
        >>> to_text(r"\\frac{1}{1 + e^{-x}} \\odot W_1^\\top")
        '1 / (1 + e^(−x)) ⊙ W₁ᵀ'
    """
    text = _Printer(tex, atoms).until_end()
    return re.sub(r" +", " ", text).strip()


def formula(node: Node, names: Sequence[str]) -> str:
    """Return the right-hand side of an operation's equation, with its inputs' names in it.

    Args:
        node: the record of an operation.
        names: what its inputs are called, in order.
    """
    assert node.op is not None
    plain = f"{node.op.name}({', '.join(names)})"
    atoms = [f"({n})" if n.startswith("−") and len(names) > 1 else n for n in names]
    attrs = {}
    for key, value in node.attrs.items():
        attrs[key] = _Slot(chr(_FIRST + len(atoms)))
        atoms.append(_value(value))
    slots = [_Slot(chr(_FIRST + i)) for i in range(len(names))]
    try:
        tex = node.op.tex.format(*slots, **{"args": ", ".join(slots), **attrs})
    except (LookupError, ValueError, AttributeError):  # a template that does not fit its op
        return plain
    return to_text(tex, atoms) or plain


_FIRST = 0xE000  # Unicode's private use area: these characters stand for names inside LaTeX


class _Slot(str):
    """A stand-in for a name, which no format specification alters."""

    def __format__(self, spec: str) -> str:
        return str(self)


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}".replace("-", "−").replace("inf", "∞")
    return str(value)


class _Printer:
    """Reads LaTeX token by token and prints it."""

    def __init__(self, tex: str, atoms: Sequence[str]) -> None:
        self.tokens = [m.groups() for m in TOKEN.finditer(tex)]
        self.at = 0
        self.atoms = atoms

    def until_end(self) -> str:
        text = ""
        while self.at < len(self.tokens):
            text = self.append(text)  # comes back early at a closing brace too many
            self.at += self.peek() == "}"
        return text

    def peek(self) -> str | None:
        return self.tokens[self.at][3] if self.at < len(self.tokens) else None

    def append(self, text: str) -> str:
        """Print up to the end of the group, after ``text``."""
        before = None
        while self.at < len(self.tokens) and self.peek() != "}":
            command, _, _, mark = self.tokens[self.at]
            if mark in ("^", "_"):
                self.at += 1
                text = text.rstrip() + _script(mark, self.argument())
            else:
                piece = self.piece()
                if before in OPENING:
                    piece = piece.lstrip()
                elif command in CLOSING:
                    text = text.rstrip()
                elif (before or command) and text[-1:].isalnum() and piece[:1].isalnum():
                    text += " "  # "log σ", "arg max": TeX sets a command apart by itself
                text += piece
                if before in OPENING and not piece:
                    continue  # a space: what follows is still the first thing inside
            before = command
        return text

    def piece(self) -> str:
        command, symbol, space, char = self.tokens[self.at]
        self.at += 1
        if command is not None:
            return self.command(command)
        if symbol is not None:
            return " " if symbol in SPACES else "‖" if symbol == "|" else symbol.strip("!>")
        if space is not None:
            return " "
        if char == "{":
            return self.group()
        return {"-": "−", "~": " ", "&": " ", "*": "∗", "$": ""}.get(char) or self.atom(char)

    def atom(self, char: str) -> str:
        index = ord(char) - _FIRST
        return self.atoms[index] if 0 <= index < len(self.atoms) else char

    def group(self) -> str:
        """Print up to the closing brace and step over it."""
        text = self.append("")
        self.at += 1
        return text

    def argument(self) -> str:
        """Print the next group, or the single sign that stands for one."""
        while self.at < len(self.tokens) and self.tokens[self.at][2] is not None:
            self.at += 1
        return self.piece().strip() if self.at < len(self.tokens) else ""

    def command(self, name: str) -> str:
        if name in SIGNS:
            return SIGNS[name] + (" " if name in ("sum", "prod", "bigvee", "bigwedge") else "")
        if name in RELATIONS:
            return f" {RELATIONS[name]} " if not self.alone() else RELATIONS[name]
        if name in ACCENTS:
            return self.argument() + ACCENTS[name]
        if name in SPACES:
            return " "
        if name in ("frac", "dfrac", "tfrac"):
            above, below = self.argument(), self.argument()
            return f"{_bracketed(above)} / {_bracketed(below)}"
        if name == "sqrt":
            inside = self.argument()
            has_script = re.search("[⁰¹²³⁴-⁹⁻ᵀ^]", inside) is not None  # √(x²) is not (√x)²
            return "√" + _bracketed(inside, always=has_script)
        if name in ("operatorname", "mathrm", "mathbf", "mathit", "mathcal", "mathbb", "text",
                    "boldsymbol", "mathsf", "textrm"):  # fmt: skip
            return self.argument()
        if name in SILENT:
            if self.peek() == ".":  # \left. is a bracket one cannot see
                self.at += 1
            return ""
        return name

    def alone(self) -> bool:
        """Whether the sign just read stands by itself in brackets, as in x[·]."""
        after = self.peek()
        before = self.tokens[self.at - 2][3] if self.at >= 2 else None
        return before in ("[", "(", "{", ",") and after in ("]", ")", "}", ",")


def _script(mark: str, text: str) -> str:
    table = SUPERSCRIPTS if mark == "^" else SUBSCRIPTS
    is_word = re.search("[a-zA-Z]{3}", text)  # would be hard to read so small
    if text and not is_word and all(ord(c) in table for c in text):
        return text.translate(table)
    return mark + (text if len(text) <= 1 else _bracketed(text, always="," in text))


def _bracketed(text: str, always: bool = False) -> str:
    """Put brackets around what would read differently without them."""
    text = text.strip()
    outside = text
    while (inner := re.sub(r"[(\[][^()\[\]]*[)\]]", "", outside)) != outside:
        outside = inner
    return f"({text})" if always or re.search(r"[ +−·/]", outside) else text
