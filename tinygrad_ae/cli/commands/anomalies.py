"""``anomalies``: samples unlike the training ones, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from ... import uses
from ...data import Dataset, Samples
from ...data.reading import numbers_of
from ...errors import UserError
from ...run import Run
from ...show.plots import detection
from ..context import count, open_run, own_data, read, test_samples
from ..help import Examples, examples
from ..options import Labels, moved_data, output, seed, trust
from ..targets import folder_target
from ..terminal import say
from ..writing import write_figure, write_table

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
    "--normal", type=Labels(), metavar="LABEL,...",
    help="Labels that are normal, by number or by word, all others anomalous.  [default: those of "
    "train --only]",
)  # fmt: skip
@click.option(
    "--false-alarms", type=click.FloatRange(0, 1), default=0.05, show_default=True,
    help="Share of normal validation samples that the threshold may take for anomalous.",
)  # fmt: skip
@seed()
@moved_data()
@trust()
def anomalies(
    run: str, input: str | None, out: str | None, normal: tuple[int | str, ...] | None,
    false_alarms: float, seed: int, data: str | None,
) -> None:  # fmt: skip
    """Find samples unlike the training ones, and say why.

    RUN is a run folder. INPUT holds samples to judge; without it they are the test split of the
    run's data, all labels of it. A sample's score is its reconstruction error; the threshold is
    chosen on normal validation samples. Where there are labels, ROC and precision are measured. The
    picture shows which values make the most anomalous ones so.
    """
    trained = open_run(run)
    own = own_data(trained, data)
    normal = normal or trained.config.only
    samples = read(trained, input) if input else test_samples(_with_all_labels(trained, own))
    if normal is not None and samples.labels is None and own.validation.y is None:
        raise UserError(
            f"--normal {','.join(map(str, normal))}: neither the samples nor the run's data have "
            "labels that say which are normal. Leave it out, or give data with labels."
        )
    if normal is not None:
        numbers_of(f"--normal: {own.name}", normal, own.classes)  # before anything is written
    folder = folder_target(out, run, "anomalies")
    with trained.file.blame():
        held_out = uses.anomaly_scores(trained.model, _normal(own, normal))
        scores, largest = uses.scores_and_largest(trained.model, samples)
    limit = uses.threshold(held_out, false_alarms)
    above = scores > limit
    say(
        f"{count(len(scores), 'sample')} of {input or f'the test split of {own.name}'}: "
        f"{int(above.sum()):,} above the threshold {limit:.5f},\n"
        f"which {false_alarms:.0%} of {count(len(held_out), 'normal validation sample')} exceed"
    )
    labels = samples.labels
    if labels is None:
        say("  There are no labels that say what is anomalous, so nothing is measured.")
    elif normal is None:
        say(
            "  To measure how well they are told apart, say which labels are normal: --normal "
            + (",".join(own.classes[:2]) or "0,1")
        )
    else:
        anomalous = ~np.isin(labels, _numbers(own, samples, normal))
        _report_detection(scores, anomalous, limit, seed, folder)
        if trained.config.only is None:
            say(
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
    say(write_figure(folder / "most_anomalous.png", figure) + ": and what made them so")
    report = write_table(
        folder / "scores.csv",
        ("sample", "label", "score", "anomalous", "largest_part_at"),
        _score_rows(samples, scores, above, largest),
    )
    say(f"{report}: the score of each sample, and which value adds most to it")


def _with_all_labels(run: Run, own: Dataset) -> Dataset:
    """Return the run's data with the labels too that it was not trained on."""
    if run.config.only is None:
        return own
    config = replace(run.config, only=None)
    return config.load_data(scaling=run.scaling, reading=run.reading(config.data))


def _normal(data: Dataset, normal: tuple[int | str, ...] | None) -> NDArray[np.float32]:
    """Return the validation samples that are normal, as far as it is known."""
    if normal is None or data.validation.y is None:
        return data.validation.x
    return data.only(normal).validation.x


def _numbers(own: Dataset, samples: Samples, normal: tuple[int | str, ...]) -> list[int]:
    """Return by which numbers the samples' labels have the normal ones.

    Subfolders of their own may number the same words in another way.
    """
    numbers = numbers_of(own.name, normal, own.classes)
    classes = own.classes if samples.reading is None else samples.reading.classes
    if classes == own.classes or not (classes and own.classes):
        return [*numbers]
    words = [own.classes[i] for i in numbers if i < len(own.classes)]
    return [classes.index(word) for word in words if word in classes]


def _report_detection(
    scores: NDArray[np.float64],
    anomalous: NDArray[np.bool_],
    limit: float,
    seed: int,
    folder: Path,
) -> None:
    if len(np.unique(anomalous)) == 1:
        kind = "anomalous" if anomalous[0] else "normal"
        say(f"  By their labels all are {kind}, so it cannot be measured how both differ.")
        return
    found = uses.detect(scores, anomalous, limit, np.random.default_rng(seed))
    say(
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
    say(write_figure(folder / "curves.png", figure) + ": ROC, precision, scores")


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
