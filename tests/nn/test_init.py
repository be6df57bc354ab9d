import math

import numpy as np
import pytest

from tinygrad_ae import nn
from tinygrad_ae.errors import ShapeError
from tinygrad_ae.nn import init

SHAPE = (300, 200)


def weight(shape=SHAPE):
    return nn.Parameter(np.zeros(shape, np.float32))


XAVIER = math.sqrt(2 / 500)
RELU = math.sqrt(2)


@pytest.mark.parametrize(
    ("fill", "std"),
    [
        (lambda w, g: init.xavier_uniform_(w, generator=g), XAVIER),
        (lambda w, g: init.xavier_normal_(w, 2.0, generator=g), 2 * XAVIER),
        (lambda w, g: init.kaiming_uniform_(w, generator=g), RELU / math.sqrt(200)),
        (lambda w, g: init.kaiming_normal_(w, generator=g), RELU / math.sqrt(200)),
        (
            lambda w, g: init.kaiming_normal_(w, mode="fan_out", nonlinearity="tanh", generator=g),
            5 / 3 / math.sqrt(300),
        ),
        (
            lambda w, g: init.kaiming_uniform_(w, a=math.sqrt(5), generator=g),
            1 / math.sqrt(3 * 200),
        ),
        (lambda w, g: init.uniform_(w, -1, 3, g) - 1, 2 / math.sqrt(3)),
        (lambda w, g: init.normal_(w, 0, 0.5, g), 0.5),
    ],
)
def test_spread(fill, std):
    values = fill(weight(), np.random.default_rng(0)).data
    assert values.dtype == np.float32
    assert abs(values.mean()) < 0.02 * std
    assert abs(values.std() - std) < 0.02 * std


def test_uniform_initialisers_stay_in_their_bounds():
    values = init.xavier_uniform_(weight(), generator=np.random.default_rng(0)).data
    bound = math.sqrt(6 / 500)
    assert 0.99 * bound < np.abs(values).max() <= bound


def test_same_seed_same_values_in_place():
    w = weight()
    memory = w.data
    assert init.normal_(w, generator=np.random.default_rng(4)) is w
    assert w.data is memory
    assert w.requires_grad
    again = init.normal_(weight(), generator=np.random.default_rng(4))
    np.testing.assert_array_equal(w.data, again.data)


def test_constants():
    assert (init.constant_(weight(), 2.5).data == 2.5).all()
    assert (init.ones_(weight()).data == 1).all()
    assert (init.zeros_(init.ones_(weight())).data == 0).all()


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (2, 3, 2)])
def test_orthogonal(shape):
    w = nn.Parameter(np.zeros(shape))
    q = init.orthogonal_(w, 2.0, np.random.default_rng(0)).data.reshape(shape[0], -1)
    gram = q @ q.T if q.shape[0] <= q.shape[1] else q.T @ q
    np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-12)


def test_fans_count_the_axes_behind():
    w = init.xavier_uniform_(weight((6, 4, 5, 5)), generator=np.random.default_rng(0))
    bound = math.sqrt(6 / (6 * 25 + 4 * 25))
    assert 0.97 * bound < np.abs(w.data).max() <= bound


def test_gains():
    assert init.calculate_gain("linear") == init.calculate_gain("sigmoid") == 1
    assert init.calculate_gain("relu") == pytest.approx(math.sqrt(2))
    assert init.calculate_gain("tanh") == pytest.approx(5 / 3)
    assert init.calculate_gain("selu") == pytest.approx(0.75)
    assert init.calculate_gain("leaky_relu", 0.5) == pytest.approx(math.sqrt(2 / 1.25))
    with pytest.raises(ShapeError, match=r"'leaky-relu'.*Did you mean 'leaky_relu'\?"):
        init.calculate_gain("leaky-relu")


@pytest.mark.parametrize(
    "fill", [init.xavier_uniform_, init.xavier_normal_, init.kaiming_normal_, init.orthogonal_]
)
def test_a_bias_has_no_fans(fill):
    with pytest.raises(ShapeError, match=r"weight of shape \(out, in, …\); got \(3,\)"):
        fill(weight((3,)))


def test_unknown_mode():
    with pytest.raises(ShapeError, match="'fan_in' or 'fan_out'; got 'fan_avg'"):
        init.kaiming_uniform_(weight(), mode="fan_avg")
