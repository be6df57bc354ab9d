"""The commands by name. What they need is imported when they run, so that help comes at once."""

from __future__ import annotations

import click

from .. import __version__
from .apply import decode, draw, encode, evaluate, reconstruct
from .denoise import denoise
from .examples import Examples, examples
from .explore import explore
from .judge import anomalies, compress, features
from .latent import generate, interpolate, traverse
from .pages import compare, report
from .show import explain, page, profile
from .sweep import sweep
from .train import models, train


class App(Examples, click.Group):
    """The command itself: a group that shows its commands in the order of use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order they were added."""
        return list(self.commands)


@click.group(
    cls=App,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=examples(
        "tinygrad-ae train autoencoder",
        "tinygrad-ae train autoencoder --latent 8 --data fashion-mnist",
        "tinygrad-ae train my_model.py --out runs/mine",
        "tinygrad-ae reconstruct runs/autoencoder-1 digits.png -o seen.png",
    ),
)
@click.version_option(__version__)
def app() -> None:
    """Train autoencoders, see what they compute, and use them on your own files."""


for command in (
    train, models, evaluate, reconstruct, denoise, encode, decode, generate, interpolate,
    traverse, anomalies, compress, features, report, compare, sweep, explore, draw, page,
    explain, profile,
):  # fmt: skip
    app.add_command(command)
