"""Random expression graphs of up to 200 operations, against JAX and finite differences.

A program is a list of steps, each an operation on earlier values. It is read with a namespace:
ours (on arrays or tensors) or JAX's. While it is built it is evaluated, so that every step keeps
to where it is smooth and every value to moderate size.
"""

from types import SimpleNamespace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from jax import nn as jnn

import tinygrad_ae as tg
from tinygrad_ae import ops

jax.config.update("jax_enable_x64", True)
OURS = ops
JAX = SimpleNamespace(**{
    name: getattr(jnp, name)
    for name in (
        "abs", "broadcast_to", "clip", "concatenate", "cos", "cumsum", "diagonal", "einsum", "exp",
        "expand_dims", "expm1", "flip", "log", "log1p", "max", "maximum", "mean", "min", "minimum",
        "outer", "pad", "prod", "repeat", "reshape", "roll", "sin", "sinh", "sqrt", "square",
        "squeeze", "stack", "std", "sum", "swapaxes", "take", "tanh", "tensordot", "tile",
        "transpose", "tril", "triu", "var", "where",
    )
} | {name: getattr(jnn, name) for name in (
        "elu", "leaky_relu", "log_softmax", "relu", "selu", "sigmoid", "silu", "softmax", "softplus",
    )
} | {
    "acos": jnp.arccos, "asin": jnp.arcsin, "atan": jnp.arctan, "cosh": jnp.cosh,
    "erf": jax.scipy.special.erf, "gelu": lambda x: jnn.gelu(x, approximate=False),
    "logsigmoid": jnn.log_sigmoid, "logsumexp": jax.scipy.special.logsumexp,
    "norm": jnp.linalg.norm, "rsqrt": jax.lax.rsqrt,
    "gather": lambda x, axis, index: jnp.take_along_axis(x, index, axis),
})  # fmt: skip

MOST_STEPS = 200
LONGEST = 4  # axis: few shapes, so that JAX compiles few
LARGEST = 2.0  # values beyond are scaled back
CLEAR = 1e-3  # distance to kinks


# ---- the operations, and where each may be used: f(namespace, x, y, k), allowed(x, y, k)


def anywhere(x, y, k):
    return True


def off_zero(x, y, k):
    return np.abs(x).min() > CLEAR


def positive(x, y, k):
    return x.min() > 0.1


def inside_unit(x, y, k):
    return np.abs(x).max() < 0.9


def has_axes(n):
    return lambda x, y, k: x.ndim >= n


def broadcasts(x, y):
    shapes = zip(x.shape[::-1], y.shape[::-1], strict=False)
    return all(a == b or 1 in (a, b) for a, b in shapes)


def pairs(allowed):
    return lambda x, y, k: broadcasts(x, y) and allowed(x, y)


def joinable(x, y, k):
    return x.ndim == y.ndim > 0 and x.shape[1:] == y.shape[1:]


def one_largest(x, y, k):
    if x.ndim == 0 or x.shape[axis(x, k)] < 2:
        return False
    ordered = np.sort(x, axis=axis(x, k))
    top = np.take(ordered, [-2, -1], axis(x, k))
    return (np.diff(top, axis=axis(x, k)) > CLEAR).all()


def spread_out(x, y, k):
    return x.ndim > 0 and np.std(x, axis=axis(x, k)).min() > 0.1


def axis(x, k):
    return k % x.ndim


def unary(name, allowed=anywhere):
    return lambda ns, x, y, k: getattr(ns, name)(x), allowed


def over_axis(name, allowed=anywhere):
    def f(ns, x, y, k):
        return getattr(ns, name)(x, axis=axis(x, k), keepdims=k > 2)

    return f, lambda x, y, k: x.ndim > 0 and allowed(x, y, k)


def along_axis(name):
    return lambda ns, x, y, k: getattr(ns, name)(x, axis=axis(x, k)), has_axes(1)


