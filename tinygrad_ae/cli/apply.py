"""The commands that use a run: on its own test split, or on the user's files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from .examples import Examples, examples
from .using import (
    ARRAY,
    SAMPLES,
    count,
    moved_data,
    open_run,
    output,
    read,
    sample_or_picture_target,
    write_samples,
)


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
def reconstruct(run: str, input: str, out: str) -> None:
    """Pass your samples through the code and back.

    RUN is a run folder. INPUT holds samples of the shape that the run was trained on: a picture,
    a folder of pictures, or an .npy, .npz, .csv or IDX file. For a run on recordings it is one of
    any length, a .wav, .npy or .csv file or a folder of .wav files, and so is the result.
    """
    from .. import evaluate

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
    click.echo(
        f"{count(len(samples), 'sample')}: mean squared error {error:.5f} per value (scaled to "
        f"0...1), PSNR {evaluate.psnr(error):.2f} dB\n{report}"
    )


@click.command(
    cls=Examples, epilog=examples("tinygrad-ae encode runs/autoencoder-1 digits.npy -o codes.csv")
)
@click.argument("run")
@click.argument("input")
@output(f"{ARRAY}: a code in each row.", required=True)
def encode(run: str, input: str, out: str) -> None:
    """Turn your samples into codes.

    RUN is a run folder. INPUT holds samples of the shape that the run was trained on: a picture,
    a folder of pictures, or an .npy, .npz, .csv or IDX file; or for a run on recordings one of
    any length, as a .wav, .npy or .csv file or a folder of .wav files: a code for each window.
    """
    from .. import evaluate
    from .outputs import array_target, write_array, writing

    target = array_target(out, input)
    trained = open_run(run)
    samples = read(trained, input)
    with writing(target) as report, trained.file.blame():
        parts = evaluate.encodings(trained.model, samples)
        write_array(target, parts, len(samples), key="codes")
    codes = count(len(samples), "code")
    click.echo(f"{codes} of {count(trained.model.latent, 'number')}\n{report}")


@click.command(
    cls=Examples, epilog=examples("tinygrad-ae decode runs/autoencoder-1 codes.csv -o made.png")
)
@click.argument("run")
@click.argument("codes")
@output(f"{SAMPLES}.", required=True)
def decode(run: str, codes: str, out: str) -> None:
    """Turn codes into samples.

    RUN is a run folder. CODES is an .npy, .npz or .csv file with a code in each row.
    """
    from .. import evaluate
    from ..data import load_samples

    target = sample_or_picture_target(out, codes)
    trained = open_run(run)
    z = load_samples(codes, (trained.model.latent,), None)
    click.echo(f"{codes} read as: {z.reading}", err=True)
    with trained.file.blame():
        parts = evaluate.decodings(trained.model, z)
        report = write_samples(trained, target, parts, len(z))
    click.echo(f"{count(len(z), 'sample')} of shape {trained.shape}\n{report}")


@click.command(cls=Examples, epilog=examples("tinygrad-ae evaluate runs/autoencoder-1"))
@click.argument("run")
@moved_data()
def evaluate(run: str, data: str | None) -> None:
    """Compare a run with PCA on its test split.

    RUN is a run folder; PCA has the same code size. MSE is the mean squared error of a value,
    all values lying within 0...1, and PSNR = 10 log10(1 / MSE).
    """
    from ..run import results
    from . import report

    trained = open_run(run)
    found = trained.load_data(data)
    title = f"{found.name}: {count(len(found.test), 'test sample')}, {trained.progress}"
    report.quality(title, trained, results.measure(trained, found))


@click.command(
    cls=Examples,
    epilog=examples(
        "tinygrad-ae draw autoencoder",
        "tinygrad-ae draw runs/autoencoder-1 -o graph.png --gradients --values",
    ),
)
@click.argument("model")
@output("The picture: .svg, .png, .pdf, or .dot.", default="graph.svg", show_default=True)
@click.option("--gradients", is_flag=True, help="Show how much gradient flows where, and why.")
@click.option("--values", is_flag=True, help="Show small pictures of the values.")
@click.option("--cost", is_flag=True, help="Measure time and memory of each operation.")
@click.option("--depth", type=click.IntRange(min=0), help="Levels of modules to open.")
@click.option("--expand", multiple=True, metavar="PATH", help="A module to open besides.")
@click.option("--theme", type=click.Choice(["light", "dark"]), default="light", show_default=True)
@click.option(
    "--batch-size", type=click.IntRange(min=1), default=32, show_default=True,
    help="Samples in the step.",
)  # fmt: skip
def draw(
    model: str, out: str, theme: str, depth: int | None, expand: tuple[str, ...], batch_size: int,
    gradients: bool, values: bool, cost: bool,
) -> None:  # fmt: skip
    """Draw the computation graph of one step's loss.

    MODEL is a built-in model's name, a model file's path, or a run folder. A run is drawn on
    samples it was trained on, a model on digits.
    """
    from ..data import load
    from ..run import modelfile
    from ..run.step import step_graph
    from ..show import draw as drawn
    from ..show import render
    from .outputs import in_existing_folder, writing

    target = in_existing_folder(Path(out))
    if Path(model).is_dir():
        run = open_run(model)
        file, built, data = run.file, run.model, run.load_data()
    else:
        file, data = modelfile.find(model), load("digits")
        built = file.build(file.complete({}, data.shape))
    batch = data.train.first(batch_size)
    picture = drawn(
        step_graph(file, built, batch),
        gradients=gradients, values=values, cost=cost, depth=depth, expand=expand, theme=theme,
        shape=data.shape if len(data.shape) in (2, 3) else None,
        title=f"{type(built).__name__}: the loss of one step on {len(batch)} samples",
    )  # fmt: skip
    with writing(target) as report:
        render(picture, target)
    click.echo(report)
