"""Formulas as a textbook would write them: small rewritings, none of which changes the value.

Each rule looks at one expression whose operands are simple already, and returns another way to
write it, or None. :func:`simplify` applies them from the inside out until none has anything to
say. "Value" is that of real numbers, wherever the expression and each part of it had a finite one:
x / x is written 1, 0 / x is written 0, and nothing is promised of a comparison with 0 / 0.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ... import ops
from ...ops.op import Op
from .algebra import LOGIC, as_shape, collect_product, collect_sum, common_factors, without_factors
from .expression import Expression, Shape, apply, constant

ASTYPE, RESHAPE, BROADCAST, TRANSPOSE, SUM = (
    Op.registry[name] for name in ("astype", "reshape", "broadcast_to", "transpose", "sum")
)
NEGATION = {
    ops.equal: ops.not_equal, ops.not_equal: ops.equal, ops.less: ops.greater_equal,
    ops.greater_equal: ops.less, ops.greater: ops.less_equal, ops.less_equal: ops.greater,
}  # fmt: skip
LINEAR = {RESHAPE, TRANSPOSE, SUM, *(
    Op.registry[name] for name in ("mean", "flip", "roll", "getitem", "scatter", "fold",
                                   "sliding_windows", "cumsum")
)}  # fmt: skip
PRODUCTS = {ops.mul, ops.div, ops.neg, ops.square, ops.power}
SUMS = {ops.add, ops.sub}


def simplify(e: Expression) -> Expression:
    """Return another way to write an expression, as short as the rules can make it."""
    return _simplify(e, {})


def _simplify(e: Expression, done: dict[Expression, Expression]) -> Expression:
    if e not in done:
        now = _number_as_such(e)
        now = now.with_operands([_simplify(x, done) for x in now.operands])
        if now not in done:
            done[now] = now  # should rules lead back here, this is where they stop
            for rule in RULES if now.op else ():
                new = rule(now)
                if new is not None and new != now:
                    done[now] = _simplify(new, done)
                    break
        done[e] = done[now]
    return done[e]


def _number_as_such(e: Expression) -> Expression:
    """Write an array of equal numbers as that number."""
    if e.value is not None and e.shape and e.value.size and (e.value == e.value.flat[0]).all():
        return as_shape(constant(e.value.flat[0]), e.shape)
    return e


def is_elementwise(e: Expression) -> bool:
    """Whether each element of it comes from one element of each operand."""
    return e.op is not None and (e.op.expr is not None or e.op is ops.where)


# ---- rules that remove what computes nothing


def drop_conversions(e: Expression) -> Expression | None:
    """Drop copies and changes of number type; a truth value that is counted with keeps its."""
    x = e.operands[0] if e.operands else e
    if e.op in (ops.identity, ops.copy) or (e.op is ASTYPE and x.op not in LOGIC):
        return x
    return None


def join_moves(e: Expression) -> Expression | None:
    """Make one change of shape out of two, and none out of one that changes nothing."""
    if e.op not in (RESHAPE, BROADCAST, TRANSPOSE):
        return None
    x = e.operands[0]
    if e.op is TRANSPOSE:
        axes = e.attrs["axes"]
        if x.op is TRANSPOSE:
            axes = tuple(x.attrs["axes"][a] for a in axes)
            x = x.operands[0]
        if axes == tuple(range(len(axes))):
            return x
        return apply(TRANSPOSE, x, shape=e.shape, attrs={"axes": axes})
    if x.shape == e.shape:
        return x
    if x.op is e.op:
        return apply(e.op, x.operands[0], shape=e.shape, attrs=e.attrs)
    if e.op is RESHAPE and e.size > 0 and np.prod(x.shape, dtype=int) == 1:
        return as_shape(x, e.shape) if len(e.shape) > len(x.shape) else None
    return None


def leave_to_broadcasting(e: Expression) -> Expression | None:
    """Drop what broadcasting does unasked: x + broadcast(y) is x + y."""
    if not is_elementwise(e):
        return None
    bare = [_unspread(x) for x in e.operands]
    if all(new is old for new, old in zip(bare, e.operands, strict=True)):
        return None
    assert e.op is not None
    return as_shape(apply(e.op, *bare, attrs=e.attrs), e.shape)


def _unspread(x: Expression) -> Expression:
    if x.op is BROADCAST:
        return x.operands[0]
    if x.op is RESHAPE:
        inner = x.operands[0]
        lead = len(x.shape) - len(inner.shape)
        if lead > 0 and x.shape == (1,) * lead + inner.shape:
            return inner
    return x


def sum_of_equal_terms(e: Expression) -> Expression | None:
    """A sum over axes along which nothing changes is a multiple; over one element, no sum."""
    if e.op is not SUM:
        return None
    x, axes = e.operands[0], e.attrs["axis"]
    inner = x.operands[0] if x.op is BROADCAST else x
    lead = len(x.shape) - len(inner.shape)
    padded = (1,) * lead + inner.shape
    constant_axes = {a for a in axes if padded[a] == 1}
    if not constant_axes:
        return None
    count = int(np.prod([x.shape[a] for a in constant_axes], dtype=int))
    kept_shape = tuple(1 if a in constant_axes else n for a, n in enumerate(x.shape))
    rest = as_shape(_reshaped(inner, padded), kept_shape)
    other = tuple(a for a in axes if a not in constant_axes)
    if other:
        shape = tuple(1 if a in axes else n for a, n in enumerate(x.shape))
        rest = apply(SUM, rest, shape=shape, attrs={"axis": other, "keepdims": True})
    rest = _reshaped(rest, e.shape)
    return rest if count == 1 else apply(ops.mul, constant(count), rest)


def _reshaped(x: Expression, shape: Shape) -> Expression:
    if x.shape == shape:
        return x
    return apply(RESHAPE, x, shape=shape, attrs={"shape": shape})


# ---- rules for products with matrices


def scale_last(e: Expression) -> Expression | None:
    """Scale the result, not the argument, of what is linear: (c A) B = c (A B)."""
    positions = range(len(e.operands)) if e.op is ops.matmul else (0,) if e.op in LINEAR else ()
    for k in positions:
        scalars, rest = _split_scalars(e.operands[k])
        if scalars is not None:
            operands = list(e.operands)
            operands[k] = rest
            return apply(ops.mul, scalars, e.with_operands(operands))
    return None


def _split_scalars(x: Expression) -> tuple[Expression | None, Expression]:
    """Split c · y into c and y, for the scalar c that a collected product starts with."""
    if x.op is ops.mul and x.operands[0].shape == () and x.operands[1].shape == x.shape != ():
        return x.operands[0], x.operands[1]
    if x.op is ops.neg and x.shape != ():
        return constant(-1), x.operands[0]
    return None, x


def transpose_product(e: Expression) -> Expression | None:
    """(A B)ᵀ = Bᵀ Aᵀ."""
    if e.op is not TRANSPOSE or len(e.shape) != 2 or e.operands[0].op is not ops.matmul:
        return None
    a, b = e.operands[0].operands
    if len(a.shape) != 2 or len(b.shape) != 2:
        return None
    return apply(ops.matmul, _transposed(b), _transposed(a), shape=e.shape)


def _transposed(x: Expression) -> Expression:
    return apply(TRANSPOSE, x, shape=x.shape[::-1], attrs={"axes": (1, 0)})


# ---- rules for choices


def choice_as_product(e: Expression) -> Expression | None:
    """Write a choice between something and 0 as a product: where(c, x, 0) = x ⊙ 1[c]."""
    if e.op is not ops.where:
        return None
    condition, yes, no = e.operands
    if condition.value is not None and condition.shape == ():
        return as_shape(yes if condition.value else no, e.shape)
    if _is_zero(no) and _is_tame(yes):
        return as_shape(apply(ops.mul, yes, condition), e.shape)
    if _is_zero(yes) and _is_tame(no) and condition.op in NEGATION:
        opposite = apply(NEGATION[condition.op], *condition.operands)
        return as_shape(apply(ops.mul, no, opposite), e.shape)
    return None


def choice_of_multiples(e: Expression) -> Expression | None:
    """Take out what both sides of a choice are multiples of: δ ⊙ where(c, 1, 2)."""
    if e.op is not ops.where:
        return None
    condition, yes, no = e.operands
    common = common_factors(yes, no, _is_tame)
    if not common:
        return None
    rest = [without_factors(x, common) for x in (yes, no)]
    result = apply(ops.where, condition, *rest)
    for factor in reversed(common):
        result = apply(ops.mul, factor, result)
    return as_shape(result, e.shape)


def settled_condition(e: Expression) -> Expression | None:
    """A comparison with infinity is settled, and so what a settled one is joined with by "and"."""
    if e.op in (ops.bitwise_and, ops.logical_and):
        for this, other in (e.operands, e.operands[::-1]):
            if this.value is not None and this.shape == () and this.value:
                return as_shape(other, e.shape)
    if e.op in (ops.less_equal, ops.greater_equal):
        bound = e.operands[1].value
        limit = np.inf if e.op is ops.less_equal else -np.inf
        if bound is not None and bound.shape == () and bound == limit:
            return as_shape(constant(True), e.shape)
    return None


def _is_zero(x: Expression) -> bool:
    return x.value is not None and not x.value.any()


def _is_tame(x: Expression) -> bool:
    """Whether it is finite for all finite arguments, so that 0 times it is 0."""
    tame = {None, ops.mul, ops.add, ops.sub, ops.neg, ops.square, RESHAPE, BROADCAST, ASTYPE}
    return all(
        part.op in tame | LOGIC
        or (part.op is ops.div and part.operands[1].shape == ())
        for part in x.walk()
    )  # fmt: skip


# ---- arithmetic


def fold_constants(e: Expression) -> Expression | None:
    """Compute what depends on numbers alone; fractions are left to be read as such."""
    if e.op in PRODUCTS or e.op is None or e.op.is_random or not e.operands:
        return None
    if all(x.value is not None and x.shape == () for x in e.operands) and e.shape == ():
        value = e.evaluate({})
        return constant(value) if np.isfinite(value) else None
    return None


def product(e: Expression) -> Expression | None:
    """Collect factors: numbers first, then powers of equal factors, then what divides."""
    return collect_product(e) if e.op in PRODUCTS else None


def total(e: Expression) -> Expression | None:
    """Collect terms: equal ones together, what all have in common outside."""
    return collect_sum(e) if e.op in SUMS else None


RULES: tuple[Callable[[Expression], Expression | None], ...] = (
    drop_conversions,
    join_moves,
    leave_to_broadcasting,
    sum_of_equal_terms,
    settled_condition,
    choice_as_product,
    choice_of_multiples,
    fold_constants,
    scale_last,
    transpose_product,
    product,
    total,
)
