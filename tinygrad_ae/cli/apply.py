"""The commands that use a run: on its own test split, or on the user's files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from numpy.typing import NDArray

from .examples import Examples, examples

if TYPE_CHECKING:
    from ..run import Run

Function = TypeVar("Function", bound=Callable[..., Any])

_ARRAY = "an .npy, .npz or .csv file"
_SAMPLES = f"{_ARRAY}, a .png sheet, or a folder of pictures"


def _output(help: str, **settings: Any) -> Callable[[Function], Function]:
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
@_output(f"{_SAMPLES}; a sheet has the inputs above.", required=True)
def reconstruct(run: str, input: str, out: str) -> None:
    """Pass your samples through the code and back.

    RUN is a run folder. INPUT holds samples of the shape that the run was trained on: a picture,
    a folder of pictures, or an .npy, .npz, .csv or IDX file.
    """
    from .. import evaluate
    from ..data import load_samples
    from ..data.tables import feature_names
    from ..run import Run
    from .outputs import sample_target

    target = sample_target(out, input)
    trained = Run.open(run)
    x, names = load_samples(input, trained.shape, trained.scaling)
    with trained.file.blame():
        x_hat = evaluate.reconstruct(trained.model, x)
    columns = feature_names(Path(input)) if len(trained.shape) == 1 else None
    report = _write_samples(trained, target, x_hat, above=x, names=names, columns=columns)
    error = float(evaluate.errors(x_hat, x).mean())
    click.echo(
        f"{_count(len(x), 'sample')}: mean squared error {error:.5f} per value (scaled to 0...1), "
        f"PSNR {evaluate.psnr(error):.2f} dB\n{report}"
    )


@click.command(
    cls=Examples, epilog=examples("tinygrad-ae encode runs/autoencoder-1 digits.npy -o codes.csv")
)
@click.argument("run")
@click.argument("input")
@_output(f"{_ARRAY}: a code in each row.", required=True)
def encode(run: str, input: str, out: str) -> None:
    """Turn your samples into codes.

    RUN is a run folder. INPUT holds samples of the shape that the run was trained on: a picture,
    a folder of pictures, or an .npy, .npz, .csv or IDX file.
    """
    from .. import evaluate
    from ..data import load_samples
    from ..run import Run
    from .outputs import array_target, write_array, writing

    target = array_target(out, input)
    trained = Run.open(run)
    x, _ = load_samples(input, trained.shape, trained.scaling)
    with trained.file.blame():
        codes = evaluate.encode(trained.model, x)
    with writing(target) as report:
        write_array(target, codes, key="codes")
    click.echo(f"{_count(len(codes), 'code')} of {_count(codes.shape[1], 'number')}\n{report}")


@click.command(
    cls=Examples, epilog=examples("tinygrad-ae decode runs/autoencoder-1 codes.csv -o made.png")
)
@click.argument("run")
@click.argument("codes")
@_output(f"{_SAMPLES}.", required=True)
def decode(run: str, codes: str, out: str) -> None:
    """Turn codes into samples.

    RUN is a run folder. CODES is an .npy, .npz or .csv file with a code in each row.
    """
    from .. import evaluate
    from ..data import load_samples
    from ..run import Run
    from .outputs import sample_target

    target = sample_target(out, codes)
    trained = Run.open(run)
    z, _ = load_samples(codes, (trained.model.latent,), None)
    with trained.file.blame():
        x_hat = evaluate.decode(trained.model, z)
    report = _write_samples(trained, target, x_hat)
    click.echo(f"{_count(len(x_hat), 'sample')} of shape {trained.shape}\n{report}")


def _write_samples(
    run: Run,
    target: Path,
    x: NDArray[Any],
    above: NDArray[Any] | None = None,
    names: tuple[str, ...] | None = None,
    columns: tuple[str, ...] | None = None,
) -> str:
    """Write samples in the form that the target's suffix chooses; arrays in the data's units.

    Returns:
        What to report of the target.
    """
    from . import outputs

    with outputs.writing(target) as report:
        if target.suffix in outputs.ARRAYS:
            array = run.scaling.invert(x).reshape(-1, *run.shape)
            outputs.write_array(target, array, key="x", columns=columns)
        elif target.suffix == outputs.SHEET:
            shown = outputs.write_sheet(target, [x] if above is None else [above, x], run.shape)
            if above is not None:
                report += ": inputs above their reconstructions"
            if shown < len(x):
                report += f", the first {shown} of {len(x):,}"
        else:
            outputs.write_pictures(target, x, run.shape, names)
    return report


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


@click.command(cls=Examples, epilog=examples("tinygrad-ae evaluate runs/autoencoder-1"))
@click.argument("run")
@click.option("--data", metavar="PATH", help="Where the run's data is now, if it was moved.")
def evaluate(run: str, data: str | None) -> None:
    """Compare a run with PCA on its test split.

    RUN is a run folder; PCA has the same code size. MSE is the mean squared error of a value,
    all values lying within 0...1, and PSNR = 10 log10(1 / MSE).
    """
    from ..run import Run, results
    from . import report

    trained = Run.open(run)
    found = trained.load_data(data)
    title = f"{found.name}: {_count(len(found.test), 'test sample')}, epoch {trained.epoch}"
    report.quality(title, trained, results.measure(trained, found))


@click.command(
    cls=Examples,
    epilog=examples(
        "tinygrad-ae draw autoencoder",
        "tinygrad-ae draw runs/autoencoder-1 -o graph.png --gradients --values",
    ),
)
@click.argument("model")
@_output("The picture: .svg, .png, .pdf, or .dot.", default="graph.svg", show_default=True)
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
    from ..run import Run, modelfile, results
    from ..show import draw as drawn
    from ..show import render
    from .outputs import in_existing_folder, writing

    target = in_existing_folder(Path(out))
    if Path(model).is_dir():
        run = Run.open(model)
        file, built, data = run.file, run.model, run.load_data()
    else:
        file, data = modelfile.find(model), load("digits")
        built = file.build(file.complete({}, data.shape))
    batch = data.train.x[:batch_size]
    picture = drawn(
        results.step_graph(file, built, batch),
        gradients=gradients, values=values, cost=cost, depth=depth, expand=expand, theme=theme,
        shape=data.shape if len(data.shape) in (2, 3) else None,
        title=f"{type(built).__name__}: the loss of one step on {len(batch)} samples",
    )  # fmt: skip
    with writing(target) as report:
        render(picture, target)
    click.echo(report)
