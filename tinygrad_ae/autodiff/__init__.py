"""Gradients of any order, derived from the graph."""

from .engine import backward, grad
from .modes import detect_anomaly, enable_grad, is_grad_enabled, no_grad, record_everything

__all__ = [
    "backward",
    "detect_anomaly",
    "enable_grad",
    "grad",
    "is_grad_enabled",
    "no_grad",
    "record_everything",
]
