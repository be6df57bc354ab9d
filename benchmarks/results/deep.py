"""The deep autoencoder of 2006, from random weights."""

from __future__ import annotations

import numpy as np

from tinygrad_ae.evaluate import PCA, Floats, errors, reconstruction_error
from tinygrad_ae.models import Deep

from .rows import Figure, Task, row, trained

_PUBLISHED = "3.00 with pretraining (Hinton and Salakhutdinov 2006)"


def rolled(x: Floats, rng: np.random.Generator) -> Floats:
    """Move each image of 28 × 28 pixels by -1, 0 or 1 pixel, down and to the right."""
    images = x.reshape(-1, 28, 28)
    moved = np.empty_like(images)
    down, right = rng.integers(-1, 2, (2, len(x)))
    for i in (-1, 0, 1):
        for j in (-1, 0, 1):
            these = (down == i) & (right == j)
            moved[these] = np.roll(images[these], (i, j), (1, 2))
    return moved.reshape(x.shape)


def _deep(task: Task, epochs: int, plain: int) -> dict[str, float]:
    model = trained(
        task, Deep, epochs=epochs, lr=3e-3, batch_size=100, beta2=0.99, warm=True, augment=rolled,
        plain=plain,
    )  # fmt: skip
    pca = PCA(task.train.x, 30)
    projected = errors(pca.decode(pca.encode(task.test.x)), task.test.x)
    pixels = task.test.x.shape[1]
    return {
        "error": pixels * float(reconstruction_error(model, task.test.x).mean()),
        "pca": pixels * float(projected.mean()),
    }


@row(
    error=Figure(
        "squared error summed over 784 pixels",
        at_most=2.70,
        elsewhere=f"{_PUBLISHED}; PyTorch, Adam 2e-3: 2.76–2.79",
        digits=3,
    ),
    pca=Figure("the same of PCA-30", elsewhere="13.87 (2006)", digits=3),
)
def deep_20(task: Task) -> dict[str, float]:
    """784-1000-500-250-30 and its mirror, tanh-GELU, He's initial weights, Adam 3e-3, β₂ = 0.99,
    with 10 % warm-up, then along a cosine, batch 100, 20 epochs: 17 of images moved at random by
    up to 1 pixel, 3 as they are. On validation data, after 4 epochs: 4.01; with a rate of 2e-3
    4.20; with β₂ = 0.999, too, 4.41. After 8 of those: 3.56 if the last 2 are of images as they
    are, else 3.64.
    """  # fmt: skip
    return _deep(task, 20, plain=3)


@row(
    error=Figure(
        "squared error summed over 784 pixels",
        at_most=2.40,
        elsewhere=f"{_PUBLISHED}; PyTorch, Adam 2e-3: 2.44",
        digits=3,
    ),
    pca=Figure("the same of PCA-30", elsewhere="13.87 (2006)", digits=3),
)
def deep_40(task: Task) -> dict[str, float]:
    """As deep-20, for 40 epochs, the last 5 of images as they are."""
    return _deep(task, 40, plain=5)
