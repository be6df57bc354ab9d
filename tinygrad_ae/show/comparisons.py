"""Pictures that set things beside each other: ways to compress, starts, runs of a sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .canvas import CLASSES, plain_log_ticks, sheet

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
                marker=markers[i % len(markers)], ms=4, label=name,
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
                capsize=3, label=name,
            )  # fmt: skip
        ax.set_xscale("log")
        ax.set_xticks(counts, [f"{n:,}" for n in counts])
        ax.minorticks_off()
        ax.set(xlabel="labels", ylabel="test accuracy in %", title="Accuracy with few labels")
        ax.grid()
        ax.legend()
    return figure
