"""What recording costs: time per operation above that of the same NumPy calls written by hand.

    python -m benchmarks.eager [--layers 300] [--repeat 40] [--peers torch,autograd,mygrad]

The chain h ← tanh(w ∘ h + b) on vectors of four numbers, where arithmetic costs next to nothing,
is run forward and backward; so is the same arithmetic, values and derivatives, in bare NumPy. The
difference, divided by the number of operations, is the overhead of one operation. CPU time of one
thread; the best of several runs, taken in turn, peers' among them.

Then a training step of a 784-128-16-128-784 autoencoder on 512 samples, with and without what
``tinygrad_ae.util.malloc`` does about freed memory: CPU time, and pages asked of the kernel.

Then an epoch of 60,000 samples by ``fit``, 128 at a time: what a batch takes beside the compiled
step, which is run in turn with it, on batches that lie ready in memory.
"""

from __future__ import annotations

import argparse
import importlib
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_ae import Tensor, compile, no_grad, ops, optim
from tinygrad_ae.models import Autoencoder
from tinygrad_ae.train import fit

from .speed.machine import environment

LAYER = 3  # operations: mul, add, tanh
Task = Callable[[], object]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print microseconds per operation."""
    parser = argparse.ArgumentParser(prog="benchmarks.eager", description=__doc__)
    parser.add_argument("--layers", type=int, default=300)
    parser.add_argument("--repeat", type=int, default=40)
    parser.add_argument("--peers", default="", help=f"any of {','.join(PEERS)}")
    parser.add_argument("--only", choices=PARTS, help="one part, in this process")
    options = parser.parse_args(arguments)
    if options.only:
        PARTS[options.only](options)
        return
    passed = ["--layers", str(options.layers), "--repeat", str(options.repeat)]
    passed += ["--peers", options.peers]
    for part, switch in [("operations", "1"), ("step", "1"), ("step", "0"), ("epoch", "1")]:
        if part == "step":
            print(f"a training step, TINYGRAD_AE_MALLOC={switch}:", end=" ", flush=True)
        command = [sys.executable, "-m", "benchmarks.eager", "--only", part, *passed]
        subprocess.run(command, env=environment(1) | {"TINYGRAD_AE_MALLOC": switch}, check=True)


def operations(options: argparse.Namespace) -> None:
    """Measure the chain, and print the overhead of an operation."""
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

    peers = {name: PEERS[name](start, w, b, layers) for name in options.peers.split(",") if name}
    tasks: list[Task] = [numpy_forward, unrecorded, forward, numpy_both, both, *peers.values()]
    best = dict.fromkeys(tasks, float("inf"))
    for _ in range(options.repeat):
        for task in tasks:
            best[task] = min(best[task], seconds(task))
    us = {task: time / (LAYER * layers) * 1e6 for task, time in best.items()}
    print("microseconds per operation, above bare NumPy's")
    print(f"  forward, not recorded  {us[unrecorded] - us[numpy_forward]:5.2f}")
    print(f"  forward, recorded      {us[forward] - us[numpy_forward]:5.2f}")
    print(f"  forward and backward   {us[both] - us[numpy_both]:5.2f}")
    for name, task in peers.items():
        print(f"  the same in {name:<11}{us[task] - us[numpy_both]:5.2f}")
    print(f"bare NumPy itself: forward {us[numpy_forward]:.2f}, both {us[numpy_both]:.2f}")


def torch(start: Any, w: Any, b: Any, layers: int) -> Task:
    """PyTorch."""
    torch: Any = importlib.import_module("torch")
    tw, tb = (torch.tensor(a, requires_grad=True) for a in (w, b))
    first, one = torch.tensor(start), torch.ones(4)

    def both() -> None:
        tw.grad = tb.grad = None
        h = first
        for _ in range(layers):
            h = torch.tanh(tw * h + tb)
        h.backward(one)

    return both


def autograd(start: Any, w: Any, b: Any, layers: int) -> Task:
    """HIPS autograd."""
    anp: Any = importlib.import_module("autograd.numpy")

    def end(w: Any, b: Any) -> Any:
        h = start
        for _ in range(layers):
            h = anp.tanh(w * h + b)
        return anp.sum(h)

    gradient = importlib.import_module("autograd").grad(end, (0, 1))
    return lambda: gradient(w, b)


def mygrad(start: Any, w: Any, b: Any, layers: int) -> Task:
    """MyGrad."""
    mg: Any = importlib.import_module("mygrad")
    tw, tb = mg.tensor(w), mg.tensor(b)

    def both() -> None:
        h = mg.tensor(start, constant=True)
        for _ in range(layers):
            h = mg.tanh(tw * h + tb)
        h.backward(np.ones(4, np.float32))

    return both


PEERS = {"torch": torch, "autograd": autograd, "mygrad": mygrad}


def small() -> tuple[Autoencoder, Callable[[Tensor], Tensor]]:
    """Return the model and its training step."""
    model = Autoencoder(784, (128,), 16)
    optimizer = optim.Adam(model.parameters())

    def step(batch: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = model.loss(batch)
        loss.backward()
        optimizer.step()
        return loss

    return model, step


def training_step(options: argparse.Namespace) -> None:
    """Measure an eager step, and print its CPU time and page faults."""
    _, step = small()
    batch = Tensor(np.random.default_rng(0).random((512, 784), np.float32))
    times = [seconds(lambda: step(batch)) for _ in range(10 + options.repeat)][10:]
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(options.repeat):
        step(batch)
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults
    print(f"{np.median(times) * 1e6:.0f} us, {faults / options.repeat:.0f} page faults")


def epoch(options: argparse.Namespace) -> None:
    """Measure the steps of ``fit`` and compiled steps alone, in turn, and print what is between."""
    x = np.random.default_rng(0).random((60000, 784), np.float32)
    compiled = compile(small()[1])
    whole, alone = [], []
    began = 0.0

    def after_step(_: object) -> None:
        nonlocal began
        whole.append(time.process_time() - began)
        start = len(alone) * 128 % 59904
        alone.append(seconds(lambda: compiled(x[start : start + 128])))
        began = time.process_time()

    fit(small()[0], x, epochs=1 + options.repeat // 20, on_step=after_step)
    us, step = (np.median(times[100:]) * 1e6 for times in (whole, alone))
    print(f"an epoch of fit: {us:.0f} us a batch, {100 * (1 - step / us):.1f} % outside the step")


PARTS = {"operations": operations, "step": training_step, "epoch": epoch}


def seconds(task: Task) -> float:
    """Return the CPU time of one run."""
    began = time.process_time()
    task()
    return time.process_time() - began


if __name__ == "__main__":
    main()
