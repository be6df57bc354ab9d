"""A graph as JSON text: its structure, for programs in any language.

What computed what, from which inputs, in which module and on which source line; no values. The
text is one object (format 1):

==========  ====================================================================================
key         what it holds
==========  ====================================================================================
format      ``"tinygrad_ae graph 1"``
outputs     ids of the nodes the graph ends in
modules     module calls in the order they were entered: ``{"path", "kind", "parent"}``;
            ``path`` is dotted from the model down ("" for the model itself), ``kind`` the class,
            ``parent`` a position in this list or null
nodes       in the order they were computed, inputs before outputs: see below
==========  ====================================================================================

A node:

==========  ====================================================================================
id          its position in ``nodes``
op          name of the operation, null for a leaf (an input, constant or parameter)
inputs      ids, in the order of the operation's arguments
attrs       the operation's settings by name, encoded as below
shape       list of lengths, ``[]`` for a number
dtype       NumPy's name of the number type: ``"float32"``
tracked     whether gradients flow through it; a tracked leaf is a parameter
name        what the user called it, or null; a constant number is named by its value
module      position in ``modules`` of the call it ran in, or null
where       file and line of the code that computed it: ``"model.py:12"``
==========  ====================================================================================

In ``attrs`` whatever JSON has stands as it is; everything else is an object with one key:
``{"tuple": […]}``, ``{"dict": {…}}``, ``{"float": "nan"}`` (or ``"inf"``, ``"-inf"``),
``{"slice": [start, stop, step]}``, ``{"ellipsis": true}``, ``{"dtype": "float32"}``,
``{"array": {"dtype", "shape", "data"}}`` with the elements in C order,
``{"scalar": {"dtype", "data"}}``, and ``{"opaque": "…"}`` with the ``repr`` of anything else,
such as a random generator.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from types import NoneType, SimpleNamespace
from typing import Any, TypeVar

import numpy as np

from ..core.graph import Format, Graph, Node, Scope, formats
from ..errors import DataError
from ..ops.op import Op

FORMAT = "tinygrad_ae graph 1"

_NODE = {
    "op": (str, NoneType), "inputs": (list,), "attrs": (dict,), "shape": (list,), "dtype": (str,),
    "tracked": (bool,), "name": (str, NoneType), "where": (str, NoneType),
}  # fmt: skip
_SCOPE = {"path": (str,), "kind": (str,)}
_DTYPES = {
    np.dtype(code).name: np.dtype(code) for code in np.typecodes["All"] if code not in "SUVOMm"
}

T = TypeVar("T")


def to_json(graph: Graph) -> str:
    """Return a graph's structure as JSON text; the schema is this module's documentation."""
    modules = _Modules()
    ids = {node: i for i, node in enumerate(graph)}
    nodes = [
        {
            "id": i,
            "op": node.op.name if node.op else None,
            "inputs": [ids[x] for x in node.inputs],
            "attrs": {name: _encode(value) for name, value in node.attrs.items()},
            "shape": list(node.shape),
            "dtype": node.dtype.name,
            "tracked": node.tracked,
            "name": node.name,
            "module": modules.position(node.scope),
            "where": node.where,
        }
        for node, i in ids.items()
    ]
    outputs = [ids[node] for node in graph.outputs]
    whole = {"format": FORMAT, "outputs": outputs, "modules": modules.rows, "nodes": nodes}
    return json.dumps(whole, ensure_ascii=False, allow_nan=False)


def from_json(text: str) -> Graph:
    """Return the graph that :func:`to_json` wrote.

    Every reader works on it that needs no values: they are "freed", as after a backward pass. An
    operation that is not registered here keeps its name, and cannot be computed.

    Raises:
        DataError: the text is not JSON, not of this format, or contradicts itself.
    """
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"not a graph: the text is not JSON ({error})") from error
    given = whole.get("format") if isinstance(whole, dict) else type(whole).__name__
    if given != FORMAT:
        raise DataError(f"not a graph: expected an object of format {FORMAT!r}, got {given!r}")
    try:
        scopes: list[Scope] = []
        for row in whole["modules"]:
            scopes.append(_scope(row, scopes))
        nodes: list[Node] = []
        for row in whole["nodes"]:
            nodes.append(_ReadNode(row, nodes, scopes))
        return Graph(_earlier(nodes, i, "outputs") for i in whole["outputs"])
    except (
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ) as error:
        if isinstance(error, DataError):
            raise
        reason = f"{error} is missing" if isinstance(error, KeyError) else error
        raise DataError(f"a damaged graph: {reason}") from error


class Opaque:
    """Stands for an attribute that JSON cannot hold; prints as the original did."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Opaque) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)


