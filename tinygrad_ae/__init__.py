"""A small reverse-mode autograd over NumPy that records the graph it computes.

from tinygrad_ae import Tensor, nn, optim
"""

# isort: off
from .util import startup as _startup  # noqa: F401 - before what takes long to import

# isort: on
import importlib
from typing import TYPE_CHECKING, Any

from . import autodiff, export, ops
from .autodiff import (
    GradcheckError,
    backward,
    custom_vjp,
    detect_anomaly,
    enable_grad,
    grad,
    gradcheck,
    gradgradcheck,
    hessian,
    hvp,
    jacobian,
    jvp,
    no_grad,
    record_everything,
    remat,
    value_and_grad,
    vjp,
)
from .core.graph import Graph
from .core.precision import PrecisionWarning
from .core.tensor import Tensor, as_tensor, from_numpy
from .ops import Op
from .util.malloc import keep_freed
from .util.random import default_generator, manual_seed

if TYPE_CHECKING:
    from . import compiled, nn, optim, show, testing
    from .compiled import CaptureWarning, CompiledStep, Engine, compile
    from .testing import check_op

keep_freed()

__version__ = "0.1.0"

_ROOMS = ("compiled", "nn", "optim", "show", "testing")
_OF_ROOMS = {
    **dict.fromkeys(("CaptureWarning", "CompiledStep", "Engine", "compile"), "compiled"),
    "check_op": "testing",
}


def __getattr__(name: str) -> Any:
    """Load the larger rooms when they are first entered, so that importing stays quick."""
    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _OF_ROOMS:
        return getattr(importlib.import_module(f"{__name__}.{_OF_ROOMS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "CaptureWarning",
    "CompiledStep",
    "Engine",
    "GradcheckError",
    "Graph",
    "Op",
    "PrecisionWarning",
    "Tensor",
    "as_tensor",
    "autodiff",
    "backward",
    "check_op",
    "compile",
    "compiled",
    "custom_vjp",
    "default_generator",
    "detect_anomaly",
    "enable_grad",
    "export",
    "from_numpy",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "manual_seed",
    "nn",
    "no_grad",
    "ops",
    "optim",
    "record_everything",
    "remat",
    "show",
    "testing",
    "value_and_grad",
    "vjp",
]
