"""Inverses, systems, determinants, Cholesky factors: values, both derivatives, bad matrices."""

import numpy as np
import pytest

from tinygrad_ae import Tensor, check_op, grad, gradcheck, ops
from tinygrad_ae.errors import GradientError

RNG = np.random.default_rng(13)


def array(*shape):
    return RNG.standard_normal(shape)


def regular(*shape):
    return array(*shape) + 2 * np.eye(shape[-1])


def positive_definite(*shape):
    A = array(*shape)
    return A @ np.swapaxes(A, -1, -2) + 2 * np.eye(shape[-1])


SHAPES = [(1, 1), (3, 3), (2, 1, 2, 2), (0, 2, 2)]


def test_inv():
    samples = [regular(*shape) for shape in SHAPES] + [regular(3, 3).T[::-1]]
    assert check_op(ops.inv, samples, reference=np.linalg.inv)


@pytest.mark.parametrize(
    ("A", "b"),
    [
        ((3, 3), (3,)),
        ((2, 3, 3), (3,)),
        ((3, 3), (3, 2)),
        ((2, 2, 2), (2, 1)),
        ((2, 2), (3, 2, 1)),
        ((2, 1, 2, 2), (3, 2, 1)),
        ((1, 1), (1,)),
    ],
)
def test_solve(A, b):
    assert check_op(ops.solve, [(regular(*A), array(*b))], reference=np.linalg.solve)


def test_det():
    assert check_op(ops.det, [regular(*shape) for shape in SHAPES], reference=np.linalg.det)


def test_slogdet():
    matrices = [regular(*shape) for shape in SHAPES] + [np.array([[0.0, 1.0], [2.0, 0.3]])]
    assert check_op(
        lambda A: ops.slogdet(A).logabsdet, matrices, reference=lambda A: np.linalg.slogdet(A)[1]
    )
    for A in matrices:
        assert np.array_equal(ops.slogdet(A).sign, np.linalg.slogdet(A)[0])
    assert not ops.slogdet(Tensor(regular(2, 2), requires_grad=True)).sign.requires_grad


def test_slogdet_reaches_where_the_determinant_overflows():
    A = Tensor(1e200 * np.eye(3), requires_grad=True)
    value = ops.slogdet(A).logabsdet
    np.testing.assert_allclose(value.item(), 600 * np.log(10))
    np.testing.assert_allclose(grad(value, A).data, 1e-200 * np.eye(3))


def test_cholesky():
    samples = [positive_definite(*shape) for shape in SHAPES]
    assert check_op(ops.cholesky, samples, reference=np.linalg.cholesky)


def test_cholesky_reads_the_symmetric_part():
    A = positive_definite(3, 3)
    skewed = A + np.triu(np.ones((3, 3)), 1) - np.tril(np.ones((3, 3)), -1)
    np.testing.assert_allclose(ops.cholesky(skewed), np.linalg.cholesky(A))
    L = Tensor(A, requires_grad=True)
    g = grad((ops.cholesky(L) * array(3, 3)).sum(), L).data
    np.testing.assert_allclose(g, g.T)


def test_two_ways_to_the_same_gaussian_log_density():
    """-½ xᵀ A⁻¹ x - ½ log det A through solve and slogdet, and through the Cholesky factor."""

    def directly(A, x):
        return -0.5 * (x * ops.solve(A, x)).sum() - 0.5 * ops.slogdet(A).logabsdet

    def by_cholesky(A, x):
        L = ops.cholesky(A)
        whitened = ops.solve(L, x)
        return -0.5 * whitened.square().sum() - ops.log(ops.diagonal(L)).sum()

    A, x = positive_definite(4, 4), array(4)
    assert gradcheck(directly, (A, x))
    values, gradients = [], []
    for f in (directly, by_cholesky):
        inputs = [Tensor(A, requires_grad=True), Tensor(x, requires_grad=True)]
        values.append(f(*inputs))
        gradients.append(grad(values[-1], inputs))
    np.testing.assert_allclose(values[0].data, values[1].data)
    for one, other in zip(*gradients, strict=True):
        np.testing.assert_allclose(one.data, other.data)


def test_the_cost_grows_with_the_cube_of_the_size():
    for f, per_cube in ((ops.inv, 2), (ops.det, 1), (ops.cholesky, 1 / 3)):
        z = f(Tensor(positive_definite(5, 6, 6), requires_grad=True))
        assert z.node.flops == 5 * 6**3 * per_cube
    z = ops.solve(Tensor(regular(6, 6), requires_grad=True), array(6, 2))
    assert z.node.flops == 2 * 6**3 // 3 + 2 * 2 * 6**2


def test_numpy_functions_record():
    A = Tensor(positive_definite(2, 2), requires_grad=True)
    for f in (np.linalg.inv, np.linalg.cholesky, np.linalg.det):
        assert grad(f(A).sum(), A).shape == (2, 2)
    assert grad(np.linalg.slogdet(A).logabsdet, A).shape == (2, 2)
    assert grad(np.linalg.solve(A, np.ones(2)).sum(), A).shape == (2, 2)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ops.inv(np.ones((2, 2))), "the matrix is singular"),
        (lambda: ops.inv(np.stack([np.eye(2), np.zeros((2, 2))])), r"matrix \[1\] of the stack"),
        (lambda: ops.solve(np.ones((2, 2)), np.ones(2)), "the matrix is singular"),
        (lambda: ops.solve(np.stack([np.eye(2)] * 2) * [[[1]], [[0]]], np.ones(2)), r"\[1\]"),
        (lambda: ops.solve(np.eye(3), np.ones(2)), "right-hand sides of 3 rows"),
        (lambda: ops.solve(np.ones((2, 3)), np.ones(2)), r"square.*\(2, 3\)"),
        (lambda: ops.inv(np.ones(3)), r"square.*\(3,\)"),
        (lambda: ops.det(np.ones((2, 3))), "square"),
        (lambda: ops.slogdet(np.ones((2, 3))), "square"),
        (lambda: ops.cholesky(np.ones((2, 3))), "square"),
        (lambda: ops.cholesky(np.diag([1.0, -3.0])), "smallest eigenvalue is -3"),
    ],
)
def test_matrices_that_cannot_be_used(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_a_singular_matrix_has_a_determinant_but_no_gradient():
    A = Tensor(np.ones((2, 2)), requires_grad=True)
    sign, log = ops.slogdet(A)
    assert (sign.item(), log.item()) == (0, -np.inf)
    with pytest.raises((ValueError, GradientError), match="singular"):
        grad(log, A)
