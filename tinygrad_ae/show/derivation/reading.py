"""Reading a printed formula: what somebody computes who has nothing but the page.

The notation, loosest first (each operand binds tighter than what it stands in):

==========================  ====================================================================
written                     read as
==========================  ====================================================================
``a = b``, ``≠ < ≤ > ≥ ∧``  comparisons, element by element
``a + b``, ``a − b``        as NumPy, with its broadcasting
``a ⊙ b``, ``a · b``        products, element by element; ``a / b`` with spaces: a quotient
``a ⋆ W``                   the convolution of a with the kernel W, by steps of 1, without padding
``A B``                     the product of matrices (of the last two axes); a number multiplies
``Σᵢ a ⊙ b``                the sum over axis 0 of all that follows up to + or −; i, j, k, l, p, r,
                            s, t are axes 0 to 7, no letter means all. An axis that is summed over
                            stays, with length 1. So with ∏, mean, max, min, log Σ, ‖a‖₂
``a²``, ``a^b``, ``2/n``    powers, of elements; a short quotient, without spaces
``aᵀ``                      the last two axes exchanged
``a[1:, 0]``                part of an array, as in NumPy
``f(a, b; k=1)``            a function, by the name of the operation, and its settings
``reshape(a; 2, 3)``        the same elements in the same order, last axis fastest
``permute(a; 0, 2, 1)``     axis k of the result is axis p[k] of a
``broadcast(a; 2, 3)``      repeated to that shape, as NumPy would
``1[a > b]``                1 where it holds, 0 elsewhere
==========================  ====================================================================

The value of a line has the shape that is printed beside it: where it has other axes of length 1
these come and go, and where it has less it is broadcast.
"""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ... import ops
from ...ops.op import Array, Op
from ...ops.windows import Geometry
from .binding import SLOT, Level
from .templates import analysed, called
from .text import SUBSCRIPTS, SUPERSCRIPTS, to_text
from .typeset import INDICES, Fit, fits

_NUMBER = re.compile(r"\d+(\.\d+)?(e[−+-]?\d+)?")
_SMALL = {chr(small): chr(big) for big, small in reversed(SUBSCRIPTS.items())}
_RAISED = {chr(small): chr(big) for big, small in reversed(SUPERSCRIPTS.items())}
_RELATIONS: dict[str, Callable[..., Any]] = {
    "=": np.equal, "≠": np.not_equal, "<": np.less, "≤": np.less_equal, ">": np.greater,
    "≥": np.greater_equal, "∧": np.logical_and, "∨": np.logical_or,
}  # fmt: skip
_PRODUCTS: dict[str, Callable[..., Any]] = {
    " ⊙ ": np.multiply, " · ": np.multiply, " / ": np.true_divide,
    " ⋆ ": lambda x, W: _call(Op.registry["conv"], [x, W], {}),
}  # fmt: skip
_REDUCTIONS: dict[str, Callable[..., Any]] = {
    "Σ": np.sum, "∏": np.prod, "mean": np.mean, "max": np.max, "min": np.min,
}  # fmt: skip
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "σ": ops.sigmoid.forward,
    "Φ": lambda x: 0.5 * (1 + ops.erf.forward(x * 0.5**0.5)),
    "arcsin": np.arcsin, "arccos": np.arccos, "arctan": np.arctan,
    "clip": lambda x, low, high: np.clip(x, low, high),
    "concatenate": lambda *xs, axis: np.concatenate(xs, axis),
}  # fmt: skip
_MOVES: dict[str, Callable[..., Any]] = {
    "reshape": np.reshape, "broadcast": np.broadcast_to, "permute": np.transpose,
}  # fmt: skip


class Unreadable(ValueError):
    """A formula that does not say what to compute."""


