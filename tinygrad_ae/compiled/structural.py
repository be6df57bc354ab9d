"""Operations that are not elementwise: products, reductions, moves, draws, and all others."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.graph import Node
from ..ops.windows import empty_samples_last
from . import elementwise
from .lines import Lines
from .program import PlanArray, Uncapturable

Rule = Callable[[Lines, Node, list[PlanArray]], PlanArray | None]
RULES: dict[str, Rule] = {}


def rule(name: str, rules: dict[str, Rule] = RULES) -> Callable[[Rule], Rule]:
    """Enter how operations of that name become lines; it returns None for cases it leaves."""

    def enter(f: Rule) -> Rule:
        rules[name] = f
        return f

    return enter


# ---- products


@rule("matmul")
def _matmul(to: Lines, node: Node, args: list[PlanArray]) -> PlanArray | None:
    x, y = (to.full(v) for v in args)
    if node.dtype.kind != "f" or x.dtype != y.dtype:
        return None
    return product(to, x, y)


def product(to: Lines, x: PlanArray, y: PlanArray) -> PlanArray:
    """Add a product; of two matrices with ``dot``, which takes half of ``matmul``'s overhead.

    Samples last in memory stay so when multiplied by weights, since a convolution needs them so.
    """
    if len(x.shape) > 2 and len(y.shape) == 2:  # one product instead of a stack of small ones
        return _stacked(to, product(to, _as_matrix(to, x), y), x)
    shape = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    shape += x.shape[-2:-1] + (y.shape[-1:] if len(y.shape) > 1 else ())
    two = len(x.shape) == len(y.shape) == 2
    weights = y.whole.array is not None
    if two and weights and x.layout().flags.f_contiguous and not x.layout().flags.c_contiguous:
        out = to.buffer(shape, x.dtype, template=empty_samples_last(shape, x.dtype))
        two = False  # ``dot`` writes in C order only
    else:
        out = to.buffer(shape, x.dtype)
    text = "{0}.dot({1}, {out})" if two else "matmul({0}, {1}, {out})"
    to.add(text, [x, y], out, kind="product" if two else "call")
    return out


@rule("linear")
def _linear(to: Lines, node: Node, args: list[PlanArray]) -> PlanArray | None:
    x, weight, bias = (to.full(v) for v in args)
    if node.dtype.kind != "f" or any(v.dtype != node.dtype for v in (x, weight, bias)):
        return None
    z = product(to, _as_matrix(to, x), transposed(to, weight))
    to.add("add({0}, {1}, {out})", [z, bias], z, ufunc=np.add)
    return _stacked(to, z, x)


def _as_matrix(to: Lines, x: PlanArray) -> PlanArray:
    """Return the vectors along the last axis of a stack of matrices as the rows of one."""
    if len(x.shape) <= 2:
        return x
    n = math.prod(x.shape[:-1])
    return to.seen(x, lambda a: a.reshape(n, a.shape[-1]), "rows")


def _stacked(to: Lines, z: PlanArray, x: PlanArray) -> PlanArray:
    """Return rows as a stack of the shape that :func:`_as_matrix` found in ``x``."""
    if len(x.shape) <= 2:
        return z
    shape = x.shape[:-1] + z.shape[-1:]
    return to.seen(z, lambda a: a.reshape(shape), "stack")


def transposed(to: Lines, x: PlanArray) -> PlanArray:
    """Return a matrix's transpose."""
    shape, name = x.shape[::-1], to.name(f"{x.name}_T")
    if not x.local:
        return PlanArray(shape, x.dtype, name, base=x, view=np.transpose)
    out = PlanArray(shape, x.dtype, name, local=True, keeps=(x,))
    to.add("{out} = {0}.T", [x], out)
    return out


# ---- reductions


