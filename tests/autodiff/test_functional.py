"""Derivatives of functions, against formulas and against each other."""

import sys

import numpy as np
import pytest

from tinygrad_ae import (
    Tensor,
    custom_vjp,
    default_generator,
    grad,
    gradcheck,
    gradgradcheck,
    hessian,
    hvp,
    jacobian,
    jvp,
    manual_seed,
    no_grad,
    remat,
    value_and_grad,
    vjp,
)  # fmt: skip
from tinygrad_ae.autodiff.tree import flatten
from tinygrad_ae.errors import GradientError, ShapeError

RNG = np.random.default_rng(3)
A = RNG.standard_normal((3, 3))
X = RNG.standard_normal(3)


def quadratic(x):
    return 0.5 * (x @ (A @ x))


def curve(x):
    return np.tanh(A @ x) * x[0]


def test_value_and_grad():
    value, gradient = value_and_grad(quadratic)(X)
    assert value.item() == pytest.approx(0.5 * X @ A @ X)
    assert not value.requires_grad
    np.testing.assert_allclose(gradient.data, 0.5 * (A + A.T) @ X)

    def loss(params, scale):
        return (params["w"] * scale + params["layers"][0][1]).sum(), "extra"

    params = {"w": X, "layers": [(X, X)]}
    (value, aux), g = value_and_grad(loss, has_aux=True)(params, 2.0)
    assert aux == "extra"
    assert list(g) == ["w", "layers"]
    np.testing.assert_array_equal(g["w"].data, [2, 2, 2])
    np.testing.assert_array_equal(g["layers"][0][0].data, [0, 0, 0])  # unused: zero, as JAX
    both = value_and_grad(lambda a, b: a @ b, argnums=(0, 1))(X, 2 * X)[1]
    np.testing.assert_allclose(both[0].data, 2 * both[1].data)
    with pytest.raises(GradientError, match=r"one element, not shape \(3,\)"):
        value_and_grad(lambda x: x * 2)(X)
    with pytest.raises(GradientError, match="int64"):
        value_and_grad(quadratic)(np.array([1, 2, 3]))


def test_products_agree_with_the_matrices():
    J = jacobian(curve, X).data
    u, v = RNG.standard_normal(3), RNG.standard_normal(3)
    out, pull = vjp(curve, X)
    np.testing.assert_allclose(out.data, np.tanh(A @ X) * X[0])
    np.testing.assert_allclose(pull(u)[0].data, u @ J)
    np.testing.assert_allclose(pull(2 * u)[0].data, 2 * u @ J)
    pushed = jvp(curve, (X,), (v,))
    np.testing.assert_allclose(pushed[0].data, out.data)
    np.testing.assert_allclose(pushed[1].data, J @ v)
    step = 1e-6
    with no_grad():
        difference = (curve(Tensor(X + step * v)) - curve(Tensor(X - step * v))).data / (2 * step)
    np.testing.assert_allclose(pushed[1].data, difference, rtol=1e-7)


def test_hessians():
    np.testing.assert_allclose(hessian(quadratic, X).data, 0.5 * (A + A.T))
    H = hessian(lambda x: curve(x).sum(), X).data
    np.testing.assert_allclose(H, H.T, atol=1e-14)
    v = RNG.standard_normal(3)
    np.testing.assert_allclose(hvp(lambda x: curve(x).sum(), (X,), (v,)).data, H @ v)

    def two(a, b):
        return (a * a * b).sum()

    blocks = hessian(two, X, 2 * X)
    np.testing.assert_allclose(blocks[0][0].data, np.diag(4 * X))
    np.testing.assert_allclose(blocks[0][1].data, np.diag(2 * X))
    np.testing.assert_allclose(blocks[1][1].data, np.zeros((3, 3)))
    products = hvp(two, (X, 2 * X), (v, v))
    np.testing.assert_allclose(products[0].data, 4 * X * v + 2 * X * v)
    np.testing.assert_allclose(products[1].data, 2 * X * v)


