"""What an SVG from Graphviz lacks: words for those who don't see it, and pictures inside it."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping


def with_alternatives(svg: str, texts: Mapping[str, str]) -> str:
    """Give each part of a picture a title and a description.

    Args:
        svg: as Graphviz prints it.
        texts: by the part's id: a line that names it, and lines that describe it. The empty id
            is the whole picture.
    """

    def describe(match: re.Match[str]) -> str:
        text = texts.get(html.unescape(match["id"]))
        return match[0] if text is None else match["start"] + _title(text)

    part = r'(?P<start><g id="(?P<id>[^"]*)" class="(?:node|edge|cluster)">\s*)<title>.*?</title>'
    svg = re.sub(part, describe, svg, flags=re.DOTALL)
    whole = texts.get("")
    if whole:
        svg = re.sub(
            r"(<svg\b[^>]*)>",
            lambda match: match[1] + ' role="graphics-document">\n' + _title(whole),
            svg,
            count=1,
        )
    return svg


def with_pictures(svg: str, pictures: Mapping[str, tuple[bytes, str]]) -> str:
    """Put the files a picture refers to into it.

    Args:
        svg: as Graphviz prints it.
        pictures: by the path it refers to: the PNG, and what it shows in words.
    """

    def embed(match: re.Match[str]) -> str:
        png, text = pictures[html.unescape(match[1])]
        code = base64.b64encode(png).decode()
        return (
            f'<image role="img" aria-label="{html.escape(text)}" style="image-rendering:pixelated" '
            f'xlink:href="data:image/png;base64,{code}"'
        )

    if not pictures:
        return svg
    paths = "|".join(re.escape(html.escape(path)) for path in pictures)
    return re.sub(f'<image xlink:href="({paths})"', embed, svg)


def _title(text: str) -> str:
    name, _, rest = text.partition("\n")
    description = f"\n<desc>{html.escape(rest, quote=False)}</desc>" if rest else ""
    return f"<title>{html.escape(name, quote=False)}</title>{description}"
