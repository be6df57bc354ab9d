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
    """A module that compares an input with a target.

    Args:
        reduction: ``"mean"`` over all elements, ``"sum"`` or ``"none"``.

    Raises:
        ModelError: an unknown reduction.
    """

    function: ClassVar[Callable[..., Any]]

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


class MSELoss(Loss):
    """Mean squared error; see :func:`functional.mse_loss`."""

    function = staticmethod(functional.mse_loss)


class L1Loss(Loss):
    """Mean absolute error; see :func:`functional.l1_loss`."""

    function = staticmethod(functional.l1_loss)


class HuberLoss(Loss):
    """Squared near 0, absolute beyond ``delta``; see :func:`functional.huber_loss`."""

    function = staticmethod(functional.huber_loss)

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.options["delta"] = delta


class SmoothL1Loss(Loss):
    """Absolute error with a rounded tip; see :func:`functional.smooth_l1_loss`."""

    function = staticmethod(functional.smooth_l1_loss)

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.options["beta"] = beta


class BCELoss(Loss):
    """Cross-entropy of probabilities; see :func:`functional.binary_cross_entropy`."""

    function = staticmethod(functional.binary_cross_entropy)


class BCEWithLogitsLoss(Loss):
    """Cross-entropy of logits; see :func:`functional.binary_cross_entropy_with_logits`."""

    function = staticmethod(functional.binary_cross_entropy_with_logits)


class CrossEntropyLoss(Loss):
    """Cross-entropy of class logits; see :func:`functional.cross_entropy`."""

    function = staticmethod(functional.cross_entropy)
