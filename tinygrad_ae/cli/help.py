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


class SectionedCommand(Examples):
    """A command whose help shows its options under headings, and its text as it is."""

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the text line by line: its equations and paragraphs are laid out already."""
        formatter.write_paragraph()
        for line in (self.help or "").splitlines():
            formatter.write(f"  {line}".rstrip() + "\n")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, one section after the other."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record:
                sections.setdefault(getattr(param, "section", "Other"), []).append(record)
        for section, records in sections.items():
            with formatter.section(section):
                formatter.write_dl(records)
