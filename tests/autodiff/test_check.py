"""The checks themselves: right rules pass, and each kind of wrong one is found and placed."""

import numpy as np
import pytest

from tinygrad_ae import Op, Tensor, gradcheck, gradgradcheck, ops
from tinygrad_ae.autodiff import GradcheckError

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((3, 4)), RNG.standard_normal((4, 3))


def op(forward, *rules):
    return Op("planted", forward, *rules, tex="{0}")


WRONG = {
    "sign": (op(np.sin, lambda g, x: -g * np.cos(x)), (X,)),
    "factor": (op(np.square, lambda g, x: g * x), (X,)),
    "transposed product": (
        op(np.matmul, lambda g, y: g @ y.T, lambda g, x: g.T @ x.T),
        (X[:, :3], Y[:3]),
    ),
    "swapped arguments": (op(np.multiply, lambda g, x: g * x, lambda g, y: g * y), (X, X + 1)),
    "missing term": (op(lambda x: x * x + x, lambda g, x: 2 * g * x), (X,)),
    "off by one": (
        op(lambda x: x[:, 1:], lambda g, x_shape: ops.pad(g, ((0, 0), (0, 1)))), (X,)
    ),
    "one element": (op(lambda x: x * 2, lambda g, x: 2 * g + 1e-3 * g * (np.arange(12) == 7).reshape(3, 4)), (X,)),
    "zero": (op(np.exp, lambda g: g * 0), (X,)),
    "no mean factor": (op(lambda x: x.mean(), lambda g, x_shape: ops.broadcast_to(g, x_shape)), (X,)),
    "wrong axis": (
        op(lambda x: np.cumsum(x, 0), lambda g: ops.flip(ops.cumsum(ops.flip(g, 1), 1), 1)), (X,)
    ),
    "wrong side of a kink": (op(lambda x: np.maximum(x, 0), lambda g, x: g * (x < 0)), (X,)),
    "NaN": (op(np.negative, lambda g: g * np.nan), (X,)),
    "order": (op(lambda x: x[::-1], lambda g: g), (X,)),
    "no rule": (op(np.multiply, lambda g, y: g * y, None), (X, X + 1)),
}  # fmt: skip


@pytest.mark.parametrize("mistake", WRONG)
def test_planted_mistakes_are_caught(mistake):
    planted, inputs = WRONG[mistake]
    with pytest.raises(GradcheckError, match=r"argument \d"):
        gradcheck(planted, inputs)


def test_the_wrong_argument_and_element_are_named():
    planted = op(np.multiply, lambda g, y: g * y, lambda g, x: g * x * (1 + (np.arange(4) == 2)))
    with pytest.raises(GradcheckError) as caught:
        gradcheck(planted, (X[0], X[1]))
    assert "∂output[2]/∂(argument 1)[2]" in str(caught.value)
    assert "1 of 16 entries" in str(caught.value)


def test_a_wrong_second_derivative_is_caught_though_the_first_is_right():
    half = op(
        np.square, lambda g, x: 2 * g * Tensor(x.data) if isinstance(x, Tensor) else 2 * g * x
    )
    assert gradcheck(half, X)
    with pytest.raises(GradcheckError):
        gradgradcheck(half, X)


def test_functions_of_nests_and_several_outputs():
    def f(pair, scale):
        return {"a": pair[0] * scale, "b": [np.sin(pair[1])]}

    assert gradcheck(f, ((X, Y), np.array(2.0)))
    assert gradgradcheck(f, ((X, Y), np.array(2.0)))


def test_a_function_without_gradient_has_nothing_to_disagree():
    assert gradcheck(ops.sign, X)
    assert gradgradcheck(ops.sign, X)


def test_unsuitable_functions_and_inputs_are_refused():
    with pytest.raises(TypeError, match="argument 1 is float32"):
        gradcheck(ops.mul, (X, X.astype(np.float32)))
    with pytest.raises(GradcheckError, match="different results"):
        gradcheck(lambda x: x * np.random.default_rng().random(), X)
