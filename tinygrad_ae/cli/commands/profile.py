"""``profile``: time and memory of a training step."""

from __future__ import annotations

import click

from ...show import profile as measured
from ..context import subject
from ..help import Examples, examples
from ..options import batch_size, trust
from ..terminal import say


@click.command(
    cls=Examples,
    epilog=examples(
        "tinygrad-ae profile autoencoder", "tinygrad-ae profile runs/autoencoder-1 --repeat 50"
    ),
)
@click.argument("model")
@batch_size(128)
@click.option(
    "--repeat", type=click.IntRange(min=1), default=20, show_default=True, help="Steps to time."
)
@trust()
def profile(model: str, batch_size: int, repeat: int) -> None:
    """Measure time and memory of a training step.

    MODEL is a built-in model's name, a model file's path (trained by Adam), or a run folder
    (trained by its own optimiser, and not changed). Rows are operations and modules.
    """
    found = subject(model)
    batch = found.batch(batch_size)
    optimizer = found.make_optimizer(found.model.parameters())

    def train() -> None:
        optimizer.zero_grad()
        found.loss(batch).backward()
        optimizer.step()

    say(f"{found.step_title(batch)}\n{measured(train, repeat=repeat)}")
