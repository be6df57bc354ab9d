"""Which arrays were changed in place, and when: what keeps in-place operations honest.

Backward reads values that forward saved. If one was overwritten in between, the gradient would
be silently wrong; so every in-place change leaves a stamp on the memory it wrote to, and
backward compares it with the number of the node that saved the value. Programs that never
write in place pay nothing.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .errors import GradientError
from .graph import Node, clock
from .ops.op import Array


class Mark(NamedTuple):
    """When an array's memory changed (or was left behind), and what did it."""

    stamp: int
    by: str
    cause: int  # id of the tensor through which it happened
    watch: Any  # weak reference whose callback forgets the mark with the array


overwritten: dict[int, Mark] = {}  # memory that was written to
left_behind: dict[int, Mark] = {}  # memory one of whose tensors moved on to a new value


def _owner(array: Array) -> Array:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def mark(table: dict[int, Mark], array: Array, by: str, cause: int = 0) -> None:
    """Note that the memory under ``array`` has just been changed by the operation ``by``."""
    owner = _owner(array)
    key = id(owner)
    watch = weakref.ref(owner, lambda _: table.pop(key, None) and None)
    table[key] = Mark(next(clock), by, cause, watch)


def check_saved(node: Node, saved: Sequence[Any]) -> None:
    """Raise if a value ``node`` saved for backward was overwritten since.

    Raises:
        GradientError: naming the operation that saved it and the one that overwrote it.
    """
    for value in saved:
        if isinstance(value, np.ndarray):
            found = overwritten.get(id(_owner(value)))
            if found and found.stamp > node.index:
                raise GradientError(
                    f"{node.label} (at {node.where}) saved a value of shape {value.shape} for "
                    f"backward, and {found.by} overwrote it in place before backward ran.\n"
                    "Compute the gradient first, or write the change as a new tensor: "
                    "t = t + change."
                )


def check_view(array: Array, since: int, allowed: int = 0) -> None:
    """Raise if a tensor sharing memory with ``array`` moved on to a new value after ``since``.

    Raises:
        GradientError: naming the in-place operation.
    """
    found = left_behind.get(id(_owner(array)))
    if found and found.stamp > since and found.cause != allowed:
        raise GradientError(
            f"This tensor of shape {array.shape} shares memory with one that {found.by} changed "
            "in place while gradients were recorded, so its values are out of date.\n"
            "Index the changed tensor again, or assign through it: t[index] = value."
        )
