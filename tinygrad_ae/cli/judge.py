"""The commands that put a run to work and measure it: ``anomalies``, ``compress``, ``features``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from ..errors import DataError, UserError
from .examples import Examples, examples
from .options import Numbers
from .using import (
    count,
    folder_target,
    moved_data,
    open_run,
    output,
    read,
    seed,
    test_samples,
    write_figure,
    write_rows,
)  # fmt: skip

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..data import Dataset, Samples
    from ..nn.protocols import Model
    from ..run import Run

_WORST = 8  # samples that are shown with what made them anomalous


@click.command(
    cls=Examples,
    epilog=examples(
        "tinygrad-ae train autoencoder --only 3 --out runs/threes",
        "tinygrad-ae anomalies runs/threes                      # the other digits are anomalous",
        "tinygrad-ae anomalies runs/threes my_pictures/ -o found",
    ),
)
@click.argument("run")
@click.argument("input", required=False)
@output("A folder for scores.csv and pictures.  [default: RUN/anomalies]")
@click.option(
    "--normal", type=Numbers(), metavar="LABEL,...",
    help="Labels that are normal, all others anomalous.  [default: those of train --only]",
)  # fmt: skip
@click.option(
    "--false-alarms", type=click.FloatRange(0, 1), default=0.05, show_default=True,
    help="Share of normal validation samples that the threshold may take for anomalous.",
)  # fmt: skip
@seed()
@moved_data()
def anomalies(
    run: str, input: str | None, out: str | None, normal: tuple[int, ...] | None,
    false_alarms: float, seed: int, data: str | None,
) -> None:  # fmt: skip
    """Find samples unlike the training ones, and say why.

    RUN is a run folder. INPUT holds samples to judge; without it they are the test split of the
    run's data, all labels of it. A sample's score is its reconstruction error; the threshold is
    chosen on normal validation samples. Where there are labels, ROC and precision are measured. The
    picture shows which values make the most anomalous ones so.
    """
    from .. import uses
    from ..show.plots import detection

    trained = open_run(run)
    own = trained.load_data(data)
    normal = normal or trained.config.only
    samples = read(trained, input) if input else test_samples(_with_all_labels(trained, own))
    if normal is not None and samples.labels is None and own.validation.y is None:
        raise UserError(
            f"--normal {','.join(map(str, normal))}: neither the samples nor the run's data have "
            "labels that say which are normal. Leave it out, or give data with labels."
        )
    folder = folder_target(out, run, "anomalies")
    with trained.file.blame():
        held_out = uses.anomaly_scores(trained.model, _normal(own, normal))
        scores, largest = uses.judgements(trained.model, samples)
    limit = uses.threshold(held_out, false_alarms)
    above = scores > limit
    click.echo(
        f"{count(len(scores), 'sample')} of {input or f'the test split of {own.name}'}: "
        f"{int(above.sum()):,} above the threshold {limit:.5f},\n"
        f"which {false_alarms:.0%} of {count(len(held_out), 'normal validation sample')} exceed"
    )
    labels = samples.labels
    if labels is None:
        click.echo("  There are no labels that say what is anomalous, so nothing is measured.")
    elif normal is None:
        click.echo(
            "  To measure how well they are told apart, say which labels are normal: --normal 0,1"
        )
    else:
        _report_detection(scores, ~np.isin(labels, normal), limit, seed, folder)
        if trained.config.only is None:
            click.echo(
                "  The run was trained on all labels, so it has learnt to reconstruct the others "
                "too.\n  Train on normal ones alone: "
                f"tinygrad-ae train {trained.config.model} --only {','.join(map(str, normal))}"
            )
    worst = np.argsort(-scores, kind="stable")[:_WORST]
    x = np.concatenate([samples[int(i) : int(i) + 1] for i in worst])
    with trained.file.blame():
        x_hat, parts = uses.attribution(trained.model, x)
    columns = samples.columns or trained.columns
    columns = columns if len(trained.shape) == 1 else ()
    figure = detection.attributions(
        x, x_hat, parts, trained.shape,
        [f"{_heading(samples, int(i))}\nscore {scores[i]:.3g}" for i in worst], columns or None,
    )  # fmt: skip
    click.echo(write_figure(folder / "most_anomalous.png", figure) + ": and what made them so")
    report = write_rows(
        folder / "scores.csv",
        ("sample", "label", "score", "anomalous", "largest_part_at"),
        _score_rows(samples, scores, above, largest),
    )
    click.echo(f"{report}: the score of each sample, and which value adds most to it")


def _with_all_labels(run: Run, own: Dataset) -> Dataset:
    """Return the run's data with the labels too that it was not trained on."""
    if run.config.only is None:
        return own
    config = replace(run.config, only=None)
    return config.load_data(scaling=run.scaling, reading=run.reading(config.data))


