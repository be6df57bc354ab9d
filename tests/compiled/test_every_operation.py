"""Every operation, and what its rules do, is replayed as it was computed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_ae as tg
from tinygrad_ae import ops
from tinygrad_ae.autodiff import record_everything
from tinygrad_ae.compiled import Engine, compile


def within(name: str, domain: Callable[..., tuple[Any, ...]]) -> Callable[..., Any]:
    """Return an operation of arguments that are first brought into its domain."""
    return lambda *xs: getattr(ops, name)(*domain(*xs))


INDEX = np.array([2, 0, 2])
ONE: dict[str, Callable[[Any], Any]] = {
    **{
        name: getattr(ops, name)
        for name in (
            "abs", "atan", "cos", "cosh", "erf", "exp", "expm1", "gelu", "log_softmax",
            "logsigmoid", "neg", "relu", "sigmoid", "sign", "silu", "sin", "sinh", "softmax",
            "softplus", "square", "copy", "tan", "tanh", "leaky_relu", "elu", "hardtanh", "identity",
            "floor", "ceil", "round", "isnan", "isinf", "isfinite", "argmax", "argmin", "max",
            "min", "mean", "norm", "std", "sum", "var", "logsumexp", "flip", "transpose",
        )
    },
    **{name: within(name, lambda x: (0.9 * ops.tanh(x),)) for name in ("asin", "acos")},
    **{name: within(name, lambda x: (x * x + 0.5,)) for name in ("log", "log1p", "sqrt", "rsqrt")},
    "gelu_tanh": lambda x: ops.gelu(x, "tanh"),
    "sum of rows": lambda x: ops.sum(x, 0),
    "sum of columns": lambda x: ops.sum(x, (1,), keepdims=True),
    "max of rows": lambda x: ops.max(x, 0),
    "clip": lambda x: ops.clip(x, -0.5, 0.7),
    "one-sided clip": lambda x: ops.clip(x, max=0.2),
    "all": lambda x: ops.all(x > 0, 1),
    "any": lambda x: ops.any(x > 0, 1),
    "astype": lambda x: ops.astype(x, np.float32) * 2,
    "broadcast_to": lambda x: ops.broadcast_to(x, (2, *x.shape)),
    "cumsum": lambda x: ops.cumsum(x, 1),
    "einsum": lambda x: ops.einsum("ij,kj->ik", x, x),
    "getitem": lambda x: x[1:, ::2],
    "largest": lambda x: ops.largest(x, 2),
    "one element": lambda x: x[1, 2] * x[0],
    "getitem by array": lambda x: x[INDEX],
    "setitem": lambda x: ops.setitem(x, x[0, 0], index=(slice(1, 3), 0)),
    "scatter": lambda x: ops.scatter(x, index=(INDEX, slice(None)), shape=(4, 3)),
    "invert": lambda x: ~(x > 0),
    "logical_not": lambda x: ops.logical_not(x > 0),
    "pad": lambda x: ops.pad(x, 1),
    "reshape": lambda x: x.reshape(-1),
    "reshape of a transpose": lambda x: x.T.reshape(-1) * 2,
    "roll": lambda x: ops.roll(x, 1, 0),
    "concatenate": lambda x: ops.concatenate([x, x * 2], 1),
    "split": lambda x: ops.split(x, 3, 1)[1],
    "sliding_windows": lambda x: ops.max_pool1d(ops.expand_dims(x, 0), 2),
    "average": lambda x: ops.avg_pool1d(ops.expand_dims(x, 0), 2, padding=1),
    "cholesky": lambda x: ops.cholesky(x @ x.T + 3 * np.eye(3)),
    "inv": lambda x: ops.inv(x @ x.T + 3 * np.eye(3)),
    "det": lambda x: ops.det(x @ x.T + 3 * np.eye(3)),
    "slogdet": lambda x: ops.slogdet(x @ x.T + 3 * np.eye(3))[1],
    "signdet": lambda x: ops.slogdet(x @ x.T + 3 * np.eye(3))[0],
    "solve": lambda x: ops.solve(x @ x.T + 3 * np.eye(3), x),
    "power of a number": lambda x: (x * x + 1) ** 1.5,
    "a number's power": lambda x: 2.0**x,
    "minus a number": lambda x: 1 - 3 * x / 2,
    "scalar constant": lambda x: x * np.float64(0.3),
    "same twice": lambda x: x * x + x,
    "uniform": lambda x: x * 0 + 1,
}  # fmt: skip
TWO: dict[str, Callable[[Any, Any], Any]] = {
    **{
        name: getattr(ops, name)
        for name in (
            "add", "sub", "mul", "div", "matmul", "maximum", "minimum", "equal", "not_equal",
            "less", "less_equal", "greater", "greater_equal", "floor_divide", "hypot", "outer",
        )
    },
    **{
        name: within(name, lambda x, y: (x > 0, y > 0))
        for name in ("bitwise_and", "bitwise_or", "bitwise_xor", "logical_and", "logical_or")
    },
    "mod": lambda x, y: x % (y * y + 1),
    "power": lambda x, y: ops.power(x * x + 0.1, y),
    "where": lambda x, y: ops.where(x > y, x, y * 2),
    "row": lambda x, y: x + y[0],
    "column": lambda x, y: x * y[:, :1],
    "linear": lambda x, y: ops.linear(x, y, y[0]),
    "vectors": lambda x, y: x[0] @ y[1],
    "stack of matrices": lambda x, y: ops.expand_dims(x, 0) @ ops.stack([y, y]),
    "conv": lambda x, y: ops.conv1d(
        ops.expand_dims(x, 0), ops.expand_dims(y[:, :2], 1), padding=1, groups=3
    ),
    "conv_transpose": lambda x, y: ops.conv_transpose1d(
        ops.expand_dims(x, 0), ops.expand_dims(y, 1), stride=2
    ),
}  # fmt: skip

NOT_REPLAYED = {"prod", "remat"}  # their Python code looks at values
RANDOM = {
    "normal",
    "uniform",
    "bernoulli",
}  # compared with the generator in test_training_compiled.py


def results(f: Callable[..., Any], *xs: Any) -> Any:
    """Return an operation's value and, if it has one, its gradient."""
    y, pull = tg.vjp(f, *xs)
    if y.dtype.kind != "f":
        return y
    return y, *pull((y.detach() * 0.5 + 1).astype(y.dtype))


