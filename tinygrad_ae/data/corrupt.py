"""Corruptions x̃ ~ q(x̃ | x): what a denoising autoencoder has to undo.

Each takes samples of shape (n, ...) with values in 0...1, an array or a tensor, and gives the
like. They are made of operations only: a corruption of tensors is part of the graph, which draws
afresh each time it is run. The first two axes after n (or the only one) are where neighbours lie
next to each other; further axes are channels. A window of a signal has the shape (times, 1,
channels).

Masking, salt-and-pepper and Gaussian noise are those of P. Vincent et al., "Stacked Denoising
Autoencoders", JMLR 11 (2010), section 3.3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import ops
from ..errors import DataError, did_you_mean

Generator = np.random.Generator
Corruption = Callable[[Any], Any]


def gaussian(x: Any, strength: float = 0.5, generator: Generator | None = None) -> Any:
    """Add normal noise of standard deviation ``strength``, and clip to 0...1."""
    _check("gaussian", "a standard deviation", strength, math.inf)
    return ops.clip(ops.normal(x, x, strength, generator), 0.0, 1.0)


def masking(x: Any, strength: float = 0.5, generator: Generator | None = None) -> Any:
    """Set each value to 0 with probability ``strength``."""
    _check("masking", "a probability", strength, 1)
    return x * ops.bernoulli(x, 1 - strength, generator)


def salt_and_pepper(x: Any, strength: float = 0.25, generator: Generator | None = None) -> Any:
    """Set each value, with probability ``strength``, to 0 or to 1, both as likely."""
    _check("salt_and_pepper", "a probability", strength, 1)
    u = ops.uniform(x, generator=generator)
    return ops.where(u < strength / 2, 0.0, ops.where(u < strength, 1.0, x))


def blur(x: Any, strength: float = 1.0, generator: Generator | None = None) -> Any:
    """Average neighbours, weighted by a normal density ``strength`` pixels wide (its deviation).

    At the border the weights of the neighbours that exist are scaled to sum 1. Nothing is drawn.
    """
    _check("blur", "a width in pixels", strength, math.inf)
    for axis in _places(x) if strength else ():
        i = np.arange(x.shape[axis])
        weights = np.exp(-0.5 * ((i[:, None] - i) / strength) ** 2)
        weights /= weights.sum(1, keepdims=True)
        x = ops.moveaxis(x, axis, -1) @ weights.T.astype(x.dtype)
        x = ops.moveaxis(x, -1, axis)
    return x


def occlusion(x: Any, strength: float = 0.25, generator: Generator | None = None) -> Any:
    """Set a box to 0, somewhere in each sample, that covers the share ``strength`` of it.

    The box has the sample's proportions, in whole pixels. Of a signal it is a stretch of time.
    """
    _check("occlusion", "a share", strength, 1)
    places = _places(x)
    one_each = x[(slice(None), *(slice(1) for _ in x.shape[1:]))]  # shape (n, 1, ...)
    inside: Any = True
    for axis in places:
        length = x.shape[axis]
        width = round(length * strength ** (1 / len(places)))
        start = ops.floor(ops.uniform(one_each, 0, length - width + 1, generator))
        i = np.arange(length).reshape([-1 if k == axis else 1 for k in range(x.ndim)])
        inside = ops.logical_and(inside, ops.logical_and(start <= i, i < start + width))
    return ops.where(inside, 0.0, x)


def dropout(x: Any, strength: float = 0.25, generator: Generator | None = None) -> Any:
    """Lose each time of a signal with probability ``strength``, in all channels.

    What is lost is the channel's mean over the window, which a receiver that hears nothing rests
    at. (0 would be the lowest value there is.)
    """
    _check("dropout", "a probability", strength, 1)
    times = x[(slice(None), slice(None), *(slice(1) for _ in x.shape[2:]))]
    lost = ops.uniform(times, generator=generator) < strength
    return ops.where(lost, x.mean(1, keepdims=True), x)


def drift(x: Any, strength: float = 0.3, generator: Generator | None = None) -> Any:
    """Add a slow wave along the first axis, as a sensor's baseline wanders, and clip to 0...1.

    Its amplitude is ``strength``; each sample draws the wave's phase and its frequency, up to
    one period in the sample.
    """
    _check("drift", "an amplitude", strength, math.inf)
    one_each = x[(slice(None), *(slice(1) for _ in x.shape[1:]))]
    frequency = ops.uniform(one_each, generator=generator)
    phase = ops.uniform(one_each, generator=generator)
    t = np.linspace(0, 1, x.shape[1]).reshape(-1, *(1 for _ in x.shape[2:])).astype(x.dtype)
    wave = strength * ops.sin(2 * math.pi * (frequency * t + phase))
    return ops.clip(x + wave, 0.0, 1.0)


KINDS: dict[str, Callable[[Any, float, Generator | None], Any]] = {
    "gaussian": gaussian,
    "masking": masking,
    "salt_and_pepper": salt_and_pepper,
    "blur": blur,
    "occlusion": occlusion,
    "dropout": dropout,
    "drift": drift,
}
_PLACED = (
    "blur",
    "occlusion",
    "dropout",
    "drift",
)  # where a value stands in its sample matters to these


def corruption(
    kinds: Sequence[str],
    strengths: Sequence[float],
    sample_shape: Sequence[int] | None = None,
    generator: Generator | None = None,
) -> Corruption:
    """Return the function that applies several corruptions, one after the other, to flat samples.

    Args:
        kinds: names, of ``KINDS``, in order.
        strengths: one for each; what it means is its corruption's to say.
        sample_shape: of one sample, (28, 28) for 784 pixels, which blur, occlusion, dropout and
            drift have to know; that of a signal of one channel is (d,).
        generator: draws; the default generator (see ``manual_seed``) unless given.

    Returns:
        A function from x, shape (n, d), to x̃ of the same shape.

    Raises:
        DataError: a name is unknown, strengths are missing or too many or, when it is called,
            out of range, or the sample's shape is missing or does not have d elements.
    """
    for kind in kinds:
        if kind not in KINDS:
            raise DataError(
                f"there is no corruption named {kind!r}.{did_you_mean(kind, KINDS)} "
                f"Known are: {', '.join(KINDS)}."
            )
        if kind in _PLACED and sample_shape is None:
            raise DataError(
                f"the corruption {kind} needs the shape of a sample: (28, 28) for images of "
                "784 pixels, (784,) for signals"
            )
    if len(kinds) != len(strengths):
        raise DataError(
            f"each corruption needs one strength; got {len(strengths)} for "
            f"{', '.join(kinds) or 'no corruption'}"
        )
    shape = None if sample_shape is None else tuple(sample_shape)

    def corrupt(x: Any) -> Any:
        if shape is not None and math.prod(shape) != math.prod(x.shape[1:]):
            raise DataError(
                f"samples of {math.prod(x.shape[1:])} values cannot have the shape {shape}"
            )
        y = x if shape is None else x.reshape((len(x), *shape))
        for kind, strength in zip(kinds, strengths, strict=True):
            y = KINDS[kind](y, strength, generator)
        return y.reshape(x.shape)

    return corrupt


def _places(x: Any) -> list[int]:
    """Return the axes along which values have neighbours."""
    return [axis for axis in range(1, min(x.ndim, 3)) if x.shape[axis] > 1] or [1]


def _check(kind: str, what: str, strength: float, most: float) -> None:
    if not 0 <= strength <= most or math.isinf(strength):
        limits = "at least 0" if math.isinf(most) else f"in [0, {most}]"
        raise DataError(f"the strength of {kind} is {what}, {limits}; got {strength}")
