"""What every optimiser shares: flat buffers of parameters, a learning rate, a state to save."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from ..core import inplace
from ..core.graph import in_place, looked_at, state
from ..errors import ModelError
from ..nn import Parameter
from ..ops.op import Array
from ..util.overlap import overlapping
from .flat import FlatBuffer, label
from .update import Compiler, passes

FLUSH_EVERY = 256
"""Steps after which numbers too small to matter are set to 0 in the optimiser's state."""


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

    @property
    def equations(self) -> tuple[str, ...]:
        """The update, over all parameters at once: Python's syntax, NumPy's functions."""
        return (*self._direction(), *self._equations())

    @in_place
    def step(self) -> None:
        """Update every parameter that has a gradient, in place."""
        if state.observer is None:
            self.update()
        else:
            state.observer("optimizer", self, self.update)

    def update(self, compiler: Compiler = passes, gathered: bool = False) -> None:
        """Do the work of :meth:`step`.

        Args:
            compiler: makes the kernel that carries the equations out.
            gathered: every parameter has its gradient in :meth:`gradient_memory` already.
        """
        equations = self.equations
        for buffer in self._buffers.values():
            for span in buffer.advance(buffer.everything if gathered else buffer.gather()):
                step = buffer.steps[span.first]
                settings = {"lr": self._lr, "weight_decay": self.weight_decay}
                numbers = buffer.numbers(settings | self._numbers(step))
                if (compiler, equations) not in span.kernels:
                    kernels = [compiler(equations, piece | numbers) for piece in span.pieces]
                    span.kernels[compiler, equations] = kernels
                buffer.widen()
                for kernel in span.kernels[compiler, equations]:
                    kernel()
                buffer.round()
                if step % FLUSH_EVERY == 0:
                    _flush(piece[name] for piece in span.pieces for name in buffer.slots)
                inplace.mark(inplace.overwritten, buffer.data, f"{type(self).__name__}.step()")

    def _direction(self) -> list[str]:
        """Return the equations of ``d``, the direction that the update is to follow downwards."""
        return ["d = g + weight_decay * w" if self.weight_decay else "d = g"]

    def _equations(self) -> list[str]:
        """Return how ``w`` and the state follow from ``d`` and the numbers of the step."""
        raise NotImplementedError

    def _numbers(self, step: int) -> dict[str, float]:
        """Return the numbers, beside the settings, of step ``step`` (counted from 1)."""
        raise NotImplementedError

    def gradient_memory(self) -> Iterator[tuple[Parameter, Array]]:
        """Yield the parameters and where a gradient is best written: :meth:`step` copies none."""
        for buffer in self._buffers.values():
            buffer.adopt()
            yield from zip(buffer.parameters, buffer.grads, strict=True)

    def finite(self) -> bool:
        """Whether every gradient is finite: to be known before a step would spoil parameters."""
        looked_at("optimizer.finite()")
        for buffer in self._buffers.values():
            buffer.gather()
            # g·g takes a fifth of the time of isfinite(g), but may overflow on its own.
            with np.errstate(all="ignore"):
                if math.isfinite(buffer.grad.dot(buffer.grad)):
                    continue
            given = [p.grad.data for p in buffer.parameters if p.grad is not None]
            if not all(np.isfinite(g).all() for g in given):
                return False
        return True

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for p in self.parameters:
            p.grad = None

    def state_dict(self) -> dict[str, Array | float]:
        """Return copies of what the next steps depend on, beside the parameters.

        Returns:
            ``"lr"``, and per dtype ``"float32.steps"`` and e.g. ``"float32.exp_sum"``: flat
            arrays over all parameters in order. The state of float16 parameters is float32.
        """
        looked_at("optimizer.state_dict()")
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
            buffer.restart(state[f"{dtype}.steps"])
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
    for k, p in enumerate(found):
        if not isinstance(p, Parameter):
            raise ModelError(
                f"{optimizer} trains nn.Parameter objects; number {k} is a {type(p).__name__}"
            )
        if p.dtype.kind != "f":
            raise ModelError(f"the parameter {label(p, k)} holds {p.dtype}, not floats")
    first: dict[int, int] = {}
    for k, p in enumerate(found):
        j = first.setdefault(id(p), k)
        if j != k:
            raise ModelError(
                f"{optimizer} was given the parameter {label(p, k)} twice, also as number {j}"
            )
    for j, k in overlapping([p.data for p in found]):
        if np.shares_memory(found[j].data, found[k].data):
            raise ModelError(
                f"the parameters {label(found[j], j)} and {label(found[k], k)} share memory, "
                f"which {optimizer} would part. To tie weights, use one Parameter in both places, "
                "and an operation such as W.T for its other form"
            )
    return found


def _flush(slots: Iterable[Array]) -> None:
    """Set denormal numbers in the state to 0: processors compute with them many times slower."""
    for slot in slots:
        slot *= np.absolute(slot) >= np.finfo(slot.dtype).tiny
