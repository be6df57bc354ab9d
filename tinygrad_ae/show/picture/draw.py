"""``draw``: the computation graph as a picture."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.graph import Graph, Node
from ...errors import ShapeError, UserError, require
from ...ops.op import Array, Op
from ...util.colours import SIGNS
from ..derivation.naming import is_number, names
from ..derivation.sources import joined
from ..measure import cost as costs
from ..measure.quantities import data, duration
from .cards import Thumbnail
from .compose import picture, used_as
from .flow import flow, remark
from .grouping import Grouping, group
from .rows import Details, kept, size_of
from .themes import theme as find_theme
from .thumbnails import image_shape, is_image, thumbnail

if TYPE_CHECKING:
    from .dot import Drawing


def draw(
    *results: Any,
    gradients: bool = False,
    values: bool = False,
    cost: bool = False,
    depth: int | None = None,
    expand: Iterable[str] = (),
    fold: bool | None = None,
    shape: Sequence[int] | None = None,
    theme: str = "light",
    title: str | None = None,
) -> Drawing:
    """Draw how tensors were computed.

    One card per operation, with its formula in real names (given ones, else the textbook's, see
    :mod:`tinygrad_ae.show.derivation.naming`), its output's shape and dtype; parameters beside the
    operation they enter; modules as frames. Solid arrows carry gradients back, dashed ones
    do not. A graph too large to take in is drawn as an overview: what repeats once, modules
    closed.

    Args:
        results: tensors, graph nodes, one :class:`~tinygrad_ae.core.graph.Graph`, or a
            :class:`~tinygrad_ae.errors.ShapeError`, to see the graph up to where it failed.
        gradients: pull gradients back (no ``grad`` is touched, nothing is freed), and show how
            much flows where, by which formula, and what is wrong with it.
        values: show small pictures of the values, and of gradients that have an image's shape.
        cost: measure time, arithmetic and memory of each operation, forward and backward.
        depth: how many levels of modules to open; deeper ones are one card each. None opens as
            many as can be taken in.
        expand: paths of modules to open besides, such as ``["encoder.3"]``.
        fold: draw what repeats at least three times in a row once; None does where there is too
            much to take in.
        shape: how a sample lies as an image, (height, width) or (height, width, channels), if
            it is not square.
        theme: ``"light"`` or ``"dark"``.
        title: heading of the picture.

    Returns:
        A ``graphviz.Digraph`` that notebooks show inline, and whose ``render(path)`` writes SVG,
        PNG, PDF or DOT; neither needs a Graphviz program.

    Raises:
        UserError: nothing to draw was given, something that is not a tensor, an unknown theme or
            module.
        GradientError: gradients cannot be computed, because a value was overwritten.
        MissingExtra: the package ``graphviz`` is not installed, or Pillow for ``values``.

    Example:
        >>> draw(model.loss(x), gradients=True, title="one step").render("graph.svg")
    """
    require("graphviz", extra="all", purpose="Drawing a graph")
    from .dot import drawing  # here, so that importing this module loads nothing heavy

    look = find_theme(theme)
    error = results[0] if len(results) == 1 and isinstance(results[0], ShapeError) else None
    graph = _failed(error) if error else as_graph(results)
    grouping = group(graph, depth, expand, fold)
    details = Details(names(graph))
    if error:
        # of the file's path its name will do: pictures are passed on
        details.failure = re.sub(r"\S*[/\\](?=[^/\\\s]+:\d+)", "", str(error))
        lines = details.failure.splitlines()
        details.legend = tuple(part for line in lines for part in textwrap.wrap(line.strip(), 72))
    else:
        _Measurement(graph, grouping, details).run(gradients, values, cost, shape)
    return drawing(picture(graph, grouping, details), title, look)


class _Measurement:
    """Finds out what a picture shows beyond the graph itself, and writes it into ``details``."""

    def __init__(self, graph: Graph, grouping: Grouping, details: Details) -> None:
        self.graph, self.grouping, self.details = graph, grouping, details

    def run(self, gradients: bool, values: bool, cost: bool, shape: Sequence[int] | None) -> None:
        """Measure what is asked for."""
        details, graph = self.details, self.graph
        with np.errstate(all="ignore"):  # what is not finite is said on the cards
            known = graph.values() if gradients or values or cost else {}
        if gradients or values:
            details.values = known
        image = image_shape(graph, shape) if values else None
        pictures: dict[Node, list[Thumbnail]] = {}
        shown = {unit.node for unit in self.grouping.groups}
        if values:
            for node, value in known.items():
                if node in shown:
                    self._add(pictures, node, thumbnail(value, details.names[node], image))
        backward: dict[Node, costs.Work] = {}

        def visit(node: Node, gradient: Array) -> None:
            if cost and node.op is not None:
                backward[node] = costs.backward_work(node, gradient)
            if gradients and image and node in shown and is_image(gradient, image):
                name = f"∂{details.result}/∂{details.names[node]}"
                self._add(pictures, node, thumbnail(gradient, name, image, signed=True))

        details.result = self._result()
        if gradients or cost:
            found = flow(graph, partial(used_as, self.grouping), visit)
            if gradients:
                remark(found, graph, known)
                details.flow = found
        if cost:
            operations = [node for node in graph if node.op is not None]
            nothing = costs.Work()
            details.costs = {
                node: costs.Cost(costs.forward_work(node, known), backward.get(node, nothing))
                for node in operations
            }
        details.thumbnails = {node: tuple(found) for node, found in pictures.items()}
        details.legend = tuple(self._legend(gradients, values, cost))

    def _add(
        self, pictures: dict[Node, list[Thumbnail]], node: Node, picture: Thumbnail | None
    ) -> None:
        if picture is not None:
            pictures.setdefault(node, []).append(picture)

    def _result(self) -> str:
        """Return what is differentiated: the loss, or the sum of all results' elements."""
        results = self.graph.outputs
        if len(results) != 1:
            return "Σ"
        name = self.details.names[results[0]]
        return name if math.prod(results[0].shape) == 1 else f"Σ{name}"

    def _legend(self, gradients: bool, values: bool, cost: bool) -> Iterator[str]:
        details, graph = self.details, self.graph
        count = sum(node.op is not None for node in graph)
        if count > sum(unit.copies[0][0].op is not None for unit in self.grouping.groups):
            yield f"An overview of {count:,} operations: depth=, expand=, fold=False open more."
        if gradients:
            yield (
                "Dark arrows: values. Red arrows: gradients, wider and darker the larger (log of "
                "their root mean square, the numbers on red)."
            )
            line = f"δ: the gradient that arrives at a card, ∂{details.result}/∂(its output)."
            if details.result.startswith("Σ"):
                line += f" {details.result}: the sum of all elements of the results."
            is_dashed = any(not node.tracked and not is_number(node) for node in graph)
            yield line + (" Dashed: no gradient is needed." if is_dashed else "")
        saved = {value for node in graph for value in kept(node)}
        if saved and (gradients or cost):
            line = f"{data(size_of(saved))} in all, each until backward passes the card."
            yield f"keeps: values saved for backward, {line}"
        if values:
            yield (
                "Pictures: the first samples, the first code as bars, histograms of the rest. "
                f"{SIGNS.capitalize()}."
            )
        if details.costs is not None:
            forward = sum(c.forward.seconds for c in details.costs.values())
            back = sum(c.backward.seconds for c in details.costs.values())
            yield (
                f"↓ forward, {duration(forward)} in all; ↑ backward, {duration(back)}: median of "
                f"{costs.RUNS} runs · arithmetic, memory moved · new memory. Warmer: slower."
            )


