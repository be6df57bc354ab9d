"""What the engine knows of a tensor: an array, its gradient, and its place in the graph."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from ..ops.op import Array, Op
from .graph import Node, state

TensorLike = Any
"""What operations take beside tensors: arrays, numbers, nested lists of numbers."""

halves: list[str] = []
"""Filled once gradients flow to float16: until then no result is looked at for what widened it."""


def note_half() -> None:
    """Note that gradients flow to float16."""
    halves[:] = ["float16"]


class Value:
    """An array with a place in the graph; :class:`~tinygrad_ae.Tensor` adds what one can do."""

    __slots__ = ("__weakref__", "_name", "_node", "_seen", "data", "grad")

    data: Array
    grad: Any
    _name: str | None
    _node: Node | None
    _seen: tuple[Op, Value, dict[str, Any], int]  # unset, but for a view outside the graph

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return self.data.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.data.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.data.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """Number type of the elements."""
        return self.data.dtype

    @property
    def name(self) -> str | None:
        """What pictures and derivations call it."""
        return self._name

    @name.setter
    def name(self, name: str | None) -> None:
        self._name = name
        if self._node is not None:
            self._node.name = name

    @property
    def node(self) -> Node:
        """The graph's record of how this tensor was computed."""
        if self._node is None:
            self._node = self._leaf_node(tracked=False)
        return self._node

    def _leaf_node(self, tracked: bool) -> Node:
        source = None if tracked else self._source()  # is numbered before what it is shown by
        node = Node(None, (), {}, self.data, tracked, None if tracked else [self.data])
        node.name = self._name
        if tracked and self.data.dtype == np.float16:
            note_half()
        if tracked:
            node.leaf = weakref.ref(self)
        elif source is not None:
            node.seen = source
        if state.capture is not None:
            state.capture.entered(node, self.data)
        return node

    def _source(self) -> tuple[Op, Node, dict[str, Any]] | None:
        """Return what this is a view of, if that is outside the graph and still in place."""
        if not hasattr(self, "_seen"):
            return None
        op, x, attrs, _ = self._seen
        return (op, x.node, attrs) if np.may_share_memory(self.data, x.data) else None

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to this tensor."""
        return self._node is not None and self._node.tracked

    @property
    def is_leaf(self) -> bool:
        """Whether it was given rather than computed from tensors that require gradients."""
        return self._node is None or self._node.op is None or not self._node.tracked

    def label(self) -> str:
        """Return how messages call it: its name, or what computed it, with its shape."""
        return f"{self.name or self.node.label} {self.shape}"
