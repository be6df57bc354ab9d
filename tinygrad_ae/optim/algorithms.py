"""The update rules. w are the parameters, g the gradient, η the learning rate, λ weight decay."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from ..errors import ModelError
from ..nn import Parameter
from ..ops.op import Array
from .optimizer import Optimizer, within


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

    def _update(self, step: int, w: Array, g: Array, s: Array, slots: list[Array]) -> None:
        if self.weight_decay:
            np.multiply(w, self.weight_decay, out=s)
            g += s
        if self.momentum:
            (b,) = slots
            b *= self.momentum
            b += g
            if self.nesterov:
                np.multiply(b, self.momentum, out=s)
                g += s
            else:
                g = b
        np.multiply(g, self.lr, out=s)
        w -= s


class Adam(Optimizer):
    """Adam: steps scaled by running means of the gradient and of its square.

    With g ← g + λ w, m ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g² and both corrected for
    their start at 0: w ← w - η m̂ / (√v̂ + ε), where m̂ = m / (1 - β₁ᵗ), v̂ = v / (1 - β₂ᵗ).

    Args:
        parameters: what to train.
        lr: η.
        betas: (β₁, β₂), each in [0, 1).
        eps: ε > 0.
        weight_decay: λ, as an L2 penalty in the gradient.

    Source: Kingma & Ba 2015, "Adam: a method for stochastic optimization", algorithm 1.
    """

    slot_names = ("exp_avg", "exp_avg_sq")
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
        self.eps = within("eps", eps)
        super().__init__(parameters, lr, weight_decay)

    def _update(self, step: int, w: Array, g: Array, s: Array, slots: list[Array]) -> None:
        m, v = slots
        beta1, beta2 = self.betas
        if self.weight_decay and self.decoupled:
            w *= 1 - self.lr * self.weight_decay
        elif self.weight_decay:
            np.multiply(w, self.weight_decay, out=s)
            g += s
        m *= beta1
        np.multiply(g, 1 - beta1, out=s)
        m += s
        v *= beta2
        g *= g
        g *= 1 - beta2
        v += g
        np.sqrt(v, out=s)
        s *= 1 / math.sqrt(1 - beta2**step)
        s += self.eps
        np.divide(m, s, out=s)
        s *= self.lr / (1 - beta1**step)
        w -= s


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
        self.eps = within("eps", eps)
        self.momentum = within("momentum", momentum, below=1)
        self.slot_names = ("square_avg", "momentum_buffer") if momentum else ("square_avg",)
        super().__init__(parameters, lr, weight_decay)

    def _update(self, step: int, w: Array, g: Array, s: Array, slots: list[Array]) -> None:
        v = slots[0]
        if self.weight_decay:
            np.multiply(w, self.weight_decay, out=s)
            g += s
        v *= self.alpha
        np.multiply(g, g, out=s)
        s *= 1 - self.alpha
        v += s
        np.sqrt(v, out=s)
        s += self.eps
        g /= s
        if self.momentum:
            b = slots[1]
            b *= self.momentum
            b += g
            g = b
        np.multiply(g, self.lr, out=s)
        w -= s
