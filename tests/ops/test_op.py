"""What holds for every operation: how it is declared, and that its one-line formula is its forward."""

import numpy as np
import pytest
import scipy.special as special

from tinygrad_ae import Op, Tensor, custom_vjp, grad, ops

RNG = np.random.default_rng(3)
NUMBERS = np.array([-2.7, -1.0, -0.4, 0.0, 0.1, 0.5, 1.0, 3.2, 40.0])
ATTRIBUTES = {"negative_slope": 0.2, "alpha": 1.3, "low": -0.5, "high": 1.5}
WITH_EXPR = [name for name, op in Op.registry.items() if op.expr is not None]


@pytest.mark.parametrize("name", WITH_EXPR)
def test_the_formula_for_one_element_is_the_forward(name):
    op = Op.registry[name]
    attrs = {a: ATTRIBUTES[a] for a in op.attrs}
    x, y = (a.ravel() for a in np.meshgrid(NUMBERS, NUMBERS))
    compared = 0
    for dtype in (np.float64, np.float32, np.int64, np.bool_):
        values = dict(zip(op.inputs, (x.astype(dtype), y.astype(dtype)), strict=False))
        with np.errstate(all="ignore"):
            try:
                wanted = op.forward(*values.values(), **attrs)
            except (TypeError, ValueError):  # not for this dtype, or negative integer powers
                continue
            found = eval(op.expr, dict(vars(np)), values | attrs)
        tolerance = 1e-6 if dtype == np.float32 else 1e-14
        np.testing.assert_allclose(found, wanted, rtol=tolerance)
        assert np.asarray(found).dtype == wanted.dtype or dtype == np.bool_
        compared += 1
    assert compared


def test_a_ufunc_is_its_own_formula_if_it_is_numpys(monkeypatch):
    monkeypatch.setattr(Op, "registry", dict(Op.registry))
    assert (ops.add.expr, ops.abs.expr, ops.isnan.expr) == ("add(x, y)", "absolute(x)", "isnan(x)")
    assert Op("expit", special.expit, lambda g, z: g * z * (1 - z)).expr is None
    assert Op("product", np.matmul, None, None).expr is None


def test_by_default_an_operation_is_written_by_its_name_and_costs_what_its_formula_says(
    monkeypatch,
):
    monkeypatch.setattr(Op, "registry", dict(Op.registry))
    x = Tensor(np.ones((2, 3)), requires_grad=True)
    mixed = ops.elementwise("mixed_up", "where(x > 0, -x, a * exp(x))", lambda g: g, attrs=["a"])
    assert mixed.tex == r"\operatorname{{mixed\_up}}({0})"
    assert mixed(x, a=2.0).node.flops == 6 * 3  # where, a product, an exponential
    joined = Op("joined", lambda *xs: np.concatenate(xs), lambda g, i: g)
    assert joined.tex == r"\operatorname{{joined}}({args})"
    scaled = Op("scaled", lambda x, *, k: x * k, lambda g, k: g * k, flops=lambda out, x, *, k: k)
    assert scaled(x, k=7).node.flops == 7


def test_floor_division_is_not_the_floor_of_a_quotient():
    assert eval(ops.floor_divide.expr, {"floor_divide": np.floor_divide, "x": 1.0, "y": 0.1}) == 9


def test_an_operation_cannot_take_a_built_in_ones_name():
    before = Op.registry["relu"]
    with pytest.raises(ValueError, match=r"'relu' already, declared in tinygrad_ae\.ops"):
        Op("relu", lambda x: x, lambda g: g, tex="{0}")
    with pytest.raises(ValueError, match=r"'add' already, declared in tinygrad_ae\.ops"):
        Op("add", np.subtract, lambda g: g, lambda g: -g, tex="{0}")
    assert Op.registry["relu"] is before


def test_an_operation_may_be_declared_anew():
    try:
        Op("draft", np.sin, lambda g, x: g * np.cos(x), tex="{0}")
        second = Op("draft", lambda x: x * 2, lambda g: 2 * g, tex="{0}")
        assert Op.registry["draft"] is second
    finally:
        del Op.registry["draft"]


