"""Layers for sequences (batch, channels, length) and images (batch, channels, height, width).

They hold the weights and settings of the operations in :mod:`tinygrad_ae.ops`, where what those
settings do to shapes is written.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, cast

import numpy as np
import numpy.typing as npt

from .. import ops
from ..core.tensor import Tensor, as_tensor
from ..errors import ModelError
from ..ops.op import Array
from ..ops.windows import Lengths, Size, per_axis
from ..util.random import Source
from . import init
from .activations import FunctionModule
from .layers import _count, _misfit
from .parameter import Parameter

_AXES = {1: "length", 2: "height, width"}


class _Convolution(FunctionModule):
    """What convolutions and their transposes have in common.

    Weights and bias start uniformly in ±1/√fan_in (PyTorch's default).

    Attributes:
        weight: the kernels.
        bias: b, shape (out_channels,), or None.
    """

    spatial: ClassVar[int]
    transposed: ClassVar[bool] = False
    bias: Parameter | None

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
        generator: Source = None,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        kind, named = type(self).__name__, isinstance(padding, str) and not self.transposed
        self.in_channels = _count(kind, "in_channels", in_channels)
        self.out_channels = _count(kind, "out_channels", out_channels)
        self.groups = _count(kind, "groups", groups)
        self.kernel_size = self._lengths("kernel_size", kernel_size, 1)
        self.stride = self._lengths("stride", stride, 1)
        self.padding = padding if named else self._lengths("padding", padding, 0)
        self.dilation = self._lengths("dilation", dilation, 1)
        if in_channels % groups or out_channels % groups:
            raise ModelError(
                f"{kind}: {in_channels} input and {out_channels} output channels do not both "
                f"divide into {groups} groups"
            )
        channels = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        shape = (channels[0], channels[1] // groups, *self.kernel_size)
        bound = 1 / math.sqrt(math.prod(shape[1:]))
        self.weight = Parameter(np.empty(shape, dtype))
        self.bias = Parameter(np.empty(out_channels, dtype)) if bias else None
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound, generator)

    def _lengths(self, name: str, value: Any, least: int) -> Lengths:
        try:
            return per_axis(name, value, self.spatial, least)
        except ValueError as error:
            raise ModelError(f"{type(self).__name__}: {error}") from error

    def forward(self, x: Tensor | Array) -> Tensor:
        """Slide the kernels over x, or spread x by them.

        Raises:
            ShapeError: another number of axes or channels, kernels larger than x, or a padding
                of the transpose that leaves nothing.
        """
        x = as_tensor(x)
        if x.ndim != self.spatial + 2 or x.shape[1] != self.in_channels:
            raise _misfit(self, f"(batch, {self.in_channels}, {_AXES[self.spatial]})", x)
        return cast(Tensor, self.function(x, self.weight, self.bias, **self.settings()))

    def extra_repr(self) -> str:
        """Return the channels and settings."""
        size = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}"
        return f"{size}, {super().extra_repr()}"


class _ConvTranspose(_Convolution):
    transposed = True

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
        generator: Source = None,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        self.output_padding = self._lengths("output_padding", output_padding, 0)
        sizes = (in_channels, out_channels, kernel_size)
        super().__init__(
            *sizes, stride, padding, dilation, groups, bias, generator=generator, dtype=dtype
        )


class Conv1d(_Convolution, function=ops.conv1d):
    """Convolution over sequences: (N, in, L) to (N, out, L'); see :func:`~tinygrad_ae.ops.conv1d`.

    Arguments as :class:`Conv2d`; ``weight`` is (out_channels, in_channels / groups, k).
    """

    spatial = 1


class Conv2d(_Convolution, function=ops.conv2d):
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

    spatial = 2


class ConvTranspose1d(_ConvTranspose, function=ops.conv_transpose1d):
    """Transposed convolution over sequences; see :func:`~tinygrad_ae.ops.conv_transpose1d`.

    Arguments as :class:`ConvTranspose2d`; ``weight`` is (in_channels, out_channels / groups, k).
    """

    spatial = 1


class ConvTranspose2d(_ConvTranspose, function=ops.conv_transpose2d):
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

    spatial = 2


class MaxPool2d(FunctionModule, function=ops.max_pool2d):
    """Largest element of each window of an image; see :func:`~tinygrad_ae.ops.max_pool2d`."""

    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None:
        self.kernel_size, self.stride, self.padding = kernel_size, stride or kernel_size, padding


class AvgPool2d(FunctionModule, function=ops.avg_pool2d):
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


class Upsample(FunctionModule, function=ops.upsample):
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
