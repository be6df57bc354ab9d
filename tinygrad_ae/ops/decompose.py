"""Inverses, linear systems, determinants and Cholesky factors of stacks of square matrices.

Rules: Giles 2008, "Collected matrix derivative results for forward and reverse mode algorithmic
differentiation", sections 2.2 and 2.3; for Cholesky, Murray 2016, "Differentiation of the
Cholesky decomposition", equations 9 and 10. A bar marks a gradient: Ā = ∂L/∂A.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .op import Array, Op, as_array
from .shape import expand_dims, squeeze, swapaxes

__all__ = ["SignAndLog", "cholesky", "det", "inv", "slogdet", "solve"]


def _transposed(x: Any) -> Any:
    return swapaxes(x, -1, -2)


def _square(A: Array) -> Array:
    """Return A, if it is made of square matrices."""
    if A.ndim < 2 or A.shape[-1] != A.shape[-2]:
        raise ValueError(f"it takes square matrices (..., n, n); got shape {A.shape}")
    return A


def _singular(A: Array) -> ValueError:
    """Name the first matrix in whose elimination LAPACK met a pivot of exactly zero."""
    first = np.argwhere(np.linalg.slogdet(A)[0] == 0)[0].tolist()
    which = f" {first} of the stack" if first else ""
    return ValueError(
        f"the matrix{which} is singular: its rows are linearly dependent, so it has no "
        "inverse. Adding a small multiple of the identity makes it regular."
    )


def _of_regular(function: Callable[..., Array], A: Array, *b: Array) -> Array:
    try:
        return function(A, *b)
    except np.linalg.LinAlgError as error:
        raise _singular(A) from error


def _solve(A: Array, b: Array) -> Array:
    if b.ndim < 2 or b.shape[-2] != _square(A).shape[-1]:
        raise ValueError(f"a system {A.shape} needs right-hand sides of {A.shape[-1]} rows")
    return _of_regular(np.linalg.solve, A, b)


def _cube(out: tuple[int, ...], A: tuple[int, ...], *_: tuple[int, ...]) -> int:
    return math.prod(A) * A[-1]


# fmt: off
# Giles 2.2.3: Ā = -CᵀC̄Cᵀ for C = A⁻¹.
inv: Op = Op("inv", lambda A: _of_regular(np.linalg.inv, _square(A)),
             lambda g, z: -(_transposed(z) @ g @ _transposed(z)),
             tex="{0}^{{-1}}", flops=lambda out, A: 2 * _cube(out, A))
# Giles 2.3.1: b̄ = A⁻ᵀ x̄ and Ā = -b̄ xᵀ for x = A⁻¹ b.
_solve_op: Op = Op("solve", _solve,
                   lambda g, A, z: -(_solve_op(_transposed(A), g) @ _transposed(z)),
                   lambda g, A: _solve_op(_transposed(A), g), tex=r"{0}^{{-1}}\,{1}",
                   flops=lambda out, A, b: 2 * _cube(out, A) // 3 + 2 * math.prod(out) * A[-1])
# fmt: on


def solve(A: Any, b: Any) -> Any:
    """Solve A x = b, for stacks of systems that broadcast.

    Args:
        A: shape (..., n, n).
        b: shape (n,), or (..., n, k) for k right-hand sides at once.

    Returns:
        x, shape (..., n) for a vector b, else (..., n, k).

    Raises:
        ValueError: A is singular or not square, or b has another number of rows.
    """
    b = as_array(b)
    return squeeze(_solve_op(A, expand_dims(b, -1)), -1) if b.ndim == 1 else _solve_op(A, b)


# ---- determinants


class SignAndLog(NamedTuple):
    """A determinant as its sign and the logarithm of its absolute value."""

    sign: Any
    logabsdet: Any


def _scaled_inverse(g: Any, A: Any) -> Any:
    return expand_dims(g, (-2, -1)) * _transposed(inv(A))


# fmt: off
# Giles 2.2.4: Ā = C̄ C A⁻ᵀ for C = det A, so Ā = C̄ A⁻ᵀ for C = log |det A|.
# The determinants of matrices (..., n, n), shape (...); no gradient at a singular matrix.
det = Op("det", lambda A: np.linalg.det(_square(A)),
          lambda g, A, z: _scaled_inverse(g * z, A), tex=r"\det {0}", flops=_cube)
_logabsdet = Op("logabsdet", lambda A: np.linalg.slogdet(_square(A))[1], _scaled_inverse,
                tex=r"\log\left|\det {0}\right|", flops=_cube)
_signdet = Op("signdet", lambda A: np.linalg.slogdet(_square(A))[0],
              tex=r"\operatorname{{sign}}\det {0}", flops=_cube)
# fmt: on


def slogdet(A: Any) -> SignAndLog:
    """Sign and logarithm of the absolute determinant, where the determinant would overflow.

    Args:
        A: shape (..., n, n).

    Returns:
        The sign (-1, 0 or 1; it needs no gradient) and log |det A|, each of shape (...). A
        singular matrix gives 0 and -inf, and no gradient.

    Raises:
        ValueError: A is not square; in backward: A is singular.
    """
    return SignAndLog(_signdet(A), _logabsdet(A))


# ---- Cholesky


def _cholesky_forward(A: Array) -> Array:
    symmetric = (_square(A) + _transposed(A)) / 2
    try:
        return np.linalg.cholesky(symmetric)
    except np.linalg.LinAlgError as error:
        least = np.linalg.eigvalsh(symmetric).min()
        raise ValueError(
            f"it takes positive definite matrices; the smallest eigenvalue is {least:.6g}. Adding "
            "a small multiple of the identity raises all of them."
        ) from error


def _cholesky_rule(g: Any, z: Any) -> Any:
    # Murray 2016, equation 10: Σ̄ = L⁻ᵀ Φ(LᵀL̄) L⁻¹, made symmetric; Φ keeps the lower triangle
    # and halves the diagonal.
    n = z.shape[-1]
    phi = np.tri(n, dtype=z.dtype) - np.eye(n, dtype=z.dtype) / 2
    Lt = _transposed(z)
    half = _solve_op(Lt, (Lt @ g) * phi)  # L⁻ᵀ Φ
    S = _solve_op(Lt, _transposed(half))  # its transpose, times L⁻ᵀ from the left
    return (S + _transposed(S)) / 2


_cholesky = Op(
    "cholesky", _cholesky_forward, _cholesky_rule, flops=lambda out, A: _cube(out, A) // 3,
    floats=True,
)  # fmt: skip


def cholesky(A: Any) -> Any:
    """Lower triangular L with L Lᵀ = A, for symmetric positive definite matrices.

    Args:
        A: shape (..., n, n); its symmetric part (A + Aᵀ) / 2 is what is factored, so the
            gradient is symmetric.

    Returns:
        L, shape (..., n, n).

    Raises:
        ValueError: A is not square or not positive definite.
    """
    return _cholesky(A)
