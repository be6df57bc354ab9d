"""Arithmetic, comparison and choice, with NumPy's broadcasting.

Rules never undo broadcasting: the engine sums each result back to its input's shape.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .op import Op, as_array, elementwise
from .shape import copy

__all__ = [
    "abs", "add", "astype", "bitwise_and", "bitwise_or", "bitwise_xor", "ceil", "clip", "div",
    "equal", "floor", "floor_divide", "greater", "greater_equal", "hypot", "invert", "isfinite",
    "isinf", "isnan", "less", "less_equal", "logical_and", "logical_not", "logical_or", "maximum",
    "minimum", "mod", "mul", "neg", "not_equal", "power", "round", "sign", "square", "sub", "where",
]  # fmt: skip

add = Op("add", np.add, lambda g: g, lambda g: g, tex="{0} + {1}")
sub = Op("sub", np.subtract, lambda g: g, lambda g: -g, tex="{0} - {1}")
mul = Op("mul", np.multiply, lambda g, y: g * y, lambda g, x: g * x, tex=r"{0} \odot {1}")
neg = Op("neg", np.negative, lambda g: -g, tex="-{0}")
square = Op("square", np.square, lambda g, x: 2 * g * x, tex="{0}^2")
# fmt: off
div = Op("div", np.true_divide,
         lambda g, y: g / y, lambda g, y, z: -g * z / y, tex=r"\frac{{{0}}}{{{1}}}")
mod = Op("mod", np.remainder,
         lambda g: g, lambda g, x, y: -g * np.floor_divide(x, y), tex=r"{0} \bmod {1}")
# fmt: on


def _power_base(g: Any, x: Any, y: Any) -> Any:
    # y = 0 makes x⁰ constant; 0 · x⁻¹ would be NaN where x⁻¹ is not finite, and at x = ±∞.
    if isinstance(y, (int, float)):
        return g * y * power(x, y - 1 if y else 0)
    less = y - 1.0  # a float: of bytes, 0 - 1 would be 255
    has_inverse = np.isfinite(x) & np.isfinite(1.0 / x)
    return g * y * np.power(x, np.where(y == 0, np.where(has_inverse, less, 0.0), less))


def _power_exponent(g: Any, x: Any, y: Any, z: Any) -> Any:
    # Where x ≥ 0 and xʸ = 0 the power is flat in y, and so is 0⁰ taken (0ʸ for y > 0 is 0). 0ʸ for
    # y < 0 falls from ∞: -∞. For x < 0 no real derivative exists: NaN.
    is_flat = (x >= 0) & ((z == 0) | ((x == 0) & (y >= 0)))
    return g * z * np.log(np.where(is_flat, 1, x))


def _power(x: Any, y: Any) -> Any:
    if type(y) is int and isinstance(x, np.ndarray) and x.dtype.kind == "f":
        z = np.power(np.abs(x), y)  # a hundred times faster than of negative numbers
        return np.copysign(z, x) if y % 2 else z
    return np.power(x, y)


power: Op = Op("power", _power, _power_base, _power_exponent, tex="{0}^{{{1}}}", expr="x ** y")


def _share(g: Any, x: Any, y: Any, z: Any) -> Any:
    """Return g x/z: its limit where x alone is infinite, 0 at the origin."""
    far = np.isinf(x)
    divisor = np.where(far, 1, np.where(z == 0, np.inf, z))
    divisor = np.where(far & np.isinf(y), np.nan, divisor)  # if both are infinite there is none
    return g * (np.where(far, np.sign(x), x) / divisor)


# √(x² + y²), where the squares would overflow or underflow too.
hypot = Op("hypot", np.hypot, lambda g, x, y, z: _share(g, x, y, z),
           lambda g, x, y, z: _share(g, y, x, z), tex=r"\sqrt{{{0}^2 + {1}^2}}",
           flops=lambda out, *_: 4 * math.prod(out))  # fmt: skip

# The derivative of |x| at 0 is taken as 0.
abs = Op("abs", np.absolute, lambda g, x: g * np.sign(x), tex=r"\left|{0}\right|")


def _extremum(choose: np.ufunc, beats: np.ufunc, tex: str) -> Op:
    def won(g: Any, x: Any, y: Any) -> Any:
        """Give g to x where it is the better of two, half if both are equal, all if x is NaN."""
        return np.where(beats(x, y) | np.isnan(x), g, np.where(x == y, 0.5 * g, 0))

    return Op(choose.__name__, choose, won, lambda g, x, y: won(g, y, x), tex=tex)


maximum = _extremum(np.maximum, np.greater, r"\max({0}, {1})")
minimum = _extremum(np.minimum, np.less, r"\min({0}, {1})")

# fmt: off
where = Op("where", lambda condition, x, y: np.where(condition, x, y), None,
           lambda g, condition: np.where(condition, g, 0),
           lambda g, condition: np.where(condition, 0, g))
_clip = elementwise("clip", "minimum(maximum(x, low), high)",
                    lambda g, x, low, high: np.where((x >= low) & (x <= high), g, 0),
                    tex=r"\operatorname{{clip}}({0}, {low}, {high})", attrs=["low", "high"])
# fmt: on


def clip(x: Any, min: Any = None, max: Any = None) -> Any:
    """Limit values to [``min``, ``max``]; None leaves a side open.

    Numbers as limits keep the gradient at the limit itself; arrays or tensors as limits
    broadcast, and share the gradient where they are met (as :data:`maximum` does).
    """
    x = as_array(x)
    numbers = all(limit is None or isinstance(limit, (int, float)) for limit in (min, max))
    if numbers and x.dtype.kind == "f":  # an infinite limit would make whole numbers floats
        low, high = -np.inf if min is None else min, np.inf if max is None else max
        return _clip(x, low=low, high=high)
    if min is not None:
        x = maximum(x, min)
    return x if max is None else minimum(x, max)


# A change of number type; the gradient returns in the input's own type.
_astype = Op(
    "astype", lambda x, *, dtype: x.astype(dtype), lambda g: g, tex="{0}", flops=lambda *shapes: 0
)


def astype(x: Any, dtype: Any) -> Any:
    """Convert to ``dtype``; the same object when it has that type already."""
    x, dtype = as_array(x), np.dtype(dtype)
    return x if x.dtype == dtype else _astype(x, dtype=dtype)


# ---- no smooth functions of their inputs: they need no gradient

equal = Op("equal", np.equal, tex="{0} = {1}")
not_equal = Op("not_equal", np.not_equal, tex=r"{0} \ne {1}")
less = Op("less", np.less, tex="{0} < {1}")
less_equal = Op("less_equal", np.less_equal, tex=r"{0} \le {1}")
greater = Op("greater", np.greater, tex="{0} > {1}")
greater_equal = Op("greater_equal", np.greater_equal, tex=r"{0} \ge {1}")
logical_and = Op("logical_and", np.logical_and, tex=r"{0} \land {1}")
logical_or = Op("logical_or", np.logical_or, tex=r"{0} \lor {1}")
logical_not = Op("logical_not", np.logical_not, tex=r"\lnot {0}")
bitwise_and = Op("bitwise_and", np.bitwise_and, tex=r"{0} \land {1}")
bitwise_or = Op("bitwise_or", np.bitwise_or, tex=r"{0} \lor {1}")
bitwise_xor = Op("bitwise_xor", np.bitwise_xor, tex=r"{0} \oplus {1}")
invert = Op("invert", np.invert, tex=r"\lnot {0}")
sign = Op("sign", np.sign)
floor = Op("floor", np.floor, tex=r"\lfloor {0} \rfloor")
ceil = Op("ceil", np.ceil, tex=r"\lceil {0} \rceil")
_rint = Op("round", np.rint)
floor_divide = Op("floor_divide", np.floor_divide, tex=r"\lfloor {0} / {1} \rfloor")
isnan = Op("isnan", np.isnan)
isinf = Op("isinf", np.isinf)
isfinite = Op("isfinite", np.isfinite)


def round(x: Any, decimals: int = 0) -> Any:
    """Nearest multiple of 10 to the power -``decimals``, halves to the even one; no gradient flows.

    Whole numbers stay whole, and exact.
    """
    x = x if hasattr(x, "dtype") else np.asarray(x)
    if x.dtype.kind not in "iu":
        return _rint(x * 10.0**decimals) / 10.0**decimals if decimals else _rint(x)
    if decimals >= 0:
        return copy(x)
    step = 10**-decimals
    if step > np.iinfo(x.dtype).max:
        return x * 0
    steps, rest = x // step, x % step
    is_up = (rest > step - rest) | ((rest == step - rest) & (steps % 2 == 1))
    return (steps + is_up) * step
