"""Denoising: Gaussian noise of standard deviation 0.5, clipped to 0...1."""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

from tinygrad_ae import Tensor, nn, no_grad
from tinygrad_ae.data.batches import batches
from tinygrad_ae.data.corrupt import gaussian
from tinygrad_ae.evaluate import Floats, psnr
from tinygrad_ae.models import Denoising

from .rows import Figure, Task, row, trained

NOISE = 0.5


def noisy(task: Task) -> Floats:
    """Return the test samples with noise, the same for every seed and every row."""
    x: Floats = gaussian(task.test.x, NOISE, np.random.default_rng(2010))
    return x


def quality(x_hat: Floats, x: Floats) -> float:
    """Return the PSNR of the mean squared error, in dB."""
    return psnr(float(np.mean((x_hat - x) ** 2, dtype=np.float64)))


def denoised(model: nn.Module, x: Floats) -> Floats:
    """Return what the model makes of samples."""
    model.eval()
    with no_grad():
        return np.concatenate([model(Tensor(batch)).data for batch in batches(x, 1000)])


@row(
    noisy=Figure("noisy, PSNR in dB", elsewhere="9.38"),
    median=Figure("median of 3×3, PSNR in dB", elsewhere="14.14"),
    linear=Figure("best linear map, PSNR in dB", elsewhere="17.58"),
    dense=Figure(
        "fully connected, PSNR in dB", at_least=19.0, elsewhere="PyTorch, an MLP: 18.72 ± 0.02"
    ),
)
def denoising(task: Task) -> dict[str, float]:
    """784-1024-512-1024-784, GELU, Adam 1e-3 with 10 % warm-up, then along a cosine, batch 128,
    12 epochs, noise drawn afresh for each batch. Beside it the median filter, and ridge regression
    from noisy to clean training samples.
    """  # fmt: skip
    make = lambda: Denoising(hidden=(1024,), latent=512, activation="gelu", strength=(NOISE,))
    model = trained(task, make, epochs=12, warm=True)
    x, y = task.test.x, noisy(task)
    median = ndimage.median_filter(y.reshape(-1, 28, 28), size=(1, 3, 3)).reshape(x.shape)
    return {
        "noisy": quality(y, x),
        "median": quality(median, x),
        "linear": quality(ridge(task.train.x, y), x),
        "dense": quality(denoised(model, y), x),
    }


def ridge(train: Floats, y: Floats) -> Floats:
    """Return y A + b, for the A and b that best undo the noise on training samples."""
    seen = gaussian(train, NOISE, np.random.default_rng(0)).astype(np.float64)
    means = seen.mean(0), train.mean(0, dtype=np.float64)
    a, c = seen - means[0], train - means[1]
    matrix = np.linalg.solve(a.T @ a + np.eye(a.shape[1]), a.T @ c)
    return np.asarray(np.clip((y - means[0]) @ matrix + means[1], 0, 1))


class ConvolutionalDenoising(nn.Module):
    """28 × 28 → 14 × 14 × 32 → 7 × 7 × 64 and back, all of it convolutions; Gaussian noise.

    Args:
        average: of all pixels of the samples. Reconstructions start there: most pixels are black,
            and a net that first learns to make all of them black stays so, where the sigmoid's
            slope is 0.
    """

    def __init__(self, average: float) -> None:
        super().__init__()
        a, b = 32, 64
        gelu = lambda: nn.GELU(approximate="tanh")
        last = nn.ConvTranspose2d(a, 1, 4, stride=2, padding=1)
        self.encoder = nn.Sequential(
            nn.Unflatten((1, 28, 28)),
            nn.Conv2d(1, a, 5, stride=2, padding=2), gelu(),
            nn.Conv2d(a, b, 3, stride=2, padding=1), gelu(),
            nn.Conv2d(b, b, 3, padding=1), gelu(),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(b, a, 4, stride=2, padding=1), gelu(),
            last, nn.Sigmoid(), nn.Flatten(),
        )  # fmt: skip
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) and layer is not last:
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        assert last.bias is not None
        nn.init.constant_(last.bias, math.log(average / (1 - average)))

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct samples, shape (n, 784)."""
        return self.decoder(self.encoder(x))

    def loss(self, x: Tensor) -> Tensor:
        """L for a batch of clean samples, shape (n, 784): the mean of (g(f(x̃)) − x)²."""
        return ((self(gaussian(x, NOISE)) - x) ** 2).mean()


@row(convolutional=Figure("convolutional, PSNR in dB", at_least=20.0))
def denoising_convolutional(task: Task) -> dict[str, float]:
    """Convolutions to 7 × 7 × 64 and back, tanh-GELU, He's initial weights, the output's bias first
    the logit of the mean pixel, Adam 2e-3 with 10 % warm-up, then along a cosine, batch 100, 10
    epochs. On validation data, after 2 epochs of 20,000 images: 18.8 dB; with ReLU and PyTorch's
    initial weights 18.4 (and on the test files, after all epochs, 19.89); from a bias of 0 all
    three nets tried gave black images, 9.5.
    """  # fmt: skip
    make = lambda: ConvolutionalDenoising(float(task.train.x.mean()))
    model = trained(task, make, epochs=10, lr=2e-3, batch_size=100, warm=True)
    return {"convolutional": quality(denoised(model, noisy(task)), task.test.x)}
