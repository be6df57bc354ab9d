"""From a graph's DOT source to a picture, with or without a Graphviz program installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from ...errors import MissingExtra, UserError, require
from ...util.files import atomic
from .fonts import fonts
from .svg import with_alternatives, with_pictures

PICTURES = ("svg", "png", "pdf")
SOURCES = ("dot", "gv")


class DotSource(Protocol):
    """What can be rendered: ``graphviz.Digraph``, ``graphviz.Source``, a drawing of ours.

    A drawing also has ``images``, the pictures on its cards, and ``texts``, what its parts say.
    """

    @property
    def source(self) -> str:
        """The graph in the DOT language."""


def render(graph: DotSource, path: str | os.PathLike[str]) -> Path:
    """Write a picture of ``graph``; return the path written.

    Args:
        graph: an object with DOT ``source``.
        path: file to write; its suffix chooses the format: ``.svg``, ``.png``, ``.pdf``, or
            ``.dot`` / ``.gv`` for the source itself (its pictures go to a folder beside it).

    Raises:
        UserError: the suffix names no known format, or Graphviz rejects the source.
        MissingExtra: nothing on this machine can render. The DOT source is then written beside
            ``path``, and the message says where it is and what to install.
        OSError: the file cannot be written.
    """
    target = Path(path)
    format = target.suffix.lower().removeprefix(".")
    if format in SOURCES:
        _write_source(graph, target)
        return target
    try:
        content = render_bytes(graph, format)
    except MissingExtra as error:
        source = target.with_suffix(".dot")
        _write_source(graph, source)
        raise MissingExtra(f"{error}\nThe graph itself is in {source}") from error
    _write(target, content)
    return target


def render_bytes(graph: DotSource, format: str) -> bytes:
    """Return a picture of ``graph``: the same bytes whenever the same Graphviz draws it.

    A ``dot`` program on the PATH draws it; without one, the Graphviz inside pygraphviz does.

    Args:
        graph: an object with DOT ``source``.
        format: ``"svg"``, ``"png"`` or ``"pdf"``.

    Raises:
        UserError: an unknown format, or Graphviz rejects the source.
        MissingExtra: nothing on this machine can render.
    """
    if format not in PICTURES:
        known = ", ".join(f".{name}" for name in (*PICTURES, *SOURCES))
        raise UserError(f"a graph cannot be drawn as {format!r}; use one of {known}")
    draw = _with_program if shutil.which("dot") else _in_process
    images: dict[str, Any] = getattr(graph, "images", {})
    with TemporaryDirectory(prefix="graph-") as folder, fonts():
        picture = _undated(draw(_with_files(graph.source, images, Path(folder)), format), format)
    if format != "svg":
        return picture
    svg = with_alternatives(picture.decode(), getattr(graph, "texts", {}))
    return with_pictures(
        svg, {_slashes(Path(folder, name)): image for name, image in images.items()}
    ).encode()


def _with_files(source: str, images: dict[str, Any], folder: Path) -> str:
    """Write the images into a folder, and make the source refer to them there."""
    for name, (png, _) in images.items():
        (folder / name).write_bytes(png)
        source = source.replace(f'SRC="{name}"', f'SRC="{_slashes(folder / name)}"')
    return source


def _slashes(path: Path) -> str:
    return str(path).replace("\\", "/")  # a backslash would be an escape in DOT


def _with_program(source: str, format: str) -> bytes:
    graphviz = require("graphviz", extra="all", purpose="Drawing a graph")
    try:
        picture: bytes = graphviz.pipe("dot", format, source.encode(), quiet=True)
    except subprocess.CalledProcessError as error:
        reason = (error.stderr or b"").decode(errors="replace").strip()
        raise UserError(
            f"the program {shutil.which('dot')} failed to draw this graph as {format}: "
            f"{reason or f'exit code {error.returncode}'}"
        ) from error
    return picture


def _in_process(source: str, format: str) -> bytes:
    try:
        pygraphviz = require("pygraphviz", extra="all", purpose="Drawing a graph")
    except MissingExtra as error:
        raise MissingExtra(
            "Drawing a graph needs Graphviz: no program 'dot' is on the PATH, and the Python "
            "package 'pygraphviz', which brings its own, is not installed. Either\n"
            '  pip install "tinygrad-ae[all]"\n'
            "or install the system's Graphviz:\n"
            "  apt install graphviz  |  brew install graphviz  |  winget install graphviz"
        ) from error
    try:
        graph = pygraphviz.AGraph(string=source)
        picture: bytes = graph.draw(format=format, prog="dot")
    except (ValueError, TypeError) as error:  # TypeError: how its failures to render arrive
        raise UserError(f"Graphviz cannot draw this graph as {format}: {error}") from error
    return picture


def _undated(picture: bytes, format: str) -> bytes:
    """Drop what differs between two renderings of one graph: versions and times."""
    if format == "svg":
        return re.sub(rb"<!-- Generated by graphviz.*?-->\n?", b"", picture, flags=re.DOTALL)
    if format == "pdf":  # replaced by as many characters: a PDF addresses its parts by offset
        return re.sub(rb"(/CreationDate \(D:)\d{14}", rb"\g<1>20000101000000", picture)
    return picture


def _write_source(graph: DotSource, target: Path) -> None:
    images: dict[str, Any] = getattr(graph, "images", {})
    source = graph.source
    if images:
        folder = target.with_name(f"{target.stem}-images")
        folder.mkdir(exist_ok=True)
        source = _with_files(source, images, folder)
    _write(target, source.encode())


def _write(path: Path, content: bytes) -> None:
    with atomic(path) as temporary:
        temporary.write_bytes(content)
