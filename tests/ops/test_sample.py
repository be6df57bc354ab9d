"""Random draws: their distribution, their generator, and the gradients that flow around them."""

import numpy as np
import pytest
import scipy.stats

import tinygrad_ae as tg
from tinygrad_ae import Graph, Tensor, grad, gradcheck, gradgradcheck, ops
from tinygrad_ae.autodiff import record_everything


def seeded(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    ("draw", "distribution"),
    [
        (lambda: ops.normal((20_000,), generator=seeded()), scipy.stats.norm()),
        (lambda: ops.normal((20_000,), -1, 3, seeded()), scipy.stats.norm(-1, 3)),
        (lambda: ops.uniform((20_000,), generator=seeded()), scipy.stats.uniform()),
        (lambda: ops.uniform((20_000,), -2, 3, seeded()), scipy.stats.uniform(-2, 5)),
        (
            lambda: ops.normal_sample(np.full(20_000, 2.0), np.array(0.5), seeded()),
            scipy.stats.norm(2, 0.5),
        ),
    ],
)
def test_draws_follow_their_distribution(draw, distribution):
    assert scipy.stats.kstest(draw(), distribution.cdf).pvalue > 0.001


def test_bernoulli_draws_ones_as_often_as_asked():
    p = np.array([0.0, 0.2, 0.5, 1.0])
    x = ops.bernoulli((40_000, 4), p, seeded())
    assert set(np.unique(x)) == {0, 1}
    np.testing.assert_allclose(x.mean(0, dtype=np.float64), p, atol=0.01)
    assert x[:, 0].max() == 0
    assert x[:, 3].min() == 1


DRAWS = [ops.normal, ops.uniform, ops.bernoulli]


@pytest.mark.parametrize("draw", DRAWS)
def test_equal_generators_give_equal_draws(draw):
    assert np.array_equal(draw((3, 2), generator=seeded(4)), draw((3, 2), generator=seeded(4)))
    one = seeded(4)
    assert not np.array_equal(draw((9,), generator=one), draw((9,), generator=one))


@pytest.mark.parametrize("draw", DRAWS)
def test_the_default_generator_obeys_manual_seed(draw):
    tg.manual_seed(3)
    first = draw((5,))
    tg.manual_seed(3)
    assert np.array_equal(first, draw((5,)))


@pytest.mark.parametrize("draw", DRAWS)
def test_shape_and_dtype(draw):
    assert draw((2, 3)).dtype == np.float32
    assert draw(4).shape == (4,)
    assert draw(()).shape == ()
    assert draw((0, 2), dtype=np.float64).dtype == np.float64
    for dtype in (np.float16, np.float32, np.float64):
        like = Tensor(np.ones((2, 3), dtype), requires_grad=True)
        x = draw(like)
        assert isinstance(x, Tensor)
        assert (x.shape, x.dtype) == ((2, 3), dtype)
        assert not x.requires_grad
    with pytest.raises(ValueError, match="floats"):
        draw((2,), dtype=np.int64)


def test_a_recorded_draw_names_its_generator():
    x, generator = Tensor(np.ones(3)), seeded()
    with record_everything():
        z = ops.normal_sample(x, 2.0, generator)
    (node,) = Graph.of(z).op("normal")
    assert node.attrs["generator"] is generator


# ---- the reparameterised normal


def test_gradients_reach_mean_and_deviation():
    mu, sigma = seeded(1).standard_normal((2, 3)), seeded(2).random((2, 3)) + 0.5
    f = lambda mu, sigma: ops.normal_sample(mu, sigma, seeded(5))
    assert gradcheck(f, (mu, sigma))
    assert gradgradcheck(lambda mu, sigma: f(mu, sigma).square(), (mu, sigma))
    inputs = [Tensor(a, requires_grad=True) for a in (mu, sigma)]
    g_mu, g_sigma = grad(f(*inputs).sum(), inputs)
    assert (g_mu.data == 1).all()
    np.testing.assert_allclose(g_sigma.data, ops.normal(mu, generator=seeded(5)))


def test_a_shared_deviation_receives_every_elements_gradient():
    mu = Tensor(np.zeros((4, 2), np.float32), requires_grad=True)
    sigma = Tensor(np.ones(2, np.float32), requires_grad=True)
    z = ops.normal_sample(mu, sigma, seeded())
    g = grad(z.sum(), sigma)
    assert z.dtype == g.dtype == np.float32
    np.testing.assert_allclose(g.data, z.data.sum(0), rtol=1e-6)


def test_noise_is_not_shared_between_elements():
    with pytest.raises(ValueError, match=r"shape \(2,\).*\(3, 2\)"):
        ops.normal_sample(np.zeros(2), np.ones((3, 2)))
    with pytest.raises(ValueError, match="broadcast"):
        ops.uniform((2,), np.zeros((3, 2)))
    with pytest.raises(ValueError, match="broadcast"):
        ops.bernoulli((2,), np.full((3, 2), 0.5))


# ---- dropout


def test_dropout_keeps_the_expected_value():
    x = np.full(40_000, 2.0)
    z = ops.dropout(x, 0.25, seeded())
    assert set(np.unique(z)) == {0, 2 / 0.75}
    np.testing.assert_allclose((z == 0).mean(), 0.25, atol=0.01)
    np.testing.assert_allclose(z.mean(), 2, atol=0.03)


def test_dropout_passes_gradients_where_it_passed_values():
    x = seeded(1).standard_normal((3, 4))
    assert gradcheck(lambda x: ops.dropout(x, 0.5, seeded(2)), x)
    assert gradgradcheck(lambda x: ops.dropout(x * x, 0.5, seeded(2)), x)
    t = Tensor(x.astype(np.float32), requires_grad=True)
    z = ops.dropout(t, 0.5, seeded(2))
    g = grad(z.sum(), t)
    assert z.dtype == g.dtype == np.float32
    assert np.array_equal(g.data == 0, z.data == 0)
    assert set(np.unique(g.data)) == {0, 2}


def test_dropout_of_nothing_changes_nothing():
    x = Tensor(np.ones(3), requires_grad=True)
    assert ops.dropout(x, 0) is x


# ---- mistakes


@pytest.mark.parametrize("p", [-0.1, 1, 1.5, float("nan")])
def test_a_dropout_probability_outside_its_range(p):
    with pytest.raises(ValueError, match="less than 1"):
        ops.dropout(np.ones(3), p)


@pytest.mark.parametrize("p", [-0.1, 1.1, np.array([0.5, np.nan])])
def test_a_probability_outside_its_range(p):
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        ops.bernoulli((2,), p)


def test_a_negative_deviation():
    with pytest.raises(ValueError, match="got -1"):
        ops.normal((2,), 0, -1)
