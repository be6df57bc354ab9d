"""What a plan depends on outside the graph, compared before each replay.

A guard is a place that the step's Python can read (a global, a cell, an attribute, the contents of
a list) and what lay there when the plan was made. All guards of a plan are compiled into one
function of identity tests, a few nanoseconds each. Only when that fails is it asked whether what
is there now is *alike*: another float of the same value, say.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..nn.module import changes

MISSING = object()

WAYS: dict[str, tuple[str, Callable[..., Any]]] = {
    "item": ("{h}[{k}] is {v}", lambda h, k: h[k]),
    "no item": ("{k} not in {h}", lambda h, k: h.get(k, MISSING)),
    "cell": ("{h}.cell_contents is {v}", lambda h, k: h.cell_contents),
    "attribute": ("getattr({h}, {k}, MISSING) is {v}", lambda h, k: getattr(h, k, MISSING)),
    "mode": ("{h}.training is {v}", lambda h, k: h.training),
    "context": ("{h}.get() is {v}", lambda h, k: h.get()),
    "data": ("{h}.data is {v}", lambda h, k: h.data),
    "node": ("{h}._node is {v}", lambda h, k: h._node),
    "tracked": ("{h}.requires_grad is {v}", lambda h, k: h.requires_grad),
    "hooks": ("{h}.hooks is {v}", lambda h, k: h.hooks),
    "size": ("len({h}) == {v}", lambda h, k: len(h)),
    "members": (  # of a module's attributes, but for the mode, which may be the class's
        "len({h}) - ('training' in {h}) == {v}",
        lambda h, k: len(h) - ("training" in h),
    ),
    "contents": ("len({h}) == len({v}) and all(map(is_, {h}, {v}))", lambda h, k: h),
    "pairs": (
        "[*map(id, {h}), *map(id, {h}.values())] == [*map(id, {v}), *map(id, {v}.values())]",
        lambda h, k: h,
    ),
    "values": (
        "({h}.dtype, {h}.shape, {h}.strides, {h}.tobytes()) == {v}",
        lambda h, k: (h.dtype, h.shape, h.strides, h.tobytes()),
    ),
    "form": (
        "({h}.data.dtype, {h}.data.shape) == {v}",
        lambda h, k: (h.data.dtype, h.data.shape),
    ),
    "answer": ("{h}() is {v}", lambda h, k: h()),
    "cached": ("{h}.cache_info().misses >= {v}", lambda h, k: h.cache_info().misses),
    "bytes": ("bytes({h}) == {v}", lambda h, k: bytes(h)),
    "code": ("{h}.__code__ is {v}", lambda h, k: h.__code__),
    "type": ("type({h}) is {v}", lambda h, k: type(h)),
}
"""How a place is looked at: the quick test of holder, key and value; and the reading."""

SNAPSHOTS: dict[str, Callable[[Any], Any]] = {"contents": list, "pairs": dict}
"""What is kept of a container: its contents at the time."""

PLAIN = (bool, int, float, complex, str, bytes, type(None), type(...), np.dtype, range, slice)


@dataclass(eq=False, slots=True)
class Guard:
    """A place, and what lay there.

    Attributes:
        label: what a person calls it: ``"Denoising.beta"``.
        way: how it is looked at, one of ``WAYS``.
        holder: the dictionary, cell, object or container.
        key: where in it; None where the way needs none.
        value: what was there.
    """

    label: str
    way: str
    holder: Any
    key: Any
    value: Any

    def now(self) -> Any:
        """Return what is there now, ``MISSING`` if nothing is."""
        try:
            return WAYS[self.way][1](self.holder, self.key)
        except (LookupError, ValueError, AttributeError):
            return MISSING

    def is_held(self) -> bool:
        """Whether what is there now is what was there, or plain and of the same value."""
        now = self.now()
        if self.way in SNAPSHOTS:
            return _same_contents(SNAPSHOTS[self.way](now), self.value)
        if self.way == "cached":  # a cache may grow; when it is emptied it counts from 0
            return bool(now >= self.value)
        return alike(now, self.value)

    @property
    def is_unset(self) -> bool:
        """Whether there was nothing yet, which a step may set once, when it is first needed."""
        return (
            self.value is None or self.value is MISSING or self.way in ("members", "size", "cached")
        )


_HOLD = """
def hold():
    try:
        if {}:
            return True
    except Exception:  # whatever a container's elements make of ==, or a place that is gone
        pass
    return look_again()
"""


class Guards:
    """The guards of one plan.

    Args:
        direct: compared at each call.
        counted: places in modules, which count their changes: compared when the count moved.

    Attributes:
        hold: tells whether all is as it was when the plan was made.
    """

    def __init__(self, direct: Iterable[Guard], counted: Iterable[Guard]) -> None:
        self.direct, self.counted = list(direct), list(counted)
        self._changes = changes[0]
        self._names: dict[str, Any] = {"changes": changes, "MISSING": MISSING, "is_": operator.is_}
        tests = ["changes[0] == count"]
        self._names["count"] = changes[0]
        for i, guard in enumerate(self.direct):
            names = {"h": f"h{i}", "k": f"k{i}", "v": f"v{i}"}
            things = (guard.holder, guard.key, guard.value)
            self._names |= dict(zip(names.values(), things, strict=True))
            tests.append(WAYS[guard.way][0].format(**names))
        # One expression of names only: nothing that a user calls something becomes code.
        self._names["look_again"] = self._look_again
        exec(compile(_HOLD.format(" and ".join(tests)), "<guards>", "exec"), self._names)  # noqa: S102
        self.hold: Callable[[], bool] = self._names["hold"]

    def changed(self) -> Guard | None:
        """Return the first guard whose place holds something else now, None if all hold."""
        return next((g for g in (*self.direct, *self.counted) if not g.is_held()), None)

    def _look_again(self) -> bool:
        """Compare by value; where values are equal, be content with the new objects from now on."""
        count = changes[0]
        if self.changed() is not None:
            return False
        self._names["count"] = count
        for i, guard in enumerate(self.direct):
            now = guard.now()
            snapshot = SNAPSHOTS.get(guard.way)
            guard.value = self._names[f"v{i}"] = snapshot(now) if snapshot else now
        return True


def alike(a: Any, b: Any) -> bool:
    """Whether two things are the same object, or plain values that nothing can tell apart."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, (float, complex)):
        return repr(a) == repr(b)  # which tells −0.0 from 0.0, and finds NaN alike
    if isinstance(a, np.generic):
        return bool(a.dtype == b.dtype) and a.tobytes() == b.tobytes()
    if isinstance(a, (range, slice)):
        return all(map(alike, (a.start, a.stop, a.step), (b.start, b.stop, b.step)))
    if type(a) in PLAIN or isinstance(a, np.dtype):
        return bool(a == b)
    if isinstance(a, (tuple, frozenset)):
        return _same_contents(a, b)
    return False


def _same_contents(a: Any, b: Any) -> bool:
    """Whether two containers of one kind hold things that are alike, in the same order."""
    if type(a) is not type(b) or len(a) != len(b):
        return False
    if isinstance(b, dict) and not all(map(alike, a.values(), b.values())):
        return False
    return all(map(alike, a, b))
