"""What diagnostics work on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from tinygrad_ae import manual_seed, optim
from tinygrad_ae.data.dataset import Split
from tinygrad_ae.nn.protocols import Model
from tinygrad_ae.train import fit, rows

M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class Setting:
    """What diagnostics work on.

    Args:
        train: what models learn.
        test: what they are looked at with.
        epochs: of each training.
        seeds: of each training, where a spread is shown.
    """

    train: Split
    test: Split
    epochs: int = 10
    seeds: int = 3

    def fitted(self, make: Callable[[], M], seed: int = 0, lr: float = 1e-3) -> M:
        """Return a trained model."""
        manual_seed(seed)
        model = make()
        optimizer = optim.Adam(model.parameters(), lr=lr)
        fit(model, rows(model, self.train), epochs=self.epochs, optimizer=optimizer)
        return model

    def each(self, make: Callable[[], M], lr: float = 1e-3) -> Iterator[M]:
        """Yield a trained model for each seed."""
        for seed in range(self.seeds):
            yield self.fitted(make, seed, lr)
