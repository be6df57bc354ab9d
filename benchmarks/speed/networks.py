"""The networks that are timed: their matrix products, and each in our library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tinygrad_ae import Tensor
    from tinygrad_ae.compiled import Engine

Step = Callable[[], object]
Product = tuple[int, int, int]  # of a layer: rows (samples, or places), inputs, outputs


@dataclass(frozen=True)
class Network:
    """An autoencoder: ``widths`` of its layers, mirrored around the code, and its kind.

    A convolutional one has channels in place of widths, on images of 28 × 28.
    """

    name: str
    kind: str  # "dense", "vae" or "conv"
    widths: tuple[int, ...]
    batch: int

    @property
    def sample(self) -> tuple[int, ...]:
        return (1, 28, 28) if self.kind == "conv" else self.widths[:1]

    def data(self) -> Any:
        return np.random.default_rng(1).random((self.batch, *self.sample), dtype=np.float32)

    def products(self) -> list[Product]:
        """Return the product of each layer, in order."""
        if self.kind != "conv":
            found = [(self.batch, m, n) for m, n in pairwise(self.widths)]
            if self.kind == "vae":  # the mean's layer has a twin for the variance
                code = len(self.widths) // 2 - 1
                found.insert(code, found[code])
            return found
        down = [
            (self.batch * (28 >> k + 1) ** 2, 9 * m, n)
            for k, (m, n) in enumerate(pairwise(self.widths))
        ]
        return [*down, *((rows, n, m) for rows, m, n in reversed(down))]

    def __str__(self) -> str:
        widths = "-".join(map(str, self.widths))
        if len({*self.widths}) == 1:
            widths = f"{self.widths[0]}, {len(self.widths) - 1} layers"
        return f"{self.name}: {self.kind} {widths}, batch {self.batch}"


_DEEP = (784, 1000, 500, 250, 30, 250, 500, 1000, 784)
NETWORKS = {
    network.name: network
    for network in (
        Network("tiny", "dense", (64, 32, 8, 32, 64), 32),
        Network("small", "dense", (784, 128, 16, 128, 784), 128),
        Network("deep128", "dense", _DEEP, 128),
        Network("deep1000", "dense", _DEEP, 1000),
        Network("vae", "vae", (784, 400, 20, 400, 784), 128),
        Network("conv", "conv", (1, 16, 32), 128),
    )
}


# Networks that grow in one way at a time.
SCALING = {
    network.name: network
    for network in (
        *(Network(f"width{n}", "dense", (n,) * 5, 128) for n in (64, 256, 1024, 2048)),
        *(Network(f"layers{n}", "dense", (256,) * (n + 1), 128) for n in (2, 8, 32)),
        *(Network(f"batch{n}", "dense", (256,) * 5, n) for n in (8, 32, 128, 1024, 8192)),
    )
}

EVERY = NETWORKS | SCALING


def floor(network: Network) -> Step:
    """Return the step's matrix products alone."""
    calls: list[tuple[Any, Any, Any]] = []
    back: list[tuple[Any, Any, Any]] = []

    def new(*shape: int) -> Any:
        return np.full(shape, 0.01, np.float32)

    for k, (rows, m, n) in enumerate(network.products()):
        x, W, z, dz = new(rows, m), new(n, m), new(rows, n), new(rows, n)
        calls.append((x, W.T, z))
        ways = [(dz.T, x, new(n, m))]
        back[:0] = [*ways, (dz, W, new(rows, m))] if k else ways
    calls += back

    def step() -> None:
        for a, b, out in calls:
            np.matmul(a, b, out)

    return step


def layers(network: Network, nn: Any) -> list[Any]:
    """Return the layers as modules of ``nn``, ours or PyTorch's: the names are the same."""
    made: list[Any] = []
    count = len(network.widths)
    if network.kind == "conv":
        for m, n in pairwise(network.widths):
            made += [nn.Conv2d(m, n, 3, stride=2, padding=1), nn.ReLU()]
        for m, n in pairwise(network.widths[::-1]):
            made += [nn.ConvTranspose2d(m, n, 3, 2, 1, 1), nn.ReLU()]
        return [*made[:-1], nn.Sigmoid()]
    for k, (m, n) in enumerate(pairwise(network.widths)):
        made.append(nn.Linear(m, n))
        if k == count - 2:
            made += [] if network.kind == "vae" else [nn.Sigmoid()]
        elif k != (count - 1) // 2 - 1:  # nothing after the code
            made.append(nn.ReLU())
    return made


def ours(network: Network, engine: Engine | None) -> Step:
    """Return our step: as written (None), or compiled for an engine."""
    run, x = compiled(network, engine)
    return lambda: run(x)


def compiled(network: Network, engine: Engine | None) -> tuple[Any, Tensor]:
    """Return our step, as written (None) or compiled for an engine, and a batch for it."""
    from tinygrad_ae import as_tensor, manual_seed, nn, ops, optim
    from tinygrad_ae.compiled import compile
    from tinygrad_ae.nn.functional import binary_cross_entropy_with_logits

    manual_seed(0)
    modules = layers(network, nn)
    model = nn.Sequential(*modules)
    parameters = list(model.parameters())
    half = len(modules) // 2
    if network.kind == "vae":
        half = 2
        mean, log_variance = modules[half], nn.Linear(network.widths[1], network.widths[2])
        features, decoder = nn.Sequential(*modules[:half]), nn.Sequential(*modules[half + 1 :])
        parameters += log_variance.parameters()
    optimizer = optim.Adam(parameters, lr=1e-3)
    x = as_tensor(network.data())

    def loss_of(x: Tensor) -> Tensor:
        if network.kind != "vae":
            error: Tensor = ((model(x) - x) ** 2).mean()
            return error
        h = features(x)
        mu, s = mean(h), log_variance(h)
        z = mu + ops.exp(0.5 * s) * ops.normal(mu)
        kl = 0.5 * (mu**2 + ops.exp(s) - 1 - s).sum()
        bce = binary_cross_entropy_with_logits(decoder(z), x, reduction="sum")
        total: Tensor = (bce + kl) / len(x)
        return total

    def step(x: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = loss_of(x)
        loss.backward()
        optimizer.step()
        return loss

    return (step if engine is None else compile(step, engine=engine)), x
