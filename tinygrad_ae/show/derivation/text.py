"""Formulas as plain text: an operation's LaTeX, printed with Unicode's mathematical signs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ...core.graph import Node
from .latex import (
    ACCENTS,
    CLOSING,
    OPENING,
    RELATIONS,
    SIGNS,
    SPACES,
    Accent,
    Fraction,
    Group,
    Item,
    Number,
    Root,
    Row,
    Script,
    Sign,
    Word,
    parse,
)

SUBSCRIPTS = str.maketrans("0123456789+-−=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
SUPERSCRIPTS = str.maketrans(
    "0123456789+-−=()abcdefghijklmnoprstuvwxyzT⊤",
    "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᵀᵀ",
)


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
    text = _Printer(atoms).row(parse(tex))
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
    """Prints trees on one line."""

    def __init__(self, atoms: Sequence[str]) -> None:
        self.atoms = atoms

    def row(self, row: Row, in_braces: bool = False) -> str:
        text, before = "", ""
        for i, item in enumerate(row):
            base, scripts = self.scripts(item)
            command = base.command if isinstance(base, Sign) else _has_command(base)
            is_alone = item is base and _is_alone(row, i, in_braces)
            piece = self.item(base, is_alone)
            if before in OPENING:
                piece = piece.lstrip()
            elif command in CLOSING:
                text = text.rstrip()
            elif (before or command) and text[-1:].isalnum() and piece[:1].isalnum():
                text += " "  # "log σ", "arg max": TeX sets a command apart by itself
            text += piece
            if scripts:
                text, before = text.rstrip() + scripts, ""
            elif before not in OPENING or piece:  # a space: what follows is still the first inside
                before = command
        return text

    def scripts(self, item: Item) -> tuple[Item, str]:
        """Return what scripts stand at, and the scripts as text."""
        if not isinstance(item, Script):
            return item, ""
        base, text = self.scripts(item.base)
        return base, text + "".join(_script(m, self.inside(x)) for m, x in item.marks.items())

    def inside(self, item: Item) -> str:
        """Print an argument."""
        return self.item(item).strip()

    def item(self, item: Item, is_alone: bool = False) -> str:
        match item:
            case Sign():
                return self.sign(item, is_alone)
            case Number(digits):
                return digits
            case Group(row):
                return self.row(row, in_braces=True)
            case Script():
                return self.row((item,))
            case Accent(name, letter):
                return self.inside(letter) + ACCENTS[name]
            case Fraction(above, below):
                return " / ".join(_bracketed(self.inside(x)) for x in (above, below))
            case Root(inside):
                text = self.inside(inside)
                has_script = re.search("[⁰¹²³⁴-⁹⁻ᵀ^]", text) is not None  # √(x²) is not (√x)²
                return "√" + _bracketed(text, always=has_script)
            case Word(letters):
                return self.inside(letters)

    def sign(self, sign: Sign, is_alone: bool) -> str:
        name = sign.command
        if not name:
            return _TYPED.get(sign.token) or self.atom(sign.token)
        if name in SIGNS:
            return SIGNS[name] + (" " if name in ("sum", "prod", "bigvee", "bigwedge") else "")
        if name in RELATIONS:
            return RELATIONS[name] if is_alone else f" {RELATIONS[name]} "
        if name in SPACES:
            return " "
        return {"|": "‖", "!": "", ">": ""}.get(name, name)

    def atom(self, char: str) -> str:
        index = ord(char) - _FIRST
        return self.atoms[index] if 0 <= index < len(self.atoms) else char


def _has_command(item: Item) -> str:
    """Return a word if LaTeX writes an item by a command, which stands apart from letters."""
    return "" if isinstance(item, (Number, Group)) else "command"


def _is_alone(row: Row, i: int, in_braces: bool) -> bool:
    """Whether a sign stands by itself in brackets, as in x[·]."""
    before = row[i - 1] if i else None
    after = row[i + 1] if i + 1 < len(row) else None
    begins = before in _BEGIN if before is not None else in_braces
    ends = after in _END if after is not None else in_braces
    return begins and ends


_TYPED = {"-": "−", "~": " ", "&": " ", "*": "∗"}
_BEGIN, _END = ([Sign(c) for c in signs] for signs in ("[(,", "]),"))


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
