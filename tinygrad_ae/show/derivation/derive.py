"""Derivatives as formulas: an operation's rules, run on letters.

A rule is written once, for arrays. Run on tensors it records itself, and what it recorded is the
formula of the gradient it computes. So nothing here knows a single derivative, and an operation
declared tomorrow is derived as well as those declared today.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ...core.graph import Node
from ...core.modes import record_everything
from ...core.tensor import Tensor, _wrap
from ...ops import unbroadcast
from ...ops.op import Array
from .expression import Expression, constant, from_node, symbol
from .naming import is_number
from .simplify import simplify

GRADIENT = "δ"  # what formulas call the gradient that arrives at a node


def local_gradients(
    node: Node, names: Mapping[Node, str], values: Mapping[Node, Array] | None = None
) -> list[Expression | None]:
    """Derive how a node passes a gradient on to each of its inputs.

    Args:
        node: the record of an operation y = f(x₁, …, xₙ).
        names: what the node and its inputs are called, as :func:`.naming.names` gives them.
        values: known values of nodes (``Graph.values()``). Only a rule that looks at values to
            choose between formulas needs them; unknown ones are taken as 1.

    Returns:
        For each input its gradient ∂L/∂xᵢ, simplified, over the names of the inputs and the
        output and over ``δ`` = ∂L/∂y. None where no gradient flows, or where the rule works on
        arrays alone and so can't be read.
    """
    written = [_written(x, names) for x in (*node.inputs, node)]
    letter = GRADIENT if GRADIENT not in names.values() else "∂L/∂y"
    g = symbol(letter, node.shape)
    rules = Rules(node, g, written, values or {})
    derived = [rules.gradient(k) for k in range(len(node.inputs))]
    return [e and simplify(e) for e in derived]


class Rules:
    """The rules of one operation, run on letters.

    Args:
        node: the operation.
        g: how the gradient that arrives at it is written.
        written: how the inputs and the output are written.
        values: as for :func:`local_gradients`.
        write_constant: how to write a number that a rule brings with it.
    """

    def __init__(
        self,
        node: Node,
        g: Expression,
        written: Sequence[Expression],
        values: Mapping[Node, Array],
        write_constant: Callable[[Array], Expression] = constant,
    ) -> None:
        self.node, self.write_constant = node, write_constant
        around = (*node.inputs, node)
        self.arguments = [_wrap(_value(source, values)) for source in around]
        self.arriving = _wrap(np.ones(node.shape, node.dtype))
        self.known = {t.node: e for t, e in zip(self.arguments, written, strict=True)}
        self.known[self.arriving.node] = g

    def gradient(self, k: int) -> Expression | None:
        """Derive the gradient of input ``k``, just as the rule computes it; None if it can't be."""
        node, x = self.node, self.node.inputs[k]
        pull = node.op.vjp(k) if node.op and x.dtype.kind == "f" else None
        if pull is None:
            return None
        with record_everything(), np.errstate(all="ignore"):
            try:
                result = unbroadcast(pull(k, self.arriving, node, self.arguments), x.shape)
            except Exception:  # a stranger's code: what it can't do leaves a picture whole
                return None
        if not isinstance(result, Tensor):
            return None
        return from_node(result.node, self.known, self.write_constant)


def _written(node: Node, names: Mapping[Node, str]) -> Expression:
    """Return the node's letter; a number is written as its value."""
    if is_number(node):
        return constant(_value(node, {}))
    return symbol(names[node], node.shape)


def _value(node: Node, values: Mapping[Node, Array]) -> Array:
    known = values.get(node)
    if known is None and node.op is None and node.saved:
        known = node.saved[0]
    return np.ones(node.shape, node.dtype) if known is None else known


def read_back(node: Node) -> list[Node]:
    """Return those of a node's inputs and itself whose values backward reads."""
    tracked = sum(1 << k for k, x in enumerate(node.inputs) if x.tracked)
    unread = node.op.unneeded(tracked, len(node.inputs)) if node.op else None
    around = enumerate((*node.inputs, node))
    return [] if unread is None else [x for k, x in around if k not in unread]
