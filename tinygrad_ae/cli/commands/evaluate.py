"""``evaluate``: a run beside PCA on its test split."""

from __future__ import annotations

import click

from ...run import results
from .. import progress
from ..context import count, open_run, own_data
from ..help import Examples, examples
from ..options import moved_data, trust


@click.command(cls=Examples, epilog=examples("tinygrad-ae evaluate runs/autoencoder-1"))
@click.argument("run")
@moved_data()
@trust()
def evaluate(run: str, data: str | None) -> None:
    """Compare a run with PCA on its test split.

    RUN is a run folder; PCA has the same code size. MSE is the mean squared error of a value,
    all values lying within 0...1, and PSNR = 10 log10(1 / MSE).
    """
    trained = open_run(run)
    found = own_data(trained, data)
    title = f"{found.name}: {count(len(found.test), 'test sample')}, {trained.progress}"
    progress.quality(title, trained, results.measure(trained, found))
