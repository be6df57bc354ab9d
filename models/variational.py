"""Variational: encode a sample as a cloud of codes, so that any code drawn decodes to a sample.

The encoder gives a normal distribution q instead of a point, the decoder a distribution p of
samples; codes are to be spread like a standard normal p(z) as a whole. Then one can generate:
draw z from p(z), and decode it. Training raises a lower bound of log p(x), the ELBO:

    q(z | x) = N(μ(x), σ²(x))          z = μ + σ ε,  ε ~ N(0, 1)
    L = −log p(x | z) + β · KL(q(z | x) ‖ p(z))          KL = ½ Σⱼ (μⱼ² + σⱼ² − 1 − log σⱼ²)

    bernoulli   −log p(x | z) = −Σᵢ xᵢ log x̂ᵢ + (1 − xᵢ) log (1 − x̂ᵢ)
    gaussian    −log p(x | z) = ½ Σᵢ (xᵢ − x̂ᵢ)² / s² + log 2π s²,   s² = mean of (x − x̂)²

Writing z as μ + σ ε moves the chance out of the way of the gradient, which reaches μ and σ. The
loss is summed over a sample, in nats, and its mean over samples is −ELBO if β = 1. A larger β
presses harder on the code: numbers it does not need fall silent, the others come apart. The s²
that makes a batch most likely is its mean squared error; a fixed one would be a hidden β, and with
one that is large beside what samples vary by, the whole code falls silent.

D. Kingma and M. Welling, "Auto-Encoding Variational Bayes", ICLR (2014), equations 3 and 10;
I. Higgins et al., "β-VAE", ICLR (2017), equation 4; S. Bowman et al., "Generating Sentences from
a Continuous Space", CoNLL (2016), section 3.1 (a β that grows); O. Rybkin et al., "Simple and
Effective VAE Training with Calibrated Decoders", ICML (2021), section 4.2 (the best s²).
"""

from math import pi
from typing import Any, Literal

import numpy as np

from tinygrad_ae import Tensor, nn, ops
from tinygrad_ae.errors import ModelError
from tinygrad_ae.models.autoencoder import layers
from tinygrad_ae.nn.functional import binary_cross_entropy_with_logits


class Variational(nn.Module):
    """A variational autoencoder; its encoder gives μ where one code has to stand for a sample.

    Args:
        inputs: numbers in a sample, d; they lie within 0...1.
        hidden: width of each layer between sample and code; the decoder has them in reverse.
        latent: numbers in a code, k.
        activation: what stands between two layers: relu, leaky_relu, gelu, tanh, ...
        likelihood: what samples are: coin flips of probability x̂, or x̂ and normal noise. Unless
            given, coin flips; a run takes normal noise for data that can leave 0...1.
        beta: β, the weight of the KL divergence.
        anneal: training steps in which β grows from 0.
        binarize: whether each value is drawn anew as 0 or 1, with itself as the probability.
    """

    steps: Tensor

    def __init__(
        self,
        inputs: int = 784,
        hidden: tuple[int, ...] = (400,),
        latent: int = 20,
        activation: str = "relu",
        likelihood: Literal["bernoulli", "gaussian"] | None = None,
        beta: float = 1.0,
        anneal: int = 0,
        binarize: bool = False,
    ) -> None:
        super().__init__()
        self.latent, self.beta, self.anneal, self.binarize = latent, beta, anneal, binarize
        self.likelihood = likelihood or "bernoulli"
        if self.likelihood not in ("bernoulli", "gaussian"):
            raise ModelError(f"the likelihood is bernoulli or gaussian; got {likelihood!r}")
        between = lambda: nn.activation(activation)
        *features, self.mean = layers(inputs, hidden, latent, between)
        self.features = nn.Sequential(*features)
        self.log_variance = nn.Linear((inputs, *hidden)[-1], latent)
        self.encoder = nn.Sequential(self.features, self.mean)
        self.logits = nn.Sequential(*layers(latent, hidden[::-1], inputs, between))
        self.decoder = nn.Sequential(self.logits, nn.Sigmoid())
        self.register_buffer("steps", np.zeros((), np.float32))

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct samples from their mean codes: x̂ = g(μ(x)), shape (n, d)."""
        return self.decoder(self.encoder(x))

    def loss(self, x: Tensor) -> Tensor:
        """L for a batch of samples, shape (n, d), with one ε for each; −ELBO in nats if β = 1."""
        if self.binarize:
            x = ops.bernoulli(x, x)
        h = self.features(x)
        mu, log_variance = self.mean(h), self.log_variance(h)
        z = ops.normal_sample(mu, ops.exp(0.5 * log_variance))
        return self.reconstruction(z, x) + self.weight() * divergence(mu, log_variance)

    def reconstruction(self, z: Tensor, x: Tensor) -> Tensor:
        """−log p(x | z), its mean over samples."""
        if self.likelihood == "bernoulli":
            return binary_cross_entropy_with_logits(self.logits(z), x, "sum") / len(x)
        noise = ((x - self.decoder(z)) ** 2).mean()  # s², so that Σᵢ (xᵢ − x̂ᵢ)² / s² = d
        return 0.5 * x.shape[-1] * (1 + ops.log(2 * pi * noise))

    def prior(self, noise: Any) -> Any:
        """Codes drawn from p(z) = N(0, 1), made of standard normal noise: it is such a code."""
        return noise

    def weight(self) -> Tensor | float:
        """β, or in the first `anneal` steps of training the part of it that is due."""
        if not (self.training and self.anneal):
            return self.beta
        self.steps += 1
        return self.beta * ops.minimum(self.steps / self.anneal, 1.0)


def divergence(mu: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, 1)), summed over a code's numbers, shape (n, k); its mean over samples."""
    each = mu**2 + ops.exp(log_variance) - 1 - log_variance
    return 0.5 * each.sum(-1).mean()
