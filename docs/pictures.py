"""Make the README's pictures again, from a real run: python docs/pictures.py."""

from __future__ import annotations

from pathlib import Path
from statistics import NormalDist

import numpy as np
from PIL import Image

from tinygrad_ae import Tensor, manual_seed, optim, show
from tinygrad_ae.data import load
from tinygrad_ae.evaluate import decode
from tinygrad_ae.models import Autoencoder, Variational
from tinygrad_ae.train import fit

IMAGES = Path(__file__).parent / "images"


def plane(rows: int = 12, columns: int = 32) -> Image.Image:
    """Decode a grid of codes of two numbers: equally likely steps of the prior, in both."""
    manual_seed(0)
    model = Variational(hidden=(512, 256), latent=2)
    adam = optim.Adam(model.parameters(), lr=1e-3)
    fit(model, load("digits"), epochs=60, optimizer=adam, generator=np.random.default_rng(0))
    across, down = (
        [NormalDist().inv_cdf(p) for p in np.linspace(edge, 1 - edge, n)]
        for edge, n in ((0.02, columns), (0.03, rows))
    )
    codes = np.array([[a, b] for b in down[::-1] for a in across], np.float32)
    cells = decode(model, codes).reshape(rows, columns, 28, 28).transpose(0, 2, 1, 3)
    ink = 255 - np.rint(255 * cells.reshape(rows * 28, columns * 28)).astype(np.uint8)
    return Image.fromarray(ink).resize((columns * 56, rows * 56), Image.Resampling.LANCZOS)


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
    IMAGES.mkdir(exist_ok=True)
    plane().save(IMAGES / "plane.png", optimize=True)
    batch = Tensor(digits.train.x[:32], name="x")
    show.draw(model.loss(batch), gradients=True).render(IMAGES / "graph.svg")


if __name__ == "__main__":
    main()
