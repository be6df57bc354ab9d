"""The printed program's text; that it computes the same numbers is held in tests/browser."""

import base64
import re

import numpy as np
import pytest

from tinygrad_ae import Op, Tensor, manual_seed, nn, ops
from tinygrad_ae.errors import UserError
from tinygrad_ae.export import javascript
from tinygrad_ae.export.expression import number, translate
from tinygrad_ae.models import Autoencoder

X = np.arange(12, dtype=np.float32).reshape(3, 4)


def body(function, *examples):
    """The statements of a printed function, without the runtime."""
    text = javascript(f=(function, *examples))
    return text[text.index("const f = ") :]


def test_each_operation_is_one_statement_with_its_module_beside_it():
    layers = nn.Sequential(nn.Linear(4, 2), nn.ReLU())
    text = body(layers, X)
    assert re.search(r"linear\(t0, x0, c0, c1, 3, 4, 2\);  // linear, 0", text)
    assert "t1[i] = Math.max(t0[i], 0);  // relu, 1" in text


def test_a_stack_of_vectors_is_multiplied_at_once():
    text = body(nn.Linear(4, 2), np.zeros((2, 3, 4), np.float32))
    assert "linear(t0, x0, c0, c1, 6, 4, 2);" in text


def test_parameters_come_along_as_float32_once_for_all_functions():
    manual_seed(0)
    model = Autoencoder(inputs=6, hidden=(), latent=2, tied=True)
    x, z = np.zeros((1, 6), np.float32), np.zeros((1, 2), np.float32)
    text = javascript(encode=(model.encoder, x), decode=(model.decoder, z))
    packed = re.findall(r'const (c\d+) = unpacked\(Float32Array, "(.*)"\);', text)
    arrays = [np.frombuffer(base64.b64decode(data), "<f4") for _, data in packed]
    weight = model.encoder[0].weight.data
    assert sum(np.array_equal(a, weight.ravel()) for a in arrays) == 1
    assert sum(a.size == 12 for a in arrays) == 1  # the decoder's is the same, transposed


def test_a_move_is_printed_by_strides_and_an_irregular_one_by_a_table():
    assert "strided(t0, x0, [4, 3], [1, 4], 0);" in body(lambda t: t.T, X)
    assert "strided(t0, x0, [2, 4], [4, -1], 7);" in body(lambda t: t[1:, ::-1], X)
    assert "gather(t0, x0, c0, 0);" in body(lambda t: t[:, [3, 0, 1]], X)
    assert "gather(t0, x0, c0, 2);" in body(lambda t: ops.pad(t, 1, constant_values=2), X)


def test_shapes_that_only_change_cost_nothing():
    assert "return x0.slice();" in body(lambda t: t.reshape(4, 3).reshape(-1), X)


def test_random_draws_are_refused():
    with pytest.raises(UserError, match=r"normal .*draws random numbers"):
        javascript(f=(ops.normal, X))


def test_an_operation_without_translation_is_named_with_what_to_add():
    with pytest.raises(UserError, match=r"operation inv .*test_javascript.py.*structural.py"):
        javascript(f=(lambda t: ops.inv(t), np.eye(2, dtype=np.float32)))


def test_an_operation_of_ones_own_is_printed_by_its_expr():
    swish = ops.elementwise("js_swish", "x * tanh(x)", lambda g, x: g, tex="s")
    try:
        assert "(x0[i] * Math.tanh(x0[i]))" in body(swish, X)
    finally:
        del Op.registry["js_swish"]


@pytest.mark.parametrize(
    ("expr", "printed"),
    [
        ("x ** 2", "Math.pow(a[i], 2)"),
        ("where(x > 0, x, -x)", "((a[i] > 0) ? a[i] : -(a[i]))"),
        ("1 / (1 + exp(-x))", "(1 / (1 + Math.exp(-(a[i]))))"),
        ("logical_and(x > 0, x < 1)", "((a[i] > 0) && (a[i] < 1))"),
    ],
)
def test_formulas(expr, printed):
    assert translate(expr, {"x": "a[i]"}) == printed


def test_a_formula_that_cannot_be_printed_says_which_part():
    with pytest.raises(ValueError, match="lgamma"):
        translate("x + lgamma(x)", {"x": "a"})


@pytest.mark.parametrize(
    ("value", "printed"),
    [(2.0, "2"), (0.1, "0.1"), (-np.inf, "-Infinity"), (np.nan, "NaN"), (1e300, "1e+300")],
)
def test_numbers(value, printed):
    assert number(value) == printed


def test_tensors_that_are_no_argument_become_constants():
    shift = Tensor(np.float32([1, 2, 3, 4]))
    assert "c0" in body(lambda t: t + shift, X)
