"""``page``: the file, from its data, its style and its program."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ....core.graph import Graph, Node
from ....errors import UserError
from ....util.files import atomic
from ....util.template import assemble
from ...derivation.sources import joined

_SCRIPTS = ("format.js", "graph.js", "view.js", "player.js", "details.js", "main.js")


def page(
    result: Any, path: str | os.PathLike[str], *, values: bool = True, title: str | None = None
) -> Path:
    """Write one HTML file in which to explore how a tensor was computed, and step through it.

    The file needs no network and no other file. It shows a card per operation inside its modules;
    pans, zooms, searches, folds modules; and replays the forward pass and the backward pass one
    operation at a time, with the equation and the numbers of each step.

    Args:
        result: what the computation ended in, usually a loss (a tensor, node or ``Graph``).
            Gradients are computed on the side, from a result of one element that requires them;
            no ``grad`` is touched. What an earlier backward has freed is said to be.
        path: the file to write, ending in ``.html``.
        values: whether to write numbers into the page: a summary of every value and gradient,
            and small arrays whole. Without them the page shows structure and formulas.
        title: heading; by default the class of the model.

    Returns:
        The path written.

    Raises:
        UserError: ``result`` is not a tensor, or ``path`` does not end in ``.html``.
        GradientError: a value that gradients need was overwritten after it was computed.
        MissingExtra: nothing on this machine can lay out a graph.
        OSError: the file cannot be written.

    Example:
        >>> page(model.loss(x), "step.html")
    """
    target = Path(path)
    if target.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"page writes HTML: {target} must end in .html")
    from .content import Content  # here: what it needs is loaded when first used

    graph = _graph(result)
    heading = title or _heading(graph)
    content = Content(graph, values).data(heading)
    with atomic(target) as temporary:
        temporary.write_text(assemble(__package__, heading, content, _SCRIPTS), "utf-8")
    return target


def _graph(result: Any) -> Graph:
    if isinstance(result, Graph):
        return joined(result)[0]
    if not isinstance(getattr(result, "node", result), Node):
        raise UserError(
            "page takes the tensor a computation ended in, as in "
            f'page(model.loss(x), "step.html"); got {type(result).__name__}'
        )
    return joined(Graph.of(result))[0]


def _heading(graph: Graph) -> str:
    scopes = [node.scope for node in graph if node.scope is not None]
    for scope in scopes:
        while scope.parent is not None:
            scope = scope.parent
        return scope.kind
    return "Computation graph"
