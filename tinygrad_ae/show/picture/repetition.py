"""What a graph repeats: the layers of a stack, the steps of a loop. One turn stands for all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.graph import Node, Scope
from ..derivation.naming import is_number

FEWEST_TURNS = 3  # in a row, to be drawn once


@dataclass(eq=False)
class Repeat:
    """Something that happens several times in a row, of which one turn is drawn."""

    turns: list[list[Group]]  # before they are merged: turn by turn

    @property
    def paths(self) -> list[str]:
        """Return the module each turn is, or nothing if turns are no modules."""
        inside = []  # for each turn, the modules that all of its operations are in
        for turn in self.turns:
            nodes = [group.copies[0][0] for group in turn]
            inside.append(set.intersection(*({s.path for s in chain(n.scope)} for n in nodes)))
        seen = Counter(path for paths in inside for path in paths)
        own = [[path for path in paths if seen[path] == 1] for paths in inside]
        return [min(paths, key=len) for paths in own] if all(own) else []


@dataclass(eq=False)
class Group:
    """The nodes one card stands for.

    Attributes:
        copies: its nodes, once for each turn of a repetition: one node each, or the operations
            of a closed module.
        scope: the module it stands for, if it is a closed one.
        is_stretch: whether it stands for operations that have nothing in common but their place.
        repeat: what it is a part of.
    """

    copies: list[list[Node]]
    scope: Scope | None = None
    is_stretch: bool = False
    repeat: Repeat | None = None

    @property
    def node(self) -> Node | None:
        """The node it stands for (in its first turn), None for several."""
        return None if self.is_closed else self.copies[0][0]

    @property
    def is_closed(self) -> bool:
        """Whether it hides operations."""
        return self.scope is not None or self.is_stretch

    @property
    def nodes(self) -> list[Node]:
        """All nodes of all turns."""
        return [node for copy in self.copies for node in copy]


def folded(units: list[Group]) -> list[Group]:
    """Merge the turns of whatever is repeated."""
    codes: dict[Hashable, int] = {}
    text = np.array([codes.setdefault(_signature(unit), len(codes)) for unit in units])
    count = len(units)
    # lengths[p][i]: for how many units from i on the same follows after p
    lengths: dict[int, Any] = {}
    for period in range(1, count // FEWEST_TURNS + 1):
        same = text[:-period] == text[period:]
        breaks = np.flatnonzero(~same)
        ends = np.append(breaks, len(same))
        lengths[period] = ends[np.searchsorted(breaks, np.arange(len(same)))] - np.arange(len(same))
    folded: list[Group] = []
    start = 0
    while start < count:
        best: list[list[Group]] = []
        for period in range(1, (count - start) // FEWEST_TURNS + 1):
            turns = int(lengths[period][start]) // period + 1
            if turns >= FEWEST_TURNS and turns * period > len(best) * len(best[0] if best else ()):
                parts = [units[start + t * period :][:period] for t in range(turns)]
                if _is_wired_alike(parts):
                    best = parts
        if best:
            repeat = Repeat(best)
            for copies in zip(*best, strict=True):
                merged = [unit.copies[0] for unit in copies]
                folded.append(Group(merged, copies[0].scope, repeat=repeat))
            start += len(best) * len(best[0])
        else:
            folded.append(units[start])
            start += 1
    return folded


def _signature(unit: Group) -> Hashable:
    """Return what two turns of something repeated must have in common."""
    parts: list[Hashable] = [unit.scope and (unit.scope.kind, _pattern(unit.scope.path))]
    for node in unit.copies[0]:
        assert node.op is not None
        kinds = tuple(x.name if is_number(x) else x.shape for x in node.inputs)
        # A loop may go through an index: where it points may differ from turn to turn.
        attrs = tuple((k, k == "index" or _plain(value)) for k, value in node.attrs.items())
        where = _pattern(node.path)
        parts.append((node.op.name, node.shape, node.dtype.str, kinds, attrs, where))
    return tuple(parts)


def _pattern(path: str) -> str:
    return re.sub(r"\d+", "#", path)


def _plain(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{value.shape}"
    return type(value).__name__ if isinstance(value, np.random.Generator) else repr(value)


def _is_wired_alike(turns: list[list[Group]]) -> bool:
    """Whether within each turn the same outputs enter the same inputs."""

    def wiring(turn: list[Group]) -> list[int | None]:
        nodes = [node for unit in turn for node in unit.copies[0]]
        positions = {node: i for i, node in enumerate(nodes)}
        return [positions.get(x) for node in nodes for x in node.inputs]

    return all(wiring(turn) == wiring(turns[0]) for turn in turns[1:])


def chain(scope: Scope | None) -> list[Scope]:
    """Return the modules around, outermost first, without the model itself."""
    found = []
    while scope is not None:
        if scope.path:
            found.append(scope)
        scope = scope.parent
    return found[::-1]
