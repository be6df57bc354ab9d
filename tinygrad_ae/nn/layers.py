"""Layers: modules with parameters or settings of their own."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from .. import ops
from ..core.graph import state
from ..core.messages import misfit
from ..core.tensor import Tensor, as_tensor
from ..errors import ModelError, ShapeError
from ..ops.op import Array
from ..util.random import Source
from . import functional, init
from .activations import FunctionModule
from .module import Module
from .parameter import Buffer, Parameter


class Linear(Module):
    """y = x Wᵀ + b.

    Weights and bias start uniformly in ±1/√in_features (PyTorch's default; LeCun et al. 1998,
    "Efficient backprop", section 4.6, is where the scale comes from).

    Args:
        in_features: length of the last axis of x.
        out_features: length of the last axis of y.
        bias: whether there is a b.
        generator: source of the initial values; by default ``default_generator``.
        dtype: float32 or float64.

    Attributes:
        weight: W, shape (out_features, in_features).
        bias: b, shape (out_features,), or None.
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *,
        generator: Source = None, dtype: npt.DTypeLike = np.float32,
    ) -> None:  # fmt: skip
        self.in_features = _count("Linear", "in_features", in_features)
        self.out_features = _count("Linear", "out_features", out_features)
        self.weight = Parameter(np.empty((out_features, in_features), dtype))
        self.bias = Parameter(np.empty(out_features, dtype)) if bias else None
        bound = 1 / math.sqrt(in_features)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound, generator)

    def forward(self, x: Tensor | Array) -> Tensor:
        """Map (…, in_features) to (…, out_features).

        Raises:
            ShapeError: another number of features.
        """
        x = as_tensor(x)
        if x.ndim == 0 or x.shape[-1] != self.in_features:
            raise _misfit(self, f"(…, {self.in_features})", x)
        return functional.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Return the sizes."""
        sizes = f"in_features={self.in_features}, out_features={self.out_features}"
        return f"{sizes}, bias={self.bias is not None}"


class Flatten(Module):
    """Join all axes from ``start_dim`` on: (batch, 28, 28) becomes (batch, 784)."""

    def __init__(self, start_dim: int = 1) -> None:
        self.start_dim = start_dim

    def forward(self, x: Tensor | Array) -> Tensor:
        """Return ``x`` with its last axes joined.

        Raises:
            ShapeError: ``x`` has no axis ``start_dim``.
        """
        x = as_tensor(x)
        if not -x.ndim <= self.start_dim < x.ndim:
            raise _misfit(self, f"more than {self.start_dim} axes", x)
        return x.reshape(*x.shape[: self.start_dim], math.prod(x.shape[self.start_dim :]))

    def extra_repr(self) -> str:
        """Return the first axis joined."""
        return f"start_dim={self.start_dim}"


class Unflatten(Module):
    """Split the last axis into several: with (28, 28), (batch, 784) becomes (batch, 28, 28)."""

    def __init__(self, shape: Iterable[int]) -> None:
        self.shape = tuple(_count("Unflatten", "each length", n) for n in shape)

    def forward(self, x: Tensor | Array) -> Tensor:
        """Return ``x`` with its last axis split.

        Raises:
            ShapeError: its length is not the product of the new ones.
        """
        x = as_tensor(x)
        if x.ndim == 0 or x.shape[-1] != math.prod(self.shape):
            raise _misfit(self, f"(…, {math.prod(self.shape)})", x)
        return x.reshape(*x.shape[:-1], *self.shape)

    def extra_repr(self) -> str:
        """Return the new axes."""
        return f"{self.shape}"


class Dropout(Module):
    """In training, zero elements with probability ``p``; see :func:`functional.dropout`."""

    def __init__(self, p: float = 0.5, generator: Source = None) -> None:
        if not 0 <= p < 1:
            raise ModelError(f"Dropout: p must be at least 0 and less than 1; got {p}")
        self.p, self.generator = p, generator

    def forward(self, x: Tensor | Array) -> Tensor:
        """Return ``x`` with random zeros in training, ``x`` itself otherwise."""
        return functional.dropout(x, self.p, self.training, self.generator)

    def extra_repr(self) -> str:
        """Return the probability."""
        return f"p={self.p}"


class LayerNorm(FunctionModule, function=functional.layer_norm):
    """Normalise each sample over its last axes; see :func:`functional.layer_norm`.

    Args:
        normalized_shape: lengths of those axes.
        eps: added to the variance.
        elementwise_affine: whether to learn a scale and a shift.
        dtype: float32 or float64.
    """

    def __init__(
        self, normalized_shape: int | Iterable[int], eps: float = 1e-5,
        elementwise_affine: bool = True, *, dtype: npt.DTypeLike = np.float32,
    ) -> None:  # fmt: skip
        lengths = (normalized_shape,) if isinstance(normalized_shape, int) else normalized_shape
        shape = tuple(_count("LayerNorm", "each length", n) for n in lengths)
        self.normalized_shape, self.eps = shape, eps
        self.weight = Parameter(np.ones(shape, dtype)) if elementwise_affine else None
        self.bias = Parameter(np.zeros(shape, dtype)) if elementwise_affine else None

    def extra_repr(self) -> str:
        """Return the settings."""
        affine = self.weight is not None
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={affine}"


class BatchNorm1d(Module):
    """Normalise each feature over the batch; in evaluation, with running statistics.

    y = (x - mean) / √(var + eps) · weight + bias. Training normalises with the batch's biased
    variance and moves the running statistics by ``momentum`` towards the batch's mean and
    unbiased variance, as PyTorch does. A last batch that is much smaller than the others has its
    say in them like any: ``fit(..., drop_last=True)`` leaves it out. Source: Ioffe & Szegedy 2015,
    algorithm 1.

    Args:
        num_features: C, length of axis 1.
        eps: added to the variance.
        momentum: weight of a new batch in the running statistics, in [0, 1].
        affine: whether to learn a scale and a shift.
        dtype: float32 or float64.

    Attributes:
        running_mean: buffer of shape (C,).
        running_var: buffer of shape (C,).
    """

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = True, *,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:  # fmt: skip
        n = self.num_features = _count("BatchNorm1d", "num_features", num_features)
        self.eps, self.momentum = eps, momentum
        self.weight = Parameter(np.ones(n, dtype)) if affine else None
        self.bias = Parameter(np.zeros(n, dtype)) if affine else None
        self.running_mean: Tensor = Buffer(np.zeros(n, dtype))
        self.running_var: Tensor = Buffer(np.ones(n, dtype))

    def forward(self, x: Tensor | Array) -> Tensor:
        """Normalise an input (batch, C) or (batch, C, length).

        Raises:
            ShapeError: another shape, or in training a single value per feature.
        """
        x = as_tensor(x)
        if x.ndim not in (2, 3) or x.shape[1] != self.num_features:
            raise _misfit(self, f"(batch, {self.num_features}[, length])", x)
        mean, var = self._moments(x) if self.training else (self.running_mean, self.running_var)
        column = (-1,) + (1,) * (x.ndim - 2)
        y: Tensor = (x - mean.reshape(column)) * ops.rsqrt(var.reshape(column) + self.eps)
        if self.weight is not None and self.bias is not None:
            y = y * self.weight.reshape(column) + self.bias.reshape(column)
        return y

    def _moments(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the batch's mean and variance, and move the running ones towards them."""
        count = x.size // self.num_features
        if count < 2:
            raise misfit(
                f"{_named(self)} in training needs more than one value per feature to normalise "
                f"with; got an input {x.shape}. Use a larger batch, or leave a last batch of 1 out "
                "(fit(..., drop_last=True), train --drop-last), or call eval()."
            )
        axes = (0, *range(2, x.ndim))
        mean, var = x.mean(axes), x.var(axes)
        if not state.repeating:
            unbiased = var.detach() * (count / (count - 1))
            self.running_mean += self.momentum * (mean.detach() - self.running_mean)
            self.running_var += self.momentum * (unbiased - self.running_var)
        return mean, var

    def extra_repr(self) -> str:
        """Return the settings."""
        affine = self.weight is not None
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={affine}"


def _count(layer: str, what: str, value: int) -> int:
    """Return a size that is a positive whole number, or raise."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ModelError(f"{layer}: {what} must be a positive whole number; got {value!r}")
    return int(value)


def _named(module: Module) -> str:
    """Return the module as an error names it: its path, if it has one, and its settings."""
    path = f"{state.scope.path}: " if state.scope and state.scope.path else ""
    return f"{path}{type(module).__name__}({module.extra_repr()})"


def _misfit(module: Module, expected: str, x: Tensor) -> ShapeError:
    fits_flat = x.ndim > 2 and math.prod(x.shape[1:]) == getattr(module, "in_features", None)
    hint = " Put nn.Flatten() before it." if fits_flat else ""
    error = misfit(f"{_named(module)} expects an input {expected}; got {x.shape}.{hint}")
    error.inputs, error.scope = (x.node,), state.scope
    return error
