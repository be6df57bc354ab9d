"""Text that somebody else chose, made harmless for where it is to stand.

HTML and SVG have :func:`html.escape`; a name in LaTeX, ``name_latex`` of the derivations; labels of
Graphviz are HTML, its tooltips are escaped beside them; Matplotlib is told to read no mathematics.
"""

from __future__ import annotations

import unicodedata


def printable(text: str) -> str:
    """Replace what has no sign of its own (controls, surrogates, changes of direction) by U+FFFD.

    Ends of lines and spaces of every width stay; other separators, such as U+2028, go.
    """
    return "".join(c if c == "\n" or _is_sign(c) else "\N{REPLACEMENT CHARACTER}" for c in text)


def _is_sign(c: str) -> bool:
    return c.isprintable() or unicodedata.category(c) == "Zs"


def comment(text: str) -> str:
    """Return text that can stand in a comment, of Python or of JavaScript inside a page.

    It ends neither the comment's line nor, as ``</script>`` and ``<!--`` would, the program.
    """
    return printable(text.replace("\n", " ")).replace("</", "<\\/").replace("<!", "<\\!")