class _Modules:
    """The module calls met so far, and where each is in the list."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.positions: dict[Scope, int] = {}

    def position(self, scope: Scope | None) -> int | None:
        if scope is None:
            return None
        if scope not in self.positions:
            parent = self.position(scope.parent)
            self.positions[scope] = len(self.rows)
            self.rows.append({"path": scope.path, "kind": scope.kind, "parent": parent})
        return self.positions[scope]


class _ReadNode(Node):
    """A node read back: its line of code is text, for the code itself is not here."""

    __slots__ = ("_where",)

    _where: str

    def __init__(self, row: dict[str, Any], nodes: list[Node], scopes: list[Scope]) -> None:
        where = f"node {len(nodes)}"
        if row["id"] != len(nodes):
            raise DataError(f"a damaged graph: {where} has the id {row['id']!r}")
        _check_kinds(row, _NODE, where)
        if not all(type(n) is int and n >= 0 for n in row["shape"]):
            raise DataError(f"a damaged graph: {where} has the shape {row['shape']!r}")
        inputs = tuple(_earlier(nodes, i, where) for i in row["inputs"])
        attrs = {name: _decode(value) for name, value in row["attrs"].items()}
        value: Any = SimpleNamespace(shape=tuple(row["shape"]), dtype=_dtype(row["dtype"]))
        op = None if row["op"] is None else Op.registry.get(row["op"]) or _unknown(row["op"])
        super().__init__(op, inputs, attrs, value, row["tracked"])
        self.name, self._where = row["name"], row["where"]
        module = row["module"]
        self.scope = None if module is None else _earlier(scopes, module, where)

    @property
    def where(self) -> str:
        """File and line of the forward code that computed it."""
        return self._where


def _check_kinds(row: dict[str, Any], kinds: Mapping[str, tuple[type, ...]], where: str) -> None:
    for name, allowed in kinds.items():
        if not isinstance(row[name], allowed):
            raise DataError(f"a damaged graph: {name!r} of {where} is {row[name]!r:.60}")


def _scope(row: dict[str, Any], scopes: list[Scope]) -> Scope:
    parent = None if row["parent"] is None else _earlier(scopes, row["parent"], "a module")
    _check_kinds(row, _SCOPE, f"module {len(scopes)}")
    name = row["path"]
    if parent is not None and parent.path:
        name = name.removeprefix(parent.path + ".")
    return Scope(name, row["kind"], parent)


def _earlier(read: list[T], position: Any, where: str) -> T:
    if not isinstance(position, int) or not 0 <= position < len(read):
        raise DataError(
            f"a damaged graph: {where} refers to number {position!r}; {len(read)} stand before it"
        )
    return read[position]


def _unknown(name: str) -> Op:
    """Return an operation of which only the name is known, without registering it."""

    def forward(*xs: Any) -> Any:
        raise DataError(
            f"the operation {name!r} of a graph read from JSON is not registered here; import "
            "the module that declares it before reading the graph"
        )

    return Op(name, forward, flops=lambda *_: 0, register=False)


# ---- attributes


def _encode(value: Any) -> Any:
    if value is None or isinstance(value, (bool, str)) or type(value) is int:
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, list):
        return [_encode(v) for v in value]
    if type(value) is tuple:
        return {"tuple": [_encode(v) for v in value]}
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": {key: _encode(v) for key, v in value.items()}}
    if isinstance(value, slice):
        return {"slice": [_encode(v) for v in (value.start, value.stop, value.step)]}
    if value is Ellipsis:
        return {"ellipsis": True}
    if isinstance(value, np.dtype) and value.kind in "fiub":
        return {"dtype": value.name}
    if isinstance(value, np.generic) and value.dtype.kind in "fiub":
        return {"scalar": {"dtype": value.dtype.name, "data": _encode(value.item())}}
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
        data = [_encode(v) for v in value.ravel().tolist()]
        return {"array": {"dtype": value.dtype.name, "shape": list(value.shape), "data": data}}
    return {"opaque": repr(value)}


def _dtype(name: str) -> np.dtype[Any]:
    if name not in _DTYPES:
        raise DataError(f"a damaged graph: no type of numbers is called {name!r:.60}")
    return _DTYPES[name]


def _array(content: dict[str, Any]) -> Any:
    data = [_decode(v) for v in content["data"]]
    return np.array(data, _dtype(content["dtype"])).reshape(content["shape"])


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "float": float,
    "tuple": lambda items: tuple(_decode(v) for v in items),
    "dict": lambda items: {key: _decode(v) for key, v in items.items()},
    "slice": lambda parts: slice(*map(_decode, parts)),
    "ellipsis": lambda _: Ellipsis,
    "dtype": _dtype,
    "scalar": lambda content: _dtype(content["dtype"]).type(_decode(content["data"])),
    "array": _array,
    "opaque": Opaque,
}


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return [_decode(v) for v in value]
    if isinstance(value, dict):
        ((kind, content),) = value.items()
        if kind not in _DECODERS:
            raise DataError(f"a damaged graph: an attribute of unknown kind {kind!r}")
        return _DECODERS[kind](content)
    return value


formats["json"] = Format(write=to_json, read=from_json)
