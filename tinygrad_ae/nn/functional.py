"""Layers and losses as functions, under PyTorch's names.

Losses compare an input with a target of exactly its shape: nothing is broadcast, because a
(n, 1) input against a (n,) target would silently give n² differences. ``reduction`` is
``"mean"`` (over all elements), ``"sum"`` or ``"none"``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from .. import ops
from ..core.messages import misfit
from ..core.value import TensorLike

# These are operations: what is meant by F.relu is ops.relu.
# fmt: off
# isort: off
from ..ops import (
    elu as elu, gelu as gelu, hardtanh as hardtanh, leaky_relu as leaky_relu,
    log_softmax as log_softmax, logsigmoid as logsigmoid, relu as relu, selu as selu,
    sigmoid as sigmoid, silu as silu, softmax as softmax, softplus as softplus, tanh as tanh,
)
# fmt: on
# isort: on
from ..core.tensor import Tensor, as_tensor
from ..util.random import Source

# ---- layers


def linear(x: TensorLike, W: TensorLike, b: TensorLike | None = None) -> Tensor:
    """Return x Wᵀ + b.

    Args:
        x: inputs, shape (…, in).
        W: weights, shape (out, in).
        b: bias, shape (out,), or None.

    Returns:
        Shape (…, out).

    Raises:
        ShapeError: the last axis of ``x`` is not that of ``W``.
    """
    x, W = as_tensor(x), as_tensor(W)
    return x @ W.T if b is None else cast(Tensor, ops.linear(x, W, b))


def dropout(
    x: TensorLike, p: float = 0.5, training: bool = True, generator: Source = None
) -> Tensor:
    """In training, zero each element with probability ``p`` and scale the rest by 1 / (1 - p).

    Args:
        x: floats of any shape.
        p: in [0, 1).
        training: return ``x`` itself if False.
        generator: where the random numbers come from; by default ``default_generator``.

    Raises:
        ShapeError: ``p`` is outside [0, 1).

    Source: Srivastava et al. 2014, "Dropout", section 10.
    """
    if not 0 <= p < 1:
        raise misfit(f"dropout: p must be at least 0 and less than 1; got {p}")
    x = as_tensor(x)
    return cast(Tensor, ops.dropout(x, p, generator)) if training else x


def layer_norm(
    x: TensorLike, normalized_shape: int | Sequence[int], weight: TensorLike | None = None,
    bias: TensorLike | None = None, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """Normalise each sample over its last axes: (x - mean) / √(var + eps) · weight + bias.

    Args:
        x: shape (…, *normalized_shape).
        normalized_shape: the lengths of the axes to normalise over.
        weight: scale, of ``normalized_shape``, or None.
        bias: shift, of ``normalized_shape``, or None.
        eps: added to the (biased) variance.

    Raises:
        ShapeError: ``x`` does not end in ``normalized_shape``.

    Source: Ba, Kiros & Hinton 2016, "Layer normalization", equation 4.
    """
    x = as_tensor(x)
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not shape or x.shape[-len(shape) :] != shape:
        raise misfit(f"layer_norm over {shape} needs an input (…, *{shape}); got {x.shape}")
    axes = tuple(range(-len(shape), 0))
    centred = x - x.mean(axes, keepdims=True)
    y: Tensor = centred * ops.rsqrt(x.var(axes, keepdims=True) + eps)
    if weight is not None:
        y = y * weight
    return y if bias is None else y + bias


# ---- losses


def mse_loss(input: TensorLike, target: TensorLike, reduction: str = "mean") -> Tensor:
    """Mean squared error: the mean of (input - target)².

    Raises:
        ShapeError: the shapes differ, or ``reduction`` is unknown.
    """
    input, target = _pair("mse_loss", input, target)
    return _reduce((input - target).square(), reduction)


def l1_loss(input: TensorLike, target: TensorLike, reduction: str = "mean") -> Tensor:
    """Mean absolute error: the mean of |input - target|; its gradient at 0 is 0.

    Raises:
        ShapeError: the shapes differ, or ``reduction`` is unknown.
    """
    input, target = _pair("l1_loss", input, target)
    return _reduce((input - target).abs(), reduction)


def huber_loss(
    input: TensorLike, target: TensorLike, reduction: str = "mean", delta: float = 1.0
) -> Tensor:
    """Huber's loss: ½d² where d = |input - target| ≤ delta, else delta (d - ½ delta).

    Raises:
        ShapeError: the shapes differ, ``delta`` ≤ 0, or ``reduction`` is unknown.

    Source: Huber 1964, "Robust estimation of a location parameter".
    """
    if not delta > 0:
        raise misfit(f"huber_loss: delta must be positive; got {delta}")
    input, target = _pair("huber_loss", input, target)
    distance = (input - target).abs()
    near = ops.minimum(distance, delta)  # d itself in the quadratic part, delta beyond it
    return _reduce(near * (distance - 0.5 * near), reduction)


def smooth_l1_loss(
    input: TensorLike, target: TensorLike, reduction: str = "mean", beta: float = 1.0
) -> Tensor:
    """Huber's loss with delta = beta, divided by beta: |input - target| with a rounded tip.

    Raises:
        ShapeError: the shapes differ, ``beta`` < 0, or ``reduction`` is unknown.
    """
    if beta == 0:
        return l1_loss(input, target, reduction)
    return huber_loss(input, target, reduction, delta=beta) / beta


def binary_cross_entropy(input: TensorLike, target: TensorLike, reduction: str = "mean") -> Tensor:
    """Cross-entropy of probabilities: -(y log p + (1 - y) log(1 - p)).

    Both logarithms are at least -100, so that a certain but wrong p = 0 or 1 costs 100, not
    infinity; its gradient is then 0. Prefer :func:`binary_cross_entropy_with_logits`, which
    has neither limit.

    Args:
        input: p, in [0, 1].
        target: y, in [0, 1], of the same shape.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Raises:
        ShapeError: shapes that differ, values outside [0, 1] (naming the range found), or an
            unknown ``reduction``.
    """
    p, y = _pair("binary_cross_entropy", input, target)
    _refuse_outside_unit("binary_cross_entropy", "target", y)
    # a NaN among the inputs is for the anomaly detector to trace to the operation that made it
    _refuse_outside_unit("binary_cross_entropy", "input", p, nan_passes=True)
    return _reduce(-(y * _log_probability(p) + (1 - y) * _log_probability(1 - p)), reduction)


def binary_cross_entropy_with_logits(
    input: TensorLike, target: TensorLike, reduction: str = "mean"
) -> Tensor:
    """Cross-entropy of p = σ(x), computed from the logit x without rounding p to 0 or 1.

    -(y log σ(x) + (1 - y) log(1 - σ(x))) = log(1 + eˣ) - x y, and the first term is computed
    as max(x, 0) + log(1 + e^-|x|), which cannot overflow.

    Args:
        input: x, any real numbers.
        target: y, in [0, 1], of the same shape.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Raises:
        ShapeError: shapes that differ, targets outside [0, 1], or an unknown ``reduction``.
    """
    x, y = _pair("binary_cross_entropy_with_logits", input, target)
    _refuse_outside_unit("binary_cross_entropy_with_logits", "target", y)
    return _reduce(softplus(x) - x * y, reduction)


def nll_loss(input: TensorLike, target: TensorLike, reduction: str = "mean") -> Tensor:
    """Negative log-likelihood of the true classes: -log p(label).

    Args:
        input: log-probabilities, shape (batch, classes), as from ``log_softmax``.
        target: whole-number labels in [0, classes), shape (batch,).
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Raises:
        ShapeError: other shapes, labels that are no whole numbers or no class, or an unknown
            ``reduction``.
    """
    (input,), labels = ops.in_floats((as_tensor(input),)), as_tensor(target).data
    if input.ndim != 2 or labels.shape != input.shape[:1]:
        raise misfit(
            "a classification loss needs an input (batch, classes) and labels (batch,); got "
            f"{input.shape} and {labels.shape}"
        )
    if labels.dtype.kind not in "iu":
        raise misfit(f"labels must be whole numbers; got {labels.dtype}")
    classes = input.shape[1]
    if labels.size and not (labels.min() >= 0 and labels.max() < classes):
        raise misfit(
            f"labels must be in [0, {classes}), the classes of an input {input.shape}; found "
            f"{labels.min()} to {labels.max()}"
        )
    return _reduce(-input[np.arange(len(labels)), labels], reduction)


def cross_entropy(input: TensorLike, target: TensorLike, reduction: str = "mean") -> Tensor:
    """Cross-entropy of softmax(input) with the true classes: :func:`nll_loss` of log_softmax.

    Args:
        input: logits, shape (batch, classes).
        target: whole-number labels in [0, classes), shape (batch,).
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Raises:
        ShapeError: as :func:`nll_loss`.
    """
    return nll_loss(log_softmax(as_tensor(input), axis=-1), target, reduction)


def kl_div(input: TensorLike, target: TensorLike, reduction: str = "mean") -> Tensor:
    """Terms of the Kullback-Leibler divergence KL(target ‖ input): y (log y - log p).

    Args:
        input: log p.
        target: y ≥ 0, of the same shape; where it is 0 the term is 0.
        reduction: ``"sum"`` gives the divergence; ``"mean"`` divides by all elements.

    Raises:
        ShapeError: shapes that differ, negative targets, or an unknown ``reduction``.
    """
    log_p, y = _pair("kl_div", input, target)
    if y.size and not y.data.min() >= 0:
        raise misfit(f"kl_div: targets must not be negative; found {y.data.min()}")
    return _reduce(y * (ops.log(ops.where(y > 0, y, 1.0)) - log_p), reduction)


# ---- what the losses share


def _pair(loss: str, input: TensorLike, target: TensorLike) -> tuple[Tensor, Tensor]:
    """Return both as tensors of one shape, and of floats of one dtype."""
    input, target = ops.in_floats((as_tensor(input), as_tensor(target)))
    if input.shape != target.shape:
        raise misfit(
            f"{loss}: input and target must have the same shape; got input {input.shape} and "
            f"target {target.shape}"
        )
    if target.dtype != input.dtype:
        target = target.astype(input.dtype)  # a float64 target must not widen a float32 model
    return input, target


def _reduce(loss: Tensor, reduction: str) -> Tensor:
    if reduction == "mean":
        if loss.size == 0:
            raise misfit(f"the mean of a loss of shape {loss.shape}: it has no elements")
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    if reduction == "none":
        return loss
    raise misfit(f"reduction must be 'mean', 'sum' or 'none'; got {reduction!r}")


def _refuse_outside_unit(loss: str, what: str, values: Tensor, *, nan_passes: bool = False) -> None:
    if values.size:
        low, high = values.data.min(), values.data.max()  # NaN if any value is
        if low < 0 or high > 1 or (np.isnan(low) and not nan_passes):
            raise misfit(
                f"{loss}: the {what} must be in [0, 1]; found values from {low:.6g} to "
                f"{high:.6g}. Scale it first, e.g. pixels / 255."
            )


def _log_probability(p: Tensor) -> Tensor:
    """Return log p, -100 where p is too small for its reciprocal to be a finite number."""
    least = max(float(np.exp(-100.0)), float(np.finfo(p.dtype).tiny))
    return cast(Tensor, ops.where(p <= least, -100.0, ops.log(ops.clip(p, least))))
