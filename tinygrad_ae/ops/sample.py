"""Random numbers as operations: a draw names its generator, and the graph can repeat it.

Every draw takes its shape, and its dtype, from an input: a tensor in, a tensor out, recorded
like any operation (with the generator as an attribute), so whoever runs the graph again draws
afresh. No gradient flows into that input; it flows around the draw, through what scales and
shifts it. Lengths in place of the input give an array, drawn once, that the graph holds constant.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..util.random import Source, generator_of
from .op import Array, Op

__all__ = ["bernoulli", "dropout", "normal", "normal_sample", "uniform"]


def _draw(method: str, x: Array, generator: np.random.Generator) -> Array:
    wide = x.dtype == np.float64
    draw = getattr(generator, method)(x.shape, dtype=np.float64 if wide else np.float32)
    return np.asarray(draw).astype(x.dtype, copy=False)


def _coin_flips(x: Array, p: Any, generator: np.random.Generator) -> Any:
    if not np.all((np.asarray(p) >= 0) & (np.asarray(p) <= 1)):
        raise ValueError("every probability must be in [0, 1]")
    return _same_shape(_draw("random", x, generator) < p, x).astype(x.dtype)


# fmt: off
_normal = Op("normal", lambda x, *, generator: _draw("standard_normal", x, generator),
             tex=r"\varepsilon \sim \mathcal{{N}}(0, 1)")
_uniform = Op("uniform", lambda x, *, generator: _draw("random", x, generator),
              tex=r"u \sim \mathcal{{U}}(0, 1)")
_bernoulli = Op("bernoulli", lambda x, p, *, generator: _coin_flips(x, p, generator),
                tex=r"m \sim \operatorname{{Bernoulli}}({1})")
# fmt: on


def normal(
    shape: Any, mean: Any = 0.0, std: Any = 1.0, generator: Source = None,
    dtype: npt.DTypeLike = np.float32,
) -> Any:  # fmt: skip
    """Draw from the normal distribution.

    Args:
        shape: lengths, or an array or tensor whose shape and dtype the draw takes. Given a
            tensor, the draw is a tensor.
        mean: a number, array or tensor that broadcasts.
        std: standard deviation, likewise, at least 0.
        generator: where randomness comes from; ``tinygrad_ae.util.random`` by default.
        dtype: for ``shape`` as lengths.

    Raises:
        ValueError: a negative number as ``std``, a mean or deviation that does not broadcast to
            the shape, or a dtype that is not of floats.
    """
    if isinstance(std, (int, float)) and std < 0:
        raise ValueError(f"a standard deviation must be at least 0; got {std}")
    noise = _normal(_like(shape, dtype), generator=generator_of(generator))
    return _same_shape(mean + std * noise, noise)


def uniform(
    shape: Any, low: Any = 0.0, high: Any = 1.0, generator: Source = None,
    dtype: npt.DTypeLike = np.float32,
) -> Any:  # fmt: skip
    """Draw uniformly from [``low``, ``high``).

    Args:
        shape: lengths, or an array or tensor whose shape and dtype the draw takes. Given a
            tensor, the draw is a tensor.
        low: a number, array or tensor that broadcasts.
        high: likewise.
        generator: where randomness comes from; ``tinygrad_ae.util.random`` by default.
        dtype: for ``shape`` as lengths.

    Raises:
        ValueError: limits that do not broadcast to the shape, or a dtype that is not of floats.
    """
    noise = _uniform(_like(shape, dtype), generator=generator_of(generator))
    return _same_shape(low + (high - low) * noise, noise)


def bernoulli(
    shape: Any, p: Any = 0.5, generator: Source = None, dtype: npt.DTypeLike = np.float32
) -> Any:
    """Draw 1 with probability ``p``, else 0. No gradient flows to ``p``.

    Args:
        shape: lengths, or an array or tensor whose shape and dtype the draw takes. Given a
            tensor, the draw is a tensor.
        p: a number, array or tensor that broadcasts, in [0, 1].
        generator: where randomness comes from; ``tinygrad_ae.util.random`` by default.
        dtype: for ``shape`` as lengths.

    Raises:
        ValueError: a probability outside [0, 1], probabilities that do not broadcast to the
            shape, or a dtype that is not of floats.
    """
    return _bernoulli(_like(shape, dtype), p, generator=generator_of(generator))


def dropout(x: Any, p: float = 0.5, generator: Source = None) -> Any:
    """Set each element to 0 with probability ``p``, and scale the rest by 1 / (1 - p).

    So the expected value stays what it was, and evaluation needs no scaling ("inverted"
    dropout; Srivastava et al. 2014, section 10).

    Args:
        x: floats of any shape.
        p: probability of dropping an element, in [0, 1).
        generator: where randomness comes from; ``tinygrad_ae.util.random`` by default.

    Raises:
        ValueError: ``p`` outside [0, 1).
    """
    if not 0 <= p < 1:
        raise ValueError(f"p must be at least 0 and less than 1; got {p}")
    return x if p == 0 else x * (bernoulli(x, 1 - p, generator) / (1 - p))


def normal_sample(mu: Any, sigma: Any, generator: Source = None) -> Any:
    """Draw from N(mu, sigma²) so that gradients reach both: z = mu + sigma · ε, ε from N(0, 1).

    The reparameterisation of Kingma & Welling 2014, "Auto-encoding variational Bayes",
    section 2.4.

    Args:
        mu: mean, of the draw's shape.
        sigma: standard deviation; broadcasts to ``mu``.
        generator: where randomness comes from; ``tinygrad_ae.util.random`` by default.

    Raises:
        ValueError: ``sigma`` does not broadcast to the shape of ``mu``.
    """
    return normal(mu, mu, sigma, generator)


def _like(shape: Any, dtype: npt.DTypeLike) -> Any:
    """Return what a draw takes its shape and dtype from; lengths become an array of no memory."""
    if isinstance(shape, (int, Sequence)):
        shape = np.broadcast_to(np.zeros((), dtype), shape)
    if shape.dtype.kind != "f":
        raise ValueError(f"random draws are floats (16, 32 or 64 bit); asked for {shape.dtype}")
    return shape


def _same_shape(z: Any, noise: Any) -> Any:
    """Raise where parameters outgrow the noise: elements would share it and be dependent."""
    if z.shape != noise.shape:
        raise ValueError(
            f"the parameters of a draw of shape {noise.shape} must broadcast to that shape; "
            f"with them it would become {z.shape}"
        )
    return z
