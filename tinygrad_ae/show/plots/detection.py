"""Pictures of anomaly detection: curves, and which values made a sample anomalous."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .canvas import BEST, GREY, TRAINING, VALIDATION, Array, bare, caption, sheet
from .grid import proportion, tiles
from .tiles import is_image, value_range

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TILE = 0.95  # inches


def detection_curves(
    false_alarms: npt.ArrayLike,
    detected: npt.ArrayLike,
    precision: npt.ArrayLike,
    scores: Array,
    anomalous: Array,
    *,
    auroc: str,
    auprc: str,
    threshold: float,
    at: tuple[float, float, float],
) -> Figure:
    """Show the ROC curve, precision against recall, and the scores of both kinds.

    Args:
        false_alarms: share of normal samples above each threshold.
        detected: share of anomalous ones.
        precision: share of what is above a threshold that is anomalous.
        scores: of the samples, shape (n,).
        anomalous: which they are, shape (n,).
        auroc: the area under the first curve, as text.
        auprc: that under the second.
        threshold: that was chosen.
        at: false alarms, detected and precision there.
    """
    with sheet((10.2, 3.4)) as figure:
        roc, pr, spread = figure.subplots(1, 3)
        roc.plot(false_alarms, detected, color=TRAINING, lw=1.8)
        roc.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls=":")
        roc.plot(at[0], at[1], "o", mfc="none", mec=BEST, mew=1.8, ms=8, label="the threshold")
        roc.set(
            xlabel="false alarms", ylabel="anomalies detected", title=f"ROC: area {auroc}",
            aspect="equal",
        )  # fmt: skip
        roc.legend(loc="lower right")
        pr.plot(np.asarray(detected)[1:], np.asarray(precision)[1:], color=TRAINING, lw=1.8)
        pr.axhline(float(np.mean(anomalous)), color=GREY, lw=0.8, ls=":", label="by chance")
        pr.plot(at[1], at[2], "o", mfc="none", mec=BEST, mew=1.8, ms=8)
        pr.set(
            xlabel="anomalies detected (recall)", ylabel="precision", ylim=(0, 1.03),
            title=f"Precision: area {auprc}",
        )  # fmt: skip
        pr.legend(loc="lower left")
        edges = np.histogram_bin_edges(scores, bins=60)
        for kind, colour, name in (
            (~anomalous, TRAINING, "normal"), (anomalous, VALIDATION, "anomalous"),
        ):  # fmt: skip
            counts, _ = np.histogram(scores[kind], edges)
            share = counts / max(1, counts.sum())
            spread.stairs(share, edges, color=colour, lw=1.4, label=name)
            spread.stairs(share, edges, color=colour, fill=True, alpha=0.15)
        spread.axvline(threshold, color=BEST, lw=1.4, ls="--", label="threshold")
        spread.set(xlabel="score", ylabel="share of its kind", title="Scores")
        spread.set_xlim(0, float(np.quantile(scores, 0.999)))
        spread.legend()
        for ax in (roc, pr, spread):
            ax.set_title(ax.get_title(loc="left"), fontsize=9)
    return figure


def attributions(
    x: npt.ArrayLike,
    x_hat: npt.ArrayLike,
    parts: npt.ArrayLike,
    shape: Sequence[int],
    headings: Sequence[str],
    columns: Sequence[str] | None = None,
) -> Figure:
    """Show what each value of a sample adds to its score.

    Args:
        x: samples, shape (n, d).
        x_hat: their reconstructions.
        parts: what each value adds, same shape, at least 0.
        shape: of one sample.
        headings: over each sample.
        columns: names of the d values, if they have any: then the ten that add most are named.
    """
    samples, copies, shares = (np.asarray(a, float) for a in (x, x_hat, parts))
    shares = shares / np.maximum(shares.sum(1, keepdims=True), np.finfo(float).tiny)
    if columns is not None:
        return _named_parts(shares, columns, headings)
    n, high = len(samples), proportion(shape)
    with sheet((max(5.2, 1.6 + _TILE * n), 0.8 + 3.2 * _TILE * high)) as figure:
        figure.suptitle("What made these samples anomalous", x=0.01, ha="left")
        top, bottom = figure.subplots(2, 1, height_ratios=(2.05, 1))
        both = np.stack([samples, copies])
        centres = tiles(top, both, shape, value_range(both, shape))
        top.set_yticks(centres[1], ["sample x", "model's x̂"])
        top.set_xticks(centres[0], [*map(caption, headings)])
        top.xaxis.tick_top()
        # One bright pixel must not leave the others dark; a line is to be seen whole.
        limit = float(np.quantile(shares.max(1), 0.5 if is_image(shape) else 1.0)) or 1.0
        centres = tiles(bottom, shares[None], shape, (0, limit), colours="inferno")
        bottom.set_yticks(centres[1], ["share of\nthe score"])
        for ax in (top, bottom):
            ax.tick_params(length=0)
        if not is_image(shape):
            bottom.set_xlabel("along the sample", loc="left", color=GREY)
    return figure


def _named_parts(shares: Array, columns: Sequence[str], headings: Sequence[str]) -> Figure:
    n = min(6, len(shares))
    with sheet((max(5.2, 1.8 * n), 3.2)) as figure:
        figure.suptitle("What made these samples anomalous", x=0.01, ha="left")
        for ax, share, heading in zip(
            figure.subplots(1, n, squeeze=False)[0], shares, headings, strict=False
        ):
            most = np.argsort(-share)[:10][::-1]
            ax.barh(range(len(most)), share[most], color=VALIDATION)
            bare(ax)
            ax.set_yticks(range(len(most)), [caption(columns[j]) for j in most])
            ax.set_xlim(0, 1)
            ax.set_xticks([0, 1], ["0", "100 %"])
            ax.set_title(caption(heading), fontsize=9)
            ax.set_xlabel("share of the score")
    return figure
