"""The tensor as a NumPy citizen: construction, operators, in-place honesty, copies, errors."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_ae import Tensor, as_tensor, from_numpy, grad, no_grad, ops
from tinygrad_ae.errors import GradientError, ShapeError


def leaf(*values):
    return Tensor(np.array(values), requires_grad=True)


def test_construction_copies_and_from_numpy_shares():
    array = np.ones(3, np.float32)
    copied, also, shared = Tensor(array), as_tensor(array), from_numpy(array)
    array[0] = 5
    assert copied.data[0] == also.data[0] == 1
    assert shared.data[0] == 5
    assert as_tensor(shared) is shared
    for bad in ([1.0], np.array(["a"])):
        with pytest.raises(TypeError, match="from_numpy takes an array"):
            from_numpy(bad)
    assert Tensor(shared).data[0] == 5
    for bad in ("abc", [1j], [None], [[1], [2, 3]]):
        with pytest.raises((TypeError, ValueError)):
            Tensor(bad)


DTYPES = [np.float16, np.float32, np.float64, np.int32, np.int64, np.bool_]
OPERATORS = [
    lambda a, b: a + b, lambda a, b: a * b, lambda a, b: a / b, lambda a, b: a == b,
    lambda a, b: a > b, lambda a, b: a - b if a.dtype != bool else a + b,
]  # fmt: skip


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("a", DTYPES)
@pytest.mark.parametrize("b", [*DTYPES, int, float])
def test_promotion_is_numpys(operator, a, b):
    x = np.ones(2, a)
    y = b(2) if b in (int, float) else np.ones(2, b)
    if operator is OPERATORS[-1] and not isinstance(y, (int, float)) and y.dtype == bool:
        y = y.astype(np.int32)
    wanted = operator(x, y)
    got = operator(Tensor(x), y if isinstance(y, (int, float)) else Tensor(y))
    assert got.dtype == wanted.dtype
    np.testing.assert_array_equal(got.data, wanted)


def test_a_python_number_does_not_widen_float32():
    x = Tensor([1.0], dtype=np.float32, requires_grad=True)
    assert (2 * x + 1.5 - x / 3).dtype == np.float32
    assert (x**2).dtype == (x**2.5).dtype == (2.0**x).dtype == np.float32


def test_operators_meet_arrays_lists_and_numbers_on_either_side():
    x = Tensor([4.0, 9.0])
    array = np.array([2.0, 3.0])
    for got, wanted in [
        (array + x, [6, 12]), (array - x, [-2, -6]), (array * x, [8, 27]), (array / x, [0.5, 1 / 3]),
        (np.add([1, 1], x), [5, 10]), (1 - x, [-3, -8]), (36 / x, [9, 4]), (2**x, [16, 512]),
        (x // 2, [2, 4]), (20 // x, [5, 2]), (x % 4, [0, 1]), (-x, [-4, -9]), (abs(-x), [4, 9]),
        (array @ x, 35), (x @ array, 35), ((x > 5) & (x < 10), [False, True]), (~(x > 5), [True, False]),
        ((x > 5) | (x < 5), [True, True]), (x == x, [True, True]), (x != array, [True, True]),
    ]:  # fmt: skip
        assert isinstance(got, Tensor)
        np.testing.assert_allclose(got.data, wanted)
    with pytest.raises(TypeError):
        x + "a"
    with pytest.raises(TypeError):
        x * None


def test_truth_length_iteration_and_scalars():
    x = Tensor([1.0, 2.0])
    with pytest.raises(ValueError, match=r"any\(\) or all\(\)"):
        bool(x)
    assert bool(Tensor(3.0))
    assert len(x) == 2
    assert [float(v) for v in x] == [1, 2]
    assert int(Tensor(3)) == 3
    assert [10, 20, 30][Tensor(1)] == 20
    with pytest.raises(TypeError, match="float64"):
        [1, 2][Tensor(1.0)]
    with pytest.raises(TypeError, match="no length"):
        len(Tensor(1.0))
    with pytest.raises(ValueError, match="exactly one"):
        x.item()
    assert x in {x}  # hashable by identity, though == is elementwise


def test_methods_are_the_operations():
    x = Tensor(np.arange(6.0).reshape(2, 3) / 7 + 0.1)
    d = x.data
    for got, wanted in [
        (x.sum(0), d.sum(0)), (x.mean(1, keepdims=True), d.mean(1, keepdims=True)),
        (x.var(), d.var()), (x.std(0, ddof=1), d.std(0, ddof=1)), (x.max(1), d.max(1)),
        (x.min(), d.min()), (x.prod(0), d.prod(0)), (x.cumsum(1), d.cumsum(1)),
        (x.norm(), np.linalg.norm(d)), (x.argmax(1), d.argmax(1)), (x.argmin(), d.argmin()),
        (x.softmax(), ops.softmax(d)), (x.log_softmax(0), ops.log_softmax(d, 0)),
        (x.logsumexp(1), ops.logsumexp(d, 1)), ((x > 0.5).any(), True), ((x > 0.5).all(1), [0, 1]),
        (x.reshape(3, 2), d.reshape(3, 2)), (x.reshape((-1,)), d.ravel()), (x.flatten(), d.ravel()),
        (x.ravel(), d.ravel()), (x.T, d.T), (x.transpose(1, 0), d.T), (x.transpose(), d.T),
        (x.swapaxes(0, 1), d.T), (x.expand_dims(1), d[:, None]), (x[:, :1].squeeze(1), d[:, 0]),
        (x.broadcast_to((2, 2, 3)), [d, d]), (x.clip(0.2, 0.5), d.clip(0.2, 0.5)),
        (x.clip(max=x.data.T.reshape(2, 3)), np.minimum(d, d.T.reshape(2, 3))), (x.exp(), np.exp(d)),
        (x.log(), np.log(d)), (x.sqrt(), np.sqrt(d)), (x.square(), d * d), (x.abs(), d),
        (x.tanh(), np.tanh(d)), (x.sigmoid(), ops.sigmoid(d)), (x.relu(), d),
    ]:  # fmt: skip
        np.testing.assert_allclose(got.data, wanted, rtol=1e-12)
    assert x.tolist() == d.tolist()
    assert (x.ndim, x.size, x.shape) == (2, 6, (2, 3))
    half = Tensor([1.0, 2.0], requires_grad=True)
    assert grad(half.astype(np.float32).sum(), half).dtype == np.float64


# ---- in place


def test_in_place_without_gradients_writes_the_memory():
    x = Tensor([1.0, 2.0], dtype=np.float32)
    view = x[:1]
    memory = x.data
    x += np.array([1.0, 1.0])
    x *= 2
    x[1] = 7
    assert x.data is memory
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x.data, [4, 7])
    np.testing.assert_array_equal(view.data, [4])
    with pytest.raises(ShapeError, match=r"shape \(2, 2\) to a tensor \(2,\)"):
        x += np.ones((2, 2))


def test_in_place_on_a_leaf_is_refused_unless_under_no_grad():
    w = Tensor([1.0, 2.0], requires_grad=True, name="w")
    with pytest.raises(GradientError, match=r"leaf.*w.*no_grad"):
        w += 1
    with pytest.raises(GradientError, match="leaf"):
        w[0] = 5.0
    with no_grad():
        w -= 0.5
    np.testing.assert_array_equal(w.data, [0.5, 1.5])
    assert w.requires_grad
    assert w.is_leaf


def test_in_place_while_recording_differentiates():
    x = leaf(1.0, 2.0, 3.0)
    u = x * 2
    u[0] = 5.0
    u += x
    u *= x
    u[1] += 10 * x[2]
    u.sum().backward()
    np.testing.assert_array_equal(x.grad.data, [5 + 2, 2 * 3 * 2, 2 * 3 * 3 + 10])
    u = x * 2
    u[:] = x.reshape(1, 1, 3)
    np.testing.assert_array_equal(grad((u * [1.0, 2.0, 3.0]).sum(), x).data, [1, 2, 3])
    y = Tensor(np.zeros(2))
    y[1] = x[0] * 3  # an untracked tensor becomes part of the graph
    np.testing.assert_array_equal(grad(y.sum(), x).data, [3, 0, 0])


def test_a_value_overwritten_before_backward_is_named():
    x, w = leaf(1.0, 2.0), Tensor([3.0, 4.0])
    y = (x * w).sum()
    w += 1
    with pytest.raises(GradientError, match=r"mul \(at .*test_tensor.py:\d+\).*in-place add"):
        y.backward()
    y = (x + w).sum()  # addition saved nothing, so changing w is harmless
    w += 1
    y.backward()
    z = np.exp(x)
    with no_grad():
        x -= 1
    z.sum().backward()  # exp saved its output, not x


def test_a_view_left_behind_is_refused():
    x = leaf(1.0, 2.0)
    u = x * 2
    v = u[:1]
    v += 1
    with pytest.raises(GradientError, match=r"shares memory.*in-place add"):
        u.sum()
    u = x * 2
    v = u[:1]
    u += 1
    with pytest.raises(GradientError, match="shares memory"):
        v.sum()
    u = x * 2
    first, second = u[:1], u[1:]
    first += 1
    with pytest.raises(GradientError, match="shares memory"):
        u[1:] = second + 1
    with pytest.raises(GradientError, match="shares memory"):
        u += x
    y = x * 3
    with pytest.raises(GradientError, match="shares memory"):
        y += u  # which does not know what became of its first element
    u[:1] = first  # what `u[:1] += 1` does
    np.testing.assert_array_equal(u.data, [3, 4])


def test_in_place_where_no_gradient_can_follow_is_refused():
    w = leaf(1.0, 2.0)
    whole, view = Tensor([1, 2]), w[:1]
    with pytest.raises(GradientError, match=r"in-place setitem .*int64, where no gradient"):
        whole[0] = w[0]
    with pytest.raises(GradientError, match=r"on a view of a leaf.*no_grad"):
        view += 1
    assert w.tolist() == [1, 2]


def test_every_in_place_operator_writes_the_memory():
    for change in ("%= 4", "//= 2", "**= 2", "/= 2", "-= 1", "@= np.eye(2) * 3"):
        x, array = Tensor([[5.0, 6.0]]), np.array([[5.0, 6.0]])
        view = x[:]
        exec(f"x {change}")
        exec(f"array {change}")
        np.testing.assert_array_equal(view.data, array)
    flags = Tensor([True, True, False])
    view = flags[:]
    flags &= Tensor([True, False, False])
    flags |= Tensor([False, False, True])
    flags ^= Tensor([True, False, False])
    assert view.tolist() == [False, False, True]
    x = leaf(5.0, 7.0)
    y = x * 1
    y %= x.detach() - 1
    assert grad(y.sum(), x).tolist() == [1, 1]


def test_in_place_that_cannot_be_written_says_where():
    fixed = from_numpy(np.broadcast_to(np.ones(1), (3,)))
    with pytest.raises(ValueError, match=r"(?s)add cannot work .*read-only.*test_tensor.py:\d+"):
        fixed += 1
    whole = Tensor([1, 2])
    with pytest.raises(TypeError, match=r"(?s)add cannot work .*cast.*test_tensor.py:\d+"):
        whole += 0.5


def test_only_memory_that_was_left_behind_is_refused():
    array, b = np.ones((4, 2)), leaf(1.0, 2.0)
    part = from_numpy(array[:2])
    part += b
    assert (from_numpy(array[2:]) * b).requires_grad
    with pytest.raises(GradientError, match="shares memory"):
        from_numpy(array[1:]) * b
    x = leaf(1.0, 2.0)
    y = x * 2
    z = (y * y).sum()
    y += 1  # what z saved stays as it was
    (g,) = grad(z, [x], create_graph=True)
    assert g.tolist() == [8, 16]
    assert grad(g.sum(), x).tolist() == [8, 8]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from(["+=", "*=", "[]=", "[]+="]), st.integers(0, 2), st.booleans()),
        min_size=1,
        max_size=8,
    )
)
def test_in_place_programs_equal_their_pure_form(program):
    x = leaf(0.5, 1.5, 2.5)

    def impure():
        u = x * 1.5
        for kind, i, tracked in program:
            value = x[i] if tracked else 1.25
            if kind == "+=":
                u += value
            elif kind == "*=":
                u *= value
            elif kind == "[]=":
                u[i] = value
            else:
                u[i : i + 1] += value
        return u

    def pure():
        u = x * 1.5
        for kind, i, tracked in program:
            value = x[i] if tracked else 1.25
            mask = np.arange(3) == i
            if kind == "+=":
                u = u + value
            elif kind == "*=":
                u = u * value
            elif kind == "[]=":
                u = np.where(mask, value, u)
            else:
                u = np.where(mask, u + value, u)
        return u

    a, b = impure(), pure()
    np.testing.assert_array_equal(a.data, b.data)
    weights = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(
        grad((a * weights).sum(), x).data, grad((b * weights).sum(), x).data, rtol=1e-13
    )


# ---- leaves, copies, looks


def test_requires_grad_belongs_to_leaves():
    x = Tensor([1.0])
    assert x.is_leaf
    x.requires_grad_()
    y = x * 2
    assert not y.is_leaf
    with pytest.raises(GradientError, match=r"computed by mul.*detach\(\)"):
        y.requires_grad_(False)
    x.requires_grad_(False)
    assert not (x * 2).requires_grad
    with pytest.raises(TypeError, match="astype"):
        Tensor([1]).requires_grad_()


def test_copy_deepcopy_and_pickle():
    x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    x.grad = Tensor([3.0, 3.0])
    twin, clone, back = copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x))
    assert twin.data is x.data
    gx, gtwin = grad((twin * x + x).sum(), [x, twin])  # a leaf of its own, on the same memory
    assert (gx.tolist(), gtwin.tolist()) == ([2, 3], [1, 2])
    assert twin.grad is None
    h = x * 2
    assert copy.copy(h).node is h.node
    for other in (clone, back):
        assert other.data is not x.data
        assert (other.name, other.requires_grad, other.tolist()) == ("x", True, [1, 2])
    assert clone.grad.tolist() == [3, 3]
    assert clone.grad is not x.grad
    for refused in (copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match=r"mul is part of a graph.*detach\(\)"):
            refused(x * 2)


def test_format():
    x = Tensor([1.25], requires_grad=True)
    assert f"{x:.1f} {x.sum():>6.2f} {x}" == f"1.2   1.25 {x!r}"
    with pytest.raises(ValueError, match="exactly one element"):
        f"{leaf(1.0, 2.0):.1f}"


def test_repr():
    assert repr(Tensor([1.0, 2.5])) == "Tensor([1. , 2.5])"
    x = Tensor([1.0], dtype=np.float32, requires_grad=True, name="x")
    assert repr(x) == "Tensor([1.], dtype=float32, requires_grad=True, name='x')"
    assert repr(x * 2) == "Tensor([2.], dtype=float32, op=mul)"
    assert len(repr(Tensor(np.zeros((1000, 1000))))) < 600


def test_shape_errors_name_shapes_operation_and_line():
    with pytest.raises(
        ShapeError, match=r"matmul .*\(3, 4\) float64, \(3, 4\).*\n.*test_tensor.py:\d+"
    ):
        Tensor(np.ones((3, 4))) @ Tensor(np.ones((3, 4)))
    with pytest.raises(IndexError, match=r"getitem cannot work on \(3,\)"):
        Tensor(np.ones(3))[5]
    with pytest.raises(ShapeError) as caught:
        leaf(1.0, 2.0) + leaf(1.0, 2.0, 3.0)
    assert caught.value.op is ops.add
    with pytest.raises(OverflowError, match=r"(?s)mul cannot work .*test_tensor.py:\d+"):
        leaf(1.0) * 10**400
    assert [n.shape for n in caught.value.inputs] == [(2,), (3,)]
