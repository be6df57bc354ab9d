import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, log_softmax

from tinygrad_ae import Tensor, grad, gradcheck, nn
from tinygrad_ae.errors import ModelError, ShapeError

F = nn.functional
rng = np.random.default_rng(2)
X, Y = rng.normal(0, 2, size=(2, 4, 3))
P, Q = rng.uniform(0.05, 0.95, size=(2, 4, 3))


def huber(x, y, delta):
    d = np.abs(x - y)
    return np.where(d <= delta, 0.5 * d**2, delta * (d - 0.5 * delta))


def cross_entropy(p, y):
    return -(y * np.log(p) + (1 - y) * np.log(1 - p))


LOSSES = {
    "mse": (F.mse_loss, nn.MSELoss, {}, X, Y, (X - Y) ** 2),
    "l1": (F.l1_loss, nn.L1Loss, {}, X, Y, np.abs(X - Y)),
    "huber": (F.huber_loss, nn.HuberLoss, {"delta": 0.7}, X, Y, huber(X, Y, 0.7)),
    "smooth_l1": (F.smooth_l1_loss, nn.SmoothL1Loss, {"beta": 0.7}, X, Y, huber(X, Y, 0.7) / 0.7),
    "smooth_l1_0": (F.smooth_l1_loss, nn.SmoothL1Loss, {"beta": 0}, X, Y, np.abs(X - Y)),
    "bce": (F.binary_cross_entropy, nn.BCELoss, {}, P, Q, cross_entropy(P, Q)),
    "bce_logits": (
        F.binary_cross_entropy_with_logits,
        nn.BCEWithLogitsLoss,
        {},
        X,
        Q,
        cross_entropy(expit(X), Q),
    ),
    "kl": (F.kl_div, None, {}, np.log(P), Q, Q * (np.log(Q) - np.log(P))),
}
REDUCE = {"mean": np.mean, "sum": np.sum, "none": lambda x: x}


@pytest.mark.parametrize("reduction", REDUCE)
@pytest.mark.parametrize("name", LOSSES)
def test_values_and_gradients(name, reduction):
    function, module, options, x, y, terms = LOSSES[name]
    expected = REDUCE[reduction](terms)
    loss = function(Tensor(x), Tensor(y), reduction=reduction, **options)
    np.testing.assert_allclose(loss.data, expected, rtol=1e-12)
    if module:
        again = module(reduction=reduction, **options)(x, y)
        np.testing.assert_array_equal(again.data, loss.data)
    assert gradcheck(lambda a, b: function(a, b, reduction=reduction, **options), (x, y))


@pytest.mark.parametrize("name", LOSSES)
def test_shapes_must_agree_exactly(name):
    function = LOSSES[name][0]
    with pytest.raises(ShapeError, match=r"same shape; got input \(4, 1\) and target \(4,\)"):
        function(np.full((4, 1), 0.5), np.full(4, 0.5))


@pytest.mark.parametrize("name", LOSSES)
def test_a_float64_target_does_not_widen(name):
    function, _, options, x, y, _ = LOSSES[name]
    assert function(Tensor(x, dtype=np.float32), y, **options).dtype == np.float32


@pytest.mark.parametrize("name", LOSSES)
def test_the_mean_of_nothing_is_refused(name):
    function = LOSSES[name][0]
    with pytest.raises(ShapeError, match="no elements"):
        function(np.ones((0, 3)), np.ones((0, 3)))


def test_unknown_reductions():
    with pytest.raises(ShapeError, match="'mean', 'sum' or 'none'; got 'avg'"):
        F.mse_loss(X, Y, "avg")
    with pytest.raises(ModelError, match="got 'avg'"):
        nn.MSELoss("avg")
    assert repr(nn.HuberLoss(delta=2.0)) == "HuberLoss(reduction='mean', delta=2.0)"


def test_huber_needs_a_positive_delta():
    with pytest.raises(ShapeError, match="delta must be positive; got 0"):
        F.huber_loss(X, Y, delta=0)
    with pytest.raises(ShapeError, match="must be positive; got -1"):
        F.smooth_l1_loss(X, Y, beta=-1)


