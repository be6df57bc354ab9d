"""Losses as modules: the functions of :mod:`tinygrad_ae.nn.functional` with their settings."""

from __future__ import annotations

from typing import cast

from ..core.tensor import Tensor
from ..core.value import TensorLike
from ..errors import ModelError
from . import functional
from .activations import FunctionModule


class Loss(FunctionModule):
    """A module that compares an input with a target.

    Args:
        reduction: ``"mean"`` over all elements, ``"sum"`` or ``"none"``.

    Raises:
        ModelError: an unknown reduction.
    """

    def __init__(self, reduction: str = "mean") -> None:
        if reduction not in ("mean", "sum", "none"):
            raise ModelError(f"reduction must be 'mean', 'sum' or 'none'; got {reduction!r}")
        self.reduction = reduction

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:  # type: ignore[override]
        """Return the loss of ``input`` against ``target``."""
        return cast(Tensor, self.function(input, target, **self.settings()))


class MSELoss(Loss, function=functional.mse_loss):
    """Mean squared error; see :func:`functional.mse_loss`."""


class L1Loss(Loss, function=functional.l1_loss):
    """Mean absolute error; see :func:`functional.l1_loss`."""


class HuberLoss(Loss, function=functional.huber_loss):
    """Squared near 0, absolute beyond ``delta``; see :func:`functional.huber_loss`."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = delta


class SmoothL1Loss(Loss, function=functional.smooth_l1_loss):
    """Absolute error with a rounded tip; see :func:`functional.smooth_l1_loss`."""

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = beta


class BCELoss(Loss, function=functional.binary_cross_entropy):
    """Cross-entropy of probabilities; see :func:`functional.binary_cross_entropy`."""


class BCEWithLogitsLoss(Loss, function=functional.binary_cross_entropy_with_logits):
    """Cross-entropy of logits; see :func:`functional.binary_cross_entropy_with_logits`."""


class CrossEntropyLoss(Loss, function=functional.cross_entropy):
    """Cross-entropy of class logits; see :func:`functional.cross_entropy`."""
