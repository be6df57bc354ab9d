"""A derivation on the page: text, LaTeX, Markdown, HTML."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import ClassVar

from ...util.columns import column
from .expression import Expression
from .mathml import from_latex
from .printers import name_latex
from .text import to_text
from .typeset import index_of, reduced_axes

ACCURATE = 1e-4  # relative error up to which a check counts as passed, in single precision


@dataclass(frozen=True)
class Line:
    """One equation.

    Attributes:
        kind: ``"forward"`` or ``"gradient"``.
        target: what it defines: ``h₁``, ``δ₁``, ``∂L/∂W₁``.
        also: another name of the same, as in δ₂ = ∂L/∂z.
        expression: the right-hand side; it prints itself and can be evaluated over the targets
            of other lines, the leaves of the graph, and the counts. None if an operation's rule
            works on arrays alone and so can't be read.
        unread: the name of that operation.
        shape: shape of both sides.
        path: module the value was computed in.
        error: largest difference from what the graph computed, relative to the largest value;
            None if unchecked.
    """

    kind: str
    target: str
    also: str | None
    expression: Expression | None
    unread: str | None
    shape: tuple[int, ...]
    path: str
    error: float | None

    @cached_property
    def text(self) -> str:
        """The right-hand side as it is printed; in words where it has no formula."""
        return str(self.expression) if self.expression else f"the rule of {self.unread}"


class Explanation:
    """A derivation. ``str`` prints it in the chosen format; notebooks show it typeset.

    Attributes:
        lines: its equations, in order.
        counts: letters that count elements, with the lengths multiplied: n = 32·784.
        given: the shapes of what lines use and none defines: the input, parameters, constants.
    """

    FORMATS: ClassVar[dict[str, Callable[[Explanation], str]]]

    def __init__(
        self,
        lines: Sequence[Line],
        counts: Mapping[str, tuple[int, ...]],
        format: str,
        given: Mapping[str, tuple[int, ...]],
    ) -> None:
        self.lines, self.counts, self.format = tuple(lines), dict(counts), format
        self.given = dict(given)

    def __str__(self) -> str:
        return self.FORMATS[self.format](self)

    def __repr__(self) -> str:
        return f"<Explanation: {len(self.lines)} lines>"

    def _repr_markdown_(self) -> str:
        return self.markdown()

    def _repr_html_(self) -> str:
        return self.html()

    @property
    def sections(self) -> list[tuple[str, list[Line]]]:
        """The lines under their headings; none of them empty."""
        headings = {"forward": "Forward", "gradient": "Backward"}
        parts = [(h, [x for x in self.lines if x.kind == k]) for k, h in headings.items()]
        return [(heading, lines) for heading, lines in parts if lines]

    # ---- formats

    def unicode(self) -> str:
        """Return it as plain text."""
        blocks = []
        for heading, lines in self.sections:
            left = [" = ".join([x.target, x.also] if x.also else [x.target]) for x in lines]
            columns = [
                column(left, right=True),
                column([f"= {x.text}" for x in lines], widest=60),
                column([shape_text(x.shape) for x in lines]),
                [_verdict(x) for x in lines],
            ]
            rows = [f"  {a} {b}   {c}   {d}".rstrip() for a, b, c, d in zip(*columns, strict=True)]
            blocks.append("\n".join([heading, "", *rows]))
        if notes := [f"  {_plain(note)}" for note in self.notes()]:
            blocks.append("\n".join(["where", "", *notes]))
        return "\n\n".join(blocks) + "\n"

    def latex(self) -> str:
        """Return it as LaTeX: an ``align*`` for each section (package amsmath) and a list."""
        blocks = [
            f"\\paragraph{{{heading}}}\n\\begin{{align*}}\n{_aligned(lines)}\n\\end{{align*}}"
            for heading, lines in self.sections
        ]
        if notes := [f"  \\item {note}" for note in self.notes()]:
            blocks.append("\n".join(["\\begin{itemize}", *notes, "\\end{itemize}"]))
        return "\n\n".join(blocks) + "\n"

    def markdown(self) -> str:
        """Return it as Markdown with LaTeX mathematics between dollar signs."""
        blocks = [
            f"### {heading}\n\n$$\n\\begin{{aligned}}\n{_aligned(lines)}\n\\end{{aligned}}\n$$"
            for heading, lines in self.sections
        ]
        if notes := [f"- {note}" for note in self.notes()]:
            blocks.append("\n".join(notes))
        return "\n\n".join(blocks) + "\n"

    def html(self) -> str:
        """Return it as an HTML fragment whose formulas are MathML; it needs no script."""
        blocks = [
            f"<h3>{heading}</h3>\n<table>\n{''.join(map(_row, lines))}</table>"
            for heading, lines in self.sections
        ]
        if notes := "".join(f"<li>{_with_mathml(note)}</li>\n" for note in self.notes()):
            blocks.append(f"<ul>\n{notes}</ul>")
        return f'<div class="derivation">{STYLE}\n' + "\n".join(blocks) + "\n</div>\n"

    def notes(self) -> list[str]:
        """Return what letters and signs mean that no line defines; LaTeX between dollar signs."""
        notes = []
        by_shape: dict[str, list[str]] = {}
        for name, shape in self.given.items():
            by_shape.setdefault(shape_text(shape), []).append(f"${name_latex(name)}$")
        if by_shape:
            parts = [f"{', '.join(names)} {shape}" for shape, names in by_shape.items()]
            notes.append("given: " + "; ".join(parts))
        for letter, lengths in self.counts.items():
            factors = r" \cdot ".join(map(str, lengths))
            number = f"{math.prod(lengths):,}".replace(",", "{,}")
            notes.append(f"${letter} = {factors} = {number}$" if len(lengths) > 1
                         else f"${letter} = {factors}$")  # fmt: skip
        inside = [e for x in self.lines if x.expression for e in x.expression.walk()]
        if any(x.target.startswith("δ") for x in self.lines):
            loss = [x.target for x in self.lines if x.kind == "forward"][-1]
            notes.append(
                rf"$\delta_k = \partial {name_latex(loss)} / \partial a_k$: the gradient at what "
                "layer $k$ computes before its activation"
            )
        axes = sorted({axis for e in inside for axis in reduced_axes(e)})
        if axes:
            runs = [f"${index_of(axis)}$ over axis {axis}" for axis in axes]
            notes.append("indices run: " + ", ".join(runs))
            notes.append("an axis that is summed over stays, with length 1, up to the line's end")
        for word, meaning in MOVES.items():
            if any(f"{word}(" in x.text for x in self.lines):
                notes.append(meaning)
        if any(e.op and e.op.name == "transpose" and len(e.shape) > 2 for e in inside):
            notes.append(r"$^\top$ exchanges the last two axes")
        if any("1[" in x.text for x in self.lines):
            notes.append(r"$1[\cdot]$ is 1 where the condition holds, 0 elsewhere")
        if any("⊙" in x.text for x in self.lines):
            notes.append(r"$\odot$ multiplies element by element")
        errors = [x.error for x in self.lines if x.error is not None]
        if errors:
            notes.append(
                f"{len(errors)} of {len(self.lines)} equations computed and compared with "
                f"backpropagation: largest relative error {max(errors):.1e}"
            )
        return notes


Explanation.FORMATS = {
    "unicode": Explanation.unicode,
    "latex": Explanation.latex,
    "markdown": Explanation.markdown,
    "html": Explanation.html,
}

MOVES = {
    "reshape": "reshape(x; s) has the elements of x in the same order, the last axis fastest",
    "permute": "permute(x; p): axis k of the result is axis p[k] of x",
    "broadcast": "broadcast(x; s) repeats x to the shape s",
}

STYLE = (
    "<style>.derivation table{border-collapse:collapse;margin:0 0 1em}"
    ".derivation td{padding:.3em .4em;border:0;text-align:left;background:none}"
    ".derivation td:first-child{text-align:right}"
    ".derivation .shape,.derivation .check{opacity:.75;padding-left:2em;font-family:monospace}"
    ".derivation math{font-size:1.15em}</style>"
)


def _row(x: Line) -> str:
    left = f"<math displaystyle='true'>{from_latex(_left_latex(x))}</math>"
    right = f"<math displaystyle='true'>{from_latex(_right_latex(x))}</math>"
    cells = f"<td>{left}</td><td>=</td><td>{right}</td><td class='shape'>{shape_text(x.shape)}</td>"
    verdict = f"<td class='check'>{_verdict(x)}</td>" if x.error is not None else ""
    return f"<tr>{cells}{verdict}</tr>\n"


def _aligned(lines: Sequence[Line]) -> str:
    rows = []
    for x in lines:
        verdict = rf" \quad \text{{{_verdict(x)}}}" if x.error is not None else ""
        note = rf"\text{{{shape_text(x.shape)}}}{verdict}".replace("✓", r"$\checkmark$")
        rows.append(f"  {_left_latex(x)} &= {_right_latex(x)} && {note}")
    return " \\\\\n".join(rows)


def _left_latex(x: Line) -> str:
    return " = ".join(name_latex(name) for name in (x.target, x.also) if name)


def _right_latex(x: Line) -> str:
    if x.expression is None:
        return rf"\text{{{x.text.replace('_', chr(92) + '_').replace(' ', '~')}}}"
    return x.expression.latex()


def shape_text(shape: tuple[int, ...]) -> str:
    """Return a shape as it stands beside a line."""
    return str(shape) if shape else "scalar"


def _verdict(x: Line) -> str:
    if x.error is None:
        return ""
    sign = "✓" if x.error <= ACCURATE else "✗"
    return f"{sign} {x.error:.0e}" if x.error else f"{sign} exact"


def _plain(note: str) -> str:
    """Print a note as text: every second piece between dollar signs is mathematics."""
    pieces = note.split("$")
    pieces[1::2] = [to_text(tex) for tex in pieces[1::2]]
    return "".join(pieces)


def _with_mathml(note: str) -> str:
    pieces = note.split("$")
    pieces[::2] = [escape(text) for text in pieces[::2]]
    pieces[1::2] = [f"<math>{from_latex(tex)}</math>" for tex in pieces[1::2]]
    return "".join(pieces)