def _failed(error: ShapeError) -> Graph:
    """Return the graph of an operation that failed, as if it had a result."""
    if not error.inputs:
        raise UserError(f"this error does not say what the operation was given: {error}")
    scope = getattr(error, "scope", None)
    op = error.op
    if op is None:  # a layer refused its input before any operation ran
        name = f"{scope.kind} layer" if scope else "a layer"
        op = Op(name, lambda *xs: xs, register=False)  # it exists for the picture only
    tracked = any(x.tracked for x in error.inputs)
    node = Node(op, error.inputs, {}, np.empty(0), tracked, scope=scope)
    return joined(Graph([node]))[0]


def as_graph(results: tuple[Any, ...]) -> Graph:
    """Return the graph behind tensors, nodes, or one graph, with every source in it once.

    Raises:
        UserError: there is nothing, or something else.
    """
    if len(results) == 1 and isinstance(results[0], Graph):
        return joined(results[0])[0]
    for result in results:
        if not isinstance(getattr(result, "node", result), Node):
            raise UserError(
                "draw takes the tensors a computation ended in, or one Graph, as in "
                f"draw(model.loss(x)); got {type(result).__name__}"
            )
    if not results:
        raise UserError("draw was given nothing: pass the tensors a computation ended in")
    return joined(Graph.of(*results))[0]
