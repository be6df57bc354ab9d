"""NumPy's own functions record, or refuse: nothing leaves the graph unnoticed."""

import numpy as np
import pytest

from tinygrad_ae import Tensor, grad, no_grad
from tinygrad_ae.compiled import CaptureWarning, compile
from tinygrad_ae.core.numpy_protocol import FUNCTIONS, UFUNCS

X = Tensor(np.array([[0.3, 0.6, 0.2], [0.9, 0.1, 0.4]]), requires_grad=True)


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda u: u.__name__)
def test_every_ufunc_equals_numpys(ufunc):
    data = X.data > 0.3 if ufunc.__name__.startswith(("bitwise", "invert")) else X.data
    operand = X > 0.3 if ufunc.__name__.startswith(("bitwise", "invert")) else X
    if ufunc is np.matmul:
        np.testing.assert_allclose(np.matmul(X, X.T).data, data @ data.T)
        return
    wanted = ufunc(*[data] * ufunc.nin)
    got = ufunc(*[operand] * ufunc.nin)
    assert isinstance(got, Tensor)
    np.testing.assert_allclose(got.data, wanted, rtol=1e-13)


CALLS = {
    np.where: lambda f, x: f(x > 0.3, x, 0.0), np.clip: lambda f, x: f(x, 0.2, 0.5),
    np.outer: lambda f, x: f(x, x), np.dot: lambda f, x: f(x, x.T),
    np.tensordot: lambda f, x: f(x, x, 2), np.reshape: lambda f, x: f(x, (3, 2)),
    np.cumsum: lambda f, x: f(x, 1), np.swapaxes: lambda f, x: f(x, 0, 1),
    np.moveaxis: lambda f, x: f(x, 0, 1), np.broadcast_to: lambda f, x: f(x, (2, 2, 3)),
    np.expand_dims: lambda f, x: f(x, 1), np.roll: lambda f, x: f(x, 1),
    np.concatenate: lambda f, x: f([x, x], axis=1), np.stack: lambda f, x: f([x, x], axis=1),
    np.split: lambda f, x: f(x, 3, 1)[1], np.pad: lambda f, x: f(x, 1),
    np.repeat: lambda f, x: f(x, 2, axis=0), np.tile: lambda f, x: f(x, (2, 1)),
    np.take: lambda f, x: f(x, [0, 1], axis=1),
    np.einsum: lambda f, x: f("ij,kj->ik", x, x), np.inner: lambda f, x: f(x, x),
    np.full_like: lambda f, x: f(x, 7), np.vstack: lambda f, x: f([x, x[0]]),
    np.hstack: lambda f, x: f([x, x]), np.allclose: lambda f, x: f(x, x),
    np.array_equal: lambda f, x: f(x, x),
}  # fmt: skip
NOT_ARRAYS = {
    np.shape, np.ndim, np.size, np.array_repr, np.array_str, np.allclose, np.array_equal,
}  # fmt: skip
SQUARE = {np.linalg.solve, np.linalg.inv, np.linalg.cholesky, np.linalg.slogdet, np.linalg.det}


@pytest.mark.parametrize(
    "function",
    [f for f in FUNCTIONS if f not in NOT_ARRAYS and f not in SQUARE],
    ids=lambda f: f.__name__,
)
def test_every_function_equals_numpys(function):
    call = CALLS.get(function, lambda f, x: f(x))
    got = call(function, X)
    assert isinstance(got, Tensor)
    np.testing.assert_allclose(got.data, call(function, X.data), rtol=1e-13)


def test_functions_record():
    np.testing.assert_allclose(grad(np.tanh(X).sum(), X).data, 1 - np.tanh(X.data) ** 2)
    np.testing.assert_allclose(
        grad(np.mean(np.concatenate([X, X])), X).data, np.full(X.shape, 1 / 6)
    )
    np.testing.assert_allclose(grad(np.add.reduce(X, axis=0)[0], X).data, [[1, 0, 0], [1, 0, 0]])
    array = np.ones((2, 3))
    assert (array * X).requires_grad
    assert np.shape(X) == (2, 3)


