"""What tensors can do: Python's operators, and NumPy's and PyTorch's names for the operations.

Every method here is one line that names an operation of :mod:`tinygrad_ae.ops`; what those
compute, and their gradients, is written there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex, cast

import numpy as np
import numpy.typing as npt

from . import ops
from .ops.op import Op
from .ops.shape import Axis

if TYPE_CHECKING:
    from .tensor import Tensor

TensorLike = Any
"""What operations take beside tensors: arrays, numbers, nested lists of numbers."""


class Operators:
    """The operators and methods of a tensor; :class:`~tinygrad_ae.Tensor` adds the data."""

    __slots__ = ()

    @staticmethod
    def __record_op__(op: Op, args: tuple[Any, ...], attrs: dict[str, Any]) -> Tensor:
        raise NotImplementedError

    def _operate(self, op: Op, x: TensorLike, y: TensorLike) -> Tensor:
        if isinstance(x, _OPERANDS) and isinstance(y, _OPERANDS):
            return self.__record_op__(op, (x, y), {})
        return cast("Tensor", NotImplemented)  # Python tries the other operand, then names both

    # ---- operators

    def __add__(self, other: TensorLike) -> Tensor:
        return self._operate(ops.add, self, other)

    def __radd__(self, other: TensorLike) -> Tensor:
        return self._operate(ops.add, other, self)

    def __sub__(self, other: TensorLike) -> Tensor:
        return self._operate(ops.sub, self, other)

    def __rsub__(self, other: TensorLike) -> Tensor:
        return self._operate(ops.sub, other, self)

    def __mul__(self, other: TensorLike) -> Tensor:
        return self._operate(ops.mul, self, other)

    def __rmul__(self, other: TensorLike) -> Tensor:
        return self._operate(ops.mul, other, self)

    def __truediv__(self, other: TensorLike) -> Tensor:
        return self._operate(ops.div, self, other)

    def __rtruediv__(self, other: TensorLike) -> Tensor:
        return self._operate(ops.div, other, self)

    def __floordiv__(self, other: TensorLike) -> Tensor:
        return self._operate(ops.floor_divide, self, other)

    def __rfloordiv__(self, other: TensorLike) -> Tensor:
        return self._operate(ops.floor_divide, other, self)

    def __mod__(self, other: TensorLike) -> Tensor:
        return self._operate(ops.mod, self, other)

    def __rmod__(self, other: TensorLike) -> Tensor:
        return self._operate(ops.mod, other, self)

    def __pow__(self, other: TensorLike) -> Tensor:
        if type(other) is int and other == 2:
            return self.__record_op__(ops.square, (self,), {})
        return self._operate(ops.power, self, other)

    def __rpow__(self, other: TensorLike) -> Tensor:
        return self._operate(ops.power, other, self)

    def __matmul__(self, other: TensorLike) -> Tensor:
        return self._operate(ops.matmul, self, other)

    def __rmatmul__(self, other: TensorLike) -> Tensor:
        return self._operate(ops.matmul, other, self)

    def __neg__(self) -> Tensor:
        return self.__record_op__(ops.neg, (self,), {})

    def __pos__(self) -> Tensor:
        return cast("Tensor", self)

    def __abs__(self) -> Tensor:
        return self.__record_op__(ops.abs, (self,), {})

    def __invert__(self) -> Tensor:
        return self.__record_op__(ops.invert, (self,), {})

    def __and__(self, other: TensorLike) -> Tensor:
        return self._operate(ops.bitwise_and, self, other)

    def __rand__(self, other: TensorLike) -> Tensor:
        return self._operate(ops.bitwise_and, other, self)

    def __or__(self, other: TensorLike) -> Tensor:
        return self._operate(ops.bitwise_or, self, other)

    def __ror__(self, other: TensorLike) -> Tensor:
        return self._operate(ops.bitwise_or, other, self)

    def __xor__(self, other: TensorLike) -> Tensor:
        return self._operate(ops.bitwise_xor, self, other)

    def __eq__(self, other: object) -> Tensor:  # type: ignore[override] # elementwise, as NumPy
        return self._operate(ops.equal, self, other)

    def __ne__(self, other: object) -> Tensor:  # type: ignore[override] # elementwise, as NumPy
        return self._operate(ops.not_equal, self, other)

    def __lt__(self, other: TensorLike) -> Tensor:
        return self._operate(ops.less, self, other)

    def __le__(self, other: TensorLike) -> Tensor:
        return self._operate(ops.less_equal, self, other)

    def __gt__(self, other: TensorLike) -> Tensor:
        return self._operate(ops.greater, self, other)

    def __ge__(self, other: TensorLike) -> Tensor:
        return self._operate(ops.greater_equal, self, other)

    # ---- methods: NumPy's and PyTorch's names for the operations

    def sum(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Sum over ``axis``."""
        return cast("Tensor", ops.sum(self, axis, keepdims))

    def mean(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Arithmetic mean over ``axis``."""
        return cast("Tensor", ops.mean(self, axis, keepdims))

    def var(self, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> Tensor:
        """Variance over ``axis``, dividing by (count - ``ddof``)."""
        return cast("Tensor", ops.var(self, axis, keepdims, ddof))

    def std(self, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> Tensor:
        """Standard deviation over ``axis``."""
        return cast("Tensor", ops.std(self, axis, keepdims, ddof))

    def max(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Largest value over ``axis``."""
        return cast("Tensor", ops.max(self, axis, keepdims))

    def min(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Smallest value over ``axis``."""
        return cast("Tensor", ops.min(self, axis, keepdims))

    def prod(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Product over ``axis``."""
        return cast("Tensor", ops.prod(self, axis, keepdims))

    def cumsum(self, axis: int) -> Tensor:
        """Running sum along ``axis``."""
        return cast("Tensor", ops.cumsum(self, axis))

    def logsumexp(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Logarithm of the sum of exponentials over ``axis``."""
        return cast("Tensor", ops.logsumexp(self, axis, keepdims))

    def softmax(self, axis: Axis = -1) -> Tensor:
        """Exponentials normalised to sum 1 over ``axis``."""
        return cast("Tensor", ops.softmax(self, axis))

    def log_softmax(self, axis: Axis = -1) -> Tensor:
        """Logarithm of the softmax over ``axis``."""
        return cast("Tensor", ops.log_softmax(self, axis))

    def norm(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Euclidean norm over ``axis``."""
        return cast("Tensor", ops.norm(self, axis, keepdims))

    def argmax(self, axis: int | None = None, keepdims: bool = False) -> Tensor:
        """Index of the first largest value."""
        return cast("Tensor", ops.argmax(self, axis, keepdims))

    def argmin(self, axis: int | None = None, keepdims: bool = False) -> Tensor:
        """Index of the first smallest value."""
        return cast("Tensor", ops.argmin(self, axis, keepdims))

    def any(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Whether any element is true."""
        return cast("Tensor", ops.any(self, axis, keepdims))

    def all(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Whether all elements are true."""
        return cast("Tensor", ops.all(self, axis, keepdims))

    def reshape(self, *shape: SupportsIndex | Sequence[int]) -> Tensor:
        """Same elements, another shape: ``reshape(2, -1)`` or ``reshape((2, -1))``."""
        return cast("Tensor", ops.reshape(self, _lengths(shape)))

    def flatten(self) -> Tensor:
        """Return one axis with all elements."""
        return cast("Tensor", ops.reshape(self, (-1,)))

    ravel = flatten

    def transpose(self, *axes: SupportsIndex | Sequence[int]) -> Tensor:
        """Permute the axes; reversed by default."""
        return cast("Tensor", ops.transpose(self, _lengths(axes) or None))

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        """Exchange two axes."""
        return cast("Tensor", ops.swapaxes(self, axis1, axis2))

    def squeeze(self, axis: int | Sequence[int] | None = None) -> Tensor:
        """Remove axes of length 1."""
        return cast("Tensor", ops.squeeze(self, axis))

    def expand_dims(self, axis: int | Sequence[int]) -> Tensor:
        """Insert axes of length 1."""
        return cast("Tensor", ops.expand_dims(self, axis))

    def broadcast_to(self, shape: Sequence[int]) -> Tensor:
        """Repeat along new or length-1 axes."""
        return cast("Tensor", ops.broadcast_to(self, shape))

    def astype(self, dtype: npt.DTypeLike) -> Tensor:
        """Convert to another number type; the gradient returns in this one."""
        return cast("Tensor", ops.astype(self, np.dtype(dtype)))

    def dot(self, other: TensorLike) -> Tensor:
        """NumPy's product with ``other``: of vectors and matrices, ``@``."""
        return cast("Tensor", np.dot(cast("Any", self), other))

    def take(self, indices: TensorLike, axis: int | None = None) -> Tensor:
        """Elements at ``indices`` along ``axis``; of the flattened tensor by default."""
        return cast("Tensor", ops.take(self, indices, axis))

    def repeat(self, repeats: int | Sequence[int], axis: int | None = None) -> Tensor:
        """Each element several times, along ``axis``; of the flattened tensor by default."""
        return cast("Tensor", ops.repeat(self, repeats, axis))

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        """Diagonal of two axes, which become one at the end."""
        return cast("Tensor", ops.diagonal(self, offset, axis1, axis2))

    def round(self, decimals: int = 0) -> Tensor:
        """Nearest multiple of a power of ten; no gradient flows."""
        return cast("Tensor", np.round(cast("Any", self), decimals))

    def copy(self) -> Tensor:
        """Same values in memory of their own, at a place of their own in the graph."""
        return self.__record_op__(ops.mul, (self, 1), {})

    def clip(self, min: TensorLike = None, max: TensorLike = None) -> Tensor:
        """Limit values to [``min``, ``max``]."""
        return cast("Tensor", ops.clip(self, min, max))

    def exp(self) -> Tensor:
        """Exponential of each element."""
        return self.__record_op__(ops.exp, (self,), {})

    def log(self) -> Tensor:
        """Natural logarithm of each element."""
        return self.__record_op__(ops.log, (self,), {})

    def sqrt(self) -> Tensor:
        """Square root of each element."""
        return self.__record_op__(ops.sqrt, (self,), {})

    def square(self) -> Tensor:
        """Square of each element."""
        return self.__record_op__(ops.square, (self,), {})

    def abs(self) -> Tensor:
        """Absolute value of each element."""
        return self.__record_op__(ops.abs, (self,), {})

    def tanh(self) -> Tensor:
        """Hyperbolic tangent of each element."""
        return self.__record_op__(ops.tanh, (self,), {})

    def sigmoid(self) -> Tensor:
        """Logistic function of each element."""
        return self.__record_op__(ops.sigmoid, (self,), {})

    def relu(self) -> Tensor:
        """Positive part of each element."""
        return self.__record_op__(ops.relu, (self,), {})


_OPERANDS = (Operators, np.ndarray, int, float, np.generic, list, tuple)


def _lengths(given: tuple[Any, ...]) -> tuple[int, ...]:
    if len(given) == 1 and not isinstance(given[0], SupportsIndex):
        given = tuple(given[0])
    return tuple(int(n) for n in given)
