"""Losses as modules: the functions of :mod:`tinygrad_ae.nn.functional` with their settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, cast

from ..errors import ModelError
from ..operators import TensorLike
from ..tensor import Tensor
from . import functional
from .module import Module


class Loss(Module):
    """A module that compares an input with a target by the function a subclass names.

    Args:
        reduction: ``"mean"`` over all elements, ``"sum"`` or ``"none"``.

    Raises:
        ModelError: an unknown reduction.
    """

    function: ClassVar[Callable[..., Any]]

    def __init_subclass__(cls, function: Callable[..., Any] | None = None) -> None:
        if function is not None:
            cls.function = staticmethod(function)

    def __init__(self, reduction: str = "mean") -> None:
        if reduction not in ("mean", "sum", "none"):
            raise ModelError(f"reduction must be 'mean', 'sum' or 'none'; got {reduction!r}")
        self.options: dict[str, Any] = {"reduction": reduction}

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        """Return the loss of ``input`` against ``target``."""
        return cast(Tensor, self.function(input, target, **self.options))

    def extra_repr(self) -> str:
        """Return the settings."""
        return ", ".join(f"{name}={value!r}" for name, value in self.options.items())


class MSELoss(Loss, function=functional.mse_loss):
    """Mean squared error; see :func:`functional.mse_loss`."""


class L1Loss(Loss, function=functional.l1_loss):
    """Mean absolute error; see :func:`functional.l1_loss`."""


class HuberLoss(Loss, function=functional.huber_loss):
    """Squared near 0, absolute beyond ``delta``; see :func:`functional.huber_loss`."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.options["delta"] = delta


class SmoothL1Loss(Loss, function=functional.smooth_l1_loss):
    """Absolute error with a rounded tip; see :func:`functional.smooth_l1_loss`."""

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.options["beta"] = beta


class BCELoss(Loss, function=functional.binary_cross_entropy):
    """Cross-entropy of probabilities; see :func:`functional.binary_cross_entropy`."""


class BCEWithLogitsLoss(Loss, function=functional.binary_cross_entropy_with_logits):
    """Cross-entropy of logits; see :func:`functional.binary_cross_entropy_with_logits`."""


class CrossEntropyLoss(Loss, function=functional.cross_entropy):
    """Cross-entropy of class logits; see :func:`functional.cross_entropy`."""
