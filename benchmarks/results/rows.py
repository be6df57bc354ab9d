"""What a row is: a function from a task and its seed to figures, and what they should reach."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from tinygrad_ae import manual_seed, nn, optim
from tinygrad_ae.data.dataset import Dataset, Split
from tinygrad_ae.evaluate import Floats
from tinygrad_ae.nn.protocols import Trainable
from tinygrad_ae.optim import schedules
from tinygrad_ae.train import History, fit

M = TypeVar("M", bound=Trainable)
N = TypeVar("N", bound=nn.Module)

QUICK = 2000  # samples of each split in a quick run


@dataclass(frozen=True)
class Task:
    """What one run of a row works on.

    Args:
        train: what models learn.
        test: what figures are of.
        seed: of everything drawn: weights, order of samples, noise.
        quick: whether to find out only that everything works.
    """

    train: Split
    test: Split
    seed: int
    quick: bool = False

    @classmethod
    def of(cls, data: Dataset, seed: int, *, quick: bool = False, validate: bool = False) -> Task:
        """Join what no choice is made by any more; or measure on the validation split."""
        train, test = data.train, data.validation if validate else data.test
        if not validate:
            train = joined(data.train, data.validation)
        if quick:
            train, test = train.first(QUICK), test.first(QUICK)
        return cls(train, test, seed, quick)

    def epochs(self, n: int) -> int:
        """Return how often to go through the data: n times, or once in a quick run."""
        return 1 if self.quick else n

    def only(self, *digits: int) -> Task:
        """Return the task with the training samples of these digits alone."""
        kept = np.isin(labels(self.train), digits)
        return replace(self, train=Split(self.train.x[kept], labels(self.train)[kept]))


@dataclass(frozen=True)
class Figure:
    """One number of a row.

    Args:
        label: what it is, with its unit.
        at_most: what it should not exceed; ``at_least`` likewise. Neither, for a baseline.
        positive: whether its 95 % interval over seeds should be above 0.
        elsewhere: what a paper or another framework gets, and where.
        digits: behind the point, when it is shown.
    """

    label: str
    at_most: float = math.inf
    at_least: float = -math.inf
    positive: bool = False
    elsewhere: str = ""
    digits: int = 2

    @property
    def goal(self) -> str:
        """What it should reach, for people."""
        if self.positive:
            return "interval above 0"
        if math.isfinite(self.at_most):
            return f"≤ {self.at_most:g}"
        return f"≥ {self.at_least:g}" if math.isfinite(self.at_least) else ""


Measure = Callable[[Task], dict[str, float]]


@dataclass(frozen=True)
class Row:
    """A task of the table.

    Args:
        name: of the command.
        measure: does it once; returns figures by name.
        figures: what is known of each beforehand.
    """

    name: str
    measure: Measure
    figures: dict[str, Figure]

    @property
    def recipe(self) -> str:
        """How it is done: the first paragraph of the function's docstring."""
        return " ".join((self.measure.__doc__ or "").partition("\n\n")[0].split())


ROWS: dict[str, Row] = {}


def row(**figures: Figure) -> Callable[[Measure], Measure]:
    """Make a function a row of its own name."""

    def register(measure: Measure) -> Measure:
        name = measure.__name__.replace("_", "-")
        ROWS[name] = Row(name, measure, figures)
        return measure

    return register


def trained(
    task: Task,
    make: Callable[[], M],
    x: Floats | None = None,
    *,
    epochs: int,
    lr: float = 1e-3,
    batch_size: int = 128,
    beta2: float = 0.999,
    warm: bool = False,
    augment: Callable[[Floats, np.random.Generator], Floats] | None = None,
    plain: int = 0,
) -> M:
    """Make a model and train it with Adam, all by the task's seed.

    Args:
        task: whose training samples are learnt, unless others are given.
        make: makes the model.
        x: other samples, shape (n, d).
        epochs: how often to go through them; see :meth:`Task.epochs`.
        lr: learning rate.
        batch_size: samples in a step.
        beta2: Adam's β₂.
        warm: whether the rate rises in the first tenth of all steps, and falls along a cosine.
        augment: makes the samples of an epoch from those given.
        plain: how many of the last epochs take those given as they are.
    """
    manual_seed(task.seed)
    model = make()
    x = task.train.x if x is None else x
    generator = np.random.default_rng(task.seed)
    epochs = task.epochs(epochs)
    steps = epochs * math.ceil(len(x) / batch_size)
    rising = steps // 10
    schedule = schedules.warmup(rising, schedules.cosine(steps - rising)) if warm else None
    options: dict[str, Any] = {
        "optimizer": optim.Adam(model.parameters(), lr=lr, betas=(0.9, beta2)),
        "batch_size": batch_size,
        "schedule": schedule,
        "generator": generator,
        "compile": True,
    }
    history = History()
    for epoch in range(epochs) if augment else [epochs - 1]:
        samples = augment(x, generator) if augment and epoch < epochs - plain else x
        fit(model, samples, epochs=epoch + 1, history=history, **options)
    return model


def by_fan_in(model: N) -> N:
    """Return a model with new weights in its linear layers, within ±1/√fan-in as in PyTorch."""
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            limit = 1 / math.sqrt(layer.in_features)
            nn.init.uniform_(layer.weight, -limit, limit)
    return model


def labels(split: Split) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return a split's labels, which it has to have."""
    if split.y is None:
        raise SystemExit("The table needs digits with their labels.")
    return split.y


def joined(a: Split, b: Split) -> Split:
    """Return the samples of both."""
    return Split(np.concatenate([a.x, b.x]), np.concatenate([labels(a), labels(b)]))


def mean(values: Iterable[float]) -> float:
    """Return the mean."""
    return float(np.mean(list(values)))
