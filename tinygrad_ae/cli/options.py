"""Options: those every training has, and those a model's constructor has."""

from __future__ import annotations

import csv
import inspect
import re
import types
import typing
from typing import Any, Literal

import click

from ..compiled import ENGINES
from ..data import framing
from ..errors import ModelError, did_you_mean
from ..run import ModelFile
from ..run.config import OPTIMIZERS, SCHEDULES, Config
from .examples import Examples

_DEFAULT = Config()


class Numbers(click.ParamType[tuple[Any, ...]]):
    """Several numbers separated by commas, as a tuple; nothing at all is the empty tuple."""

    name = "n,n,..."

    def __init__(self, item: type = int) -> None:
        self.item = item

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the tuple."""
        if not isinstance(value, str):
            return value
        try:
            return tuple(self.item(part) for part in value.split(",") if part.strip())
        except ValueError:
            self.fail(f"{value!r} is not a list of numbers such as 256,64.", param, ctx)


class Names(Numbers):
    """Several names separated by commas; one with a comma in it stands in double quotes."""

    name = "name,name,..."

    def __init__(self) -> None:
        super().__init__(str)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the tuple."""
        if not isinstance(value, str):
            return value
        (names,) = csv.reader([value], skipinitialspace=True)
        return tuple(name.strip() for name in names)


class Name(click.Choice[str]):
    """One of several names; for another, the nearest is suggested."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the name."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            near = did_you_mean(str(value), map(str, self.choices))
            self.fail(f"{error.message}{near}", param, ctx)


class Option(click.Option):
    """An option that stands under a heading in the help."""

    def __init__(self, *names: str, section: str, **settings: Any) -> None:
        settings.setdefault("show_default", True)
        super().__init__(names, **settings)
        self.section = section


class SectionedCommand(Examples):
    """A command whose help shows its options under headings, and its text as it is."""

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the text line by line: its equations and paragraphs are laid out already."""
        formatter.write_paragraph()
        for line in (self.help or "").splitlines():
            formatter.write(f"  {line}".rstrip() + "\n")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, one section after the other."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record:
                sections.setdefault(getattr(param, "section", "Other"), []).append(record)
        for section, records in sections.items():
            with formatter.section(section):
                formatter.write_dl(records)


def training_options() -> list[Option]:
    """Return the options that every training has; their names are those of :class:`Config`."""
    positive = click.IntRange(min=1)
    data, training, run = "Data", "Training", "Run"
    return [
        Option("--data", section=data, default=_DEFAULT.data, metavar="NAME|PATH",
               help="digits or spoken (bundled), mnist, fashion-mnist, watch, ecg, blood-pressure, "
               "or a path: a folder of IDX files, pictures or sounds, or an .npy, .npz, .csv or "
               ".wav file."),
        Option("--shape", section=data, type=Numbers(), show_default=False,
               help="Shape of a sample that the data holds flat: 28,28 for rows of 784 pixels."),
        Option("--frame", section=data, type=Name(framing.KINDS), show_default=False,
               help="What a sample is made of a window of sound or of a signal: its values, the "
               "spectrum in decibels, or 40 log-mel bands.  [default: raw]"),
        Option("--window", section=data, type=click.IntRange(min=2), show_default=False,
               metavar="TIMES", help="Values in a window of sound or of a signal, whose data has a "
               "row for each time.  [default for sound: 256]"),
        Option("--hop", section=data, type=positive, show_default=False, metavar="TIMES",
               help="From one window to the next.  [default: half a window]"),
        Option("--sample-rate", section=data, type=click.FloatRange(min=0, min_open=True),
               show_default=False, metavar="HZ",
               help="Values in a second; sounds of another rate are brought to it."),
        Option("--only", section=data, type=Numbers(), show_default=False, metavar="LABEL,...",
               help="Take only the samples of these labels, to find others anomalous afterwards."),
        Option("--label", section=data, metavar="NAME", show_default=False,
               help="The column of a table that holds labels; none: there is none. Without a "
               "heading columns are called 1, 2, 3, ..."),
        Option("--columns", section=data, type=Names(), show_default=False,
               metavar="NAME,...", help="The columns of a table to learn, and no others; all: all "
               "but label and time, counters too."),
        Option("--drop", section=data, type=Names(), show_default=False,
               metavar="NAME,...", help="Columns of a table to leave out."),
        Option("--time", section=data, metavar="NAME", show_default=False,
               help="The column of a table that tells the time, which is not learnt; none: there "
               "is none."),
        Option("--header/--no-header", section=data, default=None, show_default=False,
               help="Whether a table's first line is a heading."),
        Option("--epochs", section=training, type=positive, default=_DEFAULT.epochs,
               help="How often to go through the training samples."),
        Option("--batch-size", section=training, type=positive, default=_DEFAULT.batch_size,
               help="Samples in a step."),
        Option("--drop-last/--no-drop-last", section=training, default=_DEFAULT.drop_last,
               help="Leave out the last batch of an epoch if it is smaller than the others."),
        Option("--optimizer", section=training, type=Name(list(OPTIMIZERS)),
               default=_DEFAULT.optimizer, help="How gradients move the parameters."),
        Option("--lr", section=training, type=click.FloatRange(min=0, min_open=True),
               default=_DEFAULT.lr, help="Learning rate: the length of a step."),
        Option("--schedule", section=training, type=Name(SCHEDULES),
               default=_DEFAULT.schedule,
               help="The learning rate over the epochs: the same; down to 0 along a cosine; or to "
               "a tenth after each third."),
        Option("--warmup", section=training, type=click.IntRange(min=0), default=_DEFAULT.warmup,
               metavar="STEPS", help="Steps in which the learning rate first rises from 0."),
        Option("--weight-decay", section=training, type=click.FloatRange(min=0),
               show_default=False, help="How strongly parameters are pulled to 0.  [default: 0.01 "
               "for adamw, else 0]"),
        Option("--clip", section=training, type=click.FloatRange(min=0, min_open=True),
               show_default=False, metavar="NORM", help="Largest norm of the gradient."),
        Option("--seed", section=run, type=click.IntRange(min=0), default=_DEFAULT.seed,
               help="Of everything random: the same seed gives the same weights, bit for bit."),
        Option("--compile/--no-compile", section=run, default=_DEFAULT.compile,
               help="Record the training step once and replay it, or run the model's Python in "
               "each step."),
        Option("--engine", section=run, type=Name(ENGINES), default=_DEFAULT.engine,
               help="What replays it; numba (extra 'fast') compiles it to machine code."),
        Option("--threads", section=run, type=positive, show_default=False,
               help="Threads of matrix products; a resumed run keeps their number.  "
               "[default: as NumPy decides]"),
        Option("--out", section=run, type=click.Path(), metavar="FOLDER", show_default=False,
               help="The run folder to make.  [default: runs/<model>-<number>]"),
    ]  # fmt: skip


