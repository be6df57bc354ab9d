"""Reductions, products, and everything that moves elements: value and both derivatives."""

import itertools
import re
import tracemalloc

import numpy as np
import pytest
import scipy.special as special
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_ae import Tensor, check_op, grad, ops
from tinygrad_ae.errors import ShapeError

RNG = np.random.default_rng(7)


def array(*shape):
    """Distinct values in no order, so that no two tie."""
    return RNG.permutation(np.arange(np.prod(shape, dtype=int)) * 0.37 - 1.1).reshape(shape)


REDUCTIONS = {
    "sum": (ops.sum, np.sum),
    "mean": (ops.mean, np.mean),
    "var": (ops.var, np.var),
    "std": (ops.std, np.std),
    "max": (ops.max, np.max),
    "min": (ops.min, np.min),
    "prod": (ops.prod, np.prod),
    "logsumexp": (ops.logsumexp, special.logsumexp),
    "norm": (ops.norm, lambda x, axis, keepdims: np.sqrt(np.sum(x * x, axis, keepdims=keepdims))),
}
AXES = [None, 0, -1, (0, 1), (2, 0), (0, 1, 2)]


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_over_any_axes(name):
    op, reference = REDUCTIONS[name]
    samples = [
        ((array(2, 3, 2),), {"axis": axis, "keepdims": keepdims})
        for axis, keepdims in itertools.product(AXES, (False, True))
    ]
    samples.append(((array(3, 2).T,), {"axis": 1, "keepdims": False}))
    samples.append(((array(3),), {"axis": None, "keepdims": False}))
    assert check_op(op, samples, reference=reference)


@pytest.mark.parametrize(("op", "value"), [(ops.sum, 0.0), (ops.prod, 1.0)])
def test_reductions_of_nothing(op, value):
    x = Tensor(np.zeros((0, 3)), requires_grad=True)
    y = op(x)
    assert y.item() == value
    assert grad(y, x).shape == (0, 3)


@pytest.mark.parametrize(
    ("x", "first", "second_of_0"),
    [
        ([0.0, 3.0, 5.0, 7.0], [105, 0, 0, 0], [0, 35, 21, 15]),
        ([0.0, 0.0, 5.0, 7.0], [0, 0, 0, 0], [0, 35, 0, 0]),
        ([0.0, 0.0, 0.0, 7.0], [0, 0, 0, 0], [0, 0, 0, 0]),
    ],
)
def test_product_with_zeros_has_the_exact_gradient(x, first, second_of_0):
    t = Tensor(x, requires_grad=True)
    g = grad(t.prod(), t, create_graph=True)
    np.testing.assert_array_equal(g.data, first)
    np.testing.assert_array_equal(grad(g[0], t).data, second_of_0)


def test_product_that_underflows_has_the_exact_gradient():
    x = Tensor([1e-200, 1e-200, 1e300], requires_grad=True)
    np.testing.assert_allclose(grad(x.prod(), x).data, [1e100, 1e100, 0], rtol=1e-14)


@pytest.mark.parametrize("shape", [(5,), (7, 4), (3, 1, 6)])
@pytest.mark.parametrize("axis", [None, 0, -1])
def test_gradient_of_a_product_by_leaving_one_out(shape, axis):
    x = RNG.choice([0.0, 1.0, -2.0, 3.0], shape)
    t = Tensor(x, requires_grad=True)
    g = grad(t.prod(axis).sum(), t).data
    for place in np.ndindex(shape):
        others = x.copy()
        others[place] = 1
        kept = () if axis is None else np.delete(place, axis)
        assert g[place] == np.prod(others, axis=axis)[tuple(kept)]


def test_gradient_of_a_long_product_takes_linear_memory():
    x = np.ones(8000)
    x[[3, 4000]] = 0, 5
    t = Tensor(x, requires_grad=True)
    y = t.prod()
    tracemalloc.start()
    g = grad(y, t)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert g.data[3] == 5
    assert np.count_nonzero(g.data) == 1
    assert peak < 100 * x.nbytes