@pytest.mark.parametrize(
    "leak",
    [
        lambda: np.full(3, X[0]),
        lambda: np.zeros((2, 3)).__setitem__(slice(None), X),
        lambda: np.array(X),
        lambda: np.asarray([X, X]),
        lambda: np.add(X, X, out=np.zeros((2, 3))),
        lambda: X.numpy(),
        lambda: np.copyto(np.zeros((2, 3)), X),
        lambda: np.float64(X[0, 0]),
        lambda: float(X[0, 0]),
        lambda: int(X[0, 0]),
        lambda: Tensor(X),
    ],
)
def test_leaving_the_graph_names_detach(leak):
    with pytest.raises(TypeError, match=r"detach\(\)"):
        leak()


@pytest.mark.parametrize(
    "leak",
    [lambda: np.zeros(3).__setitem__(0, X[0, 0]), lambda: np.fromiter(X[0], float)],
)
def test_an_element_leaving_the_graph_names_detach(leak):
    with pytest.raises(ValueError, match="array element") as caught:  # NumPy's, caused by ours
        leak()
    assert "detach()" in str(caught.value.__cause__)


@pytest.mark.parametrize(
    "unknown",
    [lambda: np.fft.fft(X), lambda: np.median(X), lambda: np.nextafter(X, X), lambda: np.sort(X)],
)
def test_unknown_functions_name_the_alternative(unknown):
    with pytest.raises(
        TypeError, match=r"not an operation whose gradient is known.*tinygrad_ae\.Op"
    ):
        unknown()


def test_unsupported_arguments_are_named():
    with pytest.raises(TypeError, match=r"np\.sum on a tensor.*dtype"):
        np.sum(X, dtype=np.float32)
    with pytest.raises(TypeError, match=r"np\.add on a tensor does not take where"):
        np.add(X, X, where=np.ones((2, 3), bool))
    with pytest.raises(TypeError, match=r"np\.multiply\.reduce"):
        np.multiply.reduce(X)


def test_arrays_come_out_where_no_gradient_is_lost():
    assert np.asarray(X.detach()) is X.data
    with no_grad():
        assert X.numpy() is X.data
        np.testing.assert_array_equal(np.array(X), X.data)
    assert np.asarray(Tensor([1, 2]), dtype=float).dtype == np.float64


V = X[0]
SAME = [
    lambda x: np.cumsum(x, None), lambda x: np.cumsum(x, axis=1), lambda x: np.sum(x, 0, None),
    lambda x: np.sum(x, 0, None, None, True), lambda x: np.std(x, 0, None, None, 1),
    lambda x: np.linalg.norm(x, None, 1), lambda x: np.linalg.norm(x, axis=1, keepdims=True),
    lambda x: np.clip(x, 0.2, None),
    lambda x: np.concatenate([x, x], None), lambda x: np.concatenate([[[1.0, 2.0, 3.0]], x]),
    lambda x: np.stack([[1.0, 2.0, 3.0], x[0]]), lambda x: np.dot([1.0, 2.0], x),
    lambda x: np.dot(x, 2.0), lambda x: np.einsum("i,ij", [1.0, 2.0], x),
    lambda x: np.tensordot([1.0, 2.0], x, 1), lambda x: np.outer([1.0, 2.0], x),
    lambda x: np.inner(x, [1.0, 2.0, 3.0]), lambda x: np.inner(x, 2.0),
    lambda x: np.vstack([x[0], [1.0, 2.0, 3.0], x]), lambda x: np.hstack([x[0], [1.0], x[0, 0]]),
    lambda x: np.diff(x), lambda x: np.diff(x, 2, axis=-1), lambda x: np.diff(x, axis=0),
    lambda x: np.trace(x), lambda x: np.trace(x, 1), lambda x: np.diag(x), lambda x: np.diag(x[0]),
    lambda x: np.diag(x[0], -2), lambda x: np.round(x, 1), lambda x: np.round(x),
    lambda x: np.where([True, False, True], x, [1.0, 2.0, 3.0]), lambda x: np.full_like(x, 2.5), lambda x: np.atleast_1d(x[0, 0]), lambda x: np.atleast_1d(x),
    lambda x: np.logaddexp(x, x[0]), lambda x: np.hypot(x, 1.0), lambda x: np.float_power(x, 2),
    lambda x: np.reshape(x, (3, 2)), lambda x: np.pad(x, 1, constant_values=4),
    lambda x: np.pad(x, 1, "edge"), lambda x: np.transpose(x, (1, 0)), lambda x: np.split(x, 3, 1)[2],
    lambda x: np.argmax(x, 1), lambda x: np.add.reduce(x),
    lambda x: x.dot(x.T), lambda x: x.take([1, 0], 1), lambda x: x.repeat(2, 0),
    lambda x: x.diagonal(1), lambda x: x.round(1), lambda x: x.copy(),
]  # fmt: skip
if np.lib.NumpyVersion(np.__version__) >= "2.1.0":  # which has these names since then
    SAME += [lambda x: np.clip(x, min=0.2, max=0.5), lambda x: np.reshape(x, shape=(3, 2))]


