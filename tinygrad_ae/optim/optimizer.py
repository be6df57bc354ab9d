"""What every optimiser shares: parameters laid end to end, so that one operation updates all."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import mutation
from ..errors import ModelError, ShapeError
from ..graph import in_place, state
from ..nn import Parameter
from ..ops.op import Array

CHUNK = 65536
"""Elements updated at a time: what the passes of an update read and write stays in the cache."""

FLUSH_EVERY = 256
"""Steps after which numbers too small to matter are set to 0 in the optimiser's state."""


class Chunk(NamedTuple):
    """Views of the same stretch of all the arrays an update works on."""

    w: Array
    g: Array
    slots: tuple[Array, ...]
    s: Array  # scratch memory, twice
    t: Array


class Span(NamedTuple):
    """A run of parameters that have had equally many updates."""

    first: int
    chunks: list[Chunk]


class FlatBuffer:
    """The parameters of one dtype in one array, their gradients and state in arrays beside it.

    Each parameter's ``data`` becomes a view of the array.

    Attributes:
        data: the values, shape (total size,).
        grad: gradients, filled by :meth:`gather`.
        slots: arrays of the optimiser's state, by name.
        steps: how many updates each parameter has had.
    """

    def __init__(self, parameters: Sequence[Parameter], slots: Iterable[str]) -> None:
        self.parameters = list(parameters)
        ends = np.cumsum([p.size for p in parameters]).tolist()
        self.bounds = list(zip([0, *ends[:-1]], ends, strict=True))
        self.data = np.empty(ends[-1], parameters[0].dtype)
        self.grad = np.zeros_like(self.data)
        self.slots = {name: np.zeros_like(self.data) for name in slots}
        self.steps = [0] * len(parameters)
        self.views = self._views_of(self.data)
        self.grad_views = self._views_of(self.grad)
        self._scratch = np.empty((2, min(CHUNK, ends[-1])), self.data.dtype)
        self._gathered: list[int] = []  # the parameters that had a gradient in the last step
        self._spans: list[Span] = []
        self._numbers: list[Array] = []
        self._values: list[float] = []
        for k in range(len(self.parameters)):
            self._adopt(k)

    def __getstate__(self) -> dict[str, Any]:
        views = ("views", "grad_views", "_spans", "_gathered")  # copied, they would view nothing
        return {name: value for name, value in vars(self).items() if name not in views}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.views, self.grad_views = self._views_of(self.data), self._views_of(self.grad)
        self._gathered, self._spans = [], []

    def _views_of(self, flat: Array) -> list[Array]:
        return [
            flat[start:end].reshape(p.shape)
            for p, (start, end) in zip(self.parameters, self.bounds, strict=True)
        ]

    def _adopt(self, k: int) -> None:
        """Move a parameter's values here and make its ``data`` a view."""
        p, view = self.parameters[k], self.views[k]
        if p.data.shape != view.shape or p.data.dtype != view.dtype:
            raise ShapeError(
                f"the parameter {_label(p, k)} was {view.shape} {view.dtype} when the optimiser "
                f"was made and is {p.data.shape} {p.data.dtype} now. Change shapes and dtypes "
                "first, then make the optimiser."
            )
        view[...] = p.data
        p.data = view

    def gather(self) -> list[tuple[int, list[Chunk]]]:
        """Collect the gradients and return what to update: (step, chunks) for each span.

        Parameters whose ``data`` was replaced since the last step are taken in again.
        """
        steps, present = self.steps, []
        for k, p in enumerate(self.parameters):
            if p.data is not self.views[k]:
                self._adopt(k)
            if p.grad is None:
                continue
            g, view = p.grad.data, self.grad_views[k]
            if g is not view:  # a compiled step writes gradients here to begin with
                if g.shape != view.shape:
                    raise ShapeError(
                        f"the gradient of {_label(p, k)} has shape {g.shape}, not {view.shape}"
                    )
                np.copyto(view, g)
            steps[k] += 1
            present.append(k)
        if present != self._gathered:
            self._gathered, self._spans = present, self._spans_of(present)
        return [(steps[span.first], span.chunks) for span in self._spans]

    def numbers(self, values: tuple[float, ...]) -> list[Array]:
        """Return numbers as arrays without axes, which NumPy need not convert at each use."""
        if len(values) != len(self._values):
            self._values = [math.nan] * len(values)
            self._numbers = [np.empty((), self.data.dtype) for _ in values]
        for k, value in enumerate(values):
            if value != self._values[k]:
                self._numbers[k][...] = self._values[k] = value
        return self._numbers

    def restart(self, steps: Iterable[int]) -> None:
        """Take over the numbers of updates of another run."""
        self.steps, self._gathered = list(steps), []

    def _spans_of(self, present: Sequence[int]) -> list[Span]:
        """Join neighbours among the parameters that have had equally many updates."""
        runs: list[list[int]] = []
        for k in present:
            if runs and runs[-1][-1] == k - 1 and self.steps[k - 1] == self.steps[k]:
                runs[-1].append(k)
            else:
                runs.append([k])
        return [
            Span(run[0], self._chunks(self.bounds[run[0]][0], self.bounds[run[-1]][1]))
            for run in runs
        ]

    def _chunks(self, start: int, end: int) -> list[Chunk]:
        chunks = []
        for a in range(start, end, CHUNK):
            part = slice(a, min(a + CHUNK, end))
            s, t = self._scratch[:, : part.stop - a]
            slots = tuple(slot[part] for slot in self.slots.values())
            chunks.append(Chunk(self.data[part], self.grad[part], slots, s, t))
        return chunks


