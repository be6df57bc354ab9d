"""The update rules, each its equations over whole arrays.

In the equations ``w`` are the parameters and ``d`` the direction that :class:`Optimizer` gives
(the gradient, with weight decay); other names are the state and the numbers of the step. In the
docstrings g is the gradient, η the learning rate and λ the weight decay.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..errors import ModelError
from ..nn import Parameter
from .optimizer import Optimizer, positive, within


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

    def _equations(self) -> list[str]:
        if not self.momentum:
            return ["w = w - lr * d"]
        ahead = "(d + momentum * momentum_buffer)" if self.nesterov else "momentum_buffer"
        return ["momentum_buffer = momentum * momentum_buffer + d", f"w = w - lr * {ahead}"]

    def _numbers(self, step: int) -> dict[str, float]:
        return {"momentum": self.momentum}


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

    def _equations(self) -> list[str]:
        return [
            "exp_sum = beta1 * exp_sum + d",
            "exp_sum_sq = beta2 * exp_sum_sq + d * d",
            "w = w - rate * exp_sum / (sqrt(exp_sum_sq) + eps)",
        ]

    def _numbers(self, step: int) -> dict[str, float]:
        # With M = m / (1 - β₁) and V = v / (1 - β₂) as the state, and both corrections moved into
        # η and ε, the update is the same one in three passes fewer.
        beta1, beta2 = self.betas
        c = math.sqrt((1 - beta2) / (1 - beta2**step))
        rate = self.lr * (1 - beta1) / (1 - beta1**step) / c
        return {"beta1": beta1, "beta2": beta2, "rate": rate, "eps": self.eps / c}


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

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay)

    def _direction(self) -> list[str]:
        return ["w = shrink * w", "d = g"]

    def _numbers(self, step: int) -> dict[str, float]:
        return {**super()._numbers(step), "shrink": 1 - self.lr * self.weight_decay}


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

    def _equations(self) -> list[str]:
        move = "d / (sqrt(square_avg) + eps)"
        equations = ["square_avg = alpha * square_avg + rest * (d * d)"]
        if not self.momentum:
            return [*equations, f"w = w - lr * ({move})"]
        equations.append(f"momentum_buffer = momentum * momentum_buffer + {move}")
        return [*equations, "w = w - lr * momentum_buffer"]

    def _numbers(self, step: int) -> dict[str, float]:
        alpha = self.alpha
        return {"alpha": alpha, "rest": 1 - alpha, "eps": self.eps, "momentum": self.momentum}