def test_many_equal_maxima_in_half_precision():
    x = Tensor(np.ones(70_000, np.float16), requires_grad=True)
    g = grad(x.max() * 1000, x).data
    assert g.dtype == np.float16
    np.testing.assert_allclose(g, 1000 / 70_000, rtol=1e-2)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_cumsum_softmax_log_softmax(axis):
    samples = [((array(2, 3),), {"axis": axis})]
    assert check_op(ops.cumsum, samples, reference=np.cumsum)
    assert check_op(ops.softmax, samples, reference=special.softmax)
    assert check_op(ops.log_softmax, samples, reference=special.log_softmax)


def test_softmax_family_at_the_extremes():
    x = Tensor([1e4, 0.0, -1e4], requires_grad=True)
    for f in (ops.softmax, ops.log_softmax, ops.logsumexp):
        y = f(x)
        assert np.isfinite(y.data).all()
        assert np.isfinite(grad(y.sum(), x).data).all()
    nothing = Tensor([-np.inf, -np.inf], requires_grad=True)
    assert ops.logsumexp(nothing).item() == -np.inf


@pytest.mark.parametrize(
    ("x", "softmax", "logsumexp"),
    [
        ([np.inf, 800.0], [1, 0], np.inf),
        ([np.inf, np.inf, 0.0], [0.5, 0.5, 0], np.inf),
        ([-np.inf, 0.0], [0, 1], 0),
        ([-np.inf, -np.inf], [0.5, 0.5], -np.inf),
        ([np.nan, 0.0], [np.nan, np.nan], np.nan),
    ],
)
def test_softmax_family_at_infinity(x, softmax, logsumexp):
    t = Tensor(x, requires_grad=True)
    np.testing.assert_array_equal(ops.softmax(t).data, softmax)
    np.testing.assert_array_equal(ops.logsumexp(t).data, logsumexp)
    np.testing.assert_array_equal(grad(ops.logsumexp(t), t).data, softmax)
    with np.errstate(divide="ignore"):
        np.testing.assert_array_equal(ops.log_softmax(t).data, np.log(softmax))


def test_cumsum_of_everything():
    check_op(ops.cumsum, [((array(2, 3),), {"axis": None})], reference=np.cumsum)
    with pytest.raises(TypeError):
        ops.cumsum(array(2, 3), (0, 1))


@pytest.mark.parametrize("op", [ops.argmax, ops.argmin])
def test_indices_need_no_gradient(op):
    x = Tensor(array(2, 3), requires_grad=True)
    reference = getattr(np, op.__name__)
    np.testing.assert_array_equal(op(x, 1).data, reference(x.data, 1))
    assert not op(x).requires_grad


def test_axis_errors():
    with pytest.raises(IndexError, match=r"axis 2 is out of range for shape \(3, 4\)"):
        Tensor(np.ones((3, 4))).sum(axis=2)
    with pytest.raises(IndexError, match="twice"):
        Tensor(np.ones((3, 4))).sum(axis=(0, -2))


MATMUL = [
    ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((1, 3), (3, 1)),
    ((5, 2, 3), (3,)), ((3,), (5, 3, 2)), ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)),
    ((5, 2, 3), (5, 3, 2)), ((4, 1, 2, 3), (5, 3, 2)), ((0, 3), (3, 2)), ((2, 0), (0, 3)),
    ((2, 3, 0), (0, 4)), ((2, 0), (0,)), ((2, 3, 0), (0,)), ((0, 2, 3), (3,)),
]  # fmt: skip


@pytest.mark.parametrize(("a", "b"), MATMUL)
def test_matmul_of_every_rank(a, b):
    assert check_op(ops.matmul, [(array(*a), array(*b))], reference=np.matmul)


@pytest.mark.parametrize(("a", "b"), [((3, 4), (3, 4)), ((3,), (4,)), ((), (3,))])
def test_factors_that_do_not_fit_are_named_with_what_would(a, b):
    words = re.escape("a product takes x (…, n, k) and y (…, k, m), or a vector")
    with pytest.raises(ShapeError, match=rf"{words}.* got x {re.escape(f'{a} and y {b}')}"):
        ops.matmul(Tensor(np.ones(a)), np.ones(b))


