"""The chain rule, applied to formulas: reverse-mode differentiation whose values are written.

This is the backward pass once more, on expressions instead of arrays. Gradients that a textbook
would give a letter (at each layer, at what feeds a product, at parameters) become lines of the
derivation; what lies between two of them is merged into one formula.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ... import ops
from ...core.engine import leading_to
from ...core.graph import Graph, Node
from ...ops.op import Array
from .derive import Rules, read_back
from .expression import Expression, Lettered, apply, constant, key_of, symbol
from .naming import is_number, subscript
from .simplify import simplify
from .typeset import is_spelt_out

COUNT_LETTERS = "nmdNMD"
SHORT, LONG = 3, 10  # operations: what is written out where it is used, what gets a line


@dataclass(frozen=True)
class Equation:
    """One line of a derivation: ``target = expression``.

    Attributes:
        target: what the line defines: ``h₁``, ``δ₁``, ``∂L/∂W₁``.
        also: another name of it: a δ at a value that is not called a is ∂L/∂ that.
        expression: the right-hand side; it can be evaluated and printed.
        node: whose value, or whose gradient, it is.
        is_gradient: whether it is the gradient.
        unread: the operation whose rule can't be read, because it works on arrays alone.
    """

    target: str
    also: str | None
    expression: Expression
    node: Node
    is_gradient: bool
    unread: str | None = None


@dataclass
class Derivation:
    """The equations of a graph and of its gradients.

    Attributes:
        forward: how each value is computed, in order.
        backward: how each gradient is, in the order of the backward pass.
        counts: letters that stand for a number of elements, with its lengths: n = 32·784.
        arrays: letters of arrays that no line defines and that are no leaves of the graph: those
            that a rule brings with it, draws of random numbers, long indices.
    """

    forward: list[Equation] = field(default_factory=list)
    backward: list[Equation] = field(default_factory=list)
    counts: dict[str, tuple[int, ...]] = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)


def derive_chain(
    graph: Graph, wanted: Iterable[Node], names: Mapping[Node, str], values: Mapping[Node, Array]
) -> Derivation:
    """Derive the gradient of a graph's one output with respect to the ``wanted`` nodes."""
    targets = set(wanted)
    shown = _worth_a_line(graph, names, targets)
    while True:
        chain = _Chain(graph, targets, names, values, shown)
        chain.run()
        extra = {line.node for line in chain.result.backward} - shown
        extra = {node for node in extra if node.op is not None}
        if not extra:  # every value whose gradient has a line has one itself
            return chain.result
        shown |= extra


def _worth_a_line(graph: Graph, names: Mapping[Node, str], targets: set[Node]) -> set[Node]:
    """Return the operations whose result gets an equation of its own."""
    consumers = graph.consumers()
    shown = {*graph.outputs}
    sizes: dict[Node, int] = {}
    for node in graph:
        if node.op is None:
            continue
        arguments = len(node.inputs)
        size = 1 + (arguments if arguments > SHORT else 0)  # many arguments are long by themselves
        size += sum(sizes.get(x, 0) for x in node.inputs)
        has_name = node.name is not None or not re.fullmatch("v[₀-₉]+", names[node])
        is_silent_move = _is_move(node) and not is_spelt_out(node)
        is_shared = len(consumers[node]) > 1 and not is_silent_move and size > 1
        is_read = _is_read(node, consumers)
        longest = 1 if _reads(node, node) or _is_move(node) else SHORT
        is_long = size > (longest if is_read or _reads(node, node) else LONG)
        if node in targets or has_name or is_shared or (is_long and not is_silent_move):
            shown.add(node)
        sizes[node] = 0 if node in shown else size
    return shown


def _is_read(node: Node, consumers: Mapping[Node, Sequence[Node]]) -> bool:
    """Whether a gradient rule reads the value of ``node``, or of what shows it as it is."""
    return any(
        _reads(c, node) or (_is_move(c) and not is_spelt_out(c) and _is_read(c, consumers))
        for c in consumers[node]
    )


def _is_move(node: Node) -> bool:
    return node.op is not None and node.op.views and len(node.inputs) == 1


def _reads(reader: Node, source: Node) -> bool:
    """Whether a gradient rule of ``reader`` reads the value of ``source``."""
    return any(value is source for value in read_back(reader))