@rule("sum")
def _sum(to: Lines, node: Node, args: list[PlanArray]) -> PlanArray | None:
    x = to.full(args[0])
    axis, keepdims = node.attrs["axis"], node.attrs["keepdims"]
    if x.dtype.kind != "f" or x.dtype.itemsize < 4:
        return None
    out = to.buffer(node.shape, node.dtype)
    if len(node.shape) == 1 and not keepdims and x.shape and 0 not in x.shape:
        # Down to one axis, a product with ones is several times faster.
        if len(x.shape) == 2 and axis == (0,):
            ones = to.constant(1, x.shape[:1], x.dtype)
            return to.add("{0}.dot({1}, {out})", [ones, x], out, kind="product")
        rows = _rows(to, x, axis)
        if rows is not None:
            ones = to.constant(1, rows.shape[1:], x.dtype)
            return to.add("{0}.dot({1}, {out})", [rows, ones], out, kind="product")
    return to.add(f"add.reduce({{0}}, {axis}, None, {{out}}, {keepdims})", [x], out)


def _rows(to: Lines, x: PlanArray, axis: tuple[int, ...]) -> PlanArray | None:
    """Return a matrix, of x's memory, of whose rows each is all there is along some axes."""
    strides = x.layout().strides
    order = sorted(range(len(strides)), key=lambda k: (k in axis, -strides[k]))
    if x.local or not x.layout().transpose(order).flags.c_contiguous:
        return None
    n = x.shape[order[0]]
    return to.seen(x, lambda a: a.transpose(order).reshape(n, -1), "rows")


@rule("mean")
def _mean(to: Lines, node: Node, args: list[PlanArray]) -> PlanArray | None:
    x = args[0]
    count = math.prod(x.shape) // max(math.prod(node.shape), 1)
    if count == 0 or x.number is not None:
        return None
    if node.dtype.kind == "f" and node.shape == () and _is_square(to, node):
        d = to.value(node.inputs[0].inputs[0])
        if d.number is None and d.dtype == node.dtype:
            flat = _flat(to, d)
            if flat is not None:  # the mean of squares is an inner product
                total = to.add(
                    "dot({0}, {1}, {out})", [flat, flat], _scalar(to, node), kind="product"
                )
                assert total is not None
                return elementwise.ufunc(to, np.divide, [total, elementwise.number(count)])
    total = _sum(to, node, args)
    if total is None:
        return None
    return elementwise.ufunc(to, np.divide, [total, elementwise.number(count)])


def _is_square(to: Lines, node: Node) -> bool:
    x = node.inputs[0]
    return x.op is not None and x.op.name == "square" and len(to.uses.get(x, ())) == 1


def _scalar(to: Lines, node: Node) -> PlanArray:
    return to.buffer((), node.dtype, "total")


def _flat(to: Lines, x: PlanArray) -> PlanArray | None:
    """Return all of x's elements as they lie in memory, if nothing lies between them."""
    if x.local or not np.may_share_memory(x.layout().ravel("K"), x.layout()):
        return None
    n = math.prod(x.shape)
    return PlanArray((n,), x.dtype, to.name(f"{x.name}_flat"), base=x, view=lambda a: a.ravel("K"))


# ---- the sigmoid


@rule("sigmoid")
def _sigmoid(to: Lines, node: Node, args: list[PlanArray]) -> PlanArray | None:
    """Use σ(x) = e / (1 + e) with e = eˣ, which has one exponential where the other form has two.

    Small values keep their digits; from x = 40 on the result is 1 and e must not overflow.
    """
    (x,) = args
    if x.number is not None or node.dtype not in (np.float32, np.float64):
        return None
    limited = elementwise.ufunc(to, np.minimum, [x, elementwise.number(40)])
    e = limited and elementwise.ufunc(to, np.exp, [limited])
    below = e and elementwise.ufunc(to, np.add, [e, elementwise.number(1)])
    return e and below and elementwise.ufunc(to, np.divide, [e, below])


# ---- moves


@rule("where")
def _where(to: Lines, node: Node, args: list[PlanArray]) -> PlanArray | None:
    start = len(to.program.lines)
    found = elementwise.where(to, *args)
    if found is None or found.dtype != node.dtype or found.shape != node.shape:
        to.take_back(start)
        return None
    return found


@rule("broadcast_to")
def _broadcast_to(to: Lines, node: Node, args: list[PlanArray]) -> PlanArray | None:
    return to.view(node, args)


