"""The plain attributes of a model's modules: what training may change beside weights and buffers.

A counter, a factor that grows from epoch to epoch, a list of what was seen: each is written as text
that tells whether it changed, and that a checkpoint can hold.
"""

from __future__ import annotations

import base64
import json
from collections import Counter, OrderedDict, deque
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..core.tensor import Tensor, from_numpy
from ..nn import Buffer, Module, Parameter
from ..util.random import default_generator

_OWN = {"training", "_name", "_forward_hooks", "_forward_pre_hooks"}  # of every module
_PLAIN = (type(None), bool, int, float, str)
_ROWS = {kind.__name__: kind for kind in (list, tuple, set, frozenset, deque)}
_MAPS = {kind.__name__: kind for kind in (dict, OrderedDict, Counter)}

Texts = dict[str, str]
"""Attributes by path, as text; "" for one that is passed over: it holds a function, a module or a
tensor with its graph, which no text can tell."""


class _PassedOver(Exception):
    pass


def read(model: object) -> Texts:
    """Return the plain attributes of a module and all below it, by path."""
    modules = model.named_modules() if isinstance(model, Module) else ()
    return {
        f"{path}.{name}" if path else name: _text(value)
        for path, module in modules
        for name, value in vars(module).items()
        if name not in _OWN and not isinstance(value, (Module, Parameter, Buffer))
    }


def changes(made: Texts, now: Texts) -> dict[str, str | None]:
    """Return those that are not as they were made, by path; None for one that is gone."""
    return {
        path: now.get(path) for path in now.keys() | made.keys() if now.get(path) != made.get(path)
    }


def write(model: object, made: Texts, changed: Mapping[str, str | None]) -> None:
    """Give a model the attributes that it was made with, but for what had changed.

    What is as it should be stays the object that it is.
    """
    if not isinstance(model, Module):
        return
    modules, now = dict(model.named_modules()), read(model)
    for path in now.keys() | made.keys() | changed.keys():
        text = changed.get(path, made.get(path))
        above, _, name = path.rpartition(".")
        if text in ("", now.get(path)) or above not in modules:
            continue
        if text is None:
            delattr(modules[above], name)
        elif can_be_kept(text):
            setattr(modules[above], name, _value(json.loads(text)))


def can_be_kept(text: str | None) -> bool:
    """Whether the text is all that the value is."""
    return text is None or '{"object": ' not in text  # a quote within a string has a backslash


def is_passing(text: str | None) -> bool:
    """Whether it holds tensors: mostly what a layer gave last, which looking at it changes."""
    return text == "" or (text is not None and '{"tensor": ' in text)


def _text(value: Any) -> str:
    if isinstance(value, np.random.Generator):
        return ""  # the run keeps these by their state
    try:
        return json.dumps(_tree(value))
    except (_PassedOver, RecursionError):
        return ""


def _tree(value: Any) -> Any:
    """Return a value as JSON's types, with its type where that is not one of them."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind in _ROWS.values():
        items = [_tree(item) for item in value]
        if kind in (set, frozenset):
            items.sort(key=json.dumps)
        more = [value.maxlen] if kind is deque else []
        return {kind.__name__: items, "more": more}
    if kind in _MAPS.values():
        return {kind.__name__: [[_tree(key), _tree(item)] for key, item in value.items()]}
    if kind is np.ndarray and value.dtype.kind in "biufc":
        return {"array": _bytes(value)}
    if isinstance(value, np.generic) and value.dtype.kind in "biufc":
        return {"number": _bytes(np.asarray(value))}
    if kind is Tensor and not value.requires_grad:
        return {"tensor": _bytes(value.data)}
    return {"object": _name(kind), "state": _state(value)}


def _state(value: Any) -> Any:
    """Return what tells whether an object changed: what copying it would carry over."""
    if isinstance(value, type):
        return _name(value)
    if callable(value) or isinstance(value, (Module, Tensor)) or value is default_generator:
        raise _PassedOver
    try:
        reduced = value.__reduce_ex__(4)
    except Exception as error:  # of any kind: whatever its class does
        raise _PassedOver from error
    if isinstance(reduced, str):
        return reduced
    parts = [list(p) if n > 2 and p is not None else p for n, p in enumerate(reduced[:5])]
    return [_tree(part) for part in parts[1:]]


def _value(tree: Any) -> Any:
    """Return what a tree was made of."""
    if not isinstance(tree, dict):
        return tree
    (kind, content), *_ = tree.items()
    if kind in _ROWS:
        return _ROWS[kind]([_value(item) for item in content], *tree["more"])
    if kind in _MAPS:
        return _MAPS[kind]({_value(key): _value(item) for key, item in content})
    dtype, shape, coded = content
    array = np.frombuffer(base64.b64decode(coded), dtype).reshape(shape).copy()
    if kind == "tensor":
        return from_numpy(array)
    return array if kind == "array" else array[()]


def _bytes(array: Any) -> list[Any]:
    return [array.dtype.str, list(array.shape), base64.b64encode(array.tobytes()).decode()]


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
