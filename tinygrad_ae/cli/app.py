"""The commands: files in ``commands``, each loaded when it is called, so that help is quick."""

from __future__ import annotations

import ast
import importlib
from importlib.resources import files

import click

from .. import __version__
from ..errors import did_you_mean
from ..util import startup
from . import commands
from .help import Examples, examples

ORDER = (
    "train",
    "models",
    "evaluate",
    "reconstruct",
    "denoise",
    "encode",
    "decode",
    "generate",
    "interpolate",
    "traverse",
    "anomalies",
    "compress",
    "features",
    "report",
    "compare",
    "sweep",
    "explore",
    "draw",
    "page",
    "explain",
    "profile",
)
"""The commands as one comes to use them; others, each a file in ``commands``, stand after them."""


def names() -> list[str]:
    """Return the names of the commands: those of the files."""
    found = {path.name.removesuffix(".py") for path in files(commands).iterdir()}
    place = {name: k for k, name in enumerate(ORDER)}
    chosen = (name for name in found if name.isidentifier() and not name.startswith("_"))
    return sorted(chosen, key=lambda name: (place.get(name, len(place)), name))


def summary(name: str) -> str:
    """Return the first line that a command says of itself, without loading it."""
    text = files(commands).joinpath(f"{name}.py").read_text("utf-8")
    (command,) = (
        part
        for part in ast.parse(text).body
        if isinstance(part, ast.FunctionDef) and part.name == name
    )
    return (ast.get_docstring(command) or "").partition("\n")[0]


class App(Examples, click.Group):
    """The command itself, which finds the others by their names."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of use."""
        return names()

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Load the command that is the file of its name; None for an option, which is click's.

        Raises:
            click.UsageError: there is no such command.
        """
        if name.startswith("-"):
            return None
        if name not in (known := names()):
            ctx.fail(f"No such command {name!r}.{did_you_mean(name, known)}")
        command = getattr(importlib.import_module(f".commands.{name}", __package__), name)
        startup.loaded()
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what each command does without loading it."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary(name)) for name in names()])


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
