"""Layers for sequences (batch, channels, length) and images (batch, channels, height, width).

They hold the weights and settings of the operations in :mod:`tinygrad_ae.ops`, where what those
settings do to shapes is written.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, cast

import numpy as np
import numpy.typing as npt

from .. import ops
from ..errors import ModelError
from ..ops.op import Array
from ..ops.windows import Lengths, per_axis
from ..tensor import Tensor, as_tensor
from . import init
from .layers import _count, _misfit
from .module import Module
from .parameter import Parameter

Size = int | Sequence[int]
Generator = np.random.Generator

_AXES = {1: "length", 2: "height, width"}


class _Convolution(Module):
    """What convolutions and their transposes have in common.

    Weights and bias start uniformly in ±1/√fan_in (PyTorch's default).

    Attributes:
        weight: the kernels.
        bias: b, shape (out_channels,), or None.
    """

    spatial: ClassVar[int]
    bias: Parameter | None

    def _make(  # not __init__: the two kinds differ in the order of their arguments
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        groups: int,
        bias: bool,
        transposed: bool,
        generator: Generator | None,
        dtype: npt.DTypeLike,
    ) -> None:
        """Make the weights."""
        kind = type(self).__name__
        self.in_channels = _count(kind, "in_channels", in_channels)
        self.out_channels = _count(kind, "out_channels", out_channels)
        self.groups = _count(kind, "groups", groups)
        self.kernel_size = self._lengths("kernel_size", kernel_size, 1)
        if in_channels % groups or out_channels % groups:
            raise ModelError(
                f"{kind}: {in_channels} input and {out_channels} output channels do not both "
                f"divide into {groups} groups"
            )
        rows, columns = in_channels, out_channels // groups
        if not transposed:
            rows, columns = out_channels, in_channels // groups
        self.weight = Parameter(np.empty((rows, columns, *self.kernel_size), dtype))
        bound = 1 / math.sqrt(columns * math.prod(self.kernel_size))
        init.uniform_(self.weight, -bound, bound, generator)
        self.bias = Parameter(np.empty(out_channels, dtype)) if bias else None
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound, generator)

    def _lengths(self, name: str, value: Size, least: int) -> Lengths:
        try:
            return per_axis(name, value, self.spatial, least)
        except ValueError as error:
            raise ModelError(f"{type(self).__name__}: {error}") from error

    def _checked(self, x: Tensor | Array) -> Tensor:
        x = as_tensor(x)
        if x.ndim != self.spatial + 2 or x.shape[1] != self.in_channels:
            raise _misfit(self, f"(batch, {self.in_channels}, {_AXES[self.spatial]})", x)
        return x

    def extra_repr(self) -> str:
        """Return the channels and settings."""
        names = ("kernel_size", "stride", "padding", "output_padding", "dilation", "groups")
        known = [f"{name}={vars(self)[name]}" for name in names if name in vars(self)]
        return ", ".join([str(self.in_channels), str(self.out_channels), *known])


class _Conv(_Convolution):
    function: ClassVar[Callable[..., Any]]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        generator: Generator | None = None,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        self._make(in_channels, out_channels, kernel_size, groups, bias, False, generator, dtype)
        self.stride = self._lengths("stride", stride, 1)
        self.padding = padding if isinstance(padding, str) else self._lengths("padding", padding, 0)
        self.dilation = self._lengths("dilation", dilation, 1)

    def forward(self, x: Tensor | Array) -> Tensor:
        """Slide the kernels over x.

        Raises:
            ShapeError: another number of axes or channels, or kernels larger than x.
        """
        x, more = self._checked(x), (self.stride, self.padding, self.dilation, self.groups)
        return cast(Tensor, self.function(x, self.weight, self.bias, *more))


class _ConvTranspose(_Convolution):
    function: ClassVar[Callable[..., Any]]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        *,
        generator: Generator | None = None,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        self._make(in_channels, out_channels, kernel_size, groups, bias, True, generator, dtype)
        self.stride = self._lengths("stride", stride, 1)
        self.padding = self._lengths("padding", padding, 0)
        self.output_padding = self._lengths("output_padding", output_padding, 0)
        self.dilation = self._lengths("dilation", dilation, 1)

    def forward(self, x: Tensor | Array) -> Tensor:
        """Spread x by the kernels.

        Raises:
            ShapeError: another number of axes or channels, or nothing is left.
        """
        x, more = self._checked(x), (self.stride, self.padding, self.output_padding)
        z = self.function(x, self.weight, self.bias, *more, self.groups, self.dilation)
        return cast(Tensor, z)


class Conv1d(_Conv):
    """Convolution over sequences: (N, in, L) to (N, out, L'); see :func:`~tinygrad_ae.ops.conv1d`.

    Arguments as :class:`Conv2d`; ``weight`` is (out_channels, in_channels / groups, k).
    """

    spatial, function = 1, staticmethod(ops.conv1d)


class Conv2d(_Conv):
    """Convolution over images: (N, in, H, W) to (N, out, H', W').

    The operation is :func:`~tinygrad_ae.ops.conv2d`.

    Args:
        in_channels: of the input.
        out_channels: of the output; one kernel for each.
        kernel_size: a number, or (height, width).
        stride: steps from one window to the next.
        padding: zeros on each side, or ``"same"`` or ``"valid"``.
        dilation: steps between the kernel's elements.
        groups: blocks of channels that do not see each other.
        bias: whether each output channel has a number added to it.
        generator: source of the initial values; by default ``default_generator``.
        dtype: float32 or float64.

    Attributes:
        weight: shape (out_channels, in_channels / groups, kh, kw).
        bias: shape (out_channels,), or None.

    Raises:
        ModelError: a setting is out of range.
    """

    spatial, function = 2, staticmethod(ops.conv2d)


class ConvTranspose1d(_ConvTranspose):
    """Transposed convolution over sequences; see :func:`~tinygrad_ae.ops.conv_transpose1d`.

    Arguments as :class:`ConvTranspose2d`; ``weight`` is (in_channels, out_channels / groups, k).
    """

    spatial, function = 1, staticmethod(ops.conv_transpose1d)


class ConvTranspose2d(_ConvTranspose):
    """Transposed convolution over images, to upsample.

    The operation is :func:`~tinygrad_ae.ops.conv_transpose2d`.

    Args:
        in_channels: of the input.
        out_channels: of the output.
        kernel_size: a number, or (height, width).
        stride: steps between the spread pixels.
        padding: rows and columns cut off each side.
        output_padding: rows and columns added at the lower right.
        groups: blocks of channels that do not see each other.
        bias: whether each output channel has a number added to it.
        dilation: steps between the kernel's elements.
        generator: source of the initial values; by default ``default_generator``.
        dtype: float32 or float64.

    Attributes:
        weight: shape (in_channels, out_channels / groups, kh, kw).
        bias: shape (out_channels,), or None.

    Raises:
        ModelError: a setting is out of range.
    """

    spatial, function = 2, staticmethod(ops.conv_transpose2d)


class MaxPool2d(Module):
    """Largest element of each window of an image; see :func:`~tinygrad_ae.ops.max_pool2d`."""

    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None:
        self.kernel_size, self.stride, self.padding = kernel_size, stride or kernel_size, padding

    def forward(self, x: Tensor | Array) -> Tensor:
        """Map (N, C, H, W) to (N, C, H', W')."""
        settings = (self.kernel_size, self.stride, self.padding)
        return cast(Tensor, ops.max_pool2d(as_tensor(x), *settings))

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(Module):
    """Mean of each window of an image; see :func:`~tinygrad_ae.ops.avg_pool2d`."""

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        count_include_pad: bool = True,
    ) -> None:
        self.kernel_size, self.stride, self.padding = kernel_size, stride or kernel_size, padding
        self.count_include_pad = count_include_pad

    def forward(self, x: Tensor | Array) -> Tensor:
        """Map (N, C, H, W) to (N, C, H', W')."""
        settings = (self.kernel_size, self.stride, self.padding, self.count_include_pad)
        return cast(Tensor, ops.avg_pool2d(as_tensor(x), *settings))

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class Upsample(Module):
    """Resize by interpolation; arguments as :func:`~tinygrad_ae.ops.upsample`."""

    def __init__(
        self,
        size: Size | None = None,
        scale_factor: float | Sequence[float] | None = None,
        mode: str = "nearest",
        align_corners: bool = False,
    ) -> None:
        self.size, self.scale_factor = size, scale_factor
        self.mode, self.align_corners = mode, align_corners

    def forward(self, x: Tensor | Array) -> Tensor:
        """Map (N, C, *old) to (N, C, *new)."""
        settings = (self.size, self.scale_factor, self.mode, self.align_corners)
        return cast(Tensor, ops.upsample(as_tensor(x), *settings))

    def extra_repr(self) -> str:
        """Return the settings."""
        how = f"size={self.size}" if self.size else f"scale_factor={self.scale_factor}"
        return f"{how}, mode={self.mode!r}"
