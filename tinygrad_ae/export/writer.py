"""What JavaScript is written with: names of arrays, buffers and statements."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from ..core.graph import Node
from ..ops.op import Array
from ..util.text import comment

_ARRAYS = {  # the typed array that holds what NumPy computes, and its elements in NumPy
    "bool": ("Uint8Array", "u1"), "int8": ("Int8Array", "i1"), "uint8": ("Uint8Array", "u1"),
    "int16": ("Int16Array", "<i2"), "uint16": ("Uint16Array", "<u2"),
    "int32": ("Int32Array", "<i4"), "uint32": ("Uint32Array", "<u4"),
    "float16": ("Float32Array", "<f4"), "float32": ("Float32Array", "<f4"),
}  # fmt: skip
_WIDEST = "Float64Array", "<f8"  # whole numbers of 64 bits: exact up to 2⁵³, as all of JavaScript's


class Constants:
    """The arrays a program brings along, each once however many functions use it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._names: dict[int, tuple[str, Array]] = {}

    def name(self, array: Array, what: str) -> str:
        """Return what an array is called; ``what`` is a comment beside it."""
        if id(array) not in self._names:
            name = f"c{len(self._names)}"
            self._names[id(array)] = name, array  # the array too: its id is its own while it lives
            self.lines.append(f"const {name} = {packed(array)};  // {comment(what)}")
        return self._names[id(array)][0]


def packed(array: Array) -> str:
    """Return an array as an expression that unpacks it: base64 of its bytes, little-endian."""
    kind, plain = _ARRAYS.get(array.dtype.name, _WIDEST)
    text = base64.b64encode(np.ascontiguousarray(array, plain).tobytes()).decode("ascii")
    return f'unpacked({kind}, "{text}")'


def typed(dtype: np.dtype[Any]) -> str:
    """Return the typed array that holds such numbers."""
    return _ARRAYS.get(dtype.name, _WIDEST)[0]


class Writer:
    """A function that is being written: a buffer for each result, a statement for each node.

    Args:
        inputs: the nodes that are its arguments.
        values: what is known of the graph's values.
        constants: the arrays that the program brings along.
    """

    def __init__(self, inputs: list[Node], values: dict[Node, Array], constants: Constants) -> None:
        self.values, self.constants = values, constants
        self.names = {x: f"x{k}" for k, x in enumerate(inputs)}
        self.buffers: list[str] = []
        self.lines: list[str] = []

    def of(self, node: Node) -> str:
        """Return the name of an array that holds a node's value."""
        if node not in self.names:
            what = f"{node.label} {node.shape}"
            self.names[node] = self.constant(self.values[node], what)
        return self.names[node]

    def constant(self, array: Array, what: str) -> str:
        """Return the name of an array that the program brings along."""
        return self.constants.name(array, what)

    def buffer(self, size: int, dtype: np.dtype[Any]) -> str:
        """Return the name of a new array."""
        name = f"t{len(self.buffers)}"
        self.buffers.append(f"const {name} = new {typed(dtype)}({size});")
        return name

    def add(self, line: str) -> None:
        """Add a statement."""
        self.lines.append(line)
