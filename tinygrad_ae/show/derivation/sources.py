"""Where values come from: in what is shown to people, one source is one leaf.

The record holds a leaf for every array that enters it. So the same batch, handed to three layers
as an array or reshaped for each, is three leaves that know nothing of each other. Readers that
draw or write a graph join them first.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from ...core.graph import Graph, Node
from ...ops.op import Array
from .expression import key_of
from .naming import is_number


def joined(graph: Graph) -> tuple[Graph, dict[Node, Node]]:
    """Return the graph with every source in it once.

    Leaves that are views of one tensor become operations on that; leaves that hold the same array
    become one.

    Returns:
        The graph, and for each node of the given one the node that stands for it.
    """
    stand_ins: dict[Node, Node] = {}
    join = _Joiner(Counter(_origin(node) for node in graph.leaves()))
    for node in graph:
        if node.op is None:
            stand_ins[node] = join.leaf(node)
        else:
            inputs = tuple(stand_ins[x] for x in node.inputs)
            is_same = all(a is b for a, b in zip(inputs, node.inputs, strict=True))
            stand_ins[node] = node if is_same else twin_of(node, inputs=inputs)
    if all(node is other for node, other in stand_ins.items()):
        return graph, stand_ins
    return Graph(stand_ins[node] for node in graph.outputs), stand_ins


def _origin(node: Node) -> Node:
    """Return what a leaf is at last a view of."""
    while hasattr(node, "seen"):
        node = node.seen[1]
    return node


class _Joiner:
    """Remembers the sources met so far.

    Args:
        uses: in how many ways each source enters the graph. The only view of one is as good as it.
    """

    def __init__(self, uses: Counter[Node]) -> None:
        self.uses = uses
        self.arrays: dict[object, list[Node]] = {}
        self.views: dict[object, Node] = {}
        self.done: dict[Node, Node] = {}

    def leaf(self, node: Node) -> Node:
        """Return the one node that stands for a leaf's value."""
        if node not in self.done:
            self.done[node] = self._leaf(node)
        return self.done[node]

    def _leaf(self, node: Node) -> Node:
        if node.op is not None or node.tracked or not node.saved or is_number(node):
            return node
        if hasattr(node, "seen") and self.uses[_origin(node)] > 1:
            op, source, attrs = node.seen
            x = self.leaf(source)
            value = node.saved[0]
            view = twin_of(node, op=op, inputs=(x,), attrs=attrs, saved=[None, value])
            return self.views.setdefault((op, x, node.name, key_of(attrs)), view)
        value = node.saved[0]
        if value.ndim == 0 or (value == value.flat[:1]).all():
            return node  # zeros, say: two of them need not be the same thing
        key = node.shape, node.dtype, hash(value.tobytes())
        alike = self.arrays.setdefault(key, [])
        for other in alike:
            if node.name in (None, other.name) and _are_equal(value, other):
                return other
        alike.append(node)
        return node


def _are_equal(value: Array, other: Node) -> bool:
    assert other.saved is not None
    return bool(value.tobytes() == other.saved[0].tobytes())


def twin_of(node: Node, **changes: Any) -> Node:
    """Return a copy of a node's record, with some of its attributes set to others."""
    twin = Node.__new__(Node)
    for slot in Node.__slots__:
        if slot != "__weakref__" and hasattr(node, slot):
            setattr(twin, slot, getattr(node, slot))
    for name, value in changes.items():
        setattr(twin, name, value)
    return twin
