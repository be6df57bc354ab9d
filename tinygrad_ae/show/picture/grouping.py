"""Which nodes of a graph share a card: closed modules, and what a graph repeats.

A card stands for one operation, for a module that is closed, or for the same operation in each
turn of something repeated (the layers of a stack, the steps of a loop), of which one is drawn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from ...core.graph import Graph, Node, Scope
from ...errors import UserError, did_you_mean
from ..derivation.naming import is_number
from .repetition import Group, chain, folded

LIMIT = 60  # cards of operations that can be taken in; beyond it, repetition and modules close
EVERYTHING = 1_000_000  # a depth below which there is nothing


@dataclass(frozen=True)
class Place:
    """Where a node went: its group, and the turn it belongs to."""

    group: Group
    turn: int


@dataclass
class Grouping:
    """The groups of a graph, in the order of computation, and the place of each node shown.

    Parameters and constants that a closed module alone reads are not shown: ``hidden``.
    """

    groups: list[Group]
    places: dict[Node, Place]
    hidden: dict[Node, Group]


def group(
    graph: Graph, depth: int | None = None, expand: Iterable[str] = (), fold: bool | None = None
) -> Grouping:
    """Decide which nodes share a card.

    Args:
        graph: what is to be drawn.
        depth: how many levels of modules are open; None opens as many as can be taken in.
        expand: paths of modules to open besides.
        fold: whether what repeats is drawn once; None where there is too much to take in.

    Raises:
        UserError: a path in ``expand`` is no module of the graph, or ``depth`` is negative.
    """
    opened = _opened(graph, expand)
    if depth is not None and depth < 0:
        raise UserError(f"depth is the number of levels of modules to open; got {depth}")
    units = _units(graph, EVERYTHING if depth is None else depth, opened)
    if fold or (fold is None and len(units) > LIMIT):
        units = folded(units)
    if depth is None and len(units) > LIMIT:
        deepest = max(len(chain(node.scope)) for node in graph)
        for level in reversed(range(deepest)):
            units = _units(graph, level, opened)
            if fold is not False:
                units = folded(units)
            if len(units) <= LIMIT:
                break
        else:
            units = _in_stretches(_units(graph, 0, opened))
    return _with_leaves(graph, units)


def _opened(graph: Graph, expand: Iterable[str]) -> set[str]:
    """Return the paths to open: those named, and the modules around them."""
    known = {s.path for node in graph for s in chain(node.scope)}
    opened = set()
    for path in [expand] if isinstance(expand, str) else expand:
        if path not in known:
            raise UserError(
                f"expand names {path!r}, which is no module of this graph; it has "
                f"{', '.join(sorted(known)) or 'none'}.{did_you_mean(path, known)}"
            )
        parts = path.split(".")
        opened |= {".".join(parts[: i + 1]) for i in range(len(parts))}
    return opened


# ---- closed modules


def _units(graph: Graph, depth: int, opened: set[str]) -> list[Group]:
    """Return the operations one by one, but those in closed modules together, call by call."""
    found: dict[Hashable, tuple[Scope | None, list[Node]]] = {}
    for node in graph:
        if node.op is not None:
            closed = next(
                (s for i, s in enumerate(chain(node.scope)) if i >= depth and s.path not in opened),
                None,
            )
            found.setdefault(closed or node, (closed, []))[1].append(node)
    return [Group([nodes], scope if len(nodes) > 1 else None) for scope, nodes in found.values()]


def _in_stretches(units: list[Group]) -> list[Group]:
    """Put operations that follow each other on common cards.

    Stretches of a topological order depend on each other in that order: no cycle arises.
    """
    size = -(-len(units) // (LIMIT // 2))
    stretches: list[list[Group]] = []
    for unit in units:
        last = stretches[-1] if stretches else []
        if last and len(last) < size and _home(unit) == _home(last[-1]):
            last.append(unit)
        else:
            stretches.append([unit])
    return [
        part[0]
        if len(part) == 1
        else Group([[n for unit in part for n in unit.copies[0]]], is_stretch=True)
        for part in stretches
    ]


def _home(unit: Group) -> str:
    scope = unit.scope.parent if unit.scope else unit.copies[0][0].scope
    return scope.path if scope else ""


# ---- leaves


def _with_leaves(graph: Graph, units: list[Group]) -> Grouping:
    """Add the leaves, each before what reads it, unless a closed module alone does."""
    places = {
        node: Place(unit, turn)
        for unit in units
        for turn, copy in enumerate(unit.copies)
        for node in copy
    }
    consumers = graph.consumers()
    hidden: dict[Node, Group] = {}
    alone: list[Node] = []
    matching: dict[tuple[Group, int], dict[int, Node]] = {}  # by what reads them: one per turn
    leaves = [leaf for leaf in graph.leaves() if not is_number(leaf)]
    input = first_array(graph) or next(iter(leaves), None)  # never hidden
    for leaf in leaves:
        readers = {places[node].group for node in consumers[leaf]}
        reader = next(iter(readers)) if len(readers) == 1 and leaf is not input else None
        if reader and reader.is_closed:
            hidden[leaf] = reader
        elif reader and reader.repeat and len(consumers[leaf]) == 1:
            use = consumers[leaf][0]
            turns = matching.setdefault((reader, use.inputs.index(leaf)), {})
            turns[places[use].turn] = leaf
        else:
            alone.append(leaf)
    shown = [Group([[leaf]]) for leaf in alone]
    for (reader, _), turns in matching.items():
        if len(turns) == len(reader.copies):
            shown.append(Group([[turns[t]] for t in sorted(turns)], repeat=reader.repeat))
        else:
            shown += [Group([[leaf]]) for leaf in turns.values()]
    for unit in shown:
        places |= {leaf: Place(unit, turn) for turn, (leaf,) in enumerate(unit.copies)}
    ordered = [*shown, *units]
    ordered.sort(key=lambda unit: unit.copies[0][0].index)
    return Grouping(ordered, places, hidden)


def first_array(graph: Graph) -> Node | None:
    """Return the input: the first array that was given, is no number and is not tracked."""
    leaves = (n for n in graph.leaves() if not n.tracked and not is_number(n))
    return next(leaves, None)


def operations(nodes: Iterable[Node]) -> str:
    """Count operations by name: ``"mul × 12, add × 3"``."""
    counts = Counter(node.op.name for node in nodes if node.op)
    parts = [name if n == 1 else f"{name} × {n}" for name, n in counts.most_common(5)]
    return ", ".join(parts) + (", …" if len(counts) > 5 else "")
