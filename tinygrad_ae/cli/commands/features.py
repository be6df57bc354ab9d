"""``features``: codes for a model of one's own, and a classifier on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from ... import uses
from ...errors import UserError
from ...evaluate import PCA, encode
from ...nn.protocols import Model
from ...run import Run
from ...show.plots import comparisons
from ...util.files import atomic
from ...util.random import manual_seed
from ..context import count, open_run, own_data
from ..help import Examples, examples
from ..options import Numbers, moved_data, output, trust
from ..targets import in_existing_folder, writing
from ..terminal import say
from ..writing import write_figure, write_table


@click.command(
    cls=Examples,
    epilog=examples(
        "tinygrad-ae features runs/autoencoder-1 -o codes.npz",
        "tinygrad-ae features runs/denoising-1 --labels 100,1000 --seeds 5",
    ),
)
@click.argument("run")
@output(
    "Codes and labels of all splits: an .npz file that 'train --data' takes too; or a folder of "
    ".csv files.  [default: RUN/features.npz]"
)
@click.option(
    "--labels", type=Numbers(), metavar="N,...",
    help="Also fine-tune encoder and classifier on so many labels.",
)  # fmt: skip
@click.option(
    "--seeds", type=click.IntRange(min=1), default=3, show_default=True,
    help="Repetitions of fine-tuning.",
)  # fmt: skip
@moved_data()
@trust()
def features(
    run: str, out: str | None, labels: tuple[int, ...] | None, seeds: int, data: str | None
) -> None:
    """Write codes for a model of your own, and classify them.

    RUN is a run folder whose data has labels. The classifier is a softmax regression; its weight
    decay is chosen on the validation split.
    """
    trained = open_run(run)
    target = in_existing_folder(Path(run) / "features.npz" if out is None else Path(out))
    if target.suffix not in (".npz", ""):
        raise UserError(f"{target} must end in .npz, or have no suffix: a folder of .csv files.")
    found = own_data(trained, data)
    if labels and found.train.y is None:
        raise UserError(f"--labels: {found.name} has no labels to fine-tune on. Leave it out.")
    splits = {name: getattr(found, name) for name in ("train", "validation", "test")}
    with trained.file.blame():
        codes = {name: encode(trained.model, split.x) for name, split in splits.items()}
    with writing(target) as report:
        _write_codes(target, codes, {name: split.y for name, split in splits.items()})
    k = trained.model.latent
    say(f"{report}: codes of {count(k, 'number')}, of all three splits")
    if found.train.y is None or found.test.y is None or len(np.unique(found.train.y)) == 1:
        what = "no labels" if found.train.y is None else "labels of one class only"
        say(f"{found.name} has {what}, so there is nothing to classify.")
        return
    pca = PCA(found.train.x, min(k, found.features))
    for name, transform in (
        (f"codes of {type(trained.model).__name__}", None),
        (f"PCA-{len(pca.components)}", pca.encode),
        (f"all {found.features} values", lambda x: x),
    ):
        sets = [
            ((codes[n] if transform is None else transform(split.x)), split.y)
            for n, split in splits.items()
        ]
        probe = uses.linear_probe(sets[0], sets[1], sets[2])
        say(f"  {name:<24} {probe.accuracy:.2%} of {count(len(found.test), 'test sample')}")
    if labels:
        train, test = (found.train.x, found.train.y), (found.test.x, found.test.y)
        results = [
            uses.few_labels(
                trained.model, lambda s: _fresh(trained, s), train, test, n, range(seeds)
            )
            for n in labels
        ]  # fmt: skip
        say(f"fine-tuned on few labels, mean ± sd of {count(seeds, 'seed')}:")
        for result in results:
            a, b = result.pretrained, result.fresh
            say(
                f"  {count(result.labels, 'label'):<14} from the trained encoder {a.mean():.2%} ± "
                f"{a.std():.2%}   from random weights {b.mean():.2%} ± {b.std():.2%}"
            )
        picture = target.with_name("few_labels.png") if target.suffix else target / "few_labels.png"
        figure = comparisons.few_label_accuracy(
            labels, [r.pretrained for r in results], [r.fresh for r in results]
        )
        say(write_figure(picture, figure))


def _fresh(run: Run, seed: int) -> Model:
    """Return the run's model with random weights."""
    manual_seed(seed)
    return run.file.build(run.config.arguments)


def _write_codes(
    target: Path, codes: dict[str, NDArray[np.float32]], labels: dict[str, NDArray[np.int64] | None]
) -> None:
    """Write codes and labels of all splits, to one file or a folder of tables."""
    if target.suffix:
        arrays: dict[str, Any] = {f"x_{name}": z for name, z in codes.items()}
        arrays |= {f"y_{name}": y for name, y in labels.items() if y is not None}
        with atomic(target) as temporary:
            np.savez_compressed(temporary, **arrays)
        return
    target.mkdir(exist_ok=True)
    for name, z in codes.items():
        y = labels[name]
        columns = [f"z{j}" for j in range(z.shape[1])] + ([] if y is None else ["label"])
        rows = [
            [*(f"{value:.9g}" for value in code), *([] if y is None else [int(y[i])])]
            for i, code in enumerate(z)
        ]
        write_table(target / f"{name}.csv", columns, rows)
