"""A plan: lines of NumPy with their memory, as source text and as the function it compiles to."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..core.graph import Node
from ..core.tensor import Tensor, _wrap
from ..ops.op import Array
from ..util.text import comment
from .engine import Engine, compiler
from .lower import Lowering
from .memory import allocate
from .program import Line, PlanArray, Program
from .trace import Trace


class Plan:
    """A captured step, ready to run.

    Args:
        trace: what the step did.
        inputs: the arrays it was given.
        outputs: the tensors it returned.
        paths: what parameters are called, by their id.
        gradient_memory: where gradients are best written, by the id of their parameter.
        engine: what carries it out.

    Attributes:
        parameters: the tensors it reads, with the array and the node each had.
        memory: arrays of before the step that it reads where they are, by the id of their owner.
        must_be_none: tensors whose ``grad`` it adds to.
        source: the lines of NumPy that run, each with the operation and module it comes from.
        nbytes: memory for values inside the step.
    """

    def __init__(
        self,
        trace: Trace,
        inputs: Sequence[Array],
        outputs: Sequence[Tensor],
        paths: Mapping[int, str],
        gradient_memory: Mapping[int, Array],
        engine: Engine,
    ) -> None:
        lowering = Lowering(trace, inputs, outputs, paths, gradient_memory, compiler(engine))
        self.parameters = lowering.parameters
        self.memory = lowering.memory
        self.must_be_none = trace.must_be_none
        program = lowering.program
        if engine == "numba":
            from .fuse import fuse

            fuse(program)
        self.nbytes = allocate(program)
        if engine == "numba":
            from .calls import join

            join(program)
        self.source, namespace = _write(program)
        exec(compile(self.source, "<compiled step>", "exec"), namespace)  # noqa: S102 - lines we wrote
        self.run: Callable[..., tuple[Array, ...]] = namespace["step"]

    def may_add(self) -> bool:
        """Whether the gradients the step adds to are still to be had."""
        return all(tensor.grad is None for tensor in self.must_be_none)


def _write(program: Program) -> tuple[str, dict[str, Any]]:
    """Return the program's source, and the names it is to run with."""
    namespace = {**_NUMPY, **program.objects}
    resolve = _Resolver(namespace)
    body: list[tuple[str, str]] = []
    for line in program.lines:
        body.append((_text(line, resolve), _comment(line)))
        body += [(f"#   {_text(part, resolve)}", _comment(part)) for part in line.inside]
    results = "".join(
        f"{v.name}, " if v.local and not v.keeps else f"{resolve(v)}.copy(), "
        for v in program.outputs
    )
    width = min(max((len(text) for text, _ in body), default=0), 64)
    lines = [f"    {text:<{width}}  # {comment}" for text, comment in body]
    names = ", ".join(v.name for v in program.inputs)
    source = "\n".join([f"def step({names}):", *lines, f"    return ({results})", ""])
    return source, namespace


class _Resolver:
    """Gives values their array, and the names in the source their meaning."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.namespace = namespace

    def __call__(self, value: PlanArray) -> str:
        if not value.local and value.name not in self.namespace:
            self.namespace[value.name] = value.memory()
        return value.name

    def tensor(self, value: PlanArray) -> str:
        """Return the name of a tensor that holds a value."""
        if value.local:
            self.namespace["tensor"] = _wrap
            return f"tensor({value.name})"
        name = f"{value.name}_tensor"
        if name not in self.namespace:
            self.namespace[name] = _wrap(value.memory())
        return name


_NUMPY = {name: vars(np)[name] for name in np.__all__ if name in vars(np)}  # what lines call
_PLACE = re.compile(r"\{(out|\d+)(:tensor)?\}")


def _text(line: Line, resolve: _Resolver) -> str:
    def meant(place: re.Match[str]) -> str:
        which, tensor = place.groups()
        value = line.out if which == "out" else line.args[int(which)]
        assert value is not None
        return resolve.tensor(value) if tensor else resolve(value)

    return _PLACE.sub(meant, line.text)


def _comment(line: Line) -> str:
    node = line.node
    if node is None:
        return comment(_place(line.where))
    label = f"∂{node.label}" if line.backward else node.label
    return comment(f"{_module(node):<14} {label:<14} {_place(node.where)}")


def _module(node: Node) -> str:
    return node.path or (node.scope.kind if node.scope else "")


def _place(where: str) -> str:
    return where.replace("\\", "/").rsplit("/", 1)[-1]
