"""Classifier: let a code say which class a sample is of, and still give the sample back.

A linear head on the code z = f_θ(x) gives each class a probability; of C classes,

    p = softmax(V z + c)          x̂ = g_φ(z)

    L(θ, φ, V, c) = mean over samples of −log p_y + λ · mean of (x̂ − x)²
                  = mean over samples of −Σⱼ yⱼ log pⱼ + λ · …,  L = the sum of both

with y the label, or its row of zeros and a one. A sample without a label has a row of zeros: it
counts in the second term alone. One file serves three purposes:

    probe         the encoder is trained already and stays: what is in its code, linearly?
    fine-tuning   the encoder is trained already and goes on, λ = 0: few labels go a long way
    supervised    all from the start; λ > 0 keeps the code about samples, not labels alone

For the first two, `Classifier.of(model)` takes over another model's encoder and decoder.

G. Hinton and R. Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks",
Science 313 (2006) (fine-tuning); G. Alain and Y. Bengio, "Understanding Intermediate Layers Using
Linear Classifier Probes" (2016); L. Le, A. Patterson and M. White, "Supervised Autoencoders",
NeurIPS (2018), equation 3.
"""

from typing import Any, Self

import numpy as np

from tinygrad_ae import Tensor, nn
from tinygrad_ae.errors import DataError
from tinygrad_ae.models.autoencoder import layers
from tinygrad_ae.nn.functional import log_softmax


class Classifier(nn.Module):
    """An autoencoder with a linear classifier on its code: 784 → 512 → 256 → 10.

    Args:
        inputs: numbers in a sample, d; they lie within 0...1.
        hidden: width of each layer between sample and code; the decoder has them in reverse.
        latent: numbers in a code, k.
        classes: how many; labels are 0, 1, ... below it.
        activation: what follows each layer, the code's too: relu, leaky_relu, gelu, tanh, ...
        reconstruction: λ, the weight of the reconstruction's error; 0 for labels alone.
    """

    def __init__(
        self,
        inputs: int = 784,
        hidden: tuple[int, ...] = (512,),
        latent: int = 256,
        classes: int = 10,
        activation: str = "relu",
        reconstruction: float = 1.0,
    ) -> None:
        super().__init__()
        between = lambda: nn.activation(activation)
        self.encoder = nn.Sequential(
            *layers(inputs, hidden, latent, between), nn.activation(activation)
        )
        up = layers(latent, hidden[::-1], inputs, between)
        self.decoder = nn.Sequential(*up, nn.Sigmoid())
        self.latent, self.classes = latent, classes
        self.head = nn.Linear(latent, classes)
        self.reconstruction = reconstruction

    @classmethod
    def of(cls, model: Any, classes: int = 10, frozen: bool = False) -> Self:
        """Return a classifier on a trained model's own encoder and decoder, with λ = 0.

        Args:
            model: with encoder, decoder and latent; it is trained on with the classifier.
            classes: how many.
            frozen: whether the encoder stays as it is, for a probe; it does from now on.
        """
        probe = cls(1, (), model.latent, classes, reconstruction=0.0)
        probe.encoder, probe.decoder = model.encoder, model.decoder
        if frozen:
            probe.encoder.requires_grad_(False)
        return probe

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct samples: x̂ = g_φ(f_θ(x)), shape (n, d)."""
        return self.decoder(self.encoder(x))

    def log_probabilities(self, x: Tensor) -> Tensor:
        """Return log p of each class for samples, shape (n, d): shape (n, C)."""
        return log_softmax(self.head(self.encoder(x)), -1)

    def with_labels(self, x: Any, y: Any) -> Any:
        """Return samples, shape (n, d), as the loss takes them: with rows of labels, (n, d + C).

        Raises:
            DataError: there are no labels, or one is no class.
        """
        if y is None:
            raise DataError("a classifier learns from labels, and this data has none")
        if y.size and not 0 <= y.min() <= y.max() < self.classes:
            raise DataError(
                f"labels must be within 0...{self.classes - 1}; found {y.min()} to {y.max()}. "
                f"Say how many classes there are: classes={y.max() + 1}"
            )
        return np.concatenate([x, np.eye(self.classes, dtype=x.dtype)[y]], 1)

    def loss(self, batch: Tensor) -> Tensor:
        """L for a batch of samples with their rows of labels, shape (n, d + C)."""
        x, y = batch[:, : -self.classes], batch[:, -self.classes :]
        cross_entropy = -(y * self.log_probabilities(x)).sum(-1).mean()
        if not self.reconstruction:
            return cross_entropy
        return cross_entropy + self.reconstruction * ((self(x) - x) ** 2).mean()
