"""Formulas as trees: computed, printed, simplified without a change of value."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tinygrad_ae import ops
from tinygrad_ae.ops import Op
from tinygrad_ae.show.derivation.explanation import shape_text
from tinygrad_ae.show.derivation.expression import apply, constant, symbol
from tinygrad_ae.show.derivation.printers import name_latex, to_mathml
from tinygrad_ae.show.derivation.reading import Page
from tinygrad_ae.show.derivation.simplify import BROADCAST, RESHAPE, SUM, TRANSPOSE, simplify

x, y, s = symbol("x", (3, 4)), symbol("y", (3, 4)), symbol("s")
W, row = symbol("W", (4, 2)), symbol("r", (4,))
SHAPES = {"x": (3, 4), "y": (3, 4), "s": (), "W": (4, 2), "r": (4,), "u": (3, 1)}


def values(seed=0):
    """Return numbers for all letters, none of them close to 0."""
    rng = np.random.default_rng(seed)
    return {name: rng.uniform(0.5, 2, shape) for name, shape in SHAPES.items()}


def add(a, b):
    return apply(ops.add, a, b)


def sub(a, b):
    return apply(ops.sub, a, b)


def mul(a, b):
    return apply(ops.mul, a, b)


def div(a, b):
    return apply(ops.div, a, b)


def matmul(a, b):
    return apply(ops.matmul, a, b, shape=(a.shape[0], b.shape[1]))


def transpose(a):
    return apply(TRANSPOSE, a, shape=a.shape[::-1], attrs={"axes": (1, 0)})


def largest(e, v):
    """Return the largest magnitude in it and in its parts; NaN if any of them has one."""
    return np.max([np.abs(part.evaluate(v)).max(initial=0) for part in e.walk()])


def total(a, axis):
    shape = tuple(n for i, n in enumerate(a.shape) if i not in axis)
    return apply(SUM, a, shape=shape, attrs={"axis": axis, "keepdims": False})


# ---- what it is


def test_equal_formulas_are_equal_and_hash_alike():
    assert mul(x, y) == mul(symbol("x", (3, 4)), y)
    assert hash(mul(x, y)) == hash(mul(symbol("x", (3, 4)), y))
    assert mul(x, y) != mul(y, x)
    assert constant(np.array([1.0, 2.0])) == constant(np.array([1.0, 2.0]))
    assert total(x, (0,)) != total(transpose(x), (0,))


def test_it_computes_what_it_says_and_a_missing_value_is_named():
    v = values()
    assert np.array_equal(add(mul(x, y), row).evaluate(v), v["x"] * v["y"] + v["r"])
    assert matmul(x, W).evaluate(v).shape == (3, 2)
    with pytest.raises(KeyError, match="y"):
        mul(x, y).evaluate({"x": v["x"]})


def test_a_number_does_not_widen_float32():
    assert mul(constant(0.5), x).evaluate({"x": np.ones((3, 4), "f")}).dtype == np.float32


# ---- how it reads


@pytest.mark.parametrize(
    ("e", "text", "latex"),
    [
        (mul(add(x, y), x), "(x + y) ⊙ x", r"(x + y) \odot x"),
        (sub(x, sub(y, row)), "x − (y − r)", "x - (y - r)"),
        (sub(sub(x, y), row), "x − y − r", "x - y - r"),
        (mul(mul(constant(2), s), x), "2 s x", r"2\,s\,x"),
        (mul(div(constant(2), s), sub(x, y)), "2/s (x − y)", r"\frac{2}{s}\,(x - y)"),
        (div(x, mul(y, row)), "x / (y ⊙ r)", r"\frac{x}{y \odot r}"),
        (div(add(x, y), row), "(x + y) / r", r"\frac{x + y}{r}"),
        (apply(ops.neg, mul(x, y)), "−x ⊙ y", r"-x \odot y"),
        (mul(x, apply(ops.neg, y)), "−x ⊙ y", r"-x \odot y"),
        (matmul(add(x, y), W), "(x + y) W", r"(x + y)\,W"),
        (matmul(mul(x, y), W), "(x ⊙ y) W", r"(x \odot y)\,W"),
        (mul(matmul(x, W), symbol("q", (3, 2))), "(x W) ⊙ q", r"(x\,W) \odot q"),
        (transpose(add(x, y)), "(x + y)ᵀ", r"(x + y)^\top"),
        (transpose(matmul(x, W)), "(x W)ᵀ", r"(x\,W)^\top"),
        (apply(ops.square, mul(x, y)), "(x ⊙ y)²", r"(x \odot y)^2"),
        (apply(ops.exp, sub(x, y)), "exp(x − y)", r"\exp(x - y)"),
        (apply(ops.sqrt, add(x, y)), "√(x + y)", r"\sqrt{x + y}"),
        (apply(ops.hypot, add(x, y), y), "√((x + y)² + y²)", r"\sqrt{(x + y)^2 + y^2}"),
        (apply(Op.registry["leaky_relu"], add(x, y), attrs={"negative_slope": 0.1}),
         "max(0.1 (x + y), (x + y))", r"\max(0.1\,(x + y), (x + y))"),
        (total(mul(x, y), (0,)), "Σᵢ x ⊙ y", r"\sum_{i} x \odot y"),
        (total(add(x, y), (1,)), "Σⱼ (x + y)", r"\sum_{j} (x + y)"),
        (mul(x, apply(ops.greater, y, constant(0))), "x ⊙ 1[y > 0]", r"x \odot 1[y > 0]"),
        (mul(symbol("∂L/∂h₁", (3, 4)), x), "∂L/∂h₁ ⊙ x",
         r"\frac{\partial L}{\partial h_{1}} \odot x"),
        (transpose(symbol("∂L/∂v", (3, 4))), "(∂L/∂v)ᵀ",
         r"\left(\frac{\partial L}{\partial v}\right)^\top"),
        (constant(0.25), "0.25", "0.25"),
        (constant(np.eye(3)), "I", "I"),
        (mul(constant(1e-5), x), "10⁻⁵ x", r"10^{-5}\,x"),
    ],
)  # fmt: skip
def test_brackets_stand_where_they_must_and_nowhere_else(e, text, latex):
    assert str(e) == text
    assert e.latex() == latex
    ET.fromstring(f"<math>{to_mathml(e)}</math>")


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        ("{0} \\diamond {1}", "(x + y) diamond (x + y)"),
        ("f({0}, {1})", "f(x + y, x + y)"),
        ("{0}^{{{1}}}", "(x + y)^(x + y)"),
        ("\\frac{{{0}}}{{{1}}}", "(x + y) / (x + y)"),
        ("{0} - {1}", "x + y − (x + y)"),
        ("\\left|{0}\\right| + |{1}|", "|x + y| + |x + y|"),
        ("{0}\\,{1}^\\top", "(x + y) (x + y)ᵀ"),
        ("{wrong}", "stranger(x + y, x + y)"),
    ],
)
def test_an_unknown_operation_is_bracketed_as_its_latex_demands(tex, text):
    stranger = Op("stranger", np.add, tex=tex)
    del Op.registry["stranger"]
    e = apply(stranger, add(x, y), add(x, y))
    assert str(e) == text
    ET.fromstring(f"<math>{to_mathml(e)}</math>")


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("W₁₂", "W_{12}"),
        ("x̂", r"\hat{x}"),
        ("δ₃", r"\delta_{3}"),
        ("x⁽²⁾", "x^{(2)}"),
        ("∂L/∂W₁", r"\frac{\partial L}{\partial W_{1}}"),
        ("log_var", r"\mathrm{log\_var}"),
        ("50%", r"\mathrm{50\%}"),
        ("λ", r"\lambda"),
    ],
)
def test_names_become_latex(name, latex):
    assert name_latex(name) == latex


@given(st.text(min_size=1, max_size=8))
def test_any_name_is_printed_in_every_form(name):
    e = mul(symbol(name, (3, 4)), x)
    assert name in str(e) or name.strip() != name or "  " in name
    e.latex()


@given(st.text(alphabet="abcxyzαβW₁₂̂_%&<>{}\\^~$# ", min_size=1, max_size=8))
def test_any_name_gives_well_formed_mathml(name):
    ET.fromstring(f"<math>{to_mathml(mul(symbol(name, (3, 4)), x))}</math>")


# ---- simplification


@pytest.mark.parametrize(
    ("e", "text"),
    [
        (mul(x, constant(1)), "x"),
        (add(x, constant(0)), "x"),
        (apply(ops.neg, apply(ops.neg, x)), "x"),
        (transpose(transpose(x)), "x"),
        (transpose(matmul(transpose(x), y)), "yᵀ x"),
        (mul(x, x), "x²"),
        (mul(mul(x, x), x), "x³"),
        (add(x, x), "2 x"),
        (sub(x, x), "0"),
        (div(mul(mul(s, constant(2)), sub(x, y)), constant(4)), "s/2 (x − y)"),
        (apply(ops.neg, sub(x, y)), "y − x"),
        (add(mul(x, y), y), "y ⊙ (x + 1)"),
        (div(div(x, y), y), "x / y²"),
        (div(mul(x, y), y), "x"),
        (matmul(mul(constant(3), x), W), "3 x W"),
        (total(mul(s, x), (0,)), "s Σᵢ x"),
        (apply(ops.where, apply(ops.greater, x, y), x, constant(0)), "x ⊙ 1[x > y]"),
        (apply(ops.where, apply(ops.greater, x, y), constant(0), x), "x ⊙ 1[x ≤ y]"),
        (apply(ops.where, apply(ops.greater, x, y), x, mul(constant(0.1), x)),
         "x ⊙ where(x > y, 1, 0.1)"),
        (apply(BROADCAST, mul(constant(2), s), shape=(3, 4), attrs={"shape": (3, 4)}), "2 s"),
    ],
)  # fmt: skip
def test_a_formula_becomes_what_a_textbook_would_write(e, text):
    assert str(simplify(e)) == text


LETTERS = [symbol(name, shape) for name, shape in SHAPES.items() if name not in ("W",)]
NUMBERS = [constant(v) for v in (0, 1, 2, -1, 0.5, 3.7, 1 / 3)]
UNARY = [ops.neg, ops.square, ops.exp, ops.sigmoid, ops.tanh, ops.identity]
BINARY = [ops.add, ops.sub, ops.mul, ops.div]


@st.composite
def deeper(draw, inner):
    a = draw(inner)
    kind = draw(st.sampled_from(["unary", "binary", "binary", "where", "move", "sum", "power"]))
    if kind == "unary":
        return apply(draw(st.sampled_from(UNARY)), a)
    if kind in ("binary", "where"):
        b = draw(inner)
        try:
            np.broadcast_shapes(a.shape, b.shape)
        except ValueError:
            return a
        if kind == "binary":
            return apply(draw(st.sampled_from(BINARY)), a, b)
        condition = apply(ops.greater, a, b)
        sides = [b, constant(0)] if draw(st.booleans()) else [constant(0), a]
        return apply(ops.where, condition, *sides, shape=condition.shape)
    if kind == "power":
        return apply(ops.power, a, constant(draw(st.sampled_from([1, 2, 3.0]))))
    if kind == "sum" and a.shape:
        axes = draw(st.sets(st.integers(0, len(a.shape) - 1), min_size=1))
        return total(a, tuple(sorted(axes)))
    if len(a.shape) == 2 and draw(st.booleans()):
        product = matmul(transpose(a), a)
        return transpose(product) if draw(st.booleans()) else product
    longer = (1, *a.shape) if draw(st.booleans()) else (2, *a.shape)
    if len(longer) > 3:
        return a
    if longer[0] == 1:
        return apply(RESHAPE, a, shape=longer, attrs={"shape": longer})
    return apply(BROADCAST, a, shape=longer, attrs={"shape": longer})


trees = st.recursive(st.sampled_from(LETTERS + NUMBERS), deeper, max_leaves=12)


ZERO_OR_X = apply(ops.where, apply(ops.greater, x, y), constant(0.0), x)
PART_UNDEFINED = apply(  # where x > y, it compares x with 0 / 0: as a formula it has no value
    ops.where, apply(ops.greater, x, div(constant(0.0), ZERO_OR_X)), constant(0.0), x
)


@given(trees, st.integers(0, 5))
@example(PART_UNDEFINED, 0)
def test_simplifying_keeps_shape_and_value(e, seed):
    v = values(seed)
    before = e.evaluate(v)
    short = simplify(e)
    after = short.evaluate(v)
    assert short.shape == e.shape == after.shape
    fine = np.isfinite(before) & (np.abs(before) < 1e6)
    scale = 1 + np.abs(before[fine]).max(initial=0)
    worst = largest(e, v)
    if np.isfinite(worst) and worst < 1e6:  # else digits cancel, before or after
        assert np.abs(after[fine] - before[fine]).max(initial=0) < 1e-8 * scale * (1 + worst)


@given(trees, st.booleans())
def test_what_is_printed_is_read_as_what_it_is(e, short):
    v = values(0)
    e = simplify(e) if short else e
    expected = e.evaluate(v)
    assume(np.isfinite(expected).all())
    found = Page(v).value_of(str(e), shape_text(e.shape))
    assert found.shape == expected.shape
    worst = largest(e, v)
    assume(np.isfinite(worst) and worst < 1e6)
    scale = 1 + np.abs(expected).max(initial=0)
    assert np.abs(found - expected).max(initial=0) < 1e-7 * scale * (1 + worst), str(e)


@given(trees)
def test_what_is_simple_stays_and_prints(e):
    short = simplify(e)
    assert simplify(short) == short
    assert str(short)
    ET.fromstring(f"<math>{to_mathml(short)}</math>")
