"""How the operations that are no formula per element are printed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.graph import Node
from ..ops.op import Array
from .expression import number
from .writer import Writer

FORMULAS = {
    "where": "where(condition, x, y)",
    "astype": "x",
    "erf": "erf(x)",
    "gelu": "0.5 * x * (1 + erf(x * 0.7071067811865476))",
}
"""Formulas of elementwise operations that are declared without one."""

MOVES = (
    "broadcast_to", "transpose", "flip", "roll", "getitem", "sliding_windows", "pad",
)  # fmt: skip
"""Operations whose every result is an element of the first input (or a constant beside it)."""


def origins(node: Node) -> Array:
    """Return, for each element of a move's result, where in the flat input it comes from; or -1."""
    assert node.op is not None
    shape = node.inputs[0].shape
    numbers = np.arange(1, math.prod(shape) + 1).reshape(shape)
    attrs = {**node.attrs, "value": 0} if "value" in node.attrs else node.attrs
    return np.asarray(node.op.forward(numbers, **attrs)) - 1


def move(to: Writer, out: str, x: str, places: Array, node: Node | None = None) -> str:
    """Return the statement that fetches ``out`` from ``x``: by strides if it can, else a table."""
    strides = _strides(places)
    if strides is not None:
        first = int(places.flat[0]) if places.size else 0
        return f"strided({out}, {x}, {list(places.shape)}, {strides}, {first});"
    missing = number(node.attrs.get("value", 0)) if node else "0"
    table = to.constant(np.ascontiguousarray(places, np.int32), "origins")
    return f"gather({out}, {x}, {table}, {missing});"


def spread(to: Writer, node: Node, shape: tuple[int, ...]) -> str:
    """Return the name of an array that holds a node's value broadcast to ``shape``."""
    if node.shape == shape:
        return to.of(node)
    places = np.broadcast_to(np.arange(math.prod(node.shape)).reshape(node.shape), shape)
    out = to.buffer(places.size, node.dtype)
    to.add(move(to, out, to.of(node), places))
    return out


def _strides(places: Array) -> list[int] | None:
    """Return the steps along each axis, if places are the same steps everywhere."""
    if not places.size or places.min() < 0:
        return None
    origin = (0,) * places.ndim
    steps = []
    for axis, n in enumerate(places.shape):
        one = tuple(int(a == axis) for a in range(places.ndim))
        steps.append(int(places[one] - places[origin]) if n > 1 else 0)
    grid = np.full(places.shape, places.flat[0])
    for axis, step in enumerate(steps):
        along = np.arange(places.shape[axis]) * step
        grid = grid + along.reshape([-1 if a == axis else 1 for a in range(places.ndim)])
    return steps if (grid == places).all() else None


# ---- products


def _linear(to: Writer, node: Node, out: str) -> str:
    x, W, b = node.inputs
    *lead, k = x.shape
    n = math.prod(lead)
    return f"linear({out}, {to.of(x)}, {to.of(W)}, {to.of(b)}, {n}, {k}, {W.shape[0]});"


def _matmul(to: Writer, node: Node, out: str) -> str:
    a, b = node.inputs
    rows = a.shape[-2] if len(a.shape) > 1 else 1
    columns = b.shape[-1] if len(b.shape) > 1 else 1
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    left = spread(to, a, (*batch, *a.shape[-2:]))
    right = spread(to, b, (*batch, *b.shape[-2:]))
    sizes = f"{math.prod(batch)}, {rows}, {a.shape[-1]}, {columns}"
    return f"matmul({out}, {left}, {right}, {sizes});"


# ---- reductions


