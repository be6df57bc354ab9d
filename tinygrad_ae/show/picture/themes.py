"""How pictures of graphs look: a light and a dark theme.

Colours are tints and shades of the Okabe–Ito palette, which colour-blind people can tell apart
(Okabe & Ito 2008, "Color Universal Design"). Text stands on every fill with a contrast of at least
4.5 : 1, lines with at least 3 : 1 (WCAG 2.1, criteria 1.4.3 and 1.4.11), and no colour says
anything that words or line styles do not say as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...errors import UserError, did_you_mean
from .cards import Change, Kind

Pair = tuple[str, str]


@dataclass(frozen=True)
class Theme:
    """Colours, as ``#rrggbb``.

    Attributes:
        background: of the picture.
        ink: text and forward arrows.
        grey: text of less weight.
        cards: fill and line of each kind of card.
        frames: fills of modules, in turn: none lies in its like or follows it.
        frame_line: line around modules.
        gradient_arrows: of the weakest and of the strongest gradient.
        gradient_cells: fills behind the numbers of the weakest and of the strongest gradient.
        heat: fills of what costs nothing and of what costs most.
        alarm: fill and line of what needs attention.
        changes: fill and line of what is only in one of two graphs, or differs.
    """

    background: str
    ink: str
    grey: str
    cards: Mapping[Kind, Pair]
    frames: tuple[str, ...]
    frame_line: str
    gradient_arrows: Pair
    gradient_cells: Pair
    heat: Pair
    alarm: Pair
    changes: Mapping[Change, Pair]


LIGHT = Theme(
    background="#ffffff",
    ink="#1a1a1a",
    grey="#4d4d4d",
    cards={
        Kind.INPUT: ("#fff6d6", "#8a6d00"),
        Kind.CONSTANT: ("#f2f2f2", "#666666"),
        Kind.PARAMETER: ("#ffffff", "#0072b2"),
        Kind.OPERATION: ("#dff2ea", "#00735c"),
        Kind.ELEMENTWISE: ("#e3f1fb", "#1f6f9f"),
        Kind.VIEW: ("#f4f4f4", "#666666"),
        Kind.RESULT: ("#fde5da", "#b34700"),
        Kind.MODULE: ("#ece8f6", "#5b4b9a"),
        Kind.FAILED: ("#fbd5cf", "#b3261e"),
    },
    frames=("#eef5fb", "#fbf1f6", "#f4f7ec"),
    frame_line="#76818f",
    gradient_arrows=("#d9642c", "#9c1f00"),
    gradient_cells=("#fdeee6", "#f5a582"),
    heat=("#fffaf0", "#f7b267"),
    alarm=("#ffd9d2", "#b3261e"),
    changes={
        Change.ADDED: ("#d5ecf9", "#005a8f"),
        Change.REMOVED: ("#fbdcc8", "#a63e00"),
        Change.RESHAPED: ("#fff1bf", "#7a5f00"),
    },
)

DARK = Theme(
    background="#15181d",
    ink="#f2f2f2",
    grey="#c3c8cf",
    cards={
        Kind.INPUT: ("#3d3512", "#d9b735"),
        Kind.CONSTANT: ("#2d3136", "#a3a9b1"),
        Kind.PARAMETER: ("#12232f", "#56b4e9"),
        Kind.OPERATION: ("#123629", "#35b890"),
        Kind.ELEMENTWISE: ("#15324a", "#6fb6e6"),
        Kind.VIEW: ("#2b2f34", "#a3a9b1"),
        Kind.RESULT: ("#47261a", "#f08a50"),
        Kind.MODULE: ("#2f2945", "#ab9ce0"),
        Kind.FAILED: ("#4d1714", "#ff8f85"),
    },
    frames=("#1b232c", "#261e26", "#20251c"),
    frame_line="#7c8896",
    gradient_arrows=("#c9704a", "#ffb38f"),
    gradient_cells=("#33221a", "#7a3a1c"),
    heat=("#22201a", "#75480f"),
    alarm=("#571a16", "#ff8f85"),
    changes={
        Change.ADDED: ("#0f3550", "#6fc0f0"),
        Change.REMOVED: ("#4a2711", "#f39a5c"),
        Change.RESHAPED: ("#433908", "#e0c341"),
    },
)

THEMES = {"light": LIGHT, "dark": DARK}


def theme(name: str) -> Theme:
    """Return a theme by name.

    Raises:
        UserError: there is none of that name.
    """
    if name not in THEMES:
        raise UserError(
            f"no theme is called {name!r}; choose from {', '.join(THEMES)}."
            f"{did_you_mean(str(name), THEMES)}"
        )
    return THEMES[name]


def mix(ends: Pair, level: float) -> str:
    """Return the colour ``level`` of the way (0…1) from one colour to another."""
    a, b = ([int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in ends)
    parts = (round(x + (y - x) * level) for x, y in zip(a, b, strict=True))
    return "#" + "".join(f"{part:02x}" for part in parts)
