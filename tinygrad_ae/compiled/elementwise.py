"""Elementwise operations as ufuncs that write through ``out``, from each operation's ``expr``."""

from __future__ import annotations

import ast
import functools
from typing import Any

import numpy as np

from ..core.graph import Node
from ..ops.formula import parts
from ..ops.op import Array
from .lines import Lines
from .program import DType, PlanArray


def emit(to: Lines, node: Node, args: list[PlanArray]) -> PlanArray | None:
    """Add the lines of an elementwise operation; None if it is not one, or not expressible."""
    op = node.op
    assert op is not None
    if isinstance(op.forward, np.ufunc) and op.forward.signature is None:
        return _result(to, node, ufunc(to, op.forward, args))
    if op.expr is None or not all(isinstance(v, (int, float)) for v in node.attrs.values()):
        return None
    known = dict(zip(op.inputs, args, strict=True))
    known |= {name: number(value) for name, value in node.attrs.items()}
    start = len(to.program.lines)
    found = _result(to, node, _expression(to, _parsed(op.expr), known))
    if found is None:
        to.take_back(start)
    return found


def number(value: float) -> PlanArray:
    """Return a Python number as a value: it takes the dtype of what it meets."""
    return PlanArray(
        (), np.asarray(value).dtype, f"{value:.6g}", number=np.asarray(value), weak=True
    )


@functools.cache
def _parsed(expr: str) -> ast.expr:
    return ast.parse(expr, mode="eval").body


def _result(to: Lines, node: Node, value: PlanArray | None) -> PlanArray | None:
    if value is None or value.dtype != node.dtype or value.shape != node.shape:
        return None
    return value


def _expression(to: Lines, tree: ast.expr, known: dict[str, PlanArray]) -> PlanArray | None:
    if isinstance(tree, ast.Constant):
        return number(tree.value)  # type: ignore[arg-type]
    if isinstance(tree, ast.Name):
        return known[tree.id]
    name, operands = parts(tree)
    values = [_expression(to, operand, known) for operand in operands]
    if any(v is None for v in values):
        return None
    args = [v for v in values if v is not None]
    if name == "where":
        return where(to, *args)
    if name == "log1p" and ast.unparse(operands[0]) == "exp(-abs(x))":
        return _log1p_of_fraction(to, args[0])
    return ufunc(to, getattr(np, name), args)


def ufunc(to: Lines, f: np.ufunc, args: list[PlanArray]) -> PlanArray | None:
    """Add ``f(*args)``, or compute it now if its arguments are constants."""
    shape = np.broadcast_shapes(*(v.shape for v in args))
    if all(v.number is not None for v in args):
        with np.errstate(all="ignore"):
            folded = np.asarray(f(*(_plain(v) for v in args)))
        weak = all(v.weak for v in args)
        return PlanArray(shape, folded.dtype, f"{folded.item():.6g}", number=folded, weak=weak)
    kinds = [_kind(v) for v in args]
    try:
        *dtypes, dtype = f.resolve_dtypes((*kinds, None))
    except TypeError:
        return None
    ready = _operands(to, f, args, dtypes, shape)
    layouts = _layouts(shape, dtype, args)
    template = layouts[0] if layouts else None
    # NumPy wants the output of these two named.
    settings = "out={out}" if f in (np.maximum, np.minimum) else "{out}"
    if template is not None and any(a.strides != template.strides for a in layouts):
        # Left to itself NumPy walks along the last axis, however far apart its elements lie.
        settings += f', order="{"F" if template.strides[0] == template.itemsize else "C"}"'
    operands = "".join(f"{{{k}}}, " for k in range(len(ready)))
    out = to.buffer(shape, dtype, template=template)
    text = f"{f.__name__}({operands}{settings})"
    return to.add(text, ready, out, ufunc=f)


def _log1p_of_fraction(to: Lines, e: PlanArray) -> PlanArray | None:
    """Add log(1 + e) for e in [0, 1] as log u - ((u - 1) - e) / u, where u = 1 + e.

    The second term is what rounding u took. NumPy's own log1p has no SIMD and takes twice as long.
    """
    if e.number is not None or e.dtype != np.float32:
        return ufunc(to, np.log1p, [e])
    one = number(1)
    u = _only(ufunc(to, np.add, [e, one]))
    lost = _only(ufunc(to, np.subtract, [_only(ufunc(to, np.subtract, [u, one])), e]))
    log = _only(ufunc(to, np.log, [u]))
    return ufunc(to, np.subtract, [log, _only(ufunc(to, np.divide, [lost, u]))])


def _only(value: PlanArray | None) -> PlanArray:
    assert value is not None
    return value


def _kind(value: PlanArray) -> Any:
    """Return what decides the dtype of a result: Python's number types yield to any dtype."""
    if value.number is not None and value.weak and value.dtype.kind in "if":
        return type(value.number.item())
    return value.dtype


