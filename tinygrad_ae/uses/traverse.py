"""Traversing: move one number of a code at a time, and see what it stands for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..evaluate import Floats, decode, encode
from ..nn.protocols import Model


@dataclass(frozen=True, eq=False)
class Traversal:
    """What each number of a code does.

    Attributes:
        order: the numbers of the code, the one that changes most first, shape (k,).
        ranges: where each was moved from and to, shape (k, 2), in the code's order.
        samples: decoded, shape (k, steps, d), in the code's order.
        effect: root of the mean squared change, per value of a sample, that moving the number by
            one standard deviation of it makes on average, shape (k,).
    """

    order: NDArray[np.int64]
    ranges: Floats
    samples: Floats
    effect: NDArray[np.float64]


def traverse(
    model: Model,
    x: Floats,
    start: Floats | None = None,
    steps: int = 9,
    share: float = 0.98,
) -> Traversal:
    """Move each number of a code over the range it has in data, the others staying.

    Args:
        model: a trained autoencoder.
        x: samples whose codes give the ranges, shape (n, d).
        start: a sample, shape (d,), whose code is where one number at a time is moved; the mean
            code of ``x`` unless given.
        steps: in how many.
        share: of the codes that lie within a range; the rest is cut off at both ends.

    Raises:
        DataError: there are fewer than 2 steps or samples, samples that are not finite, or a share
            that is not within 0...1.
    """
    if steps < 2 or len(x) < 2:
        raise DataError(f"a range needs at least 2 steps and 2 samples; got {steps} and {len(x)}")
    if not 0 <= share <= 1:
        raise DataError(f"the share of codes within a range must be within 0...1; got {share}")
    z = encode(model, x)
    cut = (1 - share) / 2
    ranges = np.quantile(z, (cut, 1 - cut), axis=0).T.astype(np.float32)
    base = z.mean(0) if start is None else encode(model, start[None])[0]
    k = z.shape[1]
    codes = np.broadcast_to(base, (k, steps, k)).copy()
    for j in range(k):
        codes[j, :, j] = np.linspace(ranges[j, 0], ranges[j, 1], steps)
    samples = decode(model, codes.reshape(k * steps, k)).reshape(k, steps, -1)
    change = np.square(np.diff(samples, axis=1), dtype=np.float64).mean((1, 2))
    step = (ranges[:, 1] - ranges[:, 0]) / (steps - 1)
    per_unit = np.sqrt(change) / np.where(step > 0, step, 1)
    effect = per_unit * z.std(0)
    return Traversal(np.argsort(-effect, kind="stable"), ranges, samples, effect)
