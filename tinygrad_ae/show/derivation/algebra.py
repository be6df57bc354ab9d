"""Sums and products, collected: the arithmetic that :mod:`.simplify` does on formulas.

A product is a number times powers of factors; a sum is made of such products. Both are taken
apart, put in order, and written anew in one standard form, so that what is equal looks equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction

import numpy as np

from ... import ops
from ...ops.op import Op
from .expression import Expression, Shape, apply, constant

BROADCAST = Op.registry["broadcast_to"]
LOGIC = {
    ops.equal, ops.not_equal, ops.less, ops.less_equal, ops.greater, ops.greater_equal,
    ops.logical_and, ops.logical_or, ops.logical_not, ops.bitwise_and, ops.bitwise_or, ops.invert,
    ops.isfinite, ops.isinf, ops.isnan,
}  # fmt: skip
READABLE = {1, 2, 3, 4, 6, 8}  # denominators of numbers that are read as fractions: 0.1 is not

Number = Fraction | float
Powers = dict[Expression, Fraction]


def as_shape(e: Expression, shape: Shape) -> Expression:
    """Return ``e``, spread to ``shape`` where it has another."""
    if e.shape == shape:
        return e
    if e.op is BROADCAST:
        return as_shape(e.operands[0], shape)
    return apply(BROADCAST, e, shape=shape, attrs={"shape": shape})


def collect_product(e: Expression) -> Expression:
    """Write a product, quotient or power as coefficient · numerator / denominator."""
    return as_shape(_write_product(*_factors(e)), e.shape)


def collect_sum(e: Expression) -> Expression:
    """Write a sum or difference with equal terms joined and common factors in front."""
    terms: dict[frozenset[tuple[Expression, Fraction]], tuple[Number, Powers]] = {}
    for number, powers in _terms(e, Fraction(1)):
        key = frozenset(powers.items())
        before = terms[key][0] if key in terms else Fraction(0)
        terms[key] = (_plus(before, number), terms[key][1] if key in terms else powers)
    kept = [(number, powers) for number, powers in terms.values() if number != 0]
    if not kept:
        return as_shape(constant(0), e.shape)
    number, common = _common(kept)
    if len(kept) > 1 and (number != 1 or common):
        rest = _write_sum([(_over(n, number), _without(p, common)) for n, p in kept])
        common[rest] = common.get(rest, Fraction(0)) + 1
        return as_shape(_write_product(number, common), e.shape)
    return as_shape(_write_sum(kept), e.shape)


def common_factors(
    a: Expression, b: Expression, is_allowed: Callable[[Expression], bool]
) -> list[Expression]:
    """Return the factors that two products share; all of the other's, where one is 0."""
    shared = []
    (first, mine), (second, others) = _factors(a), _factors(b)
    for base, k in (mine if first != 0 else others).items():
        in_both = k > 0 and (first == 0 or second == 0 or others.get(base, 0) > 0)
        if in_both and is_allowed(base):
            shared.append(base)
    return shared


def without_factors(e: Expression, factors: list[Expression]) -> Expression:
    """Return a product without one of each of the given factors; 0 stays 0."""
    number, powers = _factors(e)
    return _write_product(number, _without(powers, dict.fromkeys(factors, Fraction(1))))


def number_of(e: Expression) -> Number | None:
    """Return the number a constant stands for, as a fraction if it is read as one."""
    if e.value is None or e.shape != () or e.value.dtype.kind not in "iuf":
        return None
    value = e.value.item()
    if not np.isfinite(value):
        return None
    near = Fraction(value).limit_denominator(max(READABLE))
    is_short = near.denominator in READABLE and float(near) == value
    return near if is_short else float(value)


# ---- taking apart


def _factors(e: Expression) -> tuple[Number, Powers]:
    powers: Powers = {}
    number = _collect(e, Fraction(1), powers)
    for base in powers:
        if base.op in LOGIC and powers[base] > 0:  # 1 · 1 = 1 and 0 · 0 = 0
            powers[base] = Fraction(1)
    return number, {base: k for base, k in powers.items() if k != 0}


def _collect(e: Expression, k: Fraction, powers: Powers) -> Number:
    """Add the factors of eᵏ to ``powers``; return its numeric part."""
    whole = k.denominator == 1
    if e.op is ops.mul:
        first = _collect(e.operands[0], k, powers)
        return _times(first, _collect(e.operands[1], k, powers))
    if e.op is ops.div:
        first = _collect(e.operands[0], k, powers)
        return _times(first, _collect(e.operands[1], -k, powers))
    if e.op is ops.neg and whole:
        return _times(Fraction((-1) ** (k.numerator % 2)), _collect(e.operands[0], k, powers))
    if e.op is ops.square and whole:
        return _collect(e.operands[0], 2 * k, powers)
    if e.op is ops.power:
        exponent = number_of(e.operands[1])
        if isinstance(exponent, Fraction) and (k == 1 or (whole and exponent.denominator == 1)):
            return _collect(e.operands[0], exponent * k, powers)
    number = number_of(e)
    if number is not None and (number != 0 or k > 0) and whole:
        return _power(number, k.numerator)
    powers[e] = powers.get(e, Fraction(0)) + k
    return Fraction(1)


