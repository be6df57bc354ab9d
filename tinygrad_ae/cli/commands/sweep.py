"""``sweep``: a model trained with every combination of several options' values."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from ... import uses
from ...data import Dataset
from ...errors import UserError, did_you_mean
from ...run import Config
from ...show.plots import comparisons
from ...uses import Trial
from ..help import Examples, examples
from ..options import Numbers, output, training_options
from ..terminal import say
from ..writing import write_figure, write_table
from .train import Stopped, train


@click.command(
    cls=Examples,
    context_settings={"ignore_unknown_options": True},
    options_metavar="[OPTIONS] [--OPTION VALUE,VALUE,...]...",
    epilog=examples(
        "tinygrad-ae sweep autoencoder --latent 4,8,16 --lr 1e-3,3e-4",
        'tinygrad-ae sweep autoencoder --hidden "128;256,64" --epochs 10 --jobs 2',
        "tinygrad-ae sweep my_model.py --seed 0,1,2 --out sweeps/seeds",
    ),
)
@click.argument("model")
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="")
@output("A folder for the runs, the table and the plot.  [default: sweeps/MODEL]")
@click.option(
    "-j", "--jobs", type=click.IntRange(min=1), default=os.cpu_count() or 1, show_default=True,
    help="Trainings at a time, each with one thread.",
)  # fmt: skip
def sweep(model: str, options: tuple[str, ...], out: str | None, jobs: int) -> None:
    """Train a model with every combination of values.

    MODEL is a name or the path of a Python file, and the options are those of 'train', with
    several values separated by commas; where a value has commas itself (--hidden 256,64), by
    semicolons. Several train at a time (--jobs). A sweep that was stopped goes on when the same
    command is given again. The table is in the order of the validation error; the test error is of
    the best alone.
    """
    grid, fixed, command = _grid(model, options)
    configs: dict[str, Config] = {}
    values = {}
    for combination in uses.combinations(grid):
        words = [word for name, value in combination.items() for word in (name, value)]
        name = _folder_name({k: v for k, v in combination.items() if len(grid[k]) > 1})
        name = _free(name or "run", configs)
        configs[name], values[name] = _config(command, model, [*fixed, *words]), combination
    folder = Path(out or Path("sweeps") / Path(model).stem)
    say(f"{len(configs)} trainings in {folder}, {jobs} at a time")
    # A shell or a queue that ends the sweep means its trainings too.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        trials = uses.sweep(configs, folder, jobs, _say, _introduce)
    except KeyboardInterrupt:
        raise Stopped(f"Stopped; the same command goes on with {folder}.") from None
    finally:
        signal.signal(signal.SIGTERM, before)
    varied = [name for name, choices in grid.items() if len(choices) > 1]
    say("")
    for trial in trials:
        say(_line(trial))
    best = trials[0]
    if best.validation is None:
        raise UserError(f"All trainings failed. The first said: {best.failure}")
    say(f"best by validation: {best.name}; its test MSE is {best.test:.5f}")
    report = write_table(
        folder / "sweep.csv",
        ("run", *(name.lstrip("-") for name in varied), "validation_mse", "seconds", "failure"),
        [
            (t.name, *(values[t.name][n] for n in varied),
             "" if t.validation is None else f"{t.validation:.6g}", f"{t.seconds:.2f}", t.failure)
            for t in trials
        ],
    )  # fmt: skip
    say(report)
    done = [t for t in trials if t.validation is not None]
    if varied:
        figure = comparisons.sweep(
            [name.lstrip("-") for name in varied],
            [[values[t.name][n] for n in varied] for t in done],
            [t.validation for t in done if t.validation is not None],
        )
        say(write_figure(folder / "sweep.png", figure))
    say(f"side by side: tinygrad-ae compare {folder}/*/")


def _grid(
    model: str, words: Sequence[str]
) -> tuple[dict[str, list[str]], list[str], click.Command]:
    """Return the values of each option, the flags, and the command that trains the model."""
    assert isinstance(train, click.Group)
    command = train.get_command(click.Context(train), model)
    assert command is not None
    known = {
        name: option for option in command.params for name in (*option.opts, *option.secondary_opts)
    }
    grid: dict[str, list[str]] = {}
    flags: list[str] = []
    rest = list(words)
    while rest:
        name, given, value = rest.pop(0).partition("=")
        option = known.get(name)
        if option is None or name == "--out":
            raise UserError(
                f"'train {model}' has no option {name} to vary.{did_you_mean(name, known)} See "
                f"tinygrad-ae train {model} --help"
            )
        if getattr(option, "is_flag", False):
            flags.append(name)
            continue
        if not given:
            if not rest:
                raise UserError(f"{name} needs values, separated by commas.")
            value = rest.pop(0)
        separator = ";" if isinstance(option.type, Numbers) else ","
        grid[name] = [part.strip() for part in value.split(separator)]
        if len(set(grid[name])) < len(grid[name]) or "" in grid[name]:
            raise UserError(f"{name} {value}: give values that differ, separated by '{separator}'.")
    return grid, flags, command


def _config(command: click.Command, model: str, words: list[str]) -> Config:
    """Read the options as 'train' does."""
    with command.make_context(f"tinygrad-ae sweep {model}", list(words)) as context:
        params = dict(context.params)
    params.pop("out")
    general = {option.name for option in training_options()}
    arguments = {name: params.pop(name) for name in list(params) if name not in general}
    return Config(model=model, arguments=arguments, **params)


def _folder_name(combination: Mapping[str, Any]) -> str:
    parts = (f"{name.lstrip('-')}-{value}" for name, value in combination.items())
    return re.sub(r"[^\w.=-]+", "-", "_".join(parts))


def _free(name: str, taken: Collection[str]) -> str:
    """Return a name that no folder has yet: of ``d/a.csv`` and ``d-a.csv`` one is ``d-a.csv-2``.

    Capital letters make no other name, since to some file systems they do not.
    """
    free, k = name, 1
    while free.casefold() in map(str.casefold, taken):
        k += 1
        free = f"{name}-{k}"
    return free


def _introduce(data: Dataset) -> None:
    say(f"{data.name} read as: {data.reading}")


def _say(trial: Trial) -> None:
    say(f"done: {_line(trial)}")


def _line(trial: Trial) -> str:
    if trial.validation is None:
        return f"{trial.name:<32} failed: {trial.failure}"
    return f"{trial.name:<32} validation MSE {trial.validation:.5f}  {trial.seconds:6.1f} s"