class _Chain:
    """One attempt at a derivation, for a given choice of lines."""

    def __init__(
        self,
        graph: Graph,
        targets: set[Node],
        names: Mapping[Node, str],
        values: Mapping[Node, Array],
        shown: set[Node],
    ) -> None:
        self.graph, self.targets, self.names = graph, targets, names
        self.values, self.shown = values, shown
        self.root = graph.outputs[0]
        self.result = Derivation()
        self.written: dict[Node, Expression] = {}
        self.letters: dict[Node, str] = {}
        self.active = leading_to(graph.outputs, targets)
        self.consumers = {n: [c for c in cs if c in self.active]
                          for n, cs in graph.consumers().items()}  # fmt: skip
        self.pending: dict[Node, list[Expression]] = {}
        self.unread: dict[Node, str] = {}
        self.spelt: dict[Expression, Expression] = {}
        self.taken = set(names.values())  # what no further letter may be called

    def run(self) -> None:
        self.write_values()
        self.pending[self.root] = [constant(1)]
        for node in reversed(self.graph.nodes):
            if node.op is None or node not in self.active:
                continue
            terms = self.pending.pop(node, [])
            if terms:
                self.pull(node, self.state(node, terms))
            for x in dict.fromkeys(node.inputs):  # a leaf's gradient is complete at its first use
                if x.op is None and self.consumers[x][:1] == [node] and x in self.pending:
                    self.state(x, self.pending.pop(x))

    # ---- forward

    def write_values(self) -> None:
        for node in self.graph:
            if node.op is None:
                number = node.saved[0] if is_number(node) and node.saved else None
                letter = symbol(self.names[node], node.shape)
                self.written[node] = letter if number is None else constant(number)
                continue
            if node.op.is_random:  # what was drawn is as given as the input
                self.written[node] = symbol(self.names[node], node.shape)
                continue
            operands = (self.written[x] for x in node.inputs)
            e = apply(node.op, *operands, shape=node.shape, attrs=node.attrs)
            if node in self.shown:
                name, e = self.names[node], self.spelt_out(e)
                self.result.forward.append(Equation(name, None, e, node, is_gradient=False))
                e = symbol(name, node.shape)
            self.written[node] = e

    # ---- backward

    def state(self, node: Node, terms: list[Expression]) -> Expression:
        """Return how the gradient at ``node`` is written from here on; give it a line if due."""
        g = terms[-1]  # what was used first stands first
        for term in terms[-2::-1]:
            g = apply(ops.add, g, term, shape=node.shape)
        g = self.spelt_out(simplify(g))
        if not (node in self.targets or node in self.unread or self.deserves_line(node, g, terms)):
            return g
        plain = f"∂{self.names[self.root]}/∂{self.names[node]}"
        letter = self.delta(node) or plain
        also = None if letter == plain or _number_of(self.names[node], "a") else plain
        line = Equation(letter, also, g, node, is_gradient=True, unread=self.unread.get(node))
        self.result.backward.append(line)
        return symbol(letter, node.shape)

    def deserves_line(self, node: Node, g: Expression, terms: list[Expression]) -> bool:
        if node is self.root or node.op is None or g.size == 0:
            return False
        if self.delta(node) is not None or g.size > LONG:
            return True
        below = [x for x in node.inputs if x in self.active]
        if node not in self.shown or _is_move(node):
            return len(below) > 1 and g.size > SHORT
        is_product = any(_mixes(c) for c in self.consumers[node])
        return is_product or len(terms) > 1 or (len(below) > 1 and g.size > SHORT)

    def pull(self, node: Node, g: Expression) -> None:
        """Apply the rules of a node to the gradient at it."""
        written = [self.written[x] for x in (*node.inputs, node)]
        rules = Rules(node, g, written, self.values, self.constant_of(node))
        for k, x in enumerate(node.inputs):
            if x not in self.active or node.op is None or node.op.vjp(k) is None:
                continue
            e = rules.gradient(k)
            if e is None:
                self.unread[x] = node.op.name
                e = symbol(f"the rule of {node.op.name}", x.shape)
            self.pending.setdefault(x, []).append(simplify(e))

    def delta(self, node: Node) -> str | None:
        """Return δ with a layer's number, for what the layer computes before its activation."""
        if node not in self.letters:
            number = _number_of(self.names[node], "a")
            if not number and node.op is not None and _mixes(node):
                weights = (_number_of(self.names[_source(x)], "W") for x in node.inputs)
                number = next((w for w in weights if w), "")
            letter = f"δ{number}" if number else ""
            self.letters[node] = "" if letter in self.taken else letter
            self.taken.add(self.letters[node])
        return self.letters[node] or None

    # ---- arrays and counts

    def spelt_out(self, e: Expression) -> Expression:
        """Give letters to arrays that a formula contains, which a page has no room for."""
        if e not in self.spelt:
            if e.value is not None and e.shape:
                self.spelt[e] = symbol(self.letter_of(e.value), e.shape)
            else:
                new = e.with_operands([self.spelt_out(x) for x in e.operands])
                index = e.attrs.get("index")
                parts = index if isinstance(index, tuple) else (index,)
                if any(isinstance(part, np.ndarray) and part.size > LONG for part in parts):
                    named = tuple(self.named(part) for part in parts)
                    attrs = {**e.attrs, "index": named if isinstance(index, tuple) else named[0]}
                    new = Expression(new.shape, new.op, new.operands, attrs)
                self.spelt[e] = new
        return self.spelt[e]

    def named(self, part: Any) -> Any:
        """Return part of an index, with its letter if it is a long array."""
        if not isinstance(part, np.ndarray) or part.size <= LONG:
            return part
        array = part.view(Lettered)
        array.letter = self.letter_of(part)
        return array

    def letter_of(self, array: Array) -> str:
        """Return the letter of an array: cᵢ, with the next number that is free."""
        arrays = self.result.arrays
        for letter, known in arrays.items():
            if key_of(known) == key_of(array):
                return letter
        self.taken.update(arrays)
        letter = next(c for i in itertools.count(1) if (c := f"c{subscript(i)}") not in self.taken)
        arrays[letter] = array
        return letter

    def constant_of(self, node: Node) -> Any:
        """Return how to write a number in this node's rule: n, where it counts what was reduced."""
        count = _reduced(node)
        total = math.prod(count)

        def write(value: Array) -> Expression:
            is_number = value.ndim == 0 and value.dtype.kind in "iuf" and np.isfinite(value)
            if is_number and total > 1 and value != 0:
                times = float(value) if value == total else round(float(value) * total)
                if value == total:
                    return self.count(count)
                if times / total == value and abs(times) <= LONG and value.dtype.kind == "f":
                    return apply(ops.div, constant(times), self.count(count))
            return constant(value)

        return write

    def count(self, lengths: tuple[int, ...]) -> Expression:
        counts = self.result.counts
        for letter, known in counts.items():
            if math.prod(known) == math.prod(lengths):
                return symbol(letter)
        numbered = (f"n{subscript(i)}" for i in itertools.count(1))
        letter = next(c for c in itertools.chain(COUNT_LETTERS, numbered) if c not in self.taken)
        counts[letter] = lengths
        self.taken.add(letter)
        return symbol(letter)


def _mixes(node: Node) -> bool:
    """Whether it combines several arrays other than element by element: a product, a window."""
    assert node.op is not None
    several = sum(not is_number(x) for x in node.inputs) > 1
    return several and node.op.expr is None and node.op is not ops.where


def _source(node: Node) -> Node:
    """Return what a node is a view of."""
    while _is_move(node):
        node = node.inputs[0]
    return node


def _number_of(name: str, letter: str) -> str:
    """Return the subscript of a name that is this letter with a number, else nothing."""
    match = re.fullmatch(f"{letter}([₀-₉]+)", name)
    return match[1] if match else ""


def _reduced(node: Node) -> tuple[int, ...]:
    """Return the lengths that a reduction adds up over; nothing for other operations."""
    if len(node.inputs) != 1 or node.op is None or node.op.expr is not None or node.op.views:
        return ()
    (x,) = node.inputs
    axes = node.attrs.get("axis")
    if isinstance(axes, tuple) and "keepdims" in node.attrs:
        return tuple(x.shape[a] for a in axes if x.shape[a] != 1)
    total, left = (int(np.prod(n.shape, dtype=int)) for n in (x, node))
    return (total // left,) if left and total > left and total % left == 0 else ()
