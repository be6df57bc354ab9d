"""Where buffers live: memory is reused as soon as nothing reads a value any more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .program import Line, Program, Value

ALIGNMENT = 64  # bytes: a cache line, and the widest SIMD register


@dataclass(eq=False)
class Slot:
    """A stretch of memory that buffers take in turn."""

    size: int = 0
    offset: int = 0


def allocate(program: Program) -> int:
    """Give every buffer an array, and every view its own; return the bytes taken."""
    slots: dict[Value, Slot] = {}
    every: list[Slot] = []
    free: list[Slot] = []
    last = _last_uses(program)
    for i, line in enumerate(program.lines):
        for out in line.outs:
            if out.is_buffer and out not in slots:
                found = _in_place(line, out, slots, last, i) if line.elementwise else None
                slots[out] = found or _take(free, every, out.nbytes)
        ended = {root for arg in line.args for root in arg.roots()} | set(line.outs)
        for value in ended:
            slot = slots.get(value)
            if slot is None or slot in free or last.get(value, i) > i:
                continue
            if not any(other is slot and last.get(v, i) > i for v, other in slots.items()):
                free.append(slot)
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


def _last_uses(program: Program) -> dict[Value, int]:
    last: dict[Value, int] = {}
    for i, line in enumerate(program.lines):
        for arg in line.args:
            for root in arg.roots():
                last[root] = i
    for value in (*program.outputs, *program.kept):
        for root in value.roots():
            last[root] = len(program.lines)
    return last


def _in_place(
    line: Line, out: Value, slots: dict[Value, Slot], last: dict[Value, int], i: int
) -> Slot | None:
    """Return the memory of an argument that is read here for the last time."""
    taken = [slots[other] for other in line.outs if other in slots]
    for arg in line.args:
        root = arg.whole()
        if root not in slots or slots[root] in taken or last[root] > i or arg.dtype != out.dtype:
            continue
        if (arg.shape, arg.layout().strides) != (out.shape, out.layout().strides):
            continue
        if all(other is arg or root not in other.roots() for other in line.args):
            return slots[root]
    return None


def _take(free: list[Slot], every: list[Slot], size: int) -> Slot:
    """Return the smallest free slot that is large enough, else the largest, grown, else a new."""
    fitting = [slot for slot in free if slot.size >= size]
    slot = min(fitting, key=lambda s: s.size) if fitting else None
    if slot is None and free:
        slot = max(free, key=lambda s: s.size)
    if slot is None:
        slot = Slot()
        every.append(slot)
    else:
        free.remove(slot)
    slot.size = max(slot.size, size)
    return slot
