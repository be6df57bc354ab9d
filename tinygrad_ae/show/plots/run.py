"""Pictures of a trained autoencoder: what it keeps, how it learnt, what its code looks like.

Every function returns a ``matplotlib.figure.Figure`` and touches no global state of Matplotlib;
notebooks show it inline and :func:`save` writes it to a file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...errors import UserError, require
from .canvas import (
    BEST,
    CLASSES,
    TRAINING,
    VALIDATION,
    caption,
    class_labels,
    plain_log_ticks,
    save,
    sheet,
    whole_ticks,
)
from .projection import project
from .tiles import filters, reconstructions

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "error_by_class",
    "filters",
    "latent_map",
    "loss_curves",
    "reconstructions",
    "save",
]

Array = npt.NDArray[Any]


def loss_curves(history: Sequence[Mapping[str, Any]]) -> Figure:
    """Plot training and validation loss by epoch, the best epoch marked.

    The loss axis is logarithmic where the curves span more than a factor of three.

    Args:
        history: one mapping per epoch with ``epoch``, ``loss`` and, where there is any,
            ``validation_loss``.

    Raises:
        UserError: the history is empty or lacks ``epoch`` or ``loss``.
    """
    if not history:
        raise UserError("the history is empty: there is no epoch to plot")
    missing = {"epoch", "loss"} - set(history[0])
    if missing:
        raise UserError(f"the history lacks {' and '.join(sorted(missing))}")
    epochs = np.array([row["epoch"] for row in history], dtype=float)
    curves = {"training": _column(history, "loss")}
    validation = _column(history, "validation_loss")
    if np.isfinite(validation).any():
        curves["validation"] = validation
    judged = curves.get("validation", curves["training"])
    with sheet((6.4, 3.8)) as figure:
        ax = figure.subplots()
        marker = "o" if len(epochs) <= 30 else None
        for (label, curve), colour in zip(curves.items(), (TRAINING, VALIDATION), strict=False):
            ax.plot(epochs, curve, color=colour, label=label, marker=marker, markersize=3.5, lw=1.8)
        values = np.concatenate(list(curves.values()))
        values = values[np.isfinite(values)]
        if values.size and values.min() > 0 and values.max() > 3 * values.min():
            ax.set_yscale("log")
            plain_log_ticks(ax)
        if np.isfinite(judged).any():
            best = int(np.nanargmin(np.where(np.isfinite(judged), judged, np.nan)))
            ax.plot(
                epochs[best], judged[best], "o", ms=9, mfc="none", mec=BEST, mew=1.8,
                label=f"best: {judged[best]:.4g} at epoch {epochs[best]:g}",
            )  # fmt: skip
        ax.set(xlabel="epoch", ylabel="loss", title="Loss by epoch")
        ax.set_xlim(epochs.min() - 0.5, epochs.max() + 0.5)
        whole_ticks(ax)
        ax.grid(axis="y")
        ax.legend()
    return figure


def latent_map(codes: npt.ArrayLike, labels: npt.ArrayLike | None = None) -> Figure:
    """Show codes as points in the plane, by class.

    Codes of more than two numbers are projected on the two directions of largest variance (PCA
    of the codes, by singular value decomposition); the axes say how much of the variance each
    shows. Codes of one number are shown as a histogram per class.

    Args:
        codes: shape (n, k).
        labels: class of each sample, shape (n,).

    Raises:
        UserError: ``codes`` is not a matrix of finite numbers, or the labels do not fit.
    """
    points = np.asarray(codes, dtype=float)
    if points.ndim != 2 or not points.size:
        raise UserError(f"codes must have shape (samples, numbers in a code); got {points.shape}")
    if not np.isfinite(points).all():
        raise UserError("the codes hold NaN or infinity: there is nothing to map")
    classes = np.zeros(len(points), int) if labels is None else class_labels(labels, len(points))
    groups = [(str(c), classes == c) for c in np.unique(classes)]
    if points.shape[1] == 1:
        return _latent_histogram(points[:, 0], groups, labels is not None)
    names = ["z₁", "z₂"]
    title = "The code, one point per sample"
    if points.shape[1] > 2:
        flat, share = project(points)
        names = [f"principal component {i + 1} ({share[i]:.0%} of variance)" for i in (0, 1)]
        title = f"The {points.shape[1]}-number code, projected to its two widest directions"
        points = flat
    with sheet((6.6, 5.4)) as figure:
        ax = figure.subplots()
        size = float(np.clip(24_000 / len(points), 5, 30))
        # One cloud in shuffled order: drawn class after class, the last would hide the first.
        order = np.random.default_rng(0).permutation(len(points))
        of = {label: CLASSES[i % len(CLASSES)] for i, (label, _) in enumerate(groups)}
        colours = np.array([of[str(c)] for c in classes])
        ax.scatter(
            points[order, 0], points[order, 1], s=size, c=colours[order], alpha=0.55, linewidths=0
        )
        if labels is not None:
            patheffects = require("matplotlib.patheffects", extra="all", purpose="Drawing plots")
            halo = [patheffects.withStroke(linewidth=3.5, foreground="white")]
            centres = np.array([np.median(points[members], axis=0) for _, members in groups])
            for (label, _), (x, y) in zip(groups, _apart(centres, points), strict=True):
                ax.text(
                    x, y, caption(label), color=of[label], fontsize=17, fontweight="bold",
                    ha="center", va="center", path_effects=halo,
                )  # fmt: skip
                ax.scatter([], [], s=30, c=of[label], label=caption(label))
            ax.legend(title="class", loc="center left", bbox_to_anchor=(1, 0.5))
        ax.set(xlabel=names[0], ylabel=names[1], title=title)
        ax.set_aspect("equal", adjustable="datalim")
        ax.grid()
    return figure


def error_by_class(errors: npt.ArrayLike, labels: npt.ArrayLike) -> Figure:
    """Show how well each class is reconstructed: mean, median and quartiles of its errors.

    Args:
        errors: reconstruction error of each sample, e.g. its mean squared error, shape (n,).
        labels: class of each sample, shape (n,).

    Raises:
        UserError: the two do not fit together, or are empty.
    """
    values = np.asarray(errors, dtype=float)
    if values.ndim != 1 or not values.size:
        raise UserError(f"errors must be one number per sample, shape (n,); got {values.shape}")
    classes = class_labels(labels, len(values))
    names = np.unique(classes)
    parts = [values[classes == c] for c in names]
    quartiles = np.array([np.quantile(p, (0.25, 0.5, 0.75)) for p in parts])
    places = np.arange(len(names))
    with sheet((max(5.6, 1.2 + 0.55 * len(names)), 3.8)) as figure:
        ax = figure.subplots()
        bars = ax.bar(places, [p.mean() for p in parts], width=0.7, color="#bcd9ee", label="mean")
        halves = ax.vlines(
            places, quartiles[:, 0], quartiles[:, 2], color=TRAINING, lw=2,
            label="middle half of the samples",
        )  # fmt: skip
        (medians,) = ax.plot(
            places, quartiles[:, 1], "o", color=TRAINING, mfc="white", ms=5, label="median"
        )
        mean = float(values.mean())
        overall = ax.axhline(
            mean, color=VALIDATION, ls="--", lw=1.2, label=f"mean of all: {mean:.4g}"
        )
        ax.set_xticks(places, [caption(c) for c in names])
        ax.set(
            xlabel="class", ylabel="MSE per value", title="Reconstruction error by class",
            ylim=(0, None),
        )  # fmt: skip
        ax.tick_params(axis="x", length=0)
        ax.grid(axis="y")
        figure.legend(handles=[bars, medians, halves, overall], loc="outside lower center", ncols=4)
    return figure


# ---- parts


def _column(history: Sequence[Mapping[str, Any]], key: str) -> Array:
    values = [row.get(key) for row in history]
    return np.array([np.nan if v is None else v for v in values], dtype=float)


def _apart(centres: Array, points: Array) -> Array:
    """Move labels that would cover each other a little, until each can be read."""
    reach = 0.055 * float(np.ptp(points, axis=0).max())
    places = centres.copy()
    for _ in range(50):
        gaps = places[:, None] - places[None]
        distances = np.linalg.norm(gaps, axis=-1)
        close = (distances < reach) & (distances > 0)
        if not close.any():
            break
        push = (reach - distances) / 2 / np.where(distances > 0, distances, 1)
        places = places + np.where(close[..., None], gaps * push[..., None], 0).sum(axis=1)
    return places


def _latent_histogram(values: Array, groups: list[tuple[str, Array]], has_labels: bool) -> Figure:
    edges = np.histogram_bin_edges(values, bins=min(60, max(10, len(values) // 20)))
    with sheet((6.4, 3.8)) as figure:
        ax = figure.subplots()
        for i, (label, members) in enumerate(groups):
            colour = CLASSES[i % len(CLASSES)]
            counts, _ = np.histogram(values[members], edges)
            ax.stairs(counts, edges, color=colour, lw=1.6, label=caption(label))
            ax.stairs(counts, edges, color=colour, fill=True, alpha=0.12)
        ax.set(xlabel="z₁", ylabel="samples", title="The code, a single number, by class")
        if has_labels:
            ax.legend(title="class", loc="center left", bbox_to_anchor=(1, 0.5))
        else:
            ax.set_title("The code, a single number")
        ax.grid(axis="y")
    return figure
