"""Where buffers live: memory is reused as soon as nothing reads a value any more."""

from __future__ import annotations

import bisect
import itertools
from dataclasses import dataclass

import numpy as np

from .program import Line, PlanArray, Program

ALIGNMENT = 64  # bytes: a cache line, and the widest SIMD register


@dataclass(eq=False, slots=True)
class Slot:
    """A stretch of memory that buffers take in turn; ``until`` is the last line one needs it in."""

    size: int = 0
    offset: int = 0
    until: int = -1


Free = list[tuple[int, int, Slot]]
"""Slots that nothing needs, by their size, then by when they became free."""


def allocate(program: Program) -> int:
    """Give every buffer an array, and every view its own; return the bytes taken."""
    slots: dict[PlanArray, Slot] = {}
    every: list[Slot] = []
    free: Free = []
    freed = itertools.count()
    last = program.last_reads()
    for i, line in enumerate(program.lines):
        for out in line.outs:
            last[out] = max(last.get(out, i), i)
    ending: dict[int, list[Slot]] = {}
    for i, line in enumerate(program.lines):
        for out in line.outs:
            if out.is_buffer and out not in slots:
                found = _in_place(line, out, slots, last, i) if line.elementwise else None
                slot = slots[out] = found or _take(free, every, out.nbytes)
                slot.until = last[out]
                ending.setdefault(slot.until, []).append(slot)
        for slot in ending.pop(i, ()):
            if slot.until == i:  # no other value has taken it over in this line
                slot.until = -1
                bisect.insort(free, (slot.size, next(freed), slot))
    total = 0
    for slot in every:
        slot.offset, total = total, total + -(-slot.size // ALIGNMENT) * ALIGNMENT
    raw = np.empty(total + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    for value, slot in slots.items():
        here = start + slot.offset
        strides = value.layout().strides
        value.array = np.ndarray(value.shape, value.dtype, raw, here, strides)
    return total


def _in_place(
    line: Line, out: PlanArray, slots: dict[PlanArray, Slot], last: dict[PlanArray, int], i: int
) -> Slot | None:
    """Return the memory of an argument that is read here for the last time."""
    taken = [slots[other] for other in line.outs if other in slots]
    for arg in line.args:
        root = arg.whole
        if root not in slots or slots[root] in taken or last[root] > i or arg.dtype != out.dtype:
            continue
        if (arg.shape, arg.layout().strides) != (out.shape, out.layout().strides):
            continue
        others = (other.roots() for other in line.args if other is not arg)
        if all(roots is not None and root not in roots for roots in others):
            return slots[root]
    return None


def _take(free: Free, every: list[Slot], size: int) -> Slot:
    """Return the smallest free slot that is large enough, else the largest, grown, else a new."""
    if not free:
        slot = Slot()
        every.append(slot)
    else:
        wanted = min(size, free[-1][0])
        slot = free.pop(bisect.bisect_left(free, (wanted,)))[2]
    slot.size = max(slot.size, size)
    return slot
