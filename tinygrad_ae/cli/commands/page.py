"""``page``: a page to step through one training step."""

from __future__ import annotations

from pathlib import Path

import click

from ...show import page as written
from ..context import subject
from ..help import Examples, examples
from ..options import batch_size, trust
from ..targets import in_existing_folder, writing
from ..terminal import say


@click.command(
    cls=Examples,
    epilog=examples(
        "tinygrad-ae page autoencoder", "tinygrad-ae page runs/autoencoder-1 -o a.html"
    ),
)
@click.argument("model")
@click.option("-o", "--out", default="page.html", show_default=True, help="The file to write.")
@batch_size(32)
@trust()
def page(model: str, out: str, batch_size: int) -> None:
    """Write a page to step through one training step.

    MODEL is a built-in model's name, a model file's path, or a run folder. The page replays the
    step forward and backward; it is one HTML file that needs no network.
    """
    target = in_existing_folder(Path(out))
    found = subject(model)
    batch = found.batch(batch_size)
    with writing(target) as report:
        written(found.loss(batch), target, title=found.step_title(batch))
    say(report)