def _normal(data: Dataset, normal: tuple[int, ...] | None) -> NDArray[np.float32]:
    """Return the validation samples that are normal, as far as it is known."""
    if normal is None or data.validation.y is None:
        return data.validation.x
    return data.only(normal).validation.x


def _report_detection(
    scores: NDArray[np.float64],
    anomalous: NDArray[np.bool_],
    limit: float,
    seed: int,
    folder: Path,
) -> None:
    from .. import uses
    from ..show.plots import detection

    if len(np.unique(anomalous)) == 1:
        kind = "anomalous" if anomalous[0] else "normal"
        click.echo(f"  By their labels all are {kind}, so it cannot be measured how both differ.")
        return
    found = uses.detect(scores, anomalous, limit, np.random.default_rng(seed))
    click.echo(
        f"  {int(anomalous.sum()):,} are anomalous; 95 % intervals by 1,000 bootstrap samples\n"
        f"  AUROC {found.auroc}\n"
        f"  AUPRC {found.auprc}; by chance {found.chance:.4f}\n"
        f"  at the threshold: {found.at[1]:.1%} of the anomalies found, {found.at[0]:.1%} false "
        f"alarms, precision {found.at[2]:.1%}"
    )
    figure = detection.detection_curves(
        found.false_alarms, found.detected, found.precision, scores, anomalous,
        auroc=str(found.auroc), auprc=str(found.auprc), threshold=limit, at=found.at,
    )  # fmt: skip
    click.echo(write_figure(folder / "curves.png", figure) + ": ROC, precision, scores")


def _score_rows(
    samples: Samples,
    scores: NDArray[np.float64],
    above: NDArray[np.bool_],
    largest: NDArray[np.int64],
) -> Iterator[tuple[object, ...]]:
    """Yield a line for each sample."""
    labels = samples.labels
    for i, score in enumerate(scores):
        label = "" if labels is None else int(labels[i])
        yield _name(samples, i), label, f"{score:.6g}", int(above[i]), int(largest[i])


def _heading(samples: Samples, i: int) -> str:
    label = "" if samples.labels is None else f" (class {samples.labels[i]})"
    return _name(samples, i) + label


def _name(samples: Samples, i: int) -> str:
    return str(i) if samples.names is None else samples.names[i]


