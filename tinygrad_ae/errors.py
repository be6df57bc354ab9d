"""Errors for the person who made the mistake, and the one door to optional packages."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable
from types import ModuleType
from typing import Any


class UserError(Exception):
    """Something that was given cannot be used; the message names the cause and the cure.

    The command line prints the message alone, without a traceback, and exits with code 2.
    """


class DataError(UserError, ValueError):
    """A data file or array is missing, damaged or of the wrong kind."""


class ModelError(UserError, ValueError):
    """A model file or model argument cannot be used."""


class RunError(UserError, ValueError):
    """A run folder is missing, damaged or of another model."""


class MissingExtra(UserError, ImportError):
    """An optional package is not installed."""


class ShapeError(UserError, ValueError):
    """An operation was given shapes or values it cannot work on.

    Attributes:
        op: the operation.
        inputs: the graph's records of what it was given.
        scope: the module it happened in.
    """

    op: Any = None
    inputs: tuple[Any, ...] = ()
    scope: Any = None


class NonFiniteError(UserError, FloatingPointError):
    """An operation gave NaN or infinity while anomalies are being looked for."""


class GradientError(UserError, RuntimeError):
    """A gradient was asked for that cannot be computed correctly."""


class DivergedError(UserError, ArithmeticError):
    """Training produced a value that is not finite."""


def require(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import an optional package, or say which extra brings it.

    Args:
        module: dotted name to import, e.g. ``"matplotlib.pyplot"``.
        extra: the extra of this project that installs it, e.g. ``"all"``.
        purpose: what it is needed for, e.g. ``"drawing pictures"``.

    Raises:
        MissingExtra: the package is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        top = module.partition(".")[0]
        raise MissingExtra(
            f"{purpose} needs the package {top!r}, which cannot be imported ({error}).\n"
            f'Install it with:  pip install "tinygrad-ae[{extra}]"'
        ) from error


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the nearest known name, or an empty string."""
    near = difflib.get_close_matches(given, list(known), n=1, cutoff=0.5)
    return f" Did you mean {near[0]!r}?" if near else ""
