"""Contractive: let the code move as little as possible when the sample moves a little.

The penalty is the squared Frobenius norm of the encoder's Jacobian, all its sensitivities at once:

    J = ∂f(x) / ∂x, k × d          L(θ, φ) = mean of (x̂ − x)² + λ · mean over samples of ‖J‖²_F

    ‖J‖²_F = Σⱼ ‖∂zⱼ/∂x‖²     one backward pass for each number zⱼ of the code

Alone it would make the code constant; the reconstruction keeps those few directions alive in
which samples differ from each other. So the encoder ignores what leads away from the samples and
follows what leads along them. The decoder's matrices are the encoder's, transposed: else small
weights here, made up for by large ones there, would please the penalty and change nothing.

Training needs the gradient of a gradient: each ∂zⱼ/∂x is recorded
as it is computed, and differentiated with respect to the weights like everything else.

For one layer of sigmoids, z = σ(W x + b), the penalty can be written down:

    ‖J‖²_F = Σⱼ (zⱼ (1 − zⱼ))² Σᵢ Wⱼᵢ²

The tests hold the two against each other; the recorded one is right for any encoder.

S. Rifai et al., "Contractive Auto-Encoders: Explicit Invariance During Feature Extraction", ICML
(2011), equations 1 and 7. In spirit it is the denoising autoencoder's limit for little noise.
"""

from tinygrad_ae import Tensor, enable_grad, grad, nn
from tinygrad_ae.models.autoencoder import Autoencoder


class Contractive(Autoencoder):
    """An autoencoder whose code, of sigmoids, resists small changes of the sample.

    Args:
        inputs: numbers in a sample, d; they lie within 0...1.
        hidden: width of each layer between sample and code; none as it is.
        latent: numbers in a code, k; training takes a backward pass for each.
        activation: what stands between two layers, if there are several; a smooth one.
        strength: λ, the weight of the penalty.
    """

    def __init__(
        self,
        inputs: int = 784,
        hidden: tuple[int, ...] = (),
        latent: int = 32,
        activation: str = "sigmoid",
        strength: float = 3e-4,
    ) -> None:
        super().__init__(inputs, hidden, latent, activation, tied=True)
        self.encoder.append(nn.Sigmoid())
        self.strength = strength

    def loss(self, x: Tensor) -> Tensor:
        """L(θ, φ) for a batch of samples, shape (n, d)."""
        x_hat = self(x)
        return ((x_hat - x) ** 2).mean() + self.strength * self.contraction(x)

    def contraction(self, x: Tensor) -> Tensor:
        """‖∂f(x)/∂x‖²_F, its mean over samples of shape (n, d)."""
        with enable_grad():  # made of derivatives, the penalty needs them in evaluation too
            x = x.detach().requires_grad_()
            z = self.encoder(x)
            # A sample's code depends on that sample alone: of the sum over samples, its share.
            rows = [grad(z[:, j].sum(), x, create_graph=True) for j in range(self.latent)]
            return sum((row**2).sum() for row in rows) / len(x)
