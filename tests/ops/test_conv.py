"""Convolutions against plain loops; derivatives of every argument, to the second order."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_ae import Tensor, check_op, grad, gradcheck, no_grad, ops
from tinygrad_ae.core.graph import Graph

RNG = np.random.default_rng(3)


def array(*shape):
    return RNG.standard_normal(shape)


def by_loops(x, W, b=None, stride=1, padding=0, dilation=1, groups=1):
    """The definition, one product at a time, over any number of spatial axes."""
    n = x.ndim - 2
    s, p, d = ((v,) * n if isinstance(v, int) else v for v in (stride, padding, dilation))
    x = np.pad(x, ((0, 0), (0, 0), *((a, a) for a in p)))
    kernel, size = W.shape[2:], x.shape[2:]
    out_size = [(size[i] - d[i] * (kernel[i] - 1) - 1) // s[i] + 1 for i in range(n)]
    z = np.zeros((x.shape[0], W.shape[0], *out_size))
    per_group = W.shape[0] // groups
    for sample, o, c in itertools.product(range(len(x)), range(W.shape[0]), range(W.shape[1])):
        channel = o // per_group * W.shape[1] + c
        for place in np.ndindex(*out_size):
            for k in np.ndindex(*kernel):
                at = tuple(s[i] * place[i] + d[i] * k[i] for i in range(n))
                z[(sample, o, *place)] += W[(o, c, *k)] * x[(sample, channel, *at)]
    return z if b is None else z + b.reshape(-1, *[1] * n)


def transposed_by_loops(x, W, b=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Each element of x puts down a copy of the kernel."""
    n = x.ndim - 2
    s, p, e, d = (
        (v,) * n if isinstance(v, int) else v for v in (stride, padding, output_padding, dilation)
    )
    full = [(x.shape[2 + i] - 1) * s[i] + d[i] * (W.shape[2 + i] - 1) + 1 + e[i] for i in range(n)]
    z = np.zeros((x.shape[0], W.shape[1] * groups, *full))
    per_group = W.shape[0] // groups
    for sample, c, o in itertools.product(range(len(x)), range(W.shape[0]), range(W.shape[1])):
        channel = c // per_group * W.shape[1] + o
        for place in np.ndindex(*x.shape[2:]):
            for k in np.ndindex(*W.shape[2:]):
                at = tuple(s[i] * place[i] + d[i] * k[i] for i in range(n))
                z[(sample, channel, *at)] += W[(c, o, *k)] * x[(sample, c, *place)]
    z = z[(..., *(slice(p[i], full[i] - p[i]) for i in range(n)))]
    return z if b is None else z + b.reshape(-1, *[1] * n)


# ---- values and derivatives for chosen settings


@pytest.mark.parametrize(
    ("x", "W", "settings"),
    [
        ((2, 2, 3, 4), (2, 2, 2, 3), {}),
        ((1, 2, 4, 5), (2, 2, 3, 3), {"stride": 2, "padding": 1}),
        ((1, 2, 5, 3), (2, 1, 2, 1), {"groups": 2, "stride": (2, 1), "padding": (0, 1)}),
        ((1, 1, 5, 4), (1, 1, 2, 2), {"dilation": (3, 2)}),
        ((1, 1, 1, 1), (1, 1, 1, 1), {}),
    ],
)
def test_conv2d_with_bias(x, W, settings):
    sample = (array(*x), array(*W), array(W[0]))
    assert check_op(ops.conv2d, [(sample, settings)], reference=by_loops)


@pytest.mark.parametrize(
    ("x", "W", "settings"),
    [
        ((2, 2, 6), (2, 2, 3), {}),
        ((1, 2, 7), (4, 1, 2), {"stride": 3, "padding": 2, "dilation": 2, "groups": 2}),
    ],
)
def test_conv1d_with_bias(x, W, settings):
    sample = (array(*x), array(*W), array(W[0]))
    assert check_op(ops.conv1d, [(sample, settings)], reference=by_loops)


@pytest.mark.parametrize(
    ("x", "W", "settings"),
    [
        ((2, 2, 2, 3), (2, 1, 2, 3), {}),
        ((1, 2, 3, 2), (2, 1, 3, 3), {"stride": 2, "padding": 1, "output_padding": 1}),
        (
            (1, 2, 2, 3),
            (2, 1, 2, 2),
            # the dilation allows an output padding above the stride
            {"stride": (3, 2), "padding": (1, 2), "output_padding": (2, 3), "groups": 2,
             "dilation": (4, 4)},
        ),
    ],
)  # fmt: skip
def test_conv_transpose2d_with_bias(x, W, settings):
    sample = (array(*x), array(*W), array(W[1] * settings.get("groups", 1)))
    assert check_op(ops.conv_transpose2d, [(sample, settings)], reference=transposed_by_loops)