def test_linear_is_x_w_transposed_plus_b():
    sample = (array(4, 3), array(2, 3), array(2))
    assert check_op(ops.linear, [sample], reference=lambda x, W, b: x @ W.T + b)
    with pytest.raises(ValueError, match=r"x \(4, 3\) and W \(2, 5\)"):
        ops.linear(Tensor(np.ones((4, 3))), Tensor(np.ones((2, 5))), Tensor(np.ones(2)))


def test_tensordot_outer_dot():
    assert check_op(ops.outer, [(array(3), array(2)), (array(2, 2), array(3))], reference=np.outer)
    for axes in (0, 1, 2, ([1, 2], [0, 1]), ([0], [1]), (2, 1)):
        x, y = (
            (array(3, 2, 3), array(2, 3, 4)) if axes != ([0], [1]) else (array(3, 2), array(4, 3))
        )
        if axes == 1:
            x, y = array(2, 2), array(2, 3)
        if axes == 2:
            x = array(4, 2, 3)
        sample = ((x, y), {"axes": axes})
        assert check_op(ops.tensordot, [sample], reference=np.tensordot)
    pairs = [((3,), (3,)), ((2, 3), (3, 2)), ((), (3,)), ((2, 3), (4, 3, 2)), ((2, 2, 3), (3,))]
    assert check_op(ops.dot, [(array(*a), array(*b)) for a, b in pairs], reference=np.dot)


MOVES = {
    "reshape": (
        ops.reshape,
        lambda x, shape: np.reshape(x, shape),
        [{"shape": (3, 2)}, {"shape": (-1,)}],
    ),
    "broadcast_to": (ops.broadcast_to, np.broadcast_to, [{"shape": (4, 2, 3)}]),
    "transpose": (ops.transpose, np.transpose, [{}, {"axes": (1, 0)}, {"axes": (-1, 0)}]),
    "swapaxes": (ops.swapaxes, np.swapaxes, [{"axis1": 0, "axis2": -1}]),
    "expand_dims": (ops.expand_dims, np.expand_dims, [{"axis": 0}, {"axis": (0, -1)}]),
    "flip": (ops.flip, np.flip, [{}, {"axis": 1}, {"axis": (0, 1)}]),
    "roll": (
        ops.roll,
        np.roll,
        [{"shift": 1}, {"shift": -2, "axis": 1}, {"shift": (1, 2), "axis": (0, 1)}],
    ),
    "repeat": (
        ops.repeat,
        np.repeat,
        [{"repeats": 2}, {"repeats": 2, "axis": 1}, {"repeats": [1, 3], "axis": 0}],
    ),
    "tile": (ops.tile, np.tile, [{"reps": 2}, {"reps": (2, 1, 2)}, {"reps": (1, 2)}]),
    "tril": (ops.tril, np.tril, [{}, {"k": 1}, {"k": -1}]),
    "triu": (ops.triu, np.triu, [{}, {"k": 1}, {"k": -1}]),
    "diagonal": (
        ops.diagonal,
        np.diagonal,
        [{}, {"offset": 1}, {"offset": -1}, {"offset": 9}, {"axis1": 1, "axis2": 0}],
    ),
    "pad": (
        ops.pad,
        np.pad,
        [
            {"pad_width": 1},
            {"pad_width": ((1, 0), (2, 1)), "constant_values": 3.0},
            {"pad_width": ((0, 1), (1, 1)), "mode": "reflect"},
            {"pad_width": 1, "mode": "edge"},
            {"pad_width": 1, "mode": "wrap"},
        ],
    ),
    "take": (
        ops.take,
        np.take,
        [
            {"indices": [0, 4, 0]},
            {"indices": [[1, 1], [0, 2]], "axis": 1},
            {"indices": 1, "axis": 0},
        ],
    ),
}


@pytest.mark.parametrize("name", MOVES)
def test_moves(name):
    op, reference, attributes = MOVES[name]
    samples = [((array(2, 3),), attrs) for attrs in attributes]
    samples += [((array(3, 2).T,), attrs) for attrs in attributes]
    assert check_op(op, samples, reference=reference)


def test_moveaxis_and_its_inverse_differ():
    sample = ((array(2, 3, 4),), {"axes": (1, 2, 0)})
    assert check_op(ops.transpose, [sample], reference=np.transpose)


