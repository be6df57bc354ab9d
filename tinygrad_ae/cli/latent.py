"""The commands that walk about in code space: ``generate``, ``interpolate``, ``traverse``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import numpy as np

from .examples import Examples, examples
from .using import (
    FIGURES,
    count,
    moved_data,
    open_run,
    output,
    sample,
    sample_or_picture_target,
    seed,
    write_figure,
    write_samples,
)  # fmt: skip

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .. import uses
    from ..data import Dataset
    from ..run import Run

_STEPS = click.IntRange(min=2)
_OUT = "A picture (.png, .svg, .pdf) of both; or the {} alone: .npy, .npz, .csv, .wav, or a folder."


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
def generate(run: str, out: str, number: int, seed: int, data: str | None) -> None:
    """Make up samples: draw codes and decode them.

    RUN is a run folder. A variational model's codes are drawn from p(z). A plain autoencoder has
    no distribution to draw from; its codes are drawn like those of its training samples, and the
    picture shows beside real ones that this is not the same.
    """
    from .. import uses

    target = sample_or_picture_target(out, run)
    trained = open_run(run)
    found = trained.load_data(data)
    with trained.file.blame():
        made = uses.generate(trained.model, number, found.train.x, np.random.default_rng(seed))
        held_out = found.test.x[:1000]
        strange = uses.strangeness(trained.model, made.samples, found.train.x, held_out)
    if target.suffix in FIGURES:
        report = write_figure(target, _generated(trained, found, made, seed))
    else:
        report = write_samples(trained, target, [made.samples], number)
    click.echo(
        f"{count(number, 'sample')}, their codes drawn from {made.source}\n"
        f"  squared distance to the nearest training sample: {strange:.2f} times that of "
        "reconstructions of test samples"
    )
    if not uses.is_generative(trained.model):
        click.echo(
            f"  {type(trained.model).__name__} is not a generative model: nothing made its codes "
            "normally distributed, and what lies\n"
            "  between them need not decode to a sample. For one that is: "
            "tinygrad-ae train variational"
        )
    click.echo(report)


def _generated(run: Run, data: Dataset, made: uses.Generated, seed: int) -> Figure:
    """Draw made-up samples beside what they are to be like."""
    from .. import evaluate, uses
    from ..show.plots.grid import Panel, panels

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


@click.command(
    cls=Examples,
    epilog=examples(
        "tinygrad-ae interpolate runs/autoencoder-1 3 17",
        "tinygrad-ae interpolate runs/autoencoder-1 a.png b.png --steps 7 -o path.png",
    ),
)
@click.argument("run")
@click.argument("a")
@click.argument("b")
@output(_OUT.format("way through codes"), default="path.png", show_default=True)
@click.option("--steps", type=_STEPS, default=11, show_default=True, help="With both ends.")
@moved_data()
def interpolate(run: str, a: str, b: str, out: str, steps: int, data: str | None) -> None:
    """Go from sample A to sample B, through codes and values.

    RUN is a run folder. A and B are files of one sample each, or numbers of test samples, counted
    from 0.
    """
    from .. import uses
    from ..show.plots import grid

    target = sample_or_picture_target(out, run)
    trained = open_run(run)
    found = trained.load_data(data)
    first, last = (sample(trained, end, lambda: found) for end in (a, b))
    with trained.file.blame():
        path = uses.interpolate(trained.model, first, last, steps)
    away = [
        uses.nearest(p[1:-1], found.train.x).mean() if steps > 2 else 0
        for p in (path.decoded, path.mixed)
    ]
    if target.suffix in FIGURES:
        figure = grid.rows(
            f"From {a} to {b}: through codes, and through values",
            [("decoded codes\ng((1−t) f(a) + t f(b))", path.decoded),
             ("mixed values\n(1−t) a + t b", path.mixed)],
            trained.shape, [f"{t:.2g}" for t in path.t],
        )  # fmt: skip
        report = write_figure(target, figure)
    else:
        report = write_samples(trained, target, [path.decoded], steps)
    click.echo(
        f"{count(steps, 'step')} from {a} to {b}; between the ends, mean squared distance per "
        f"value to the nearest training sample:\n"
        f"  through codes   {away[0]:.5f}\n  through values  {away[1]:.5f}\n{report}"
    )


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
@output(_OUT.format("samples").replace(" of both", ""), default="traversal.png", show_default=True)
@click.option("--steps", type=_STEPS, default=9, show_default=True, help="In a range.")
@click.option(
    "--rows", type=click.IntRange(min=1), default=10, show_default=True,
    help="Numbers of the code to show, those that change most.",
)  # fmt: skip
@moved_data()
def traverse(
    run: str, start: str | None, out: str, steps: int, rows: int, data: str | None
) -> None:
    """Move one number of the code at a time over its range.

    RUN is a run folder. START is a file of one sample or the number of a test sample, whose code
    the other numbers keep; without it they keep the mean of all codes.
    """
    from .. import uses
    from ..show.plots import grid

    target = sample_or_picture_target(out, run)
    trained = open_run(run)
    found = trained.load_data(data)
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
    click.echo(
        f"the {len(shown)} of {count(k, 'number')} that change most; effect: change of a value "
        "(root mean square) as the number moves by its standard deviation"
    )
    for j in shown:
        low, high = moved.ranges[j]
        click.echo(f"  z{j:<4} {low:>8.3g} … {high:<8.3g} effect {moved.effect[j]:.4f}")
    click.echo(
        f"{count(active, 'number')} of {k} with an effect above a tenth of the largest\n{report}"
    )
