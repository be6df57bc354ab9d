"""A picture of a graph in Graphviz's language, and how it looks.

Colours are light tints of the Okabe–Ito palette, which colour-blind people can tell apart
(Okabe & Ito 2008, "Color Universal Design"), under dark text: every contrast is above 4.5 : 1.
"""

from __future__ import annotations

import html
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import graphviz  # type: ignore[import-untyped]

from .cards import Arrow, Card, Frame, Kind, Picture
from .render import render, render_bytes

FONT = "DejaVu Sans,Helvetica,Arial,sans-serif"
INK, GREY = "#1a1a1a", "#4d4d4d"
FILL_AND_LINE = {
    Kind.INPUT: ("#fff6d6", "#8a6d00"),
    Kind.CONSTANT: ("#f2f2f2", "#666666"),
    Kind.PARAMETER: ("#ffffff", "#0072b2"),
    Kind.OPERATION: ("#dff2ea", "#00735c"),
    Kind.ELEMENTWISE: ("#e3f1fb", "#1f6f9f"),
    Kind.VIEW: ("#f4f4f4", "#666666"),
    Kind.RESULT: ("#fde5da", "#b34700"),
}
FRAMES = ("#eef5fb", "#fbf1f6", "#f4f7ec")  # in turn: none lies in its like or follows it
FRAME_LINE = "#8c97a8"
LONGEST = 64  # characters of a formula before it is cut; hovering shows it whole