def test_squeeze_and_moveaxis():
    samples = [((array(2, 1, 3, 1),), {"axis": axis}) for axis in (None, 1, (1, 3))]
    assert check_op(ops.squeeze, samples, reference=np.squeeze)
    for source, target in [(0, -1), ((0, 1), (-1, -2)), (2, 0)]:
        sample = ((array(2, 3, 2),), {"source": source, "destination": target})
        assert check_op(ops.moveaxis, [sample], reference=np.moveaxis)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_joining(axis):
    samples = [(array(2, 3), array(2, 3)), (array(2, 3), array(2, 3), array(2, 3))]
    for f, reference in ((ops.concatenate, np.concatenate), (ops.stack, np.stack)):
        assert check_op(
            lambda *xs, f=f: f(xs, axis), samples, reference=lambda *xs, r=reference: r(xs, axis)
        )
    x = Tensor(array(4, 6), requires_grad=True)
    for sections in (2, [1, 3]):
        parts = ops.split(x, sections, axis)
        for ours, wanted in zip(parts, np.split(x.data, sections, axis), strict=True):
            np.testing.assert_array_equal(ours.data, wanted)
        total = sum((k + 1) * p.sum() for k, p in enumerate(parts))
        wanted = np.concatenate([np.full(p.shape, k + 1.0) for k, p in enumerate(parts)], axis)
        np.testing.assert_array_equal(grad(total, x).data, wanted)
    with pytest.raises(ValueError, match="5 equal sections"):
        ops.split(x, 5)


OUT_OF_RANGE = {
    "split": lambda x: ops.split(x, 1, 2),
    "take": lambda x: ops.take(x, [0], -3),
    "gather": lambda x: ops.gather(x, 2, np.zeros((2, 3), int)),
    "scatter_add": lambda x: ops.scatter_add(x, 2, np.zeros((2, 3), int), x),
    "swapaxes": lambda x: ops.swapaxes(x, 0, 3),
    "transpose": lambda x: ops.transpose(x, (0, 2)),
    "concatenate": lambda x: ops.concatenate([x, x], 2),
    "flip": lambda x: ops.flip(x, 2),
    "repeat": lambda x: ops.repeat(x, 2, 2),
    "argmax": lambda x: ops.argmax(x, 2),
    "cumsum": lambda x: ops.cumsum(x, -3),
    "tensordot": lambda x: ops.tensordot(x, x, (2, 0)),
}


@pytest.mark.parametrize("name", OUT_OF_RANGE)
def test_an_axis_out_of_range_is_named(name):
    for x in (array(2, 3), Tensor(array(2, 3))):
        with pytest.raises(IndexError, match=r"-?\d is out of range for shape \(2, 3\)"):
            OUT_OF_RANGE[name](x)


MISTAKES = {
    "concatenate needs at least one array": lambda x: ops.concatenate([]),
    "pad: mode 'mirror'; use constant, edge": lambda x: ops.pad(x, 1, "mirror"),
    r"cannot pair axes \[1\] of \(2, 3\) with \[0\] of \(2, 3\)": lambda x: ops.tensordot(x, x, 1),
    "approximate must be 'none' or 'tanh', not 'erf'": lambda x: ops.gelu(x, "erf"),
}


@pytest.mark.parametrize("words", MISTAKES)
def test_mistakes_are_explained(words):
    with pytest.raises(ValueError, match=words):
        MISTAKES[words](Tensor(array(2, 3)))


def test_of_two_values_for_one_element_the_last_counts():
    x, y = (Tensor(array(3), requires_grad=True) for _ in range(2))
    z = ops.setitem(x, y, index=np.array([0, 2, 0]))
    np.testing.assert_array_equal(z.data, [y.data[2], x.data[1], y.data[1]])
    gx, gy = grad((z * [1.0, 2.0, 3.0]).sum(), [x, y])
    np.testing.assert_array_equal(gx.data, [0, 2, 0])
    np.testing.assert_array_equal(gy.data, [0, 3, 1])


