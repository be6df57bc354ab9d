"""The check of a whole operation: what is right passes, and each kind of fault is found."""

import numpy as np
import pytest

from tinygrad_ae import GradcheckError, Op, Tensor, check_op, ops
from tinygrad_ae.compiled import elementwise

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((3, 4)), RNG.standard_normal((4, 3))


def op(forward, *rules):
    return Op("planted", forward, *rules, tex="{0}")


def _doubling(g):
    g *= -1
    return g


FAULTS = {
    "value": (op(np.sin, lambda g, x: g * np.cos(x)), np.cos, r"its value is"),
    "shape": (op(lambda x: x.sum(), lambda g, x_shape: ops.broadcast_to(g, x_shape)),
              lambda x: x.sum(0), r"shape \(\); expected \(4,\)"),
    "widening": (op(lambda x: x * np.float64(2), lambda g: 2 * g), None, "float32 inputs give float64"),
    "rule": (op(np.sin, lambda g, x: g), None, "sample 0"),
    "writes": (op(lambda x: np.negative(x, out=x), lambda g: -g), None, "writes to its input"),
    "rule writes": (op(np.negative, _doubling), None, "read-only"),
    "single precision": (op(lambda x: x if x.dtype == np.float64 else x * 1.01, lambda g: g), None, "in float32"),
    "layout": (op(lambda x: x.ravel(order="K").reshape(x.shape), lambda g: g), None, "column by column"),
    "expr": (Op("planted", np.sin, lambda g, x: g * np.cos(x), tex="{0}", expr="cos(x)"), None,
             r"against its expr, 'cos\(x\)'"),
    "scale": (op(lambda x: 1e-7 * x, lambda g: g * 0), None, "sample 0"),
    "second": (op(np.square, lambda g, x: 2 * g * (x.data if isinstance(x, Tensor) else x)), None,
               "sample 0"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_check_op_finds(fault):
    planted, reference, message = FAULTS[fault]
    with pytest.raises(GradcheckError, match=message):
        check_op(planted, [(X.copy(),)], reference=reference)


def test_check_op_broadcasts_by_itself():
    def forward(x, y):
        return x * y

    def rule(g, y):
        return g * y[::-1][::-1] if len(y) > 1 else g * 0

    planted = Op("planted", forward, rule, lambda g, x: g * x, tex="{0}")
    with pytest.raises(GradcheckError, match="argument 0"):
        check_op(planted, [(X, X + 1)])
    assert check_op(ops.mul, [(X, X + 1), (np.ones((0, 2)), np.ones((0, 2)))])
    assert check_op(ops.matmul, [(X[:, :3], Y[:3])])


def test_check_op_wants_samples():
    with pytest.raises(ValueError, match="at least one sample"):
        check_op(ops.mul, [])


def test_an_operation_without_gradient_passes():
    assert check_op(ops.greater, [(X, Y.T)], reference=np.greater)
    assert check_op(ops.floor, [X], reference=np.floor)


def test_check_op_wants_latex_that_can_be_filled_in():
    with pytest.raises(GradcheckError, match="has no LaTeX"):
        check_op(Op("planted", np.negative, lambda g: -g, tex=""), [(X,)])
    for tex in (r"\frac{1}{{{0}}}", "{2}", "{axis}"):
        planted = Op("planted", np.negative, lambda g: -g, tex=tex)
        with pytest.raises(GradcheckError, match=r"double every other brace"):
            check_op(planted, [(X,)])


def test_check_op_finds_a_compiled_step_that_differs(monkeypatch):
    planted = Op("planted", np.square, lambda g, x: 2 * g * x, tex="{0}^2", expr="x * x")
    assert check_op(planted, [(X,)])
    right = elementwise.emit
    monkeypatch.setattr(
        elementwise, "emit", lambda lower, node, args: right(lower, node, args[::-1])
    )
    with pytest.raises(GradcheckError, match="what a compiled step makes of it"):
        check_op(Op("planted", np.subtract, lambda g: g, lambda g: -g, tex="{0}"), [(X, Y.T)])


def test_check_op_finds_a_formula_that_cannot_be_exported():
    def forward(x):
        return np.cbrt(x)

    planted = Op("planted", forward, lambda g, z: g / (3 * z * z), tex="{0}", expr="cbrt(x)")
    with pytest.raises(GradcheckError, match="planted cannot be exported: cbrt has no translation"):
        check_op(planted, [(X,)])
