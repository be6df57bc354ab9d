"""How PyTorch's calls of neural-network functions and linear algebra become calls of ours."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from op_db_map import Adapter, axes, ints, kinked, marked, unless

from tinygrad_ae import ops
from tinygrad_ae.nn import BatchNorm1d
from tinygrad_ae.nn import functional as F  # noqa: N812 - its usual name

# ---- activations


def _prelu(x: Any, weight: Any) -> Any:
    slopes = weight.reshape(-1, *(1,) * (x.ndim - 2)) if x.ndim > 1 and weight.ndim else weight
    unless(x.ndim > 0 or weight.ndim == 0, "weights for a scalar")
    return np.where(x > 0, x, slopes * x)


def _glu(x: Any, dim: int = -1) -> Any:
    value, gate = np.split(x, 2, dim)
    return value * F.sigmoid(gate)


def _softplus(x: Any, beta: float = 1, threshold: float = 20) -> Any:
    return np.where(x * beta > threshold, x, F.softplus(x * beta) / beta)


def _mish(x: Any) -> Any:
    unless(np.abs(x.data).max(initial=0) < 300, "PyTorch's second derivative overflows")
    return x * F.tanh(F.softplus(x))


def _dropout(x: Any, p: float = 0.5, training: bool = True) -> Any:
    unless(not training or p == 0, "random")
    unless(p < 1, "p = 1 (refused here)")
    return F.dropout(x, p, training)


ACTIVATIONS: dict[str, Adapter] = {
    "relu": lambda x: F.relu(x), "leaky_relu": lambda x, slope=0.01: F.leaky_relu(x, slope),
    "elu": kinked(lambda x, alpha=1.0: F.elu(x, alpha)), "selu": kinked(lambda x: F.selu(x)),
    # PyTorch's kernels round 1 / alpha and 1 / 6 to single precision.
    "celu": marked(lambda x, alpha=1.0: alpha * F.elu(x / alpha), kinked=True, tolerance=1e-7),
    "hardsigmoid": marked(lambda x: F.hardtanh(x + 3, 0.0, 6.0) / 6, tolerance=1e-7),
    "gelu": lambda x, approximate="none": F.gelu(x, approximate), "silu": lambda x: F.silu(x),
    "hardtanh": lambda x, min_val=-1.0, max_val=1.0: F.hardtanh(x, min_val, max_val),
    "relu6": lambda x: F.hardtanh(x, 0.0, 6.0),
    "logsigmoid": lambda x: F.logsigmoid(x), "softplus": kinked(_softplus),
    "softsign": lambda x: x / (1 + np.abs(x)), "tanhshrink": lambda x: x - F.tanh(x),
    "mish": lambda x: _mish(x), "prelu": kinked(_prelu), "glu": _glu,
    "threshold": lambda x, threshold, value: np.where(x <= threshold, value, x),
    "hardshrink": lambda x, lambd=0.5: np.where(np.abs(x) <= lambd, 0, x),
    "softshrink": lambda x, lambd=0.5: x - F.hardtanh(x, -lambd, lambd),
    "softmin": lambda x, dim, dtype=None: F.softmax(_as(-x, dtype), axes(x, dim)),
    "softmin.with_dtype": lambda x, dim, dtype=None: F.softmax(-_as(x, dtype), axes(x, dim)),
    "dropout": _dropout, "dropout2d": _dropout, "dropout3d": _dropout, "alpha_dropout": _dropout,
    "feature_alpha_dropout.without_train": lambda x, p=0.5, training=True: _dropout(x, p, training),
}  # fmt: skip


def _as(x: Any, dtype: Any) -> Any:
    return x if dtype is None else x.astype(dtype)


# ---- normalisation and products


def _group_norm(
    x: Any, groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    n = x.shape[0]
    length = math.prod(x.shape[1:]) // groups
    z = F.layer_norm(x.reshape(n, groups, length), length, eps=eps).reshape(x.shape)
    return _affine(z, weight, bias)


def _affine(x: Any, weight: Any, bias: Any) -> Any:
    lengths = (-1, *(1,) * (x.ndim - 2))
    x = x if weight is None else x * weight.reshape(lengths)
    return x if bias is None else x + bias.reshape(lengths)


def _instance_norm(
    x: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5,
    running_mean: Any = None, running_var: Any = None, momentum: Any = None,
    use_input_stats: bool = True,
) -> Any:  # fmt: skip
    unless(use_input_stats, "running statistics of an instance")
    return _group_norm(x, x.shape[1], weight, bias, eps)


def _batch_norm(
    x: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None,
    training: bool = False, momentum: float = 0.1, eps: float = 1e-5,
) -> Any:  # fmt: skip
    unless(x.ndim in (2, 3) and 0 <= momentum <= 1, "BatchNorm1d takes no images, no such momentum")
    layer = BatchNorm1d(x.shape[1], eps, momentum, affine=False, dtype=np.float64)
    if running_mean is not None:
        layer.running_mean, layer.running_var = running_mean.detach(), running_var.detach()
    return _affine(layer.train(training)(x), weight, bias)


def _rms_norm(x: Any, shape: Any, weight: Any = None, eps: float = 2.0**-52) -> Any:
    over = tuple(range(-len(shape), 0))
    z = x * ops.rsqrt(np.mean(x * x, axis=over, keepdims=True) + eps)
    return z if weight is None else z * weight


def _layer_norm(x: Any, shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    return F.layer_norm(x, shape, weight, bias, eps)


def _normalize(x: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Any:
    unless(p == 2, "another norm")
    return x / np.maximum(np.linalg.norm(x, axis=axes(x, dim), keepdims=True), eps)


def _cosine(x: Any, y: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    unless(x.ndim > 0, "scalars")
    x, y = x + 0 * y, y + 0 * x
    lengths = [np.maximum(np.linalg.norm(t, axis=dim), eps) for t in (x, y)]
    return np.sum(x * y, axis=dim) / (lengths[0] * lengths[1])


def _attention(
    q: Any, k: Any, v: Any, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False,
    scale: Any = None, enable_gqa: bool = False,
) -> Any:  # fmt: skip
    unless(dropout_p == 0, "random")
    unless(not enable_gqa, "grouped queries")
    scores = q @ np.swapaxes(k, -1, -2) * (1 / math.sqrt(q.shape[-1]) if scale is None else scale)
    if is_causal:
        scores = np.where(np.tri(*scores.shape[-2:], dtype=bool), scores, -np.inf)
    if attn_mask is not None:
        scores = scores + attn_mask
    return F.softmax(scores) @ v


def _bilinear(x: Any, y: Any, W: Any, b: Any = None) -> Any:
    z = ops.einsum("...i,oij,...j->...o", x, W, y)
    return z if b is None else z + b


LAYERS: dict[str, Adapter] = {
    "linear": lambda x, W, b=None: F.linear(x, W, b), "bilinear": _bilinear,
    "layer_norm": _layer_norm, "group_norm": _group_norm, "instance_norm": _instance_norm,
    "batch_norm": _batch_norm, "rms_norm": _rms_norm, "normalize": _normalize,
    "cosine_similarity": _cosine, "scaled_dot_product_attention": _attention,
    "embedding": lambda W, index: np.take(W, ints(index), 0),
    "one_hot": lambda x, num_classes=-1: _one_hot(x, num_classes),
}  # fmt: skip


def _one_hot(x: Any, classes: int) -> Any:
    unless(x.size > 0 or classes > 0, "no classes")
    count = classes if classes > 0 else int(x.data.max()) + 1
    return (np.expand_dims(x, -1) == np.arange(count)).astype(np.int64)


# ---- convolution, pooling, resizing


def _batched(f: Callable[..., Any], n: int) -> Callable[..., Any]:
    """PyTorch lets the batch axis be left out."""

    def call(x: Any, *args: Any) -> Any:
        return f(x, *args) if x.ndim == n + 2 else f(np.expand_dims(x, 0), *args).squeeze(0)

    return call


def _pair(value: Any, n: int) -> Any:
    return value[0] if isinstance(value, (list, tuple)) and len(value) == 1 else value


def _conv(f: Adapter, n: int) -> Adapter:
    def adapter(
        x: Any, W: Any, b: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1,
    ) -> Any:  # fmt: skip
        s, p, d = (_pair(v, n) for v in (stride, padding, dilation))
        return _batched(f, n)(x, W, b, s, p, d, groups)

    return adapter


def _conv_transpose(f: Adapter, n: int) -> Adapter:
    def adapter(
        x: Any, W: Any, b: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
        groups: int = 1, dilation: Any = 1,
    ) -> Any:  # fmt: skip
        s, p, o, d = (_pair(v, n) for v in (stride, padding, output_padding, dilation))
        return _batched(f, n)(x, W, b, s, p, o, groups, d)

    return adapter


def _max_pool(f: Adapter, n: int) -> Adapter:
    def adapter(
        x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
        ceil_mode: bool = False, return_indices: bool = False,
    ) -> Any:  # fmt: skip
        unless(dilation in (1, (1,) * n, [1] * n), "dilated pooling")
        unless(not ceil_mode, "ceil_mode")
        k, s, p = (_pair(v, n) for v in (kernel_size, stride or None, padding))
        return _batched(f, n)(x, k, s, p)

    return adapter


def _avg_pool(f: Adapter, n: int) -> Adapter:
    def adapter(
        x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: Any = None,
    ) -> Any:  # fmt: skip
        unless(not ceil_mode, "ceil_mode")
        unless(divisor_override is None, "divisor_override")
        k, s, p = (_pair(v, n) for v in (kernel_size, stride or None, padding))
        return _batched(f, n)(x, k, s, p, count_include_pad)

    return adapter


def _adaptive(f: Adapter, n: int) -> Adapter:
    """Windows of equal size: what pooling with a stride can do."""

    def adapter(x: Any, output_size: Any, return_indices: bool = False) -> Any:
        wanted = output_size if isinstance(output_size, (list, tuple)) else (output_size,) * n
        size = x.shape[-n:]
        new = [m if w is None else w for w, m in zip(wanted, size, strict=True)]
        unless(all(w and m % w == 0 for w, m in zip(new, size, strict=True)), "unequal windows")
        return _batched(f, n)(x, [m // w for w, m in zip(new, size, strict=True)])

    return adapter


def _interpolate(
    x: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
    align_corners: Any = None, recompute_scale_factor: Any = None,
) -> Any:  # fmt: skip
    unless(x.ndim in (3, 4), "three spatial axes")
    if recompute_scale_factor and scale_factor is not None:
        size, scale_factor = [int(n * scale_factor) for n in x.shape[2:]], None
    return ops.upsample(x, size, scale_factor, mode, bool(align_corners))


def _unfold(x: Any, kernel: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    kernel, dilation, stride, (above, left) = (
        (v, v) if isinstance(v, int) else tuple(v) for v in (kernel, dilation, stride, padding)
    )
    lone = x if x.ndim == 4 else np.expand_dims(x, 0)
    padded = np.pad(lone, ((0, 0), (0, 0), (above, above), (left, left)))
    windows = ops.sliding_windows(padded, kernel, stride, dilation)
    places = math.prod(windows.shape[2:4])
    columns = np.transpose(windows, (0, 1, 4, 5, 2, 3))
    z = columns.reshape(lone.shape[0], lone.shape[1] * math.prod(kernel), places)
    return z if x.ndim == 4 else z.squeeze(0)


def _pad(x: Any, pad: Any, mode: str = "constant", value: Any = None) -> Any:
    unless(min(pad) >= 0, "negative padding")
    pairs = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)][::-1]
    widths = [(0, 0)] * (x.ndim - len(pairs)) + pairs
    modes = {"constant": "constant", "replicate": "edge", "reflect": "reflect", "circular": "wrap"}
    return ops.pad(x, widths, modes[mode], 0 if value is None else value)


def _shuffled(x: Any, upscale_factor: int) -> Any:
    *lead, c, h, w = x.shape
    n, r = len(lead), upscale_factor
    parts = x.reshape(*lead, c // r**2, r, r, h, w)
    order = (*range(n), n, n + 3, n + 1, n + 4, n + 2)
    return np.transpose(parts, order).reshape(*lead, c // r**2, h * r, w * r)


def _unshuffled(x: Any, downscale_factor: int) -> Any:
    *lead, c, h, w = x.shape
    n, r = len(lead), downscale_factor
    parts = x.reshape(*lead, c, h // r, r, w // r, r)
    order = (*range(n), n, n + 2, n + 4, n + 1, n + 3)
    return np.transpose(parts, order).reshape(*lead, c * r**2, h // r, w // r)


def _channel_shuffle(x: Any, groups: int) -> Any:
    n, c, *size = x.shape
    return np.swapaxes(x.reshape(n, groups, c // groups, *size), 1, 2).reshape(x.shape)


WINDOWS: dict[str, Adapter] = {
    "conv1d": _conv(ops.conv1d, 1), "conv2d": _conv(ops.conv2d, 2),
    "conv_transpose1d": _conv_transpose(ops.conv_transpose1d, 1),
    "conv_transpose2d": _conv_transpose(ops.conv_transpose2d, 2),
    "max_pool1d": marked(_max_pool(ops.max_pool1d, 1), kinked=True, outputs=1),
    "max_pool2d": marked(_max_pool(ops.max_pool2d, 2), kinked=True, outputs=1),
    "avg_pool1d": _avg_pool(ops.avg_pool1d, 1), "avg_pool2d": _avg_pool(ops.avg_pool2d, 2),
    "adaptive_avg_pool1d": _adaptive(ops.avg_pool1d, 1),
    "adaptive_avg_pool2d": _adaptive(ops.avg_pool2d, 2),
    "interpolate.nearest": _interpolate, "interpolate.linear": _interpolate,
    "interpolate.bilinear": _interpolate, "upsample_nearest": _interpolate,
    "upsample_bilinear": lambda x, size=None, scale_factor=None: _interpolate(
        x, size, scale_factor, "bilinear", True
    ),
    "unfold": _unfold, "pad.constant": _pad, "pad.reflect": _pad, "pad.replicate": _pad,
    "pad.circular": _pad, "pixel_shuffle": _shuffled, "pixel_unshuffle": _unshuffled,
    "channel_shuffle": _channel_shuffle,
}  # fmt: skip


# ---- losses


def _reduced(loss: Any, reduction: str) -> Any:
    return {"mean": np.mean, "sum": np.sum, "none": lambda x: x}[reduction](loss)


def _weighted_bce(f: Adapter) -> Adapter:
    def adapter(x: Any, y: Any, reduction: str = "mean", weight: Any = None) -> Any:
        if weight is None:
            return f(x, y, reduction)
        return _reduced(f(x, y, "none") * weight, reduction)

    return adapter


def _labelled(f: Adapter) -> Adapter:
    def adapter(x: Any, y: Any, reduction: str = "mean", ignore_index: int = -100) -> Any:
        unless(x.ndim == 2 and y.ndim == 1, "labels of another rank")
        unless(not (ints(y) == ignore_index).any(), "ignore_index")
        return f(x, y, reduction)

    return adapter


def _kl_div(x: Any, y: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    target = np.exp(y) if log_target else y
    if reduction == "batchmean":
        return F.kl_div(x, target, "sum") / x.shape[0]
    return F.kl_div(x, target, reduction)


def _gaussian_nll(
    x: Any, y: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Any:
    if var.ndim == x.ndim - 1:
        var = np.expand_dims(var, -1)
    loss = 0.5 * (np.log(var) + np.square(x - y) / var)
    return _reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


def _poisson_nll(
    x: Any, y: Any, log_input: bool = True, full: bool = False, eps: float = 1e-8,
    reduction: str = "mean",
) -> Any:  # fmt: skip
    loss = np.exp(x) - y * x if log_input else x - y * np.log(x + eps)
    if full:
        stirling = y * np.log(y) - y + 0.5 * np.log(2 * math.pi * y)
        loss = loss + np.where(y > 1, stirling, 0)
    return _reduced(loss, reduction)


def _margin_ranking(x: Any, y: Any, t: Any, margin: float = 0.0, reduction: str = "mean") -> Any:
    return _reduced(F.relu(-t * (x - y) + margin), reduction)


def _triplet(
    a: Any, p: Any, n: Any, margin: float = 1.0, eps: float = 1e-6, reduction: str = "mean"
) -> Any:
    near, far = (np.linalg.norm(a - t + eps, axis=-1) for t in (p, n))
    return _reduced(F.relu(near - far + margin), reduction)


LOSSES: dict[str, Adapter] = {
    "mse_loss": lambda x, y, reduction="mean": F.mse_loss(x, y, reduction),
    "l1_loss": lambda x, y, reduction="mean": F.l1_loss(x, y, reduction),
    "huber_loss": lambda x, y, reduction="mean", delta=1.0: F.huber_loss(x, y, reduction, delta),
    "smooth_l1_loss": lambda x, y, reduction="mean", beta=1.0: F.smooth_l1_loss(
        x, y, reduction, beta
    ),
    # PyTorch adds 1e-12 to the denominator of its second derivative.
    "binary_cross_entropy": marked(_weighted_bce(F.binary_cross_entropy), tolerance=1e-8),
    "binary_cross_entropy_with_logits": _weighted_bce(F.binary_cross_entropy_with_logits),
    "cross_entropy": _labelled(F.cross_entropy), "nll_loss": _labelled(F.nll_loss),
    "kl_div": _kl_div, "gaussian_nll_loss": _gaussian_nll, "poisson_nll_loss": _poisson_nll,
    "margin_ranking_loss": _margin_ranking, "triplet_margin_loss": _triplet,
    "soft_margin_loss": lambda x, y, reduction="mean": _reduced(F.softplus(-y * x), reduction),
}  # fmt: skip


# ---- linear algebra


def _cholesky(x: Any, upper: bool = False) -> Any:
    L = ops.cholesky(x)
    return np.swapaxes(L, -1, -2) if upper else L


def _solve(A: Any, b: Any, left: bool = True) -> Any:
    unless(left, "systems from the right")
    if b.ndim == A.ndim - 1 and b.ndim > 1:  # a vector for each matrix of a stack
        return ops.solve(A, np.expand_dims(b, -1)).squeeze(-1)
    return ops.solve(A, b)


def _triangular(A: Any, b: Any, upper: bool, left: bool = True, unitriangular: bool = False) -> Any:
    T = np.triu(A) if upper else np.tril(A)
    if unitriangular:
        T = np.where(np.eye(A.shape[-1], dtype=bool), 1, T)
    if left:
        return ops.solve(T, b)
    return np.swapaxes(ops.solve(np.swapaxes(T, -1, -2), np.swapaxes(b, -1, -2)), -1, -2)


def _gram(L: Any, upper: bool = False) -> Any:
    Lt = np.swapaxes(L, -1, -2)
    return Lt @ L if upper else L @ Lt


LINALG: dict[str, Adapter] = {
    "cholesky": _cholesky, "linalg.cholesky": _cholesky,
    "cholesky_inverse": lambda L, upper=False: ops.inv(_gram(L, upper)),
    "cholesky_solve": lambda b, L, upper=False: ops.solve(_gram(L, upper), b),
    "linalg.inv": lambda A: ops.inv(A), "linalg.det": lambda A: ops.det(A),
    "linalg.slogdet": lambda A: list(ops.slogdet(A)), "linalg.solve": _solve,
    "logdet": lambda A: ops.where(ops.slogdet(A).sign > 0, ops.slogdet(A).logabsdet, np.nan),
    "linalg.solve_triangular": _triangular,
    "einsum": lambda xs, subscripts: ops.einsum(subscripts, *xs),
}  # fmt: skip

NN: dict[str, Adapter] = (
    {
        f"nn.functional.{name}": adapter
        for family in (ACTIVATIONS, LAYERS, WINDOWS, LOSSES)
        for name, adapter in family.items()
    }
    | LINALG
    | {"constant_pad_nd": lambda x, pad, value=0: _pad(x, pad, "constant", value)}
)
