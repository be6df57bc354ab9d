"""The commands that use a run: on its own test split, or on the user's files."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click
import numpy as np

from .examples import Examples, examples

_FORMATS = "an .npy, .npz or .csv file"
_DIGIT = 28 * 28  # numbers in a sample, where no data says it


def _output(help: str, **settings: Any) -> Any:
    return click.option("-o", "--out", type=click.Path(), metavar="OUT", help=help, **settings)


@click.command(
    cls=Examples,
    epilog=examples(
        "tinygrad-ae reconstruct runs/autoencoder-1 digits.npy -o seen.png",
        "tinygrad-ae reconstruct runs/autoencoder-1 my_pictures/ -o reconstructed/",
    ),
)
@click.argument("run")
@click.argument("input")
@_output(
    f"{_FORMATS}; a .png sheet, inputs above reconstructions; or a folder of pictures.",
    required=True,
)
def reconstruct(run: str, input: str, out: str) -> None:
    """Send samples through the code and back, and say how much is lost.

    RUN is a run folder. INPUT holds samples of the shape that the run was trained on: a picture,
    a folder of pictures, or an .npy, .npz, .csv or IDX file.
    """
    from .. import evaluate
    from ..data import load_samples
    from ..run import Run
    from . import outputs

    path = outputs.sample_target(out)
    trained = Run.open(run)
    x, names = load_samples(input, trained.shape, trained.scaling)
    with trained.file.blame():
        x_hat = evaluate.reconstruct(trained.model, x)
    if path.suffix in outputs.ARRAYS:
        shaped = trained.scaling.invert(x_hat).reshape(-1, *trained.shape)
        outputs.write_array(path, shaped, key="x")
    elif path.suffix == outputs.SHEET:
        outputs.write_sheet(path, x, x_hat, trained.shape)
    else:
        outputs.write_pictures(path, x_hat, trained.shape, names)
    error = float(evaluate.errors(x_hat, x).mean())
    click.echo(
        f"{len(x)} samples: mean squared error {error:.5f} per value (scaled to 0...1), "
        f"PSNR {evaluate.psnr(error):.2f} dB\n{path}"
    )


@click.command(
    cls=Examples, epilog=examples("tinygrad-ae encode runs/autoencoder-1 digits.npy -o codes.csv")
)
@click.argument("run")
@click.argument("input")
@_output(f"{_FORMATS}: a code in each row.", required=True)
def encode(run: str, input: str, out: str) -> None:
    """Turn samples into codes.

    RUN is a run folder. INPUT holds samples of the shape that the run was trained on: a picture,
    a folder of pictures, or an .npy, .npz, .csv or IDX file.
    """
    from .. import evaluate
    from ..data import load_samples
    from ..run import Run
    from . import outputs

    path = outputs.array_target(out)
    trained = Run.open(run)
    x, _ = load_samples(input, trained.shape, trained.scaling)
    with trained.file.blame():
        codes = evaluate.encode(trained.model, x)
    outputs.write_array(path, codes, key="codes")
    click.echo(f"{len(codes)} codes of {codes.shape[1]} numbers\n{path}")


@click.command(
    cls=Examples, epilog=examples("tinygrad-ae decode runs/autoencoder-1 codes.csv -o made.png")
)
@click.argument("run")
@click.argument("codes")
@_output(f"{_FORMATS}, a .png sheet, or a folder of pictures.", required=True)
def decode(run: str, codes: str, out: str) -> None:
    """Turn codes into samples.

    RUN is a run folder. CODES is an .npy, .npz or .csv file with a code in each row.
    """
    from .. import evaluate
    from ..data import load_samples
    from ..run import Run
    from . import outputs

    path = outputs.sample_target(out)
    trained = Run.open(run)
    z, _ = load_samples(codes, (trained.model.latent,), None)
    with trained.file.blame():
        x_hat = evaluate.decode(trained.model, z)
    if path.suffix in outputs.ARRAYS:
        shaped = trained.scaling.invert(x_hat).reshape(-1, *trained.shape)
        outputs.write_array(path, shaped, key="x")
    elif path.suffix == outputs.SHEET:
        outputs.write_sheet(path, x_hat, None, trained.shape)
    else:
        outputs.write_pictures(path, x_hat, trained.shape, None)
    click.echo(f"{len(x_hat)} samples of shape {trained.shape}\n{path}")


@click.command(cls=Examples, epilog=examples("tinygrad-ae evaluate runs/autoencoder-1"))
@click.argument("run")
def evaluate(run: str) -> None:
    """Measure a run on its test split, beside PCA of the same code size.

    RUN is a run folder. MSE is the mean squared error of a value, all values lying within
    0...1, and PSNR = 10 log10(1 / MSE).
    """
    from ..run import Run, results
    from . import report

    trained = Run.open(run)
    data = trained.load_data()
    title = f"{data.name}: {len(data.test):,} test samples, epoch {trained.epoch}"
    report.quality(title, results.measure(trained, data))


@click.command(
    cls=Examples,
    epilog=examples(
        "tinygrad-ae draw autoencoder", "tinygrad-ae draw runs/autoencoder-1 -o graph.png"
    ),
)
@click.argument("model")
@_output("The picture: .svg, .png, .pdf, or .dot.", default="graph.svg", show_default=True)
def draw(model: str, out: str) -> None:
    """Draw the computation graph of one step's loss.

    MODEL is a built-in model's name, a model file's path, or a run folder.
    """
    from ..run import Run, modelfile, results
    from ..show import draw as drawn
    from ..show import render

    if Path(model).is_dir():
        run = Run.open(model)
        file, trained, features = run.file, run.model, math.prod(run.shape)
    else:
        file = modelfile.find(model)
        arguments = file.complete({}, _DIGIT)
        trained, features = file.build(arguments), _DIGIT
    batch = np.random.default_rng(0).random((2, features), np.float32)
    graph = results.step_graph(file, trained, batch)
    click.echo(render(drawn(graph, title=f"{type(trained).__name__}: the loss of one step"), out))
