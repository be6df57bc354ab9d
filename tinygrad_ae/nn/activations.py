"""Activation functions as modules; each is an operation of :mod:`tinygrad_ae.ops` applied."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar, cast

from .. import ops
from ..core.tensor import Tensor, as_tensor
from ..core.value import TensorLike
from ..errors import ModelError, did_you_mean
from .module import Module


class FunctionModule(Module):
    """A function f as a module: ``class ReLU(FunctionModule, function=relu)``.

    Those of its attributes that f takes as arguments of the same name are its settings.
    """

    function: ClassVar[Callable[..., Any]]
    arguments: ClassVar[tuple[str, ...]]

    def __init_subclass__(cls, function: Callable[..., Any] | None = None) -> None:
        if function is not None:
            cls.function = staticmethod(function)
            cls.arguments = tuple(inspect.signature(function).parameters)

    def forward(self, x: TensorLike) -> Tensor:
        """Return f(x)."""
        return cast(Tensor, self.function(as_tensor(x), **self.settings()))

    def settings(self) -> dict[str, Any]:
        """Return the settings by name."""
        own = vars(self)
        return {name: own[name] for name in self.arguments if name in own}

    def extra_repr(self) -> str:
        """Return the settings."""
        given = self.settings().items()
        return ", ".join(f"{name}={value!r}" for name, value in given if value is not None)


class Activation(FunctionModule):
    """A module without parameters: y = f(x), of the shape of x."""


class Identity(Activation, function=lambda x: x):
    """y = x: a linear output, or a layer left out."""


class ReLU(Activation, function=ops.relu):
    """max(0, x), the rectified linear unit (Nair & Hinton 2010)."""


class LeakyReLU(Activation, function=ops.leaky_relu):
    """X where positive, else ``negative_slope`` · x (Maas et al. 2013)."""

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope


class ELU(Activation, function=ops.elu):
    """X where positive, else ``alpha`` (eˣ - 1) (Clevert et al. 2016)."""

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha


class SELU(Activation, function=ops.selu):
    """Self-normalising exponential linear unit (Klambauer et al. 2017)."""


class GELU(Activation, function=ops.gelu):
    """x Φ(x), Φ the normal distribution function (Hendrycks & Gimpel 2016).

    Args:
        approximate: ``"tanh"`` for their faster approximation.
    """

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = approximate


class SiLU(Activation, function=ops.silu):
    """x σ(x), also called swish (Elfwing et al. 2018)."""


class Sigmoid(Activation, function=ops.sigmoid):
    """σ(x) = 1 / (1 + e⁻ˣ), in (0, 1)."""


class Tanh(Activation, function=ops.tanh):
    """Hyperbolic tangent, in (-1, 1)."""


class Hardtanh(Activation, function=ops.hardtanh):
    """X limited to [``min_val``, ``max_val``]."""

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0) -> None:
        if not min_val < max_val:
            raise ModelError(f"Hardtanh: min_val {min_val} must be below max_val {max_val}")
        self.min_val, self.max_val = min_val, max_val


class Softplus(Activation, function=ops.softplus):
    """log(1 + eˣ), a smooth ReLU."""


class Softmax(Activation, function=ops.softmax):
    """Exponentials normalised to sum 1 over ``axis``."""

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis


class LogSoftmax(Activation, function=ops.log_softmax):
    """Logarithm of the softmax over ``axis``, exact where that underflows."""

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis


ACTIVATIONS: dict[str, type[Activation]] = {
    "identity": Identity, "relu": ReLU, "leaky_relu": LeakyReLU, "elu": ELU, "selu": SELU,
    "gelu": GELU, "silu": SiLU, "sigmoid": Sigmoid, "tanh": Tanh, "hardtanh": Hardtanh,
    "softplus": Softplus, "softmax": Softmax, "log_softmax": LogSoftmax,
}  # fmt: skip


def activation(name: str) -> Activation:
    """Return the activation of that name with its default settings, e.g. ``"leaky_relu"``.

    Raises:
        ModelError: an unknown name; the message suggests the nearest.
    """
    key = name.lower().replace("-", "_")
    if key not in ACTIVATIONS:
        known = ", ".join(ACTIVATIONS) + "." + did_you_mean(key, ACTIVATIONS)
        raise ModelError(f"unknown activation {name!r}; known: {known}")
    return ACTIVATIONS[key]()