@pytest.mark.parametrize("call", SAME)
def test_arguments_mean_what_they_mean_to_numpy(call):
    got, wanted = call(X), call(X.data)
    assert isinstance(got, Tensor)
    assert got.dtype == wanted.dtype
    np.testing.assert_allclose(got.data, wanted, rtol=1e-13)


@pytest.mark.parametrize("call", [np.fabs, lambda x: np.float_power(x, 2), np.sqrt, np.exp2])
def test_whole_numbers_become_floats_as_in_numpy(call):
    got, wanted = call(Tensor([1, 4])), call(np.array([1, 4]))
    assert got.dtype == wanted.dtype
    np.testing.assert_allclose(got.data, wanted)


def test_arrays_of_tensors_look_as_tensors():
    assert np.array_repr(X) == repr(X)
    assert np.array_str(+X) == str(X)


def test_comparisons_give_truth_values():
    assert np.allclose(X, X.data)
    assert np.allclose(X, X + 0.1, atol=0.2)
    assert not np.array_equal(X.data, X + 1)


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda: np.linalg.norm(X, 1), "ord"), (lambda: np.sum(X, 0, np.float32), "dtype"),
        (lambda: np.sum(X, out=np.zeros(())), "out"), (lambda: np.reshape(X, (3, 2), "F"), "order"),
        (lambda: np.sum(X, where=X.data > 0), "where"),
        (lambda: np.reciprocal(Tensor([2])), r"1 / t"),
        (lambda: np.expand_dims(X, 1.5), "float"), (lambda: object() - X, "unsupported operand"),
    ],
)  # fmt: skip
def test_what_has_no_equivalent_is_refused(call, what):
    with pytest.raises(TypeError, match=what):
        call()


def test_a_copy_has_memory_and_gradient_of_its_own():
    t = X.copy()
    assert not np.shares_memory(t.data, X.data)
    assert grad(t.sum(), X).tolist() == np.ones((2, 3)).tolist()


DATA = Tensor([[3.0, 1.0, 2.0], [1.0, 5.0, 1.0]])
OF_VALUES = [
    np.argsort, np.histogram, np.unique, np.count_nonzero, np.median, np.sort, np.percentile,
    np.nonzero, np.argwhere, np.ptp, np.cov, np.fft.fft, np.linalg.svd, np.linalg.eigvalsh,
    np.bincount, np.digitize, np.nanmean, np.partition, np.where, np.savez, np.save, np.meshgrid,
    np.nextafter, np.logaddexp2, np.multiply.reduce, np.add.accumulate, np.maximum.outer, np.average,
]  # fmt: skip
ARGUMENTS = {
    np.percentile: lambda x: (x, 50), np.linalg.eigvalsh: lambda x: (x[:, :2],),
    np.bincount: lambda x: (x.astype(int)[0],), np.digitize: lambda x: (x, [1.5, 2.5]),
    np.partition: lambda x: (x, 1), np.nextafter: lambda x: (x, x), np.meshgrid: lambda x: (x[0], x[1]),
    np.logaddexp2: lambda x: (x, x), np.maximum.outer: lambda x: (x, x),
}  # fmt: skip


