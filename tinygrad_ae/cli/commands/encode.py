"""``encode``: samples to codes."""

from __future__ import annotations

import click

from ... import evaluate
from ...data import arrays
from ..context import count, open_run, read
from ..help import Examples, examples
from ..options import ARRAY, output, trust
from ..targets import array_target, writing
from ..terminal import say


@click.command(
    cls=Examples, epilog=examples("tinygrad-ae encode runs/autoencoder-1 digits.npy -o codes.csv")
)
@click.argument("run")
@click.argument("input")
@output(f"{ARRAY}: a code in each row.", required=True)
@trust()
def encode(run: str, input: str, out: str) -> None:
    """Turn your samples into codes.

    RUN is a run folder. INPUT holds samples of the shape that the run was trained on: a picture,
    a folder of pictures, or an .npy, .npz, .csv or IDX file; or for a run on recordings one of
    any length, as a .wav, .npy or .csv file or a folder of .wav files: a code for each window.
    """
    target = array_target(out, input)
    trained = open_run(run)
    samples = read(trained, input)
    with writing(target) as report, trained.file.blame():
        parts = evaluate.encodings(trained.model, samples)
        arrays.write(target, parts, len(samples), key="codes")
    codes = count(len(samples), "code")
    say(f"{codes} of {count(trained.model.latent, 'number')}\n{report}")
