"""Initial values of parameters, written in place.

Every function fills ``tensor``, returns it, and takes its random numbers from ``generator``
(by default ``tinygrad_ae.default_generator``). For a weight of shape (out, in, …) the fan-in is
in · (product of the rest) and the fan-out is out · (product of the rest).
"""

from __future__ import annotations

import math
from typing import Any, TypeVar

import numpy as np

from ..core import inplace
from ..core.tensor import Tensor
from ..errors import ShapeError, did_you_mean
from ..util.random import Source, generator_of

T = TypeVar("T", bound=Tensor)


def uniform_(tensor: T, low: float = 0.0, high: float = 1.0, generator: Source = None) -> T:
    """Draw from the uniform distribution on [``low``, ``high``)."""
    return _fill(tensor, generator_of(generator).uniform(low, high, tensor.shape))


def normal_(tensor: T, mean: float = 0.0, std: float = 1.0, generator: Source = None) -> T:
    """Draw from the normal distribution of that mean and standard deviation."""
    return _fill(tensor, generator_of(generator).normal(mean, std, tensor.shape))


def constant_(tensor: T, value: float) -> T:
    """Set every element to ``value``."""
    return _fill(tensor, value)


def zeros_(tensor: T) -> T:
    """Set every element to 0."""
    return _fill(tensor, 0.0)


def ones_(tensor: T) -> T:
    """Set every element to 1."""
    return _fill(tensor, 1.0)


def xavier_uniform_(tensor: T, gain: float = 1.0, generator: Source = None) -> T:
    """Draw from U(-a, a), a = gain √(6 / (fan-in + fan-out)).

    Keeps the variance of values forward and of gradients backward. Source: Glorot & Bengio
    2010, "Understanding the difficulty of training deep feedforward neural networks", eq. 16.

    Raises:
        ShapeError: fewer than two axes.
    """
    a = gain * math.sqrt(6 / sum(_fans(tensor)))
    return uniform_(tensor, -a, a, generator)


def xavier_normal_(tensor: T, gain: float = 1.0, generator: Source = None) -> T:
    """Draw from N(0, s²), s = gain √(2 / (fan-in + fan-out)) (Glorot & Bengio 2010, eq. 12).

    Raises:
        ShapeError: fewer than two axes.
    """
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(_fans(tensor))), generator)


def kaiming_uniform_(
    tensor: T, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
    generator: Source = None,
) -> T:  # fmt: skip
    """Draw from U(-b, b), b = gain √(3 / fan): variance kept through rectifiers.

    Args:
        tensor: what to fill.
        a: slope of the leaky rectifier that follows.
        mode: ``"fan_in"`` keeps the variance forward, ``"fan_out"`` backward.
        nonlinearity: what follows the layer; see :func:`calculate_gain`.
        generator: source of the random numbers.

    Raises:
        ShapeError: fewer than two axes, an unknown mode or nonlinearity.

    Source: He et al. 2015, "Delving deep into rectifiers", eqs. 10, 14 and 15.
    """
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: T, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
    generator: Source = None,
) -> T:  # fmt: skip
    """Draw from N(0, s²), s = gain / √fan; arguments and source as :func:`kaiming_uniform_`."""
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def orthogonal_(tensor: T, gain: float = 1.0, generator: Source = None) -> T:
    """Fill with ``gain`` times a random matrix of orthonormal rows or columns (the fewer).

    Axes after the first count as one. The QR factors' signs are fixed so that the matrix is
    uniformly distributed. Source: Saxe, McClelland & Ganguli 2014, "Exact solutions to the
    nonlinear dynamics of learning in deep linear neural networks".

    Raises:
        ShapeError: fewer than two axes.
    """
    _fans(tensor)
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    tall = generator_of(generator).normal(size=(max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(tall)
    q *= np.sign(np.diagonal(r))
    return _fill(tensor, gain * (q if rows >= columns else q.T).reshape(tensor.shape))


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return the factor by which weights must be larger before this nonlinearity.

    Args:
        nonlinearity: ``"linear"``, ``"sigmoid"``, ``"tanh"``, ``"relu"``, ``"leaky_relu"`` or
            ``"selu"``.
        param: slope of the leaky rectifier, 0.01 by default.

    Raises:
        ShapeError: an unknown name.
    """
    slope = 0.01 if param is None else param
    gains = {
        "linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4,
        "leaky_relu": math.sqrt(2 / (1 + slope**2)),
    }  # fmt: skip
    if nonlinearity not in gains:
        raise ShapeError(
            f"no gain is known for {nonlinearity!r}; known: {', '.join(gains)}."
            + did_you_mean(nonlinearity, gains)
        )
    return gains[nonlinearity]


def _fill(tensor: T, values: Any) -> T:
    tensor.data[...] = values
    inplace.mark(inplace.overwritten, tensor.data, "initialisation")
    return tensor


def _fans(tensor: Tensor) -> tuple[int, int]:
    """Return fan-in and fan-out."""
    if tensor.ndim < 2:
        raise ShapeError(
            f"fan-in and fan-out need a weight of shape (out, in, …); got {tensor.shape}. For a "
            "bias use zeros_ or uniform_."
        )
    rest = math.prod(tensor.shape[2:])
    return tensor.shape[1] * rest, tensor.shape[0] * rest


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    fans = dict(zip(("fan_in", "fan_out"), _fans(tensor), strict=True))
    if mode not in fans:
        raise ShapeError(f"mode must be 'fan_in' or 'fan_out'; got {mode!r}")
    return calculate_gain(nonlinearity, a) / math.sqrt(fans[mode])