class Page:
    """What a reader knows: the names that have a value so far, and the operations there are.

    Args:
        known: the value of every name that a line may use.
    """

    def __init__(self, known: Mapping[str, Any]) -> None:
        self.known: dict[str, Any] = {}
        self.longest = 0
        for name, value in known.items():
            self.define(name, value)
        self.operations = {called(op): op for op in Op.registry.values()}
        self.strangers = [t for op in Op.registry.values() if (t := _stranger(op))]

    def define(self, name: str, value: Any) -> None:
        """Give a name a value."""
        self.known[name] = value
        self.longest = max(self.longest, len(name))

    def value_of(self, text: str, shape: str) -> Array:
        """Compute a line of a derivation from its text alone.

        Args:
            text: the right-hand side, as printed.
            shape: what stands beside it: ``"(4, 6, 8)"`` or ``"scalar"``.

        Raises:
            Unreadable: it is no formula, names what is not known, or combines what does not fit.
        """
        wanted: tuple[int, ...] = () if shape == "scalar" else ast.literal_eval(shape)
        try:
            with np.errstate(all="ignore"):
                found = np.asarray(_Reader(text, self).whole())
        except Unreadable:
            raise
        except Exception as error:  # NumPy's own words on what does not fit together
            raise Unreadable(f"{text}: {error}") from error
        if fits(found.shape, wanted, Fit.ALIGNED):
            lead = max(0, found.ndim - len(wanted))
            return np.broadcast_to(found.reshape(found.shape[lead:]), wanted)
        if fits(found.shape, wanted, Fit.LOOSE):
            return found.reshape(wanted)
        raise Unreadable(f"{text} has the shape {found.shape}, not {wanted}")


