"""``explain``: the chain rule through a model, written out."""

from __future__ import annotations

import click

from ...show import explain as explained
from ..context import subject
from ..help import Examples, examples
from ..options import batch_size, trust
from ..terminal import say

_FORMATS = ("unicode", "latex", "markdown", "html")


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
@batch_size(32)
@trust()
def explain(model: str, format: str, wrt: tuple[str, ...], check: bool, batch_size: int) -> None:
    """Write out the chain rule through a model.

    MODEL is a built-in model's name, a model file's path, or a run folder. The derivation
    goes down to each parameter.
    """
    found = subject(model)
    loss = found.loss(found.batch(batch_size))
    say(str(explained(loss, wrt or None, format=format, check=check)).rstrip())
