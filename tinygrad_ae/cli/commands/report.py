"""``report``: one page with all that a run knows."""

from __future__ import annotations

import click

from ...run import results
from ..context import open_run, own_data
from ..help import Examples, examples
from ..options import moved_data, output, trust
from ..targets import page_target, writing
from ..terminal import say


@click.command(
    cls=Examples,
    epilog=examples(
        "tinygrad-ae report runs/autoencoder-1",
        "tinygrad-ae report runs/autoencoder-1 -o to_show.html",
    ),
)
@click.argument("run")
@output("The page.  [default: RUN/report.html]")
@moved_data()
@trust()
def report(run: str, out: str | None, data: str | None) -> None:
    """Write one page with all that a run knows.

    RUN is a run folder. Training writes the page, too. It needs no network and no other file.
    """
    trained = open_run(run)
    target = page_target(out, trained.path / "report.html")
    with writing(target) as said:
        results.write_report(trained, own_data(trained, data), target)
    say(said)
