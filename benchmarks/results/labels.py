"""Few labels: what learning from all images first is worth, when only some have labels."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from tinygrad_ae.evaluate import Floats, encode
from tinygrad_ae.models import Classifier, Stacked

from .rows import Figure, Task, labels, row, trained

State = dict[str, Any]

UNLABELLED = 20_000
LABELLED = {1000: 60, 100: 200}  # how many, and epochs of fine-tuning


def drawn(task: Task, n: int) -> tuple[Floats, Any]:
    """Return n training samples with their labels, equally many of each digit."""
    rng, y = np.random.default_rng(task.seed), labels(task.train)
    each = [rng.choice(np.flatnonzero(y == digit), n // 10, replace=False) for digit in range(10)]
    chosen = np.concatenate(each)
    return task.train.x[chosen], y[chosen]


def accuracy(model: Classifier, task: Task) -> float:
    """Return the share of test samples that are classified right, in %."""
    weight, bias = model.head.weight.data, model.head.bias
    assert bias is not None
    scores = encode(model, task.test.x) @ weight.T + bias.data
    return 100 * float(np.mean(scores.argmax(1) == labels(task.test)))


def _figures() -> dict[str, Figure]:
    figures = {}
    elsewhere = {1000: (90.2, 91.1, 92.8), 100: (77.9, 78.3, 81.1)}
    goals = {1000: 93.0, 100: 82.0}
    for n, (none, plain, masked) in elsewhere.items():
        what = f"{n} labels, accuracy in %:"
        figures[f"none_{n}"] = Figure(f"{what} no pretraining", elsewhere=f"PyTorch: {none}")
        figures[f"plain_{n}"] = Figure(f"{what} autoencoders", elsewhere=f"PyTorch: {plain}")
        figures[f"masked_{n}"] = Figure(
            f"{what} denoising", at_least=goals[n], elsewhere=f"PyTorch: {masked}"
        )
        order = "Vincent et al. 2008, 2010: the order"
        figures[f"gain_{n}"] = Figure(
            f"{n} labels: autoencoders − none", positive=True, elsewhere=order
        )
        figures[f"noise_{n}"] = Figure(
            f"{n} labels: denoising − autoencoders", positive=True, elsewhere=order
        )
    return figures


@row(**_figures())
def few_labels(task: Task) -> dict[str, float]:
    """784-512-256-10, ReLU: from random weights, or from a stack pretrained layer by layer on
    20,000 training images without labels (5 epochs a layer, then 2 together; as it is, or with
    masking of 50 %), then fine-tuned on 1,000 or 100 labels (60 or 200 epochs, batch 50), Adam
    1e-3 throughout. A seed draws the labels too, the same for all three; differences are within
    a seed, and their 95 % interval is Student's.
    """  # fmt: skip
    unlabelled = task.train.first(UNLABELLED).x
    depth, together = 2, 2
    starts: dict[str, State] = {"none": {}}
    for name, masked in (("plain", 0.0), ("masked", 0.5)):
        make = partial(Stacked, masked=masked, pretrain=task.epochs(5))
        stack = trained(task, make, unlabelled, epochs=5 * depth + together)
        starts[name] = stack.state_dict()
    figures = {}
    for n, epochs in LABELLED.items():
        for name, start in starts.items():
            figures[f"{name}_{n}"] = accuracy(fine_tuned(task, start, n, epochs), task)
        figures[f"gain_{n}"] = figures[f"plain_{n}"] - figures[f"none_{n}"]
        figures[f"noise_{n}"] = figures[f"masked_{n}"] - figures[f"plain_{n}"]
    return figures


def fine_tuned(task: Task, start: State, n: int, epochs: int) -> Classifier:
    """Return a classifier that learned from n labels, from a stack's weights on if given."""

    def make() -> Classifier:
        stack = Stacked()  # drawn in any case, so that the head's weights are the same
        if start:
            stack.load_state_dict(start)
        return Classifier.of(stack)

    x, y = drawn(task, n)
    rows = Classifier(reconstruction=0.0).with_labels(x, y)
    return trained(task, make, rows, epochs=epochs, batch_size=50)
