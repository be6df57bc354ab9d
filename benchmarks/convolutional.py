"""A convolutional autoencoder's step, ours and PyTorch's, for the table of ``benchmarks.speed``.

28 × 28 pixels, 1-16-32 channels by 3 × 3 kernels in steps of two, a code of 16 numbers, and back
by transposed convolutions; batches of 128. PyTorch runs in both of its memory layouts, and the
faster one counts.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

Step = Callable[[], object]

BATCH, PIXELS, CODE = 128, 28, 16
TITLE = f"conv: 28×28, 1-16-32 channels, 3×3 in steps of 2, code {CODE}, batch {BATCH}"


def contenders(peers: Sequence[str], threads: int) -> dict[str, Step]:
    """Return the steps to compare, by name."""
    import numpy as np

    batch = np.random.default_rng(1).random((BATCH, PIXELS**2), dtype=np.float32)
    steps = {"floor": floor(), "eager": ours(batch, False), "compiled": ours(batch, True)}
    if "torch" in peers:
        steps["torch"] = torch(batch, threads, channels_last=False)
        steps["torch NHWC"] = torch(batch, threads, channels_last=True)
    return steps


def floor() -> Step:
    """Return the step's matrix products alone, of columns that are already there."""
    import numpy as np

    wide, narrow = 14 * 14 * BATCH, 7 * 7 * BATCH
    # (outputs, inputs, places) of the two convolutions, the code, and their mirror images
    layers = [(16, 9, wide), (32, 144, narrow), (CODE, 1568, BATCH)]
    layers += [(1568, CODE, BATCH), *layers[1::-1]]
    rng = np.random.default_rng(0)
    calls = []
    for k, (outputs, inputs, places) in enumerate(layers):
        W, x, y = (
            rng.random(shape, np.float32)
            for shape in ((outputs, inputs), (inputs, places), (outputs, places))
        )
        calls += [(W, x, np.empty_like(y)), (y, x.T, np.empty_like(W))]
        if k:  # the images need no gradient
            calls.append((W.T, y, np.empty_like(x)))

    def step() -> None:
        for a, b, out in calls:
            np.matmul(a, b, out)

    return step


def ours(batch: Any, compiled: bool) -> Step:
    """Return our step: as written, or compiled."""
    from tinygrad_ae import manual_seed, optim
    from tinygrad_ae.capture import compile
    from tinygrad_ae.models import Convolutional
    from tinygrad_ae.tensor import Tensor, as_tensor

    manual_seed(0)
    model = Convolutional(latent=CODE)
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    x = as_tensor(batch)

    def step(x: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = model.loss(x)
        loss.backward()
        optimizer.step()
        return loss

    run = compile(step) if compiled else step
    return lambda: run(x)


def torch(batch: Any, threads: int, channels_last: bool) -> Step:
    """Return PyTorch's step, with its fused Adam."""
    t: Any = importlib.import_module("torch")

    t.set_num_threads(threads)
    t.manual_seed(0)
    nn = t.nn
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(),
        nn.Flatten(), nn.Linear(1568, CODE), nn.Linear(CODE, 1568), nn.Unflatten(1, (32, 7, 7)),
        nn.ReLU(), nn.ConvTranspose2d(32, 16, 3, 2, 1, 1), nn.ReLU(),
        nn.ConvTranspose2d(16, 1, 3, 2, 1, 1), nn.Sigmoid(),
    )  # fmt: skip
    layout = t.channels_last if channels_last else t.contiguous_format
    model = model.to(memory_format=layout)
    x = t.from_numpy(batch.reshape(-1, 1, PIXELS, PIXELS)).to(memory_format=layout)
    optimizer = t.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    def step() -> None:
        optimizer.zero_grad()
        loss = ((model(x) - x) ** 2).mean()
        loss.backward()
        optimizer.step()
        loss.item()

    return step