class _Reader:
    """Reads a text from left to right, and computes as it goes."""

    def __init__(self, text: str, page: Page) -> None:
        self.text, self.at, self.page, self.bars = text, 0, page, 0

    def whole(self) -> Any:
        value = self.relation()
        if self.at < len(self.text):
            raise self.error("nothing more")
        return value

    # ---- the text

    def error(self, expected: str) -> Unreadable:
        rest = self.text[self.at :]
        return Unreadable(f"{self.text}: expected {expected}, found {rest[:20]!r}")

    def sees(self, *words: str) -> str:
        return next((w for w in words if self.text.startswith(w, self.at)), "")

    def takes(self, *words: str) -> str:
        found = self.sees(*words)
        self.at += len(found)
        return found

    def needs(self, word: str) -> None:
        if not self.takes(word):
            raise self.error(repr(word))

    def run_of(self, signs: Mapping[str, Any]) -> str:
        start = self.at
        while self.at < len(self.text) and self.text[self.at] in signs:
            self.at += 1
        return self.text[start : self.at]

    # ---- levels

    def at_level(self, level: Level) -> Any:
        readers = (self.relation, self.sum, self.product, self.beside, self.power, self.power)
        return readers[level]()

    def relation(self) -> Any:
        left = self.sum()
        while sign := self.takes(*(f" {s} " for s in _RELATIONS)):
            left = _RELATIONS[sign.strip()](left, self.sum())
        for level in (Level.SUM, Level.RELATION):
            while (found := self.stranger(left, level)) is not None:
                left = found
        return left

    def sum(self) -> Any:
        left = np.negative(self.product()) if self.takes("−") else self.product()
        while sign := self.takes(" + ", " − "):
            right = self.product()
            left = left + right if sign == " + " else np.subtract(left, right)
        return left

    def product(self) -> Any:
        left = self.beside()
        while True:
            if sign := self.takes(*_PRODUCTS):
                left = _PRODUCTS[sign](left, self.beside())
            elif (found := self.stranger(left, Level.PRODUCT)) is not None:
                left = found
            else:
                return left

    def beside(self) -> Any:
        """Read what stands side by side: numbers and matrices."""
        left = self.power()
        while self.sees(" ") and not self.sees(*_BETWEEN):
            before = self.at
            self.at += 1
            if not self.is_start():
                self.at = before
                break
            try:
                right = self.power()
            except Unreadable:  # perhaps the sign of somebody's own operation
                self.at = before
                break
            is_scaled = np.ndim(left) == 0 or np.ndim(right) == 0
            left = np.multiply(left, right) if is_scaled else np.matmul(left, right)
        return left

    def is_start(self) -> bool:
        """Whether a factor begins here."""
        if self.at >= len(self.text):
            return False
        sign = self.text[self.at]
        return not (sign == "|" and self.bars) and (sign.isalnum() or sign in "(Σ∏|‖⌊⌈√∂∞¬[")

    def power(self) -> Any:
        base = self.postfix(self.primary())
        if self.sees("/") and not self.sees("/ "):
            self.at += 1
            return np.true_divide(base, self.postfix(self.primary()))
        return base

    def postfix(self, base: Any) -> Any:
        while True:
            if self.takes("ᵀ"):
                base = np.swapaxes(base, -1, -2)
            elif raised := self.run_of(_RAISED):
                inner = "".join(_RAISED[c] for c in raised)
                base = _raise(base, _Reader(inner.replace("-", "−"), self.page).whole())
            elif self.takes("^"):
                base = _raise(base, self.postfix(self.primary()))
            elif self.takes("["):
                base = base[self.index()]
            elif (found := self.stranger(base, Level.MATMUL, Level.ATOM)) is not None:
                base = found
            else:
                return base

    # ---- the smallest parts

    def primary(self) -> Any:
        if self.takes("1["):
            value = np.multiply(self.relation(), 1)
            self.needs("]")
            return value
        for template in self.page.strangers:
            if template.begins and (value := self.match(template, [])) is not None:
                return value
        if name := self.name():
            return self.page.known[name]
        if self.takes("("):
            value = self.relation()
            self.needs(")")
            return value
        if self.takes("∞"):
            return np.inf
        if self.takes("¬"):
            return np.logical_not(self.postfix(self.primary()))
        if self.takes("|"):
            self.bars += 1
            value = np.abs(self.relation())
            self.needs("|")
            self.bars -= 1
            return value
        for left, right, f in (("⌊", "⌋", np.floor), ("⌈", "⌉", np.ceil)):
            if self.takes(left):
                value = f(self.relation())
                self.needs(right)
                return value
        if self.takes("‖"):
            value = np.square(self.relation())
            self.needs("‖₂")
            return np.sqrt(_reduce(np.sum, value, self.axes()))
        if self.takes("√"):
            return np.sqrt(self.primary())
        if sign := self.takes("Σ", "∏"):
            axes = self.axes()
            self.takes(" ")
            return _reduce(_REDUCTIONS[sign], self.product(), axes)
        if self.sees(*"0123456789"):
            return self.number()
        return self.function()

    def number(self) -> Any:
        found = _NUMBER.match(self.text, self.at)
        assert found is not None
        self.at = found.end()
        digits = found[0].replace("−", "-")
        return int(digits) if digits.isdecimal() else float(digits)

    def name(self) -> str:
        """Step over the longest name that stands here, if one does."""
        for length in range(min(self.page.longest, len(self.text) - self.at), 0, -1):
            name = self.text[self.at : self.at + length]
            if name in self.page.known and self.ends(name, self.at + length):
                self.at += length
                return name
        return ""

    def ends(self, name: str, at: int) -> bool:
        """Whether a name is over where it could be: not if more of one follows."""
        after = self.text[at : at + 1]
        if after == "(":
            return not _is_known_function(name)
        goes_on = after == "_" or after.isdecimal() or after in _SMALL
        goes_on = goes_on or (after.isalpha() and after not in _RAISED)
        return not after or not (goes_on or unicodedata.combining(after))

    def word(self) -> str:
        """Step over the name of a function."""
        start = self.at
        while self.at < len(self.text):
            c = self.text[self.at]
            if not (c == "_" or (c.isalnum() and c not in _SMALL and c not in _RAISED)):
                break
            self.at += 1
        word = self.text[start : self.at]
        stem, _, tail = word.rpartition("_")
        if stem and tail and set(tail) <= set(INDICES):  # max_ikl
            self.at -= len(tail) + 1
            return stem
        return word

    def axes(self) -> tuple[int, ...]:
        """Read the letters of axes, if there are any."""
        letters = "".join(_SMALL[c] for c in self.run_of(_SMALL))
        if not letters and self.takes("_"):
            letters = self.run_of(dict.fromkeys(INDICES))
        return tuple(INDICES.index(c) for c in letters)

    def function(self) -> Any:
        start, word = self.at, self.word()
        if word == "e" and (self.sees("^") or self.text[self.at : self.at + 1] in _RAISED):
            return np.e
        if word == "log" and self.takes(" "):
            if self.sees("softmax"):
                return np.log(self.postfix(self.primary()))
            return np.log(self.postfix(self.primary()))
        if word in ("True", "False"):
            return word == "True"
        axes = self.axes()
        if not word or not self.takes("("):
            self.at = start
            raise self.error("a value that is known")
        values = [self.relation()]
        while self.takes(", "):
            values.append(self.relation())
        settings, numbers = self.settings()
        if word in _MOVES:
            return _MOVES[word](values[0], numbers)
        if word in _REDUCTIONS and len(values) == 1:
            return _reduce(_REDUCTIONS[word], values[0], axes)
        if word in ("max", "min"):
            return (np.maximum if word == "max" else np.minimum)(*values)
        if word == "softmax":
            return ops.softmax(np.asarray(values[0]), axes or -1)
        if word in _FUNCTIONS:
            return _FUNCTIONS[word](*values, **settings)
        if word not in self.page.operations:
            self.at = start
            raise self.error("a function or a value that is known")
        return _call(self.page.operations[word], values, settings)

    def settings(self) -> tuple[dict[str, Any], tuple[int, ...]]:
        """Read ``; key=value, …)``, or ``; 2, 3)``."""
        settings: dict[str, Any] = {}
        numbers: list[int] = []
        if self.takes("; ()"):
            self.needs(")")
            return {}, ()
        if self.takes("; "):
            while True:
                start = self.at
                key = self.run_of(dict.fromkeys("abcdefghijklmnopqrstuvwxyz_"))
                if key and self.takes("="):
                    settings[key] = self.index() if self.takes("[") else self.literal()
                else:
                    self.at = start
                    numbers.append(self.literal())
                if not self.takes(", "):
                    break
        self.needs(")")
        return settings, tuple(numbers)

    def literal(self) -> Any:
        """Read a number, a word or a tuple as in Python."""
        start, depth = self.at, 0
        while self.at < len(self.text):
            c = self.text[self.at]
            if depth == 0 and c in ",)":
                break
            depth += (c in "([") - (c in ")]")
            if c in "\"'":
                self.at = self.text.index(c, self.at + 1)
            self.at += 1
        text = self.text[start : self.at].replace("−", "-").replace("→", ">")
        if text in ("inf", "-inf", "∞", "-∞"):
            return float(text.replace("∞", "inf"))
        return np.dtype(text) if text in np.sctypeDict else ast.literal_eval(text)

    def index(self) -> Any:
        """Read an index up to its closing bracket."""
        parts: list[Any] = []
        while not self.takes("]"):
            if self.takes("…"):
                parts.append(...)
            elif self.takes("["):
                self.at -= 1
                start = self.at
                depth = 0
                while depth or self.at == start:
                    depth += (self.text[self.at] == "[") - (self.text[self.at] == "]")
                    self.at += 1
                parts.append(
                    np.array(ast.literal_eval(self.text[start : self.at].replace("−", "-")))
                )
            elif name := self.name():
                parts.append(self.page.known[name])
            else:
                start = self.at
                self.run_of(dict.fromkeys("0123456789:−None"))
                parts.append(_slice_or_number(self.text[start : self.at].replace("−", "-")))
            if not self.sees("]"):
                self.needs(", ")
        return parts[0] if len(parts) == 1 else tuple(parts)

    # ---- operations with a notation of their own

    def stranger(self, left: Any, lowest: Level, highest: Level | None = None) -> Any:
        """Go on with what somebody's own operation puts behind or between operands, if it does."""
        for template in self.page.strangers:
            if not template.begins and lowest <= template.level <= (highest or lowest):
                value = self.match(template, [left])
                if value is not None:
                    return value
        return None

    def match(self, template: _Template, operands: list[Any]) -> Any:
        """Read one of its kind, or step back."""
        start = self.at
        values: dict[int, Any] = dict(zip(template.order, operands, strict=False))
        try:
            for piece in template.pieces[len(operands) :]:
                if isinstance(piece, int):
                    values[piece] = self.lowered(template, piece)
                elif not self.takes(piece):
                    raise Unreadable(piece)
        except Unreadable:
            self.at = start
            return None
        return template.op.forward(*(np.asarray(values[k]) for k in sorted(values)))

    def lowered(self, template: _Template, k: int) -> Any:
        """Read an operand, which may be written small."""
        run = self.run_of(_SMALL)
        if run:
            return _Reader("".join(_SMALL[c] for c in run), self.page).whole()
        self.takes("_")
        return self.at_level(template.least[k])


