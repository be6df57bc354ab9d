"""The tensors a module keeps: those that training changes, and those it only carries along."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from ..core.tensor import Tensor


class Parameter(Tensor):
    """A tensor that training changes: a leaf that requires gradients.

    Args:
        data: an array, number or nested list of floats; copied.
        requires_grad: False for one that is kept fixed.
        dtype: convert to this number type.
        name: what pictures call it; by default the attribute it is assigned to.

    Raises:
        TypeError: data that is not floating-point.
    """

    __slots__ = ()

    def __init__(
        self,
        data: Any,
        requires_grad: bool = True,
        dtype: npt.DTypeLike | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(data, requires_grad, dtype, name)


class Buffer(Tensor):
    """A tensor that is saved with a module but not trained, such as a running mean."""

    __slots__ = ()
