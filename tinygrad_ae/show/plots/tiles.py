"""Plots of many small pictures: samples with their reconstructions, and filters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ...errors import UserError
from ...util.colours import SIGNS
from .canvas import (
    INK,
    TRAINING,
    VALIDATION,
    Array,
    bare,
    caption,
    class_labels,
    colour_bar,
    sheet,
    signed_colours,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROOM = 0.05  # above and below lines, of their range


def reconstructions(
    x: npt.ArrayLike,
    x_hat: npt.ArrayLike,
    shape: Sequence[int],
    labels: npt.ArrayLike | None = None,
) -> Figure:
    """Show samples above their reconstructions above the error x̂ − x.

    Args:
        x: samples, shape (n, ...), as many numbers each as ``shape`` holds.
        x_hat: their reconstructions, same shape.
        shape: of one sample: (height, width), (height, width, channels) for 1, 3 or 4
            channels, or anything else to be drawn as a line.
        labels: class of each sample, shape (n,); then the first sample of each class is
            shown, up to ten classes, instead of the first ten samples.

    Raises:
        UserError: the arrays do not fit together, or hold no sample.
    """
    samples, copies = _rows(x, "x", shape), _rows(x_hat, "x_hat", shape)
    if samples.shape != copies.shape:
        raise UserError(f"x holds {len(samples)} samples but x_hat {len(copies)}")
    classes = None if labels is None else class_labels(labels, len(samples))
    if classes is None:
        chosen = np.arange(min(10, len(samples)))
    else:
        chosen = np.sort(np.unique(classes, return_index=True)[1])
        chosen = chosen[np.argsort(classes[chosen], kind="stable")][:10]
    samples, copies = samples[chosen], copies[chosen]
    errors = copies - samples
    headings = ["" if classes is None else caption(classes[i]) for i in chosen]
    with sheet((max(4.6, 1.1 + 0.84 * len(chosen)), 3.0)) as figure:
        mse = float(np.mean(np.square(errors)))
        figure.suptitle(
            f"Input, reconstruction and error (MSE of these {len(chosen)}: {mse:.4f})",
            x=0.01,
            ha="left",
        )
        axes = figure.subplots(3, len(chosen), squeeze=False)
        if is_image(shape):
            _image_rows(figure, axes, samples, copies, errors, shape)
        else:
            channels = channels_of(shape)
            _line_rows(axes, samples, copies, errors, channels)
            figure.legend(
                handles=[*axes[1, 0].lines[::channels], axes[2, 0].lines[1]],
                loc="outside lower center",
                ncols=3,
            )
        for ax, heading in zip(axes[0], headings, strict=True):
            ax.set_title(heading, loc="center", fontsize=9, fontweight="normal")
        for ax, row in zip(axes[:, 0], ("input x", "output x̂", "error x̂ − x"), strict=True):
            ax.set_ylabel(row, rotation=0, ha="right", va="center", labelpad=8)
    return figure


def filters(W: npt.ArrayLike, shape: Sequence[int]) -> Figure:
    """Show what each unit of the first layer responds to: the rows of its weight matrix.

    Up to 64 units, the ones with the largest norm first; zero is white, and all units share
    one scale.

    Args:
        W: weights, shape (units, features), as ``nn.Linear.weight`` lies.
        shape: of one sample.

    Raises:
        UserError: ``W`` does not have one column per number of a sample.
    """
    weights = _rows(W, "W", shape)
    norms = np.linalg.norm(weights, axis=1)
    chosen = np.argsort(-norms, kind="stable")[:64]
    columns = min(16 if len(chosen) > 32 else 8, len(chosen))
    rows = -(-len(chosen) // columns)
    limit = _limit(weights[chosen])
    size = 0.6 if is_image(shape) else 0.8
    with sheet((1.1 + max(size * columns, 3.6), 0.6 + size * rows)) as figure:
        of = f"{len(chosen)} of {len(weights)}" if len(chosen) < len(weights) else f"{len(weights)}"
        figure.suptitle(f"First-layer filters: {of} units, largest norm first", x=0.01, ha="left")
        if is_image(shape):
            figure.supxlabel(f"weights: {SIGNS}", fontsize=8)
        else:
            figure.supxlabel("weight of each value of a sample; grey: 0", fontsize=8)
        axes = figure.subplots(rows, columns, squeeze=False)
        for ax in axes.flat:
            bare(ax)
        image = None
        for ax, unit in zip(axes.flat, chosen, strict=False):
            if not is_image(shape):
                ax.axhline(0, color="#cccccc", lw=0.6)
                ax.plot(weights[unit].reshape(-1, channels_of(shape)), color=TRAINING, lw=0.9)
                ax.set_ylim(-1.05 * limit, 1.05 * limit)
                continue
            # A filter over colours has signs: show its mean over the channels.
            values = weights[unit].reshape(*shape[:2], -1).mean(axis=-1)
            image = ax.imshow(values, cmap=signed_colours(), vmin=-limit, vmax=limit)
        if image is not None:
            colour_bar(figure, image, axes, label="weight", aspect=14)
    return figure


def _rows(x: npt.ArrayLike, name: str, shape: Sequence[int]) -> Array:
    """Return one flat row per sample."""
    values = np.asarray(x, dtype=float)
    features = int(np.prod(shape, dtype=int))
    if values.ndim < 2 or not len(values) or values[0].size != features:
        raise UserError(
            f"{name} has shape {values.shape}; expected one or more rows of {features} numbers, "
            f"since a sample has shape {tuple(shape)}"
        )
    return values.reshape(len(values), features)


def is_image(shape: Sequence[int]) -> bool:
    """Whether it can be looked at: what is one value wide (or high) is a signal."""
    return len(shape) in (2, 3) and min(shape[:2]) > 1 and (*shape, 1)[2] in (1, 3, 4)


def _limit(values: Array) -> float:
    """Return the largest magnitude: the end of a scale that is symmetric about zero."""
    finite = np.abs(values[np.isfinite(values)])
    return float(finite.max()) or 1.0 if finite.size else 1.0


def value_range(values: Array, shape: Sequence[int]) -> tuple[float, float]:
    """Return the ends of a scale for samples of a shape.

    For pictures they are 0 and 1 where all values lie within; what is drawn as lines gets room.
    """
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if is_image(shape):
        return (0.0, 1.0) if low >= 0 and high <= 1 else (low, high if high > low else low + 1)
    room = _ROOM * (high - low) or 0.5
    return low - room, high + room


def _image_rows(
    figure: Figure, axes: Array, samples: Array, copies: Array, errors: Array, shape: Sequence[int]
) -> None:
    low, high = value_range(samples, shape)
    limit, signs = _limit(errors), signed_colours()
    image = None
    for k in range(len(samples)):
        for ax, values in zip(axes[:2, k], (samples[k], copies[k]), strict=True):
            pixels = np.clip((values.reshape(shape) - low) / (high - low), 0, 1)
            grey = pixels.ndim == 3 and pixels.shape[2] == 1
            ax.imshow(pixels[..., 0] if grey else pixels, cmap="gray", vmin=0, vmax=1)
        difference = errors[k].reshape(*shape[:2], -1).mean(axis=-1)  # over the channels
        image = axes[2, k].imshow(difference, cmap=signs, vmin=-limit, vmax=limit)
    for ax in axes.flat:
        bare(ax)
    # Beside all rows, so that they stay aligned, but as high as the last.
    colour_bar(figure, image, axes, shrink=0.28, aspect=9, anchor=(0, 0.02))


def channels_of(shape: Sequence[int]) -> int:
    """Return how many lines a sample is drawn as, if it is no image."""
    return shape[2] if len(shape) == 3 else 1


def _line_rows(axes: Array, samples: Array, copies: Array, errors: Array, channels: int) -> None:
    samples, copies, errors = (x.reshape(len(x), -1, channels) for x in (samples, copies, errors))
    both = np.concatenate([samples, copies])
    low, high = float(np.nanmin(both)), float(np.nanmax(both))
    room = _ROOM * (high - low) or 0.5
    limit = _limit(errors)
    for k in range(len(samples)):
        axes[0, k].plot(samples[k], color=INK, lw=1)
        axes[1, k].plot(samples[k], color="#c8c8c8", lw=1, label="input, to compare with")
        axes[1, k].plot(copies[k], color=TRAINING, lw=1, label="reconstruction")
        axes[2, k].axhline(0, color="#c8c8c8", lw=0.8)
        axes[2, k].plot(errors[k], color=VALIDATION, lw=1, label="error")
        for ax in axes[:2, k]:
            ax.set_ylim(low - room, high + room)
        axes[2, k].set_ylim(-1.05 * limit, 1.05 * limit)
    for ax in axes.flat:
        bare(ax)
    _ends(axes[1, -1], low, high)
    _ends(axes[2, -1], -limit, limit)
    axes[2, 0].set(xlabel="index of the value", xticks=[0, samples.shape[1] - 1])


def _ends(ax: Axes, low: float, high: float) -> None:
    """Write the ends of the scale that a row shares, on the row's right."""
    ax.yaxis.tick_right()
    ax.set_yticks([low, high], [f"{v:.3g}".replace("-", "−") for v in (low, high)])
    ax.tick_params(length=0)