STEPS = {
    name: unary(name)
    for name in (
        "tanh", "sin", "cos", "exp", "expm1", "sinh", "cosh", "square", "sigmoid", "logsigmoid",
        "softplus", "gelu", "silu", "atan", "erf", "transpose", "flip", "sum", "mean", "var",
        "logsumexp",
    )
} | {
    name: unary(name, off_zero) for name in ("abs", "relu", "leaky_relu", "elu", "selu")
} | {
    name: unary(name, positive) for name in ("log", "sqrt", "rsqrt")
} | {
    name: unary(name, inside_unit) for name in ("asin", "acos", "log1p")
} | {
    f"{name} over an axis": over_axis(name) for name in ("sum", "mean", "var", "prod", "logsumexp")
} | {
    f"{name} along an axis": along_axis(name) for name in ("softmax", "log_softmax", "cumsum")
} | {
    "std over an axis": over_axis("std", spread_out),
    "norm over an axis": over_axis("norm", spread_out),
    "max over an axis": over_axis("max", one_largest),
    "min over an axis": over_axis("min", lambda x, y, k: one_largest(-x, y, k)),
    "add": (lambda ns, x, y, k: x + y, pairs(lambda x, y: True)),
    "sub": (lambda ns, x, y, k: x - y, pairs(lambda x, y: True)),
    "mul": (lambda ns, x, y, k: x * y, pairs(lambda x, y: True)),
    "div": (lambda ns, x, y, k: x / y, pairs(lambda x, y: np.abs(y).min() > 0.3)),
    "power": (lambda ns, x, y, k: x**y, pairs(lambda x, y: x.min() > 0.3)),
    "whole power": (lambda ns, x, y, k: x ** (k + 1), anywhere),
    "power of two": (lambda ns, x, y, k: 2.0**x, anywhere),
    "neg": (lambda ns, x, y, k: -x, anywhere),
    "maximum": (
        lambda ns, x, y, k: ns.maximum(x, y), pairs(lambda x, y: np.abs(x - y).min() > CLEAR)
    ),
    "minimum": (
        lambda ns, x, y, k: ns.minimum(x, y), pairs(lambda x, y: np.abs(x - y).min() > CLEAR)
    ),
    "where": (
        lambda ns, x, y, k: ns.where(x > 0, x * y, y),
        pairs(lambda x, y: np.abs(x).min() > CLEAR),
    ),
    "clip": (
        lambda ns, x, y, k: ns.clip(x, -0.5, 0.75),
        lambda x, y, k: min(np.abs(x + 0.5).min(), np.abs(x - 0.75).min()) > CLEAR,
    ),
    "matmul": (
        lambda ns, x, y, k: x @ ns.swapaxes(y, -1, -2),
        lambda x, y, k: x.ndim >= 2 == y.ndim and x.shape[-1] == y.shape[-1],
    ),
    "matrix times vector": (
        lambda ns, x, y, k: x @ y,
        lambda x, y, k: x.ndim > 0 and y.ndim == 1 and x.shape[-1] == y.shape[0],
    ),
    "outer": (lambda ns, x, y, k: ns.outer(x, y), anywhere),
    "tensordot": (
        lambda ns, x, y, k: ns.tensordot(x, y, ((0,), (0,))),
        lambda x, y, k: x.ndim > 0 < y.ndim and x.shape[0] == y.shape[0],
    ),
    "einsum": (
        lambda ns, x, y, k: ns.einsum("...i,...i->...", x, y),
        lambda x, y, k: x.ndim > 0 < y.ndim and x.shape == y.shape,
    ),
    "flatten": (lambda ns, x, y, k: ns.reshape(x, (-1,)), anywhere),
    "expand_dims": (lambda ns, x, y, k: ns.expand_dims(x, k % (x.ndim + 1)), anywhere),
    "squeeze": (lambda ns, x, y, k: ns.squeeze(x), anywhere),
    "swapaxes": (lambda ns, x, y, k: ns.swapaxes(x, 0, -1), has_axes(2)),
    "broadcast_to": (lambda ns, x, y, k: ns.broadcast_to(x, (2, *x.shape)), anywhere),
    "concatenate": (lambda ns, x, y, k: ns.concatenate([x, y, x]), joinable),
    "stack": (lambda ns, x, y, k: ns.stack([y, x, y]), lambda x, y, k: x.shape == y.shape),
    "roll": (lambda ns, x, y, k: ns.roll(x, k, axis(x, k)), has_axes(1)),
    "repeat": (lambda ns, x, y, k: ns.repeat(x, 2, axis(x, k)), has_axes(1)),
    "tile": (lambda ns, x, y, k: ns.tile(x, (2, 1)), anywhere),
    "pad": (lambda ns, x, y, k: ns.pad(x, 1), has_axes(1)),
    "tril": (lambda ns, x, y, k: ns.tril(x, k - 2), has_axes(2)),
    "triu": (lambda ns, x, y, k: ns.triu(x, k - 2), has_axes(2)),
    "diagonal": (lambda ns, x, y, k: ns.diagonal(x), has_axes(2)),
    "slice": (lambda ns, x, y, k: x[..., ::-1][..., : k + 1], has_axes(1)),
    "pick rows": (lambda ns, x, y, k: x[np.array([0, -1, 0])], has_axes(1)),
    "take": (lambda ns, x, y, k: ns.take(x, np.array([[0, -1], [-1, 0]]), -1), has_axes(1)),
    "gather": (
        lambda ns, x, y, k: ns.gather(x, 0, np.zeros((2, *x.shape[1:]), int)), has_axes(1)
    ),
}  # fmt: skip
NAMES = sorted(STEPS)