def _terms(e: Expression, sign: Number) -> Iterable[tuple[Number, Powers]]:
    if e.op in (ops.add, ops.sub):
        yield from _terms(e.operands[0], sign)
        yield from _terms(e.operands[1], _times(sign, Fraction(-1 if e.op is ops.sub else 1)))
    else:
        number, powers = _factors(e)
        sums = [base for base in powers if base.op in (ops.add, ops.sub)]
        if powers and list(powers) == sums and powers[sums[0]] == 1 and abs(number) == 1:
            yield from _terms(sums[0], _times(sign, number))  # −(a − b) among other terms
        else:
            yield _times(sign, number), powers


def _common(terms: list[tuple[Number, Powers]]) -> tuple[Number, Powers]:
    """Return the number and the factors that all terms have in common."""
    numbers = {_magnitude(number) for number, _ in terms}
    number = numbers.pop() if len(numbers) == 1 else Fraction(1)
    if all(n < 0 for n, _ in terms):
        number = -number
    common: Powers = {}
    for base, k in terms[0][1].items():
        others = [powers.get(base, Fraction(0)) for _, powers in terms[1:]]
        if all(other * k > 0 for other in others):
            common[base] = min([k, *others], key=abs)
    if not common and all(not powers for _, powers in terms):
        return Fraction(1), {}
    return number, common


def _without(powers: Powers, common: Powers) -> Powers:
    rest = {base: k - common.get(base, 0) for base, k in powers.items()}
    return {base: k for base, k in rest.items() if k != 0}


# ---- writing


def _write_product(number: Number, powers: Powers) -> Expression:
    """Scalars first, as one fraction; then arrays, what they are divided by below."""
    if number == 0:
        return constant(0)
    if powers and all(
        base.op in LOGIC and k > 0 for base, k in powers.items()
    ):  # a truth value as a number
        return apply(ops.mul, _quotient(number, {}), _chain([_raised(*p) for p in powers.items()]))
    number, powers = _turned(number, powers)
    scalars = {base: k for base, k in powers.items() if base.shape == ()}
    arrays = {base: k for base, k in powers.items() if base.shape != ()}
    if not arrays:
        return _quotient(number, scalars)
    above = [_raised(base, k) for base, k in arrays.items() if k > 0]
    below = [_raised(base, -k) for base, k in arrays.items() if k < 0]
    scale = _quotient(number, scalars)
    if not above:
        return apply(ops.div, scale, _chain(below))
    result = _chain(above)
    if below:
        result = apply(ops.div, result, _chain(below))
    if number == -1 and not scalars:
        return apply(ops.neg, result)
    is_one = number == 1 and not scalars
    return result if is_one else apply(ops.mul, scale, result)


def _turned(number: Number, powers: Powers) -> tuple[Number, Powers]:
    """Write −(a − b) ⊙ c as (b − a) ⊙ c."""
    if number < 0:
        for base, k in powers.items():
            if base.op is ops.sub and k == 1:
                turned = Expression(base.shape, ops.sub, base.operands[::-1])
                if turned in powers:
                    continue
                number = _times(number, Fraction(-1))
                return number, {turned if b is base else b: p for b, p in powers.items()}
    return number, powers


def _quotient(number: Number, scalars: Powers) -> Expression:
    """Write a scalar: a number times powers of symbols."""
    top: int | float = number.numerator if isinstance(number, Fraction) else number
    bottom = number.denominator if isinstance(number, Fraction) else 1
    above = [_raised(base, k) for base, k in scalars.items() if k > 0]
    below = [_raised(base, -k) for base, k in scalars.items() if k < 0]
    is_negated = top == -1 and bool(above)
    if not above or abs(top) != 1:
        above.insert(0, constant(top))
    if bottom != 1:
        below.insert(0, constant(bottom))
    result = _chain(above)
    if below:
        result = apply(ops.div, result, _chain(below))
    return apply(ops.neg, result) if is_negated else result


def _write_sum(terms: list[tuple[Number, Powers]]) -> Expression:
    first = next((i for i, (number, _) in enumerate(terms) if number > 0), 0)
    result = _write_product(*terms[first])
    for number, powers in terms[:first] + terms[first + 1 :]:
        op = ops.add if number > 0 else ops.sub
        result = apply(op, result, _write_product(_magnitude(number), powers))
    return result


def _raised(base: Expression, k: Fraction) -> Expression:
    if k == 1:
        return base
    if k == 2:
        return apply(ops.square, base)
    return apply(ops.power, base, constant(k.numerator if k.denominator == 1 else float(k)))


def _chain(factors: list[Expression]) -> Expression:
    result = factors[0]
    for factor in factors[1:]:
        result = apply(ops.mul, result, factor)
    return result


# ---- numbers: exact while they are fractions, floating-point as soon as one is not


def _times(a: Number, b: Number) -> Number:
    return a * b if isinstance(a, Fraction) and isinstance(b, Fraction) else float(a) * float(b)


def _plus(a: Number, b: Number) -> Number:
    return a + b if isinstance(a, Fraction) and isinstance(b, Fraction) else float(a) + float(b)


def _over(a: Number, b: Number) -> Number:
    return a / b if isinstance(a, Fraction) and isinstance(b, Fraction) else float(a) / float(b)


def _magnitude(a: Number) -> Number:
    return -a if a < 0 else a


def _power(a: Number, k: int) -> Number:
    return a**k
