"""Make the pictures of the README and the docs again, from a real run: python docs/pictures.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_ae import Tensor, manual_seed, nn, optim, show
from tinygrad_ae.autodiff import grad
from tinygrad_ae.autodiff.modes import record_everything
from tinygrad_ae.data import load
from tinygrad_ae.errors import ShapeError
from tinygrad_ae.evaluate import encode, reconstruct
from tinygrad_ae.models import Autoencoder, Convolutional, Denoising, Variational
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
    for name, draw in (
        GRAPHS | {"graph": lambda x: show.draw(model.loss(x), gradients=True)}
    ).items():
        show.render(draw(batch), IMAGES / f"{name}.svg")
    trained(model.loss(batch))


def trained(loss: Tensor) -> None:
    """Draw the trained autoencoder's graph in the ways there are."""
    ways: dict[str, dict[str, Any]] = {
        "plain": {},
        "values": {"values": True, "gradients": True},
        "cost": {"cost": True},
        "collapsed": {"depth": 0, "gradients": True},
        "dark": {"depth": 0, "gradients": True, "values": True, "theme": "dark"},
    }
    for name, options in ways.items():
        show.draw(loss, **options).render(IMAGES / f"graph-{name}.svg")


# ---- graphs that need no trained model


def sum_of_products(_: Tensor) -> Any:
    """Draw y = a b + b, whose b is used twice."""
    a, b = Tensor(2.0, requires_grad=True, name="a"), Tensor(3.0, requires_grad=True, name="b")
    y = a * b + b
    y.name = "y"
    return show.draw(y, gradients=True)


def perceptron(_: Tensor) -> Any:
    """Draw two layers on a table of four columns."""
    x = Tensor(np.random.default_rng(0).normal(size=(16, 4)).astype("f4"), name="x")
    net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    return show.draw((net(x) ** 2).mean(), gradients=True, values=True)


def with_all_recorded(model: Any) -> Callable[[Tensor], Any]:
    """Return what draws a model's loss, with what happens to its input before."""

    def draw(x: Tensor) -> Any:
        with record_everything():
            return show.draw(model().loss(x), gradients=True)

    return draw


def difference(x: Tensor) -> Any:
    """Draw what makes an autoencoder a denoising one."""
    with record_everything():
        plain, denoising = Autoencoder(hidden=(512,), latent=128).loss(x), Denoising().loss(x)
    return show.diff(plain, denoising, depth=0)


def hessian_times_vector(_: Tensor) -> Any:
    """Draw a gradient of a gradient."""
    x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    v = Tensor([1.0, 0.0], name="v")
    with record_everything():
        g = grad((x.exp() * x**2).sum(), x, create_graph=True)
        g.name = "g"
        product = grad((g * v).sum(), x, create_graph=True)
        product.name = "Hv"
    return show.draw(product)


def long_chain(_: Tensor) -> Any:
    """Draw 500 operations of which three repeat."""
    x = h = Tensor(np.linspace(-1, 1, 8), requires_grad=True, name="x")
    for _turn in range(166):
        h = (h * 1.1).tanh() + 0.01
    return show.draw((h * x).sum(), gradients=True)


def shape_error(x: Tensor) -> Any:
    """Draw a forward pass up to where it fails."""
    encoder = nn.Sequential(nn.Linear(784, 128), nn.ReLU())
    W = Tensor(np.ones((64, 16), "f4"), requires_grad=True, name="W")
    try:
        return show.draw(encoder(x) @ W)
    except ShapeError as error:
        return show.draw(error)


GRAPHS: dict[str, Callable[[Tensor], Any]] = {
    "graph-sum": sum_of_products,
    "graph-perceptron": perceptron,
    "graph-denoising": with_all_recorded(Denoising),
    "graph-convolutional": with_all_recorded(Convolutional),
    "graph-variational": with_all_recorded(Variational),
    "graph-difference": difference,
    "graph-hessian": hessian_times_vector,
    "graph-chain": long_chain,
    "graph-error": shape_error,
}


if __name__ == "__main__":
    main()