def test_making_an_operation_and_registering_it_are_two_things():
    before = dict(Op.registry)
    made = Op("draft", np.sin, lambda g, x: g * np.cos(x), register=False)
    Op("relu", np.sin, register=False)  # a picture may call something what it likes
    assert Op.registry == before
    assert grad(made(x := Tensor(0.5, requires_grad=True)), x).item() == np.cos(0.5)
    try:
        made.register()
        assert Op.registry["draft"] is made
        Op("draft", np.cos, register=False)
        with pytest.raises(TypeError, match="asks for 'w'"):
            Op("draft", np.sin, lambda g, w: g * w)  # a mistake in it takes nothing's place
        assert Op.registry["draft"] is made
    finally:
        del Op.registry["draft"]
    with pytest.raises(ValueError, match="'relu' already"):
        Op("relu", np.sin, register=False).register()


def test_many_inputs_in_many_patterns_leave_nothing_behind():
    xs = [Tensor(1.0, requires_grad=True) for _ in range(12)]
    for n in range(2, 12):
        grad(ops.einsum(",".join([""] * n) + "->", *xs[:n]), xs[0])
        grad(ops.concatenate([x.reshape(1) for x in xs[:n]]).sum(), xs[0])
    assert not any(op.unsaved for op in Op.registry.values() if op.variadic)


def test_an_operation_may_have_many_inputs():
    names = [f"x{k}" for k in range(40)]
    total = custom_vjp(*[lambda g: g] * 40)(eval(f"lambda {', '.join(names)}: {' + '.join(names)}"))
    x, y = Tensor(1.0, requires_grad=True), Tensor(2.0, requires_grad=True)
    total(x, y, *[3.0] * 37, y).backward()
    assert (x.grad.item(), y.grad.item()) == (1, 2)
    del Op.registry[total.name]


def test_lists_count_as_arrays():
    rows = [[1.0, 2.0], [3.0, 4.0]]
    x = np.array(rows)
    for f in (
        ops.sum, ops.exp, ops.softmax, ops.logsumexp, ops.flip, ops.transpose, ops.tril, ops.prod,
        lambda x: ops.swapaxes(x, 0, 1), lambda x: ops.take(x, 1, 0), lambda x: ops.split(x, 2)[0],
        lambda x: ops.pad(x, 1), lambda x: ops.tile(x, 2), lambda x: ops.repeat(x, 2, 1),
        lambda x: ops.dot(x, x), lambda x: ops.outer(x, x), lambda x: ops.clip(x, 2),
        lambda x: ops.gather(x, 0, [[0, 1]]), lambda x: ops.concatenate([x, x], 1),
        lambda x: ops.scatter_add(x, 0, [[0, 1]], [[1.0, 1.0]]), lambda x: ops.diagonal(x),
        lambda x: ops.roll(x, 1), lambda x: ops.squeeze(x), lambda x: ops.expand_dims(x, 0),
        lambda x: ops.broadcast_to(x, (2, 2, 2)), lambda x: ops.astype(x, np.float32),
        lambda x: ops.argmax(x, 1), lambda x: ops.cumsum(x, 0), lambda x: ops.stack([x, x]),
        lambda x: ops.einsum("ij->i", x), lambda x: ops.solve(x, [1.0, 2.0]),
    ):  # fmt: skip
        np.testing.assert_array_equal(f(rows), f(x))


@pytest.mark.parametrize(
    ("shape", "wanted"), [((1, 3), (1, 3)), ((1, 1, 3), (1, 1, 3)), ((1, 1), (1, 1))]
)
def test_assignment_drops_leading_axes_of_length_1(shape, wanted):
    y = Tensor(np.ones(shape), requires_grad=True)
    g = grad((ops.setitem(np.zeros(3), y, index=slice(None)) * [1.0, 2.0, 3.0]).sum(), y)
    assert g.shape == wanted
    assert g.sum().item() == 6


@pytest.mark.parametrize("kind", [tuple, list])
def test_a_forward_with_two_outputs_is_refused(kind):
    try:
        both = Op("both", lambda x: kind([x, x]), lambda g: g, tex="{0}")
        with pytest.raises(TypeError, match=rf"forward of both returned a {kind.__name__} of 2"):
            both(Tensor(1.0))
    finally:
        del Op.registry["both"]


def test_a_forward_with_complex_output_is_refused():
    try:
        turned = Op("turned", lambda x: x * 1j, lambda g: g)
        with pytest.raises(TypeError, match=r"turned of \(\) float64 gives complex128"):
            turned(Tensor(1.0))
    finally:
        del Op.registry["turned"]