def test_linear_functions_and_constants_have_zero_second_derivatives():
    np.testing.assert_array_equal(hvp(lambda x: x.sum(), (X,), (X,)).data, np.zeros(3))
    np.testing.assert_array_equal(jvp(lambda x: Tensor([1.0]), (X,), (X,))[1].data, [0])
    assert jacobian(lambda x: x[:0], X).shape == (0, 3)


def test_jacobian_of_nests():
    J = jacobian(lambda d: {"double": 2 * d["x"], "square": [d["x"] ** 2]}, {"x": X})
    np.testing.assert_allclose(J["double"]["x"].data, 2 * np.eye(3))
    np.testing.assert_allclose(J["square"][0]["x"].data, np.diag(2 * X))
    two = jacobian(lambda a, b: a * b, X, 3 * X)
    np.testing.assert_allclose(two[1].data, np.diag(X))


def test_they_compose():
    x = Tensor(X, requires_grad=True)
    penalty = (jacobian(curve, x) ** 2).sum()  # a contractive penalty needs its own gradient
    assert gradcheck(lambda t: (jacobian(curve, t) ** 2).sum(), X)
    assert penalty.requires_grad
    assert gradcheck(lambda t: jvp(curve, (t,), (X,))[1], X)
    assert gradcheck(lambda t: hvp(lambda y: curve(y).sum(), (X,), (t,)), X)
    assert gradcheck(lambda t: vjp(curve, t)[1](np.ones(3))[0], X)


def test_only_paths_through_the_arguments_count():
    x = Tensor(X, requires_grad=True)
    g = value_and_grad(lambda t: (t * x).sum())(x)[1]
    np.testing.assert_array_equal(g.data, X)  # not 2X: the other x is a constant here


def test_shapes_are_checked():
    with pytest.raises(ShapeError, match=r"tangents must have the shapes \[\(3,\)\]"):
        jvp(curve, (X,), (np.ones(2),))
    with pytest.raises(ShapeError, match="cotangents"):
        vjp(curve, X)[1](np.ones((3, 1)))


def test_dicts_match_by_key_in_whatever_order_they_are_written():
    def f(p):
        return p["a"] ** 2 + 10 * p["b"] ** 2

    product = hvp(f, ({"a": 1.0, "b": 1.0},), ({"b": 0.0, "a": 1.0},))
    assert (product["a"].item(), product["b"].item()) == (2.0, 0.0)
    with pytest.raises(ShapeError, match="nested"):
        hvp(f, ({"a": 1.0, "b": 1.0},), ({"a": 1.0, "z": 1.0},))
    with pytest.raises(ShapeError, match="nested"):
        vjp(lambda x: {"out": x}, X)[1]({"in": X})


def test_flatten_rebuilds_any_nest():
    from collections import namedtuple

    Pair = namedtuple("Pair", "left right")
    tree = {"b": [1, (2, None)], "a": Pair(3, {})}
    leaves, rebuild = flatten(tree)
    assert leaves == [3, 1, 2]
    assert rebuild([30, 10, 20]) == {"b": [10, (20, None)], "a": Pair(30, {})}
    assert list(rebuild(leaves)) == ["b", "a"]
    with pytest.raises(ValueError, match="3 leaves cannot be rebuilt from 1"):
        rebuild([1])


# ---- custom rules and recomputation


def test_custom_vjp_replaces_the_derivative():
    @custom_vjp(lambda g: g)
    def binarise(x):
        return (x > 0).astype(x.dtype)

    x = Tensor(X, requires_grad=True)
    np.testing.assert_array_equal(grad((binarise(x) * 3).sum(), x).data, [3, 3, 3])
    assert binarise.tex.format("a") == r"\operatorname{binarise}(a)"


