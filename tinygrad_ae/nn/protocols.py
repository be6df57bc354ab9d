"""What a model is, for everything that trains or uses one: the f, g, k and L of the theory.

Any :class:`~tinygrad_ae.nn.Module` with these attributes will do; it need not derive from
anything here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

from ..core.tensor import Tensor
from . import Module, Parameter


class Trainable(Protocol):
    """What training needs: a loss, and parameters to lower it with."""

    def loss(self, batch: Tensor, /) -> Tensor:
        """L: mean loss over a batch of samples, shape (n, d), as a tensor of one element."""

    def parameters(self) -> Iterator[Parameter]:
        """What training moves."""

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """What training moves, by path."""

    def zero_grad(self) -> None:
        """Forget the gradients."""

    def train(self, mode: bool = True) -> Any:
        """Behave as in training."""

    def eval(self) -> Any:
        """Behave as in use."""


@contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """Have a model in evaluation mode for a while, then each of its modules in the mode it was in.

    So who looks at a model in the middle of its training does not end its dropout, and a module
    that somebody froze stays frozen; whether or not what is done in between fails.

    Args:
        model: a module, or any object with ``eval()`` that holds modules as attributes.
    """
    modes = [(module, module.training) for module in _with_modes(model)]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            if module.training != training:  # each change makes compiled steps look again
                module.training = training


def _with_modes(model: Any) -> Iterator[Any]:
    """Yield what has a mode: a module and those below it; of anything else also itself."""
    if isinstance(model, Module):
        yield from model.modules()
        return
    if hasattr(model, "training"):
        yield model
    for part in getattr(model, "__dict__", {}).values():
        if isinstance(part, Module):
            yield from part.modules()


class Model(Trainable, Protocol):
    """An autoencoder: samples of d numbers to codes of k numbers and back."""

    @property
    def encoder(self) -> Callable[[Tensor], Tensor]:
        """f_θ: (n, d) to (n, k)."""

    @property
    def decoder(self) -> Callable[[Tensor], Tensor]:
        """g_φ: (n, k) to (n, d)."""

    @property
    def latent(self) -> int:
        """k, the size of a code."""

    def state_dict(self) -> dict[str, Any]:
        """Copies of all that is saved."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Write saved values back."""


@runtime_checkable
class Generative(Protocol):
    """What a model has besides if its codes are trained to be distributed like a known p(z)."""

    def prior(self, noise: Any, /) -> Any:
        """Turn standard normal noise, shape (n, k), into codes drawn from p(z), shape (n, k)."""
