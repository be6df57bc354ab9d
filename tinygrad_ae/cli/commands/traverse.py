"""``traverse``: one number of the code at a time, over its range."""

from __future__ import annotations

import click

from ... import uses
from ...show.plots import grid
from ..context import count, open_run, own_data, sample
from ..help import Examples, examples
from ..options import moved_data, output, trust
from ..targets import FIGURES, sample_or_picture_target
from ..terminal import say
from ..writing import write_figure, write_samples

_STEPS = click.IntRange(min=2)


@click.command(
    cls=Examples,
    epilog=examples(
        "tinygrad-ae traverse runs/variational-1",
        "tinygrad-ae traverse runs/autoencoder-1 7 --rows 5 -o seven.png",
        "tinygrad-ae traverse runs/autoencoder-1 my.png -o mine.png",
    ),
)
@click.argument("run")
@click.argument("start", required=False)
@output(
    "A picture (.png, .svg, .pdf); or the samples alone: .npy, .npz, .csv, .wav, or a folder.",
    default="traversal.png", show_default=True,
)  # fmt: skip
@click.option("--steps", type=_STEPS, default=9, show_default=True, help="In a range.")
@click.option(
    "--rows", type=click.IntRange(min=1), default=10, show_default=True,
    help="Numbers of the code to show, those that change most.",
)  # fmt: skip
@moved_data()
@trust()
def traverse(
    run: str, start: str | None, out: str, steps: int, rows: int, data: str | None
) -> None:
    """Move one number of the code at a time over its range.

    RUN is a run folder. START is a file of one sample or the number of a test sample, whose code
    the other numbers keep; without it they keep the mean of all codes.
    """
    target = sample_or_picture_target(out, run)
    trained = open_run(run)
    found = own_data(trained, data)
    first = None if start is None else sample(trained, start, lambda: found)
    with trained.file.blame():
        moved = uses.traverse(trained.model, found.train.x, first, steps)
    shown = moved.order[:rows]
    if target.suffix in FIGURES:
        base = "the mean code" if start is None else f"the code of {start}"
        figure = grid.rows(
            f"One number of the code at a time, the others those of {base}",
            [(f"z{j}: {moved.ranges[j, 0]:.2g} … {moved.ranges[j, 1]:.2g}", moved.samples[j])
             for j in shown],
            trained.shape,
        )  # fmt: skip
        report = write_figure(target, figure)
    else:
        report = write_samples(trained, target, list(moved.samples[shown]), len(shown) * steps)
    k = trained.model.latent
    active = int((moved.effect > 0.1 * moved.effect.max()).sum())
    say(
        f"the {len(shown)} of {count(k, 'number')} that change most; effect: change of a value "
        "(root mean square) as the number moves by its standard deviation"
    )
    for j in shown:
        low, high = moved.ranges[j]
        say(f"  z{j:<4} {low:>8.3g} … {high:<8.3g} effect {moved.effect[j]:.4f}")
    say(f"{count(active, 'number')} of {k} with an effect above a tenth of the largest\n{report}")
