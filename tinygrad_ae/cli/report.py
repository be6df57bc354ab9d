"""What a training shows: progress while it runs, and a summary at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from ..data import Dataset
from ..evaluate import Quality, psnr
from ..run import Run
from ..train import Epoch, History

console = Console(highlight=False)
PICTURES = {
    "reconstructions.png": "inputs, reconstructions and errors",
    "loss.png": "loss by epoch",
    "filters.png": "what the first layer responds to",
    "latent.png": "the codes of the test samples, in the plane",
    "error_by_class.png": "which classes are hard",
    "graph.svg": "the computation graph of one step's loss",
    "metrics.csv": "the figures of each epoch",
    "config.json": "all choices, to repeat the run",
    "checkpoint.safetensors": "weights and all that training goes on with",
}


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
    write(
        f"{data.name}: {len(data.train):,} training, {len(data.validation):,} validation, "
        f"{len(data.test):,} test samples of shape {data.shape}"
    )
    write(f"run folder: {run.path}")


@contextmanager
def epochs(run: Run) -> Iterator[Callable[[History], None]]:
    """Yield what shows an epoch: in one live line on a terminal, in a plain line elsewhere."""
    total = run.config.epochs
    if not console.is_terminal:
        yield lambda history: write(_line(history[-1], total))
        return
    columns = (
        TextColumn("epoch"), MofNCompleteColumn(), BarColumn(), TextColumn("{task.description}"),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=total, completed=run.epoch)

        def show(history: History) -> None:
            progress.update(task, completed=len(history), description=_figures(history[-1]))

        yield show


def _line(epoch: Epoch, total: int) -> str:
    number = f"{epoch['epoch']:.0f}".rjust(len(str(total)))
    return f"epoch {number}/{total}  {_figures(epoch)}  {epoch['seconds']:.2f} s"


def _figures(epoch: Epoch) -> str:
    parts = [f"loss {epoch['loss']:.5f}"]
    if "validation_loss" in epoch:
        parts.append(f"validation {epoch['validation_loss']:.5f}")
    return "  ".join([*parts, f"{epoch['samples_per_second']:,.0f} samples/s"])


def summary(run: Run, results: dict[str, Any]) -> None:
    """Show the model beside PCA of the same code size, and the files of the run."""
    rows = [(results[key]["name"], results[key]["mse"]) for key in ("model", "pca")]
    write("")
    console.print(_table(f"{results['test_samples']:,} test samples", rows, run))
    write(f"\nIn {run.path}:")
    for name in (*results["files"], "metrics.csv", "config.json", "checkpoint.safetensors"):
        write(f"  {name:<24}{PICTURES[name]}")


def quality(title: str, run: Run, qualities: tuple[Quality, Quality]) -> None:
    """Show measured qualities, overall and by class."""
    console.print(_table(title, [(q.name, q.mse) for q in qualities], run))
    if qualities[0].by_class:
        table = Table("class", title="MSE by class", title_justify="left")
        for q in qualities:
            table.add_column(q.name, justify="right")
        for label in qualities[0].by_class:
            table.add_row(str(label), *[f"{q.by_class[label]:.5f}" for q in qualities])
        console.print(table)


def _table(title: str, rows: list[tuple[str, float]], run: Run) -> Table:
    table = Table("", title=title, title_justify="left")
    table.add_column(f"MSE per {'pixel' if len(run.shape) > 1 else 'value'}", justify="right")
    table.add_column("PSNR", justify="right")
    for name, mse in rows:
        table.add_row(name, f"{mse:.5f}", f"{psnr(mse):.2f} dB")
    return table


def write(line: str) -> None:
    """Print a line as it is: no markup, never wrapped."""
    console.print(line, markup=False, soft_wrap=True)
