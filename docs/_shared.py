"""What the pages share: figures that follow the page's theme, and one trained model.

A page imports it in a cell that is not shown. Figures of Matplotlib then take the page's own
ink, and graphs come in the light and the dark theme.
"""

from __future__ import annotations

import html
import io
import json
import math
import re
from base64 import b64encode
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from tinygrad_ae.show.picture.themes import DARK, LIGHT, mix

__all__ = [
    "BLUE", "GREEN", "ORANGE", "PURPLE", "SIGNED", "Picture", "apart", "diagnosed", "diagnosis",
    "digits_row", "embed_page", "memories", "np", "plt", "recorded", "speeds",
]  # fmt: skip

matplotlib.use("agg")
import matplotlib.pyplot as plt

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
INK = "#010203"  # becomes the page's own
BLUE, ORANGE, GREEN, PURPLE = "#2b8cc4", "#d9642c", "#1f9e77", "#8d7bd1"  # 3 : 1 on either
plt.rcParams |= {
    "figure.facecolor": "none", "axes.facecolor": "none", "savefig.facecolor": "none",
    "figure.constrained_layout.use": True, "figure.figsize": (6.4, 3.2), "font.size": 10,
    "text.color": INK, "axes.edgecolor": INK, "axes.labelcolor": INK, "axes.titlecolor": INK,
    "axes.titlesize": 10, "xtick.color": INK, "ytick.color": INK, "lines.color": BLUE,
    "axes.prop_cycle": plt.cycler(color=[BLUE, ORANGE, GREEN, PURPLE]),
    "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False,
    "svg.hashsalt": "docs", "svg.fonttype": "path", "image.interpolation": "nearest",
}  # fmt: skip


SIGNED = LinearSegmentedColormap.from_list("signed", [ORANGE, "#ffffff", BLUE])  # − 0 +


class Picture:
    """A figure with words for those who do not see it, and the diagnostic that it is of, if any."""

    def __init__(self, figure: Any, alt: str, of: str = "") -> None:
        self.figure, self.alt, self.of = figure, alt, of

    def _repr_html_(self) -> str:
        buffer = io.StringIO()
        self.figure.savefig(buffer, format="svg", metadata={"Date": None})
        plt.close(self.figure)
        svg = buffer.getvalue()
        svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
        svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
        width = round(self.figure.get_figwidth() * 96)
        label = html.escape(self.alt, quote=True)
        svg = svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
        caption = f"<figcaption>{_whence(self.of)}</figcaption>" if self.of else ""
        return f'<figure class="plot" style="--width: {width}px">{svg}{caption}</figure>'


def digits_row(*rows: Any, names: tuple[str, ...] = (), limit: float = 1.0) -> Any:
    """Return a figure of images in rows, white on black; of signed numbers, blue and orange."""
    n = len(rows[0])
    figure, axes = plt.subplots(
        len(rows), n, figsize=(0.62 * n + 0.9, 0.66 * len(rows)), squeeze=False
    )
    for row, images in enumerate(rows):
        signed = bool((np.asarray(images) < -0.01).any())
        for ax, image in zip(axes[row], images, strict=True):
            side = round(len(np.ravel(image)) ** 0.5)
            ax.imshow(
                np.reshape(image, (side, side)), cmap=SIGNED if signed else "gray",
                vmin=-limit if signed else 0, vmax=limit,
            )  # fmt: skip
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
        if names:
            axes[row, 0].set_ylabel(names[row], rotation=0, ha="right", va="center")
    return figure


def _table(lines: list[tuple[str, ...]]) -> str:
    """Return a table; the first line is its head."""
    head, *body = (
        "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in line)
        for line, tag in zip(lines, ["th", *["td"] * len(lines)], strict=False)
    )
    rows = "</tr><tr>".join(body)
    parts = f"<thead><tr>{head}</tr></thead><tbody><tr>{rows}</tr></tbody>"
    table = f'<table class="docutils">{parts}</table>'
    return f'<div class="table-wrapper recorded">{table}</div>'


