"""A picture of a graph in Graphviz's language."""

from __future__ import annotations

import html
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import graphviz  # type: ignore[import-untyped]

from ...util.text import printable
from .cards import Arrow, Card, Change, Frame, Kind, Picture, Row, RowKind
from .render import render, render_bytes
from .themes import LIGHT, Theme, mix

FONT = "DejaVu Sans,Helvetica,Arial,sans-serif"
LONGEST = 64  # characters of a formula before it is cut; hovering shows it whole
SPACE = '<FONT POINT-SIZE="4"> </FONT>'
THINNEST, WIDEST = 1.0, 5.0  # points, of the arrows of the weakest and the strongest gradient


class Drawing(graphviz.Digraph):  # type: ignore[misc] # it ships no types
    """A graph drawn as cards: a ``graphviz.Digraph`` that needs no Graphviz program.

    Notebooks show it inline; :meth:`render` writes it to a file.

    Attributes:
        images: the small pictures on its cards, PNG files by the name the source gives them,
            each with what it shows in words.
        texts: what its parts say, by id, for those who don't see it.
    """

    images: dict[str, tuple[bytes, str]]
    texts: dict[str, str]

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


def drawing(picture: Picture, title: str | None = None, theme: Theme = LIGHT) -> Drawing:
    """Print a picture in the DOT language."""
    return _Printer(picture, theme).drawing(title)


