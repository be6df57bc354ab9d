"""What rules of lowering write with: the values of a plan, its lines, and names for both."""

from __future__ import annotations

import itertools
import keyword
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..core.graph import Node
from ..core.inplace import owner_of
from ..core.tensor import Tensor
from ..ops.op import Array
from ..util.overlap import Places
from .program import OWN, DType, Kind, Line, PlanArray, Program, Uncapturable
from .trace import Trace

LONGEST = 80
"""Characters of a name; that of a view of a view of a view grows with each."""


class Lines:
    """The program that is being written.

    Args:
        trace: what the step did.
        inputs: the arrays the step was given, which differ from run to run.
        paths: what parameters are called, by their id.
    """

    backward: bool  # whether what is being lowered pulls a gradient back

    def __init__(self, trace: Trace, inputs: Sequence[Array], paths: Mapping[int, str]) -> None:
        self.program = Program()
        self.trace, self.paths = trace, paths
        self.parameters: list[tuple[Tensor, Array, Node]] = []  # what the plan assumes unchanged
        self.memory: dict[int, Array] = {}
        self._values: dict[Node, PlanArray] = {}
        self._names: set[str] = set()
        self._next: dict[str, int] = {}  # the number that a name, wanted again, is first tried with
        self._objects: dict[int, str] = {}  # the names of the program's objects, by their id
        self._constants: dict[Any, PlanArray] = {}
        self.shared: dict[Any, PlanArray] = {}  # parts of operations, until something is written to
        self._sources: dict[int, PlanArray | Node] = {}  # by the id of the array they gave
        self._outside: set[int] = set()  # arrays of tensors that were there before, by their id
        self._readers: dict[int, list[Node]] = {}  # leaves with a value, by the id of their array
        self._label = ""  # what new values are called
        self._expect(inputs)
        self.uses = self._count_uses()

    def _expect(self, inputs: Sequence[Array]) -> None:
        arrays = list(inputs)
        for k, array in enumerate(inputs):
            name = self.name("batch" if len(inputs) == 1 else f"input{k}")
            weak = id(array) in self.trace.weak
            value = PlanArray(array.shape, array.dtype, name, local=True, template=array, weak=weak)
            self.program.inputs.append(value)
            self._sources[id(array)] = value
        for event in self.trace.events:
            if isinstance(event, Node) and event.saved is not None:
                array = event.saved[-1]
                self._sources.setdefault(id(array), event)
                if event.op is not None and not event.op.views:
                    arrays.append(array)
        self._arrays = Places(arrays)

    def _count_uses(self) -> dict[Node, list[Node]]:
        """Return who reads each operation's result, as far as operations go."""
        uses: dict[Node, list[Node]] = {}
        for event in self.trace.events:
            if isinstance(event, Node):
                for x in event.inputs:
                    uses.setdefault(self.origin(x), []).append(event)
        return uses

    def origin(self, node: Node) -> Node:
        """Return the operation a leaf's array came from (detached, say), or the node itself."""
        if node.op is None and node.saved:
            source = self._sources.get(id(node.saved[0]))
            if isinstance(source, Node):
                return source
        return node

    def is_made(self, node: Node) -> bool:
        """Whether a leaf is of the step's own making, new in each call."""
        array = self.trace.arrays.get(node)
        if array is None or id(array) in self._outside:
            return False
        known = id(array) in self._sources or id(array) in self.trace.copies
        return known or self.trace.is_made(array)

    # ---- values

    def value(self, node: Node) -> PlanArray:
        """Return what a node's result is in the plan."""
        found = self._values.get(node)
        if found is None:
            found = self._values[node] = self._leaf(node)
            if node.saved:
                self._readers.setdefault(id(node.saved[0]), []).append(node)
        return found

    def _leaf(self, node: Node) -> PlanArray:
        if node.op is not None:
            raise Uncapturable(
                f"it uses a tensor computed before the step, by {node.label} at {node.where} "
                "(compute it inside, or pass it as an argument)"
            )
        if node.leaf is not None:
            tensor = node.leaf()
            if tensor is None:  # it lived in the step only
                return self.array_value(self.trace.arrays[node], node)
            if id(tensor.data) in self._sources or self.is_made(node):
                return self.array_value(tensor.data, node)
            self.parameters.append((tensor, tensor.data, node))
            self._outside.add(id(tensor.data))
            found = self.fixed(tensor.data, self._called(tensor))
            self._sources.setdefault(id(tensor.data), found)
            return found
        assert node.saved is not None
        return self.array_value(node.saved[0], node)

    def array_value(self, array: Array, node: Node | None) -> PlanArray:
        """Return the value an array of the trace stands for."""
        source = self._sources.get(id(array))
        if isinstance(source, PlanArray):
            return source
        if source is not None:
            return self.value(source)
        if id(array) in self.trace.copies:
            _, original = self.trace.copies[id(array)]
            if isinstance(original, Node):
                return self.value(original)
            return self.array_value(original, node)
        number = self.trace.numbers.get(id(array))
        if number is not None:
            plain = array.reshape(-1)[0]
            return PlanArray(
                array.shape, array.dtype, f"{plain:.6g}", number=np.asarray(plain), weak=number.weak
            )
        if self._arrays.overlap(array):
            where = f", at {node.where}" if node else ""
            raise Uncapturable(
                f"part of an array is taken outside the graph{where} (index the tensor itself)"
            )
        owner = owner_of(array)
        self.memory[id(owner)] = owner
        value = self.fixed(array, (node and node.name) or "constant")
        self._sources[id(array)] = value
        if not self.trace.is_made(array):
            self._outside.add(id(array))
        return value

    def fixed(self, array: Array, name: str) -> PlanArray:
        """Return memory that exists already as a value."""
        return PlanArray(array.shape, array.dtype, self.name(name), array=array)

    def constant(self, number: Any, shape: tuple[int, ...], dtype: DType) -> PlanArray:
        """Return an array of one number everywhere; equal ones are one array."""
        key = (np.asarray(number, dtype).tobytes(), shape, dtype)
        if key not in self._constants:
            name = _identifier(f"c_{number:.4g}" + ("_row" if shape else ""))
            self._constants[key] = self.fixed(np.full(shape, number, dtype), name)
        return self._constants[key]

    def full(self, value: PlanArray) -> PlanArray:
        """Return a value as an array: one number everywhere is written out."""
        if value.number is None:
            return value
        return self.constant(value.number.item(), value.shape, value.dtype)

    def buffer(
        self,
        shape: tuple[int, ...],
        dtype: DType,
        name: str | None = None,
        template: Array | None = None,
    ) -> PlanArray:
        """Return a value the plan finds memory for, called after the operation.

        It lies in memory as the template, an array of its shape and type; by default in C order.
        """
        name = self.name(name or self._label)
        return PlanArray(shape, np.dtype(dtype), name, template=template)

    def local(self, like: Node, keeps: Sequence[PlanArray]) -> PlanArray:
        """Return a value that is made anew in each run."""
        template = like.saved[-1] if like.saved else None
        name = self.name(self._label)
        return PlanArray(
            like.shape, like.dtype, name, local=True, keeps=tuple(keeps), template=template
        )

    def view(self, node: Node, args: list[PlanArray]) -> PlanArray | None:
        """Return a value that is another's memory seen differently, if that is what it is."""
        op, x = node.op, args[0]
        assert op is not None
        if len(args) > 1:
            return None
        if x.number is not None:
            return PlanArray(node.shape, x.dtype, x.name, number=x.number, weak=x.weak)
        if x.local or _holds_arrays(node.attrs):
            return None
        attrs = node.attrs

        def look(a: Array) -> Array:
            return op.forward(a, **attrs)  # type: ignore[no-any-return]

        if x.shape == node.shape and op.name == "reshape":
            return x
        seen = look(x.layout())
        if not isinstance(seen, np.ndarray) or not np.may_share_memory(seen, x.layout()):
            return None
        name = self.name(f"{x.name}_{op.name}")
        return PlanArray(node.shape, node.dtype, name, base=x, view=look, template=seen)

    def seen(self, x: PlanArray, look: Callable[[Array], Array], name: str) -> PlanArray:
        """Return what ``look`` makes of a value: its memory if that can be, or a new array."""
        seen = look(x.layout())
        called = self.name(f"{x.name}_{name}")
        if not x.local and np.may_share_memory(seen, x.layout()):
            return PlanArray(seen.shape, x.dtype, called, base=x, view=look, template=seen)
        out = PlanArray(seen.shape, x.dtype, called, local=True, keeps=(x,), template=seen)
        self.add(f"{{out}} = {self.object(name, look)}({{0}})", [x], out)
        return out

    # ---- lines and names

    def add(
        self,
        text: str,
        args: Sequence[PlanArray],
        out: PlanArray | None = None,
        *,
        kind: Kind = "call",
        ufunc: np.ufunc | None = None,
        effect: bool = False,
        where: str = "",
    ) -> PlanArray | None:
        """Append a line; return ``out``."""
        if effect:
            self.shared.clear()
        kind = kind if ufunc is None else "ufunc"
        line = Line(text, list(args), out, kind=kind, ufunc=ufunc, effect=effect, where=where)
        self.program.lines.append(line)
        return out

    def take_back(self, start: int) -> None:
        """Remove the lines from number ``start`` on."""
        gone = {line.out for line in self.program.lines[start:]}
        del self.program.lines[start:]
        self.shared = {key: value for key, value in self.shared.items() if value not in gone}

    def name(self, wanted: str) -> str:
        """Return a Python name not used yet, and neither one of NumPy's nor of the plan's own."""
        base = _identifier(wanted[:LONGEST])
        numbered = f"{base}_" if base[-1].isdigit() else base
        for k in itertools.count(self._next.get(base, 1)):  # what is below is taken
            name = f"{numbered}{k}" if k > 1 else base
            if name not in self._names and not hasattr(np, name) and not OWN.fullmatch(name):
                break
        self._names.add(name)
        self._next[base] = k + 1
        return name

    def object(self, name: str, thing: Any) -> str:
        """Return the name under which the plan finds an object."""
        if id(thing) not in self._objects:
            self._objects[id(thing)] = unique = self.name(name)
            self.program.objects[unique] = thing
        return self._objects[id(thing)]

    def _called(self, tensor: Tensor) -> str:
        return _identifier(self.paths.get(id(tensor)) or tensor.name or "tensor")


def _holds_arrays(attrs: Any) -> bool:
    if isinstance(attrs, dict):
        return any(_holds_arrays(value) for value in attrs.values())
    if isinstance(attrs, tuple):
        return any(_holds_arrays(value) for value in attrs)
    return isinstance(attrs, (np.ndarray, list))


def _identifier(text: str) -> str:
    """Return what Python reads as one name, and as this one (it reads ﬁ as fi)."""
    text = unicodedata.normalize("NFKC", text.replace("-", "minus_"))
    marks = (c if f"_{c}".isidentifier() else " " for c in text)
    name = "_".join("".join(marks).split()).strip("_") or "x"
    return name if name.isidentifier() and not keyword.iskeyword(name) else f"_{name}"
