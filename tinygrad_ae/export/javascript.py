"""A computation as JavaScript, for pages that run a trained model without Python or a network.

What is printed is straight-line code over flat typed arrays, one statement per operation with its
module beside it: elementwise operations are loops over their own formula (``Op.expr``); operations
that only move elements are printed from where each element comes from, which is found by moving
the numbers 0, 1, 2, …; and the few that remain (products, convolutions, reductions) call a function
of ``runtime.js``. All shapes are known, so nothing is checked when it runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib.resources import files

import numpy as np

from ..autodiff import record_everything
from ..core.graph import Graph, Node
from ..core.tensor import Tensor
from ..errors import UserError
from ..ops.op import Array
from ..util.text import comment
from .expression import number, translate
from .structural import FORMULAS, MOVES, STRUCTURAL, move, origins, spread
from .writer import Constants, Writer


def javascript(**functions: tuple[Callable[..., Tensor], *tuple[Array, ...]]) -> str:
    """Print functions of tensors as one JavaScript program.

    Args:
        functions: by the name it is to have, a function and example arrays for its arguments.
            It runs once, on them; the program's function takes flat arrays of the same lengths
            and returns a flat typed array. Put a model into ``eval`` mode first. What is no
            argument, parameters among them, becomes a constant of the program.

    Returns:
        The program's text: the functions stand in an object ``model``, by their names.

    Raises:
        UserError: an operation draws random numbers or has no translation.

    Example:
        >>> text = javascript(encode=(model.encoder, x[:1]), decode=(model.decoder, z[:1]))
    """
    constants = Constants()
    bodies = [
        _Function(name, *_traced(function, examples), constants).text
        for name, (function, *examples) in functions.items()
    ]
    runtime = files(__package__).joinpath("runtime.js").read_text("utf-8")
    result = f"return {{ {', '.join(functions)} }};"
    return "\n".join(
        ["const model = (() => {", runtime, *constants.lines, *bodies, result, "})();", ""]
    )


def _traced(
    function: Callable[..., Tensor], examples: list[Array]
) -> tuple[list[Node], Node, dict[Node, Array]]:
    """Run a function once; return its arguments, its result, and the values that were saved."""
    with record_everything():
        inputs = [Tensor(np.asarray(example)) for example in examples]
        output = function(*inputs)
    return [x.node for x in inputs], output.node, Graph.of(output).values()


class _Function(Writer):
    """One function of the program: a buffer for each result, and a statement for each node."""

    def __init__(
        self,
        name: str,
        inputs: list[Node],
        output: Node,
        values: dict[Node, Array],
        constants: Constants,
    ) -> None:
        super().__init__(inputs, values, constants)
        for node in Graph([output]):
            if node.op is not None:
                self.names[node] = self._computed(node)
        self.lines.append(f"return {self.of(output)}.slice();")
        arguments = ", ".join(f"x{k}" for k in range(len(inputs)))
        head = f"const {name} = (() => {{"
        call = f"  return ({arguments}) => {{"
        body = [*_indented(self.buffers), call, *_indented(self.lines, 4), "  };"]
        self.text = "\n".join([head, *body, "})();"])

    # ---- one node

    def _computed(self, node: Node) -> str:
        op = node.op
        assert op is not None
        if op.is_random:
            raise UserError(
                f"{op.name} (at {node.where}) draws random numbers, which a page cannot draw alike;"
                " export the part of the model that draws none, such as its encoder"
            )
        if op.name in ("reshape", "identity", "copy"):  # flat arrays have no shape
            return self.of(node.inputs[0])
        out = self.buffer(math.prod(node.shape), node.dtype)
        beside = f"  // {comment(', '.join(filter(None, (op.name, node.path))))}"
        formula = FORMULAS.get(op.name, op.expr)
        if formula is not None:
            self.add(self._loop(node, out, formula) + beside)
        elif op.name in MOVES:
            self.add(move(self, out, self.of(node.inputs[0]), origins(node), node) + beside)
        elif op.name in STRUCTURAL:
            self.add(STRUCTURAL[op.name](self, node, out) + beside)
        else:
            raise UserError(
                f"the operation {op.name} (at {node.where}) has no translation into JavaScript. "
                "For an elementwise one, declare it with its formula, expr=...; for another, add "
                "a line to STRUCTURAL in tinygrad_ae/export/structural.py."
            )
        return out

    def _loop(self, node: Node, out: str, formula: str) -> str:
        assert node.op is not None
        names = {name: number(value) for name, value in node.attrs.items() if name != "dtype"}
        for name, x in zip(node.op.inputs, node.inputs, strict=True):
            if math.prod(x.shape) == 1:
                known = self.values.get(x) if x.op is None and x not in self.names else None
                names[name] = f"{self.of(x)}[0]" if known is None else number(known.item())
            else:
                names[name] = f"{spread(self, x, node.shape)}[i]"
        value = translate(formula, names)
        return f"for (let i = 0; i < {math.prod(node.shape)}; i++) {out}[i] = {value};"


def _indented(lines: list[str], by: int = 2) -> list[str]:
    return [" " * by + line for line in lines]
