"""NumPy's own functions record, or refuse: nothing leaves the graph unnoticed."""

import numpy as np
import pytest

from tinygrad_ae import Tensor, grad, no_grad
from tinygrad_ae.numpy_protocol import FUNCTIONS, UFUNCS

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
    np.einsum: lambda f, x: f("ij,kj->ik", x, x),
}  # fmt: skip
NOT_ARRAYS = {np.shape, np.ndim, np.size, np.array_repr, np.array_str}
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
    [lambda: np.fft.fft(X), lambda: np.median(X), lambda: np.hypot(X, X), lambda: np.sort(X)],
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
