"""In-place change, and which arrays were changed when: what keeps it honest.

Backward reads values that forward saved. If one was overwritten in between, the gradient would
be silently wrong; so every in-place change leaves a stamp on the memory it wrote to, and
backward compares it with the number of the node that saved the value. Programs that never
write in place pay nothing.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from ..errors import GradientError
from ..ops import astype
from ..ops.op import Array, Op
from . import messages
from .graph import Node, clock, state
from .value import Value


@dataclass(slots=True)
class Mark:
    """When an array's memory changed (or was left behind), and what did it."""

    stamp: int
    by: str
    cause: Any  # weak reference to the tensor through which it happened
    place: Any  # where in memory, and how, that tensor's values lay
    low: int  # the addresses between which it lies, or what was changed before it
    high: int
    watch: Any  # weak reference whose callback forgets the mark with the array


overwritten: dict[int, Mark] = {}  # memory that was written to
left_behind: dict[int, Mark] = {}  # memory one of whose tensors moved on to a new value


def owner_of(array: Array) -> Array:
    """Return the array whose memory an array shows, itself if it is its own."""
    base: Any = array.base
    while base is not None:  # as_strided puts an object of its own between a view and its array
        if isinstance(base, np.ndarray):
            array = base
        base = getattr(base, "base", None)
    return array


def place_of(array: Array) -> Any:
    """Return what tells one view of some memory from another."""
    return array.__array_interface__["data"][0], array.shape, array.strides


def mark(table: dict[int, Mark], array: Array, by: str, cause: Any = None) -> None:
    """Note that the memory under ``array`` has just been changed by the operation ``by``."""
    owner = owner_of(array)
    before = table.get(key := id(owner))
    whole = before and array is owner and before.high - before.low >= array.nbytes
    if before and whole and before.cause is cause is None:  # all of it, as before
        before.stamp, before.by = next(clock), by
        return
    watch = weakref.ref(owner, lambda _: table.pop(key, None) and None)
    low, high = byte_bounds(array)
    if before:
        low, high = min(low, before.low), max(high, before.high)
    reference, place = (None, None) if cause is None else (weakref.ref(cause), place_of(array))
    table[key] = Mark(next(clock), by, reference, place, low, high, watch)


def _found(table: dict[int, Mark], array: Array, since: int) -> Mark | None:
    """Return the mark on an array's own memory, if it was made after ``since``."""
    found = table.get(id(owner_of(array)))
    if found is None or found.stamp <= since:
        return None
    low, high = byte_bounds(array)
    return found if low < found.high and found.low < high else None


def check_saved(node: Node, saved: Sequence[Any]) -> None:
    """Raise if a value ``node`` saved for backward was overwritten since.

    Raises:
        GradientError: naming the operation that saved it and the one that overwrote it.
    """
    for value in saved:
        found = _found(overwritten, value, node.index) if isinstance(value, np.ndarray) else None
        if found:
            raise GradientError(
                f"{node.label} (at {node.where}) saved a value of shape {value.shape} for "
                f"backward, and {found.by} overwrote it in place before backward ran.\n"
                "Compute the gradient first, or write the change as a new tensor: t = t + change."
            )


def check_views(args: Sequence[Any]) -> None:
    """Raise if a tensor sharing memory with one of ``args`` moved on since that was computed.

    Raises:
        GradientError: naming the in-place operation.
    """
    for a in args:
        if not isinstance(a, Value):
            continue
        array, node = a.data, a._node
        if found := _found(left_behind, array, -1 if node is None else node.index):
            raise GradientError(
                f"This tensor of shape {array.shape} shares memory with one that {found.by} "
                "changed in place while gradients were recorded, so its values are out of date.\n"
                "Index the changed tensor again, or assign through it: t[index] = value."
            )


def _reunite(whole: Array, part: Array, value: Any) -> None:
    """Forget that ``value`` left ``part`` of ``whole`` behind: it is about to be assigned there.

    So Python carries out ``t[i] += 1``: it takes t[i], changes that, and assigns it to t[i].
    """
    found = left_behind.get(id(owner_of(whole)))
    if found and found.cause() is value and found.place == place_of(part):
        del left_behind[id(owner_of(whole))]


def plain_index(index: Any) -> Any:
    """Return an index of arrays and numbers that nobody else can change."""
    if isinstance(index, tuple):
        return tuple(plain_index(part) for part in index)
    given = index.data if isinstance(index, Value) else index
    if not isinstance(given, (list, np.ndarray)):
        return index
    plain = np.array(given)
    if state.capture is not None and isinstance(given, np.ndarray):
        state.capture.copied(plain, given)
    return plain


def change(t: Any, op: Op, other: Any, attrs: dict[str, Any]) -> None:
    """Apply ``op`` to a tensor and ``other``, in place.

    Untracked (or under no_grad) the memory is written to and stamped. While gradients are
    recorded the tensor moves on to a new value instead, so that what the graph saved stays
    as it was; other tensors that share the old memory may not be used afterwards.

    Raises:
        GradientError: the gradient would be ambiguous, or lost.
        ShapeError: the result has another shape.
    """
    by = f"in-place {op.name}"
    is_tracked = t.requires_grad or getattr(other, "requires_grad", False)
    moves_on = state.recording and is_tracked
    if moves_on:
        _check_may_move(t, by)
        if attrs:
            _reunite(t.data, t.data[plain_index(attrs["index"])], other)
    before, value = t.data, t.__record_op__(op, (t, other), attrs)
    if value.shape != t.shape:
        raise messages.misfit(
            f"{by} cannot give shape {value.shape} to a tensor {t.shape}. Write the result as a "
            "new tensor: t = t + change."
        )
    if not moves_on:
        if state.capture is not None:
            state.capture.written(t, value)
        try:
            np.copyto(before, value.data, casting="same_kind")
        except (ValueError, TypeError) as error:  # read-only, or no place for such numbers
            raise messages.cannot_work(op, (t, other), error) from error
        mark(overwritten, before, by)
        return
    value, since = astype(value, t.dtype), t.node
    t.data, t._node = value.data, value._node
    if since.leaf is not None and since.op is not None:  # retain_grad
        since.leaf, t.node.leaf = None, since.leaf
    mark(left_behind, before, by, cause=t)


def _check_may_move(t: Any, by: str) -> None:
    """Raise if a tensor may not move on to a new value whose gradient is tracked."""
    if t.dtype.kind != "f":
        raise GradientError(
            f"{by} would put a value whose gradient is tracked into {t.label()} of {t.dtype}, "
            "where no gradient can follow. Convert it first: t = t.astype(other.dtype)"
        )
    source = t.node
    while source.op is not None and source.op.views:
        source = source.inputs[0]
    leaf: Any = source.leaf() if source.leaf and source.op is None else None
    if leaf is t:
        raise GradientError(
            f"{by} on a leaf that requires gradients, {t.label()}: its gradient would be "
            "ambiguous. To update a parameter, do it inside `with no_grad():`."
        )
    if leaf is not None and np.may_share_memory(leaf.data, t.data):
        raise GradientError(
            f"{by} on a view of a leaf that requires gradients, {leaf.label()}, would change "
            "the leaf. Change a copy (t = t * 1), or the leaf inside `with no_grad():`."
        )
