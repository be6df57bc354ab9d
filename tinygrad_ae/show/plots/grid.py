"""Samples in rows and columns, each row with its name: images as they are, others as lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ...util.pixels import tiled
from ...util.text import printable
from .canvas import CLASSES, GREY, INK, Array, bare, caption, sheet
from .tiles import channels_of, is_image, value_range

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TILE = 0.82  # inches that a sample takes
_GAP = 0.08  # of a sample's width, between two


@dataclass(frozen=True)
class Panel:
    """Samples that stand under one heading.

    Attributes:
        title: the heading.
        x: samples, shape (n, d).
        note: what to say of them, below.
    """

    title: str
    x: Array
    note: str = ""


def rows(
    title: str,
    named: Sequence[tuple[str, npt.ArrayLike]],
    shape: Sequence[int],
    headings: Sequence[str] = (),
) -> Figure:
    """Show samples row by row, all on one scale: that of the first row.

    Args:
        title: of the figure.
        named: each row's name and samples, shape (columns, d).
        shape: of one sample.
        headings: of the columns.
    """
    x = np.stack([np.asarray(samples, float) for _, samples in named])
    n_rows, columns = x.shape[:2]
    letters = max(len(line) for name, _ in named for line in name.split("\n"))
    width = max(5.2, 0.3 + 0.075 * letters + _TILE * columns)
    high = proportion(shape)
    with sheet((width, 0.75 + _TILE * high * n_rows)) as figure:
        figure.suptitle(printable(title), x=0.01, ha="left")
        ax = figure.subplots()
        centres = tiles(ax, x, shape, value_range(x[0], shape))
        ax.set_yticks(centres[1], [caption(name) for name, _ in named])
        ax.set_xticks(centres[0][: len(headings)], [*map(caption, headings)])
        ax.xaxis.tick_top()
        ax.tick_params(length=0, labelsize=9)
    return figure


def panels(title: str, shown: Sequence[Panel], shape: Sequence[int]) -> Figure:
    """Show several sets of samples beside each other, all on one scale: that of the first.

    Args:
        title: of the figure.
        shown: the sets; of each, as many full rows as there are in the smallest.
        shape: of one sample.
    """
    columns = 6 if is_image(shape) else 3
    n_rows = max(1, min(len(panel.x) for panel in shown) // columns)
    scale = value_range(np.asarray(shown[0].x[: n_rows * columns], float), shape)
    width = 3.3
    height = width / columns * n_rows * proportion(shape)
    with sheet((0.3 + width * len(shown), 1.1 + height)) as figure:
        figure.suptitle(printable(title), x=0.01, ha="left")
        axes = figure.subplots(1, len(shown), squeeze=False)[0]
        for ax, panel in zip(axes, shown, strict=True):
            x = np.asarray(panel.x[: n_rows * columns], float)
            tiles(ax, x.reshape(n_rows, -1, x.shape[-1]), shape, scale)
            ax.set_title(printable(panel.title), fontsize=9)
            ax.set_xlabel(printable(panel.note), fontsize=8, color=GREY, loc="left")
    return figure


def proportion(shape: Sequence[int]) -> float:
    """Return a tile's height in units of its width."""
    return float(np.clip(shape[0] / shape[1], 0.4, 2.5)) if is_image(shape) else 0.7


def tiles(
    ax: Axes,
    x: Array,
    shape: Sequence[int],
    scale: tuple[float, float],
    colours: str = "gray",
) -> tuple[list[float], list[float]]:
    """Draw samples, shape (rows, columns, d), on one pair of axes; return the tiles' centres.

    What exceeds the scale is drawn at its end.
    """
    n_rows, columns, _ = x.shape
    low, high = scale
    unit = np.clip((x - low) / (high - low), 0, 1)
    step_x = step_y = 1.0 + _GAP
    first_x = first_y = 0.5
    if is_image(shape):
        height, width = shape[:2]
        gap = max(1, round(_GAP * width))
        pixels = unit.reshape(n_rows * columns, height, width, -1)
        pixels = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
        empty = np.nan if pixels.ndim == 3 else 1.0  # not a number is not drawn
        ax.imshow(tiled(pixels, columns, gap, empty), cmap=colours, vmin=0, vmax=1,
                  interpolation="nearest")  # fmt: skip
        step_x, step_y = float(width + gap), float(height + gap)
        first_x, first_y = (width - 1) / 2, (height - 1) / 2
    else:
        lines = unit.reshape(n_rows, columns, -1, channels_of(shape))
        ax.set_prop_cycle(color=CLASSES[: lines.shape[-1]])
        t = np.linspace(0, 1, lines.shape[2])
        for i in range(n_rows):
            for j in range(columns):
                start, base = j * step_x, i * step_y + 1  # y grows downwards, as in an image
                ax.plot(start + t, base - lines[i, j], lw=1 if lines.shape[-1] == 1 else 0.7)
            ax.axhline(base, color="#d0d0d0", lw=0.6)
        ax.set_xlim(-0.05, columns * step_x)
        ax.set_ylim(n_rows * step_y + 0.05, -0.05)
    bare(ax)
    ax.tick_params(colors=INK)
    return (
        [first_x + j * step_x for j in range(columns)],
        [first_y + i * step_y for i in range(n_rows)],
    )