# ---- programs


class Step(NamedTuple):
    name: str
    x: int
    y: int
    k: int
    scale: float


def build(instructions, inputs):
    """Return the steps that are possible, of those proposed."""
    values, program = list(inputs), []
    for name, i, j, k in instructions:
        f, allowed = STEPS[name]
        found = next(
            (
                (a, b)
                for a, b in zip(_all(i, values), _all(j, values), strict=True)
                if allowed(values[a], values[b], k)
            ),
            None,
        )
        if found is None or len(program) == MOST_STEPS:
            continue
        i, j = found
        z = np.asarray(f(OURS, values[i], values[j], k))
        if z.size == 0 or max(z.shape, default=0) > LONGEST or z.ndim > 3:
            continue
        scale = min(1.0, LARGEST / np.abs(z).max(initial=LARGEST))
        program.append(Step(name, i, j, k, scale))
        values.append(z * scale)
    return program


def _all(start, values):
    """Every position, from one on, round to it."""
    return [(start + n) % len(values) for n in range(len(values))]


def run(program, ns, inputs):
    """Return a loss that every value of the program enters."""
    values = list(inputs)
    for step in program:
        f, _ = STEPS[step.name]
        values.append(f(ns, values[step.x], values[step.y], step.k) * step.scale)
    return sum(v.mean() for v in values) / len(values)


INSTRUCTIONS = st.integers(1, 240).flatmap(
    lambda n: st.lists(
        st.tuples(
            st.sampled_from(NAMES), st.integers(0, 200), st.integers(0, 200), st.integers(0, 3)
        ),
        min_size=n,
        max_size=n,
    )
)


# No shrinking: JAX would compile every candidate, for minutes.
bounded = settings(deadline=None, derandomize=True, phases=(Phase.generate,))


def case(instructions):
    """Return a program, its inputs, and our loss and gradient there."""
    rng = np.random.default_rng(len(instructions))
    inputs = [rng.uniform(-1.5, 1.5, shape) for shape in ((3,), (2, 3), (3, 1), ())]
    program = build(instructions, inputs)
    loss, gradient = tg.value_and_grad(lambda *xs: run(program, OURS, xs), range(4))(*inputs)
    return program, inputs, loss.item(), [g.data for g in gradient]


@settings(bounded, max_examples=12)
@given(INSTRUCTIONS)
def test_random_graphs_agree_with_jax(instructions):
    program, inputs, loss, gradient = case(instructions)
    theirs = jax.jit(jax.value_and_grad(lambda xs: run(program, JAX, xs)))
    their_loss, their_gradient = theirs([jnp.asarray(x) for x in inputs])
    np.testing.assert_allclose(loss, their_loss, rtol=1e-10, atol=1e-10)
    for g, wanted in zip(gradient, their_gradient, strict=True):
        size = max(1.0, float(jnp.abs(wanted).max()))
        np.testing.assert_allclose(g, wanted, rtol=0, atol=1e-9 * size)


@settings(bounded, max_examples=200)
@given(INSTRUCTIONS)
def test_random_graphs_agree_with_differences(instructions):
    """Two central differences along one direction; what they differ by is their own error."""
    program, inputs, _, gradient = case(instructions)
    rng = np.random.default_rng(0)
    direction = [rng.standard_normal(x.shape) for x in inputs]

    def difference(h):
        ahead, behind = (
            run(program, OURS, [x + s * h * v for x, v in zip(inputs, direction, strict=True)])
            for s in (1, -1)
        )
        return (ahead - behind) / (2 * h)

    coarse, fine = difference(2e-5), difference(1e-5)
    best = (4 * fine - coarse) / 3
    slope = sum((g * v).sum() for g, v in zip(gradient, direction, strict=True))
    assert abs(slope - best) <= 1e-6 * max(1.0, abs(best)) + abs(fine - coarse)
