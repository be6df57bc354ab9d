"""All choices a training depends on, and the versions it ran with."""

from __future__ import annotations

import importlib.metadata
import math
import os
import platform
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from .. import optim
from ..compiled import ENGINES, Engine
from ..data import Dataset, Reading, Scaling, framing, load
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
class Bounds:
    """What a number may be, beside its type.

    Args:
        least: the smallest that is allowed.
        above: it must be larger than this.
    """

    least: float | None = None
    above: float | None = None


@dataclass(frozen=True)
class Unit:
    """What a value counts or names, as the command line's help shows it."""

    name: str


@dataclass(frozen=True)
class Known:
    """The names that there are."""

    names: tuple[str, ...]


AtLeastOne = Annotated[int, Bounds(least=1)]


@dataclass(frozen=True)
class Config:
    """What a run was asked to do. With the same data and versions it gives the same result.

    Each argument's type, bounds, default and description here are those of the command line's
    option of that name.

    Args:
        model: A built-in model's name, or the path of a Python file with one.
        arguments: Of the model's constructor; the model's own defaults for the others.
        data: A name: digits or spoken (bundled), mnist, fashion-mnist, watch, ecg, blood-pressure;
            or a path: a folder of IDX files, pictures or sounds, or an .npy, .npz, .csv or .wav
            file.
        shape: Shape of a sample that the data holds flat: 28,28 for rows of 784 pixels.
        frame: What a sample is made of a window of sound or of a signal: its values, the spectrum
            in decibels, or 40 log-mel bands.  [default: raw]
        window: Values in a window of sound or of a signal, whose data has a row for each time.
            [default for sound: 256]
        hop: From one window to the next.  [default: half a window]
        sample_rate: Values in a second; sounds of another rate are brought to it.
        only: Take only the samples of these labels (numbers, or words where labels are words), to
            find others anomalous afterwards.
        label: The column of a table that holds labels; none: there is none. Without a heading
            columns are called 1, 2, 3, ...
        columns: The columns of a table to learn, and no others; all: all but label and time,
            counters too.
        drop: Columns of a table to leave out.
        time: The column of a table that tells the time, which is not learnt; none: there is none.
        header: Whether a table's first line is a heading.
        epochs: How often to go through the training samples.
        batch_size: Samples in a step.
        drop_last: Leave out the last batch of an epoch if it is smaller than the others.
        optimizer: How gradients move the parameters.
        lr: Learning rate: the length of a step.
        schedule: The learning rate over the epochs: the same; down to 0 along a cosine; or to a
            tenth after each third.
        warmup: Steps in which the learning rate first rises from 0.
        weight_decay: How strongly parameters are pulled to 0.  [default: 0.01 for adamw, else 0]
        clip: Largest norm of the gradient.
        seed: Of everything random: the same seed gives the same weights, bit for bit.
        compile: Record the training step once and replay it, or run the model's Python in each
            step.
        engine: What replays it; numba (extra 'fast') compiles it to machine code.
        threads: Threads of matrix products; a resumed run keeps their number.  [default: as NumPy
            decides]

    Raises:
        UserError: a name is unknown, or a number is not positive.
    """

    model: str = "autoencoder"
    arguments: dict[str, Any] = field(default_factory=dict)
    data: Annotated[str, Unit("NAME|PATH")] = "digits"
    shape: tuple[int, ...] | None = None
    frame: Annotated[str | None, Known(tuple(framing.KINDS))] = None
    window: Annotated[int | None, Bounds(least=2), Unit("TIMES")] = None
    hop: Annotated[int | None, Bounds(least=1), Unit("TIMES")] = None
    sample_rate: Annotated[float | None, Bounds(above=0), Unit("HZ")] = None
    only: Annotated[tuple[int | str, ...] | None, Unit("LABEL,...")] = None
    label: Annotated[str | None, Unit("NAME")] = None
    columns: Annotated[tuple[str, ...] | None, Unit("NAME,...")] = None
    drop: Annotated[tuple[str, ...] | None, Unit("NAME,...")] = None
    time: Annotated[str | None, Unit("NAME")] = None
    header: bool | None = None
    epochs: AtLeastOne = 30
    batch_size: AtLeastOne = 128
    drop_last: bool = False
    optimizer: Annotated[str, Known(tuple(OPTIMIZERS))] = "adam"
    lr: Annotated[float, Bounds(above=0)] = 1e-3
    schedule: Annotated[str, Known(SCHEDULES)] = "constant"
    warmup: Annotated[int, Bounds(least=0), Unit("STEPS")] = 0
    weight_decay: Annotated[float | None, Bounds(least=0)] = None
    clip: Annotated[float | None, Bounds(above=0), Unit("NORM")] = None
    seed: Annotated[int, Bounds(least=0)] = 0
    compile: bool = True
    engine: Annotated[Engine, Known(ENGINES)] = "numpy"
    threads: Annotated[int | None, Bounds(least=1)] = None

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
