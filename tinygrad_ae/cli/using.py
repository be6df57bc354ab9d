"""What the commands that use a run share: its arguments, its samples, and writing results."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import numpy as np
from numpy.typing import NDArray

from ..errors import UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..data import Dataset, Recording, Samples
    from ..evaluate import Rows
    from ..run import Run
    from . import outputs

Function = TypeVar("Function", bound=Callable[..., Any])

ARRAY = "an .npy, .npz or .csv file"
SAMPLES = f"{ARRAY}, a picture (.png, .svg, .pdf), a .wav file, or a folder of pictures or sounds"
FIGURES = (".png", ".svg", ".pdf")
_PLOTTED = 8  # samples in a row of a plot


def output(help: str, **settings: Any) -> Callable[[Function], Function]:
    """Return the option -o."""
    return click.option("-o", "--out", type=click.Path(), metavar="OUT", help=help, **settings)


def moved_data() -> Callable[[Function], Function]:
    """Return the option --data, for a run whose data is no longer where it was."""
    return click.option(
        "--data", metavar="PATH", help="Where the run's data is now, if it was moved."
    )


def seed() -> Callable[[Function], Function]:
    """Return the option --seed, for what a command draws."""
    return click.option(
        "--seed", type=click.IntRange(min=0), default=0, show_default=True,
        help="Of everything random.",
    )  # fmt: skip


def open_run(path: str) -> Run:
    """Open a run to use it; say so if it is not trained as far as it was to be."""
    from ..run import Run

    run = Run.open(path)
    if run.epoch < run.config.epochs:
        click.echo(f"Note: {path} is trained for {run.progress}.", err=True)
    return run


def test_samples(data: Dataset) -> Samples:
    """Return the test split of a run's data."""
    from ..data import Samples

    where = f"The test split of {data.name}"
    return Samples(data.test.x, data.shape, None, where=where, labels=data.test.y)


def read(run: Run, path: str) -> Samples:
    """Return the user's samples as the run takes them, and say what they were read as."""
    samples = run.load_samples(path)
    click.echo(f"{path} read as: {samples.reading}", err=True)
    return samples


def sample(run: Run, given: str, data: Callable[[], Dataset]) -> NDArray[np.float32]:
    """Return one sample, shape (d,): the user's file, or by its position in the test split.

    Args:
        run: whose.
        given: a path, or a number from 0.
        data: loads the run's data, if it is needed.

    Raises:
        DataError: there is no such file or number, or the file holds several samples.
    """
    if given.isdecimal():
        test = data().test.x
        if int(given) >= len(test):
            raise UserError(
                f"There is no test sample {given}: the test split has {len(test):,}, counted "
                f"from 0 to {len(test) - 1}."
            )
        chosen: NDArray[np.float32] = test[int(given)]
        return chosen
    x = read(run, given)[:]
    if len(x) != 1:
        raise UserError(
            f"{given} holds {len(x):,} samples; give a file of one, or the number of a sample of "
            "the test split."
        )
    first: NDArray[np.float32] = x[0]
    return first


def write_samples(
    run: Run,
    target: Path,
    parts: Iterable[NDArray[Any]],
    n: int,
    samples: Samples | None = None,
    above: Mapping[str, Rows] | None = None,
    name: str = "samples x̂",
    heard: Callable[[outputs.Restored], outputs.Restored] = lambda restored: restored,
) -> str:
    """Write samples in the form that the target's suffix chooses; arrays in the data's units.

    Args:
        run: that made them.
        target: see ``sample_or_picture_target``.
        parts: the samples, shape (n, d), scaled, in batches.
        n: how many there are.
        samples: that they are made from, which were read from a file.
        above: what a picture shows above them, by name, from the top.
        name: of the samples in a picture.
        heard: what recordings pass through on their way.

    Returns:
        What to report of the target.
    """
    from ..data.dataset import shown
    from ..show.plots import grid
    from ..show.plots.tiles import is_image
    from . import outputs

    above = above or {}
    if target.suffix in FIGURES and not (target.suffix == outputs.SHEET and is_image(run.shape)):
        rows = shown(n, _PLOTTED, run.framing)
        picked = {key: [x[i : i + 1][0] for i in rows] for key, x in above.items()}
        picked[name] = list(outputs.pick(parts, rows))
        title = f"{type(run.model).__name__}: {len(rows)} of {count(n, 'sample')}"
        return write_figure(target, grid.rows(title, list(picked.items()), run.shape))

    columns = None
    if run.framing is not None or len(run.shape) == 1:
        columns = (samples.columns if samples is not None else ()) or run.columns or None
    with outputs.writing(target) as report:
        if run.framing is not None:
            if samples is None:
                (recording,) = recordings = [_decoded(run, parts, n)]
                restored: outputs.Restored = [(recording, [recording.values[:]])]
            else:
                recordings, restored = samples.recordings, samples.restorations(parts)
            outputs.write_recordings(target, recordings, heard(restored), columns)
        elif target.suffix in outputs.ARRAYS:
            arrays = (run.scaling.invert(x).reshape(-1, *run.shape) for x in parts)
            outputs.write_array(target, arrays, n, key="x", columns=columns)
        elif target.suffix == outputs.SHEET:
            x = outputs.pick(parts, np.arange(outputs.SHOWN))
            outputs.write_sheet(target, [*(a[: len(x)] for a in above.values()), x], run.shape)
            if above:
                report += f": {' above '.join([*above, name])}"
            if len(x) < n:
                report += f", the first {len(x)} of {n:,}"
        else:
            names = None if samples is None else samples.names
            outputs.write_pictures(target, parts, n, run.shape, names)
    return report


def _decoded(run: Run, parts: Iterable[NDArray[Any]], n: int) -> Recording:
    """Put windows that were cut from no recording together to one of their length."""
    from ..data import Recording
    from ..evaluate import gather

    assert run.framing is not None
    values = run.framing.join(run.scaling.invert(gather(parts, n)))
    return Recording(values, "The decoded recording", run.framing.sample_rate)


def folder_target(out: str | None, run: str, name: str) -> Path:
    """Return the folder that a command's files go to: one that is given, or ``name`` in the run's.

    It is made when it is not there; files of the same names in it are replaced.

    Raises:
        UserError: it cannot be made, or is a file.
    """
    from .outputs import in_existing_folder, writing

    path = in_existing_folder(Path(run) / name if out is None else Path(out))
    if path.is_file():
        raise UserError(f"{path} is a file; results go to a folder. Choose another.")
    with writing(path):
        path.mkdir(exist_ok=True)
    return path


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Write a table to a .csv file; return what to report of it."""
    from ..util.files import atomic
    from .outputs import writing

    with (
        writing(path) as report,
        atomic(path) as temporary,
        open(temporary, "w", encoding="utf-8", newline="") as file,
    ):
        table = csv.writer(file, lineterminator="\n")
        table.writerow(columns)
        table.writerows(rows)
    return report


def sample_or_picture_target(out: str, source: str) -> Path:
    """Return where a figure goes, or samples alone.

    Raises:
        UserError: as :func:`tinygrad_ae.cli.outputs.sample_target`.
    """
    from .outputs import SHEET, in_existing_folder, sample_target

    path = Path(out)
    if path.suffix in FIGURES and path.suffix != SHEET:
        return in_existing_folder(path)
    return sample_target(out, source)


def write_figure(target: Path, figure: Figure) -> str:
    """Write a figure; return what to report of it."""
    from ..show import plots
    from .outputs import writing

    with writing(target) as report:
        plots.save(figure, target)
    return report


def count(number: int, noun: str) -> str:
    """Return "1 sample", "2 samples"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
