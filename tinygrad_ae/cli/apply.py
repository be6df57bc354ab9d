"""The commands that use a run: on its own test split, or on the user's files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .examples import Examples, examples

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..data import Recording, Samples
    from ..run import Run

Function = TypeVar("Function", bound=Callable[..., Any])

_ARRAY = "an .npy, .npz or .csv file"
_SAMPLES = f"{_ARRAY}, a .png sheet, a .wav file, or a folder of pictures or sounds"


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
    a folder of pictures, or an .npy, .npz, .csv or IDX file. For a run on recordings it is one of
    any length, a .wav, .npy or .csv file or a folder of .wav files, and so is the result.
    """
    import numpy as np

    from .. import evaluate
    from ..run import Run
    from .outputs import sample_target

    target = sample_target(out, input)
    trained = Run.open(run)
    samples = trained.load_samples(input)
    squared: list[NDArray[Any]] = []  # mean errors of the samples

    def parts() -> Iterator[NDArray[Any]]:
        for batch in evaluate.in_batches(samples):
            with trained.file.blame():
                x_hat = evaluate.reconstruct(trained.model, batch)
            squared.append(evaluate.errors(x_hat, batch))
            yield x_hat

    report = _write_samples(trained, target, parts(), len(samples), samples, Path(input))
    error = float(np.concatenate(squared).mean())
    click.echo(
        f"{_count(len(samples), 'sample')}: mean squared error {error:.5f} per value (scaled to "
        f"0...1), PSNR {evaluate.psnr(error):.2f} dB\n{report}"
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
    a folder of pictures, or an .npy, .npz, .csv or IDX file; or for a run on recordings one of
    any length, as a .wav, .npy or .csv file or a folder of .wav files: a code for each window.
    """
    from .. import evaluate
    from ..run import Run
    from .outputs import array_target, write_array, writing

    target = array_target(out, input)
    trained = Run.open(run)
    samples = trained.load_samples(input)
    with writing(target) as report, trained.file.blame():
        parts = evaluate.encodings(trained.model, samples)
        write_array(target, parts, len(samples), key="codes")
    count = _count(len(samples), "code")
    click.echo(f"{count} of {_count(trained.model.latent, 'number')}\n{report}")


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
    z = load_samples(codes, (trained.model.latent,), None)
    with trained.file.blame():
        parts = evaluate.decodings(trained.model, z)
        report = _write_samples(trained, target, parts, len(z))
    click.echo(f"{_count(len(z), 'sample')} of shape {trained.shape}\n{report}")


def _write_samples(
    run: Run,
    target: Path,
    parts: Iterable[NDArray[Any]],
    n: int,
    samples: Samples | None = None,
    source: Path | None = None,
) -> str:
    """Write samples in the form that the target's suffix chooses; arrays in the data's units.

    Args:
        run: that made them.
        target: see ``outputs.sample_target``.
        parts: the samples, shape (n, d), scaled, in batches.
        n: how many there are.
        samples: that they are reconstructions of.
        source: where those were read from.

    Returns:
        What to report of the target.
    """
    from ..data.tables import feature_names
    from ..evaluate import gather
    from . import outputs

    columns = None
    if source is not None and (run.framing is not None or len(run.shape) == 1):
        columns = feature_names(source)
    with outputs.writing(target) as report:
        if run.framing is not None and target.suffix != outputs.SHEET:
            x = gather(parts, n)
            outputs.write_recordings(target, _recordings(run, x, samples), columns)
        elif target.suffix in outputs.ARRAYS:
            arrays = (run.scaling.invert(x).reshape(-1, *run.shape) for x in parts)
            outputs.write_array(target, arrays, n, key="x", columns=columns)
        elif target.suffix == outputs.SHEET:
            x = gather(parts, n)
            above = [] if samples is None else [samples[:]]
            shown = outputs.write_sheet(target, [*above, x], run.shape)
            if above:
                report += ": inputs above their reconstructions"
            if shown < n:
                report += f", the first {shown} of {n:,}"
        else:
            names = None if samples is None else samples.names
            outputs.write_pictures(target, gather(parts, n), run.shape, names)
    return report


def _recordings(run: Run, x: NDArray[Any], samples: Samples | None) -> list[Recording]:
    """Put windows together: to the recordings they were cut from, or to one of their length."""
    from ..data import Recording

    if samples is not None:
        return samples.restore(x)
    assert run.framing is not None
    values = run.framing.join(run.scaling.invert(x))
    return [Recording(values, "The decoded recording", run.framing.rate)]


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
