"""``decode``: codes to samples."""

from __future__ import annotations

import click

from ... import evaluate
from ...data import load_samples
from ..context import count, open_run
from ..help import Examples, examples
from ..options import SAMPLES, output, trust
from ..targets import sample_or_picture_target
from ..terminal import say
from ..writing import write_samples


@click.command(
    cls=Examples, epilog=examples("tinygrad-ae decode runs/autoencoder-1 codes.csv -o made.png")
)
@click.argument("run")
@click.argument("codes")
@output(f"{SAMPLES}.", required=True)
@trust()
def decode(run: str, codes: str, out: str) -> None:
    """Turn codes into samples.

    RUN is a run folder. CODES is an .npy, .npz or .csv file with a code in each row.
    """
    target = sample_or_picture_target(out, codes)
    trained = open_run(run)
    z = load_samples(codes, (trained.model.latent,), None)
    say(f"{codes} read as: {z.reading}", err=True)
    with trained.file.blame():
        parts = evaluate.decodings(trained.model, z)
        report = write_samples(trained, target, parts, len(z))
    say(f"{count(len(z), 'sample')} of shape {trained.shape}\n{report}")
