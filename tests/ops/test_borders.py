"""The edges of functions: infinite and zero bases, far too large and small numbers, no axes."""

import numpy as np
import pytest

from tinygrad_ae import Tensor, check_op, grad, ops

INF = np.inf


def both(x, y):
    base, exponent = Tensor(x, requires_grad=True), Tensor(y, requires_grad=True)
    with np.errstate(divide="ignore"):  # 0 to the power -1 is infinite, as NumPy warns
        gb, ge = grad((base**exponent).sum(), [base, exponent])
    return gb.data, ge.data


@pytest.mark.parametrize("x", [INF, -INF, 0.0, -0.0, 1e-310, np.nan])
@pytest.mark.parametrize(
    "exponent", [0, 0.0, Tensor(0.0), Tensor([0.0]), np.uint8([0]), np.float64(0)]
)
def test_a_power_of_0_is_flat_everywhere(x, exponent):
    base = Tensor([x], requires_grad=True)
    assert grad((base**exponent).sum(), base).data == 0


def test_powers_at_zero_have_the_slope_of_their_side():
    gb, ge = both([0.0, 0.0, 0.0, 0.0, 0.0], [-1.0, -0.5, 0.0, 0.5, 2.0])
    np.testing.assert_array_equal(gb, [-INF, -INF, 0, INF, 0])
    np.testing.assert_array_equal(ge, [-INF, -INF, 0, 0, 0])
    e = Tensor([-2.0, 3.0], requires_grad=True)
    with np.errstate(divide="ignore"):
        np.testing.assert_array_equal(grad((0.0**e).sum(), e).data, [-INF, 0])
        np.testing.assert_array_equal(grad((0**e).sum(), e).data, [-INF, 0])


def test_powers_of_infinity():
    gb, ge = both([INF, INF, INF, INF], [-1.0, 0.0, 1.0, 2.0])
    np.testing.assert_array_equal(gb, [0, 0, 1, INF])
    np.testing.assert_array_equal(ge, [0, INF, INF, INF])


def test_second_derivatives_of_powers_at_exponent_0():
    x, y = Tensor([2.0, 0.5], requires_grad=True), Tensor([0.0, 0.0], requires_grad=True)
    gx, gy = grad((x**y).sum(), [x, y], create_graph=True)
    (mixed,) = grad(gx.sum(), [y], retain_graph=True)
    np.testing.assert_allclose(mixed.data, 1 / x.data)  # ∂/∂y of y xʸ⁻¹
    np.testing.assert_allclose(grad(gy.sum(), x).data, 1 / x.data)
    assert check_op(ops.power, [(np.array([0.5, 2.0, 3.0]), np.array([0.0, -1.5, 2.0]))])


def test_flat_powers_stay_flat_in_the_second_derivative():
    x, y = Tensor([0.0, 0.0], requires_grad=True), Tensor([2.0, 3.0], requires_grad=True)
    gx, gy = grad((x**y).sum(), [x, y], create_graph=True)
    np.testing.assert_array_equal(grad(gx.sum(), x, retain_graph=True).data, [2, 0])
    np.testing.assert_array_equal(grad(gx.sum(), y, retain_graph=True).data, [0, 0])
    np.testing.assert_array_equal(grad(gy.sum(), x).data, [0, 0])


def test_a_base_raised_to_whole_numbers_of_a_byte():
    x = Tensor([1e20, 0.5], dtype=np.float32, requires_grad=True)
    np.testing.assert_array_equal(grad((x ** np.uint8([0, 1])).sum(), x).data, [0, 1])


# ---- hypot


@pytest.mark.parametrize(
    ("x", "y", "dtype"),
    [(1e200, 1e200, float), (1e-200, 1e-200, float), (3e19, 4e19, np.float32), (1e-30, 0, np.float32),
     (5e-324, 0, float)],
)  # fmt: skip
def test_hypot_neither_overflows_nor_underflows(x, y, dtype):
    a, b = (Tensor(v, dtype=dtype, requires_grad=True) for v in (x, y))
    z = np.hypot(a, b)
    assert z.data == np.hypot(a.data, b.data)
    assert z.dtype == dtype
    ga, gb = grad(z, [a, b])
    np.testing.assert_allclose(
        [ga.data, gb.data], [x / float(z.data), y / float(z.data)], rtol=1e-6
    )


