"""Deep: halve the width again and again on the way to the code, and double it on the way back.

    x: 784 → 1000 → 500 → 250 → 30 = z → 250 → 500 → 1000 → 784 = x̂        L = mean of (x̂ − x)²

Each layer describes in fewer numbers what the layer before found, so a code of 30 can follow a
surface far more curved than one hidden layer could. In 2006 such a stack would not train from
random weights, and its layers had to be trained one by one beforehand. Two things make that
unnecessary: an activation that lets gradients through and weights that keep their size.

    gelu(a) = a Φ(a) ≈ ½ a (1 + tanh(√(2/π) (a + 0.044715 a³)))
    W ~ N(0, 2 / fan-in)    so that Var(a) is the same in every layer, if half of it is cut off

The paper sums the squared error over the 784 pixels; its 3.00 is a loss of 3.00 / 784 = 0.00383.

G. Hinton and R. Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks",
Science 313 (2006), figure 2; D. Hendrycks and K. Gimpel, "Gaussian Error Linear Units" (2016),
section 2; K. He et al., "Delving Deep into Rectifiers" (2015), equation 10.
"""

from tinygrad_ae import Tensor, nn
from tinygrad_ae.models.autoencoder import layers


class Deep(nn.Module):
    """The deep autoencoder of 2006, trained from random weights.

    Args:
        inputs: numbers in a sample, d; they lie within 0...1.
        hidden: width of each layer between sample and code; the decoder has them in reverse.
        latent: numbers in a code, k.
    """

    def __init__(
        self, inputs: int = 784, hidden: tuple[int, ...] = (1000, 500, 250), latent: int = 30
    ) -> None:
        super().__init__()
        self.latent = latent
        gelu = lambda: nn.GELU(approximate="tanh")  # tanh costs far less than the exact Φ
        self.encoder = nn.Sequential(*layers(inputs, hidden, latent, gelu))
        self.decoder = nn.Sequential(*layers(latent, hidden[::-1], inputs, gelu), nn.Sigmoid())
        for name, parameter in self.named_parameters():
            if name.endswith("weight"):
                nn.init.kaiming_normal_(parameter, nonlinearity="relu")
            else:
                nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct samples: x̂ = g_φ(f_θ(x)), shape (n, d)."""
        return self.decoder(self.encoder(x))

    def loss(self, x: Tensor) -> Tensor:
        """L(θ, φ) for a batch of samples, shape (n, d): the mean of (x̂ − x)²."""
        return ((self(x) - x) ** 2).mean()
