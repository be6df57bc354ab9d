"""Elementwise functions of one variable, each the formula for a single element.

All stay finite wherever their value is: no intermediate overflows, and where a function has a
kink the value its derivative takes there is stated beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .op import Array, Op, elementwise

exp = elementwise("exp", "exp(x)", lambda g, z: g * z, tex=r"\exp({0})")
log = elementwise("log", "log(x)", lambda g, x: g / x, tex=r"\log({0})")
log1p = elementwise("log1p", "log1p(x)", lambda g, x: g / (1 + x), tex=r"\log(1 + {0})")
expm1 = elementwise("expm1", "expm1(x)", lambda g, z: g * (z + 1), tex=r"e^{{{0}}} - 1")
sqrt = elementwise("sqrt", "sqrt(x)", lambda g, z: 0.5 * g / z, tex=r"\sqrt{{{0}}}")
rsqrt = elementwise(
    "rsqrt",
    "1 / sqrt(x)",
    lambda g, z: -0.5 * g * z * z * z,
    tex=r"\frac{{1}}{{\sqrt{{{0}}}}}",
    flops=2,
)

sin = elementwise("sin", "sin(x)", lambda g, x: g * np.cos(x), tex=r"\sin({0})")
cos = elementwise("cos", "cos(x)", lambda g, x: -g * np.sin(x), tex=r"\cos({0})")
tan = elementwise("tan", "tan(x)", lambda g, z: g * (1 + z * z), tex=r"\tan({0})")
asin = elementwise(
    "asin", "arcsin(x)", lambda g, x: g / np.sqrt((1 - x) * (1 + x)), tex=r"\arcsin({0})"
)
acos = elementwise(
    "acos", "arccos(x)", lambda g, x: -g / np.sqrt((1 - x) * (1 + x)), tex=r"\arccos({0})"
)
atan = elementwise("atan", "arctan(x)", lambda g, x: g / (1 + x * x), tex=r"\arctan({0})")
sinh = elementwise("sinh", "sinh(x)", lambda g, x: g * np.cosh(x), tex=r"\sinh({0})")
cosh = elementwise("cosh", "cosh(x)", lambda g, x: g * np.sinh(x), tex=r"\cosh({0})")
tanh = elementwise("tanh", "tanh(x)", lambda g, z: g * (1 - z * z), tex=r"\tanh({0})")

# σ(x) = 1 / (1 + e⁻ˣ), written so that no exponential overflows and both tails keep their digits.
sigmoid = elementwise(
    "sigmoid",
    "exp(minimum(x, 0)) / (1 + exp(-abs(x)))",
    lambda g, z: g * z * (1 - z),
    tex=r"\sigma({0})",
    flops=6,
)
logsigmoid = elementwise(
    "logsigmoid",
    "minimum(x, 0) - log1p(exp(-abs(x)))",
    lambda g, x: g * sigmoid(-x),
    tex=r"\log\sigma({0})",
    flops=5,
)
softplus = elementwise(
    "softplus",
    "maximum(x, 0) + log1p(exp(-abs(x)))",
    lambda g, x: g * sigmoid(x),
    tex=r"\log(1 + e^{{{0}}})",
    flops=5,
)

# The derivative of each rectifier at 0 is the one of its left side: 0 for relu.
relu = elementwise("relu", "maximum(x, 0)", lambda g, z: g * (z > 0), tex=r"\max(0, {0})")
_leaky_relu = elementwise(
    "leaky_relu",
    "where(x > 0, x, negative_slope * x)",
    lambda g, x, negative_slope: np.where(x > 0, g, negative_slope * g),
    tex=r"\max({negative_slope}\,{0}, {0})",
    attrs=("negative_slope",),
    flops=2,
)
_elu = elementwise(
    "elu",
    "where(x > 0, x, alpha * expm1(minimum(x, 0)))",
    lambda g, x, alpha: np.where(x > 0, g, alpha * g * np.exp(np.minimum(x, 0))),
    tex=r"\operatorname{{elu}}_{{{alpha}}}({0})",
    attrs=("alpha",),
    flops=4,
)
silu = elementwise(
    "silu",
    "x * (exp(minimum(x, 0)) / (1 + exp(-abs(x))))",
    lambda g, x: _silu_rule(g, x),
    tex=r"{0} \odot \sigma({0})",
    flops=7,
)
_hardtanh = elementwise(
    "hardtanh",
    "minimum(maximum(x, low), high)",
    lambda g, x, low, high: np.where((x > low) & (x < high), g, 0),
    tex=r"\operatorname{{hardtanh}}({0})",
    attrs=("low", "high"),
    flops=2,
)
_gelu_tanh = elementwise(
    "gelu_tanh",
    "0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))",
    lambda g, x: _gelu_tanh_rule(g, x),
    tex=r"\operatorname{{gelu}}_{{\tanh}}({0})",
    flops=9,
)


def _silu_rule(g: Any, x: Any) -> Any:
    s = sigmoid(x)
    return g * (s + x * s * (1 - s))


def _gelu_tanh_rule(g: Any, x: Any) -> Any:
    c, k = 0.7978845608028654, 0.044715  # √(2/π) and the cubic's coefficient
    t = np.tanh(c * (x + k * x * x * x))
    return g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * c * (1 + 3 * k * x * x))


# ---- the error function, which NumPy lacks

# Rational approximations of W. J. Cody, "Rational Chebyshev approximations for the error
# function", Math. Comp. 23 (1969), tables I-III; relative error below 1e-15 (in float32 3e-7).
_SMALL = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2,
     3.77485237685302021e2, 3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2,
     1.28261652607737228e3, 2.84423683343917062e3),
)  # fmt: skip
_MIDDLE = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594,
     6.61191906371416295e1, 2.98635138197400131e2, 8.81952221241769090e2,
     1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2,
     1.62138957456669019e3, 3.29079923573345963e3, 4.36261909014324716e3,
     3.43936767414372164e3, 1.23033935480374942e3),
)  # fmt: skip
_LARGE = (
    (-1.63153871373020978e-2, -3.05326634961232344e-1, -3.60344899949804439e-1,
     -1.25781726111229246e-1, -1.60837851487422766e-2, -6.58749161529837803e-4),
    (1.0, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1,
     6.05183413124413191e-2, 2.33520497626869185e-3),
)  # fmt: skip


def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], t: Array) -> Array:
    top, bottom = (np.full_like(t, c[0]) for c in coefficients)
    for total, rest in zip((top, bottom), coefficients, strict=True):
        for c in rest[1:]:
            total *= t
            total += c
    top /= bottom
    return top


def _erf_tail(y: Array) -> Any:
    inverse = 1 / (y * y)
    return 1 - np.exp(-y * y) * (_ONE_OVER_ROOT_PI + inverse * _ratio(_LARGE, inverse)) / y


_ONE_OVER_ROOT_PI = 0.5641895835477563
_PIECES: tuple[tuple[float, float, Callable[[Array], Array]], ...] = (
    (0.0, 0.46875, lambda y: y * _ratio(_SMALL, y * y)),
    (0.46875, 4.0, lambda y: 1 - np.exp(-y * y) * _ratio(_MIDDLE, y)),
    (4.0, 6.0, _erf_tail),  # erf(6) is 1 in double precision
)


def _erf(x: Any) -> Array:
    y = np.abs(x).ravel()
    y = y.astype(np.result_type(y, np.float32) if y.dtype.kind == "f" else float, copy=False)
    z = np.sign(y)  # 1, where no piece says otherwise; NaN at NaN
    for start in range(0, y.size, 65536):  # as many as the cache holds
        some = slice(start, start + 65536)
        for low, high, piece in _PIECES:
            here = np.flatnonzero((y[some] >= low) & (y[some] < high))
            if here.size:
                z[some][here] = piece(y[some][here])
    signed: Array = np.copysign(z.reshape(np.shape(x)), x)
    return signed.astype(x.dtype if x.dtype.kind == "f" else float, copy=False)


_TWO_OVER_ROOT_PI = 1.1283791670955126

erf = Op(
    "erf",
    lambda x: _erf(x),
    lambda g, x: g * (_TWO_OVER_ROOT_PI * np.exp(-x * x)),
    tex=r"\operatorname{{erf}}({0})",
    flops=lambda out, *_: 40 * int(np.prod(out)),
)


def _normal_distribution(x: Any) -> Any:
    return 0.5 * (1 + erf(x * 0.7071067811865476))


def _normal_density(x: Any) -> Any:
    return 0.3989422804014327 * np.exp(-0.5 * x * x)


# x Φ(x) with the normal distribution function Φ (Hendrycks & Gimpel 2016).
_gelu_erf = Op(
    "gelu",
    lambda x: x * _normal_distribution(x),
    lambda g, x: g * (_normal_distribution(x) + x * _normal_density(x)),
    tex=r"{0} \odot \Phi({0})",
    flops=lambda out, *_: 44 * int(np.prod(out)),
)


def gelu(x: Any, approximate: str = "none") -> Any:
    """Gaussian error linear unit, x Φ(x) (Hendrycks & Gimpel 2016).

    ``approximate="tanh"`` is their faster formula, within 5e-4 of the exact one.

    Raises:
        ValueError: ``approximate`` is neither ``"none"`` nor ``"tanh"``.
    """
    forms = {"none": _gelu_erf, "tanh": _gelu_tanh}
    if approximate not in forms:
        raise ValueError(f"gelu: approximate must be 'none' or 'tanh', not {approximate!r}")
    return forms[approximate](x)


def leaky_relu(x: Any, negative_slope: float = 0.01) -> Any:
    """X where positive, else ``negative_slope`` · x (Maas et al. 2013)."""
    return _leaky_relu(x, negative_slope=negative_slope)


def elu(x: Any, alpha: float = 1.0) -> Any:
    """X where positive, else ``alpha`` (eˣ - 1) (Clevert et al. 2016)."""
    return _elu(x, alpha=alpha)


def selu(x: Any) -> Any:
    """Self-normalising elu: λ elu_α(x), with the α and λ of Klambauer et al. 2017."""
    return 1.0507009873554805 * elu(x, 1.6732632423543772)


def hardtanh(x: Any, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """X limited to [``min_val``, ``max_val``]; the gradient at either limit is 0."""
    return _hardtanh(x, low=min_val, high=max_val)