_BETWEEN = (" + ", " − ", *_PRODUCTS, *(f" {sign} " for sign in _RELATIONS))


class _Template:
    """How somebody's own operation is written: words, and numbers of operands between them."""

    def __init__(self, op: Op) -> None:
        self.op = op
        form, self.level, self.least = analysed(op, op.arity, ())
        self.pieces: list[str | int] = []
        for c in to_text(form, [chr(SLOT + k) for k in range(op.arity)]):
            k = ord(c) - SLOT
            if 0 <= k < op.arity:
                if self.pieces and isinstance(self.pieces[-1], str):
                    self.pieces[-1] = self.pieces[-1].removesuffix("_")
                self.pieces.append(k)
            elif self.pieces and isinstance(self.pieces[-1], str):
                self.pieces[-1] += c
            else:
                self.pieces.append(c)
        self.begins = isinstance(self.pieces[0], str)
        self.order = [piece for piece in self.pieces if isinstance(piece, int)]


def _stranger(op: Op) -> _Template | None:
    """Return how an operation is written that is not one of the package's."""
    if op.name in Op.reserved or op.variadic or op.attrs:
        return None
    try:
        template = _Template(op)
    except (LookupError, ValueError, AttributeError):
        return None
    has_words = any(isinstance(piece, str) and piece.strip() for piece in template.pieces)
    return template if has_words else None  # without, nothing on the page tells of it


