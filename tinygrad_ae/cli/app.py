"""The commands by name. Each is loaded when it is called, so that help comes at once."""

from __future__ import annotations

import importlib

import click

from .. import __version__
from ..errors import did_you_mean
from .help import Examples, examples

COMMANDS = {
    "train": "Train a MODEL and leave a run folder.",
    "models": "List the built-in models, one line each.",
    "evaluate": "Compare a run with PCA on its test split.",
    "reconstruct": "Pass your samples through the code and back.",
    "denoise": "Take noise out of your samples, or of noisy test samples.",
    "encode": "Turn your samples into codes.",
    "decode": "Turn codes into samples.",
    "generate": "Make up samples: draw codes and decode them.",
    "interpolate": "Go from sample A to sample B, through codes and values.",
    "traverse": "Move one number of the code at a time over its range.",
    "anomalies": "Find samples unlike the training ones, and say why.",
    "compress": "Measure test samples as quantised codes: bits and errors.",
    "features": "Write codes for a model of your own, and classify them.",
    "report": "Write one page with all that a run knows.",
    "compare": "Set runs and PCA side by side, in a table and on a page.",
    "sweep": "Train a model with every combination of values.",
    "explore": "Write a page to play with a run's model in a browser.",
    "draw": "Draw the computation graph of one step's loss.",
    "page": "Write a page to step through one training step.",
    "explain": "Write out the chain rule through a model.",
    "profile": "Measure time and memory of a training step.",
}
"""What each command does, in the order of use; it is the file of that name in ``commands``."""


class App(Examples, click.Group):
    """The command itself, which finds the others by their names."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Load a command; None for an option, which click takes for itself.

        Raises:
            click.UsageError: there is no such command.
        """
        if name.startswith("-"):
            return None
        if name not in COMMANDS:
            ctx.fail(f"No such command {name!r}.{did_you_mean(name, COMMANDS)}")
        command = getattr(importlib.import_module(f".commands.{name}", __package__), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what each command does without loading it."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


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
