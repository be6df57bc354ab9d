"""The commands that look into one training step: ``page``, ``explain``, ``profile``."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .examples import Examples, examples
from .using import open_run

if TYPE_CHECKING:
    from ..core.tensor import Tensor
    from ..nn.protocols import Model
    from ..optim import Optimizer
    from ..run.modelfile import ModelFile

Function = TypeVar("Function", bound=Callable[..., Any])

_FORMATS = ("unicode", "latex", "markdown", "html")


def _batch_size(default: int) -> Callable[[Function], Function]:
    return click.option(
        "--batch-size", type=click.IntRange(min=1), default=default, show_default=True,
        help="Samples in the step.",
    )  # fmt: skip


@click.command(
    cls=Examples,
    epilog=examples(
        "tinygrad-ae page autoencoder", "tinygrad-ae page runs/autoencoder-1 -o a.html"
    ),
)
@click.argument("model")
@click.option("-o", "--out", default="page.html", show_default=True, help="The file to write.")
@_batch_size(32)
def page(model: str, out: str, batch_size: int) -> None:
    """Write a page to step through one training step.

    MODEL is a built-in model's name, a model file's path, or a run folder. The page replays the
    step forward and backward; it is one HTML file that needs no network.
    """
    from ..show import page as written
    from .outputs import in_existing_folder, writing

    target = in_existing_folder(Path(out))
    step = _step(model, batch_size)
    with writing(target) as report:
        written(step.loss(), target, title=step.title)
    click.echo(report)


@click.command(
    cls=Examples,
    epilog=examples(
        "tinygrad-ae explain autoencoder",
        "tinygrad-ae explain autoencoder --wrt encoder.0.weight --check",
        "tinygrad-ae explain runs/autoencoder-1 --format latex > chain-rule.tex",
    ),
)
@click.argument("model")
@click.option("--format", type=click.Choice(_FORMATS), default="unicode", show_default=True)
@click.option(
    "--wrt", multiple=True, metavar="NAME",
    help="Whose gradient: a parameter's path or letter, or a module's path. May be repeated.",
)  # fmt: skip
@click.option("--check", is_flag=True, help="Compute every line and compare it with backward's.")
@_batch_size(32)
def explain(model: str, format: str, wrt: tuple[str, ...], check: bool, batch_size: int) -> None:
    """Write out the chain rule through a model.

    MODEL is a built-in model's name, a model file's path, or a run folder. The derivation
    goes down to each parameter.
    """
    from ..show import explain as explained

    loss = _step(model, batch_size).loss()
    click.echo(str(explained(loss, wrt or None, format=format, check=check)).rstrip())


@click.command(
    cls=Examples,
    epilog=examples(
        "tinygrad-ae profile autoencoder", "tinygrad-ae profile runs/autoencoder-1 --repeat 50"
    ),
)
@click.argument("model")
@_batch_size(128)
@click.option(
    "--repeat", type=click.IntRange(min=1), default=20, show_default=True, help="Steps to time."
)
def profile(model: str, batch_size: int, repeat: int) -> None:
    """Measure time and memory of a training step.

    MODEL is a built-in model's name, a model file's path (trained by Adam), or a run folder
    (trained by its own optimiser, and not changed). Rows are operations and modules.
    """
    from ..show import profile as measured

    step = _step(model, batch_size)
    optimizer = step.make_optimizer(step.model.parameters())

    def train() -> None:
        optimizer.zero_grad()
        step.loss().backward()
        optimizer.step()

    click.echo(f"{step.title}\n{measured(train, repeat=repeat)}")


@dataclass(frozen=True)
class _Step:
    """A model and a batch of what it is trained on."""

    file: ModelFile
    model: Model
    batch: Tensor
    make_optimizer: Callable[[Any], Optimizer]

    @property
    def title(self) -> str:
        return f"{type(self.model).__name__}: one step on {len(self.batch.data)} samples"

    def loss(self) -> Tensor:
        with self.file.blame():
            return self.model.loss(self.batch)


def _step(model: str, batch_size: int) -> _Step:
    """Find a model by name, path or run, and a batch: the run's data, or else digits."""
    from .. import optim
    from ..core.tensor import as_tensor
    from ..data import load
    from ..run import modelfile
    from ..train import rows

    if Path(model).is_dir():
        run = open_run(model)
        file, built, data = run.file, copy.deepcopy(run.model), run.load_data()
        make_optimizer: Callable[[Any], Optimizer] = run.config.make_optimizer
    else:
        file, data = modelfile.find(model), load("digits")
        built = file.build(file.complete({}, data.shape))
        make_optimizer = optim.Adam
    batch = as_tensor(rows(built, data.train.first(batch_size)))
    batch.name = "x"
    return _Step(file, built.train(), batch, make_optimizer)
