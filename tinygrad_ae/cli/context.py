"""What a command works on: a run, a model, the samples that the user gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.tensor import Tensor, as_tensor
from ..data import Dataset, Samples, load
from ..data.sources import NAMES
from ..errors import UserError
from ..nn import Parameter
from ..nn.protocols import Model
from ..optim import Adam, Optimizer
from ..run import ModelFile, Run, modelfile
from ..run.folder import KEPT
from ..train import rows
from ..util.files import at_home
from .options import trusted
from .targets import spare
from .terminal import say


def open_run(path: str) -> Run:
    """Open a run to use it; say so if it is not trained as far as it was to be."""
    run = Run.open(path, trusted=trusted())
    spare(*(run.path / name for name in KEPT))
    if run.config.data not in NAMES:
        spare(Path(run.config.data))
    if run.epoch < run.config.epochs:
        say(f"Note: {path} is trained for {run.progress}.", err=True)
    return run


def test_samples(data: Dataset) -> Samples:
    """Return the test split of a run's data."""
    where = f"The test split of {data.name}"
    return Samples(data.test.x, data.shape, None, where=where, labels=data.test.y)


def own_data(run: Run, moved: str | None) -> Dataset:
    """Return the data a run was trained on; where it was moved to, say what it was read as."""
    data = run.load_data(moved)
    if moved is not None:
        spare(at_home(moved))
        say(f"{moved} read as: {data.reading}", err=True)
    return data


def read(run: Run, path: str) -> Samples:
    """Return the user's samples as the run takes them, and say what they were read as."""
    spare(at_home(path))
    samples = run.load_samples(path)
    say(f"{path} read as: {samples.reading}", err=True)
    return samples


def sample(run: Run, given: str, data: Callable[[], Dataset]) -> NDArray[np.float32]:
    """Return one sample, shape (d,): the user's file, or by its position in the test split.

    Args:
        run: whose.
        given: a path, or a number from 0.
        data: loads the run's data, if it is needed.

    Raises:
        DataError: there is no such file or number, or the file holds several samples.
    """
    if given.isdecimal():
        test = data().test.x
        if int(given) >= len(test):
            raise UserError(
                f"There is no test sample {given}: the test split has {len(test):,}, counted "
                f"from 0 to {len(test) - 1}."
            )
        chosen: NDArray[np.float32] = test[int(given)]
        return chosen
    x = read(run, given)[:]
    if len(x) != 1:
        raise UserError(
            f"{given} holds {len(x):,} samples; give a file of one, or the number of a sample of "
            "the test split."
        )
    first: NDArray[np.float32] = x[0]
    return first


def count(number: int, noun: str) -> str:
    """Return "1 sample", "2 samples"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


@dataclass(frozen=True)
class Subject:
    """A model to look into, and samples for it: a run with its own, or a model with digits."""

    file: ModelFile
    model: Model
    data: Dataset
    make_optimizer: Callable[[Iterable[Parameter]], Optimizer]

    @property
    def name(self) -> str:
        """The name of the model's class."""
        return type(self.model).__name__

    def batch(self, size: int) -> Tensor:
        """Return the first samples of the training split, shape (size, d), named x."""
        batch = as_tensor(rows(self.model, self.data.train.first(size)))
        batch.name = "x"
        return batch

    def loss(self, batch: Tensor) -> Tensor:
        """Return the loss of a training step on a batch."""
        self.model.train()
        with self.file.blame():
            return self.model.loss(batch)

    def step_title(self, batch: Tensor) -> str:
        """Return what heads a page or a table of such a step."""
        return f"{self.name}: one step on {len(batch)} samples"


def subject(model: str) -> Subject:
    """Return what a built-in model's name, a model file's path or a run folder stands for.

    A run comes with its own data and optimiser, a model with digits and Adam.
    """
    if Path(model).is_dir():
        run = open_run(model)
        return Subject(run.file, run.model, run.load_data(), run.config.make_optimizer)
    file, data = modelfile.find(model), load("digits")
    return Subject(file, file.build(file.complete({}, data.shape)), data, Adam)
