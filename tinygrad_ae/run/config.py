"""All choices a training depends on, and the versions it ran with."""

from __future__ import annotations

import importlib.metadata
import math
import os
import platform
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import optim
from ..compiled import ENGINES, Engine
from ..data import Dataset, Reading, Scaling, load
from ..data.batches import batch_count
from ..errors import UserError, did_you_mean
from ..nn import Parameter
from ..optim import schedules

if TYPE_CHECKING:
    from ..data.download import Progress

OPTIMIZERS: dict[str, Callable[..., optim.Optimizer]] = {
    "adam": optim.Adam,
    "adamw": optim.AdamW,
    "rmsprop": optim.RMSprop,
    "sgd": lambda parameters, **options: optim.SGD(parameters, momentum=0.9, **options),
}
SCHEDULES = ("constant", "cosine", "step")
SOURCE = (
    "shape", "frame", "window", "hop", "sample_rate", "only", "label", "columns", "drop", "time",
    "header",
)  # fmt: skip
"""The choices that, with ``data``, decide which samples there are."""


@dataclass(frozen=True)
class Config:
    """What a run was asked to do. With the same data and versions it gives the same result.

    Args:
        model: a built-in model's name, or the path of a Python file with one.
        arguments: of the model's constructor; the model's own defaults for the others.
        data: a data set's name or path, see ``tinygrad_ae.data.load``.
        shape: of one sample, where the data holds it flat.
        frame: how samples are cut from sounds and signals, see ``tinygrad_ae.data.load``.
        window: likewise, and so ``hop`` and ``sample_rate``.
        hop: as said.
        sample_rate: as said.
        only: labels of the samples to take, as a model that is to find the others anomalous has
            to; None: all.
        label: the column of a table that holds labels, see ``tinygrad_ae.data.load``.
        columns: likewise, those to learn; and so ``drop``, ``time`` and ``header``.
        drop: as said.
        time: as said.
        header: as said.
        epochs: how often to go through the training samples.
        batch_size: samples in a step.
        drop_last: whether the last batch of an epoch is left out if it is smaller.
        optimizer: one of ``OPTIMIZERS``.
        lr: its learning rate.
        weight_decay: how strongly it pulls parameters to 0; None: its own default.
        schedule: one of ``SCHEDULES``: the learning rate stays, falls to 0 along a cosine, or
            falls to a tenth after each third of the epochs.
        warmup: steps in which the learning rate first rises linearly.
        clip: largest norm of the gradient; None: any.
        seed: of everything random.
        compile: whether the training step is recorded once and replayed.
        engine: what replays it: one of ``ENGINES``.
        threads: of matrix products; None: as many as they use when the run begins.

    Raises:
        UserError: a name is unknown, or a number is not positive.
    """

    model: str = "autoencoder"
    arguments: dict[str, Any] = field(default_factory=dict)
    data: str = "digits"
    shape: tuple[int, ...] | None = None
    frame: str | None = None
    window: int | None = None
    hop: int | None = None
    sample_rate: float | None = None
    only: tuple[int, ...] | None = None
    label: str | None = None
    columns: tuple[str, ...] | None = None
    drop: tuple[str, ...] | None = None
    time: str | None = None
    header: bool | None = None
    epochs: int = 30
    batch_size: int = 128
    drop_last: bool = False
    optimizer: str = "adam"
    lr: float = 1e-3
    weight_decay: float | None = None
    schedule: str = "constant"
    warmup: int = 0
    clip: float | None = None
    seed: int = 0
    compile: bool = True
    engine: Engine = "numpy"
    threads: int | None = None

    def __post_init__(self) -> None:
        _check_name("optimizer", self.optimizer, OPTIMIZERS)
        _check_name("schedule", self.schedule, SCHEDULES)
        _check_name("engine", self.engine, ENGINES)
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} is {getattr(self, name)}; it must be at least 1")

    def load_data(
        self,
        progress: Progress | None = None,
        scaling: Scaling | None = None,
        reading: Reading | None = None,
    ) -> Dataset:
        """Load what ``data`` names, see ``tinygrad_ae.data.load``."""
        chosen = {name: getattr(self, name) for name in SOURCE}
        return load(self.data, **chosen, scaling=scaling, reading=reading, progress=progress)

    def make_optimizer(self, parameters: Iterable[Parameter]) -> optim.Optimizer:
        """Return the optimiser for these parameters."""
        decay = {} if self.weight_decay is None else {"weight_decay": self.weight_decay}
        return OPTIMIZERS[self.optimizer](parameters, lr=self.lr, **decay)

    def steps(self, samples: int) -> int:
        """Return the steps of an epoch, for a training split of that size.

        Raises:
            DataError: with ``drop_last`` it is smaller than a batch.
        """
        return batch_count(samples, self.batch_size, self.drop_last)

    def make_schedule(self, samples: int) -> Callable[[int], float]:
        """Return the learning rate's factor by step, for a training split of that size.

        Raises:
            DataError: as :meth:`steps`.
        """
        steps = self.epochs * self.steps(samples)
        falling = {
            "constant": schedules.constant(),
            "cosine": schedules.cosine(max(1, steps - self.warmup)),
            "step": schedules.step(math.ceil(steps / 3), gamma=0.1),
        }
        return schedules.warmup(self.warmup, then=falling[self.schedule])

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON's types."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Config:
        """Return the configuration that :meth:`to_json` gave; JSON's lists are tuples."""
        lists = ("arguments", "shape", "only", "columns", "drop")
        values = {k: _tuples(v) if k in lists else v for k, v in values.items()}
        return cls(**values)


def environment() -> dict[str, Any]:
    """Return the versions that decide the exact numbers, as JSON's types."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "tinygrad_ae": importlib.metadata.version("tinygrad-ae"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "numpy": np.__version__,
        "blas": f"{blas.get('name')} {blas.get('version')}",
        "threads": {k: v for k, v in sorted(os.environ.items()) if k.endswith("_NUM_THREADS")},
        "packages": _versions("click", "graphviz", "matplotlib", "pillow", "rich", "safetensors"),
    }


def _versions(*names: str) -> dict[str, str | None]:
    versions: dict[str, str | None] = {}
    for name in names:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = None
    return versions


def _tuples(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_tuples(item) for item in value)
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return value


def _check_name(what: str, given: str, known: Iterable[str]) -> None:
    if given not in known:
        raise UserError(
            f"there is no {what} named {given!r}.{did_you_mean(given, known)} "
            f"Known are: {', '.join(known)}."
        )
