"""What tensors can do: Python's operators, and NumPy's and PyTorch's names for the operations.

Each line names an operation of :mod:`tinygrad_ae.ops`; what those compute, and their gradients, is
written there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, SupportsIndex, cast

import numpy as np
import numpy.typing as npt

from .. import ops
from ..ops.op import Array, Op

if TYPE_CHECKING:
    from .graph import Node
    from .tensor import Tensor

NO_ATTRS: dict[str, Any] = {}  # one for all operations that have none
P = ParamSpec("P")
Unary = Callable[["Operators"], "Tensor"]
Binary = Callable[["Operators", Any], "Tensor"]

TensorLike = Any
"""What operations take beside tensors: arrays, numbers, nested lists of numbers."""


def _unary(op: Op) -> Unary:
    """Return the method ``x.name()`` that applies an operation to each element."""

    def method(self: Operators) -> Tensor:
        return self.__record_op__(op, (self,), NO_ATTRS)

    method.__name__ = method.__qualname__ = op.name
    method.__doc__ = f"Apply :data:`tinygrad_ae.ops.{op.name}` to each element."
    return method


def _binary(op: Op) -> Binary:
    """Return the operator ``x · y``, x being the tensor."""

    def method(self: Operators, other: TensorLike) -> Tensor:
        if isinstance(other, _OPERANDS):
            return self.__record_op__(op, (self, other), NO_ATTRS)
        return cast("Tensor", NotImplemented)  # Python tries the other operand, then names both

    return method


def _reflected(op: Op) -> Binary:
    """Return the operator ``y · x``, x being the tensor."""

    def method(self: Operators, other: TensorLike) -> Tensor:
        if isinstance(other, _OPERANDS):
            return self.__record_op__(op, (other, self), NO_ATTRS)
        return cast("Tensor", NotImplemented)

    return method


def _method(
    function: Callable[Concatenate[Any, P], Any],
) -> Callable[Concatenate[Operators, P], Tensor]:
    """Let a function of arrays or tensors be a method of tensors."""
    return function


class Operators:
    """The operators and methods of a tensor; :class:`~tinygrad_ae.Tensor` adds the data."""

    __slots__ = ()

    data: Array
    name: str | None
    node: Any
    _node: Node | None
    label: Any

    @staticmethod
    def __record_op__(op: Op, args: tuple[Any, ...], attrs: dict[str, Any]) -> Tensor:
        raise NotImplementedError

    @staticmethod
    def __report__(
        name: str, args: tuple[Any, ...], kwargs: dict[str, Any], error: Exception
    ) -> Exception:
        raise NotImplementedError

    # ---- operators

    __add__, __radd__ = _binary(ops.add), _reflected(ops.add)
    __sub__, __rsub__ = _binary(ops.sub), _reflected(ops.sub)
    __mul__, __rmul__ = _binary(ops.mul), _reflected(ops.mul)
    __truediv__, __rtruediv__ = _binary(ops.div), _reflected(ops.div)
    __floordiv__, __rfloordiv__ = _binary(ops.floor_divide), _reflected(ops.floor_divide)
    __mod__, __rmod__ = _binary(ops.mod), _reflected(ops.mod)
    __matmul__, __rmatmul__ = _binary(ops.matmul), _reflected(ops.matmul)
    _power, __rpow__ = _binary(ops.power), _reflected(ops.power)
    __and__, __rand__ = _binary(ops.bitwise_and), _reflected(ops.bitwise_and)
    __or__, __ror__ = _binary(ops.bitwise_or), _reflected(ops.bitwise_or)
    __xor__, __rxor__ = _binary(ops.bitwise_xor), _reflected(ops.bitwise_xor)
    __lt__, __le__ = _binary(ops.less), _binary(ops.less_equal)
    __gt__, __ge__ = _binary(ops.greater), _binary(ops.greater_equal)
    __eq__ = _binary(ops.equal)  # type: ignore[assignment] # elementwise, as NumPy
    __ne__ = _binary(ops.not_equal)  # type: ignore[assignment] # elementwise, as NumPy
    __neg__, __abs__, __invert__ = _unary(ops.neg), _unary(ops.abs), _unary(ops.invert)

    def __pow__(self, other: TensorLike) -> Tensor:
        return self.square() if type(other) is int and other == 2 else self._power(other)

    def __pos__(self) -> Tensor:
        return cast("Tensor", self)

    # ---- methods: NumPy's and PyTorch's names for the operations

    exp, log, sqrt, square = _unary(ops.exp), _unary(ops.log), _unary(ops.sqrt), _unary(ops.square)
    abs, tanh, sigmoid, relu = __abs__, _unary(ops.tanh), _unary(ops.sigmoid), _unary(ops.relu)

    sum, mean, prod = _method(ops.sum), _method(ops.mean), _method(ops.prod)
    var, std, norm = _method(ops.var), _method(ops.std), _method(ops.norm)
    max, min = _method(ops.max), _method(ops.min)
    argmax, argmin = _method(ops.argmax), _method(ops.argmin)
    any, all = _method(ops.any), _method(ops.all)
    cumsum, logsumexp = _method(ops.cumsum), _method(ops.logsumexp)
    softmax, log_softmax = _method(ops.softmax), _method(ops.log_softmax)

    round = _method(ops.round)
    clip, take, repeat = _method(ops.clip), _method(ops.take), _method(ops.repeat)
    dot, diagonal, swapaxes = _method(ops.dot), _method(ops.diagonal), _method(ops.swapaxes)
    squeeze, expand_dims = _method(ops.squeeze), _method(ops.expand_dims)
    broadcast_to = _method(ops.broadcast_to)

    def reshape(self, *shape: SupportsIndex | Sequence[int]) -> Tensor:
        """Same elements, another shape: ``reshape(2, -1)`` or ``reshape((2, -1))``."""
        return cast("Tensor", ops.reshape(self, _one_or_all(shape)))

    def flatten(self) -> Tensor:
        """Return one axis with all elements."""
        return self.reshape(-1)

    ravel = flatten

    def transpose(self, *axes: SupportsIndex | Sequence[int]) -> Tensor:
        """Permute the axes; reversed by default."""
        return cast("Tensor", ops.transpose(self, _one_or_all(axes) if axes else None))

    def astype(self, dtype: npt.DTypeLike) -> Tensor:
        """Convert to another number type; the gradient returns in this one."""
        return cast("Tensor", ops.astype(self, dtype))

    def copy(self) -> Tensor:
        """Same values in memory of their own, at a place of their own in the graph."""
        return self.__record_op__(ops.copy, (self,), NO_ATTRS)


_OPERANDS = (Operators, np.ndarray, int, float, np.generic, list, tuple)


def _one_or_all(given: tuple[Any, ...]) -> Any:
    """Return what stands in f(x) or f(x, y, …), where x alone may be a sequence."""
    return given[0] if len(given) == 1 else given
