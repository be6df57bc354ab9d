"""What is printed for the user: text, whatever names it holds."""

from __future__ import annotations

import click

from ..util.text import printable


def say(text: str, *, err: bool = False) -> None:
    """Print a line, without what in it a terminal would obey: names may hold such characters.

    Args:
        text: the line, or several.
        err: print to stderr: what is no result.
    """
    click.echo(printable(text), err=err)
