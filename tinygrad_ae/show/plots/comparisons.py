"""Pictures that set things beside each other: ways to compress, starts, runs of a sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .canvas import CLASSES, TRAINING, caption, plain_log_ticks, sheet, whole_ticks

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def rate_distortion(
    curves: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]], unit: str = "pixel"
) -> Figure:
    """Show what is kept against what it takes.

    Args:
        curves: of each way its bits per value and its peak signal-to-noise ratios in decibels.
        unit: what a value is called.
    """
    with sheet((6.4, 4.2)) as figure:
        ax = figure.subplots()
        markers = "osD^v"
        for i, (name, (bits, kept)) in enumerate(curves.items()):
            order = np.argsort(np.asarray(bits))
            ax.plot(
                np.asarray(bits)[order], np.asarray(kept)[order], color=CLASSES[i], lw=1.8,
                marker=markers[i % len(markers)], ms=4, label=caption(name),
            )  # fmt: skip
        ax.set_xscale("log")
        ax.set_xlim(left=max(0.003, ax.get_xlim()[0]))  # fewer bits keep nothing but the mean
        plain_log_ticks(ax, "x")
        ax.set(
            xlabel=f"bits per {unit}", ylabel="PSNR in dB",
            title="What is kept, against what it takes (up and left is better)",
        )  # fmt: skip
        ax.grid()
        ax.legend()
    return figure


def few_label_accuracy(
    counts: Sequence[int], pretrained: Sequence[npt.ArrayLike], fresh: Sequence[npt.ArrayLike]
) -> Figure:
    """Show accuracy against the number of labels, with and without pretraining.

    Args:
        counts: of labels.
        pretrained: for each count the accuracies of several seeds.
        fresh: those of the same network from random weights.
    """
    with sheet((6.0, 3.8)) as figure:
        ax = figure.subplots()
        for i, (name, seeds) in enumerate(
            (("from the trained encoder", pretrained), ("from random weights", fresh))
        ):
            means = [100 * float(np.asarray(s).mean()) for s in seeds]
            spread = [100 * float(np.asarray(s).std()) for s in seeds]
            ax.errorbar(
                counts, means, spread, color=CLASSES[(0, 3)[i]], lw=1.8, marker="o", ms=4,
                capsize=3, label=caption(name),
            )  # fmt: skip
        ax.set_xscale("log")
        ax.set_xticks(counts, [f"{n:,}" for n in counts])
        ax.minorticks_off()
        ax.set(xlabel="labels", ylabel="test accuracy in %", title="Accuracy with few labels")
        ax.grid()
        ax.legend()
    return figure


def errors(named: Sequence[tuple[str, float, bool]]) -> Figure:
    """Show mean squared errors as bars.

    Args:
        named: what it is, its error, and whether it is a model (or a baseline).
    """
    with sheet((7.2, 0.9 + 0.32 * len(named))) as figure:
        ax = figure.subplots()
        for i, (_, mse, is_model) in enumerate(named):
            ax.barh(i, mse, color=TRAINING if is_model else "#a9b0b8", height=0.7)
            ax.text(mse, i, f" {mse:.5f}", va="center", fontsize=8)
        ax.set_yticks(range(len(named)), [caption(name) for name, _, _ in named])
        ax.invert_yaxis()
        ax.tick_params(axis="y", length=0)
        ax.set(xlabel="MSE per value", title="Test error: models blue, PCA grey")
        ax.margins(x=0.12)
    return figure


def losses(curves: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """Show the loss by epoch of several trainings.

    Args:
        curves: histories by name; of each the validation loss, or else the training loss.
    """
    with sheet((7.2, 4.0)) as figure:
        ax = figure.subplots()
        for i, (name, history) in enumerate(curves.items()):
            values = [row.get("validation_loss", row["loss"]) for row in history]
            ax.plot(
                [row["epoch"] for row in history], values, color=CLASSES[i % len(CLASSES)],
                ls=("-", "--", ":")[i // len(CLASSES) % 3], lw=1.6, label=caption(name),
            )  # fmt: skip
        all_values = [y for line in ax.lines for y in np.asarray(line.get_ydata(), float)]
        if min(all_values) > 0 and max(all_values) > 3 * min(all_values):
            ax.set_yscale("log")
            plain_log_ticks(ax)
        whole_ticks(ax)
        ax.set(xlabel="epoch", ylabel="loss", title="Loss by epoch")
        ax.grid(axis="y")
        if len(curves) <= 16:
            ax.legend()
    return figure


def sweep(names: Sequence[str], choices: Sequence[Sequence[str]], mse: Sequence[float]) -> Figure:
    """Show the validation error over the values of what was varied.

    Along the axis goes the option with the most values; the others make the lines.

    Args:
        names: of the options that were varied.
        choices: of each training, a value for each option.
        mse: of each training.
    """
    axis = int(np.argmax([len({c[j] for c in choices}) for j in range(len(names))]))
    ticks = sorted({c[axis] for c in choices}, key=_order)
    lines: dict[str, dict[str, float]] = {}
    for choice, value in zip(choices, mse, strict=True):
        others = [
            f"{n} {v}" for j, (n, v) in enumerate(zip(names, choice, strict=True)) if j != axis
        ]
        lines.setdefault(", ".join(others), {})[choice[axis]] = float(value or np.nan)
    with sheet((6.4, 4.0)) as figure:
        ax = figure.subplots()
        for i, (label, points) in enumerate(sorted(lines.items(), key=lambda item: item[0])):
            at = [k for k, tick in enumerate(ticks) if tick in points]
            ax.plot(
                at, [points[ticks[k]] for k in at], marker="o", ms=5, lw=1.6,
                label=caption(label), color=CLASSES[i % len(CLASSES)],
            )  # fmt: skip
        ax.set_xticks(range(len(ticks)), [*map(caption, ticks)])
        ax.set(
            xlabel=names[axis], ylabel="MSE per value, validation samples",
            title="Reconstruction error of each training",
        )  # fmt: skip
        ax.grid(axis="y")
        if len(lines) > 1:
            ax.legend()
    return figure


def _order(value: str) -> tuple[float, str]:
    """Return what numbers are sorted by as numbers, and all else after them as text."""
    try:
        return float(value), ""
    except ValueError:
        return np.inf, value
