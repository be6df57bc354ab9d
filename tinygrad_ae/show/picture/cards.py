"""What a picture of a graph shows: cards, arrows between them, frames around modules.

This is the content alone. :mod:`.compose` makes it from a graph; how it looks is the business of
what prints it (:mod:`.dot`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum


class Kind(Enum):
    """What a card stands for."""

    INPUT = "input"
    CONSTANT = "constant"
    PARAMETER = "parameter"
    ELEMENTWISE = "elementwise operation"
    VIEW = "change of shape"  # moves or renames elements, computes nothing
    OPERATION = "operation"  # products, reductions and whatever else mixes elements
    RESULT = "result"  # where the graph ends: the loss
    MODULE = "closed module"  # or a stretch of operations outside of any
    FAILED = "operation that failed"


class Change(Enum):
    """How one of two graphs differs from the other."""

    ADDED = "added"
    REMOVED = "removed"
    RESHAPED = "reshaped"


class RowKind(Enum):
    """What a line below a card's equation says."""

    GRADIENT = "gradient passed on"
    SUM = "sum of gradients"
    ABSENT = "gradient that is not there"
    REMARK = "what needs attention"
    MEMORY = "what is kept for backward"
    COST = "time and memory"
    CHANGE = "how it differs from the other graph's"


@dataclass(frozen=True)
class Row:
    """A line of a card.

    Attributes:
        kind: what it is about.
        text: what it says.
        number: what it says in numbers.
        level: how much that is, 0…1; None without a number.
    """

    kind: RowKind
    text: str
    number: str = ""
    level: float | None = None


@dataclass(frozen=True)
class Thumbnail:
    """A small picture on a card.

    Attributes:
        png: the file's content.
        width: in points.
        height: in points.
        caption: what it is called.
        text: what it shows, in words.
    """

    png: bytes
    width: int
    height: int
    caption: str
    text: str


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
        times: how often it is repeated in a row.
        rows: what else it says.
        thumbnails: its value, and the gradient with respect to it.
        change: how it differs from the other graph's.
    """

    id: str
    kind: Kind
    title: str
    formula: str
    shape: str
    note: str
    tooltip: str
    owner: str | None = None
    times: int = 1
    rows: tuple[Row, ...] = ()
    thumbnails: tuple[Thumbnail, ...] = ()
    change: Change | None = None

    @property
    def text(self) -> str:
        """All it says, line by line."""
        lines = [self.title, self.formula, self.shape, self.note]
        lines += [f"{row.text} {row.number}" for row in self.rows]
        lines += [thumbnail.text for thumbnail in self.thumbnails]
        return "\n".join(line.strip() for line in lines if line)


@dataclass(frozen=True)
class Arrow:
    """A value going from one card into another.

    Attributes:
        tail: id of the card it comes from.
        head: id of the card it goes into.
        tracked: whether gradients come back this way.
        slot: which input of the head it is, 0 for a closed module.
        gradient: how large the gradient is that comes back, in words; empty if none is shown.
        level: how much that is, 0…1; None without a number.
        next_turn: whether it goes on to the next turn of what is repeated.
        label: what is written beside it.
        failed: whether it is what made the head fail.
        change: how it differs from the other graph's.
    """

    tail: str
    head: str
    tracked: bool
    slot: int = 0
    gradient: str = ""
    level: float | None = None
    next_turn: bool = False
    label: str = ""
    failed: bool = False
    change: Change | None = None


@dataclass
class Frame:
    """A module: its cards, and the modules inside it. The outermost one is the whole picture.

    Attributes:
        path: of the module; unique in a picture.
        title: what is written on it.
        kind: the module's class.
        cards: of its own.
        frames: the modules in it, by path.
    """

    path: str = ""
    title: str = ""
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
    """All there is to draw.

    Attributes:
        frame: the cards, by module.
        arrows: between them.
        legend: how to read it, line by line.
    """

    frame: Frame
    arrows: tuple[Arrow, ...]
    legend: tuple[str, ...] = ()
