"""``reconstruct``: samples through the code and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from ... import evaluate
from ..context import count, open_run, read
from ..help import Examples, examples
from ..options import SAMPLES, output, trust
from ..targets import sample_or_picture_target
from ..terminal import say
from ..writing import write_samples


@click.command(
    cls=Examples,
    epilog=examples(
        "tinygrad-ae reconstruct runs/autoencoder-1 digits.npy -o seen.png",
        "tinygrad-ae reconstruct runs/autoencoder-1 my_pictures/ -o reconstructed/",
    ),
)
@click.argument("run")
@click.argument("input")
@output(f"{SAMPLES}; a picture has the inputs above.", required=True)
@trust()
def reconstruct(run: str, input: str, out: str) -> None:
    """Pass your samples through the code and back.

    RUN is a run folder. INPUT holds samples of the shape that the run was trained on: a picture,
    a folder of pictures, or an .npy, .npz, .csv or IDX file. For a run on recordings it is one of
    any length, a .wav, .npy or .csv file or a folder of .wav files, and so is the result.
    """
    target = sample_or_picture_target(out, input)
    trained = open_run(run)
    samples = read(trained, input)
    squared: list[NDArray[Any]] = []  # mean errors of the samples

    def parts() -> Iterator[NDArray[Any]]:
        for batch in evaluate.in_batches(samples):
            with trained.file.blame():
                x_hat = evaluate.reconstruct(trained.model, batch)
            squared.append(evaluate.errors(x_hat, batch))
            yield x_hat

    report = write_samples(
        trained, target, parts(), len(samples), samples, {"input x": samples}, "reconstruction x̂"
    )
    error = float(np.concatenate(squared).mean())
    say(
        f"{count(len(samples), 'sample')}: mean squared error {error:.5f} per value (scaled to "
        f"0...1), PSNR {evaluate.psnr(error):.2f} dB\n{report}"
    )