def _is_known_function(name: str) -> bool:
    return name in _FUNCTIONS or name in _REDUCTIONS or name in Op.registry


def _raise(base: Any, exponent: Any) -> Any:
    return np.power(np.asarray(base) * 1.0, exponent)


def _reduce(f: Callable[..., Any], x: Any, axes: tuple[int, ...]) -> Any:
    return f(x, axis=axes, keepdims=True) if axes else f(x)


def _slice_or_number(text: str) -> Any:
    if ":" not in text:
        return ast.literal_eval(text)
    return slice(*(int(n) if n else None for n in text.split(":")))


def _call(op: Op, values: list[Any], settings: dict[str, Any]) -> Any:
    """Compute an operation by name."""
    values = [np.asarray(v) for v in values]
    if "geometry" in op.attrs:
        like = settings.get("kernel") or settings.get("size") or values[1].shape[2:]
        _with_geometry(op, values, settings, len(like) if isinstance(like, tuple) else 1)
    if "keepdims" in op.attrs:
        settings.setdefault("keepdims", False)
    return op.forward(*values, **settings)


def _with_geometry(op: Op, values: list[Any], settings: dict[str, Any], n: int) -> None:
    given = {key: settings.pop(key) for key in Geometry._fields if key in settings}

    def each(key: str, otherwise: Any) -> tuple[Any, ...]:
        value = given.get(key, otherwise)
        return value if isinstance(value, tuple) and len(value) == n else (value,) * n

    padding = given.get("padding", (0, 0))
    sides = padding if isinstance(padding[0], tuple) else (padding,) * n
    settings["geometry"] = Geometry(
        each("stride", 1), sides, each("dilation", 1), given.get("groups", 1)
    )