def test_hypot_is_differentiable_twice_and_0_at_the_origin():
    rng = np.random.default_rng(0)
    assert check_op(ops.hypot, [tuple(rng.normal(size=(2, 3, 2)))], reference=np.hypot)
    x, y = Tensor([0.0], requires_grad=True), Tensor([0.0], requires_grad=True)
    assert [g.data for g in grad(np.hypot(x, y).sum(), [x, y])] == [0, 0]


@pytest.mark.parametrize(
    ("x", "y", "slopes"),
    [(INF, 1, (1, 0)), (-INF, 2, (-1, 0)), (0, INF, (0, 1)), (3, -INF, (0, -1)),
     (INF, 0, (1, 0)), (INF, -INF, (np.nan, np.nan)), (np.nan, 1, (np.nan, np.nan))],
)  # fmt: skip
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_slope_of_hypot_at_infinity_is_its_limit(x, y, slopes, dtype):
    a, b = (Tensor(v, dtype=dtype, requires_grad=True) for v in (x, y))
    with np.errstate(invalid="ignore"):
        found = grad(np.hypot(a, b), [a, b])
    np.testing.assert_array_equal([g.data for g in found], slopes)
    assert [g.dtype for g in found] == [dtype, dtype]


# ---- numbers without axes


REDUCTIONS = [
    ops.sum, ops.mean, ops.var, ops.std, ops.max, ops.min, ops.prod, ops.any, ops.all, ops.norm,
    ops.argmax, ops.argmin, ops.logsumexp, ops.softmax, ops.log_softmax, ops.cumsum, ops.squeeze,
]  # fmt: skip


@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("f", REDUCTIONS, ids=lambda f: f.__name__)
def test_a_number_has_axis_0_and_the_last_one(f, axis):
    x = Tensor(3.0, requires_grad=True)
    y, row = f(x, axis), f(Tensor([3.0]), axis)
    assert y.shape == ((1,) if f is ops.cumsum else ())
    assert y.data == row.data
    if y.requires_grad:
        wanted = {ops.var: 0, ops.std: 0, ops.softmax: 0, ops.log_softmax: 0}.get(f, 1)
        assert grad(y.sum(), x).data == wanted
    with pytest.raises((IndexError, ValueError)):
        f(x, 1)


def test_a_number_has_elements_to_take_and_repeat():
    x = Tensor(3.0, requires_grad=True)
    np.testing.assert_array_equal(
        x.take([0, 0], axis=0).data, np.take(np.array(3.0), [0, 0], axis=0)
    )
    np.testing.assert_array_equal(x.repeat(2, 0).data, np.repeat(np.array(3.0), 2, axis=0))
    assert x.softmax().item() == 1
    with pytest.raises(IndexError, match="axis 0"):
        ops.swapaxes(x, 0, 0)


# ---- what stays what it is


def test_a_copy_keeps_its_dtype():
    for dtype in (bool, np.uint8, np.int64, np.float16, np.float32):
        t = Tensor([1, 0, 1], dtype=dtype)
        assert t.copy().dtype == dtype
        assert not np.shares_memory(t.copy().data, t.data)
    x = Tensor([2.0], requires_grad=True)
    assert grad(x.copy().sum(), x).data == 1


def test_whole_numbers_round_to_whole_numbers_exactly():
    big = Tensor([2**60 + 1, -(2**53) - 1, 5])
    for rounded in (big.round(), big.round(2), np.round(big), ops.round(big, 1)):
        assert rounded.dtype == np.int64
        np.testing.assert_array_equal(rounded.data, big.data)
    x = np.array([149, 150, 250, 251, -150, -250, -149, 0])
    np.testing.assert_array_equal(Tensor(x).round(-2).data, np.round(x, -2))
    assert ops.round(Tensor([2**62 + 1]), -1).item() == round(2**62 + 1, -1)
    assert ops.round(Tensor(np.uint8([200])), -3).data == 0
    np.testing.assert_array_equal(Tensor([0.15, 2.5, 3.5]).round().data, [0, 2, 4])
