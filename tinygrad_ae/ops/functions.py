"""Elementwise functions of one variable, each the formula for a single element.

All stay finite wherever their value is: no intermediate overflows, and where a function has a
kink the value its derivative takes there is stated beside it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .op import Array, Op, elementwise

__all__ = [
    "acos", "asin", "atan", "cos", "cosh", "elu", "erf", "exp", "expm1", "gelu", "hardtanh",
    "leaky_relu", "log", "log1p", "logsigmoid", "relu", "rsqrt", "selu", "sigmoid", "silu", "sin",
    "sinh", "softplus", "sqrt", "tan", "tanh",
]  # fmt: skip

# What each computes, and on the second line its derivative and how it is written.
# fmt: off
exp = Op("exp", np.exp, lambda g, z: g * z, tex=r"\exp({0})")
log = Op("log", np.log, lambda g, x: g / x, tex=r"\log({0})")
log1p = Op("log1p", np.log1p, lambda g, x: g / (1 + x), tex=r"\log(1 + {0})")
expm1 = Op("expm1", np.expm1, lambda g, z: g * (z + 1), tex=r"e^{{{0}}} - 1")
sqrt = Op("sqrt", np.sqrt, lambda g, z: 0.5 * g / z, tex=r"\sqrt{{{0}}}")
rsqrt = elementwise("rsqrt", "1 / sqrt(x)",
                    lambda g, z: -0.5 * g * z * z * z, tex=r"\frac{{1}}{{\sqrt{{{0}}}}}")

sin = Op("sin", np.sin, lambda g, x: g * np.cos(x), tex=r"\sin({0})")
cos = Op("cos", np.cos, lambda g, x: -g * np.sin(x), tex=r"\cos({0})")
tan = Op("tan", np.tan, lambda g, z: g * (1 + z * z), tex=r"\tan({0})")
asin = Op("asin", np.arcsin, lambda g, x: g / np.sqrt((1 - x) * (1 + x)), tex=r"\arcsin({0})")
acos = Op("acos", np.arccos, lambda g, x: -g / np.sqrt((1 - x) * (1 + x)), tex=r"\arccos({0})")
atan = Op("atan", np.arctan, lambda g, x: g / (1 + x * x), tex=r"\arctan({0})")
sinh = Op("sinh", np.sinh, lambda g, x: g * np.cosh(x), tex=r"\sinh({0})")
cosh = Op("cosh", np.cosh, lambda g, x: g * np.sinh(x), tex=r"\cosh({0})")
tanh = Op("tanh", np.tanh, lambda g, z: g * (1 - z * z), tex=r"\tanh({0})")

# σ(x) = 1 / (1 + e⁻ˣ), written so that no exponential overflows and both tails keep their digits.
sigmoid = elementwise("sigmoid", "exp(minimum(x, 0)) / (1 + exp(-abs(x)))",
                      lambda g, z: g * z * (1 - z), tex=r"\sigma({0})")
logsigmoid = elementwise("logsigmoid", "minimum(x, 0) - log1p(exp(-abs(x)))",
                         lambda g, x: g * sigmoid(-x), tex=r"\log\sigma({0})")
softplus = elementwise("softplus", "maximum(x, 0) + log1p(exp(-abs(x)))",
                       lambda g, x: g * sigmoid(x), tex=r"\log(1 + e^{{{0}}})")
silu = elementwise("silu", "x * (exp(minimum(x, 0)) / (1 + exp(-abs(x))))",
                   lambda g, x: _silu_rule(g, x, sigmoid(x)), tex=r"{0} \odot \sigma({0})")

# The derivative of each rectifier at 0 is the one of its left side: 0 for relu.
relu = elementwise("relu", "maximum(x, 0)", lambda g, z: g * (z > 0), tex=r"\max(0, {0})")
_leaky_relu = elementwise("leaky_relu", "where(x > 0, x, negative_slope * x)",
                          lambda g, x, negative_slope: np.where(x > 0, g, negative_slope * g),
                          tex=r"\max({negative_slope}\,{0}, {0})", attrs=["negative_slope"],
                          floats=True)
_elu = elementwise("elu", "where(x > 0, x, alpha * expm1(minimum(x, 0)))",
                   lambda g, x, alpha: np.where(x > 0, g, alpha * g * np.exp(np.minimum(x, 0))),
                   tex=r"\operatorname{{elu}}_{{{alpha}}}({0})", attrs=["alpha"])
_hardtanh = elementwise("hardtanh", "minimum(maximum(x, low), high)",
                        lambda g, x, low, high: np.where((x > low) & (x < high), g, 0),
                        attrs=["low", "high"], floats=True)
# fmt: on


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


def _silu_rule(g: Any, x: Any, s: Any) -> Any:
    return g * (s + x * s * (1 - s))


# ---- the error function, which NumPy lacks, and what is made of it

# Rational approximations of W. J. Cody, "Rational Chebyshev approximations for the error
# function", Math. Comp. 23 (1969), tables I and II: of erf(x) / x in x², and of (1 - erf(x)) / e⁻ˣ²
# in x. (His third, for large x, tells how little erf(x) differs from 1, which rounding takes.)
_SMALL = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2,
     3.77485237685302021e2, 3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2,
     1.28261652607737228e3, 2.84423683343917062e3),
)  # fmt: skip
_LARGE = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594,
     6.61191906371416295e1, 2.98635138197400131e2, 8.81952221241769090e2,
     1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2,
     1.62138957456669019e3, 3.29079923573345963e3, 4.36261909014324716e3,
     3.43936767414372164e3, 1.23033935480374942e3),
)  # fmt: skip


def _polynomial(coefficients: tuple[float, ...], t: Array) -> Array:
    total = np.full_like(t, coefficients[0])
    for c in coefficients[1:]:
        total *= t
        total += c
    return total


def _ratio(coefficients: tuple[tuple[float, ...], ...], t: Array) -> Any:
    top, bottom = coefficients
    return _polynomial(top, t) / _polynomial(bottom, t)


def _erf(x: Any) -> Array:
    flat = np.ravel(x).astype(np.result_type(x, np.float32), copy=False)  # also of float16
    z = np.empty_like(flat)
    for start in range(0, flat.size, 16384):  # as many as the cache holds
        some = slice(start, start + 16384)
        y = np.minimum(np.abs(flat[some]), 6)  # erf(6) is 1 in double precision
        near, far = y * _ratio(_SMALL, y * y), 1 - np.exp(-y * y) * _ratio(_LARGE, y)
        z[some] = np.copysign(np.where(y < 0.46875, near, far), flat[some])
    return z.reshape(x.shape).astype(x.dtype, copy=False)


def _erf_rule(g: Any, x: Any) -> Any:
    return g * (1.1283791670955126 * np.exp(-x * x))  # 2/√π


erf = Op("erf", _erf, _erf_rule, flops=lambda out, _: 40 * math.prod(out), floats=True)


def _normal_distribution(x: Any) -> Any:
    return 0.5 * (1 + erf(x * 0.7071067811865476))


def _gelu_rule(g: Any, x: Any) -> Any:
    return g * (_normal_distribution(x) + x * 0.3989422804014327 * np.exp(-0.5 * x * x))


def _gelu_tanh_rule(g: Any, x: Any) -> Any:
    c, k = 0.7978845608028654, 0.044715  # √(2/π) and the cubic's coefficient
    t = np.tanh(c * (x + k * x * x * x))
    return g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * c * (1 + 3 * k * x * x))


# fmt: off
_gelu = Op("gelu", lambda x: x * _normal_distribution(x), _gelu_rule,
           tex=r"{0} \odot \Phi({0})", flops=lambda out, _: 44 * math.prod(out), floats=True)
_gelu_tanh = elementwise("gelu_tanh",
                         "0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))",
                         _gelu_tanh_rule, tex=r"\operatorname{{gelu}}_{{\tanh}}({0})")
# fmt: on


def gelu(x: Any, approximate: str = "none") -> Any:
    """Gaussian error linear unit: x Φ(x), Φ the normal distribution (Hendrycks & Gimpel 2016).

    ``approximate="tanh"`` is their faster formula, within 5e-4 of the exact one.

    Raises:
        ValueError: ``approximate`` is neither ``"none"`` nor ``"tanh"``.
    """
    forms = {"none": _gelu, "tanh": _gelu_tanh}
    if approximate not in forms:
        raise ValueError(f"approximate must be 'none' or 'tanh', not {approximate!r}")
    return forms[approximate](x)
