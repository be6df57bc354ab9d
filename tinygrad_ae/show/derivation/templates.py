"""An operation's LaTeX template, filled in; and what derivations write where it says too little."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from ...ops.op import Op
from .binding import SLOT, Level, binding
from .latex import parse


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
    level, needs = binding(parse(form))
    return form, level, tuple(needs.get(slot, Level.RELATION) for slot in slots)


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
