"""``compare``: runs and PCA side by side."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from ... import uses
from ...data import Dataset
from ...run import Run
from ...show.pages.document import Document, table
from ...show.plots import comparisons, grid
from ...util import columns
from ..context import open_run
from ..help import Examples, examples
from ..options import output, trust
from ..targets import page_target, writing
from ..terminal import say


@click.command(
    cls=Examples,
    epilog=examples(
        "tinygrad-ae compare runs/autoencoder-1 runs/deep-1",
        "tinygrad-ae compare sweeps/autoencoder/*/ -o sweep.html",
    ),
)
@click.argument("runs", nargs=-1, required=True)
@output("The page.", default="compare.html", show_default=True)
@trust()
def compare(runs: tuple[str, ...], out: str) -> None:
    """Set runs and PCA side by side, in a table and on a page.

    RUNS are run folders of any models. Runs on different data stand in tables of their own, since
    their errors do not compare. The page needs no network and no other file.
    """
    target = page_target(out, Path(out))
    opened = {str(Path(path)): open_run(path) for path in runs}
    groups: dict[str, dict[str, Run]] = {}
    for name, run in opened.items():
        groups.setdefault(run.origin["data_sha256"], {})[name] = run
    page = Document(
        f"{len(opened)} runs side by side", "The best first; mean squared errors on test samples."
    )
    for group in groups.values():
        _compare_group(page, group)
    with writing(target) as said:
        page.write(target)
    say(said)


def _compare_group(page: Document, runs: dict[str, Run]) -> None:
    """Print and add to the page what runs on the same data have to be compared by."""
    data = next(iter(runs.values())).load_data()
    labels = data.test.y
    qualities, made = uses.compare(
        {name: run.model for name, run in runs.items()}, data.train.x, data.test.x, labels
    )
    head = ("run", "model", "code", "parameters", "epochs", "seconds", "MSE", "PSNR in dB", "worst")
    rows = []
    for q in qualities:
        worst = max(q.by_class, key=lambda c: q.by_class[c]) if q.by_class else None
        figures = (
            f"{q.mse:.5f}", f"{q.psnr:.2f}",
            "" if worst is None else f"{q.by_class[worst]:.5f} (class {worst})",
        )  # fmt: skip
        run = runs.get(q.name)
        if run is None:
            rows.append((q.name, "PCA", q.name.removeprefix("PCA-"), "", "", "", *figures))
        else:
            rows.append((
                q.name, type(run.model).__name__, str(run.model.latent),
                f"{sum(p.size for p in run.model.parameters()):,}",
                run.progress.partition(" epoch")[0],
                f"{sum(run.history['seconds']):.1f}" if run.history else "0", *figures,
            ))  # fmt: skip
    title = f"{Path(data.name).name}: {len(data.test):,} test samples"
    say(title)
    for line in columns.table([head, *rows], right=range(2, len(head))):
        say(f"  {line}")
    page.section(title, table(rows, head), about="Worst: the class with the largest error.")
    bars = [(q.name, q.mse, q.name in runs) for q in qualities]
    page.section("Errors", page.figure(comparisons.errors(bars)))
    chosen = _one_of_each(data)
    shown = [("test sample", data.test.x[chosen])]
    shown += [(_short(q.name), made[q.name][chosen]) for q in qualities[:12]]
    page.section("Reconstructions", page.figure(grid.rows("", shown, data.shape)))
    curves = {name: run.history for name, run in runs.items() if run.history}
    if curves:
        page.section(
            "Losses", page.figure(comparisons.losses(curves)),
            about="Each model's own loss on validation samples (training samples where there are "
            "none): comparable where it is the same loss.",
        )  # fmt: skip


def _one_of_each(data: Dataset) -> NDArray[np.int64]:
    """Return a test sample of each class, up to ten, or ten samples."""
    if data.test.y is None or data.framing is not None:
        return data.shown(10)
    return np.unique(data.test.y, return_index=True)[1][:10]


def _short(name: str) -> str:
    return name if len(name) <= 28 else f"…{name[-27:]}"