def speeds(threads: int = 1, over_floor: bool = False) -> Any:
    """Return how long steps took, by benchmarks/speed.json, in µs or over their products' time."""
    known = json.loads((BENCHMARKS / "speed.json").read_text("utf-8"))
    runs = [run for run in known["runs"].values() if run["threads"] == threads]
    runs = [run for run in runs if "eager" in run["figures"]]  # the others are a study of scaling
    contenders = list(dict.fromkeys(name for run in runs for name in run["figures"]))

    def cell(run: Any, name: str) -> str:
        if name not in run["figures"]:
            return "–"
        us, ratio = (run["figures"][name][key] for key in ("us", "ratio"))
        is_ratio = over_floor and name != "floor"
        return (f"{ratio:.2f}" if is_ratio else f"{us:,.0f}") + "?" * (name in run["noisy"])

    lines = [("network", *contenders)]
    lines += [(run["about"], *(cell(run, name) for name in contenders)) for run in runs]
    return _measured(lines, known, " A question mark: it varied by more than 15 %.")


def memories() -> Any:
    """Return what benchmarks/speed.json has of the peak memory above the imports, in MB."""
    known = json.loads((BENCHMARKS / "speed.json").read_text("utf-8"))
    contenders = list(dict.fromkeys(name for found in known["memory"].values() for name in found))
    lines = [("MB", *contenders)]
    for network, found in known["memory"].items():
        cells = (found.get(c) for c in contenders)
        lines.append((network, *("–" if mb is None else f"{mb:.0f}" for mb in cells)))
    return _measured(lines, known)


def apart(network: str) -> Any:
    """Return what benchmarks/speed.json has of the parts of a network's step, for each engine."""
    known = json.loads((BENCHMARKS / "speed.json").read_text("utf-8"))
    engines = {name: known["lines"][f"{network}, {name}"] for name in ("numpy", "numba")}
    lines = [("what", *(f"{engine}, {unit}" for engine in engines for unit in ("calls", "µs")))]
    numpy, numba = ([part[0] for part in found] for found in engines.values())
    for what in [*(what for what in numba if what not in numpy), *numpy]:
        cells: list[str] = []
        for found in engines.values():
            calls, us = next(((c, u) for w, c, u in found if w == what), (None, None))
            cells += ["–" if calls is None else f"{calls}", "–" if us is None else f"{us:.1f}"]
        lines.append((what, *cells))
    return _measured(lines, known)


def _measured(lines: list[tuple[str, ...]], known: Any, note: str = "") -> Any:
    from IPython.display import HTML

    machine = html.escape("; ".join(known["machine"]))
    return HTML(f"{_table(lines)}<p>Measured on: {machine}.{note}</p>")


def recorded(*rows: str) -> Any:
    """Return what benchmarks/results.json has of these rows as a table; a row may be missing."""
    from IPython.display import HTML

    known = json.loads((BENCHMARKS / "results.json").read_text("utf-8"))
    lines = [("row", "figure", "reached", "seeds", "elsewhere")]
    for row in rows:
        for figure in known.get(row, {"figures": {}})["figures"].values():
            reached = f"{figure['mean']:.4g}" + (
                f"\u00a0±\u00a0{figure['sd']:.2g}" if figure.get("sd") else ""
            )
            seeds, elsewhere = str(len(known[row]["seeds"])), figure.get("elsewhere", "–")
            lines.append((row, figure["label"], reached, seeds, elsewhere))
    missing = ", ".join(row for row in rows if row not in known)
    return HTML(
        (_table(lines) if len(lines) > 1 else "")
        + (f"<p>Not measured yet: {missing}.</p>" if missing else "")
        + '<p><a href="../reference/results.html">All rows, their recipes and commands</a></p>'
    )


