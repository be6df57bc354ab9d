"""Every elementwise operation, tested one way: value, first and second derivative, dtype, LaTeX.

Kinks are avoided where differences are taken, and tested on their own below.
"""

import warnings

import numpy as np
import pytest
import scipy.special as special

from tinygrad_ae import Tensor, check_op, grad, ops

RNG = np.random.default_rng(20)
REAL = (-2.2, 2.3)
POSITIVE = (0.2, 3.0)
UNIT = (-0.9, 0.9)


def numpy_gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


UNARY = {
    "abs": (ops.abs, np.abs, REAL),
    "square": (ops.square, np.square, REAL),
    "neg": (ops.neg, np.negative, REAL),
    "exp": (ops.exp, np.exp, REAL),
    "log": (ops.log, np.log, POSITIVE),
    "log1p": (ops.log1p, np.log1p, UNIT),
    "expm1": (ops.expm1, np.expm1, REAL),
    "sqrt": (ops.sqrt, np.sqrt, POSITIVE),
    "rsqrt": (ops.rsqrt, lambda x: x**-0.5, POSITIVE),
    "sin": (ops.sin, np.sin, REAL),
    "cos": (ops.cos, np.cos, REAL),
    "tan": (ops.tan, np.tan, (-1.2, 1.2)),
    "asin": (ops.asin, np.arcsin, UNIT),
    "acos": (ops.acos, np.arccos, UNIT),
    "atan": (ops.atan, np.arctan, REAL),
    "sinh": (ops.sinh, np.sinh, REAL),
    "cosh": (ops.cosh, np.cosh, REAL),
    "tanh": (ops.tanh, np.tanh, REAL),
    "sigmoid": (ops.sigmoid, special.expit, REAL),
    "logsigmoid": (ops.logsigmoid, special.log_expit, REAL),
    "softplus": (ops.softplus, lambda x: np.logaddexp(0, x), REAL),
    "relu": (ops.relu, lambda x: np.where(x > 0, x, 0), REAL),
    "leaky_relu": (ops.leaky_relu, lambda x: np.where(x > 0, x, 0.01 * x), REAL),
    "elu": (ops.elu, lambda x: np.where(x > 0, x, np.expm1(x)), REAL),
    "selu": (
        ops.selu,
        lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
        REAL,
    ),
    "gelu": (ops.gelu, lambda x: x * special.ndtr(x), REAL),
    "gelu_tanh": (lambda x: ops.gelu(x, "tanh"), numpy_gelu_tanh, REAL),
    "silu": (ops.silu, lambda x: x * special.expit(x), REAL),
    "hardtanh": (ops.hardtanh, lambda x: np.clip(x, -1, 1), REAL),
    "erf": (ops.erf, special.erf, REAL),
    "clip": (lambda x: ops.clip(x, -0.5, 1.5), lambda x: np.clip(x, -0.5, 1.5), REAL),
}
BINARY = {
    "add": (ops.add, np.add, REAL),
    "sub": (ops.sub, np.subtract, REAL),
    "mul": (ops.mul, np.multiply, REAL),
    "div": (ops.div, np.true_divide, POSITIVE),
    "power": (ops.power, np.power, POSITIVE),
    "maximum": (ops.maximum, np.maximum, REAL),
    "minimum": (ops.minimum, np.minimum, REAL),
}
SHAPES = [(), (1,), (3,), (2, 3), (0,), (2, 0), (2, 1, 3)]
PAIRS = [
    ((), ()), ((3,), ()), ((2, 3), (3,)), ((2, 1), (1, 3)), ((1,), (2, 2)), ((0, 3), (3,)),
    ((2, 3), (2, 3)),
]  # fmt: skip


def values(shape, domain):
    """Distinct values away from the kinks at 0, ±0.5, ±1 and 1.5."""
    low, high = domain
    x = RNG.uniform(low, high, shape)
    for kink in (0.0, 0.5, -0.5, 1.0, -1.0, 1.5):
        x = np.where(np.abs(x - kink) < 0.02, kink + 0.05, x)
    return x


@pytest.mark.parametrize("name", UNARY)
def test_unary(name):
    op, reference, domain = UNARY[name]
    samples = [(values(shape, domain),) for shape in SHAPES]
    samples.append((values((4, 3), domain).T,))
    samples.append((values((6,), domain)[::-2],))
    assert check_op(op, samples, reference=reference)


@pytest.mark.parametrize("name", BINARY)
def test_binary(name):
    op, reference, domain = BINARY[name]
    samples = [(values(a, domain), values(b, domain)) for a, b in PAIRS]
    assert check_op(op, samples, reference=reference)


def test_where():
    condition = RNG.random((2, 3)) > 0.5
    samples = [(values((2, 3), REAL), values((3,), REAL)), (values((), REAL), values((3,), REAL))]

    def choose(x, y):
        return ops.where(condition, x, y)

    assert check_op(choose, samples, reference=lambda x, y: np.where(condition, x, y))


@pytest.mark.parametrize("name", [*UNARY, *BINARY])
def test_float32_values_stay_close(name):
    op, reference, domain = (UNARY | BINARY)[name]
    count = 1 if name in UNARY else 2
    xs = [values((50,), domain).astype(np.float32) for _ in range(count)]
    got = op(*(Tensor(x) for x in xs))
    assert got.dtype == np.float32
    np.testing.assert_allclose(got.data, reference(*xs), rtol=2e-5, atol=1e-6)


