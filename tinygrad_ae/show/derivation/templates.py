"""What an operation's LaTeX template says about itself: how tightly it and its slots bind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import IntEnum
from functools import cache
from typing import Any

import numpy as np

from ...ops.op import Op
from .formula import CLOSING, OPENING, RELATIONS, TOKEN

SLOT = 0xE000  # Unicode's private use area: stands for an operand inside a template


class Level(IntEnum):
    """How tightly something binds, loosest first."""

    RELATION = 0  # a > b
    SUM = 1  # a + b
    PRODUCT = 2  # a ⊙ b, a / b, 2 a
    MATMUL = 3  # A B, Σ a
    POWER = 4  # a², Aᵀ
    ATOM = 5  # a, f(x), (a + b)


def attributes(attrs: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return an operation's attributes as they are printed."""
    values = []
    for name, value in attrs.items():
        text = number_text(value) if isinstance(value, float) else str(value)
        values.append((name, plain(text.replace("{", "").replace("}", "").replace("\\", ""))))
    return tuple(values)


@cache
def analysed(
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
    if level is Level.ATOM and outer and outer[0] in least and outer[-1] in least:
        level = Level.PRODUCT  # a sign nobody knows between operands
    return form, level, tuple(least[slot] for slot in slots)


def _outermost(form: str) -> list[str]:
    """Return the tokens outside of all brackets; a group or bracket in one piece is ``()``."""
    outer: list[str] = []
    depth = 0
    tokens = [m.group() for m in TOKEN.finditer(form)]
    bars = 0
    for token in tokens:
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
    if word in RELATIONS and not is_right:  # a ⋆ b ⋆ c is (a ⋆ b) ⋆ c
        return Level.MATMUL
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


# Built-in operations that derivations call by name, since their template leaves out what is needed
# to compute them, or reads like something else.
CALLED = frozenset({
    "all", "any", "argmax", "argmin", "astype", "bitwise_xor", "concatenate", "conv_weight", "det",
    "elu", "floor_divide", "fold", "gelu_tanh", "hardtanh", "inv", "largest", "logabsdet",
    "max_inside", "mod", "setitem", "signdet", "sliding_windows", "solve", "std", "var",
})  # fmt: skip
PLAIN = {"stride": 1, "padding": (0, 0), "dilation": 1, "groups": 1}  # what geometry leaves unsaid


def says_all(op: Op, attrs: Mapping[str, Any]) -> bool:
    """Whether an operation's template says all that is needed to compute it."""
    if op.name not in Op.reserved:  # of somebody else's template only inputs can be read
        return not attrs
    if op.name == "leaky_relu":  # max(s x, x) is another function for s > 1
        return bool(attrs["negative_slope"] <= 1)
    said = op.name in ("getitem", "softmax", "log_softmax") or "keepdims" in attrs
    unsaid = [key for key, _ in _settings(op, attrs) if f"{{{key}}}" not in op.tex]
    return op.name not in CALLED and (said or not unsaid)


def as_call(op: Op, arguments: str, attrs: Mapping[str, Any]) -> str:
    """Write ``name(x, y; key=value)``."""
    settings = ", ".join(f"{plain(key)}={plain(text)}" for key, text in _settings(op, attrs))
    inside = "; ".join(part for part in (arguments, settings) if part)
    return rf"\operatorname{{{plain(called(op))}}}({inside})"


def called(op: Op) -> str:
    """Return what derivations call an operation: the word its template begins with, or its name."""
    match = re.match(r"\\operatorname\{\{(\w+)\}\}\(", op.tex)
    return match[1] if match else op.name


def _settings(op: Op, attrs: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return an operation's attributes as they are written, but those that need no saying."""
    found = []
    for key, value in attrs.items():
        if key == "index":
            found.append((key, index_text(value)))
        elif key == "geometry":
            found += [
                (k, setting_text(v)) for k, v in value._asdict().items() if not _is_plain(k, v)
            ]
        elif key != "cuts":  # of a concatenation: the lengths say it
            found.append((key, setting_text(value)))
    return found


def _is_plain(key: str, value: Any) -> bool:
    return all(v == PLAIN[key] for v in (value if isinstance(value, tuple) else (value,)))


def number_text(value: float | np.floating[Any]) -> str:
    """Write a number with the fewest digits that give it again, or ten if those do not."""
    short, exact = f"{value:.10g}", str(value)
    text = exact if len(exact) < len(short) else short
    return text.replace("inf", "∞").removesuffix(".0")


def setting_text(value: Any) -> str:
    """Write an attribute as in Python; lengths that are all the same as one."""
    if isinstance(value, tuple) and len(set(value)) == 1 and len(value) > 1:
        return setting_text(value[0]) if isinstance(value[0], tuple) else repr(value)
    if isinstance(value, np.dtype):
        return value.name
    if isinstance(value, (float, np.floating)):
        return number_text(value)
    return repr(value.item() if isinstance(value, np.generic) else value)


def index_text(index: Any) -> str:
    """Write an index as in Python; a long array by its letter, if it has one."""
    parts = index if isinstance(index, tuple) else (index,)
    texts = []
    for part in parts:
        if isinstance(part, slice):
            limits = ["" if n is None else str(n) for n in (part.start, part.stop)]
            step = "" if part.step is None else f":{part.step}"
            texts.append(":".join(limits) + step)
        elif part is ...:
            texts.append(r"\ldots")
        elif part is None or isinstance(part, (int, np.integer)):
            texts.append(str(part))
        else:
            texts.append(getattr(part, "letter", None) or str(np.asarray(part).tolist()))
    return f"[{', '.join(texts)}]"


def plain(text: str) -> str:
    """Escape what LaTeX would read in words."""
    return "".join("\\" + c if c in "_%#&$" else c for c in text)