def _rows(to: Writer, x: Node, axes: tuple[int, ...]) -> tuple[str, int, tuple[int, ...]]:
    """Return an array whose last axes are ``axes``, their length, and the order they came from."""
    order = (*(a for a in range(len(x.shape)) if a not in axes), *axes)
    n = math.prod(x.shape[a] for a in axes)
    if order == tuple(range(len(x.shape))):
        return to.of(x), n, order
    places = np.arange(math.prod(x.shape)).reshape(x.shape).transpose(order)
    moved = to.buffer(places.size, x.dtype)
    to.add(move(to, moved, to.of(x), places))
    return moved, n, order


def _axes(node: Node) -> tuple[int, ...]:
    axis, ndim = node.attrs["axis"], len(node.inputs[0].shape)
    if axis is None:
        return tuple(range(ndim))
    return tuple(a % ndim for a in ((axis,) if isinstance(axis, int) else axis))


def _reduce(function: str) -> Callable[[Writer, Node, str], str]:
    def emit(to: Writer, node: Node, out: str) -> str:
        rows, n, _ = _rows(to, node.inputs[0], _axes(node))
        extra = f", {node.attrs['ddof']}" if "ddof" in node.attrs else ""
        return f"reduce({out}, {rows}, {n}, row => {function}(row{extra}));"

    return emit


def _normalize(function: str) -> Callable[[Writer, Node, str], str]:
    """Print what turns each row along the axes into a row, such as softmax."""

    def emit(to: Writer, node: Node, out: str) -> str:
        x = node.inputs[0]
        rows, n, order = _rows(to, x, _axes(node))
        if order == tuple(range(len(x.shape))):
            return f"{function}({out}, {rows}, {n});"
        moved = to.buffer(math.prod(x.shape), x.dtype)
        to.add(f"{function}({moved}, {rows}, {n});")
        shape = [x.shape[a] for a in order]
        places = np.arange(math.prod(shape)).reshape(shape).transpose(np.argsort(order))
        return move(to, out, moved, places)

    return emit


# ---- joining, and convolution


def _concatenate(to: Writer, node: Node, out: str) -> str:
    axis = node.attrs["axis"]
    inner = [math.prod(x.shape[axis:]) for x in node.inputs]
    parts = ", ".join(to.of(x) for x in node.inputs)
    return f"concatenate({out}, [{parts}], {inner});"


def _sides(node: Node, spatial: int) -> dict[str, Any]:
    geometry = node.attrs["geometry"]
    lead = 2 - spatial  # a sequence is an image of one row
    return {
        "stride": [1] * lead + list(geometry.stride),
        "before": [0] * lead + [a for a, _ in geometry.padding],
        "dilation": [1] * lead + list(geometry.dilation),
        "groups": geometry.groups,
    }


def _image(shape: tuple[int, ...]) -> list[int]:
    return list(shape) if len(shape) == 4 else [shape[0], shape[1], 1, shape[2]]


def _convolve(function: str) -> Callable[[Writer, Node, str], str]:
    def emit(to: Writer, node: Node, out: str) -> str:
        x, W = node.inputs
        sides = ", ".join(f"{k}: {v}" for k, v in _sides(node, len(x.shape) - 2).items())
        shapes = f"{_image(x.shape)}, {_image(W.shape)}, {_image(node.shape)}"
        return f"{function}({out}, {to.of(x)}, {to.of(W)}, {shapes}, {{ {sides} }});"

    return emit


STRUCTURAL: dict[str, Callable[[Writer, Node, str], str]] = {
    "linear": _linear,
    "matmul": _matmul,
    "concatenate": _concatenate,
    "conv": _convolve("conv"),
    "conv_transpose": _convolve("convTranspose"),
    "softmax": _normalize("softmax"),
    "log_softmax": _normalize("logSoftmax"),
    **{
        name: _reduce(name)
        for name in ("sum", "mean", "max", "min", "prod", "norm", "logsumexp", "argmax", "argmin")
    },
    "var": _reduce("variance"),
    "std": _reduce("deviation"),
    "any": _reduce("any"),
    "all": _reduce("all"),
}
"""By the operation's name: what adds its statement, given the function, the node, the result."""
