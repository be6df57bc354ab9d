"""Make the README's pictures again, from a real run: python docs/pictures.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tinygrad_ae import Tensor, manual_seed, optim, show
from tinygrad_ae.data import load
from tinygrad_ae.evaluate import encode, reconstruct
from tinygrad_ae.models import Autoencoder
from tinygrad_ae.show import plots
from tinygrad_ae.train import fit

IMAGES = Path(__file__).parent / "images"


def main() -> None:
    """Train the README's autoencoder, and draw what it learned and what computes it."""
    digits = load("digits")
    manual_seed(0)
    model = Autoencoder(inputs=784, hidden=(128,), latent=16)
    fit(
        model,
        digits,
        epochs=30,
        optimizer=optim.Adam(model.parameters(), lr=1e-3),
        generator=np.random.default_rng(0),
    )
    x, labels = digits.test.x, digits.test.y
    pictures = {
        "reconstructions.png": plots.reconstructions(x, reconstruct(model, x), (28, 28), labels),
        "latent.png": plots.latent_map(encode(model, x), labels),
    }
    IMAGES.mkdir(exist_ok=True)
    for name, figure in pictures.items():
        plots.save(figure, IMAGES / name)
    batch = Tensor(digits.train.x[:32], name="x")
    show.draw(model.loss(batch), gradients=True).render(IMAGES / "graph.svg")


if __name__ == "__main__":
    main()
