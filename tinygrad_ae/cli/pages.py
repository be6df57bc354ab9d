"""The commands that write pages of runs: ``report``, ``compare``."""

from __future__ import annotations

from pathlib import Path

import click

from .examples import Examples, examples
from .using import moved_data, output


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
def report(run: str, out: str | None, data: str | None) -> None:
    """Write one page with everything that a run knows; training writes it too.

    RUN is a run folder. The page needs no network and no other file.
    """
    from ..run import Run, results
    from .outputs import writing

    trained = Run.open(run)
    target = _page_target(out, trained.path / "report.html")
    with writing(target) as said:
        results.write_report(trained, trained.load_data(data), target)
    click.echo(said)


def _page_target(out: str | None, default: Path) -> Path:
    from ..errors import UserError
    from .outputs import in_existing_folder

    path = default if out is None else Path(out)
    if path.suffix != ".html":
        raise UserError(f"{path} must end in .html: it is a page.")
    return in_existing_folder(path)
