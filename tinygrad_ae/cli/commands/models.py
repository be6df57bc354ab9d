"""``models``: the built-in models, one line each."""

from __future__ import annotations

import click

from ...run import modelfile
from ...util.columns import table
from ..help import Examples, examples
from ..terminal import say


@click.command(cls=Examples, epilog=examples("tinygrad-ae train autoencoder --help"))
def models() -> None:
    """List the built-in models, one line each."""
    for line in table(modelfile.built_in().items()):
        say(line)