def same(got, wanted):
    if isinstance(wanted, tuple):
        assert len(got) == len(wanted)
        return all(map(same, got, wanted))
    assert not isinstance(got, Tensor)
    np.testing.assert_array_equal(got, wanted)
    return True


@pytest.mark.parametrize("f", OF_VALUES, ids=lambda f: f.__name__)
def test_functions_without_gradient_work_on_tensors_that_need_none(f, tmp_path):
    file = (tmp_path / "kept",) if f in (np.save, np.savez) else ()
    arguments = ARGUMENTS.get(f, lambda x: (*file, x))
    for x in (DATA, X.detach()):
        same(f(*arguments(x)), f(*arguments(x.data)))
    with no_grad():
        same(f(*arguments(X)), f(*arguments(X.data)))


@pytest.mark.parametrize("f", [np.median, np.histogram, np.unique, np.fft.fft, np.add.accumulate])
def test_they_refuse_to_lose_a_gradient(f):
    with pytest.raises(TypeError, match=r"gradient is known.*detach\(\)"):
        f(X)


def test_positions_and_counts_have_no_gradient_to_lose():
    np.testing.assert_array_equal(np.argsort(X), np.argsort(X.data))
    assert np.count_nonzero(X) == 6
    assert np.where(X > 0.5)[0].tolist() == [0, 1]


@pytest.mark.parametrize(
    "write",
    [lambda t: np.copyto(t, 1.0), lambda t: np.put(t, [0], [9]), lambda t: np.fill_diagonal(t, 0),
     lambda t: np.add(t, 1, out=t), lambda t: np.add.at(t, 0, 1), lambda t: np.nextafter(t, t, out=t)],
)  # fmt: skip
def test_no_function_writes_into_a_tensor_unnoticed(write):
    t = Tensor(np.ones((2, 2)))
    with pytest.raises(TypeError, match=r"t\[index\] = value"):
        write(t)
    assert (t.data == 1).all()


def test_arrays_take_tensors_that_need_no_gradient():
    array = np.ones((2, 3))
    array += DATA
    np.testing.assert_array_equal(array, 1 + DATA.data)
    np.copyto(array, DATA)
    np.testing.assert_array_equal(array, DATA.data)


@pytest.mark.parametrize(
    "look", [np.argsort, np.median, np.add.accumulate, lambda t: np.allclose(t, 0.5), np.unique]
)
def test_looking_at_values_gives_a_captured_step_up(look):
    @compile
    def step(x):
        look(x)
        return x * 2

    with pytest.warns(CaptureWarning, match=r"looks at a value.*\(np\..*test_numpy_protocol"):
        step(X.data)
    np.testing.assert_array_equal(step(X.data * 3).data, X.data * 6)


@pytest.mark.parametrize(
    "call",
    [
        lambda t: np.sort(t, axis=3),
        lambda t: np.take_along_axis(t, np.zeros((2, 1), int), axis=5),
        lambda t: np.cross(t, np.ones(7)),
        lambda t: np.partition(t, 100),
    ],
)
def test_mistakes_in_functions_without_a_gradient_are_told_with_their_line(call):
    with pytest.raises((ValueError, IndexError, TypeError), match=r"cannot work on") as caught:
        call(Tensor(np.ones((2, 3))))
    assert "test_numpy_protocol.py" in str(caught.value)
