"""``models``: the built-in models, one line each."""

from __future__ import annotations

import click

from ...run import modelfile
from ..help import Examples, examples


@click.command(cls=Examples, epilog=examples("tinygrad-ae train autoencoder --help"))
def models() -> None:
    """List the built-in models, one line each."""
    lines = modelfile.built_in()
    width = max(map(len, lines))
    for name, line in lines.items():
        click.echo(f"{name:<{width}}  {line}")
