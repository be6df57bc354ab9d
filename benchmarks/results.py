"""Results beside the literature's, one row per task, from fixed recipes.

    python -m benchmarks.results reconstruction --data FOLDER_WITH_MNIST

Training uses MNIST's training files (the last tenth held out for validation is not trained on
unless the recipe says so); the figures are of the test files, mean ± standard deviation over
seeds.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_ae import manual_seed, optim
from tinygrad_ae.data import load
from tinygrad_ae.data.dataset import Dataset
from tinygrad_ae.evaluate import compare
from tinygrad_ae.models import Autoencoder
from tinygrad_ae.train import fit

Row = dict[str, Any]


def reconstruction(data: Dataset, seeds: list[int], epochs: int = 10) -> Row:
    """784-128-16-128-784, ReLU, linear code, sigmoid out, Adam 1e-3, batch 128."""
    # The published recipe has no hyperparameter left to choose, so nothing is held out.
    train = np.concatenate([data.train.x, data.validation.x])
    errors, seconds, baseline = [], [], float("nan")
    for seed in seeds:
        manual_seed(seed)
        model = Autoencoder(inputs=784, hidden=(128,), latent=16)
        start = time.perf_counter()
        fit(
            model,
            train,
            epochs=epochs,
            optimizer=optim.Adam(model.parameters(), lr=1e-3),
            generator=np.random.default_rng(seed),
        )
        seconds.append(time.perf_counter() - start)
        ours, pca = compare(model, train, data.test.x)
        errors.append(ours.mse)
        baseline = pca.mse
    return {
        "task": "reconstruction",
        "seeds": seeds,
        "epochs": epochs,
        "mse_per_pixel": float(np.mean(errors)),
        "sd": float(np.std(errors, ddof=1)) if len(errors) > 1 else None,
        "each": errors,
        "pca_16_mse_per_pixel": baseline,
        "seconds_per_training": float(np.mean(seconds)),
    }


TASKS: dict[str, Callable[..., Row]] = {"reconstruction": reconstruction}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--data", default="mnist", help="mnist, or a folder with its IDX files")
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds, from 0")
    parser.add_argument("--quick", action="store_true", help="one seed, two epochs: does it run?")
    args = parser.parse_args()
    seeds = [0] if args.quick else list(range(args.seeds))
    options = {"epochs": 2} if args.quick else {}
    print(json.dumps(TASKS[args.task](load(args.data), seeds, **options), indent=2))


if __name__ == "__main__":
    main()
