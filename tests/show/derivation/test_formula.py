"""Formulas as plain text."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_ae import Op, Tensor
from tinygrad_ae.show.derivation.text import formula, to_text


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"x \odot y", "x ⊙ y"),
        (r"h\,W_1^\top + b_1", "h W₁ᵀ + b₁"),
        (r"\frac{a + b}{c}", "(a + b) / c"),
        (r"\frac{1}{1 + e^{-x}}", "1 / (1 + e⁻ˣ)"),
        (r"\frac12", "1 / 2"),
        (r"\frac{f(a + b)}{c}", "f(a + b) / c"),
        (r"\sqrt{x}", "√x"),
        (r"\sqrt{x + 1}", "√(x + 1)"),
        (r"\hat{x}_1^2", "x̂₁²"),
        (r"\lVert x \rVert_2", "‖x‖₂"),
        (r"\lfloor x / y \rfloor", "⌊x / y⌋"),
        (r"\left|x - y\right|", "|x − y|"),
        (r"\log\sigma(x)", "log σ(x)"),
        (r"\arg\max x", "arg max x"),
        (r"\log\operatorname{softmax}(x)", "log softmax(x)"),
        (r"\sum_{i=1}^n x_i", "Σᵢ₌₁ⁿ xᵢ"),
        (r"\frac{\partial L}{\partial W} = \delta^\top h", "∂L / ∂W = δᵀ h"),
        (r"x[\cdot]", "x[·]"),
        (r"\operatorname{gelu}_{\tanh}(x)", "gelu_tanh(x)"),
        (r"\wibble{x} + 1", "wibble x + 1"),
        (r"\left. f \right|_{x}", "f |ₓ"),
    ],
)
def test_the_signs_a_textbook_would_print(tex, text):
    assert to_text(tex) == text


@given(st.text(alphabet=r"\{}^_ abx1+-|[]().frcqt", max_size=40))
def test_any_string_gives_some_text(tex):
    assert isinstance(to_text(tex), str)


def test_every_declared_operation_prints_without_latex_left_over():
    modules = [m for name, m in sys.modules.items() if name.startswith("tinygrad_ae.ops.")]
    declared = {v for m in modules for v in vars(m).values() if isinstance(v, Op)}
    assert len(declared) > 80
    for op in declared:
        text = formula(_node(op), ["v₀", "v₁", "v₂"][: 1 if op.variadic else op.arity])
        assert ("v₀" in text) == ("{0}" in op.tex or "{args}" in op.tex), op
        assert not set("\\{}$") & set(text), (op, text)


def test_names_are_printed_as_given_even_where_latex_would_read_them():
    x, y = Tensor([1.0], True, name=r"{50%_\of^}"), Tensor([1.0], True, name="a<b>&c")
    assert formula((x * y).node, [x.name, y.name]) == r"{50%_\of^} ⊙ a<b>&c"


def test_a_negative_number_is_bracketed_beside_another_operand():
    assert formula((Tensor([1.0], True) - 1).node, ["x", "−0.5"]) == "x − (−0.5)"


def test_attributes_appear_in_the_formula():
    z = Tensor([1.0], True).clip(-0.25, 2.0)
    assert formula(z.node, ["x"]) == "clip(x, −0.25, 2)"


@pytest.mark.parametrize("tex", ["", "{7}", "{nothing}", "{0.imag}", "{0:>>}}", "{"])
def test_a_template_that_does_not_fit_falls_back_to_the_name(tex, monkeypatch):
    monkeypatch.setattr(Op, "registry", dict(Op.registry))
    op = Op("wobble", lambda x: x + 1, lambda g: g, tex=tex)
    assert formula(op(Tensor([1.0], True)).node, ["x"]) == "wobble(x)"


def _node(op):
    class Record:
        attrs = dict.fromkeys(_attributes(op), 0.5)

    Record.op = op
    return Record


def _attributes(op):
    import inspect

    if isinstance(op.forward, np.ufunc):
        return []
    parameters = inspect.signature(op.forward).parameters.values()
    return [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