def test_numpys_whole_numbers_count_as_whole_numbers():
    x, two = Tensor(array(2, 3)), np.int64(2)
    assert ops.reshape(x, np.int64(6)).shape == (6,)
    assert ops.tile(x, two).shape == (2, 6)
    assert len(ops.split(x, two)) == 2
    np.testing.assert_array_equal(np.roll(x, np.int64(1)).data, np.roll(x.data, 1))
    np.testing.assert_array_equal(ops.sum(x, np.int64(1)).data, x.data.sum(1))


def test_nothing_is_not_a_number_of_sections():
    for sections in (0, -1, 4):
        with pytest.raises(ValueError, match=f"length 3 into {sections} equal sections"):
            ops.split(Tensor(array(3)), sections)
    assert [p.shape for p in ops.split(np.ones((0, 2)), 3)] == [(0, 2)] * 3


@pytest.mark.parametrize("f", [ops.tril, ops.triu])
def test_triangles_keep_the_dtype(f):
    for dtype in (np.bool_, np.int8, np.float16):
        assert f(Tensor(np.ones((2, 2), dtype))).dtype == dtype


INDICES = [
    0, -1, slice(None, None, 2), (slice(1, None), 0), ..., (..., 1), None, (0, None, slice(2)),
    np.array([0, 2, 0]), np.array([True, False, True]), (np.array([0, 2]), np.array([1, 1])),
    (slice(None), np.array([[0, 1], [3, 3]])), (np.array([[0], [2]]), np.array([0, 1])),
    [2, 0], np.zeros(0, int), slice(0, 0),
]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_indexing(index):
    assert check_op(lambda x: x[index], [(array(3, 4),)], reference=lambda x: x[index])


def test_an_element_taken_twice_gets_both_gradients():
    x = Tensor([1.0, 2.0], requires_grad=True)
    np.testing.assert_array_equal(grad(x[np.array([0, 0, 1])].sum(), x).data, [2, 1])


def test_an_index_overwritten_before_backward_does_no_harm():
    for select in (
        lambda x, index: ops.take(x, index, 0),
        lambda x, index: ops.gather(x, 0, index),
        lambda x, index: ops.scatter_add(np.zeros(3), 0, index, x),
        lambda x, index: ops.getitem(x, index=index),
        lambda x, index: ops.getitem(x, index=(index,)),
    ):
        x, index = Tensor([1.0, 2.0, 3.0], requires_grad=True), np.array([0, 0, 2])
        z = (select(x, index) * [1.0, 10.0, 100.0]).sum()
        wanted = grad(z, x, retain_graph=True).data
        index[:] = 1
        np.testing.assert_array_equal(grad(z, x).data, wanted)


@pytest.mark.parametrize("axis", [0, 1])
def test_gather_and_scatter(axis):
    index = np.array([[0, 1, 1], [1, 0, 0]])
    assert check_op(
        lambda x: ops.gather(x, axis, index),
        [(array(3, 3),)],
        reference=lambda x: np.take_along_axis(x[:2] if axis == 1 else x, index, axis),
    )

    def added(x, source):
        out = x.copy()
        for i, j in np.ndindex(2, 3):
            place = (index[i, j], j) if axis == 0 else (i, index[i, j])
            out[place] += source[i, j]
        return out

    assert check_op(
        lambda x, s: ops.scatter_add(x, axis, index, s),
        [(array(3, 3), array(2, 3)), (array(3, 3), array(3, 4))],
        reference=added,
    )


@settings(deadline=None, max_examples=60)
@given(
    pair=hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=3),
    seed=st.integers(0, 2**16),
)
def test_broadcast_gradients_have_the_inputs_shapes_and_sums(pair, seed):
    rng = np.random.default_rng(seed)
    a, b = (Tensor(rng.standard_normal(s), requires_grad=True) for s in pair.input_shapes)
    w = rng.standard_normal(pair.result_shape)
    ga, gb = grad((a * b * w).sum(), [a, b])
    for x, other, g in ((a, b, ga), (b, a, gb)):
        assert g.shape == x.shape
        whole = np.broadcast_to(other.data, w.shape) * w
        extra = whole.ndim - x.ndim
        wanted = whole.sum(axis=tuple(range(extra)))
        thin = tuple(i for i, n in enumerate(x.shape) if n == 1)
        np.testing.assert_allclose(g.data, wanted.sum(axis=thin, keepdims=True), atol=1e-12)
