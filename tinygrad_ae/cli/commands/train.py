"""``train``: a model from its beginning, or on from where a run stopped."""

from __future__ import annotations

import functools
import inspect
import sys
from pathlib import Path
from typing import Any

import click

from ...errors import RunError
from ...run import Config, ModelFile, Run, modelfile, results
from ...run.folder import refuse_existing
from .. import progress
from ..help import Examples, SectionedCommand, examples
from ..options import model_options, training_options, trust, trusted
from ..targets import reason, writing
from ..terminal import say

_WHICH = (
    "Which model? Give a name ('tinygrad-ae models' lists them), the path of a Python file, or "
    "--resume RUN."
)


class Stopped(click.ClickException):
    """Ctrl-C: one line that says how to carry on."""

    exit_code = 130

    def show(self, file: Any = None) -> None:
        """Print the line."""
        say(f"\n{self.message}", err=True)


class Train(Examples, click.Group):
    """The models as commands; options may also stand before the model's name."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Bring the model to the front."""
        position = _model_position(args)
        resuming = any(arg.partition("=")[0] == "--resume" for arg in args)
        if position is not None:
            if resuming:
                raise click.UsageError(
                    "--resume continues a run with its own model; leave the model out.", ctx
                )
            args = [args[position], *args[:position], *args[position + 1 :]]
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if resuming:
                raise click.UsageError(
                    f"--resume does not take {error.option_name}: a run goes on with the choices "
                    "it was started with (its config.json), and only --epochs may change. For "
                    "other choices start a new run.", ctx,
                ) from error  # fmt: skip
            if position is not None or error.possibilities:
                raise
            raise click.UsageError(
                f"{_WHICH} (Only a model has the option {error.option_name}.)", ctx
            ) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of the built-in models."""
        with formatter.section("Models"):
            formatter.write_dl(list(modelfile.built_in().items()))

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the built-in models."""
        return modelfile.names()

    def get_command(self, ctx: click.Context, name: str) -> click.Command:
        """Return the command that trains a model, given by name or path."""
        return _command(modelfile.find(name))


@click.group(
    cls=Train,
    invoke_without_command=True,
    subcommand_metavar="MODEL [OPTIONS]",
    epilog=examples(
        "tinygrad-ae train autoencoder                  # 784 → 16 → 784 on real digits",
        "tinygrad-ae train autoencoder --help           # all its options",
        "tinygrad-ae train autoencoder --hidden 256,64 --latent 8 --epochs 50",
        "tinygrad-ae train my_model.py --data my_pictures/",
        "tinygrad-ae train --resume runs/autoencoder-1 --epochs 100",
    ),
)
@click.option("--resume", type=click.Path(), metavar="RUN", help="Continue the run in this folder.")
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    help="With --resume: a new total number of epochs; a cosine or step schedule is stretched "
    "over it.",
)
@click.option("--data", metavar="PATH", help="With --resume: where the data is now, if moved.")
@trust()
@click.pass_context
def train(ctx: click.Context, resume: str | None, epochs: int | None, data: str | None) -> None:
    """Train a MODEL and leave a run folder.

    A MODEL is the name of a built-in one (below), or the path of your own Python file with one
    Module that has encoder, decoder, latent (the size of a code) and loss(batch).
    """
    if ctx.invoked_subcommand is not None:
        return
    if resume is None:
        raise click.UsageError(_WHICH, ctx)
    _resume(resume, epochs, data)


def _model_position(args: list[str]) -> int | None:
    """Return where in the arguments the model is, though options may stand before it."""
    valued = [option for option in training_options() if not option.is_flag]
    with_value = {name for option in valued for name in option.opts} | {"--resume"}
    known = modelfile.names()
    for i, arg in enumerate(args):
        is_value = i > 0 and args[i - 1] in with_value
        if not is_value and not arg.startswith("-") and (arg in known or arg.endswith(".py")):
            return i
    return None


def _command(file: ModelFile) -> click.Command:
    arguments = model_options(file)
    doc = sys.modules[file.cls.__module__].__doc__ or file.cls.__doc__ or ""
    return SectionedCommand(
        file.name,
        params=[*arguments, *training_options()],
        callback=functools.partial(_start, file, [option.name for option in arguments]),
        help=inspect.cleandoc(doc),
        epilog=examples(
            f"tinygrad-ae train {file.name}",
            f"tinygrad-ae train {file.name} --data mnist --epochs 10 --out runs/mnist",
            f"tinygrad-ae train {file.name} --lr 3e-3 --schedule cosine --warmup 100",
        ),
    )


def _start(file: ModelFile, argument_names: list[str], out: str | None, **options: Any) -> None:
    """Train from the beginning."""
    if out is not None:
        refuse_existing(Path(out))  # before anything is fetched

    arguments = {name: options.pop(name) for name in argument_names}
    config = Config(model=file.name, arguments=arguments, **options)
    with progress.download() as show:
        data = config.load_data(show)
    with writing(Path(out or "runs")):
        run = Run.create(out, config, data)
    _train(run, data)


def _resume(folder: str, epochs: int | None, data: str | None) -> None:
    """Carry on with a run, or with what is missing of its results."""
    run = Run.open(folder, trusted=trusted())
    if epochs is not None:
        run.extend(epochs)
    if run.epoch >= run.config.epochs and results.complete(run):
        say(
            f"{run.path} has done all its {run.epoch} epochs; to train on: "
            f"tinygrad-ae train --resume {run.path} --epochs {2 * run.epoch}"
        )
        return
    _train(run, run.load_data(data))


def _train(run: Run, data: Any) -> None:
    try:
        progress.introduce(run, data)
        with progress.Epochs(run, len(data.train)) as show:
            run.train(data, show.epoch, show.step)
        with progress.drawing():
            summary = results.write(run, data)
        progress.summary(run, data, summary)
    except OSError as error:
        if not run.path.exists():
            raise RunError(
                f"{run.path} is not there any more: it was moved or removed during its training. "
                "If it was moved, go on by its new name: tinygrad-ae train --resume RUN"
            ) from error
        raise RunError(
            f"{run.path} cannot be written: {reason(error)}. It holds a whole checkpoint; when "
            f"that is mended, go on with: tinygrad-ae train --resume {run.path}"
        ) from error
    except KeyboardInterrupt:
        raise Stopped(
            f"Stopped after epoch {run.epoch} of {run.config.epochs}; resume with: "
            f"tinygrad-ae train --resume {run.path}"
        ) from None
