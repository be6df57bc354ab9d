"""What a training shows: progress while it runs, and a summary at its end."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from ..data import Dataset
from ..evaluate import Quality, psnr
from ..run import Run
from ..train import Epoch, History
from ..util.text import printable

console = Console(highlight=False)
_FILES = {
    "report.html": "all of this on one page that needs no network",
    "reconstructions.png": "inputs, reconstructions and errors",
    "loss.png": "loss by epoch",
    "filters.png": "what the first layer responds to",
    "latent.png": "the codes of the test samples, in the plane",
    "error_by_class.png": "which classes are hard",
    "graph.svg": "the computation graph of one step's loss",
    "metrics.csv": "the figures of each epoch",
    "summary.json": "the figures above, by class too",
    "config.json": "all choices, to repeat the run",
    "environment.json": "the versions it ran with",
    "model.py": "a copy of the model's file",
    "checkpoint.safetensors": "weights, choices and state: with model.py all that a run needs",
}


_MEASURED = 1000  # samples that tell how strong a noise is
_LOUD = 4  # times as strong as what samples differ by: nothing can be told from it
_REFRESH = 0.1  # seconds between two movements of the bar


@contextmanager
def download() -> Iterator[Callable[[str, int, int], None]]:
    """Yield what shows how far downloads are: called with file name, bytes done, bytes in all."""
    columns = (TextColumn("fetching {task.description}"), BarColumn(), DownloadColumn())
    progress = Progress(*columns, console=console, transient=True)
    tasks: dict[str, Any] = {}

    def show(name: str, done: int, total: int) -> None:
        if name not in tasks:
            tasks[name] = progress.add_task(name)
            if console.is_terminal:
                progress.start()
            else:
                write(f"fetching {name}")
        progress.update(tasks[name], completed=done, total=total or None)

    try:
        yield show
    finally:
        if progress.live.is_started:
            progress.stop()


def introduce(run: Run, data: Dataset) -> None:
    """Say what is about to be trained on what."""
    size = sum(parameter.size for parameter in run.model.parameters())
    write(
        f"{type(run.model).__name__}: {data.features} → {run.model.latent} → {data.features}, "
        f"{size:,} parameters"
    )
    write(str(data))
    read = "" if data.reading is None else f"read as: {data.reading}; "
    write(f"{read}scaling: {data.scaling}")
    write(f"run folder: {run.path}")


class Epochs:
    """Shows a training: a line for each finished epoch, and on a terminal a bar below them.

    Use it as a context manager around the training.

    Args:
        run: what is trained.
        samples: of the training split.
    """

    def __init__(self, run: Run, samples: int) -> None:
        if run.config.drop_last:
            samples = run.config.steps(samples) * run.config.batch_size
        self._total, self._samples = run.config.epochs, samples
        self._room = console.width - len(f"epoch {self._total}/{self._total}") - 22  # bar and time
        self._last: Epoch = run.history[-1] if run.history else {}
        self._shown = 0.0
        # In this order, so that a narrow terminal has room for what matters most.
        self._progress = Progress(
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            BarColumn(bar_width=None),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.description}"),
            console=console, transient=True, expand=True, disable=not console.is_terminal,
        )  # fmt: skip
        self._task = self._progress.add_task(
            "", total=self._total * samples, completed=run.epoch * samples,
            epoch=min(run.epoch + 1, self._total), epochs=self._total,
        )  # fmt: skip

    def __enter__(self) -> Epochs:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def step(self, so_far: Epoch) -> None:
        """Move the bar, a few times in a second."""
        now = time.monotonic()
        if now - self._shown < _REFRESH:
            return
        self._shown = now
        epoch = int(so_far["epoch"])
        figures = {**so_far}
        if "validation_loss" in self._last:
            figures["validation_loss"] = self._last["validation_loss"]
        self._progress.update(
            self._task,
            completed=(epoch - 1) * self._samples + so_far["samples"],
            description=_figures(figures, self._room),
            epoch=epoch,
        )

    def epoch(self, history: History) -> None:
        """Print the line of an epoch."""
        self._last = history[-1]
        self._progress.update(self._task, completed=len(history) * self._samples)
        write(_line(self._last, self._total))


def drawing() -> AbstractContextManager[Any]:
    """Say that pictures are being drawn, while they are."""
    return console.status("drawing pictures…")


def _line(epoch: Epoch, total: int) -> str:
    number = f"{epoch['epoch']:.0f}".rjust(len(str(total)))
    return f"epoch {number}/{total}  {_figures(epoch)}  {epoch['seconds']:.2f} s"


def _figures(epoch: Epoch, room: float = math.inf) -> str:
    """Return the figures of an epoch, as many as there is room for."""
    parts = [f"loss {epoch['loss']:.5f}"]
    if "validation_loss" in epoch:
        parts.append(f"validation {epoch['validation_loss']:.5f}")
    parts.append(f"{epoch['samples_per_second']:,.0f} samples/s")
    while parts and len("  ".join(parts)) > room:
        parts.pop()
    return "  ".join(parts)


def summary(run: Run, data: Dataset, results: dict[str, Any]) -> None:
    """Show the model beside PCA of the same code size, and the files of the run."""
    rows = [(results[key]["name"], results[key]["mse"]) for key in ("model", "pca")]
    write("")
    console.print(_table(f"{results['test_samples']:,} test samples", rows, run))
    if results["model"]["mse"] > results["pca"]["mse"]:
        write(_advice(run, data))
    write(f"\nIn {run.path}:")
    for name, about in _FILES.items():
        if (run.path / name).exists():
            write(f"  {name:<24}{about}")


def _advice(run: Run, data: Dataset) -> str:
    """Say what may help a model that PCA beats, which is most often one that took few steps."""
    x = data.train.x[:_MEASURED]
    noise = np.square(getattr(run.model, "corrupt", lambda x: x)(x) - x).mean()
    if noise > _LOUD * x.var(0).mean():
        deviation = math.sqrt(x.var(0).mean())
        return (
            f"Worse than PCA: the noise it is trained with (root mean square {noise**0.5:.2g}) "
            f"drowns what the samples differ by ({deviation:.2g}). Try a --strength far below "
            f"that; of gaussian noise, --strength {deviation / 2:.1g}."
        )
    per_epoch = run.config.steps(len(data.train))
    options = "another --lr"
    if "activation" in run.config.arguments:
        options += " or --activation"
    return (
        f"Worse than PCA after {run.epoch * per_epoch:,} steps ({per_epoch:,} in an epoch). Try "
        f"more --epochs, a --batch-size below {run.config.batch_size} (more steps), {options}."
    )


def quality(title: str, run: Run, qualities: tuple[Quality, Quality]) -> None:
    """Show measured qualities, overall and by class."""
    console.print(_table(title, [(q.name, q.mse) for q in qualities], run))
    if qualities[0].by_class:
        table = Table("class", title="MSE by class", title_justify="left")
        for q in qualities:
            table.add_column(_plain(q.name), justify="right")
        for label in qualities[0].by_class:
            table.add_row(_plain(str(label)), *[f"{q.by_class[label]:.5f}" for q in qualities])
        console.print(table)


def _table(title: str, rows: list[tuple[str, float]], run: Run) -> Table:
    table = Table("", title=_plain(title), title_justify="left")
    is_picture = len(run.shape) > 1 and run.framing is None
    table.add_column(f"MSE per {'pixel' if is_picture else 'value'}", justify="right")
    table.add_column("PSNR", justify="right")
    for name, mse in rows:
        table.add_row(_plain(name), f"{mse:.5f}", f"{psnr(mse):.2f} dB")
    return table


def _plain(text: str) -> Text:
    """Return text for a table, in which brackets are no markup."""
    return Text(printable(text))


def write(line: str) -> None:
    """Print a line as it is: no markup, never wrapped."""
    console.print(printable(line), markup=False, soft_wrap=True)