def test_conv_transpose1d_with_bias():
    sample = (array(2, 2, 4), array(2, 2, 3), array(2))
    settings = {"stride": 2, "padding": 1, "output_padding": 1}
    assert check_op(ops.conv_transpose1d, [(sample, settings)], reference=transposed_by_loops)


# ---- any settings


@st.composite
def convolutions(draw):
    groups, per_group_in, per_group_out = (draw(st.integers(1, 2)) for _ in range(3))
    axes = draw(st.integers(1, 2))

    def each(low, high):
        return tuple(draw(st.integers(low, high)) for _ in range(axes))

    kernel, stride, padding, dilation, spare = (
        each(1, 3), each(1, 3), each(0, 2), each(1, 2), each(0, 3)
    )  # fmt: skip
    size = [
        max(1, d * (k - 1) + 1 + e - 2 * p)
        for k, d, e, p in zip(kernel, dilation, spare, padding, strict=True)
    ]
    x = array(draw(st.integers(0, 2)), groups * per_group_in, *size)
    W = array(groups * per_group_out, per_group_in, *kernel)
    return x, W, {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}


@settings(max_examples=40, deadline=None)
@given(convolutions())
def test_convolution_of_any_shape(case):
    x, W, how = case
    conv = ops.conv1d if x.ndim == 3 else ops.conv2d
    np.testing.assert_allclose(conv(x, W, **how), by_loops(x, W, **how), atol=1e-12)
    assert gradcheck(lambda x, W: conv(x, W, **how), (x, W))


@settings(max_examples=40, deadline=None)
@given(convolutions())
def test_transposed_convolution_is_the_adjoint_of_convolution(case):
    x, W, how = case
    conv, transposed = (
        (ops.conv1d, ops.conv_transpose1d) if x.ndim == 3 else (ops.conv2d, ops.conv_transpose2d)
    )
    z = conv(x, W, **how)
    # the rows that the last window does not reach are what output_padding brings back
    extra = tuple(
        (n + 2 * p - d * (k - 1) - 1) % s
        for n, p, d, k, s in zip(
            x.shape[2:], how["padding"], how["dilation"], W.shape[2:], how["stride"], strict=True
        )
    )
    y = array(*z.shape)
    back = transposed(y, W, output_padding=extra, **how)
    assert back.shape == x.shape
    np.testing.assert_allclose(
        back, transposed_by_loops(y, W, output_padding=extra, **how), atol=1e-12
    )
    np.testing.assert_allclose(np.sum(z * y), np.sum(x * back), atol=1e-10)
    assert gradcheck(lambda y, W: transposed(y, W, output_padding=extra, **how), (y, W))


# ---- padding by name, memory, types


