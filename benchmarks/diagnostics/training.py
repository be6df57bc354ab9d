"""What a network's shape and its training decide."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tinygrad_ae import nn
from tinygrad_ae.evaluate import reconstruction_error
from tinygrad_ae.models import Autoencoder
from tinygrad_ae.nn.protocols import Model

from .setting import Setting
from .table import Table, diagnostic, spread

Initialiser = Callable[[Any], Any]

BASE: dict[str, Any] = {"hidden": (128,), "latent": 16, "activation": "relu"}
INITIAL: dict[str, Initialiser] = {
    "PyTorch's": partial(nn.init.kaiming_uniform_, a=5**0.5),
    "He": partial(nn.init.kaiming_normal_, nonlinearity="relu"),
    "orthogonal": nn.init.orthogonal_,
    "N(0, 0.001²)": partial(nn.init.normal_, std=0.001),
    "N(0, 0.5²)": partial(nn.init.normal_, std=0.5),
}


@diagnostic
def sensitivity(s: Setting) -> Table:
    """The error after one and the same training, by what is changed of 784 → 128 → 16 and back.

    The base has ReLU, Glorot's initial weights and a learning rate of 1e-3.
    """
    changes: list[tuple[str, str, dict[str, Any], float, Initialiser | None]] = [
        ("nothing", "the base", {}, 1e-3, None),
        *(("hidden layers", f"{n}", {"hidden": (128,) * n}, 1e-3, None) for n in (0, 2, 3)),
        *(("width", f"{n}", {"hidden": (n,)}, 1e-3, None) for n in (32, 512)),
        *(("activation", a, {"activation": a}, 1e-3, None) for a in ("tanh", "sigmoid", "gelu")),
        *(("initial weights", name, {}, 1e-3, init) for name, init in INITIAL.items()),
        *(("learning rate", f"{lr:g}", {}, lr, None) for lr in (1e-4, 3e-3, 1e-2)),
    ]
    table: Table = []
    for what, value, change, lr, init in changes:
        models = s.each(partial(_initialised, BASE | change, init), lr)
        found = [float(reconstruction_error(model, s.test.x).mean()) for model in models]
        table.append({"changed": what, "to": value, "MSE": spread(found)})
    return table


def _initialised(arguments: dict[str, Any], init: Initialiser | None) -> Model:
    model = Autoencoder(**arguments)
    for parameter in model.parameters():
        if init and parameter.ndim == 2:
            init(parameter)
    return model
