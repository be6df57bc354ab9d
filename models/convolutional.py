"""Convolutional: look at every place of an image with the same small set of eyes.

A fully connected layer learns anew at each pixel what a stroke is. A convolution applies one
kernel of 3 × 3 weights everywhere, and the number it gives at a place tells how well the kernel
fits there (o and c count channels, out and in):

    a[o, i, j] = b[o] + Σ W[o, c, u, v] · x[c, 2i + u − 1, 2j + v − 1]    over c and u, v = 0, 1, 2

Steps of two pixels halve the image from layer to layer, 28 → 14 → 7, while the channels grow; a
linear layer turns what is left into the code. The decoder takes the same steps back: a transposed
convolution spreads each number by its kernel, and is the transpose of the matrix that a
convolution is.

    z = f_θ(x)          x̂ = g_φ(z)          L(θ, φ) = mean over samples and pixels of (x̂ − x)²

J. Masci et al., "Stacked Convolutional Auto-Encoders for Hierarchical Feature Extraction", ICANN
(2011); V. Dumoulin and F. Visin, "A Guide to Convolution Arithmetic for Deep Learning" (2016),
relationships 6 and 14.
"""

from itertools import pairwise
from math import prod

from tinygrad_ae import Tensor, nn
from tinygrad_ae.errors import ModelError


class Convolutional(nn.Module):
    """An autoencoder of convolutions: 28 × 28 → 14 × 14 × 16 → 7 × 7 × 32 → 16, and back.

    Args:
        sample_shape: of an image: height and width, and the number of colours unless it is 1.
        channels: of each convolution; the decoder has them in reverse.
        latent: numbers in a code, k.
        activation: what follows each convolution: relu, leaky_relu, gelu, ...
    """

    def __init__(
        self,
        sample_shape: tuple[int, ...] = (28, 28),
        channels: tuple[int, ...] = (16, 32),
        latent: int = 16,
        activation: str = "relu",
    ) -> None:
        super().__init__()
        if len(sample_shape) not in (2, 3) or not channels:
            raise ModelError(
                "convolutional takes images, of shape (height, width) or (height, width, colours), "
                f"and at least one number of channels; got {sample_shape} and {channels}"
            )
        self.latent = latent
        height, width, colours = (*sample_shape, 1)[:3]
        size: tuple[int, ...] = (height, width)
        down: list[nn.Module] = []
        up: list[nn.Module] = []
        for fine, coarse in pairwise((colours, *channels)):
            even = [1 - n % 2 for n in size]  # of the two sizes with the same half: which it was
            back = nn.ConvTranspose2d(coarse, fine, 3, stride=2, padding=1, output_padding=even)
            down += [nn.Conv2d(fine, coarse, 3, stride=2, padding=1), nn.activation(activation)]
            up = [nn.activation(activation), back, *up]
            size = tuple((n + 1) // 2 for n in size)
        code = (channels[-1], *size)
        self.encoder = nn.Sequential(
            nn.Unflatten((height, width, colours)), Permute(0, 3, 1, 2), *down,
            nn.Flatten(), nn.Linear(prod(code), latent),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(latent, prod(code)), nn.Unflatten(code), *up,
            Permute(0, 2, 3, 1), nn.Flatten(), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct samples: x̂ = g_φ(f_θ(x)), shape (n, d)."""
        return self.decoder(self.encoder(x))

    def loss(self, x: Tensor) -> Tensor:
        """L(θ, φ) for a batch of samples, shape (n, d): the mean of (x̂ − x)²."""
        return ((self(x) - x) ** 2).mean()


class Permute(nn.Module):
    """The axes in another order: images keep their colours last, convolutions take them first."""

    def __init__(self, *axes: int) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, x: Tensor) -> Tensor:
        """Transpose the axes."""
        return x.transpose(self.axes)
