"""``explore``: a page to play with a run's model."""

from __future__ import annotations

from pathlib import Path

import click

from ...uses.explore import explore as written
from ..context import open_run, own_data
from ..help import Examples, examples
from ..options import trust
from ..targets import in_existing_folder, writing
from ..terminal import say


@click.command(cls=Examples, epilog=examples("tinygrad-ae explore runs/autoencoder-1"))
@click.argument("run")
@click.option("-o", "--out", default="explore.html", show_default=True, help="The file to write.")
@click.option("--data", metavar="PATH", help="Where the run's data is now, if it was moved.")
@trust()
def explore(run: str, out: str, data: str | None) -> None:
    """Write a page to play with a run's model in a browser.

    RUN is a run folder. Drag over the map of codes, move latents, draw a sample, add noise, walk
    from one sample to another. The page is one HTML file that needs no network.
    """
    target = in_existing_folder(Path(out))
    trained = open_run(run)
    found = own_data(trained, data)
    title = f"{type(trained.model).__name__} on {Path(found.name).name}, {trained.progress}"
    with trained.file.blame(), writing(target) as report:
        written(trained.model, found, target, title=title)
    say(report)