@rule("astype")
def _astype(to: Lines, node: Node, args: list[PlanArray]) -> PlanArray | None:
    (x,) = args
    if x.number is not None:
        return PlanArray(x.shape, node.dtype, x.name, number=x.number.astype(node.dtype))
    out = to.buffer(node.shape, node.dtype)
    return to.add('copyto({out}, {0}, "unsafe")', [x], out)


@rule("transpose")
def _transpose(to: Lines, node: Node, args: list[PlanArray]) -> PlanArray | None:
    (x,) = args
    if len(x.shape) == 2 and node.attrs["axes"] == (1, 0) and x.number is None:
        return transposed(to, x)
    return to.view(node, args)


# ---- draws


@rule("normal")
def _normal(to: Lines, node: Node, args: list[PlanArray]) -> PlanArray | None:
    return _draw(to, node, "standard_normal")


@rule("uniform")
def _uniform(to: Lines, node: Node, args: list[PlanArray]) -> PlanArray | None:
    return _draw(to, node, "random")


def _draw(to: Lines, node: Node, method: str) -> PlanArray | None:
    if node.dtype not in (np.float32, np.float64):
        return None
    generator = to.object("generator", node.attrs["generator"])
    out = to.buffer(node.shape, node.dtype)
    text = f"{generator}.{method}(None, {node.dtype.name}, {{out}})"
    return to.add(text, [], out, effect=True)


@rule("bernoulli")
def _bernoulli(to: Lines, node: Node, args: list[PlanArray]) -> PlanArray | None:
    if args[1].number is None or not 0 <= args[1].number.item() <= 1:
        return None
    noise = _draw(to, node, "random")
    if noise is None:
        return None
    p = to.constant(args[1].number.item(), (), node.dtype)
    out = to.buffer(node.shape, node.dtype)
    return to.add("less({0}, {1}, {out})", [noise, p], out, ufunc=np.less)


# ---- numbers that the step was given


def of_numbers(to: Lines, node: Node, args: list[PlanArray]) -> PlanArray | None:
    """Add a line of Python's numbers: what they give is a number, and takes any dtype as one."""
    assert node.op is not None
    if not all(v.weak for v in args) or not any(v.local for v in args):
        return None
    assert node.saved is not None
    if id(node.saved[-1]) not in to.trace.weak:
        return None
    texts = [
        f"{{{k}}}" if v.number is None else to.object("number", v.number.item())
        for k, v in enumerate(args)
    ]
    out = to.local(node, args)
    out.weak = True
    text = f"{{out}} = asarray({to.object(node.op.name, node.op.forward)}({', '.join(texts)}))"
    to.add(f"{text}.item()", args, out)
    return out


# ---- everything else


def generic(to: Lines, node: Node, args: list[PlanArray]) -> PlanArray:
    """Add a call of the operation's own forward function, whose result is a new array."""
    op = node.op
    assert op is not None
    reads = [to.full(v) for v in args]
    texts = [f"{{{k}}}" for k in range(len(reads))]
    for name, value in node.attrs.items():
        texts.append(f"{name}={_attribute(to, value, reads)}")
    name = to.object(op.name, op.forward)
    out = to.local(node, reads)
    to.add(f"{{out}} = asarray({name}({', '.join(texts)}))", reads, out, effect=op.is_random)
    return out


def _attribute(to: Lines, value: Any, reads: list[PlanArray]) -> str:
    """Return an attribute as source text; arrays in it that the graph computes stay live."""
    if type(value) is tuple:
        return "(" + "".join(_attribute(to, part, reads) + ", " for part in value) + ")"
    if isinstance(value, slice):
        parts = (_attribute(to, p, reads) for p in (value.start, value.stop, value.step))
        return f"slice({', '.join(parts)})"
    if value is Ellipsis:
        return "..."
    if value is None or type(value) in (bool, int, str):
        return repr(value)
    if isinstance(value, float):
        return to.object("number", value)
    if isinstance(value, np.ndarray):
        array = to.full(to.array_value(value, None))
        if array.array is None and array.dtype == bool:
            raise Uncapturable("a mask selects elements: how many, only its values tell")
        reads.append(array)
        return f"{{{len(reads) - 1}}}"
    return to.object(type(value).__name__.lower(), value)
