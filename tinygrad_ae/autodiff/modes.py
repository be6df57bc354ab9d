"""Switches for a stretch of code: whether to record, what to watch for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..graph import state


@contextmanager
def _setting(name: str, value: bool) -> Iterator[None]:
    before = getattr(state, name)
    setattr(state, name, value)
    try:
        yield
    finally:
        setattr(state, name, before)


@contextmanager
def no_grad() -> Iterator[None]:
    """Record nothing inside: results require no gradients, and cost no bookkeeping.

    Works as ``with no_grad():`` and as ``@no_grad()`` on a function.
    """
    with _setting("recording", False):
        yield


@contextmanager
def enable_grad() -> Iterator[None]:
    """Record inside, though a ``no_grad`` surrounds it."""
    with _setting("recording", True):
        yield


@contextmanager
def record_everything() -> Iterator[None]:
    """Record operations on tensors that require no gradient as well, for a complete picture."""
    with _setting("recording", True), _setting("everything", True):
        yield


@contextmanager
def detect_anomaly() -> Iterator[None]:
    """Raise at the first operation, forward or backward, that gives NaN or infinity.

    The error names the operation, its module and the line of the forward code. Every result is
    checked, so this is for finding a fault, not for training.
    """
    with _setting("anomaly", True):
        yield


def is_grad_enabled() -> bool:
    """Return whether operations are being recorded."""
    return state.recording