# ---- cross-entropies


@pytest.mark.parametrize("loss", [F.binary_cross_entropy, F.binary_cross_entropy_with_logits])
@pytest.mark.parametrize("bad", [[0.0, 255.0], [-1.0, 1.0], [0.5, np.nan]])
def test_targets_outside_the_unit_interval(loss, bad):
    low, high = (np.nan, np.nan) if np.isnan(bad[1]) else bad
    with pytest.raises(ShapeError, match=rf"target must be in \[0, 1\].* {low:g} to {high:g}"):
        loss(np.full(2, 0.5), np.array(bad))


def test_probabilities_outside_the_unit_interval():
    with pytest.raises(ShapeError, match=r"input must be in \[0, 1\].*-0.5 to 2"):
        F.binary_cross_entropy(np.array([-0.5, 2.0]), np.ones(2))
    # a NaN passes, so that whoever looks for its origin finds the operation that made it
    assert np.isnan(F.binary_cross_entropy(np.array([np.nan, 0.5]), np.ones(2)).item())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_certain_and_wrong_costs_one_hundred(dtype):
    p = Tensor([0.0, 1.0, 0.0, 1.0], dtype=dtype, requires_grad=True)
    loss = F.binary_cross_entropy(p, np.array([1.0, 0.0, 0.0, 1.0]), reduction="none")
    np.testing.assert_array_equal(loss.data, [100, 100, 0, 0])
    loss.sum().backward()
    assert np.isfinite(p.grad.data).all()


@given(st.floats(-1e4, 1e4), st.floats(0, 1))
def test_logits_of_any_size_stay_finite_and_exact(x, y):
    logit = Tensor([x], requires_grad=True)
    loss = F.binary_cross_entropy_with_logits(logit, np.array([y]))
    expected = np.logaddexp(0, x) - x * y
    np.testing.assert_allclose(loss.item(), expected, rtol=1e-12, atol=1e-11)
    np.testing.assert_allclose(grad(loss, logit).item(), expit(x) - y, atol=1e-12)


def test_both_cross_entropies_agree():
    a = F.binary_cross_entropy_with_logits(X, Q)
    b = F.binary_cross_entropy(expit(X), Q)
    np.testing.assert_allclose(a.data, b.data, rtol=1e-12)


def test_kl_of_a_zero_target_is_zero():
    y = Tensor([0.0, 1.0], requires_grad=True)
    loss = F.kl_div(np.log([0.5, 0.5]), y, reduction="sum")
    np.testing.assert_allclose(loss.item(), np.log(2))
    assert np.isfinite(grad(loss, y).data).all()
    with pytest.raises(ShapeError, match="must not be negative; found -1"):
        F.kl_div(X, -np.ones_like(X))


LABELS = np.array([0, 2, 1, 2])


@pytest.mark.parametrize("reduction", REDUCE)
def test_cross_entropy_of_labels(reduction):
    log_p = log_softmax(X, axis=1)
    terms = -log_p[np.arange(4), LABELS]
    expected = REDUCE[reduction](terms)
    np.testing.assert_allclose(F.cross_entropy(X, LABELS, reduction).data, expected)
    np.testing.assert_allclose(F.nll_loss(log_p, Tensor(LABELS), reduction).data, expected)
    np.testing.assert_allclose(nn.CrossEntropyLoss(reduction)(X, LABELS).data, expected)
    assert gradcheck(lambda x: F.cross_entropy(x, LABELS, reduction), X)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 2, 3], r"in \[0, 3\).*0 to 3"),
        ([-1, 0, 0, 0], r"-1 to 0"),
        ([0.0, 1, 2, 0], "whole numbers; got float64"),
        ([0, 1, 2], r"\(4, 3\) and \(3,\)"),
    ],
)
def test_wrong_labels(labels, message):
    with pytest.raises(ShapeError, match=message):
        F.cross_entropy(X, np.array(labels))