def diagnosis(name: str) -> list[dict[str, Any]]:
    """Return the rows that benchmarks/diagnostics.json has of a diagnostic.

    What varies with the seed is a dictionary of its mean and, of several seeds, its sd.
    """
    return _diagnostics()[name]["table"]


def diagnosed(name: str) -> Any:
    """Return a diagnostic as a table."""
    from IPython.display import HTML

    table = diagnosis(name)
    lines = [tuple(table[0]), *(tuple(map(_cell, row.values())) for row in table)]
    return HTML(_table(lines) + f"<p>{_whence(name)}</p>")


def _diagnostics() -> Any:
    return json.loads((BENCHMARKS / "diagnostics.json").read_text("utf-8"))


def _whence(name: str) -> str:
    setting = html.escape(_diagnostics()[name]["setting"])
    return f"Measured on: {setting}, by <code>python -m benchmarks.diagnostics {name}</code>."


def _cell(value: Any) -> str:
    if not isinstance(value, dict):
        return value if isinstance(value, str) else f"{value:.3g}"
    mean, sd = value["mean"], value.get("sd")
    if sd is None:
        return f"{mean:.3g}"
    digits = max(0, min(4, -math.floor(math.log10(sd)))) if sd else 3  # one of what varies
    return f"{mean:.{digits}f}\u00a0±\u00a0{sd:.{digits}f}"


def embed_page(result: Any, name: str, title: str) -> Any:
    """Write the page that steps through a graph beside the site's files, and show it in a frame."""
    from IPython.display import HTML

    from tinygrad_ae import show

    folder = Path(__file__).parent / "_build" / "static" / "steps"
    folder.mkdir(parents=True, exist_ok=True)
    show.page(result, folder / f"{name}.html", title=title)
    where = f"../_static/steps/{name}.html"
    return HTML(
        f'<iframe class="page" loading="lazy" title="{html.escape(title)}" src="{where}"></iframe>'
        f'<p><a href="{where}">Open it on a page of its own</a></p>'
    )


# ---- graphs in both themes


def _colours() -> dict[str, str]:
    pairs = {LIGHT.ink: DARK.ink, LIGHT.grey: DARK.grey, LIGHT.frame_line: DARK.frame_line}
    pairs |= dict(zip(LIGHT.frames, DARK.frames, strict=True))
    for name in ("heat", "alarm", "gradient_arrows", "gradient_cells"):
        light, dark = getattr(LIGHT, name), getattr(DARK, name)
        steps = np.linspace(0, 1, 4097)
        pairs |= {mix(light, s): mix(dark, s) for s in steps}
    for table in ("cards", "changes"):
        light, dark = getattr(LIGHT, table), getattr(DARK, table)
        for kind in light:
            pairs |= dict(zip(light[kind], dark[kind], strict=True))
    return pairs | {LIGHT.background: DARK.background}


COLOURS = _colours()


def _graph_html(drawing: Any) -> str:
    svg = drawing._repr_svg_()
    dark = re.sub(r"#[0-9a-f]{6}\b", lambda m: COLOURS.get(m[0], m[0]), svg)
    width = float(re.search(r'<svg[^>]*?width="([\d.]+)', svg)[1]) * 4 / 3  # type: ignore[index]
    alt = html.escape(drawing.texts[""], quote=True)
    images = "".join(
        f'<img class="only-{name}" alt="{alt}" '
        f'src="data:image/svg+xml;base64,{b64encode(text.encode()).decode()}">'
        for name, text in (("light", svg), ("dark", dark))
    )
    return f'<figure class="graph" style="--width: {width:.0f}px">{images}</figure>'


def _register() -> None:
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None:
        return
    formatters = shell.display_formatter
    formatters.mimebundle_formatter.for_type_by_name(
        "tinygrad_ae.show.picture.dot", "Drawing", lambda d, **_: {"text/html": _graph_html(d)}
    )


_register()