class Drawing(graphviz.Digraph):  # type: ignore[misc] # it ships no types
    """A graph drawn as cards: a ``graphviz.Digraph`` that needs no Graphviz program.

    Notebooks show it inline; :meth:`render` writes it to a file.
    """

    def render(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture; the suffix of ``path`` chooses svg, png, pdf, dot or gv.

        Raises:
            UserError: the suffix names no known format.
            MissingExtra: nothing on this machine can render; the DOT source is written instead.
        """
        return render(self, path)

    def _repr_svg_(self) -> str:
        return render_bytes(self, "svg").decode()

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None, **_: Any
    ) -> dict[str, str]:
        wanted = set(include or ["image/svg+xml"]) - set(exclude or ())
        return {"image/svg+xml": self._repr_svg_()} if "image/svg+xml" in wanted else {}


def drawing(picture: Picture, title: str | None = None) -> Drawing:
    """Print a picture in the DOT language."""
    graph = Drawing(
        graph_attr={
            "rankdir": "TB", "ranksep": "0.32", "nodesep": "0.3", "fontname": FONT,
            "fontsize": "16", "fontcolor": INK, "labelloc": "t", "labeljust": "l",
            "bgcolor": "white", "pad": "0.2", "newrank": "true",
        },
        node_attr={"shape": "plain", "fontname": FONT, "fontsize": "12", "fontcolor": INK},
        edge_attr={"color": INK, "arrowsize": "0.7", "penwidth": "1.2"},
    )  # fmt: skip
    if title:
        graph.attr(label=f'<<B>{_text(title)}</B><BR/><FONT POINT-SIZE="6"> </FONT>>')
    cards = {card.id: card for card in picture.frame.all_cards()}
    _print_frame(graph, picture.frame, turn=-1)
    reached: set[str] = set()
    for arrow in picture.arrows:
        _print_arrow(graph, arrow, cards, is_first=arrow.tail not in reached)
        reached.add(arrow.tail)
    return graph


def _print_frame(graph: Any, frame: Frame, turn: int) -> None:
    beside: dict[str, list[Card]] = {}
    for card in frame.cards:
        if card.owner:
            beside.setdefault(card.owner, []).append(card)
        else:
            graph.node(card.id, _label(card), tooltip=_hint(card.tooltip))
    for owner, parameters in beside.items():
        with graph.subgraph() as rank:
            rank.attr(rank="same")
            rank.node(_shelf(owner), _stack(parameters), tooltip=" ")
            rank.node(owner)
    for i, inner in enumerate(frame.frames.values()):
        inner_turn = (turn + 1 + i % 2) % len(FRAMES)
        with graph.subgraph(name=f"cluster_{inner.path}") as cluster:
            title = f"<B>{_text(inner.path)}</B> ({_text(inner.kind)})"
            cluster.attr(
                label=f"<{title}>", style="rounded,filled", fillcolor=FRAMES[inner_turn],
                color=FRAME_LINE, fontsize="13", fontcolor=INK, margin="12",
                tooltip=_hint(f"module {inner.path}, a {inner.kind}"),
            )  # fmt: skip
            _print_frame(cluster, inner, inner_turn)


def _print_arrow(graph: Any, arrow: Arrow, cards: dict[str, Card], is_first: bool) -> None:
    tail, head = cards[arrow.tail], cards[arrow.head]
    if tail.owner == head.id:
        graph.edge(f"{_shelf(head.id)}:{tail.id}", head.id, color=_line(tail))
    elif tail.owner:
        graph.edge(f"{_shelf(tail.owner)}:{tail.id}", head.id, color=_line(tail), weight="0")
    else:
        # The first use of a value is the main flow, drawn straight; later ones may wander.
        style = {"weight": "8" if is_first else "0"}
        if not arrow.tracked:
            style = {"weight": "2" if is_first else "0", "style": "dashed", "color": GREY}
        graph.edge(tail.id, head.id, **style)


def _shelf(owner: str) -> str:
    """Return the id of what holds the parameters of an operation."""
    return f"{owner}_parameters"


def _line(card: Card) -> str:
    return FILL_AND_LINE[card.kind][1]


def _label(card: Card) -> str:
    """Print a card as a table of two rows."""
    fill, line = FILL_AND_LINE[card.kind]
    if card.formula:
        rows = (
            f'<TR><TD ALIGN="LEFT" WIDTH="84"><B>{_text(card.title)}</B></TD>'
            f'<TD ALIGN="LEFT" WIDTH="200">{_text(card.formula)}</TD></TR>'
            f'<TR><TD ALIGN="LEFT">{_small(card.shape)}</TD>'
            f'<TD ALIGN="LEFT">{_small(card.note)}</TD></TR>'
        )
    else:
        rows = (
            f'<TR><TD ALIGN="LEFT"><B>{_text(card.title)}</B></TD>'
            f'<TD ALIGN="RIGHT">{_small(card.shape)}</TD></TR>'
            f'<TR><TD ALIGN="LEFT" COLSPAN="2">{_small(card.note)}</TD></TR>'
        )
    corners = "" if card.kind in (Kind.INPUT, Kind.CONSTANT) else ' STYLE="ROUNDED"'
    return (
        f'<<TABLE{corners} BGCOLOR="{fill}" COLOR="{line}" BORDER="1" CELLBORDER="0" '
        f'CELLSPACING="3" CELLPADDING="2">{rows}</TABLE>>'
    )


def _stack(cards: list[Card]) -> str:
    """Print the parameters of one operation, one above the other."""
    rows = ""  # with an ID each: Graphviz would number them on from the last picture it drew
    for card in cards:
        hint = html.escape(_printable(card.tooltip)).replace("\n", "&#10;")
        cell = f'PORT="{card.id}" ID="{card.id}" TITLE="{hint}"'
        rows += f"<TR><TD {cell}>{_label(card)[1:-1]}</TD></TR>"
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="2" CELLPADDING="0">{rows}</TABLE>>'


def _small(text: str) -> str:
    return f'<FONT POINT-SIZE="10" COLOR="{GREY}">{_text(text)}</FONT>' if text else ""


def _text(text: str) -> str:
    """Cut and escape text for a label."""
    text = _printable(text.replace("\n", " "))
    return html.escape(text if len(text) <= LONGEST else text[: LONGEST - 1] + "…")


def _hint(text: str) -> str:
    """Escape a tooltip: its lines stay lines, its backslashes are no escapes."""
    return _printable(text).replace("\\", "\\\\").replace("\n", "\\n")


def _printable(text: str) -> str:
    """Replace what cannot stand in XML, such as control characters, by a sign that says so."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)
