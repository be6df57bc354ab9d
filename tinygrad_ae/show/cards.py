"""What a picture of a graph shows: cards, arrows between them, frames around modules.

This is the content alone. How it looks is the business of what prints it (:mod:`.dot`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from ..graph import Graph, Node, Scope
from .formula import formula
from .naming import is_number, names


class Kind(Enum):
    """What a card stands for."""

    INPUT = "input"
    CONSTANT = "constant"
    PARAMETER = "parameter"
    ELEMENTWISE = "elementwise operation"
    VIEW = "change of shape"  # moves or renames elements, computes nothing
    OPERATION = "operation"  # products, reductions and whatever else mixes elements
    RESULT = "result"  # where the graph ends: the loss


@dataclass(frozen=True)
class Card:
    """One box of the picture.

    Attributes:
        id: ``n0``, ``n1``, … in the order of computation.
        kind: what it stands for.
        title: the operation, or a leaf's name.
        formula: the equation it computes; empty for a leaf.
        shape: shape and dtype of its value.
        note: what kind of leaf it is, a parameter's path, or the module of an operation that
            is alone in it.
        tooltip: what hovering shows: kind, formula, module and source line.
        owner: for a parameter, the id of the operation it is drawn beside.
    """

    id: str
    kind: Kind
    title: str
    formula: str
    shape: str
    note: str
    tooltip: str
    owner: str | None = None


@dataclass(frozen=True)
class Arrow:
    """A value going from one card into another; ``tracked`` if gradients come back this way."""

    tail: str
    head: str
    tracked: bool


@dataclass
class Frame:
    """A module: its cards, and the modules inside it. The outermost one is the whole picture."""

    path: str = ""
    kind: str = ""
    cards: list[Card] = field(default_factory=list)
    frames: dict[str, Frame] = field(default_factory=dict)

    def all_cards(self) -> Iterator[Card]:
        """Yield the cards of this module and of those inside it."""
        yield from self.cards
        for frame in self.frames.values():
            yield from frame.all_cards()


@dataclass(frozen=True)
class Picture:
    """All there is to draw."""

    frame: Frame
    arrows: tuple[Arrow, ...]


def picture(graph: Graph) -> Picture:
    """Lay out a graph as cards.

    Numbers are written into the formulas. Parameters stand beside the operation that takes them
    first; an array that several modules read, and the input, stand outside of all modules.
    """
    called = names(graph)
    shown = [node for node in graph if not is_number(node)]
    ids = {node: f"n{i}" for i, node in enumerate(shown)}
    consumers = graph.consumers()
    first_array = next((n for n in shown if n.op is None and not n.tracked), None)
    homes = {n: [] if n is first_array else _home(n, consumers[n]) for n in shown}
    crowds: dict[str, int] = {}  # module path: how many operations it holds, at any depth
    for node in shown:
        for scope in homes[node] if node.op else ():
            crowds[scope.path] = crowds.get(scope.path, 0) + 1

    root = Frame()
    for node in shown:
        frame = root
        for scope in homes[node]:
            if crowds.get(scope.path, 0) > 1:  # a frame around one card would say nothing
                frame = frame.frames.setdefault(scope.path, Frame(scope.path, scope.kind))
        alone = [s for s in homes[node] if crowds.get(s.path, 0) == 1]
        if node.op is not None:
            card = _operation(node, called, ids, graph, alone)
        else:
            is_inside = bool(homes[node])
            card = _leaf(node, called, ids, consumers[node], is_inside)
        frame.cards.append(card)
    arrows = tuple(
        Arrow(ids[x], ids[node], x.tracked) for node in shown for x in node.inputs if x in ids
    )
    return Picture(root, arrows)


def _operation(
    node: Node, called: dict[Node, str], ids: dict[Node, str], graph: Graph, alone: list[Scope]
) -> Card:
    assert node.op is not None
    if node in graph.outputs:
        kind = Kind.RESULT
    elif node.op.views:
        kind = Kind.VIEW
    else:
        kind = Kind.ELEMENTWISE if node.op.expr else Kind.OPERATION
    equation = f"{called[node]} = {formula(node, [called[x] for x in node.inputs])}"
    ending = ("loss" if node.shape == () else "result") if kind is Kind.RESULT else ""
    note = repr(alone[-1]) if alone else ending
    inside = f"in {node.scope!r}" if node.path else ""
    tooltip = _lines(f"{node.op.name}: {equation}", _shape(node), inside, _where(node))
    return Card(ids[node], kind, node.op.name, equation, _shape(node), note, tooltip)


def _leaf(
    node: Node,
    called: dict[Node, str],
    ids: dict[Node, str],
    consumers: list[Node],
    is_inside: bool,
) -> Card:
    owner = None
    if node.tracked:
        kind = Kind.PARAMETER
        owner = ids[consumers[0]] if consumers else None
        path = consumers[0].path if consumers else ""
        full = f"{path}.{node.name}" if path and node.name else node.name
        note = full if full and full != called[node] else "parameter"
    else:
        kind = Kind.CONSTANT if is_inside else Kind.INPUT
        note = kind.value
    tooltip = _lines(f"{called[node]}: {kind.value}", note, _shape(node), _where(node))
    return Card(ids[node], kind, called[node], "", _shape(node), note, tooltip, owner)


def _home(node: Node, consumers: list[Node]) -> list[Scope]:
    """Return the modules a card stands in, outermost first."""
    if node.op is not None or not consumers:
        return _chain(node.scope)
    home = _chain(consumers[0].scope)
    for other in [] if node.tracked else consumers[1:]:
        paths = {scope.path for scope in _chain(other.scope)}
        home = [scope for scope in home if scope.path in paths]
    return home


def _chain(scope: Scope | None) -> list[Scope]:
    chain = []
    while scope is not None:
        if scope.path:  # the whole model needs no frame
            chain.append(scope)
        scope = scope.parent
    return chain[::-1]


def _shape(node: Node) -> str:
    return f"{node.shape} {node.dtype}"


def _where(node: Node) -> str:
    file, _, line = node.where.rpartition(":")
    return f"{file.replace(chr(92), '/').rpartition('/')[2]}:{line}"


def _lines(*lines: str) -> str:
    return "\n".join(dict.fromkeys(line for line in lines if line))
