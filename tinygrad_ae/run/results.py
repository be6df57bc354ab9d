"""What a finished run shows: figures on the test split, pictures, and the graph of a step."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from numpy.typing import NDArray

from ..data import Dataset
from ..evaluate import Quality, compare, encode, errors, reconstruct
from ..nn import Module
from ..nn.protocols import Model
from ..show import plots, render
from . import report
from .folder import Run, read_json, write_json
from .step import drawn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUMMARY = "summary.json"
_MAPPED = 5000  # codes on the map; more hide each other


def write(run: Run, data: Dataset) -> dict[str, Any]:
    """Measure the run's model on the test split and write all results; return the summary.

    The summary is written last: its presence says that the other files are there.

    Raises:
        RunError: the run is not what its checkpoint says, or this is not its data.
        MissingExtra: a package that draws is not installed.
        OSError: a file cannot be written.
    """
    qualities = measure(run, data)
    (run.path / SUMMARY).unlink(missing_ok=True)  # of what is written over now
    with run.looked_at():
        files = [_graph(run, data), *_pictures(run, data, qualities)]
    summary = {
        "epoch": run.epoch,
        "code": run.model.latent,
        "test_samples": len(data.test),
        "model": _figures(qualities[0]),
        "pca": _figures(qualities[1]),
        "files": files,
    }
    write_json(run.path / SUMMARY, summary)
    return summary


def write_report(run: Run, data: Dataset, path: Path | None = None) -> Path:
    """Write the run's report alone; return its path.

    Args:
        run: whose.
        data: it was trained on.
        path: of the page; in the run's folder unless given.
    """
    qualities = measure(run, data)
    with run.looked_at():
        return report.write(run, data, qualities, *_draw(run, data), path)


def complete(run: Run) -> bool:
    """Whether all results are there, and of the run's last epoch."""
    summary = read_json(run.path / SUMMARY)
    files = summary.get("files")
    if summary.get("epoch") != run.epoch or not isinstance(files, list):
        return False
    return all(isinstance(name, str) and (run.path / name).exists() for name in files)


def measure(run: Run, data: Dataset) -> tuple[Quality, Quality]:
    """Return the quality on the test split: the model's, and that of PCA of the same code size.

    Raises:
        RunError: the run is not what its checkpoint says, or this is not its data.
    """
    run.check(data)
    with run.file.blame(), run.looked_at():
        return compare(run.model, data.train.x, data.test.x, data.test.y)


def _figures(quality: Quality) -> dict[str, Any]:
    return {
        "name": quality.name,
        "mse": quality.mse,
        "psnr": quality.psnr if math.isfinite(quality.psnr) else None,  # JSON has no infinity
        "mse_by_class": quality.by_class,
    }


class _Drawn(NamedTuple):
    """What is shown of a run: reconstructions of the test split, codes, and figures by name."""

    x_hat: NDArray[Any]
    codes: NDArray[Any]
    figures: dict[str, Figure]


def _draw(run: Run, data: Dataset) -> _Drawn:
    test = data.test
    with run.file.blame():
        x_hat = reconstruct(run.model, test.x)
        codes = encode(run.model, test.x[:_MAPPED])
    some = data.shown(10)
    figures = {
        "reconstructions": plots.reconstructions(test.x, x_hat, data.shape, test.y)
        if data.framing is None
        else plots.reconstructions(test.x[some], x_hat[some], data.shape),
        "latent": plots.latent_map(codes, None if test.y is None else test.y[:_MAPPED]),
    }
    if run.history:
        figures["loss"] = plots.loss_curves(run.history)
    weights = _first_weights(run.model, data.features)
    if weights is not None:
        figures["filters"] = plots.filters(weights, data.shape)
    if test.y is not None:
        figures["error_by_class"] = plots.error_by_class(errors(x_hat, test.x), test.y)
    return _Drawn(x_hat, codes, figures)


def _pictures(run: Run, data: Dataset, qualities: tuple[Quality, Quality]) -> list[str]:
    """Write the figures, and the report that holds them and the graph."""
    drawn = _draw(run, data)
    for name, figure in drawn.figures.items():
        plots.save(figure, run.path / f"{name}.png")
        figure.set_layout_engine("none")  # it is laid out now; the report need not do it again
    page = report.write(run, data, qualities, *drawn)
    return [*(f"{name}.png" for name in drawn.figures), page.name]


def _first_weights(model: Model, features: int) -> NDArray[Any] | None:
    """Return the encoder's first weights that act on samples, shape (units, features)."""
    encoder = model.encoder
    for parameter in encoder.parameters() if isinstance(encoder, Module) else ():
        if parameter.shape[1:] == (features,):
            weights: NDArray[Any] = parameter.data
            return weights
    return None


def _graph(run: Run, data: Dataset) -> str:
    name = "graph.svg"
    render(drawn(run, data), run.path / name)
    return name