def model_options(file: ModelFile) -> list[Option]:
    """Return an option for each argument of the model's constructor, but for those the data gives.

    Raises:
        ModelError: an argument cannot be given on the command line and has no default, or has
            the name of a training option.
    """
    texts = _argument_texts(file)
    taken = {option.name for option in training_options()}
    options = []
    for name, parameter in file.parameters().items():
        if name in ("inputs", "sample_shape"):
            continue  # the data says
        if name in taken:
            raise ModelError(
                f"{file.path}: the constructor's argument {name!r} has the name of a training "
                "option; call it something else."
            )
        required = parameter.default is parameter.empty
        kind = _kind(parameter)
        if kind is None:
            if required:
                raise ModelError(
                    f"{file.path}: the constructor's argument {name!r} needs a default, or one of "
                    "these types: int, float, str, bool, Literal, or a tuple of them."
                )
            continue
        dashed = name.replace("_", "-")
        options.append(
            Option(
                f"--{dashed}/--no-{dashed}" if kind is bool else f"--{dashed}",
                section="Model",
                type=kind,
                required=required,
                default=None if required else _shown(parameter.default),
                help=texts.get(name),
            )
        )
    return options


def _kind(parameter: inspect.Parameter) -> Any:
    """Return click's type for a parameter, or None if it has no form on the command line."""
    default, annotation = parameter.default, parameter.annotation
    if annotation is parameter.empty:
        annotation = type(default)
        if annotation is tuple:
            return Numbers(type(default[0]) if default else int)
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        others = [a for a in typing.get_args(annotation) if a is not types.NoneType]
        annotation = others[0] if len(others) == 1 else None  # T | None is given as T
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) is Literal:
        return Name(arguments)
    if typing.get_origin(annotation) in (tuple, list) and arguments[0] in (int, float, str):
        return Numbers(arguments[0])
    return annotation if annotation in (int, float, str, bool) else None


def _shown(default: Any) -> Any:
    return ",".join(map(str, default)) if isinstance(default, (tuple, list)) else default


def _argument_texts(file: ModelFile) -> dict[str, str]:
    """Return what a Google-style docstring says about each argument."""
    doc = (
        inspect.cleandoc(file.cls.__doc__ or "")
        + "\n\n"
        + (inspect.cleandoc(file.cls.__init__.__doc__ or ""))
    )
    section = re.search(r"^Args:\n((?:[ \t]+.*\n?|\n)*)", doc, re.MULTILINE)
    if not section:
        return {}
    entries = re.findall(
        r"^    (\w+)[^:\n]*:[ ]*(.*(?:\n {5,}.*)*)", section.group(1), re.MULTILINE
    )
    return {name: _sentence(" ".join(text.split())) for name, text in entries}


def _sentence(text: str) -> str:
    end = "" if text.endswith((".", "?", "!")) else "."
    return text[:1].upper() + text[1:] + end
