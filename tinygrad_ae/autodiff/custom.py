"""A user's own derivative for a function, and recomputation in place of memory."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.engine import pull_back
from ..core.graph import Node, clock, reachable, state
from ..core.modes import enable_grad, no_grad
from ..core.tensor import Tensor, _wrap
from ..errors import GradientError
from ..ops.op import Op, Rule
from ..util.random import default_generator

__all__ = ["custom_vjp", "remat"]


def custom_vjp(*rules: Rule | None, tex: str | None = None) -> Callable[[Callable[..., Any]], Op]:
    """Give a function of arrays derivatives of your own: one rule per argument.

    The function becomes an :class:`Op`; its rules name what they need, as every op's do.

    Example:
        >>> @custom_vjp(lambda g: g)  # the straight-through estimator of Bengio et al. 2013
        ... def binarise(x):
        ...     return (x > 0.5).astype(x.dtype)
    """

    return lambda f: Op(f.__name__, f, *rules, tex=tex)


def _probe(out: Tensor) -> Any:
    return out.data.reshape(-1)[:1024].copy()


class _Recompute:
    """Runs a function again when its gradient is asked for, once per backward pass."""

    def __init__(
        self, f: Callable[[], Tensor], inputs: tuple[Node, ...], noise: Any, probe: Any
    ) -> None:
        self.f, self.inputs, self.noise, self.probe = f, inputs, noise, probe
        self.cached: tuple[Any, dict[Node, Tensor]] | None = None

    def __call__(self, g: Any, i: int) -> Any:
        x = self.inputs[i]
        if self.cached is None or self.cached[0] is not g or x not in self.cached[1]:
            zeros = {n: _wrap(np.zeros(n.shape, n.dtype)) for n in self.inputs}
            self.cached = (g, zeros | self._gradients(g))
        found = self.cached[1]
        result = found.pop(x)
        if not found:
            self.cached = None
        return result if isinstance(g, Tensor) else result.data

    def run(self) -> Tensor:
        """Evaluate the function again, with the random numbers of the first time."""
        noise, repeating = default_generator.bit_generator.state, state.repeating
        default_generator.bit_generator.state, state.repeating = self.noise, True
        try:
            return self.f()
        finally:
            default_generator.bit_generator.state, state.repeating = noise, repeating

    def _gradients(self, g: Any) -> dict[Node, Tensor]:
        record = isinstance(g, Tensor)
        start = next(clock)
        with enable_grad():
            out = self.run()
        if not np.array_equal(_probe(out), self.probe, equal_nan=True):
            raise GradientError(
                "remat: the function gave another result when it was run again for its gradient. "
                "Something it reads was changed since (a parameter, an argument in place, train or "
                "eval mode), or it draws random numbers from a generator of its own."
            )
        seeds = [(out.node, g if record else _wrap(g))]
        return pull_back(seeds, set(self.inputs), wrap=_wrap, since=start, record=record)


def _remat_forward(*xs: Any, recompute: _Recompute) -> Any:
    with no_grad():
        return recompute.run().data


_remat = Op("remat", _remat_forward, lambda g, i, recompute: recompute(g, i))


def remat(f: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Keep nothing of ``f`` for backward but its inputs, and run it again there.

    Memory for time: the values inside ``f`` live only while it runs (Chen et al. 2016,
    "Training deep nets with sublinear memory cost"). Gradients flow to its arguments and to
    everything tracked that it closes over, such as a module's parameters. Random numbers from
    the default generator are drawn alike in both runs; running statistics, as those of
    ``nn.BatchNorm1d``, move in the first only.

    Raises:
        GradientError: ``f`` returns something other than one tensor.
    """

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Tensor:
        call = functools.partial(f, *args, **kwargs)
        return _run(call) if state.recording else call()

    return wrapped


def _run(f: functools.partial[Tensor]) -> Tensor:
    """Evaluate f() as one operation that remembers nothing but its inputs."""
    noise, start = default_generator.bit_generator.state, next(clock)
    out = f()
    if not isinstance(out, Tensor):
        raise GradientError(f"remat: {f.func!r} must return one tensor, not {type(out).__name__}")
    if not out.requires_grad or out.node.index < start:
        return out
    nodes = reachable([out.node], tracked_only=True, since=start)
    inputs = tuple(n for n in nodes if n.index < start or n.op is None)
    attrs = {"recompute": _Recompute(f, inputs, noise, _probe(out))}
    saved = [None] * (len(inputs) + 1)
    return _wrap(out.data, Node(_remat, inputs, attrs, out.data, True, saved, state.scope))
