"""The update rules. w are the parameters, g the gradient, η the learning rate, λ weight decay."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from ..errors import ModelError
from ..nn import Parameter
from ..ops.op import Array
from .optimizer import Chunk, Optimizer, positive, within


def _with_decay(w: Array, g: Array, weight_decay: Array, s: Array) -> Array:
    """Return g + λ w, in the scratch memory ``s``."""
    np.multiply(w, weight_decay, s)
    return np.add(g, s, s)


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum.

    With g ← g + λ w: b ← μ b + g, and w ← w - η b; Nesterov's variant steps along g + μ b.
    Without momentum w ← w - η g.

    Args:
        parameters: what to train.
        lr: η.
        momentum: μ, in [0, 1).
        nesterov: look ahead; needs momentum.
        weight_decay: λ.

    Source: Polyak 1964; Sutskever et al. 2013, "On the importance of initialization and
    momentum in deep learning" (in PyTorch's form, where η multiplies the whole step).
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        self.momentum = within("momentum", momentum, below=1)
        self.nesterov = nesterov
        if nesterov and momentum == 0:
            raise ModelError("SGD: nesterov=True needs a momentum, e.g. 0.9")
        self.slot_names = ("momentum_buffer",) if momentum else ()
        super().__init__(parameters, lr, weight_decay)

    def _numbers(self, step: int) -> tuple[float, ...]:
        return self.lr, self.momentum, self.weight_decay

    def _update(self, chunk: Chunk, *numbers: Array) -> None:
        (w, g, slots, s, t), (lr, momentum, weight_decay) = chunk, numbers
        if self.weight_decay:
            g = _with_decay(w, g, weight_decay, s)
        if self.momentum:
            (b,) = slots
            np.multiply(b, momentum, b)
            np.add(b, g, b)
            if self.nesterov:
                np.multiply(b, momentum, t)
                g = np.add(g, t, t)
            else:
                g = b
        np.multiply(g, lr, s)
        np.subtract(w, s, w)


class Adam(Optimizer):
    """Adam: steps scaled by running means of the gradient and of its square.

    With g ← g + λ w, m ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g² and both corrected for
    their start at 0: w ← w - η m̂ / (√v̂ + ε), where m̂ = m / (1 - β₁ᵗ), v̂ = v / (1 - β₂ᵗ).
    The state holds the sums behind these means: ``exp_sum`` = m / (1 - β₁) and ``exp_sum_sq`` =
    v / (1 - β₂). Continued with other betas, the same sums stand for other means.

    Args:
        parameters: what to train.
        lr: η.
        betas: (β₁, β₂), each in [0, 1).
        eps: ε > 0.
        weight_decay: λ, as an L2 penalty in the gradient.

    Source: Kingma & Ba 2015, "Adam: a method for stochastic optimization", algorithm 1.
    """

    slot_names = ("exp_sum", "exp_sum_sq")
    decoupled: ClassVar[bool] = False

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        self.betas = (within("betas[0]", betas[0], below=1), within("betas[1]", betas[1], below=1))
        self.eps = positive("eps", eps)
        super().__init__(parameters, lr, weight_decay)

    def _numbers(self, step: int) -> tuple[float, ...]:
        # With M = m / (1 - β₁) and V = v / (1 - β₂) in the slots, and both corrections moved into
        # η and ε, the update is the same one in three passes fewer.
        beta1, beta2 = self.betas
        c = math.sqrt((1 - beta2) / (1 - beta2**step))
        rate = self.lr * (1 - beta1) / (1 - beta1**step) / c
        shrink = 1 - self.lr * self.weight_decay
        return beta1, beta2, rate, self.eps / c, self.weight_decay, shrink

    def _update(self, chunk: Chunk, *numbers: Array) -> None:
        (w, g, (m, v), s, _), (beta1, beta2, rate, eps, weight_decay, shrink) = chunk, numbers
        if self.weight_decay and self.decoupled:
            np.multiply(w, shrink, w)
        elif self.weight_decay:
            g = _with_decay(w, g, weight_decay, s)
        np.multiply(m, beta1, m)
        np.add(m, g, m)
        np.multiply(v, beta2, v)
        np.multiply(g, g, s)
        np.add(v, s, v)
        np.sqrt(v, s)
        np.add(s, eps, s)
        np.divide(m, s, s)
        np.multiply(s, rate, s)
        np.subtract(w, s, w)


class AdamW(Adam):
    """Adam with decoupled weight decay: w ← (1 - η λ) w before the step, and no λ in g.

    Args:
        parameters: what to train.
        lr: η.
        betas: (β₁, β₂), each in [0, 1).
        eps: ε > 0.
        weight_decay: λ.

    Source: Loshchilov & Hutter 2019, "Decoupled weight decay regularization", algorithm 2.
    """

    decoupled = True

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay)


class RMSprop(Optimizer):
    """Steps scaled by a running mean of the squared gradient.

    With g ← g + λ w: v ← α v + (1 - α) g², b ← μ b + g / (√v + ε), w ← w - η b.

    Args:
        parameters: what to train.
        lr: η.
        alpha: α, in [0, 1).
        eps: ε > 0.
        momentum: μ, in [0, 1).
        weight_decay: λ.

    Source: Hinton, Srivastava & Swersky 2012, "Neural networks for machine learning",
    lecture 6e.
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        self.alpha = within("alpha", alpha, below=1)
        self.eps = positive("eps", eps)
        self.momentum = within("momentum", momentum, below=1)
        self.slot_names = ("square_avg", "momentum_buffer") if momentum else ("square_avg",)
        super().__init__(parameters, lr, weight_decay)

    def _numbers(self, step: int) -> tuple[float, ...]:
        return self.lr, self.alpha, 1 - self.alpha, self.eps, self.momentum, self.weight_decay

    def _update(self, chunk: Chunk, *numbers: Array) -> None:
        w, g, slots, s, t = chunk
        lr, alpha, rest, eps, momentum, weight_decay = numbers
        v = slots[0]
        if self.weight_decay:
            g = _with_decay(w, g, weight_decay, s)
        np.multiply(v, alpha, v)
        np.multiply(g, g, t)
        np.multiply(t, rest, t)
        np.add(v, t, v)
        np.sqrt(v, t)
        np.add(t, eps, t)
        np.divide(g, t, s)
        if self.momentum:
            b = slots[1]
            np.multiply(b, momentum, b)
            np.add(b, s, b)
            s = b
        np.multiply(s, lr, t)
        np.subtract(w, t, w)