@pytest.mark.parametrize(("kernel", "dilation"), [(3, 1), (4, 1), (2, 3), (1, 1)])
def test_same_padding_keeps_the_length_and_puts_the_odd_zero_last(kernel, dilation):
    x, W = array(1, 1, 7), array(1, 1, kernel)
    total = dilation * (kernel - 1)
    around = np.pad(x, ((0, 0), (0, 0), (total // 2, total - total // 2)))
    z = ops.conv1d(x, W, padding="same", dilation=dilation)
    assert z.shape == x.shape
    np.testing.assert_allclose(z, by_loops(around, W, dilation=dilation))


def test_valid_padding_is_none():
    x, W = array(1, 2, 5, 5), array(1, 2, 3, 3)
    assert np.array_equal(ops.conv2d(x, W, padding="valid"), ops.conv2d(x, W))


def test_inputs_may_lie_anyhow_in_memory():
    x, W, y = array(2, 4, 6, 6), array(3, 2, 3, 3), array(2, 3, 2, 3)
    odd_x, odd_W = x[:, ::2, ::-1, 1:].copy(order="F"), W.transpose(0, 1, 3, 2)
    z = ops.conv2d(x[:, ::2, ::-1, 1:], odd_W, stride=(2, 1))
    np.testing.assert_allclose(
        z, by_loops(np.ascontiguousarray(odd_x), np.ascontiguousarray(odd_W), stride=(2, 1))
    )
    assert gradcheck(lambda x, W, y: (ops.conv2d(x, W, stride=(2, 1)) * y).sum(), (odd_x, odd_W, y))


def test_an_empty_batch_has_an_empty_result_and_zero_weight_gradients():
    x = Tensor(np.zeros((0, 2, 5, 5)), requires_grad=True)
    W = Tensor(array(3, 2, 3, 3), requires_grad=True)
    for f, shape in ((ops.conv2d, (0, 3, 3, 3)), (ops.conv_transpose2d, (0, 4, 7, 7))):
        weight = W if f is ops.conv2d else Tensor(array(2, 4, 3, 3), requires_grad=True)
        z = f(x, weight)
        assert z.shape == shape
        gx, gW = grad(z.sum(), [x, weight])
        assert gx.shape == x.shape
        assert not gW.data.any()


def test_single_precision_stays_and_agrees():
    x, W, b = array(3, 2, 6, 6), array(4, 2, 3, 3), array(4)
    single = [Tensor(a.astype(np.float32), requires_grad=True) for a in (x, W, b)]
    z = ops.conv2d(*single, stride=2, padding=1)
    assert z.dtype == np.float32
    np.testing.assert_allclose(z.data, by_loops(x, W, b, stride=2, padding=1), atol=1e-5)
    assert all(g.dtype == np.float32 for g in grad(z.sum(), single))


def test_every_derivative_is_one_of_the_three_operations():
    x, W = (Tensor(a, requires_grad=True) for a in (array(1, 1, 4, 4), array(1, 1, 2, 2)))
    first = grad(ops.conv2d(x, W).square().sum(), [x, W], create_graph=True)
    names = {node.op.name for node in Graph.of(*first) if node.op}
    assert {"conv", "conv_transpose", "conv_weight"} <= names


def test_the_cost_of_a_convolution_counts_its_multiplications_and_additions():
    z = ops.conv2d(Tensor(array(2, 3, 5, 5), requires_grad=True), array(4, 3, 3, 3))
    node = z.node
    assert node.flops == 2 * (2 * 4 * 3 * 3) * 27


# ---- mistakes


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ops.conv2d(array(1, 3, 5, 5), array(2, 2, 3, 3)), "reads 2 channels.*has 3"),
        (lambda: ops.conv2d(array(3, 5, 5), array(2, 3, 3, 3)), "batch, channels, height"),
        (lambda: ops.conv1d(array(1, 3, 5, 5), array(2, 3, 3)), "batch, channels, length"),
        (lambda: ops.conv2d(array(1, 4, 5, 5), array(3, 2, 3, 3), groups=2), "into 2 groups"),
        (lambda: ops.conv2d(array(1, 1, 3, 3), array(1, 1, 5, 1)), "5 x 1 does not fit into 3 x 3"),
        (lambda: ops.conv2d(array(1, 1, 3, 3), array(1, 1, 2, 2), stride=0), "stride.*at least 1"),
        (lambda: ops.conv2d(array(1, 1, 3, 3), array(1, 1, 2, 2), stride=1.5), "whole number"),
        (lambda: ops.conv2d(array(1, 1, 3, 3), array(1, 1, 2, 2), padding=(1, 1, 1)), "or 2"),
        (lambda: ops.conv2d(array(1, 1, 3, 3), array(1, 1, 2, 2), padding="full"), "'full'"),
        (
            lambda: ops.conv2d(array(1, 1, 3, 3), array(1, 1, 2, 2), padding="same", stride=2),
            "stride 1 only",
        ),
        (
            lambda: ops.conv1d(array(1, 1, 3), array(2, 1, 2), array(3)),
            "bias for 2 output channels",
        ),
        (lambda: ops.conv_transpose2d(array(1, 3, 2, 2), array(2, 1, 2, 2)), "reads 2 channels"),
        (lambda: ops.conv_transpose1d(array(1, 3, 2), array(3, 1, 2), groups=2), "into 2 groups"),
        (lambda: ops.conv_transpose2d(array(1, 1, 2), array(1, 1, 2, 2)), "4 axes"),
        (
            lambda: ops.conv_transpose1d(array(1, 1, 2), array(1, 1, 2), output_padding=1),
            "output_padding",
        ),
        (lambda: ops.conv_transpose1d(array(1, 1, 1), array(1, 1, 2), padding=1), "everything off"),
    ],
)
def test_mistakes_are_explained(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_a_mistake_with_tensors_names_the_shapes_and_the_line():
    with no_grad(), pytest.raises(ValueError, match=r"\(1, 3, 5, 5\)(.|\n)*test_conv.py:"):
        ops.conv2d(Tensor(array(1, 3, 5, 5)), Tensor(array(2, 2, 3, 3)))


def test_convolutions_take_lists():
    x, W = [[[1.0, 2.0, 3.0]]], [[[1.0, -1.0]]]
    assert ops.conv1d(x, W, [10.0]).tolist() == [[[9, 9]]]
    assert ops.conv_transpose1d(x, W, [10.0]).tolist() == [[[11, 11, 11, 7]]]
    z = ops.conv1d(Tensor(x, requires_grad=True), W, [10.0])
    assert z.tolist() == [[[9, 9]]]
