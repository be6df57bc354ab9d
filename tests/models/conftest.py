"""What every model's tests share."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from tinygrad_ae import Tensor, gradcheck, manual_seed
from tinygrad_ae.nn import Module

Check = Callable[[Module, NDArray[np.float64]], None]


def _check(model: Module, x: NDArray[np.float64]) -> None:
    model.astype(np.float64)
    parameters = list(model.parameters())
    places = [
        (vars(module), name, next(i for i, p in enumerate(parameters) if p is value))
        for module in model.modules()
        for name, value in vars(module).items()
        if any(value is p for p in parameters)
    ]

    def loss(*values: Tensor) -> Tensor:
        manual_seed(0)  # the same noise each time
        for attributes, name, position in places:  # a tied parameter has several
            attributes[name] = values[position]
        return model.loss(Tensor(x))

    assert gradcheck(loss, tuple(p.data.copy() for p in parameters))


@pytest.fixture
def check_gradients() -> Check:
    """Compare the loss's gradient for every parameter with finite differences, in float64."""
    return _check