def compare(f: Callable[..., Any], inputs: list[tuple[Any, ...]], engine: Engine = "numpy") -> None:
    def step(*xs: Any) -> Any:
        return results(f, *xs)

    compiled = compile(step, engine=engine)
    for xs in inputs:
        wanted = results(f, *(tg.as_tensor(x) for x in xs))
        found = compiled(*xs)
        if isinstance(wanted, tg.Tensor):
            wanted, found = (wanted,), (found,)
        for a, b in zip(wanted, found, strict=True):
            assert (a.shape, a.dtype) == (b.shape, b.dtype)
            tolerance = 1e-12 if a.dtype != np.float32 else 1e-5
            np.testing.assert_allclose(
                b.data, a.data, rtol=0, atol=tolerance * max(1e-30, np.abs(a.data).max(initial=0))
            )
    assert len(compiled._entries) == 1
    assert compiled.source()


def inputs(count: int) -> list[tuple[Any, ...]]:
    rng = np.random.default_rng(5)
    return [tuple(rng.normal(size=(3, 3)) for _ in range(count)) for _ in range(3)]


@pytest.mark.parametrize("name", ONE)
def test_operations_of_one_argument(name):
    compare(ONE[name], inputs(1))


@pytest.mark.parametrize("name", TWO)
def test_operations_of_two_arguments(name):
    compare(TWO[name], inputs(2))


def test_no_operation_is_left_out():
    met: set[str] = set()
    with record_everything():
        for table, count in ((ONE, 1), (TWO, 2)):
            for f in table.values():
                xs = [tg.Tensor(x, requires_grad=True) for x in inputs(count)[0]]
                y = f(*xs)
                graph = [y]
                if y.requires_grad:
                    graph += tg.grad(y.sum(), xs, create_graph=True, allow_unused=True)
                for t in graph:
                    if t is not None:
                        met |= {node.op.name for node in tg.Graph.of(t) if node.op}
    assert set(vars(ops)) & set(tg.Op.registry) <= met | NOT_REPLAYED | RANDOM