class Optimizer:
    """Changes parameters in the direction that lowers the loss.

    Args:
        parameters: what to train, e.g. ``model.parameters()``; all at one learning rate.
        lr: the learning rate, at least 0.
        weight_decay: strength of the pull of every parameter towards 0, at least 0.

    Attributes:
        lr: the learning rate of the next step; a schedule sets it.
        parameters: what is trained.

    Raises:
        ModelError: no parameters, one twice, two that share memory, something else than a
            Parameter, or a setting outside its range.
    """

    slot_names: tuple[str, ...] = ()  # of the arrays of state beside the parameters

    def __init__(
        self, parameters: Iterable[Parameter], lr: float, weight_decay: float = 0.0
    ) -> None:
        self.parameters = _checked(parameters, type(self).__name__)
        self.lr = lr
        self.weight_decay = within("weight_decay", weight_decay)
        groups: dict[str, list[Parameter]] = {}
        for p in self.parameters:
            groups.setdefault(p.dtype.name, []).append(p)
        self._buffers = {
            dtype: FlatBuffer(group, self.slot_names) for dtype, group in groups.items()
        }

    @property
    def lr(self) -> float:
        """The learning rate of the next step."""
        return self._lr

    @lr.setter
    def lr(self, value: float) -> None:
        self._lr = within("lr", value)

    @in_place
    def step(self) -> None:
        """Update every parameter that has a gradient, in place."""
        if state.observer is None:
            self._step()
        else:
            state.observer("optimizer", self, self._step)

    def _step(self) -> None:
        for buffer in self._buffers.values():
            spans = buffer.gather()
            for step, chunks in spans:
                numbers = buffer.numbers(self._numbers(step))
                for chunk in chunks:
                    self._update(chunk, *numbers)
                    if step % FLUSH_EVERY == 0:
                        _flush(chunk)
            if spans:
                mutation.mark(mutation.overwritten, buffer.data, f"{type(self).__name__}.step()")

    def _numbers(self, step: int) -> tuple[float, ...]:
        """Return the numbers the update of step ``step`` (counted from 1) uses."""
        raise NotImplementedError

    def _update(self, chunk: Chunk, *numbers: Array) -> None:
        """Update the values ``chunk.w`` and the state ``chunk.slots`` in place.

        ``numbers`` are those of :meth:`_numbers` as arrays of no axes, in the values' dtype.
        """
        raise NotImplementedError

    def gradient_memory(self) -> Iterator[tuple[Parameter, Array]]:
        """Yield the parameters and where a gradient is best written: :meth:`step` copies none."""
        for buffer in self._buffers.values():
            yield from zip(buffer.parameters, buffer.grad_views, strict=True)

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for p in self.parameters:
            p.grad = None

    def state_dict(self) -> dict[str, Array | float]:
        """Return copies of what the next steps depend on, beside the parameters.

        Returns:
            ``"lr"``, and per dtype ``"float32.steps"`` and e.g. ``"float32.exp_sum"``: flat
            arrays over all parameters in order.
        """
        state: dict[str, Array | float] = {"lr": self.lr}
        for dtype, buffer in self._buffers.items():
            state[f"{dtype}.steps"] = np.array(buffer.steps)
            state |= {f"{dtype}.{name}": slot.copy() for name, slot in buffer.slots.items()}
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what :meth:`state_dict` returned.

        Raises:
            ModelError: the state is of another optimiser or of other parameters.
        """
        own = {key: np.shape(value) for key, value in self.state_dict().items()}
        given = {key: np.shape(value) for key, value in state.items()}
        if own != given:
            raise ModelError(
                f"the saved state does not fit this {type(self).__name__}: it holds {given}, "
                f"expected {own}"
            )
        self.lr = float(state["lr"])
        for dtype, buffer in self._buffers.items():
            buffer.restart(int(n) for n in state[f"{dtype}.steps"])
            for name, slot in buffer.slots.items():
                slot[...] = state[f"{dtype}.{name}"]

    def __repr__(self) -> str:
        size = sum(p.size for p in self.parameters)
        return f"{type(self).__name__}(lr={self.lr:g}, {size:,} parameters)"


def within(name: str, value: float, low: float = 0.0, below: float = math.inf) -> float:
    """Return ``value`` as a float in [``low``, ``below``), or raise."""
    if not low <= value < below:
        raise ModelError(f"{name} must be in [{low:g}, {below:g}); got {value}")
    return float(value)


def positive(name: str, value: float) -> float:
    """Return ``value`` as a float above 0, or raise."""
    if not 0 < value < math.inf:
        raise ModelError(f"{name} must be greater than 0; got {value}")
    return float(value)


def _checked(parameters: Iterable[Parameter], optimizer: str) -> list[Parameter]:
    if isinstance(parameters, Parameter) or not isinstance(parameters, Iterable):
        raise ModelError(f"{optimizer} takes a list of parameters, e.g. model.parameters()")
    found = list(parameters)
    if not found:
        raise ModelError(
            f"{optimizer} was given no parameters: the model has none, or an "
            "iterator was used up before"
        )
    seen: dict[int, int] = {}
    for k, p in enumerate(found):
        if not isinstance(p, Parameter):
            raise ModelError(
                f"{optimizer} trains nn.Parameter objects; number {k} is a {type(p).__name__}"
            )
        if id(p) in seen:
            raise ModelError(
                f"{optimizer} was given the parameter {_label(p, k)} twice, as number "
                f"{seen[id(p)]} and {k}; it would be updated twice per step"
            )
        if p.dtype.kind != "f":
            raise ModelError(f"the parameter {_label(p, k)} holds {p.dtype}, not floats")
        seen[id(p)] = k
    for (j, p), (k, q) in itertools.combinations(enumerate(found), 2):
        if np.shares_memory(p.data, q.data):
            raise ModelError(
                f"the parameters {_label(p, j)} and {_label(q, k)} share memory, which {optimizer} "
                "would part. To tie weights, use one Parameter in both places, and an operation "
                "such as W.T for its other form"
            )
    return found


def _flush(chunk: Chunk) -> None:
    """Set denormal numbers in the state to 0: processors compute with them many times slower."""
    for slot in chunk.slots:
        np.absolute(slot, chunk.s)
        slot *= chunk.s >= np.finfo(slot.dtype).tiny


def _label(p: Parameter, k: int) -> str:
    return f"{p.name or 'without a name'} {p.shape} (number {k})"
