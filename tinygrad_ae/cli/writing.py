"""Results as the commands write them: samples in any form, figures, tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..data import Recording, Samples, arrays, audio, images, tables
from ..data.arrays import WRITTEN
from ..data.audio import Restored
from ..data.dataset import shown
from ..evaluate import Rows, gather
from ..run import Run
from ..show import plots
from ..show.plots import grid
from ..show.plots.tiles import is_image
from .context import count
from .targets import FIGURES, SHEET, writing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PLOTTED = 8  # samples in a row of a plot


def write_samples(
    run: Run,
    target: Path,
    parts: Iterable[NDArray[Any]],
    n: int,
    samples: Samples | None = None,
    above: Mapping[str, Rows] | None = None,
    name: str = "samples x̂",
    heard: Callable[[Restored], Restored] = lambda restored: restored,
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
    above = above or {}
    if target.suffix in FIGURES and not (target.suffix == SHEET and is_image(run.shape)):
        rows = shown(n, _PLOTTED, run.framing)
        picked = {key: [x[i : i + 1][0] for i in rows] for key, x in above.items()}
        picked[name] = list(_pick(parts, rows))
        title = f"{type(run.model).__name__}: {len(rows)} of {count(n, 'sample')}"
        return write_figure(target, grid.rows(title, list(picked.items()), run.shape))

    columns = None
    if run.framing is not None or len(run.shape) == 1:
        columns = (samples.columns if samples is not None else ()) or run.columns or None
    with writing(target) as report:
        if run.framing is not None:
            if samples is None:
                (recording,) = recordings = [_decoded(run, parts, n)]
                restored: Restored = [(recording, [recording.values[:]])]
            else:
                recordings, restored = samples.recordings, samples.restorations(parts)
            audio.write_recordings(target, recordings, heard(restored), columns)
        elif target.suffix in WRITTEN:
            values = (run.scaling.invert(x).reshape(-1, *run.shape) for x in parts)
            arrays.write(target, values, n, key="x", columns=columns)
        elif target.suffix == SHEET:
            x = _pick(parts, np.arange(images.ON_SHEET))
            images.write_sheet(target, [*(a[: len(x)] for a in above.values()), x], run.shape)
            if above:
                report += f": {' above '.join([*above, name])}"
            if len(x) < n:
                report += f", the first {len(x)} of {n:,}"
        else:
            names = None if samples is None else samples.names
            images.write_folder(target, parts, n, run.shape, names)
    return report


def _decoded(run: Run, parts: Iterable[NDArray[Any]], n: int) -> Recording:
    """Put windows that were cut from no recording together to one of their length."""
    assert run.framing is not None
    values = run.framing.join(run.scaling.invert(gather(parts, n)))
    return Recording(values, "The decoded recording", run.framing.sample_rate)


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Write a table to a .csv file; return what to report of it."""
    with writing(path) as report:
        tables.write(path, columns, rows)
    return report


def write_figure(target: Path, figure: Figure) -> str:
    """Write a figure; return what to report of it."""
    with writing(target) as report:
        plots.save(figure, target)
    return report


def _pick(parts: Iterable[NDArray[Any]], rows: NDArray[np.int64]) -> NDArray[Any]:
    """Return some rows of batches, in their order, and go through the others."""
    kept: list[NDArray[Any]] = []
    start = 0
    for part in parts:
        kept.append(part[rows[(rows >= start) & (rows < start + len(part))] - start])
        start += len(part)
    return np.concatenate(kept)
