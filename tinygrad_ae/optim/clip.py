"""Limits on gradients, applied in place between ``backward`` and ``step``."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from ..core import inplace
from ..core.graph import in_place
from ..core.tensor import Tensor
from ..errors import NonFiniteError
from .optimizer import within


@in_place
def clip_grad_norm_(parameters: Iterable[Tensor], max_norm: float) -> float:
    """Scale all gradients by one factor so that their joint Euclidean norm is ≤ ``max_norm``.

    Returns:
        The norm before.

    Raises:
        NonFiniteError: a gradient is not finite; scaling would spread the NaN to all.
        ModelError: ``max_norm`` is negative.

    Source: Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural
    networks", algorithm 1.
    """
    max_norm = within("max_norm", float(max_norm))
    with_grad = [(p, p.grad) for p in parameters if p.grad is not None]
    squares = [float(np.sum(np.square(g.data, dtype=np.float64))) for _, g in with_grad]
    norm = math.sqrt(sum(squares))
    if not math.isfinite(norm):
        bad = next(p for (p, _), s in zip(with_grad, squares, strict=True) if not math.isfinite(s))
        raise NonFiniteError(
            f"the gradient of {bad.label()} is not finite, so it cannot be clipped to a norm. "
            "Run the step inside detect_anomaly() to find where it comes from."
        )
    if norm > max_norm:
        for _, g in with_grad:
            np.multiply(g.data, max_norm / norm, out=g.data)
            inplace.mark(inplace.overwritten, g.data, "clip_grad_norm_")
    return norm


@in_place
def clip_grad_value_(parameters: Iterable[Tensor], clip_value: float) -> None:
    """Limit every element of every gradient to [-``clip_value``, ``clip_value``].

    Raises:
        ModelError: ``clip_value`` is negative.
    """
    clip_value = within("clip_value", float(clip_value))
    for p in parameters:
        if p.grad is not None:
            np.clip(p.grad.data, -clip_value, clip_value, out=p.grad.data)
            inplace.mark(inplace.overwritten, p.grad.data, "clip_grad_value_")
