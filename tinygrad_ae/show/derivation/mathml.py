"""LaTeX mathematics as MathML, which browsers draw without any script."""

from __future__ import annotations

from html import escape

from .latex import (
    RELATIONS,
    SIGNS,
    SPACE,
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

LARGE = {"sum": "∑", "prod": "∏", "bigvee": "⋁", "bigwedge": "⋀"}  # indices stand below these
BRACKETS = {
    "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "langle": "⟨", "rangle": "⟩",
    "lVert": "‖", "rVert": "‖", "Vert": "‖", "lvert": "|", "rvert": "|", "vert": "|",
}  # fmt: skip
HATS = {"hat": "^", "widehat": "^", "tilde": "~", "widetilde": "~", "bar": "¯", "overline": "¯",
        "dot": "˙", "ddot": "¨", "vec": "→"}  # fmt: skip


def from_latex(tex: str) -> str:
    """Return the content of a ``<math>`` element. Any string gives well-formed MathML."""
    return "".join(_row(parse(tex)))


def _row(row: Row) -> list[str]:
    return [_item(item) for item in row if item != SPACE]


def _item(item: Item) -> str:
    """Return an item as one element."""
    match item:
        case Sign():
            return _sign(item)
        case Number(digits):
            return f"<mn>{digits}</mn>"
        case Group(row):
            items = _row(row)
            return items[0] if len(items) == 1 else f"<mrow>{''.join(items)}</mrow>"
        case Script():
            return _script(item)
        case Accent(name, letter):
            return f"<mover accent='true'>{_item(letter)}<mo>{HATS[name]}</mo></mover>"
        case Fraction(above, below):
            return f"<mfrac>{_item(above)}{_item(below)}</mfrac>"
        case Root(inside):
            return f"<msqrt>{_item(inside)}</msqrt>"
        case Word(letters):
            return f"<mi mathvariant='normal'>{escape(_letters(letters))}</mi>"


def _script(item: Script) -> str:
    """Attach what is raised and lowered at once, if both are there."""
    is_large = isinstance(item.base, Sign) and item.base.command in LARGE
    below, above, both = (
        ("munder", "mover", "munderover") if is_large else ("msub", "msup", "msubsup")
    )
    tag = both if len(item.marks) == 2 else below if "_" in item.marks else above
    marks = "".join(_item(item.marks[mark]) for mark in "_^" if mark in item.marks)
    return f"<{tag}>{_item(item.base)}{marks}</{tag}>"


def _letters(item: Item) -> str:
    """Return the plain letters of a word."""
    match item:
        case Sign(token):
            return {" ": "", "~": " "}.get(token, token.lstrip("\\"))
        case Number(digits):
            return digits
        case Group(row):
            return "".join(map(_letters, row))
        case Script(base, marks):
            return _letters(base) + "".join(mark + _letters(x) for mark, x in marks.items())
        case Accent(_, inside) | Root(inside) | Word(inside):
            return _letters(inside)
        case Fraction(above, below):
            return f"{_letters(above)}/{_letters(below)}"


def _sign(sign: Sign) -> str:
    name = sign.command
    if not name:
        return _character(sign)
    if name in BRACKETS:
        return _operator(BRACKETS[name], sign.grows)
    if name in LARGE:
        return f"<mo movablelimits='false'>{LARGE[name]}</mo>"
    if name == "top":
        return "<mo>⊤</mo>"
    if name in SIGNS:
        return f"<mi>{SIGNS[name]}</mi>"
    if name in RELATIONS:
        return _operator(RELATIONS[name])
    if name in SPACES:
        return _space("0.17em" if name == "," else "0.3em")
    if name == "|":
        return _operator("‖", sign.grows)
    if len(name) == 1:
        return "<mrow></mrow>" if name == "!" else _operator(name, sign.grows)
    return f"<mi mathvariant='normal'>{escape(name)}</mi>"


def _character(sign: Sign) -> str:
    if sign.token.isalpha() or sign.token == "∂":
        return f"<mi>{escape(sign.token)}</mi>"
    if sign.token == "~":
        return _space("0.3em")
    return _operator({"-": "−", "*": "∗"}.get(sign.token, sign.token), sign.grows)


def _operator(sign: str, grows: bool = False) -> str:
    fixed = " stretchy='false'" if sign in "()[]|‖" and not grows else ""
    return f"<mo{fixed}>{escape(sign)}</mo>"


def _space(width: str) -> str:
    return f"<mspace width='{width}'/>"
