"""A model as a table: its layers, the shapes that leave them, and what there is to train."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autodiff import no_grad
from ...core.tensor import Tensor
from ...errors import UserError
from ...nn import Module, Parameter
from ...nn.protocols import evaluating
from ...util.columns import table, underlined

Shapes = dict[Module, str]


def summary(model: Module, input_shape: tuple[int, ...] | int | None = None) -> str:
    """Return a table of all layers: path, class, output shape and number of parameters.

    Args:
        model: any module.
        input_shape: shape of one sample, without the batch axis; by default the number of
            features the first layer that has ``in_features`` takes. The shapes are found by
            running the model once on zeros.

    Raises:
        UserError: the model cannot work on an input of the shape given.
    """
    shapes = _shapes(model, input_shape)
    rows = [("layer", "class", "output shape", "parameters")]
    counted: set[int] = set()
    for path, module in model.named_modules():
        own = 0
        for value in vars(module).values():
            if isinstance(value, Parameter) and id(value) not in counted:
                counted.add(id(value))
                own += value.size
        count = f"{own:,}" if own else ""
        rows.append((path or "(model)", type(module).__name__, shapes.get(module, ""), count))
    lines = underlined(table(rows, right={3}))
    lines.append(lines[1])
    total = sum(p.size for p in model.parameters())
    frozen = sum(p.size for p in model.parameters() if not p.requires_grad)
    lines.append(f"{total:,} parameters" + (f", {frozen:,} of them frozen" if frozen else ""))
    return "\n".join(lines)


def _shapes(model: Module, input_shape: tuple[int, ...] | int | None) -> Shapes:
    """Return the output shape of every module that runs, N standing for the batch."""
    if input_shape is not None:
        return _run(model, (input_shape,) if isinstance(input_shape, int) else input_shape)
    features = [m.in_features for m in model.modules() if hasattr(m, "in_features")]
    if not features or type(model).forward is Module.forward:
        return {}
    try:
        return _run(model, (features[0],))
    except (UserError, TypeError):  # our guess of its input, so not the reader's mistake
        return {}


def _run(model: Module, input_shape: tuple[int, ...]) -> Shapes:
    shapes: Shapes = {}

    def note(module: Module, args: tuple[Any, ...], output: Any) -> None:
        if isinstance(output, Tensor):
            shapes[module] = f"({', '.join(['N', *map(str, output.shape[1:])])})"

    dtype = next((p.dtype for p in model.parameters()), np.dtype(np.float32))
    removers = [module.register_forward_hook(note) for module in model.modules()]
    try:
        with evaluating(model), no_grad():
            model(Tensor(np.zeros((1, *input_shape), dtype)))
    finally:
        for remove in removers:
            remove()
    return shapes
