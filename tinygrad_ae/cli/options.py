"""Options: those that commands share, and those of a training, made from what declares them."""

from __future__ import annotations

import csv
import dataclasses
import inspect
import math
import re
import types
import typing
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

import click

from ..errors import ModelError, did_you_mean
from ..run import ModelFile
from ..run.config import SOURCE, Bounds, Config, Known, Unit

_TRUST = "tinygrad_ae.trust"
Function = TypeVar("Function", bound=Callable[..., Any])

ARRAY = "an .npy, .npz or .csv file"
SAMPLES = f"{ARRAY}, a picture (.png, .svg, .pdf), a .wav file, or a folder of pictures or sounds"


def output(help: str, **settings: Any) -> Callable[[Function], Function]:
    """Return the option -o."""
    return click.option("-o", "--out", type=click.Path(), metavar="OUT", help=help, **settings)


def trust() -> Callable[[Function], Function]:
    """Return the option --trust, for commands that open a run; :func:`trusted` has its value."""

    def note(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        ctx.meta[_TRUST] = value

    return click.option(
        "--trust", is_flag=True, expose_value=False, callback=note,
        help="Run the model file that a run from elsewhere brings along: you have read it.",
    )  # fmt: skip


def trusted() -> bool:
    """Whether the command that runs was given --trust."""
    return bool(click.get_current_context().meta.get(_TRUST))


def moved_data() -> Callable[[Function], Function]:
    """Return the option --data, for a run whose data is no longer where it was."""
    return click.option(
        "--data", metavar="PATH", help="Where the run's data is now, if it was moved."
    )


def seed() -> Callable[[Function], Function]:
    """Return the option --seed, for what a command draws."""
    return click.option(
        "--seed", type=click.IntRange(min=0), default=0, show_default=True,
        help="Of everything random.",
    )  # fmt: skip


def batch_size(default: int) -> Callable[[Function], Function]:
    """Return the option --batch-size, for a step that is looked into."""
    return click.option(
        "--batch-size", type=click.IntRange(min=1), default=default, show_default=True,
        help="Samples in the step.",
    )  # fmt: skip


class Finite(click.FloatRange):
    """A number that is neither NaN nor infinite, in a range if there is one."""

    name = "float"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the float."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


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


class Labels(Names):
    """Several labels: whole numbers, or words where labels are words."""

    name = "label,label,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the tuple, whole numbers in it as such."""
        labels = super().convert(value, param, ctx)
        return tuple(int(x) if re.fullmatch(r"-?\d+", str(x)) else x for x in labels if x != "")


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


_SECTIONS = {"data": "Data", **dict.fromkeys(SOURCE, "Data")} | dict.fromkeys(
    ("seed", "compile", "engine", "threads", "out"), "Run"
)  # the others stand under "Training"


def training_options() -> list[Option]:
    """Return the options that every training has: those of :class:`Config`, and --out."""
    texts, types = argument_texts(Config), typing.get_type_hints(Config, include_extras=True)
    options = [
        _option(
            field.name, types[field.name], field.default, texts[field.name],
            section=_SECTIONS.get(field.name, "Training"),
        )
        for field in dataclasses.fields(Config)
        if field.name not in ("model", "arguments")
    ]  # fmt: skip
    out = Option("--out", section="Run", type=click.Path(), metavar="FOLDER", show_default=False,
                 help="The run folder to make.  [default: runs/<model>-<number>]")  # fmt: skip
    return [*options, out]


def model_options(file: ModelFile) -> list[Option]:
    """Return an option for each argument of the model's constructor, but for those the data gives.

    Raises:
        ModelError: an argument cannot be given on the command line and has no default, or has
            the name of a training option.
    """
    texts = argument_texts(file.cls)
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
        annotation = parameter.annotation
        if annotation is parameter.empty:
            annotation = _type_of(parameter.default)
        required = parameter.default is parameter.empty
        if _kind(annotation) is not None:
            default = dataclasses.MISSING if required else parameter.default
            options.append(_option(name, annotation, default, texts.get(name), section="Model"))
        elif required:
            raise ModelError(
                f"{file.path}: the constructor's argument {name!r} needs a default, or one of "
                "these types: int, float, str, bool, Literal, or a tuple of them."
            )
    return options


def _option(name: str, annotation: Any, default: Any, text: str | None, *, section: str) -> Option:
    """Return the option that stands for an argument."""
    dashed, required = name.replace("_", "-"), default is dataclasses.MISSING
    units = [part.name for part in _said(annotation) if isinstance(part, Unit)]
    settings: dict[str, Any] = {"metavar": units[0]} if units else {}
    if not required:
        settings["default"] = default = _shown(default)
        settings["show_default"] = default is not None
    kind = _kind(annotation)
    return Option(
        f"--{dashed}/--no-{dashed}" if kind is bool else f"--{dashed}",
        section=section, type=kind, required=required, help=text, **settings,
    )  # fmt: skip


def _said(annotation: Any) -> tuple[Any, ...]:
    """Return what an annotation says beside the type."""
    return getattr(annotation, "__metadata__", ())


def _type_of(default: Any) -> Any:
    """Return the type of an argument that has no annotation."""
    if isinstance(default, tuple):
        return types.GenericAlias(tuple, (type(default[0]) if default else int, ...))
    return type(default)


def _kind(annotation: Any) -> Any:
    """Return click's type for an annotation, or None if it has no form on the command line."""
    known = [part for part in _said(annotation) if isinstance(part, Known)]
    bounds = [part for part in _said(annotation) if isinstance(part, Bounds)]
    if typing.get_origin(annotation) is Annotated:
        annotation = typing.get_args(annotation)[0]
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        others = [a for a in typing.get_args(annotation) if a is not types.NoneType]
        annotation = others[0] if len(others) == 1 else None  # T | None is given as T
    arguments = typing.get_args(annotation)
    if known:
        return Name(known[0].names)
    if bounds:
        least, above = bounds[0].least, bounds[0].above
        if annotation is int:
            return click.IntRange(min=None if least is None else int(least))
        return Finite(min=least if above is None else above, min_open=above is not None)
    if typing.get_origin(annotation) is Literal:
        return Name(arguments)
    if annotation == tuple[int | str, ...]:
        return Labels()
    if typing.get_origin(annotation) in (tuple, list) and arguments[0] in (int, float, str):
        return Names() if arguments[0] is str else Numbers(arguments[0])
    if annotation is float:
        return Finite()
    return annotation if annotation in (int, str, bool) else None


def _shown(default: Any) -> Any:
    return ",".join(map(str, default)) if isinstance(default, (tuple, list)) else default


def argument_texts(cls: type) -> dict[str, str]:
    """Return what a class's Google-style docstrings say about each argument."""
    made_by = vars(cls).get("__init__")
    doc = "\n\n".join(inspect.cleandoc(part.__doc__ or "") for part in (cls, made_by))
    section = re.search(r"^Args:\n((?:[ \t]+.*\n?|\n)*)", doc, re.MULTILINE)
    if not section:
        return {}
    entries = re.findall(
        r"^    (\w+)[^:\n]*:[ ]*(.*(?:\n {5,}.*)*)", section.group(1), re.MULTILINE
    )
    return {name: _sentence(" ".join(text.split())) for name, text in entries}


def _sentence(text: str) -> str:
    """Return a text as a sentence, a default that it ends with set apart as click does it."""
    text, bracket, default = text.partition(" [default")
    end = "" if text.endswith((".", "?", "!")) else "."
    return text[:1].upper() + text[1:] + end + (f"  [default{default}" if bracket else "")
