"""Features: what a code is worth to a classifier, and what pretraining is where labels are few.

A linear probe is a softmax regression on codes: it can use what lies open in them, and no more.
Fine-tuning puts the same linear layer on the encoder and trains both on a few labels; beside it
the same network starts from random weights, so that the difference is what pretraining gave.

G. Alain and Y. Bengio, "Understanding Intermediate Layers Using Linear Classifier Probes" (2016);
P. Vincent et al., "Stacked Denoising Autoencoders", JMLR 11 (2010), section 6.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import nn, optim
from ..autodiff import no_grad
from ..core.tensor import Tensor, as_tensor
from ..data.batches import batches
from ..errors import DataError
from ..evaluate import Floats, finite, matched
from ..nn.protocols import Model, evaluating
from ..optim.schedules import cosine

Labels = NDArray[np.int64]
_DECAYS = (0.0, 1e-3, 1e-2)  # weight decay of a probe, chosen on validation samples
_EPOCHS, _BATCH, _RATE = 20, 256, 1e-2  # of a probe
_TUNING_STEPS, _TUNING_BATCH, _TUNING_RATE = 600, 50, 1e-3


@dataclass(frozen=True)
class Probe:
    """How well a softmax regression on features does.

    Attributes:
        accuracy: on test samples, 0...1.
        validation: on those its weight decay was chosen by.
        weight_decay: that was chosen.
    """

    accuracy: float
    validation: float
    weight_decay: float


@dataclass(frozen=True, eq=False)
class FewLabels:
    """Test accuracy with few labels, one number for each seed.

    Attributes:
        labels: how many there were.
        pretrained: starting from the trained encoder.
        fresh: starting from random weights.
    """

    labels: int
    pretrained: NDArray[np.float64]
    fresh: NDArray[np.float64]


def linear_probe(
    train: tuple[Floats, Labels],
    validation: tuple[Floats, Labels],
    test: tuple[Floats, Labels],
    seed: int = 0,
) -> Probe:
    """Fit a softmax regression to features and return its accuracy.

    Args:
        train: features, shape (n, k), and labels, shape (n,).
        validation: others, which choose its weight decay.
        test: others, which judge it.
        seed: of the order of batches.

    Raises:
        DataError: there is a single class; or a set has no features, some that are not finite, or
            not a label for each.
    """
    _check(*train, "training features")
    _check(*validation, "validation features")
    _check(*test, "test features")
    classes = np.unique(train[1])
    if len(classes) < 2:
        raise DataError(
            f"a classifier needs at least two classes; all training labels are {classes[0]}"
        )
    mean, deviation = train[0].mean(0), train[0].std(0)
    deviation = np.where(deviation > 1e-8, deviation, 1)
    sets = [(((x - mean) / deviation).astype(np.float32), y) for x, y in (train, validation, test)]
    found = []
    for decay in _DECAYS:
        layer = _classifier(train[0].shape[1], len(classes))
        steps = _EPOCHS * -(-len(train[0]) // _BATCH)
        optimizer = optim.AdamW(layer.parameters(), lr=_RATE, weight_decay=decay)
        _learn(layer, *sets[0], classes, optimizer, steps, _BATCH, np.random.default_rng(seed))
        scores = [_accuracy(layer, x, y, classes) for x, y in sets[1:]]
        found.append(Probe(accuracy=scores[1], validation=scores[0], weight_decay=decay))
    return max(found, key=lambda probe: probe.validation)


def few_labels(
    model: Model,
    fresh: Callable[[int], Model],
    train: tuple[Floats, Labels],
    test: tuple[Floats, Labels],
    count: int,
    seeds: Sequence[int] = (0, 1, 2),
) -> FewLabels:
    """Train encoder and linear layer on a few labels, from the trained encoder and from none.

    Each seed draws its own labels, as many of each class as can be, its own weights and its own
    order; both starts have the same ones. Settings are fixed: 600 steps of Adam at 1e-3 down a
    cosine, in batches of 50.

    Args:
        model: whose encoder is taken; it is not changed.
        fresh: makes the same model with random weights, drawn by a seed.
        train: samples, shape (n, d), and labels, shape (n,), from which the few are drawn.
        test: what accuracy is measured on.
        count: how many labels.
        seeds: one for each repetition.

    Raises:
        DataError: there are fewer labels than that, or fewer than classes; no seeds; no samples,
            some that are not finite, or not a label for each.
    """
    _check(*train, "training samples")
    _check(*test, "test samples")
    if not seeds:
        raise DataError("there are no seeds: give one for each repetition")
    x, y = train
    classes = np.unique(y)
    if not len(classes) <= count <= len(y):
        raise DataError(
            f"{count} labels were asked for; there are {len(y)}, of {len(classes)} classes, and at "
            "least one of each is needed"
        )
    accuracies: dict[bool, list[float]] = {True: [], False: []}
    for seed in seeds:
        rows = _balanced(y, classes, count, np.random.default_rng(seed))
        for pretrained, start in ((True, model), (False, fresh(seed))):
            encoder: Any = copy.deepcopy(start.encoder)
            network = nn.Sequential(encoder, _classifier(model.latent, len(classes)))
            optimizer = optim.Adam(network.parameters(), lr=_TUNING_RATE)
            generator = np.random.default_rng(seed)
            _learn(
                network, x[rows], y[rows], classes, optimizer, _TUNING_STEPS, _TUNING_BATCH,
                generator,
            )  # fmt: skip
            accuracies[pretrained].append(_accuracy(network, *test, classes))
    return FewLabels(count, np.array(accuracies[True]), np.array(accuracies[False]))


def _check(x: Floats, y: Labels, what: str) -> None:
    matched(y, "labels", len(finite(x, what)), what)


def _classifier(features: int, classes: int) -> nn.Linear:
    """Return the layer of a softmax regression, which gives all classes the same probability."""
    layer = nn.Linear(features, classes)
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


def _learn(
    network: nn.Module,
    x: Floats,
    y: Labels,
    classes: Labels,
    optimizer: optim.Optimizer,
    steps: int,
    batch_size: int,
    generator: np.random.Generator,
) -> None:
    """Minimise the cross-entropy for a number of steps, the rate falling along a cosine."""
    targets = np.searchsorted(classes, y)
    schedule, rate, step = cosine(steps), optimizer.lr, 0
    network.train()
    while step < steps:
        for rows in batches(np.arange(len(x)), batch_size, generator):
            optimizer.lr = rate * schedule(step)
            optimizer.zero_grad()
            logits = network(as_tensor(x[rows]))
            nn.functional.cross_entropy(logits, Tensor(targets[rows])).backward()
            optimizer.step()
            step += 1
            if step == steps:
                break


def _accuracy(network: nn.Module, x: Floats, y: Labels, classes: Labels) -> float:
    with evaluating(network), no_grad():
        guesses = [network(as_tensor(batch)).data.argmax(1) for batch in batches(x, 1024)]
    return float((classes[np.concatenate(guesses)] == y).mean())


def _balanced(
    y: Labels, classes: Labels, count: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Draw rows, as many of each class as can be."""
    order = generator.permutation(len(y))
    rank = np.empty(len(y), np.int64)  # how many of its class come before it
    for label in classes:
        own = order[y[order] == label]
        rank[own] = np.arange(len(own))
    return order[np.argsort(rank[order], kind="stable")][:count]
