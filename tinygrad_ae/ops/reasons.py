"""Why NumPy could not do something, in our words: which shapes there are, and what would fit."""

from __future__ import annotations

import re
from collections.abc import Callable

_SHAPE = r"\((?:\d+,? ?)*\)"
_FITTING = "counted from the last axis, lengths must be equal, or one of them 1"


def _shape(text: str) -> str:
    """Return a shape as NumPy writes it in a message as Python writes it."""
    lengths = re.findall(r"\d+", text)
    return f"({', '.join(lengths)}{',' * (len(lengths) == 1)})"


def _unlike(match: re.Match[str]) -> str:
    shapes = [_shape(text) for text in re.findall(_SHAPE, match[0])]
    lengths = [[int(n) for n in re.findall(r"\d+", shape)][::-1] for shape in shapes]
    for k in range(max(map(len, lengths), default=0)):
        here = [n[k] for n in lengths if len(n) > k and n[k] != 1]
        if len({*here}) > 1:
            a, b, *_ = dict.fromkeys(here)
            at = f"; {a} stands against {b} at axis {-1 - k}"
            return f"the shapes {', '.join(shapes)} do not fit each other: {_FITTING}{at}"
    return f"the shapes {', '.join(shapes)} do not fit each other: {_FITTING}"


def _unfilled(match: re.Match[str]) -> str:
    value, place = map(_shape, match.groups())
    return (
        f"values of shape {value} do not fit the shape {place} of what they are put into: counted "
        "from the last axis, their lengths must be equal to its lengths, or 1"
    )


def _beyond(match: re.Match[str]) -> str:
    index, axis, size = match.groups()
    counted = f", so indices from {-int(size)} to {int(size) - 1}" if int(size) else ""
    return f"there is no index {index}: axis {axis} has length {size}{counted}"


_RAGGED = (
    "lists within lists must have one length at each level, as the rows of an array have, and "
    "these differ. Pad the shorter ones, or make one tensor of each"
)
_INDEX = (
    "an index is made of whole numbers, slices, ..., None, and arrays of whole numbers or of truth "
    "values"
)
_REASONS: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"inhomogeneous", _RAGGED),
    (rf"indexing arrays could not be broadcast together with shapes ((?:{_SHAPE} ?)+)",
     lambda match: f"the arrays of an index name one element each: {_unlike(match)}"),
    (rf"could not be broadcast together with shapes ((?:{_SHAPE} ?)+)", _unlike),
    (rf"cannot be broadcast to a single shape.*shape {_SHAPE}.*shape {_SHAPE}", _unlike),
    (rf"input array from shape ({_SHAPE}) into shape ({_SHAPE})", _unfilled),
    (rf"value array of shape ({_SHAPE}) could .* indexing result of shape ({_SHAPE})", _unfilled),
    (r"cannot assign (\d+) input values to the (\d+) output values where the mask is true",
     r"\1 values were given for the \2 places that the mask chooses: give as many, or one for all"),
    (r"index (-?\d+) is out of bounds for axis (\d+) with size (\d+)", _beyond),
    (r"array is (\d+)-dimensional, but (\d+) were indexed",
     r"the number of its axes is \1, that of the indices \2: give one for each axis at most"),
    (r"boolean index did not match .* along axis (\d+); size of axis is (\d+) but .* is (\d+)",
     r"a mask has a truth value for each element: axis \1 has length \2, the mask \3"),
    (r"only integers, slices .* are valid indices", _INDEX),
)  # fmt: skip


def reason(error: Exception) -> str:
    """Return why something failed: NumPy's reasons in our words, all others as they are."""
    said = str(error)
    for pattern, words in _REASONS:
        if match := re.search(pattern, said):
            return match.expand(words) if isinstance(words, str) else words(match)
    return said
