"""Gradients of any order, derived from the graph."""

from .check import GradcheckError, gradcheck, gradgradcheck
from .custom import custom_vjp, remat
from .engine import backward, grad
from .functional import hessian, hvp, jacobian, jvp, value_and_grad, vjp
from .modes import detect_anomaly, enable_grad, is_grad_enabled, no_grad, record_everything

__all__ = [
    "GradcheckError",
    "backward",
    "custom_vjp",
    "detect_anomaly",
    "enable_grad",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "hessian",
    "hvp",
    "is_grad_enabled",
    "jacobian",
    "jvp",
    "no_grad",
    "record_everything",
    "remat",
    "value_and_grad",
    "vjp",
]
