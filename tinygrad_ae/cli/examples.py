"""Help that ends with examples, printed as they are typed."""

from __future__ import annotations

import click


def examples(*lines: str) -> str:
    """Return the end of a help text."""
    return "Examples:\n" + "\n".join(f"  {line}" for line in lines)


class Examples(click.Command):
    """A command whose epilogue keeps its lines (click would fill them into a paragraph)."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the epilogue line by line."""
        if self.epilog:
            formatter.write_paragraph()
            formatter.write(self.epilog + "\n")
