"""Where everything stands on the page: Graphviz places boxes of the sizes we name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from ....errors import require
from ...picture.cards import Card, Frame, Picture
from ...picture.render import render_bytes

Box = tuple[float, float, float, float]  # left, top, width, height, in pixels
Size = tuple[int, int]

_PER_INCH = 72  # pixels; Graphviz prints 72 points to the inch
_SVG = "{http://www.w3.org/2000/svg}"
_GAP = 6  # between the parameters of one operation
HEADER = 30  # of a module's frame, above its cards


@dataclass(frozen=True)
class Layout:
    """A placed picture.

    Attributes:
        size: width and height of it all.
        cards: a box for each card, by id.
        frames: a box for each module, by path.
        arrows: for each arrow of the picture, the points x₀, y₀, x₁, y₁, … of a Bézier spline
            from tail to head (the first point, then three for each piece).
    """

    size: tuple[float, float]
    cards: dict[str, Box]
    frames: dict[str, Box]
    arrows: tuple[list[float], ...]


def place(picture: Picture, sizes: Mapping[str, Size]) -> Layout:
    """Place cards of the given sizes (by id), parameters stacked beside their operation.

    Raises:
        MissingExtra: nothing on this machine can lay out a graph.
    """
    source = _source(picture, sizes)
    svg = ElementTree.fromstring(render_bytes(source, "svg"))  # noqa: S314 - of graphviz
    shapes = {g.get("id"): g for g in svg.iter(f"{_SVG}g")}
    boxes = {id: _box(g) for id, g in shapes.items() if g.get("class") in ("node", "cluster")}
    left, top = min(box[0] for box in boxes.values()), min(box[1] for box in boxes.values())
    splines = [_points(shapes[f"e{i}"]) for i in range(len(picture.arrows))]
    for spline in splines:
        left, top = min([left, *spline[::2]]), min([top, *spline[1::2]])

    def move(box: Box) -> Box:
        return round(box[0] - left, 1), round(box[1] - top, 1), box[2], box[3]

    cards: dict[str, Box] = {}
    for card in picture.frame.all_cards():
        if card.owner is None:
            cards[card.id] = move(boxes[card.id])
    for owner, parameters in _shelves(picture.frame.all_cards()).items():
        x, y, _, _ = move(boxes[_shelf(owner)])
        for card in parameters:
            width, height = sizes[card.id]
            cards[card.id] = (x, y, width, height)
            y = round(y + height + _GAP, 1)
    frames = {frame.path: move(boxes[f"m{i}"]) for i, frame in enumerate(_frames(picture.frame))}
    arrows = tuple(
        [round(p - (top if i % 2 else left), 1) for i, p in enumerate(spline)] for spline in splines
    )
    right = max([b[0] + b[2] for b in (*cards.values(), *frames.values())])
    bottom = max([b[1] + b[3] for b in (*cards.values(), *frames.values())])
    right = max([right, *(x for spline in arrows for x in spline[::2])])
    return Layout((right, bottom), cards, frames, arrows)


def _source(picture: Picture, sizes: Mapping[str, Size]) -> Any:
    graphviz = require("graphviz", extra="all", purpose="Laying out a graph")
    graph = graphviz.Digraph(
        graph_attr={"rankdir": "TB", "ranksep": "0.5", "nodesep": "0.35", "newrank": "true"},
        node_attr={"shape": "box", "fixedsize": "true", "label": ""},
        edge_attr={"dir": "none"},
    )
    numbers = {frame.path: i for i, frame in enumerate(_frames(picture.frame))}
    _print_frame(graph, picture.frame, sizes, numbers)
    owners = {card.id: card.owner for card in picture.frame.all_cards()}
    reached: set[str] = set()
    for i, arrow in enumerate(picture.arrows):
        owner = owners[arrow.tail]
        # The first use of a value is the main flow, drawn straight; later ones may wander.
        weight = "0" if arrow.tail in reached or (owner and owner != arrow.head) else "8"
        reached.add(arrow.tail)
        tail = _shelf(owner) if owner else arrow.tail
        graph.edge(tail, arrow.head, id=f"e{i}", weight=weight)
    return graph


def _print_frame(
    graph: Any, frame: Frame, sizes: Mapping[str, Size], numbers: dict[str, int]
) -> None:
    for card in frame.cards:
        if card.owner is None:
            _print_box(graph, card.id, sizes[card.id])
    for owner, parameters in _shelves(frame.cards).items():
        widths, heights = zip(*(sizes[card.id] for card in parameters), strict=True)
        with graph.subgraph() as rank:
            rank.attr(rank="same")
            total = sum(heights) + _GAP * (len(parameters) - 1)
            _print_box(rank, _shelf(owner), (max(widths), total))
            rank.node(owner)
    for inner in frame.frames.values():
        i = numbers[inner.path]
        with graph.subgraph(name=f"cluster_{i}") as cluster:
            # The label only keeps room for the header.
            cluster.attr(id=f"m{i}", label=" ", fontsize=str(HEADER - 14), margin="14")
            _print_frame(cluster, inner, sizes, numbers)


def _print_box(graph: Any, id: str, size: Size) -> None:
    width, height = (str(length / _PER_INCH) for length in size)
    graph.node(id, id=id, width=width, height=height)


def _shelf(owner: str) -> str:
    """Return the id of the box that holds the parameters of an operation."""
    return f"{owner}_parameters"


def _shelves(cards: Iterable[Card]) -> dict[str, list[Card]]:
    shelves: dict[str, list[Card]] = {}
    for card in cards:
        if card.owner is not None:
            shelves.setdefault(card.owner, []).append(card)
    return shelves


def _frames(frame: Frame) -> Iterator[Frame]:
    for inner in frame.frames.values():
        yield inner
        yield from _frames(inner)


def _box(g: ElementTree.Element) -> Box:
    outline = next(e for e in g.iter() if e.tag in (f"{_SVG}polygon", f"{_SVG}path"))
    numbers = _numbers(outline.get("points") or outline.get("d") or "")
    xs, ys = numbers[::2], numbers[1::2]
    return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)


def _points(g: ElementTree.Element) -> list[float]:
    path = next(g.iter(f"{_SVG}path"))
    return _numbers(path.get("d") or "")


def _numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?[\d.]+(?:e-?\d+)?", text)]