@click.command(cls=Examples, epilog=examples("tinygrad-ae compress runs/autoencoder-1"))
@click.argument("run")
@output("A folder for the table and the picture.  [default: RUN/compress]")
@moved_data()
def compress(run: str, out: str | None, data: str | None) -> None:
    """Measure test samples as quantised codes: bits and errors.

    RUN is a run folder. Beside it stand PCA, quantised in the same way, and for pictures JPEG of
    one sheet of all samples. Bits are those of an ideal entropy coder; the weights of model and
    PCA, which a receiver needs once, are not counted.
    """
    from .. import uses
    from ..show.plots import comparisons

    trained = open_run(run)
    found = trained.load_data(data)
    folder = folder_target(out, run, "compress")
    with trained.file.blame():
        curves = uses.compress(trained.model, found.train.x, found.test.x)
    try:
        curves.append(uses.jpeg(found.test.x, trained.shape))
    except DataError as error:
        click.echo(f"Without JPEG: {error}.")
    unit = "pixel" if curves[-1].name.startswith("JPEG") else "value"
    click.echo(f"{count(len(found.test), 'test sample')}, fine to coarse:")
    for curve in curves:
        line = "  ".join(
            f"{b:.3f}: {p:.1f} dB" for b, p in list(zip(curve.bits, curve.psnr, strict=True))[::2]
        )
        click.echo(f"  {curve.name:<18} bits per {unit}: {line}")
    figure = comparisons.rate_distortion({c.name: (c.bits, c.psnr) for c in curves}, unit)
    click.echo(write_figure(folder / "bits.png", figure))
    rows = [
        (c.name, f"{b:.6g}", f"{m:.6g}", f"{p:.4f}")
        for c in curves for b, m, p in zip(c.bits, c.mse, c.psnr, strict=True)
    ]  # fmt: skip
    click.echo(write_rows(folder / "bits.csv", ("way", f"bits_per_{unit}", "mse", "psnr"), rows))


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
def features(
    run: str, out: str | None, labels: tuple[int, ...] | None, seeds: int, data: str | None
) -> None:
    """Write codes for a model of your own, and classify them.

    RUN is a run folder whose data has labels. The classifier is a softmax regression; its weight
    decay is chosen on the validation split.
    """
    from .. import uses
    from ..evaluate import PCA, encode
    from ..show.plots import comparisons
    from .outputs import in_existing_folder, writing

    trained = open_run(run)
    target = in_existing_folder(Path(run) / "features.npz" if out is None else Path(out))
    if target.suffix not in (".npz", ""):
        raise UserError(f"{target} must end in .npz, or have no suffix: a folder of .csv files.")
    found = trained.load_data(data)
    if labels and found.train.y is None:
        raise UserError(f"--labels: {found.name} has no labels to fine-tune on. Leave it out.")
    splits = {name: getattr(found, name) for name in ("train", "validation", "test")}
    with trained.file.blame():
        codes = {name: encode(trained.model, split.x) for name, split in splits.items()}
    with writing(target) as report:
        _write_codes(target, codes, {name: split.y for name, split in splits.items()})
    k = trained.model.latent
    click.echo(f"{report}: codes of {count(k, 'number')}, of all three splits")
    if found.train.y is None or found.test.y is None or len(np.unique(found.train.y)) == 1:
        what = "no labels" if found.train.y is None else "labels of one class only"
        click.echo(f"{found.name} has {what}, so there is nothing to classify.")
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
        click.echo(f"  {name:<24} {probe.accuracy:.2%} of {count(len(found.test), 'test sample')}")
    if labels:
        train, test = (found.train.x, found.train.y), (found.test.x, found.test.y)
        results = [
            uses.few_labels(
                trained.model, lambda s: _fresh(trained, s), train, test, n, range(seeds)
            )
            for n in labels
        ]  # fmt: skip
        click.echo(f"fine-tuned on few labels, mean ± sd of {count(seeds, 'seed')}:")
        for result in results:
            a, b = result.pretrained, result.fresh
            click.echo(
                f"  {count(result.labels, 'label'):<14} from the trained encoder {a.mean():.2%} ± "
                f"{a.std():.2%}   from random weights {b.mean():.2%} ± {b.std():.2%}"
            )
        picture = target.with_name("few_labels.png") if target.suffix else target / "few_labels.png"
        figure = comparisons.few_label_accuracy(
            labels, [r.pretrained for r in results], [r.fresh for r in results]
        )
        click.echo(write_figure(picture, figure))


def _fresh(run: Run, seed: int) -> Model:
    """Return the run's model with random weights."""
    from ..util.random import manual_seed

    manual_seed(seed)
    return run.file.build(run.config.arguments)


def _write_codes(
    target: Path, codes: dict[str, NDArray[np.float32]], labels: dict[str, NDArray[np.int64] | None]
) -> None:
    """Write codes and labels of all splits, to one file or a folder of tables."""
    from ..util.files import atomic

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
        write_rows(target / f"{name}.csv", columns, rows)
