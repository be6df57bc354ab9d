"""A check that has never seen a wrong rule is no check: break the rules one at a time.

Each mistake below is put into an operation's own declaration. ``gradcheck`` must catch it, and so
must the test of the suite that is named beside it.
"""

import functools

import numpy as np
import pytest
import test_conv
import test_elementwise
import test_reduce_shape_linalg as others

from tinygrad_ae import gradcheck, ops
from tinygrad_ae.autodiff import GradcheckError
from tinygrad_ae.core import engine
from tinygrad_ae.errors import ShapeError
from tinygrad_ae.ops import Op

RNG = np.random.default_rng(1)
SQUARE, OTHER = RNG.standard_normal((3, 3)), RNG.standard_normal((3, 3))
CUBE = RNG.standard_normal((3, 3, 3))
IMAGE, KERNEL = RNG.standard_normal((2, 1, 5, 5)), RNG.standard_normal((3, 1, 3, 3))

# name: (operation, argument, wrong rule, function and inputs that show it, the suite's test)
MISTAKES = {
    "sign": (
        "sub", 1, lambda g: g,
        (ops.sub, (SQUARE, OTHER)), lambda: test_elementwise.test_binary("sub"),
    ),
    "forgotten factor": (
        "square", 0, lambda g, x: g * x,
        (ops.square, (SQUARE,)), lambda: test_elementwise.test_unary("square"),
    ),
    "forgotten square": (
        "tanh", 0, lambda g, z: g * (1 - z),
        (ops.tanh, (SQUARE,)), lambda: test_elementwise.test_unary("tanh"),
    ),
    "half a derivative": (
        "sigmoid", 0, lambda g, z: g * z,
        (ops.sigmoid, (SQUARE,)), lambda: test_elementwise.test_unary("sigmoid"),
    ),
    "quotient rule without its minus": (
        "div", 1, lambda g, y, z: g * z / y,
        (ops.div, (SQUARE, OTHER)), lambda: test_elementwise.test_binary("div"),
    ),
    "arguments swapped": (
        "mul", 0, lambda g, x: g * x,
        (ops.mul, (SQUARE, OTHER)), lambda: test_elementwise.test_binary("mul"),
    ),
    "wrong side of the kink": (
        "relu", 0, lambda g, x: g * (x < 0),
        (ops.relu, (SQUARE,)), lambda: test_elementwise.test_unary("relu"),
    ),
    "transposed matmul": (
        "matmul", 0, lambda g, y: g @ y,
        (ops.matmul, (SQUARE, OTHER)), lambda: others.test_matmul_of_every_rank((3, 3), (3, 3)),
    ),
    "weights' gradient transposed": (
        "linear", 1, lambda g, x: x.T @ g,
        (ops.linear, (SQUARE, OTHER, OTHER[0])), lambda: others.test_linear_is_x_w_transposed_plus_b(),
    ),
    "mean that forgets to divide": (
        "mean", 0, lambda g, x_shape: ops.broadcast_to(g, x_shape),
        (ops.mean, (SQUARE,)), lambda: others.test_reductions_over_any_axes("mean"),
    ),
    "softmax not centred": (
        "softmax", 0, lambda g, z: z * g,
        (ops.softmax, (SQUARE,)),
        lambda: others.test_cumsum_softmax_log_softmax(1),
    ),
    "running sum in the wrong direction": (
        "cumsum", 0, lambda g, axis: ops.cumsum(g, axis),
        (lambda x: ops.cumsum(x, 0), (SQUARE,)),
        lambda: others.test_cumsum_softmax_log_softmax(0),
    ),
    "permutation not inverted": (
        "transpose", 0, lambda g, axes: np.transpose(g, axes),
        (lambda x: np.transpose(x, (1, 2, 0)), (CUBE,)),
        lambda: others.test_moveaxis_and_its_inverse_differ(),
    ),
    "off-by-one slice": (
        "pad", 0, lambda g, x_shape: g[: x_shape[0], : x_shape[1]],
        (lambda x: ops.pad(x, 1), (SQUARE,)), lambda: others.test_moves("pad"),
    ),
    "joined in the wrong order": (
        "concatenate", 0,
        lambda g, i, xs_shape, axis: np.flip(g, axis)[: xs_shape[i][0], : xs_shape[i][1]],
        (lambda x, y: ops.concatenate([x, y]), (SQUARE, OTHER)), lambda: others.test_joining(0),
    ),
    "taken twice, counted once": (
        "getitem", 0,
        lambda g, x_shape, index: ops.setitem(np.zeros(x_shape), g, index=index),
        (lambda x: x[np.array([0, 0])], (SQUARE,)),
        lambda: others.test_an_element_taken_twice_gets_both_gradients(),
    ),
    "kernel's gradient negated": (
        "conv", 1, None,
        (lambda x, W: ops.conv2d(x, W), (IMAGE, KERNEL)), lambda: test_conv.test_conv2d_with_bias((2, 2, 3, 4), (2, 2, 2, 3), {}),
    ),
}  # fmt: skip


@pytest.fixture
def plant(monkeypatch):
    """Declare an operation anew with one wrong rule, for all that already use it."""

    def put(name, k, wrong):
        op = Op.registry[name]
        if wrong is None:
            right = op.rules[k]

            @functools.wraps(right)
            def wrong(*args, **named):
                return -right(*args, **named)

        rules = [wrong if i == k else rule for i, rule in enumerate(op.rules)]
        settings = {key: getattr(op, key) for key in ("tex", "flops", "expr", "views", "floats")}
        broken = Op(name, op.forward, *rules, **settings, register=False)
        for key, value in vars(broken).items():
            monkeypatch.setattr(op, key, value)

    return put


@pytest.mark.parametrize("mistake", MISTAKES)
def test_gradcheck_and_the_suite_catch(mistake, plant):
    name, k, wrong, (f, inputs), suite = MISTAKES[mistake]
    assert gradcheck(f, inputs)
    suite()
    plant(name, k, wrong)
    with pytest.raises(GradcheckError):
        gradcheck(f, inputs)
    with pytest.raises((AssertionError, ShapeError)):
        suite()


def test_a_missing_unbroadcast_is_caught(monkeypatch):
    def averaged(g, shape):
        return np.broadcast_to(g.mean(axis=0), shape).copy()

    monkeypatch.setattr(engine, "unbroadcast", averaged)
    with pytest.raises(GradcheckError):
        gradcheck(ops.add, (SQUARE, OTHER[0]))
    with pytest.raises(AssertionError):
        test_elementwise.test_binary("add")


def test_a_gradient_that_forgets_a_path_is_caught(monkeypatch):
    monkeypatch.setattr(engine, "_add", lambda a, b: a)  # a second contribution is lost
    with pytest.raises(GradcheckError):
        gradcheck(lambda x: np.sin(x) + np.exp(x), SQUARE)
    with pytest.raises(AssertionError):  # the first derivative of silu uses x, and σ(x), twice
        test_elementwise.test_unary("silu")