def test_remat_equals_the_plain_function_in_every_order():
    W = Tensor(A, requires_grad=True)

    def layer(x):
        return np.tanh(W @ x)

    light = remat(layer)
    x = Tensor(X, requires_grad=True)
    for f in (lambda t: layer(layer(t)).sum(), lambda t: light(light(t)).sum()):
        f(x).backward()
    plain = grad(layer(layer(x)).sum(), [W, x])
    np.testing.assert_allclose(W.grad.data, 2 * plain[0].data)
    np.testing.assert_allclose(x.grad.data, 2 * plain[1].data)
    assert gradgradcheck(lambda w, t: remat(lambda s: np.tanh(w @ s))(t), (A, X))
    with no_grad():
        assert not light(x).requires_grad
    constant = remat(lambda: Tensor(1.0))()
    assert not constant.requires_grad
    with pytest.raises(GradientError, match="one tensor, not tuple"):
        remat(lambda t: (t, t))(x)


def test_remat_keeps_only_inputs_and_draws_the_same_noise():
    manual_seed(5)
    x = Tensor(X, requires_grad=True)

    def noisy(t):
        return np.exp(t) * default_generator.standard_normal(3)

    y = remat(noisy)(x)
    assert y.node.inputs == (x.node,)
    assert all(s is None for s in y.node.saved)
    following = default_generator.standard_normal()
    np.testing.assert_allclose(grad(y.sum(), x, retain_graph=True).data, y.data)
    manual_seed(5)
    noisy(x)
    assert default_generator.standard_normal() == following


def test_remat_stands_in_the_graph_at_the_line_that_called_it():
    x = Tensor(X, requires_grad=True)
    here = sys._getframe()
    node = remat(np.tanh)(x).node
    assert node.where == f"{__file__}:{here.f_lineno - 1}"
    source = "from tinygrad_ae import Tensor, remat\nx = Tensor(1.0, requires_grad=True)\n"
    at_top = {"__name__": "script"}
    exec(compile(source + "y = remat(lambda t: t * t)(x)", "script.py", "exec"), at_top)
    assert at_top["y"].node.where == "script.py:3"


def test_remat_notices_a_function_that_gives_another_result():
    w, x = Tensor([3.0], requires_grad=True), Tensor([2.0], requires_grad=True)
    y = remat(lambda t: w * t)(x)
    with no_grad():
        w *= 2
    with pytest.raises(GradientError, match=r"another result.*changed since"):
        y.backward()


def test_remat_recomputes_once_per_backward():
    calls = []
    a, b = Tensor(X, requires_grad=True), Tensor(X, requires_grad=True)
    y = remat(lambda p, q: (calls.append(1), p * q)[1])(a, b)
    y.sum().backward()
    assert len(calls) == 2
    np.testing.assert_array_equal(a.grad.data, X)


def test_what_the_function_closes_over_is_differentiated_too():
    w = Tensor([3.0], requires_grad=True)

    def f(x):
        return (w * x * x).sum()

    x, one = np.array([2.0]), np.array([1.0])
    # ∂/∂w of w x², of its gradient 2 w x, of its second derivative 2 w
    value, g = value_and_grad(f)(x)
    for of, wanted in [
        (value, 4), (g, 4), (jacobian(f, x), 4), (vjp(f, x)[1](np.array(1.0))[0], 4),
        (jvp(f, (x,), (one,))[1], 4), (hvp(f, (x,), (one,)), 2), (hessian(f, x), 2),
    ]:  # fmt: skip
        assert grad(of.sum(), w, retain_graph=True).item() == wanted
    with no_grad():
        value, g = value_and_grad(f)(x)
        assert g.item() == 12
        assert not value.requires_grad
        assert not g.requires_grad
        assert not jvp(f, (x,), (w,))[1].requires_grad


def test_an_output_of_whole_numbers_has_a_tangent_of_zero():
    x = np.array([1.0, 5.0])
    (best, moved), tangents = jvp(lambda x: (x.argmax(), x * 2), (x,), (np.ones(2),))
    assert (best.item(), moved.tolist()) == (1, [2, 10])
    assert (tangents[0].item(), tangents[1].tolist()) == (0, [2, 2])
