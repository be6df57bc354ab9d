"""Autoencoder: squeeze a sample through a code smaller than itself, and get it back.

The encoder f_θ turns a sample x of d numbers into a code z of k numbers, and the decoder g_φ
turns the code into a reconstruction x̂ of d numbers:

    z = f_θ(x)          x̂ = g_φ(z)          L(θ, φ) = mean over samples and features of (x̂ − x)²

With k < d copying is impossible: whatever lowers the loss L must be something that samples
have in common. If f and g are affine, the best they can do is PCA, the projection to the k
directions of largest variance; the hidden layers between let the code follow a curved surface
instead of a flat one, which is why the same k keeps more (compare the two after training).

G. Hinton and R. Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks",
Science 313 (2006); I. Goodfellow, Y. Bengio and A. Courville, Deep Learning (2016), chapter 14.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from tinygrad_ae import Tensor, nn
from tinygrad_ae.errors import ModelError


class Autoencoder(nn.Module):
    """An autoencoder of fully connected layers: 784 → 128 → 16 → 128 → 784 unless told otherwise.

    Args:
        inputs: numbers in a sample, d; they lie within 0...1.
        hidden: width of each layer between sample and code; the decoder has them in reverse.
        latent: numbers in a code, k.
        activation: what stands between two layers: relu, leaky_relu, gelu, tanh, ...
        tied: whether the decoder's matrices are the encoder's, transposed: half the weights.
    """

    def __init__(
        self,
        inputs: int = 784,
        hidden: tuple[int, ...] = (128,),
        latent: int = 16,
        activation: str = "relu",
        tied: bool = False,
    ) -> None:
        super().__init__()
        self.latent = latent
        between = lambda: nn.activation(activation)
        down = layers(inputs, hidden, latent, between)
        up = layers(latent, hidden[::-1], inputs, between)
        if tied:
            up[::2] = [Transposed(layer) for layer in down[::-2]]  # every second is a linear one
        self.encoder = nn.Sequential(*down)
        # Samples lie within 0...1, and so do reconstructions.
        self.decoder = nn.Sequential(*up, nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct samples: x̂ = g_φ(f_θ(x)), shape (n, d)."""
        z = self.encoder(x)
        return self.decoder(z)

    def loss(self, x: Tensor) -> Tensor:
        """L(θ, φ) for a batch of samples, shape (n, d): the mean of (x̂ − x)²."""
        x_hat = self(x)
        return ((x_hat - x) ** 2).mean()


class Transposed(nn.Module):
    """The way back through a layer y = x Wᵀ + b, by the same W: x = y W + c, c its own."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        assert isinstance(layer, nn.Linear)
        self.weight = layer.weight
        self.bias = nn.Parameter(np.zeros(layer.in_features, np.float32))

    def forward(self, y: Tensor) -> Tensor:
        """Map (n, out_features) to (n, in_features)."""
        return y @ self.weight + self.bias


def layers(
    inputs: int, hidden: tuple[int, ...], outputs: int, between: Callable[[], nn.Module]
) -> list[nn.Module]:
    """Return linear layers from each width to the next, with an activation between each two.

    Weights start at the scale at which samples neither fade nor swell on their way through the
    layers (X. Glorot and Y. Bengio, 2010).
    """
    try:
        widths = (inputs, *hidden, outputs)
    except TypeError:
        message = f"hidden={hidden} must be the width of each layer: hidden=({hidden},)"
        raise ModelError(message) from None
    stack: list[nn.Module] = []
    for n_in, n_out in pairwise(widths):
        linear = nn.Linear(n_in, n_out)
        nn.init.xavier_uniform_(linear.weight)
        stack += [linear, between()]
    return stack[:-1]
