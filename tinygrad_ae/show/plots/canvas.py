"""How plots look, and how they are written: the sheet that :mod:`.plots` draws on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from ...errors import UserError, require
from ...util.colours import NEGATIVE, POSITIVE
from ...util.files import atomic
from ...util.text import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = npt.NDArray[Any]

INK, GREY = "#1a1a1a", "#666666"
TRAINING, VALIDATION, BEST = "#0072b2", "#d55e00", "#00735c"  # Okabe & Ito's palette
BLACK = "#222222"
_LONG = 40  # signs of a name, whose middle is left out beyond
CLASSES = (
    "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7",
    "#56b4e9", "#8c6d1f", "#7b4ab5", BLACK, "#9aa51a",
)  # fmt: skip
STYLE = {
    "font.family": "sans-serif", "font.size": 9, "axes.titlesize": 11, "axes.titleweight": "bold",
    "axes.titlelocation": "left", "axes.labelsize": 9, "axes.labelcolor": INK,
    "axes.edgecolor": GREY, "axes.linewidth": 0.8, "axes.spines.top": False,
    "axes.spines.right": False, "axes.axisbelow": True, "grid.color": "#e3e3e3",
    "grid.linewidth": 0.8, "xtick.labelsize": 8, "ytick.labelsize": 8, "xtick.color": GREY,
    "ytick.color": GREY, "xtick.labelcolor": INK, "ytick.labelcolor": INK,
    "legend.fontsize": 8, "legend.frameon": False, "text.color": INK,
    "figure.titlesize": 11, "figure.titleweight": "bold", "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "text.parse_math": False,  # a dollar sign in a class's or a column's name is one
    "svg.hashsalt": "tinygrad-ae",  # else the identifiers inside an SVG are random
}  # fmt: skip


def signed_colours() -> Any:
    """Return a Matplotlib colour map from negative through white (zero) to positive."""
    colours = require("matplotlib.colors", extra="all", purpose="Drawing plots")
    ends = [tuple(part / 255 for part in colour) for colour in (NEGATIVE, POSITIVE)]
    return colours.LinearSegmentedColormap.from_list("signs", [ends[0], "white", ends[1]])


@contextmanager
def look() -> Iterator[None]:
    """Apply this module's look, whatever the user's settings, for the length of a block."""
    style = require("matplotlib.style", extra="all", purpose="Drawing plots")
    with style.context(["default", STYLE]):
        yield


@contextmanager
def sheet(size: tuple[float, float]) -> Iterator[Figure]:
    """Yield an empty figure to draw on, ``size`` in inches."""
    module = require("matplotlib.figure", extra="all", purpose="Drawing plots")
    with look():
        yield module.Figure(figsize=size, layout="constrained")


def bare(ax: Axes) -> None:
    """Leave nothing of the axes but what is drawn on them (and the row's label)."""
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set_visible(False)


def colour_bar(figure: Figure, image: Any, axes: Array, **options: Any) -> None:
    """Add the scale of an image whose colours are symmetric about zero."""
    ends = [image.norm.vmin, 0, image.norm.vmax]
    bar = figure.colorbar(image, ax=axes, ticks=ends, pad=0.01, **options)
    bar.ax.set_yticklabels([f"{v:.2g}".replace("-", "−") for v in ends])
    bar.ax.tick_params(length=0)
    bar.outline.set_visible(False)


def plain_log_ticks(ax: Axes, which: Literal["x", "y"] = "y") -> None:
    """Write 0.01, 0.02, 0.05 on a logarithmic axis instead of powers of ten."""
    ticker = require("matplotlib.ticker", extra="all", purpose="Drawing plots")
    axis, (low, high) = (ax.xaxis, ax.get_xlim()) if which == "x" else (ax.yaxis, ax.get_ylim())
    digits: tuple[float, ...] = (1, 2, 5) if high > 20 * low else (1, 1.5, 2, 3, 5, 7)
    if high > 1000 * low:
        digits = (1,)
    axis.set_major_locator(ticker.LogLocator(subs=digits))
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(ticker.NullLocator())


def whole_ticks(ax: Axes) -> None:
    """Mark whole numbers only on the horizontal axis."""
    ticker = require("matplotlib.ticker", extra="all", purpose="Drawing plots")
    ax.xaxis.set_major_locator(ticker.MaxNLocator(integer=True, min_n_ticks=1))


def caption(name: object) -> str:
    """Return what stands in a plot for a name that somebody else chose: printable, and not long."""
    text = printable(str(name))
    return text if len(text) <= _LONG else f"{text[: _LONG // 2]}…{text[-_LONG // 2 + 1 :]}"


def class_labels(labels: npt.ArrayLike, count: int) -> Array:
    """Return the labels as an array, of which there must be ``count``."""
    classes = np.asarray(labels)
    if classes.shape != (count,):
        raise UserError(f"labels have shape {classes.shape}; expected one for each of {count}")
    return classes


def save(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Write a figure at 150 dots per inch; equal figures give equal files.

    Args:
        figure: what one of the functions above returned.
        path: file to write; its suffix chooses the format (png, svg, pdf).

    Raises:
        UserError: the suffix names no format known here.
        OSError: the file cannot be written.
    """
    target = Path(path)
    undated: dict[str, dict[str, Any]] = {
        ".png": {"Software": None},
        ".svg": {"Date": None, "Creator": None},
        ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    }
    suffix = target.suffix.lower()
    if suffix not in undated:
        raise UserError(f"a figure cannot be written as {suffix!r}; use {', '.join(undated)}")
    with look(), atomic(target) as temporary:
        figure.savefig(temporary, dpi=150, metadata=undated[suffix])
    return target
