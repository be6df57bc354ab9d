"""Switches for a stretch of code: whether to record, what to watch for."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import ClassVar, ParamSpec, TypeVar

from .graph import state

__all__ = ["detect_anomaly", "enable_grad", "is_grad_enabled", "no_grad", "record_everything"]

P = ParamSpec("P")
R = TypeVar("R")


class _Switch:
    """Sets what a thread does: ``with switch():``, or ``@switch()`` on a function."""

    settings: ClassVar[dict[str, bool]]

    def __enter__(self) -> None:
        self._before = {name: getattr(state, name) for name in self.settings}
        vars(state).update(self.settings)

    def __exit__(self, *error: object) -> None:
        vars(state).update(self._before)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        if inspect.isgeneratorfunction(function) or inspect.iscoroutinefunction(function):
            name = type(self).__name__
            raise TypeError(
                f"@{name}() does not reach into {function.__name__}, which runs a piece at a time:"
                f" write `with {name}():` around the work inside it"
            )

        @functools.wraps(function)
        def switched(*args: P.args, **kwargs: P.kwargs) -> R:
            with type(self)():
                return function(*args, **kwargs)

        return switched


class no_grad(_Switch):  # noqa: N801 - PyTorch's name
    """Record nothing inside: results require no gradients, and cost no bookkeeping.

    Works as ``with no_grad():`` and as ``@no_grad()`` on a function.

    Raises:
        TypeError: put on a generator or coroutine function.
    """

    settings: ClassVar = {"recording": False}


class enable_grad(_Switch):  # noqa: N801 - PyTorch's name
    """Record inside, though a ``no_grad`` surrounds it."""

    settings: ClassVar = {"recording": True}


class record_everything(_Switch):  # noqa: N801
    """Record operations on tensors that require no gradient as well, for a complete picture."""

    settings: ClassVar = {"recording": True, "everything": True}


class detect_anomaly(_Switch):  # noqa: N801 - PyTorch's name
    """Raise at the first operation, forward or backward, that gives NaN or infinity.

    The error names the operation, its module and the line of the forward code. Every result is
    checked, so this is for finding a fault, not for training.
    """

    settings: ClassVar = {"anomaly": True}


def is_grad_enabled() -> bool:
    """Return whether operations are being recorded."""
    return state.recording
