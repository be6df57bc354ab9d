"""Activation functions as modules; each is an operation of :mod:`tinygrad_ae.ops` applied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, cast

from .. import ops
from ..errors import ModelError, did_you_mean
from ..operators import TensorLike
from ..tensor import Tensor, as_tensor
from .module import Module


class Activation(Module):
    """A module without parameters: y = f(x), of the shape of x."""

    function: ClassVar[Callable[..., Any]]
    options: dict[str, Any] = {}  # noqa: RUF012 - never changed, replaced by subclasses

    def forward(self, x: TensorLike) -> Tensor:
        """Return f(x)."""
        return cast(Tensor, self.function(as_tensor(x), **self.options))

    def extra_repr(self) -> str:
        """Return the options."""
        return ", ".join(f"{name}={value}" for name, value in self.options.items())


class Identity(Activation):
    """y = x: a linear output, or a layer left out."""

    function = staticmethod(lambda x: x)


class ReLU(Activation):
    """max(0, x), the rectified linear unit (Nair & Hinton 2010)."""

    function = staticmethod(ops.relu)


class LeakyReLU(Activation):
    """X where positive, else ``negative_slope`` · x (Maas et al. 2013)."""

    function = staticmethod(ops.leaky_relu)

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.options = {"negative_slope": negative_slope}


class ELU(Activation):
    """X where positive, else ``alpha`` (eˣ - 1) (Clevert et al. 2016)."""

    function = staticmethod(ops.elu)

    def __init__(self, alpha: float = 1.0) -> None:
        self.options = {"alpha": alpha}


class SELU(Activation):
    """Self-normalising exponential linear unit (Klambauer et al. 2017)."""

    function = staticmethod(ops.selu)


class GELU(Activation):
    """x Φ(x), Φ the normal distribution function (Hendrycks & Gimpel 2016).

    Args:
        approximate: ``"tanh"`` for their faster approximation.
    """

    function = staticmethod(ops.gelu)

    def __init__(self, approximate: str = "none") -> None:
        self.options = {"approximate": approximate}


class SiLU(Activation):
    """x σ(x), also called swish (Elfwing et al. 2018)."""

    function = staticmethod(ops.silu)


class Sigmoid(Activation):
    """σ(x) = 1 / (1 + e⁻ˣ), in (0, 1)."""

    function = staticmethod(ops.sigmoid)


class Tanh(Activation):
    """Hyperbolic tangent, in (-1, 1)."""

    function = staticmethod(ops.tanh)


class Hardtanh(Activation):
    """X limited to [``min_val``, ``max_val``]."""

    function = staticmethod(ops.hardtanh)

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0) -> None:
        if not min_val < max_val:
            raise ModelError(f"Hardtanh: min_val {min_val} must be below max_val {max_val}")
        self.options = {"min_val": min_val, "max_val": max_val}


class Softplus(Activation):
    """log(1 + eˣ), a smooth ReLU."""

    function = staticmethod(ops.softplus)


class Softmax(Activation):
    """Exponentials normalised to sum 1 over ``axis``."""

    function = staticmethod(ops.softmax)

    def __init__(self, axis: int = -1) -> None:
        self.options = {"axis": axis}


class LogSoftmax(Activation):
    """Logarithm of the softmax over ``axis``, exact where that underflows."""

    function = staticmethod(ops.log_softmax)

    def __init__(self, axis: int = -1) -> None:
        self.options = {"axis": axis}


ACTIVATIONS: dict[str, type[Activation]] = {
    "identity": Identity,
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "elu": ELU,
    "selu": SELU,
    "gelu": GELU,
    "silu": SiLU,
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "hardtanh": Hardtanh,
    "softplus": Softplus,
    "softmax": Softmax,
    "log_softmax": LogSoftmax,
}


def activation(name: str) -> Activation:
    """Return the activation of that name with its default settings, e.g. ``"leaky_relu"``.

    Raises:
        ModelError: an unknown name; the message suggests the nearest.
    """
    key = name.lower().replace("-", "_")
    if key not in ACTIVATIONS:
        raise ModelError(
            f"unknown activation {name!r}; known: {', '.join(ACTIVATIONS)}."
            + did_you_mean(key, ACTIVATIONS)
        )
    return ACTIVATIONS[key]()
