"""What recording costs: time per operation above that of the same NumPy calls written by hand.

    python -m benchmarks.eager [--layers 300] [--repeat 40]

The chain h ← tanh(w ∘ h + b) on vectors of four numbers, where arithmetic costs next to nothing,
is run forward and backward; so is the same arithmetic, values and derivatives, in bare NumPy. The
difference, divided by the number of operations, is the overhead of one operation. CPU time of one
thread; the best of several runs, taken in turn.

Then a training step of a 784-128-16-128-784 autoencoder on 512 samples, with and without what
``tinygrad_ae.memory`` does about freed memory: CPU time, and pages asked of the kernel.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np

from tinygrad_ae import Tensor, no_grad, ops, optim
from tinygrad_ae.models import Autoencoder

LAYER = 3  # operations: mul, add, tanh


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print microseconds per operation."""
    parser = argparse.ArgumentParser(prog="benchmarks.eager", description=__doc__)
    parser.add_argument("--layers", type=int, default=300)
    parser.add_argument("--repeat", type=int, default=40)
    parser.add_argument("--step", action="store_true", help="measure the training step alone")
    options = parser.parse_args(arguments)
    if options.step:
        training_step(options.repeat)
        return
    start, w, b = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)
    layers = options.layers
    tw, tb = Tensor(w, requires_grad=True), Tensor(b, requires_grad=True)

    def forward() -> Tensor:
        h = Tensor(start)
        for _ in range(layers):
            h = ops.tanh(tw * h + tb)
        return h

    def unrecorded() -> None:
        with no_grad():
            forward()

    def both() -> None:
        tw.grad = tb.grad = None
        forward().backward(np.ones(4, np.float32))

    def numpy_forward() -> list[np.ndarray]:
        hs = [start]
        for _ in range(layers):
            hs.append(np.tanh(w * hs[-1] + b))
        return hs

    def numpy_both() -> None:
        hs, one = numpy_forward(), 1
        g, gw, gb = np.ones(4, np.float32), np.zeros_like(w), np.zeros_like(b)
        for i in range(layers, 0, -1):
            g = g * (one - hs[i] * hs[i])
            gb += g
            gw += g * hs[i - 1]
            g = g * w

    tasks = [numpy_forward, unrecorded, forward, numpy_both, both]
    best = {task: float("inf") for task in tasks}
    for _ in range(options.repeat):
        for task in tasks:
            best[task] = min(best[task], seconds(task))
    us = {task: time / (LAYER * layers) * 1e6 for task, time in best.items()}
    print("microseconds per operation, above bare NumPy's")
    print(f"  forward, not recorded  {us[unrecorded] - us[numpy_forward]:5.2f}")
    print(f"  forward, recorded      {us[forward] - us[numpy_forward]:5.2f}")
    print(f"  forward and backward   {us[both] - us[numpy_both]:5.2f}")
    print(f"bare NumPy itself: forward {us[numpy_forward]:.2f}, both {us[numpy_both]:.2f}")
    command = [sys.executable, "-m", "benchmarks.eager", "--step", "--repeat", str(options.repeat)]
    for switch in ("1", "0"):
        print(f"a training step, TINYGRAD_AE_MALLOC={switch}:", end=" ", flush=True)
        subprocess.run(command, env={**os.environ, "TINYGRAD_AE_MALLOC": switch}, check=True)


def training_step(repeat: int) -> None:
    """Measure an eager step, and print its CPU time and page faults."""
    model = Autoencoder(784, (128,), 16)
    optimizer = optim.Adam(model.parameters())
    batch = Tensor(np.random.default_rng(0).random((512, 784), np.float32))

    def step() -> None:
        optimizer.zero_grad()
        model.loss(batch).backward()
        optimizer.step()

    times = [seconds(step) for _ in range(10 + repeat)][10:]
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(repeat):
        step()
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults
    print(f"{np.median(times) * 1e6:.0f} us, {faults / repeat:.0f} page faults")


def seconds(task: Callable[[], object]) -> float:
    """Return the CPU time of one run."""
    began = time.process_time()
    task()
    return time.process_time() - began


if __name__ == "__main__":
    main()
