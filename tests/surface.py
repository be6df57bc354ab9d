"""Print what a user of the package may rely on: public names with their parameters, options.

python tests/surface.py > tests/surface.txt
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from typing import Any

import click

DOORS = (
    "", "autodiff", "compiled", "data", "data.corrupt", "errors", "evaluate", "export", "models",
    "nn", "nn.functional", "nn.init", "ops", "optim", "optim.schedules", "run", "show",
    "show.plots", "testing", "train", "uses",
)  # fmt: skip
"""The modules whose names are public; a name of theirs is so wherever it was defined."""


def names(module: Any) -> list[str]:
    """Return the public names of a module: what it lists, or what is its own."""
    if listed := getattr(module, "__all__", None):
        return sorted(listed)
    package = module.__package__ if hasattr(module, "__path__") else module.__name__
    return sorted(
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and (getattr(value, "__module__", "") or "").startswith(package)
    )


def call(value: Any) -> str:
    """Return how something is called: the names of its parameters, "=" where they may be left."""
    is_error = isinstance(value, type) and issubclass(value, BaseException)
    if is_error or type(value).__module__ == "typing" or not callable(value):
        return ""
    parameters = list(inspect.signature(value).parameters.values())
    marks = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    words, is_keyword = [], False
    for p in parameters:
        if p.kind is p.KEYWORD_ONLY and not is_keyword:
            words.append("*")
        is_keyword = is_keyword or p.kind in (p.KEYWORD_ONLY, p.VAR_POSITIONAL)
        words.append(marks.get(p.kind, "") + p.name + ("=" if p.default is not p.empty else ""))
    return f"({', '.join(words)})"


def of_python() -> Iterator[str]:
    """Yield a line for each public name, and for each public member of a class."""
    seen: set[type] = set()
    for door in DOORS:
        module = importlib.import_module(f"tinygrad_ae.{door}".rstrip("."))
        for name in names(module):
            value, full = getattr(module, name), f"{module.__name__}.{name}"
            yield f"{full}{call(value)}"
            if not isinstance(value, type) or value in seen:
                continue
            seen.add(value)
            for member, held in sorted(vars(value).items()):
                if member.startswith("_"):
                    continue
                held = held.__func__ if isinstance(held, (classmethod, staticmethod)) else held
                yield f"{full}.{member}{call(held)}"


def of_commands() -> Iterator[str]:
    """Yield a line for each command, with its arguments and options."""
    from tinygrad_ae.cli.app import app

    def walk(command: click.Command, path: str) -> Iterator[str]:
        context = click.Context(command, info_name=path)
        words = [
            max(p.opts, key=len) if isinstance(p, click.Option) else (p.name or "").upper()
            for p in command.get_params(context)
        ]
        yield " ".join([path, *words])
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                if (inner := command.get_command(context, name)) is not None:
                    yield from walk(inner, f"{path} {name}")

    yield from walk(app, "tinygrad-ae")


def surface() -> list[str]:
    """Return all of it, a line each."""
    return [*of_python(), *of_commands()]


if __name__ == "__main__":
    print("\n".join(surface()))
