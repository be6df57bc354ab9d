"""Sparse: have many numbers ready for the code, and let few of them speak at once.

The code may be as wide as one likes; what keeps it from copying is that most of it must be 0:

    z = f_θ(x)          x̂ = g_φ(z)          L(θ, φ) = mean of (x̂ − x)² + λ Ω(z)

    l1        Ω = mean over samples of Σⱼ |zⱼ|                            z = max(0, W x + b)
    kl        Ω = Σⱼ ρ log (ρ / ρ̂ⱼ) + (1 − ρ) log ((1 − ρ) / (1 − ρ̂ⱼ))   z = σ(W x + b)
              where ρ̂ⱼ is the mean of zⱼ over the samples: a rate, which is to be ρ
    k-sparse  Ω = 0                          z = W x + b, all but its `active` largest set to 0

Each number then stands for one thing a sample may have, a stroke rather than a mixture of all.
Under l1 a code could shrink at no cost while the decoder's weights grow, so each zⱼ adds a
pattern of length 1: the columns of the decoder's matrix are divided by their lengths.

B. Olshausen and D. Field, "Emergence of Simple-Cell Receptive Field Properties by Learning a
Sparse Code for Natural Images", Nature 381 (1996); A. Ng, "Sparse Autoencoder", CS294A lecture
notes (2011), section 3; A. Makhzani and B. Frey, "k-Sparse Autoencoders", ICLR (2014), section 2.
"""

from typing import Any, Literal

from tinygrad_ae import Tensor, nn, ops
from tinygrad_ae.errors import ModelError


class Sparse(nn.Module):
    """An autoencoder of one layer each way, whose code is mostly 0.

    Args:
        inputs: numbers in a sample, d; they lie within 0...1.
        latent: numbers in a code, k.
        penalty: what keeps the code sparse.
        strength: λ, the weight of the penalty of l1 and kl.
        rho: ρ, the mean that kl wants each number of the code to have.
        active: how many numbers of a code k-sparse leaves.
    """

    def __init__(
        self,
        inputs: int = 784,
        latent: int = 256,
        penalty: Literal["l1", "kl", "k-sparse"] = "l1",
        strength: float = 1e-4,
        rho: float = 0.05,
        active: int = 25,
    ) -> None:
        super().__init__()
        self.latent, self.penalty, self.strength, self.rho = latent, penalty, strength, rho
        units = {"l1": nn.ReLU(), "kl": nn.Sigmoid(), "k-sparse": Largest(active)}
        if penalty not in units:
            raise ModelError(f"the penalty is one of {', '.join(units)}; got {penalty!r}")
        self.encoder = nn.Sequential(nn.Linear(inputs, latent), units[penalty])
        linear = UnitLinear if penalty == "l1" else nn.Linear
        self.decoder = nn.Sequential(linear(latent, inputs), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct samples: x̂ = g_φ(f_θ(x)), shape (n, d)."""
        return self.decoder(self.encoder(x))

    def loss(self, x: Tensor) -> Tensor:
        """L(θ, φ) for a batch of samples, shape (n, d)."""
        z = self.encoder(x)
        error = ((self.decoder(z) - x) ** 2).mean()
        if self.penalty == "l1":
            return error + self.strength * ops.abs(z).sum(-1).mean()
        if self.penalty == "kl":
            p, q = self.rho, z.mean(0)
            divergence = p * ops.log(p / q) + (1 - p) * ops.log((1 - p) / (1 - q))
            return error + self.strength * divergence.sum()
        return error


class Largest(nn.Module):
    """All but the k largest numbers of each code set to 0; gradients flow to those alone."""

    def __init__(self, k: int) -> None:
        super().__init__()
        self.k = k

    def forward(self, z: Tensor) -> Tensor:
        """Map (n, latent) to the same shape."""
        return ops.where(ops.largest(z, self.k), z, 0.0)


class UnitLinear(nn.Linear):
    """A linear layer y = z Dᵀ + b whose columns of D = W / |W| have length 1."""

    def forward(self, z: Any) -> Tensor:
        """Map (n, latent) to (n, d)."""
        D = self.weight / ops.sqrt((self.weight**2).sum(0, keepdims=True))
        return nn.functional.linear(z, D, self.bias)