def _plain(value: PlanArray) -> Any:
    assert value.number is not None
    return value.number.item() if value.weak else value.number


def _operands(
    to: Lines, f: np.ufunc, args: list[PlanArray], dtypes: Any, shape: tuple[int, ...]
) -> list[PlanArray]:
    """Write constants out no further than needed."""
    arrays = [v.shape for v in args if v.number is None]
    enough = np.broadcast_shapes(*arrays) == shape
    ready = []
    for v, dtype in zip(args, dtypes, strict=True):
        if v.number is None:
            ready.append(typed(to, v, dtype) if v.weak else v)
            continue
        wanted = () if enough else v.shape
        if f in (np.maximum, np.minimum) and shape:
            # With an array without axes as operand these two run without SIMD, many times slower.
            wanted = shape if np.prod(shape) <= 4096 else _row(shape, args)
        ready.append(to.constant(v.number.item(), wanted, dtype))
    return ready


def typed(to: Lines, v: PlanArray, dtype: DType) -> PlanArray:
    """Return a number that the step was given as an array of the dtype that it takes."""
    key = "typed", v, dtype
    if key not in to.shared:
        out = to.buffer((), dtype, v.name)
        to.add("copyto({out}, {0})", [v], out)
        to.shared[key] = out
    return to.shared[key]


def _row(shape: tuple[int, ...], args: list[PlanArray]) -> tuple[int, ...]:
    """Return the shape of an array along the axis whose elements lie side by side in memory."""
    layouts = _layouts(shape, np.dtype(bool), args)
    if not layouts:
        return shape[-1:]
    axis = next(i for i, n in enumerate(shape) if n > 1 and layouts[0].strides[i] == 1)
    return (shape[axis], *(1,) * (len(shape) - 1 - axis))


def _layouts(shape: tuple[int, ...], dtype: DType, args: list[PlanArray]) -> list[Array]:
    """Return arrays that lie in memory as the arguments of that shape; their values are unset."""
    return [np.empty_like(v.layout(), dtype) for v in args if v.number is None and v.shape == shape]


def where(to: Lines, c: PlanArray, x: PlanArray, y: PlanArray) -> PlanArray | None:
    """Add ``np.where(c, x, y)``, by the bits: y ^ ((x ^ y) & mask), the mask all ones where c.

    ``np.where`` branches at each element, which takes twenty times as long where c is irregular.
    """
    shape = np.broadcast_shapes(c.shape, x.shape, y.shape)
    floats = {v.dtype for v in (x, y) if not v.weak}
    if c.number is not None or c.dtype != bool or c.shape != shape or len(floats) != 1:
        return None
    dtype = floats.pop()
    if dtype not in (np.float32, np.float64):
        return None
    x, y = (typed(to, v, dtype) if v.weak and v.local else v for v in (x, y))
    bits = np.dtype(f"i{dtype.itemsize}")
    mask = to.buffer(shape, bits, template=_layouts(shape, bits, [c])[0])
    to.add("copyto({out}, {0})", [c], mask)
    mask = _bitwise(to, np.negative, mask)
    if _is_zero(y):
        found = _bitwise(to, np.bitwise_and, _bits(to, x, dtype), mask)
    elif _is_zero(x):
        mask = _bitwise(to, np.invert, mask)
        found = _bitwise(to, np.bitwise_and, _bits(to, y, dtype), mask)
    else:
        other = _bits(to, y, dtype)
        differing = _bitwise(to, np.bitwise_xor, _bits(to, x, dtype), other)
        if differing.shape != shape:
            return None
        found = _bitwise(to, np.bitwise_xor, other, _bitwise(to, np.bitwise_and, differing, mask))
    return PlanArray(shape, dtype, to.name("chosen"), base=found, view=lambda a: a.view(dtype))


def _bitwise(to: Lines, f: np.ufunc, *args: PlanArray) -> PlanArray:
    return _only(ufunc(to, f, list(args)))


def _is_zero(value: PlanArray) -> bool:
    return value.number is not None and value.number.tobytes().strip(b"\0") == b""


def _bits(to: Lines, value: PlanArray, dtype: DType) -> PlanArray:
    """Return floats as integers of the same bits."""
    bits = np.dtype(f"i{dtype.itemsize}")
    if value.number is not None:
        array = np.asarray(value.number.item(), dtype)
        return to.fixed(array.view(bits), "bits")
    name = to.name(f"{value.name}_bits")
    if not value.local:
        return PlanArray(value.shape, bits, name, base=value, view=lambda a: a.view(bits))
    out = PlanArray(value.shape, bits, name, local=True, keeps=(value,))
    to.add(f"{{out}} = {{0}}.view({bits.name})", [value], out)
    return out
