"""Stacked: train one layer after the other, each to denoise the codes of those before it.

A layer l has an encoder f_l and a decoder g_l of its own. With h_0 = x and h_l = f_l(h_{l−1}):

    h̃ ~ q(h̃ | h_{l−1})     L_l = E mean of (g_l(f_l(h̃)) − h_{l−1})²     l = 1, 2, … in turn

where q sets each number to 0 with a fixed probability. The layers below stay as they are. Then
they are put together and trained further as one denoising autoencoder, which starts from there
instead of from chance:

    f = f_n ∘ … ∘ f_1     g = g_1 ∘ … ∘ g_n     L(θ, φ) = E mean of (g(f(x̃)) − x)²,  x̃ ~ q(x̃ | x)

That way deep nets came to be trainable in 2006, and it still pays where labels are few: every
layer has learned from all samples before a classifier sees its first label (classifier.py takes
over from here). The loss of a run is that of the layer in turn, so it jumps when the next begins.

P. Vincent et al., "Extracting and Composing Robust Features with Denoising Autoencoders", ICML
(2008), section 2.4; P. Vincent et al., "Stacked Denoising Autoencoders", JMLR 11 (2010), section
3.2; Y. Bengio et al., "Greedy Layer-Wise Training of Deep Networks", NIPS (2006).
"""

from tinygrad_ae import Tensor, nn
from tinygrad_ae.data.corrupt import masking
from tinygrad_ae.models.autoencoder import layers


class Stacked(nn.Module):
    """A stack of denoising autoencoders: 784 → 512 → 256 and back, layer by layer.

    Args:
        inputs: numbers in a sample, d; they lie within 0...1.
        hidden: width of each layer between sample and code; the decoder has them in reverse.
        latent: numbers in a code, k.
        activation: what follows each layer, the code's too: relu, sigmoid, gelu, tanh, ...
        masked: probability of each number to be set to 0.
        pretrain: epochs for each layer alone; those that are left are for all together.
    """

    def __init__(
        self,
        inputs: int = 784,
        hidden: tuple[int, ...] = (512,),
        latent: int = 256,
        activation: str = "relu",
        masked: float = 0.5,
        pretrain: int = 5,
    ) -> None:
        super().__init__()
        self.latent, self.masked, self.pretrain = latent, masked, pretrain
        between = lambda: nn.activation(activation)
        down = layers(inputs, hidden, latent, between)
        up = layers(latent, hidden[::-1], inputs, between)
        self.encoder = nn.Sequential(*down, nn.activation(activation))
        # g_l gives back what f_l was given: codes as an activation leaves them, or samples.
        self.decoder = nn.Sequential(*up, nn.Sigmoid())
        self.depth = len(hidden) + 1
        self.layer = 0  # the one in turn, from 1; 0 for all together

    def start_epoch(self, epoch: int) -> None:
        """Take the next layer's turn, or that of all, as training gets there."""
        turn = epoch // self.pretrain if self.pretrain else self.depth
        self.layer = turn + 1 if turn < self.depth else 0

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct samples: x̂ = g(f(x)), shape (n, d)."""
        return self.decoder(self.encoder(x))

    def loss(self, x: Tensor) -> Tensor:
        """L_l of the layer in turn, or L, for a batch of samples, shape (n, d)."""
        f, g, h = self.encoder, self.decoder, x
        if self.layer:
            end = 2 * self.layer  # a layer is a linear map and an activation
            h = f[: end - 2](x).detach()
            f, g = f[end - 2 : end], g[len(g) - end : len(g) - end + 2]
        return ((g(f(masking(h, self.masked))) - h) ** 2).mean()
