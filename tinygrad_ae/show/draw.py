"""``draw``: the computation graph as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import UserError, require
from ..graph import Graph, Node
from .cards import picture

if TYPE_CHECKING:
    from .dot import Drawing


def draw(*results: Any, title: str | None = None) -> Drawing:
    """Draw how tensors were computed.

    One card per operation, with its formula in real names (given ones, else the textbook's, see
    :mod:`tinygrad_ae.show.naming`), its output's shape and dtype; parameters beside the
    operation they enter; modules as frames. Solid arrows carry gradients back, dashed ones
    do not.

    Args:
        results: tensors, graph nodes, or one :class:`~tinygrad_ae.graph.Graph`.
        title: heading of the picture.

    Returns:
        A ``graphviz.Digraph`` that notebooks show inline, and whose ``render(path)`` writes SVG,
        PNG, PDF or DOT; neither needs a Graphviz program.

    Raises:
        UserError: nothing to draw was given, or something that is not a tensor.
        MissingExtra: the package ``graphviz`` is not installed.

    Example:
        >>> draw(model.loss(x), title="one step").render("graph.svg")
    """
    require("graphviz", extra="all", purpose="Drawing a graph")
    from .dot import drawing  # here, so that importing this module loads nothing heavy

    return drawing(picture(_graph(results)), title)


def _graph(results: tuple[Any, ...]) -> Graph:
    if len(results) == 1 and isinstance(results[0], Graph):
        return results[0]
    for result in results:
        if not isinstance(getattr(result, "node", result), Node):
            raise UserError(
                "draw takes the tensors a computation ended in, or one Graph, as in "
                f"draw(model.loss(x)); got {type(result).__name__}"
            )
    if not results:
        raise UserError("draw was given nothing: pass the tensors a computation ended in")
    return Graph.of(*results)
