"""Parameters laid end to end, with their gradients and state, so that one pass updates all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import ShapeError
from ..nn import Parameter
from ..ops.op import Array
from .update import SCRATCH, Kernel

CHUNK = 32768
"""Elements updated at a time: what the passes of an update read and write stays in the cache."""


class Span(NamedTuple):
    """A stretch of parameters that have had equally many updates.

    Attributes:
        first: the number of the first of them.
        pieces: views of the values, the gradients, the state and the memory to write on, by name.
        kernels: what updates the pieces, by what it was made of.
    """

    first: int
    pieces: list[dict[str, Array]]
    kernels: dict[Any, list[Kernel]]


class FlatBuffer:
    """The parameters of one dtype in one array, their gradients and state in arrays beside it.

    Each parameter's ``data`` becomes a view of the array. Half precision is for keeping parameters,
    not for computing updates: the squares of small gradients are 0 there, and so is Adam's ε. So
    gradients, state and updates of float16 parameters are float32.

    Attributes:
        data: the values, shape (total size,).
        values: what updates write to: ``data`` itself, or its float32 copy during an update.
        grad: gradients, filled by :meth:`gather`.
        everything: the number of each parameter, which is its position in ``parameters``.
        slots: arrays of the optimiser's state, by name.
        steps: how many updates each parameter has had.
    """

    def __init__(self, parameters: Sequence[Parameter], slots: Iterable[str]) -> None:
        self.parameters = list(parameters)
        self.everything = list(range(len(self.parameters)))
        self.ends = np.cumsum([p.size for p in parameters]).tolist()
        self.data = np.empty(self.ends[-1], parameters[0].dtype)
        is_half = self.data.dtype == np.float16
        self.values = np.empty(self.data.shape, np.float32) if is_half else self.data
        # np.zeros takes no memory until it is written to; np.zeros_like does.
        self.grad = np.zeros(self.data.shape, self.values.dtype)
        self.slots = {name: np.zeros(self.data.shape, self.values.dtype) for name in slots}
        self.steps = [0] * len(self.parameters)
        self._numbers: dict[str, Array] = {}
        self._view()
        self.adopt()

    def __getstate__(self) -> dict[str, Any]:
        views = ("views", "grads", "_spans", "_present")  # copied, they would view nothing
        return {name: value for name, value in vars(self).items() if name not in views}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._view()

    def _view(self) -> None:
        """Find each parameter's part of the arrays."""
        self.views, self.grads = (
            [part.reshape(p.shape) for p, part in zip(self.parameters, parts, strict=True)]
            for parts in (np.split(array, self.ends[:-1]) for array in (self.data, self.grad))
        )
        self._spans: list[Span] = []
        self._present: list[int] = []  # the parameters that had a gradient in the last step

    def adopt(self) -> None:
        """Move parameters' values here, if they are not, and make their ``data`` views."""
        for k, (p, view) in enumerate(zip(self.parameters, self.views, strict=True)):
            if p.data is view:
                continue
            if p.data.shape != view.shape or p.data.dtype != view.dtype:
                raise ShapeError(
                    f"the parameter {label(p, k)} was {view.shape} {view.dtype} when the optimiser "
                    f"was made and is {p.data.shape} {p.data.dtype} now. Change shapes and dtypes "
                    "first, then make the optimiser."
                )
            view[...] = p.data
            p.data = view

    def gather(self) -> list[int]:
        """Collect the gradients and return the numbers of the parameters that have one."""
        self.adopt()
        present = []
        for k, p in enumerate(self.parameters):
            if p.grad is None:
                continue
            g, view = p.grad.data, self.grads[k]
            if g is not view:  # a compiled step writes gradients here to begin with
                if g.shape != view.shape:
                    raise ShapeError(
                        f"the gradient of {label(p, k)} has shape {g.shape}, not {view.shape}"
                    )
                np.copyto(view, g)
            present.append(k)
        return present

    def advance(self, present: list[int]) -> list[Span]:
        """Count a step of these parameters and return what to update."""
        if present != self._present:
            self._present, self._spans = present, self._spans_of(present)
        for k in present:
            self.steps[k] += 1
        return self._spans

    def widen(self) -> None:
        """Make ``values`` what the parameters are."""
        if self.values is not self.data:
            np.copyto(self.values, self.data)

    def round(self) -> None:
        """Make the parameters what ``values`` are, as far as their dtype holds it."""
        if self.values is not self.data:
            with np.errstate(over="ignore"):  # what outgrew float16 is infinite there
                np.copyto(self.data, self.values, casting="same_kind")

    def numbers(self, values: dict[str, float]) -> dict[str, Array]:
        """Return numbers in arrays without axes, the same in each step: NumPy need not convert."""
        if not self._numbers:
            self._numbers = {name: np.empty((), self.values.dtype) for name in values}
        for name, value in values.items():
            self._numbers[name][()] = value
        return self._numbers

    def restart(self, steps: Iterable[int]) -> None:
        """Take over the numbers of updates of another run."""
        self.steps = list(map(int, steps))
        self._present = []

    def _spans_of(self, present: Sequence[int]) -> list[Span]:
        """Join neighbours among the parameters that have had equally many updates."""
        runs: list[list[int]] = []
        for k in present:
            if runs and runs[-1][-1] == k - 1 and self.steps[k - 1] == self.steps[k]:
                runs[-1].append(k)
            else:
                runs.append([k])
        return [Span(k[0], self._pieces(k[0], k[-1]), {}) for k in runs]

    def _pieces(self, first: int, last: int) -> list[dict[str, Array]]:
        start, end = self.ends[first] - self.parameters[first].size, self.ends[last]
        scratch = np.empty((len(SCRATCH), min(CHUNK, end - start)), self.values.dtype)
        arrays = {"w": self.values, "g": self.grad, **self.slots}
        return [
            {name: x[a : min(a + CHUNK, end)] for name, x in arrays.items()}
            | dict(zip(SCRATCH, scratch[:, : end - a], strict=True))
            for a in range(start, end, CHUNK)
        ]


def label(p: Parameter, k: int) -> str:
    """Return what to call parameter number ``k`` in messages."""
    return f"{p.name or 'without a name'} {p.shape} (number {k})"
