"""``generate``: codes that are drawn, decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import numpy as np

from ... import evaluate, uses
from ...data import Dataset
from ...run import Run
from ...show.plots.grid import Panel, panels
from ..context import count, open_run, own_data
from ..help import Examples, examples
from ..options import moved_data, output, seed, trust
from ..targets import FIGURES, sample_or_picture_target
from ..terminal import say
from ..writing import write_figure, write_samples

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@click.command(
    cls=Examples,
    epilog=examples(
        "tinygrad-ae generate runs/variational-1",
        "tinygrad-ae generate runs/autoencoder-1 -o holes.png",
        "tinygrad-ae generate runs/variational-1 -n 1000 -o made.npy",
    ),
)
@click.argument("run")
@output(
    "A picture (.png, .svg, .pdf) beside real ones; or the samples alone: .npy, .npz, .csv, .wav, "
    "or a folder.",
    default="generated.png", show_default=True,
)  # fmt: skip
@click.option(
    "-n", "--number", type=click.IntRange(min=1), default=36, show_default=True, help="How many."
)
@seed()
@moved_data()
@trust()
def generate(run: str, out: str, number: int, seed: int, data: str | None) -> None:
    """Make up samples: draw codes and decode them.

    RUN is a run folder. A variational model's codes are drawn from p(z). A plain autoencoder has
    no distribution to draw from; its codes are drawn like those of its training samples, and the
    picture shows beside real ones that this is not the same.
    """
    target = sample_or_picture_target(out, run)
    trained = open_run(run)
    found = own_data(trained, data)
    with trained.file.blame():
        made = uses.generate(trained.model, number, found.train.x, np.random.default_rng(seed))
        held_out = found.test.x[:1000]
        strange = uses.distance_ratio(trained.model, made.samples, found.train.x, held_out)
    if target.suffix in FIGURES:
        report = write_figure(target, _generated(trained, found, made, seed))
    else:
        report = write_samples(trained, target, [made.samples], number)
    say(
        f"{count(number, 'sample')}, their codes drawn from {made.source}\n"
        f"  squared distance to the nearest training sample: {strange:.2f} times that of "
        "reconstructions of test samples"
    )
    if not uses.is_generative(trained.model):
        say(
            f"  {type(trained.model).__name__} is not a generative model: nothing made its codes "
            "normally distributed, and what lies\n"
            "  between them need not decode to a sample. For one that is: "
            "tinygrad-ae train variational"
        )
    say(report)


def _generated(run: Run, data: Dataset, made: uses.Generated, seed: int) -> Figure:
    """Draw made-up samples beside what they are to be like."""
    test = data.test.x[data.shown(len(made.samples))]
    name = type(run.model).__name__
    shown = [
        Panel("real: test samples", test),
        Panel("reconstructed: g(f(x))", evaluate.reconstruct(run.model, test), "codes of samples"),
        Panel("made up: g(z)", made.samples, f"z from {made.source}"),
    ]
    if uses.is_generative(run.model):
        title = f"{name}: samples it made up, beside real ones"
    else:
        noise = np.random.default_rng(seed).standard_normal(made.codes.shape).astype(np.float32)
        shown.append(Panel("made up: g(z)", evaluate.decode(run.model, noise), "z from N(0, I)"))
        title = f"{name}: not a generative model, as codes that no sample gave show"
    return panels(title, shown, run.shape)
