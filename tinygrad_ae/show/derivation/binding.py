"""How tightly a formula and the operands in it bind, read off its tree.

It decides where brackets stand. So an operation nobody here has heard of is bracketed as well as
``+`` is: what its template says about it is all there is to know.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple

from .latex import (
    CLOSING,
    RELATIONS,
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
)

SLOT = 0xE000  # Unicode's private use area: stands for an operand inside a template


class Level(IntEnum):
    """How tightly something binds, loosest first."""

    RELATION = 0  # a > b
    SUM = 1  # a + b
    PRODUCT = 2  # a ⊙ b, a / b, 2 a
    MATMUL = 3  # A B, Σ a
    POWER = 4  # a², Aᵀ
    ATOM = 5  # a, f(x), (a + b)


class Strength(NamedTuple):
    """How tightly a sign binds what it stands between, and what its operands must by themselves."""

    level: Level
    left: Level
    right: Level


COMPARISON = Strength(Level.RELATION, Level.SUM, Level.SUM)
LOGIC = Strength(Level.RELATION, Level.ATOM, Level.ATOM)
SUMMATION = Strength(Level.MATMUL, Level.PRODUCT, Level.PRODUCT)
QUANTIFIER = Strength(Level.MATMUL, Level.POWER, Level.POWER)
OPERATOR = Strength(Level.PRODUCT, Level.PRODUCT, Level.MATMUL)  # a ⋆ b ⋆ c is (a ⋆ b) ⋆ c
BESIDE = Strength(Level.MATMUL, Level.MATMUL, Level.MATMUL)
LETTER = Strength(Level.ATOM, Level.POWER, Level.POWER)
BUILT = Strength(Level.ATOM, Level.POWER, Level.ATOM)  # a word, an accent, a root
COMMA = Strength(Level.ATOM, Level.RELATION, Level.RELATION)
OPENS = Strength(Level.ATOM, Level.ATOM, Level.RELATION)
CLOSES = Strength(Level.ATOM, Level.RELATION, Level.ATOM)
STRENGTHS = {
    **dict.fromkeys((rf"\{word}" for word in RELATIONS), OPERATOR),
    **dict.fromkeys(("<", ">", "=", r"\le", r"\ge", r"\ne", r"\leq", r"\geq", r"\neq", r"\approx"),
                    COMPARISON),
    **dict.fromkeys((r"\land", r"\lor"), LOGIC),
    r"\oplus": Strength(Level.PRODUCT, Level.ATOM, Level.ATOM),
    **dict.fromkeys((r"\lnot", r"\neg"), Strength(Level.ATOM, Level.ATOM, Level.ATOM)),
    "+": Strength(Level.SUM, Level.SUM, Level.SUM),
    "-": Strength(Level.SUM, Level.SUM, Level.PRODUCT),
    "/": Strength(Level.PRODUCT, Level.PRODUCT, Level.POWER),
    **dict.fromkeys((r"\sum", r"\prod"), SUMMATION),
    **dict.fromkeys((r"\arg", r"\bigvee", r"\bigwedge"), QUANTIFIER),
    **dict.fromkeys((rf"\{space}" for space in SPACES), BESIDE),
    ",": COMMA,
    **dict.fromkeys(("(", "[", r"\{", *(rf"\l{c[1:]}" for c in CLOSING)), OPENS),
    **dict.fromkeys((")", "]", r"\}", *(rf"\{c}" for c in CLOSING)), CLOSES),
}  # fmt: skip
BARS = {"|", r"\vert", r"\|", r"\Vert"}  # which open and close by turns


def binding(row: Row) -> tuple[Level, dict[str, Level]]:
    """Return how tightly a formula binds, and how tightly each of its slots' operands must."""
    items = [item for item in row if item != SPACE]
    strengths = list(_strengths(items))
    level, depth, needs = Level.ATOM, 0, dict[str, Level]()

    def need(slot: str, least: Level) -> None:
        needs[slot] = max(needs.get(slot, Level.RELATION), least)

    for i, (item, strength) in enumerate(zip(items, strengths, strict=True)):
        depth -= strength is CLOSES
        if depth == 0:
            level = min(level, strength.level, _raised(item))
        depth += strength is OPENS
        for slot, least in _inner(item):
            need(slot, least)
        if _is_slot(item):
            neighbours = items[max(0, i - 1) : i] + items[i + 1 : i + 2]
            if depth == 0 and any(map(_is_slot, neighbours)):
                level = min(level, Level.MATMUL)
            assert isinstance(item, Sign)
            need(item.token, strengths[i - 1].right if i else Level.RELATION)
            need(item.token, strengths[i + 1].left if i + 1 < len(items) else Level.RELATION)
    if level is Level.ATOM and items and _is_slot(items[0]) and _is_slot(items[-1]):
        level = Level.PRODUCT  # a sign nobody knows between operands
    return level, needs


def _strengths(items: Sequence[Item]) -> Iterator[Strength]:
    """Yield how tightly each item binds with its neighbours."""
    bars = 0
    for item in items:
        sign = item.base if isinstance(item, Script) else item
        if isinstance(sign, Sign) and sign.token in BARS:
            bars += 1
            yield OPENS if bars % 2 else CLOSES
        else:
            yield _strength(sign)


def _strength(item: Item) -> Strength:
    match item:
        case Sign(token):
            return STRENGTHS.get(token, LETTER)
        case Fraction():
            return Strength(Level.PRODUCT, Level.POWER, Level.ATOM)
        case Group():
            return Strength(Level.ATOM, Level.ATOM, Level.ATOM)
        case Number() | Script():
            return LETTER
        case Accent() | Root() | Word():
            return BUILT


def _raised(item: Item) -> Level:
    return Level.POWER if isinstance(item, Script) and "^" in item.marks else Level.ATOM


def _inner(item: Item) -> Iterator[tuple[str, Level]]:
    """Yield the slots inside an item, with what their operands must."""
    parts: tuple[Item, ...] = ()
    match item:
        case Script(base, marks):
            if _is_slot(base):
                assert isinstance(base, Sign)
                yield base.token, Level.ATOM
            parts = tuple(marks.values())
        case Group(row):
            yield from binding(row)[1].items()
        case Accent(_, inside) | Root(inside) | Word(inside):
            parts = (inside,)
        case Fraction(above, below):
            parts = (above, below)
    for part in parts:
        yield from binding((part,))[1].items()


def _is_slot(item: Item) -> bool:
    return isinstance(item, Sign) and item.token >= chr(SLOT)
