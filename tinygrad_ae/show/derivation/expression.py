"""Formulas as trees: what the nodes of a graph say, with letters in place of values.

A tree is made of the graph's own operations, so it can be computed as well as printed: a formula
that is shown to someone can be held against the numbers it claims to describe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ...core.graph import Node
from ...ops.op import Array, Op, in_floats

Shape = tuple[int, ...]


class Lettered(np.ndarray):
    """An array in an index that is printed as a letter."""

    letter: str | None = None


class Expression:
    """A symbol, a constant, or an operation applied to expressions. Immutable.

    Two expressions are equal if they are written alike: same symbols, constants, operations.

    Attributes:
        op: the operation, None for a symbol or a constant.
        operands: what it is applied to.
        attrs: the operation's attributes.
        shape: shape of the value.
        name: for a symbol, what it is called.
        value: for a constant, its value.
    """

    __slots__ = ("_hash", "attrs", "name", "op", "operands", "shape", "value")

    def __init__(
        self,
        shape: Shape,
        op: Op | None = None,
        operands: tuple[Expression, ...] = (),
        attrs: Mapping[str, Any] | None = None,
        name: str | None = None,
        value: Array | None = None,
    ) -> None:
        self.shape, self.op, self.operands = shape, op, operands
        self.attrs: Mapping[str, Any] = attrs or {}
        self.name, self.value = name, value
        self._hash = hash((shape, op, operands, name, key_of(self.attrs), key_of(value)))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Expression) or self._hash != other._hash:
            return False
        return (
            self.op is other.op
            and self.shape == other.shape
            and self.name == other.name
            and self.operands == other.operands
            and key_of(self.attrs) == key_of(other.attrs)
            and key_of(self.value) == key_of(other.value)
        )

    @property
    def size(self) -> int:
        """How many operations are written in it."""
        return (self.op is not None) + sum(x.size for x in self.operands)

    def symbols(self) -> set[str]:
        """Return the names of all symbols in it."""
        return {e.name for e in self.walk() if e.name is not None}

    def walk(self) -> Iterator[Expression]:
        """Yield it and everything inside it, once per place it stands."""
        yield self
        for operand in self.operands:
            yield from operand.walk()

    def evaluate(self, values: Mapping[str, Any]) -> Array:
        """Compute it.

        Args:
            values: an array for each symbol, by name.

        Returns:
            An array of this expression's shape.

        Raises:
            KeyError: a symbol without a value.
        """

        def compute(e: Expression, operands: list[Any]) -> Any:
            if e.name is not None:
                return np.asarray(values[e.name])
            if e.op is None:
                return e.value
            if e.op.expr:  # a number must not widen float32, as an array would
                operands = [
                    value.item() if x.value is not None and x.shape == () else value
                    for x, value in zip(e.operands, operands, strict=True)
                ]
            given = in_floats(tuple(operands)) if e.op.floats else operands
            return np.asarray(e.op.forward(*given, **e.attrs))

        with np.errstate(all="ignore"):
            return np.asarray(_fold(self, compute, {}))

    def with_operands(self, operands: list[Expression]) -> Expression:
        """Return the same operation applied to other operands of the same shapes."""
        if all(new is old for new, old in zip(operands, self.operands, strict=True)):
            return self
        return Expression(self.shape, self.op, tuple(operands), self.attrs)

    def unicode(self) -> str:
        """Return it as one line of plain text."""
        return PRINTERS["unicode"](self)

    def latex(self) -> str:
        """Return it as LaTeX mathematics."""
        return PRINTERS["latex"](self)

    __str__ = unicode

    def __repr__(self) -> str:
        return f"<{self} {self.shape}>"


PRINTERS: dict[str, Callable[[Expression], str]] = {}  # by notation; printers.py enters its own


def symbol(name: str, shape: Shape = ()) -> Expression:
    """Return a letter that stands for an array of that shape."""
    return Expression(shape, name=name)


def constant(value: Any) -> Expression:
    """Return a fixed number or array."""
    array = np.asarray(value)
    return Expression(array.shape, value=array)


def apply(
    op: Op,
    *operands: Expression,
    shape: Shape | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> Expression:
    """Return an operation applied to expressions.

    Args:
        op: the operation.
        operands: what it is applied to.
        shape: shape of the result; by default what broadcasting the operands gives.
        attrs: its attributes.
    """
    if shape is None:
        shape = np.broadcast_shapes(*(x.shape for x in operands))
    return Expression(shape, op, operands, attrs)


def from_node(
    node: Node,
    known: dict[Node, Expression],
    write_constant: Callable[[Array], Expression] = constant,
) -> Expression:
    """Return what a node computes, written over the nodes that are ``known``.

    ``known`` is filled with all that was met.
    """
    if node not in known:
        if node.op is None:
            assert node.saved is not None
            known[node] = write_constant(node.saved[0])
        else:
            operands = (from_node(x, known, write_constant) for x in node.inputs)
            known[node] = Expression(node.shape, node.op, tuple(operands), node.attrs)
    return known[node]


def _fold(e: Expression, combine: Callable[[Expression, list[Any]], Any], done: Any) -> Any:
    """Combine from the symbols up; what stands in several places is combined once."""
    if id(e) not in done:
        done[id(e)] = combine(e, [_fold(x, combine, done) for x in e.operands])
    return done[id(e)]


def key_of(value: Any) -> Any:
    """Return something hashable that is equal for equal attributes and values."""
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.str, value.tobytes()
    if isinstance(value, Mapping):
        return tuple((name, key_of(value[name])) for name in sorted(value))
    if isinstance(value, (tuple, list)):
        return tuple(key_of(part) for part in value)
    if isinstance(value, slice):
        return "slice", key_of(value.start), key_of(value.stop), key_of(value.step)
    try:
        hash(value)
    except TypeError:
        return id(value)
    return type(value).__name__, value
