"""Which elements are the largest."""

from __future__ import annotations

from typing import Any

import numpy as np

from .op import Array, Op


def _mark(x: Array, *, k: int) -> Array:
    if not 1 <= k <= x.shape[-1]:
        raise ValueError(f"the {k} largest of {x.shape[-1]} cannot be chosen; k is 1 to that many")
    marked = np.zeros(x.shape, bool)
    np.put_along_axis(marked, np.argpartition(x, -k, axis=-1)[..., -k:], True, axis=-1)
    return marked


_largest = Op(
    "largest",
    _mark,
    tex=r"{0} \in \operatorname{{top}}_{{{k}}}({0})",
    flops=lambda out, x: 2 * int(np.prod(x)),
)


def largest(x: Any, k: int) -> Any:
    """Mark the k largest elements along the last axis (bool; needs no gradient).

    Among equal ones some are chosen, so that there are k.

    Args:
        x: of shape (..., n).
        k: how many, 1 to n.

    Raises:
        ValueError: k is out of range.
    """
    return _largest(x, k=k)
