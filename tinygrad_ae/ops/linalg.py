"""Products of vectors, matrices and stacks of matrices."""

from __future__ import annotations

import math
import operator
from typing import Any, SupportsIndex

import numpy as np

from .op import Op, as_array
from .shape import axis_of, expand_dims, ints, moveaxis, reshape, squeeze, swapaxes

__all__ = ["dot", "linear", "matmul", "outer", "tensordot"]


def rows(x: Any) -> Any:
    """Return the vectors along the last axis as the rows of one matrix."""
    return x if x.ndim == 2 else reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))


def _matmul(x: Any, y: Any) -> Any:
    try:
        if x.ndim > 2 and y.ndim == 2:  # one product instead of a stack of small ones
            return np.matmul(rows(x), y).reshape(*x.shape[:-1], y.shape[1])
        return np.matmul(x, y)
    except ValueError as error:
        raise ValueError(
            "a product takes x (…, n, k) and y (…, k, m), or a vector (k,) in place of either: "
            f"got x {np.shape(x)} and y {np.shape(y)}"
        ) from error


def _matmul_x(g: Any, y: Any, x_shape: tuple[int, ...]) -> Any:
    if y.ndim == 1:
        return expand_dims(g, -1) * y
    if len(x_shape) == 1:
        return squeeze(y @ expand_dims(g, -1), -1)
    return g @ (y.T if y.ndim == 2 else swapaxes(y, -1, -2))


def _matmul_y(g: Any, x: Any, y_shape: tuple[int, ...]) -> Any:
    if x.ndim == 1:
        return g * x if len(y_shape) == 1 else expand_dims(x, -1) * expand_dims(g, -2)
    if x.ndim == 2 and len(y_shape) == 2:
        return x.T @ g
    if len(y_shape) == 2:  # one product instead of a stack of them to be summed
        return rows(x).T @ rows(g)
    if len(y_shape) == 1:
        return rows(x).T @ reshape(g, -1)
    return swapaxes(x, -1, -2) @ g


def _product_flops(out: tuple[int, ...], x: tuple[int, ...], *_: tuple[int, ...]) -> int:
    return 2 * math.prod(out) * x[-1]


def _linear(x: Any, W: Any, b: Any) -> Any:
    if x.ndim == 0 or W.ndim != 2 or x.shape[-1] != W.shape[1]:
        raise ValueError(
            f"linear multiplies x (…, in) by W (out, in): got x {x.shape} and W {W.shape}"
        )
    z = _matmul(x, W.T)
    z += b
    return z


def _linear_weight(g: Any, x: Any) -> Any:
    return outer(g, x) if x.ndim == 1 else rows(g).T @ rows(x)


# fmt: off
matmul = Op("matmul", _matmul, _matmul_x, _matmul_y, tex=r"{0}\,{1}", flops=_product_flops)
# y = x Wᵀ + b: a layer in one operation. x is (…, in), W (out, in), b (out,): the weights lie as in
# PyTorch, so a checkpoint reads alike.
linear = Op("linear", _linear, lambda g, W: g @ W, _linear_weight, lambda g: g,
            tex=r"{0}\,{1}^\top + {2}",
            flops=lambda out, x, *_: _product_flops(out, x) + math.prod(out))
# fmt: on


def outer(x: Any, y: Any) -> Any:
    """All products xᵢ yⱼ of two flattened arrays: shape (x.size, y.size)."""
    return reshape(x, (np.size(x), 1)) * reshape(y, (1, np.size(y)))


def dot(x: Any, y: Any) -> Any:
    """NumPy's ``dot``: the inner product over x's last and y's last-but-one axis.

    A scalar on either side multiplies; two matrices give their product.
    """
    x, y = as_array(x), as_array(y)
    if np.ndim(x) == 0 or np.ndim(y) == 0:
        return x * y
    if x.ndim <= 2 and y.ndim <= 2:
        return x @ y
    return tensordot(x, y, ((x.ndim - 1,), (max(y.ndim - 2, 0),)))


def tensordot(x: Any, y: Any, axes: Any = 2) -> Any:
    """Sum of products over several axes at once, as ``np.tensordot``.

    Args:
        x: first factor.
        y: second factor.
        axes: a number n (the last n axes of ``x`` with the first n of ``y``) or a pair of
            axes, or of sequences of axes.

    Raises:
        ValueError: axes that are not there, or of other lengths.
    """
    x, y = as_array(x), as_array(y)
    if isinstance(axes, SupportsIndex):
        n = operator.index(axes)
        if not 0 <= n <= min(x.ndim, y.ndim):
            raise ValueError(
                f"axes={n}: the last {n} axes of {x.shape} cannot be paired with the first {n} of "
                f"{y.shape}; a number of axes is 0 to {min(x.ndim, y.ndim)} here"
            )
        ax, ay = list(range(x.ndim - n, x.ndim)), list(range(n))
    else:
        if len(axes) != 2:
            raise ValueError(f"axes is a number, or a pair of axes of x and of y; got {axes}")
        ax, ay = ([axis_of(t, a) for a in ints(side)] for t, side in zip((x, y), axes, strict=True))
    if [x.shape[a] for a in ax] != [y.shape[a] for a in ay]:
        raise ValueError(f"it cannot pair axes {ax} of {x.shape} with {ay} of {y.shape}")
    if len({*ax}) < len(ax) or len({*ay}) < len(ay):
        raise ValueError(f"an axis is paired twice in axes {ax} and {ay}")
    n = len(ax)
    x, y = moveaxis(x, ax, range(x.ndim - n, x.ndim)), moveaxis(y, ay, range(n))
    rows, columns, pairs = x.shape[: x.ndim - n], y.shape[n:], math.prod(y.shape[:n])
    product = reshape(x, (math.prod(rows), pairs)) @ reshape(y, (pairs, math.prod(columns)))
    return reshape(product, rows + columns)