EXTREME = np.array([-1e4, -700.0, -100.0, -40.0, -1.0, 0.0, 1.0, 40.0, 100.0, 700.0, 1e4])
SATURATING = [
    "tanh", "sigmoid", "logsigmoid", "softplus", "relu", "leaky_relu", "elu", "selu", "gelu",
    "gelu_tanh", "silu", "hardtanh", "erf", "atan",
]  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", SATURATING)
def test_extremes_give_no_warning_and_no_nan(name, dtype):
    x = Tensor(EXTREME, dtype=dtype, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = UNARY[name][0](x)
        (first,) = grad(y.sum(), [x], create_graph=True)
        (second,) = grad(first.sum(), [x], allow_unused=True) if first.requires_grad else (first,)
    for t in (y, first, second):
        assert np.isfinite(t.data).all()


def test_tails_keep_their_digits():
    x = np.array([-700.0, -50.0, -5.0, 5.0, 50.0])
    np.testing.assert_allclose(ops.sigmoid(x), special.expit(x), rtol=1e-14)
    np.testing.assert_allclose(ops.logsigmoid(x), special.log_expit(x), rtol=1e-14)
    np.testing.assert_allclose(ops.softplus(x), np.logaddexp(0, x), rtol=1e-14)


def test_erf_to_double_precision():
    x = np.concatenate([np.linspace(-7, 7, 4001), [-np.inf, np.inf, 0.0, -0.0, 1e-300]])
    np.testing.assert_allclose(ops.erf(x), special.erf(x), rtol=1e-15, atol=2e-16)
    assert np.isnan(ops.erf(np.array(np.nan)))


@pytest.mark.parametrize(
    ("f", "x", "subgradient"),
    [
        (ops.abs, 0.0, 0.0),
        (ops.relu, 0.0, 0.0),
        (ops.leaky_relu, 0.0, 0.01),
        (ops.hardtanh, 1.0, 0.0),
        (lambda x: ops.clip(x, -1, 1), 1.0, 1.0),
        (lambda x: ops.maximum(x, 0.0), 0.0, 0.5),
        (lambda x: x**0, 0.0, 0.0),
        (lambda x: x**1.0, 0.0, 1.0),
        (lambda x: ops.norm(x * np.ones(3)), 0.0, 0.0),
        (lambda x: ops.std(x * np.ones(3)), 2.0, 0.0),
    ],
)
def test_documented_subgradients(f, x, subgradient):
    t = Tensor(x, requires_grad=True)
    assert grad(f(t), t).item() == pytest.approx(subgradient)


def test_ties_share_the_gradient():
    x = Tensor([1.0, 3.0, 3.0], requires_grad=True)
    np.testing.assert_array_equal(grad(x.max(), x).data, [0, 0.5, 0.5])


def test_power_of_zero_and_of_negative_bases():
    x = Tensor([0.0, -2.0, 0.0], requires_grad=True)
    y = x ** Tensor([2.0, 3.0, 0.0])
    np.testing.assert_array_equal(grad(y.sum(), x).data, [0.0, 12.0, 0.0])
    e = Tensor([2.0, 3.0], requires_grad=True)
    g = grad((Tensor([0.0, -2.0]) ** e).sum(), e)
    assert g.data[0] == 0
    assert np.isnan(g.data[1])


def test_whole_numbers_stay_whole_within_limits():
    x = Tensor([1, 2, 3])
    for limits, wanted in (((2, None), [2, 2, 3]), ((None, 2), [1, 2, 2]), ((2, 2), [2, 2, 2])):
        y = x.clip(*limits)
        assert y.dtype == np.int64
        np.testing.assert_array_equal(y.data, wanted)


@pytest.mark.parametrize("op", [ops.maximum, ops.minimum])
def test_the_gradient_goes_where_not_a_number_comes_from(op):
    x = Tensor([np.nan, 1.0, np.nan, 2.0], requires_grad=True)
    y = Tensor([1.0, np.nan, np.nan, 2.0], requires_grad=True)
    gx, gy = grad(op(x, y).sum(), [x, y])
    np.testing.assert_array_equal(gx.data, [1, 0, 1, 0.5])
    np.testing.assert_array_equal(gy.data, [0, 1, 1, 0.5])


@pytest.mark.parametrize("exponent", [3, -1, 0, 2.5, 1])
def test_powers_by_a_number_stay_in_float32(exponent):
    x = Tensor([0.5, 2.0], dtype=np.float32, requires_grad=True)
    y = x**exponent
    pulled = ops.power.vjp(0)(0, np.ones(2, np.float32), y.node, y.node.saved)
    assert pulled.dtype == np.float32
    np.testing.assert_allclose(pulled, exponent * x.data ** (exponent - 1.0), rtol=1e-6)


def test_erf_in_float32_and_of_any_layout():
    x = np.linspace(-7, 7, 200_002).astype(np.float32)
    got = ops.erf(x)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, special.erf(x.astype(float)), rtol=4e-7)
    strided = x.reshape(2, -1)[:, ::3].T
    np.testing.assert_array_equal(ops.erf(strided), ops.erf(strided.copy()))
    assert ops.erf(x.astype(np.float16)).dtype == np.float16
    assert ops.erf(np.array([0, 1])).dtype == np.float64


@pytest.mark.parametrize("exponent", [-3, -2, -1, 0, 1, 2, 3, 4, 7])
def test_whole_powers_of_any_number(exponent):
    x = np.array([-np.inf, -2.5, -1.0, -0.0, 0.0, 0.5, 3.0, np.inf, np.nan])
    with np.errstate(divide="ignore"):
        got, wanted = ops.power(x, exponent), np.power(x, exponent)
    np.testing.assert_allclose(got, wanted, rtol=1e-15)
    np.testing.assert_array_equal(np.signbit(got[:-1]), np.signbit(wanted[:-1]))
    assert check_op(lambda x: x**exponent, [(x[[1, 2, 5, 6]],)])
