"""Learning-rate schedules: functions from the number of steps taken to a factor.

    schedule = warmup(100, then=cosine(total=5000))
    optimizer.lr = base_lr * schedule(step)

A schedule counts in whatever its caller does, steps or epochs, from 0. PyTorch's
``lr_scheduler`` classes correspond: ``ConstantLR`` with factor 1, ``StepLR``,
``CosineAnnealingLR`` (``floor`` is its eta_min / lr) and ``LinearLR`` with ``SequentialLR``.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from .optimizer import within

Schedule = Callable[[int], float]


def constant() -> Schedule:
    """Keep the learning rate: 1."""
    return lambda step: 1.0


def step(every: int, gamma: float = 0.1) -> Schedule:
    """Multiply by ``gamma`` after each ``every`` steps: gamma^⌊step / every⌋.

    Raises:
        ModelError: ``every`` < 1 or ``gamma`` < 0.
    """
    within("step(every)", every, 1)
    within("step(gamma)", gamma)
    return lambda step: float(gamma ** (step // every))


def cosine(total: int, floor: float = 0.0) -> Schedule:
    """Fall from 1 to ``floor`` along half a cosine over ``total`` steps, then stay.

    Raises:
        ModelError: ``total`` < 1 or ``floor`` < 0.

    Source: Loshchilov & Hutter 2017, "SGDR: stochastic gradient descent with warm restarts",
    equation 5.
    """
    within("cosine(total)", total, 1)
    within("cosine(floor)", floor)
    return lambda step: floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(step / total, 1)))


def warmup(steps: int, then: Schedule | None = None) -> Schedule:
    """Rise linearly from 1 / ``steps`` to 1 within ``steps`` steps, then follow ``then``.

    ``then`` starts counting from 0 when the warm-up is over; by default it is constant.

    Raises:
        ModelError: ``steps`` < 0.

    Source: Goyal et al. 2017, "Accurate, large minibatch SGD", section 2.2.
    """
    within("warmup(steps)", steps)
    after = then or constant()
    return lambda step: (step + 1) / steps if step < steps else after(step - steps)
