import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import integrate, stats

from tinygrad_ae import Tensor, default_generator, manual_seed
from tinygrad_ae.errors import ModelError, UserError
from tinygrad_ae.models import Variational
from tinygrad_ae.models.variational import divergence

X = np.random.default_rng(0).random((5, 12))


def made(**arguments: Any) -> Variational:
    manual_seed(3)
    return Variational(inputs=12, hidden=(7,), latent=3, **arguments).astype(np.float64)


def parts(model: Variational, x: Any) -> tuple[Any, Any, Any]:
    """μ, σ and the decoder's x̂ for the noise that follows seed 4."""
    h = model.features(Tensor(x))
    mu, sigma = model.mean(h).data, np.exp(0.5 * model.log_variance(h).data)
    manual_seed(4)
    z = mu + sigma * default_generator.standard_normal(mu.shape)
    return mu, sigma, model.decoder(Tensor(z)).data


def kl(mu: Any, sigma: Any) -> Any:
    return 0.5 * np.sum(mu**2 + sigma**2 - 1 - np.log(sigma**2), 1).mean()


def loss(model: Variational, x: Any) -> float:
    manual_seed(4)
    return float(model.loss(Tensor(x)).item())


@pytest.mark.parametrize(("mu", "sigma"), [(0.0, 1.0), (1.3, 0.4), (-0.7, 2.1)])
def test_the_divergence_is_its_integral(mu: float, sigma: float) -> None:
    q, p = stats.norm(mu, sigma), stats.norm(0, 1)
    integral, _ = integrate.quad(
        lambda z: q.pdf(z) * (q.logpdf(z) - p.logpdf(z)), mu - 12 * sigma, mu + 12 * sigma
    )
    ours = divergence(Tensor([[mu]]), Tensor([[math.log(sigma**2)]]))
    assert ours.item() == pytest.approx(integral, abs=1e-8)


@pytest.mark.parametrize("beta", [1.0, 4.0])
def test_bernoulli(beta: float) -> None:
    model = made(beta=beta)
    mu, sigma, p = parts(model, X)
    likelihood = np.sum(X * np.log(p) + (1 - X) * np.log(1 - p), 1).mean()
    assert loss(model, X) == pytest.approx(-likelihood + beta * kl(mu, sigma), rel=1e-12)


def test_gaussian() -> None:
    model = made(likelihood="gaussian")
    mu, sigma, x_hat = parts(model, X)
    best = np.sqrt(np.mean((x_hat - X) ** 2))
    likelihoods = [
        stats.norm(x_hat, s).logpdf(X).sum(1).mean() for s in (0.9 * best, best, 1.1 * best)
    ]
    assert max(likelihoods) == likelihoods[1]  # so it is the deviation that fits best
    assert loss(model, X) == pytest.approx(-likelihoods[1] + kl(mu, sigma), rel=1e-12)


def test_the_bound_is_below_the_evidence() -> None:
    """For a code of one number, log p(x) is an integral one can compute."""
    manual_seed(0)
    model = Variational(inputs=4, hidden=(5,), latent=1).astype(np.float64).requires_grad_(False)
    x = np.array([[0.0, 1.0, 1.0, 0.0]])

    def joint(z: float) -> float:
        p = model.decoder(Tensor([[z]])).data
        return float(np.prod(x * p + (1 - x) * (1 - p)) * stats.norm.pdf(z))

    evidence, _ = integrate.quad(joint, -10, 10)
    losses = [model.loss(Tensor(x)).item() for _ in range(2000)]
    spread = np.std(losses) / math.sqrt(len(losses))
    assert np.mean(losses) > -math.log(evidence) - 4 * spread
    assert np.mean(losses) < -math.log(evidence) + 5  # and not just anything


def test_the_code_is_the_mean_and_reconstructing_draws_nothing() -> None:
    model = made()
    mu, _, _ = parts(model, X)
    before = default_generator.bit_generator.state
    np.testing.assert_array_equal(model.encoder(Tensor(X)).data, mu)
    np.testing.assert_array_equal(model(Tensor(X)).data, model.decoder(Tensor(mu)).data)
    assert default_generator.bit_generator.state == before


def test_annealing_raises_beta_in_training_alone() -> None:
    model, plain = made(anneal=4, beta=2.0), made(beta=2.0)
    mu, sigma, _ = parts(model, X)
    rest = loss(plain, X) - 2 * kl(mu, sigma)
    weights = [(loss(model, X) - rest) / kl(mu, sigma) for _ in range(6)]
    np.testing.assert_allclose(weights, [0.5, 1.0, 1.5, 2.0, 2.0, 2.0], rtol=1e-6)
    model.eval()
    model.steps.data[...] = 0
    assert loss(model, X) == pytest.approx(loss(plain, X), rel=1e-12)
    assert model.steps.item() == 0
    assert "steps" in model.state_dict()  # a run that is resumed goes on with it


def test_binarised_samples_are_drawn_from_their_greys() -> None:
    model = made(binarize=True)
    manual_seed(4)
    drawn = (default_generator.random(X.shape) < X).astype(float)
    mu = model.encoder(Tensor(drawn)).data
    sigma = np.exp(0.5 * model.log_variance(model.features(Tensor(drawn))).data)
    z = mu + sigma * default_generator.standard_normal(mu.shape)
    p = model.decoder(Tensor(z)).data
    likelihood = np.sum(np.log(np.where(drawn == 1, p, 1 - p)), 1).mean()
    assert loss(model, X) == pytest.approx(-likelihood + kl(mu, sigma), rel=1e-12)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_gradients(likelihood: Any, check_gradients: Callable[..., None]) -> None:
    model = Variational(4, (3,), 2, "tanh", likelihood, 1.7)
    check_gradients(model, np.random.default_rng(0).random((3, 4)))


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ModelError, match="bernoulli or gaussian; got 'poisson'"):
        Variational(likelihood="poisson")  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"target must be in \[0, 1\]"):
        made().loss(Tensor(X * 2))
