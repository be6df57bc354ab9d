"""Denoising: see a sample through noise, and say what it was before.

The encoder gets a corrupted sample x̃, the loss still asks for the clean one:

    x̃ ~ q(x̃ | x)          x̂ = g_φ(f_θ(x̃))          L(θ, φ) = E mean of (x̂ − x)²

Copying is no longer of any use, so the code need not be small: what lowers the loss is to know
how samples hang together, and to pull what lies beside them back to where they are. For a little
Gaussian noise of variance σ² the best possible r = g ∘ f even points uphill in the density of
samples: r(x) − x ≈ σ² ∂ log p(x) / ∂x.

The corruptions are those of tinygrad_ae/data/corrupt.py, one or several in a row. The noise is
drawn anew whenever the loss is computed, in evaluation too: E is an expectation over it, and a
loss on clean samples would be another loss. Reconstructing draws none; it takes what it gets.

P. Vincent et al., "Extracting and Composing Robust Features with Denoising Autoencoders", ICML
(2008), section 2; P. Vincent et al., "Stacked Denoising Autoencoders", JMLR 11 (2010), section 3;
G. Alain and Y. Bengio, "What Regularized Auto-Encoders Learn from the Data-Generating
Distribution", JMLR 15 (2014), theorem 1.
"""

import numpy as np

from tinygrad_ae import Tensor, ops
from tinygrad_ae.data.corrupt import corruption
from tinygrad_ae.models.autoencoder import Autoencoder


class Denoising(Autoencoder):
    """An autoencoder that learns to undo a corruption: Gaussian noise of deviation 0.5 as it is.

    Args:
        inputs: numbers in a sample, d; they lie within 0...1.
        hidden: width of each layer between sample and code; the decoder has them in reverse.
        latent: numbers in a code, k.
        activation: what stands between two layers: relu, leaky_relu, gelu, tanh, ...
        tied: whether the decoder's matrices are the encoder's, transposed.
        corruptions: one or several of gaussian, masking, salt_and_pepper, blur, occlusion; of
            signals also dropout and drift.
        strength: of each: deviation of the noise, share of the values, width of the blur, ...
        sample_shape: of one sample, 28,28 for images of 784 pixels; blur, occlusion, dropout and
            drift have to know it.
        anneal: training steps in which x̃ moves from x to what is fully corrupted.
    """

    steps: Tensor

    def __init__(
        self,
        inputs: int = 784,
        hidden: tuple[int, ...] = (512,),
        latent: int = 128,
        activation: str = "relu",
        tied: bool = False,
        corruptions: tuple[str, ...] = ("gaussian",),
        strength: tuple[float, ...] = (0.5,),
        sample_shape: tuple[int, ...] | None = None,
        anneal: int = 0,
    ) -> None:
        super().__init__(inputs, hidden, latent, activation, tied)
        self.corrupt = corruption(corruptions, strength, sample_shape)
        self.anneal = anneal
        self.register_buffer("steps", np.zeros((), np.float32))

    def loss(self, x: Tensor) -> Tensor:
        """L(θ, φ) for a batch of clean samples, shape (n, d): the mean of (g(f(x̃)) − x)²."""
        x_tilde = x + self.due() * (self.corrupt(x) - x) if self.anneal else self.corrupt(x)
        x_hat = self(x_tilde)
        return ((x_hat - x) ** 2).mean()

    def due(self) -> Tensor | float:
        """The part of the corruption that is due: it grows to 1 in the first `anneal` steps."""
        if not self.training:
            return 1.0
        self.steps += 1
        return ops.minimum(self.steps / self.anneal, 1.0)
