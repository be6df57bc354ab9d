"""``interpolate``: from one sample to another, through codes and through values."""

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
        "tinygrad-ae interpolate runs/autoencoder-1 3 17",
        "tinygrad-ae interpolate runs/autoencoder-1 a.png b.png --steps 7 -o path.png",
    ),
)
@click.argument("run")
@click.argument("a")
@click.argument("b")
@output(
    "A picture (.png, .svg, .pdf) of both; or the way through codes alone: .npy, .npz, .csv, "
    ".wav, or a folder.",
    default="path.png", show_default=True,
)  # fmt: skip
@click.option("--steps", type=_STEPS, default=11, show_default=True, help="With both ends.")
@moved_data()
@trust()
def interpolate(run: str, a: str, b: str, out: str, steps: int, data: str | None) -> None:
    """Go from sample A to sample B, through codes and values.

    RUN is a run folder. A and B are files of one sample each, or numbers of test samples, counted
    from 0.
    """
    target = sample_or_picture_target(out, run)
    trained = open_run(run)
    found = own_data(trained, data)
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
    say(
        f"{count(steps, 'step')} from {a} to {b}; between the ends, mean squared distance per "
        f"value to the nearest training sample:\n"
        f"  through codes   {away[0]:.5f}\n  through values  {away[1]:.5f}\n{report}"
    )