class _Printer:
    """Prints one picture in one theme."""

    def __init__(self, picture: Picture, theme: Theme) -> None:
        self.picture, self.theme = picture, theme
        self.cards = {card.id: card for card in picture.frame.all_cards()}
        self.images: dict[str, tuple[bytes, str]] = {}
        self.texts: dict[str, str] = {}

    def drawing(self, title: str | None) -> Drawing:
        theme = self.theme
        graph = Drawing(
            graph_attr={
                "rankdir": "TB", "ranksep": "0.32", "nodesep": "0.4", "fontname": FONT,
                "fontsize": "16", "fontcolor": theme.ink, "labelloc": "t", "labeljust": "l",
                "bgcolor": theme.background, "pad": "0.2", "newrank": "true",
            },
            node_attr={"shape": "plain", "fontname": FONT, "fontsize": "12",
                       "fontcolor": theme.ink},
            edge_attr={"color": theme.ink, "arrowsize": "0.7", "penwidth": "1.2",
                       "fontname": FONT, "fontsize": "10", "fontcolor": theme.ink},
        )  # fmt: skip
        lines = [f"<B>{_text(title)}</B>"] if title else []
        lines += [self._small(line, cut=False) for line in self.picture.legend]
        if lines:
            rows = "".join(f'<TR><TD ALIGN="LEFT">{line}</TD></TR>' for line in [*lines, SPACE])
            graph.attr(label=f'<<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="2">{rows}</TABLE>>')
        self._print_frame(graph, self.picture.frame, turn=-1)
        reached: set[str] = set()
        for i, arrow in enumerate(self.picture.arrows):
            self._print_arrow(graph, f"e{i}", arrow, is_first=arrow.tail not in reached)
            reached.add(arrow.tail)
        operations = sum(bool(card.formula) for card in self.cards.values())
        what = f"{operations} operations, from inputs at the top to results at the bottom."
        about = [title or "Computation graph", what, *self.picture.legend]
        self.texts[""] = printable("\n".join(about))
        graph.images, graph.texts = self.images, self.texts
        return graph

    # ---- frames

    def _print_frame(self, graph: Any, frame: Frame, turn: int) -> None:
        beside: dict[str, list[Card]] = {}
        for card in frame.cards:
            if card.owner:
                beside.setdefault(card.owner, []).append(card)
            else:
                self.texts[card.id] = printable(_alternative(card))
                graph.node(card.id, self._label(card), id=card.id, tooltip=_hint(card.tooltip))
        for owner, parameters in beside.items():
            shelf = _shelf(owner)
            about = ["Parameters", *map(_alternative, parameters)]
            self.texts[shelf] = printable("\n".join(about))
            # An unseen cluster keeps the two side by side in this order.
            with graph.subgraph(name=f"cluster_{shelf}") as rank:
                rank.attr(rank="same", peripheries="0", margin="0", label="", style="",
                          bgcolor="transparent", id=f"{shelf}_pair", tooltip=" ")  # fmt: skip
                rank.node(shelf, self._stack(parameters), id=shelf, tooltip=" ")
                rank.node(owner)
        for i, inner in enumerate(frame.frames.values()):
            inner_turn = (turn + 1 + i % 2) % len(self.theme.frames)
            name = f"cluster_{inner.path}"
            what = inner.title if inner.kind == "repeat" else f"{inner.path}, a {inner.kind}"
            with graph.subgraph(name=name) as cluster:
                kind = "" if inner.kind == "repeat" else f" ({_text(inner.kind)})"
                cluster.attr(
                    label=f"<<B>{_text(inner.title)}</B>{kind}>", style="rounded,filled",
                    fillcolor=self.theme.frames[inner_turn], color=self.theme.frame_line,
                    fontsize="13", fontcolor=self.theme.ink, margin="12", id=printable(name),
                    tooltip=_hint(f"module {what}"),
                )  # fmt: skip
                self.texts[printable(name)] = printable(f"module {what}")
                self._print_frame(cluster, inner, inner_turn)

    # ---- arrows

    def _print_arrow(self, graph: Any, id: str, arrow: Arrow, is_first: bool) -> None:
        tail, head = self.cards[arrow.tail], self.cards[arrow.head]
        start, end, style = tail.id, head.id, {}
        back = start
        if tail.owner:
            # there from the whole card, back to the row that says how much
            start = f"{_shelf(tail.owner)}:{tail.id}"
            start, back = f"{start}:e", f"{start}-gradient:e"
            style = {"color": self._line(tail)}
            if tail.owner != head.id:
                style["weight"] = "0"
        elif arrow.tracked:
            # The first use of a value is the main flow, drawn straight; later ones may wander.
            style = {"weight": "8" if is_first else "0"}
        else:
            style = {"weight": "2" if is_first else "0", "style": "dashed"}
            style["color"] = self.theme.grey
        if arrow.next_turn:
            style |= {"constraint": "false", "style": "dashed"}
        if arrow.label:
            style["label"] = f" {_text(arrow.label)} "
        if arrow.failed:
            style |= {"color": self.theme.alarm[1], "penwidth": "2.5", "style": "solid"}
        if arrow.change:
            style |= {"color": self.theme.changes[arrow.change][1], "penwidth": "2.2"}
            style |= {"style": "dashed" if arrow.change is Change.REMOVED else "solid"}
        name = f"from {tail.title} into {head.title}"
        if arrow.change:
            name += f", {arrow.change.value}"
        self.texts[id] = printable(f"{name}{', ' + arrow.label if arrow.label else ''}")
        graph.edge(start, end, id=id, tooltip=_hint(name), **style)
        if arrow.gradient:
            hint = f"gradient from {head.title} back into {tail.title}: {arrow.gradient}"
            self.texts[f"{id}b"] = printable(hint)
            weight = {"constraint": "false"} if arrow.next_turn else {"weight": "1"}
            graph.edge(back, end, id=f"{id}b", dir="back", tooltip=_hint(hint),
                       **weight, **self._gradient_pen(arrow))  # fmt: skip

    def _gradient_pen(self, arrow: Arrow) -> dict[str, str]:
        if arrow.level is None:  # zero, freed or not finite: its card says which
            return {"style": "dotted", "color": self.theme.gradient_arrows[0]}
        width = THINNEST + (WIDEST - THINNEST) * arrow.level
        return {
            "penwidth": f"{width:.2f}",
            "color": mix(self.theme.gradient_arrows, arrow.level),
        }

    # ---- cards

    def _line(self, card: Card) -> str:
        return self.theme.cards[card.kind][1]

    def _label(self, card: Card) -> str:
        """Print a card as a table: two rows, those that are added, small pictures beside them."""
        fill, line = self.theme.cards[card.kind]
        if card.change:
            fill, line = self.theme.changes[card.change]
        title = card.title if card.times == 1 else f"{card.title} × {card.times}"
        beside = self._thumbnails(card)
        if card.formula:
            rows = (
                f'<TR><TD ALIGN="LEFT" WIDTH="112"><B>{_text(title)}</B></TD>'
                f'<TD ALIGN="LEFT" WIDTH="200">{_text(card.formula)}</TD>{beside}</TR>'
                f'<TR><TD ALIGN="LEFT">{self._small(card.shape)}</TD>'
                f'<TD ALIGN="LEFT">{self._small(card.note)}</TD></TR>'
            )
        else:
            rows = (
                f'<TR>{beside}<TD ALIGN="LEFT"><B>{_text(title)}</B></TD>'
                f'<TD ALIGN="RIGHT">{self._small(card.shape)}</TD></TR>'
                f'<TR><TD ALIGN="LEFT" COLSPAN="2">{self._small(card.note)}</TD></TR>'
            )
        port = f"{card.id}-gradient"
        rows += "".join(self._row(row, port) for row in card.rows)
        styles = [] if card.kind in (Kind.INPUT, Kind.CONSTANT) else ["ROUNDED"]
        styles += ["DASHED"] if card.change is Change.REMOVED else []
        corners = f' STYLE="{",".join(styles)}"' if styles else ""
        border = "2" if card.change or card.kind is Kind.FAILED else "1"
        return (
            f'<<TABLE{corners} BGCOLOR="{fill}" COLOR="{line}" BORDER="{border}" CELLBORDER="0" '
            f'CELLSPACING="3" CELLPADDING="2">{rows}</TABLE>>'
        )

    def _row(self, row: Row, port: str) -> str:
        """Print a row as a strip: text on the left, number on the right."""
        theme = self.theme
        text, fill, here = _text(row.text), "", ""
        if row.kind in (RowKind.GRADIENT, RowKind.SUM):
            fill = mix(theme.gradient_cells, row.level or 0)
            here = f' PORT="{port}"'
            text = f"<B>Σ</B> {text}" if row.kind is RowKind.SUM else text
        elif row.kind is RowKind.COST:
            fill = mix(theme.heat, row.level or 0)
        elif row.kind is RowKind.REMARK:
            fill, text = theme.alarm[0], f"<B>⚠ {text}</B>"
        if not fill:
            text = self._small(row.text)
            number = self._small(row.number)
        else:
            text = f'<FONT POINT-SIZE="11">{text}</FONT>'
            number = f'<FONT POINT-SIZE="10">{_text(row.number)}</FONT>' if row.number else ""
        if row.kind is RowKind.CHANGE:
            text = f'<FONT POINT-SIZE="11"><B>{_text(row.text)}</B></FONT>'
        right = f'<TD ALIGN="RIGHT">&nbsp; {number}</TD>' if number else ""
        background = f' BGCOLOR="{fill}" STYLE="ROUNDED"' if fill else ""
        strip = f'<TR><TD ALIGN="LEFT">{text}</TD>{right}</TR>'
        return (
            f'<TR><TD COLSPAN="2"{here}><TABLE{background} BORDER="0" CELLBORDER="0" '
            f'CELLSPACING="0" CELLPADDING="2">{strip}</TABLE></TD></TR>'
        )

    def _thumbnails(self, card: Card) -> str:
        cells = ""
        for i, thumbnail in enumerate(card.thumbnails):
            name = f"{card.id}-{i}.png"
            self.images[name] = (thumbnail.png, printable(thumbnail.text))
            cells += (
                f'<TD ROWSPAN="{2 + len(card.rows)}"><TABLE BORDER="0" CELLBORDER="0" '
                f'CELLSPACING="0" CELLPADDING="0" FIXEDSIZE="TRUE" WIDTH="{thumbnail.width + 4}" '
                f'HEIGHT="{thumbnail.height + 16}"><TR><TD FIXEDSIZE="TRUE" '
                f'WIDTH="{thumbnail.width + 2}" HEIGHT="{thumbnail.height + 2}">'
                f'<IMG SCALE="TRUE" SRC="{name}"/></TD></TR>'
                f"<TR><TD>{self._small(thumbnail.caption)}</TD></TR></TABLE></TD>"
            )
        return cells

    def _stack(self, cards: list[Card]) -> str:
        """Print the parameters of one operation, one above the other."""
        rows = ""  # with an ID each: Graphviz would number them on from the last picture it drew
        for card in cards:
            hint = html.escape(printable(card.tooltip)).replace("\n", "&#10;")
            cell = f'PORT="{card.id}" ID="{card.id}" TITLE="{hint}"'
            rows += f"<TR><TD {cell}>{self._label(card)[1:-1]}</TD></TR>"
        return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="2" CELLPADDING="0">{rows}</TABLE>>'

    def _small(self, text: str, cut: bool = True) -> str:
        if not text:
            return ""
        shown = _text(text) if cut else html.escape(printable(text))
        return f'<FONT POINT-SIZE="10" COLOR="{self.theme.grey}">{shown}</FONT>'


def _alternative(card: Card) -> str:
    """Say what a card says, its name and equation in the first line."""
    first = f"{card.title}: {card.formula}" if card.formula else f"{card.kind.value} {card.title}"
    rest = card.text.split("\n")[2 if card.formula else 1 :]
    return "\n".join([first, *rest])


def _shelf(owner: str) -> str:
    """Return the id of what holds the parameters of an operation."""
    return f"{owner}_parameters"


def _text(text: str) -> str:
    """Cut and escape text for a label."""
    text = printable(text.replace("\n", " "))
    return html.escape(text if len(text) <= LONGEST else text[: LONGEST - 1] + "…")


def _hint(text: str) -> str:
    """Escape a tooltip: its lines stay lines, its backslashes are no escapes."""
    return printable(text).replace("\\", "\\\\").replace("\n", "\\n")
