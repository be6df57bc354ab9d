"""``draw``: a picture of the computation graph of one step's loss."""

from __future__ import annotations

from pathlib import Path

import click

from ...run.step import step_graph
from ...show import draw as drawn
from ...show import render
from ..context import subject
from ..help import Examples, examples
from ..options import batch_size, output, trust
from ..targets import in_existing_folder, writing
from ..terminal import say


@click.command(
    cls=Examples,
    epilog=examples(
        "tinygrad-ae draw autoencoder",
        "tinygrad-ae draw runs/autoencoder-1 -o graph.png --gradients --values",
    ),
)
@click.argument("model")
@output("The picture: .svg, .png, .pdf, or .dot.", default="graph.svg", show_default=True)
@click.option("--gradients", is_flag=True, help="Show how much gradient flows where, and why.")
@click.option("--values", is_flag=True, help="Show small pictures of the values.")
@click.option("--cost", is_flag=True, help="Measure time and memory of each operation.")
@click.option("--depth", type=click.IntRange(min=0), help="Levels of modules to open.")
@click.option("--expand", multiple=True, metavar="PATH", help="A module to open besides.")
@click.option("--theme", type=click.Choice(["light", "dark"]), default="light", show_default=True)
@batch_size(32)
@trust()
def draw(
    model: str, out: str, theme: str, depth: int | None, expand: tuple[str, ...], batch_size: int,
    gradients: bool, values: bool, cost: bool,
) -> None:  # fmt: skip
    """Draw the computation graph of one step's loss.

    MODEL is a built-in model's name, a model file's path, or a run folder. A run is drawn on
    samples it was trained on, a model on digits.
    """
    target = in_existing_folder(Path(out))
    found = subject(model)
    data, batch = found.data, found.data.train.first(batch_size)
    picture = drawn(
        step_graph(found.file, found.model, batch),
        gradients=gradients, values=values, cost=cost, depth=depth, expand=expand, theme=theme,
        shape=data.shape if len(data.shape) in (2, 3) else None,
        title=f"{found.name}: the loss of one step on {len(batch)} samples",
    )  # fmt: skip
    with writing(target) as report:
        render(picture, target)
    say(report)
