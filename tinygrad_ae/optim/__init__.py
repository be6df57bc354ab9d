"""Optimisers over one flat buffer of parameters, gradient clipping, learning-rate schedules."""

from . import schedules
from .algorithms import SGD, Adam, AdamW, RMSprop
from .clip import clip_grad_norm_, clip_grad_value_
from .optimizer import Optimizer

__all__ = [
    "SGD", "Adam", "AdamW", "Optimizer", "RMSprop", "clip_grad_norm_", "clip_grad_value_",
    "schedules",
]  # fmt: skip
