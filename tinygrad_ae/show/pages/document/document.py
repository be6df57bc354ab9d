"""``Document``: sections of figures, tables and text, written as one HTML file."""

from __future__ import annotations

import base64
import html
import io
import os
import re
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ....errors import require
from ....util.files import atomic
from ....util.pixels import png
from ...plots.canvas import BLACK, GREY, INK, look

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The colours of a figure that follow the reader's light or dark scheme.
_ADAPTED = {
    INK: "--ink", GREY: "--quiet", BLACK: "--ink", "#ffffff": "--paper",
    "#e3e3e3": "--rule", "#cccccc": "--rule", "#c8c8c8": "--rule", "#d0d0d0": "--rule",
}  # fmt: skip


_BROAD = 560  # points; what is wider is scrolled on a phone, not shrunk until it can't be read


class Document:
    """A page to be read, on paper white or dark as the reader's system is set.

    Args:
        title: heading.
        lead: a sentence or two below it.
    """

    def __init__(self, title: str, lead: str = "") -> None:
        self.title, self.lead = title, lead
        self._tiles: list[str] = []
        self._sections: list[tuple[str, str]] = []
        self._scripts: list[str] = []
        self._figures = 0

    def tile(self, value: str, name: str) -> None:
        """Add a number that stands at the top."""
        self._tiles.append(
            f"<div><b>{html.escape(value)}</b><span>{html.escape(name)}</span></div>"
        )

    def section(self, title: str, *parts: str, about: str = "") -> None:
        """Add a section.

        Args:
            title: its heading.
            parts: HTML, such as the functions of this module return.
            about: how to read it; text.
        """
        said = f"<p>{html.escape(about)}</p>" if about else ""
        self._sections.append((title, said + "".join(parts)))

    def script(self, text: str) -> None:
        """Add JavaScript, once however often it is added."""
        if text not in self._scripts:
            self._scripts.append(text)

    def figure(self, figure: Figure) -> str:
        """Return a figure as HTML whose text and lines take the page's colours."""
        self._figures += 1
        return inline(figure, f"f{self._figures}-")

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the page.

        Raises:
            OSError: the file cannot be written.
        """
        target = Path(path)
        with atomic(target) as temporary:
            temporary.write_bytes(self.html().encode("utf-8", "replace"))  # half a character: ?
        return target

    def html(self) -> str:
        """Return the page."""
        style = files(__package__).joinpath("document.css").read_text("utf-8")
        links = "".join(
            f'<a href="#s{i}">{html.escape(title)}</a>'
            for i, (title, _) in enumerate(self._sections)
        )
        sections = "\n".join(
            f'<section id="s{i}"><h2>{html.escape(title)}</h2>{body}</section>'
            for i, (title, body) in enumerate(self._sections)
        )
        scripts = "".join(f"<script>{script}</script>" for script in self._scripts)
        title = html.escape(self.title)
        return (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<link rel="icon" href="data:,">'
            f"<style>{style}</style></head>\n<body><main><h1>{title}</h1>"
            f'<p class="lead">{html.escape(self.lead)}</p>'
            f'<div class="tiles">{"".join(self._tiles)}</div><nav>{links}</nav>\n'
            f"{sections}\n</main>{scripts}</body></html>\n"
        )


def inline(figure: Figure, prefix: str = "") -> str:
    """Return a Matplotlib figure as inline SVG.

    Args:
        figure: drawn in this package's look.
        prefix: of its identifiers, which have to be unique in a page.
    """
    matplotlib = require("matplotlib", extra="all", purpose="Drawing plots")
    file = io.StringIO()
    with look(), matplotlib.rc_context({"svg.fonttype": "none"}):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    width = 72 * figure.get_figwidth()
    kind = "figure broad" if width > _BROAD else "figure"
    opening = rf'<svg class="{kind}" style="max-width: {1.5 * width:.0f}px" viewBox="\1">'
    svg = re.sub(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', opening, svg)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}", svg)
    for colour, name in _ADAPTED.items():
        svg = svg.replace(colour, f"var({name})")
    return f'<div class="wide">{svg}</div>'


def image(pixels: NDArray[np.uint8], alt: str) -> str:
    """Return an ``img`` of pixels, shape (height, width), or with 3 or 4 channels."""
    return f'<img src="{data_uri(png(pixels), "image/png")}" alt="{html.escape(alt)}">'


def data_uri(content: bytes, kind: str) -> str:
    """Return content as an address that holds it."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def table(rows: Iterable[Sequence[Any]], head: Sequence[str] = ()) -> str:
    """Return a table; columns of numbers stand right.

    Args:
        rows: cells as text or numbers. Without ``head``, the first of a row is its name.
        head: names of the columns.
    """
    lines = [[html.escape(str(cell)) for cell in row] for row in rows]
    if not head:
        body = "".join(
            f"<tr><th>{name}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
            for name, *cells in lines
        )
        return f'<div class="wide"><table>{body}</table></div>'
    kinds = [_column_class([line[i] for line in lines]) for i in range(len(head))]
    top = "".join(f"<th{k}>{html.escape(h)}</th>" for h, k in zip(head, kinds, strict=True))
    body = "".join(
        f"<tr>{''.join(f'<td{k}>{cell}</td>' for cell, k in zip(line, kinds, strict=True))}</tr>"
        for line in lines
    )
    return f'<div class="wide"><table class="columns"><tr>{top}</tr>{body}</table></div>'


def _column_class(cells: Sequence[str]) -> str:
    """Return the attribute of a column's cells: numbers stand right."""
    said = [cell for cell in cells if cell]
    is_number = bool(said) and all(re.match(r"[−+-]?\d", cell) for cell in said)
    return ' class="number"' if is_number else ""
