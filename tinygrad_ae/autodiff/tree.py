"""Nests of lists, tuples and dicts with arrays or tensors at their leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Rebuild = Callable[[list[Any]], Any]


def flatten(tree: Any) -> tuple[list[Any], Rebuild]:
    """Return the leaves of a nest in order, and a function that rebuilds it from new leaves.

    None is an empty nest; named tuples and the order of a dict's keys are kept. The function
    keeps none of the leaves alive.
    """
    leaves: list[Any] = []
    plan = _plan(tree, leaves)
    count = len(leaves)

    def rebuild(new: list[Any]) -> Any:
        if len(new) != count:
            raise ValueError(f"a nest of {count} leaves cannot be rebuilt from {len(new)}")
        return plan(iter(new))

    return leaves, rebuild


def _plan(tree: Any, leaves: list[Any]) -> Callable[[Any], Any]:
    if tree is None:
        return lambda new: None
    if isinstance(tree, dict):
        # In sorted order, so that nests of equal keys match in whatever order they were written.
        parts = {key: _plan(tree[key], leaves) for key in sorted(tree, key=repr)}
        keys = list(tree)

        def rebuild(new: Any) -> dict[Any, Any]:
            made = {key: part(new) for key, part in parts.items()}
            return {key: made[key] for key in keys}

        return rebuild
    if isinstance(tree, (list, tuple)):
        items = [_plan(value, leaves) for value in tree]
        kind: Any = type(tree)
        if hasattr(tree, "_fields"):  # a named tuple takes its fields one by one
            return lambda new: kind(*[item(new) for item in items])
        return lambda new: kind([item(new) for item in items])
    leaves.append(tree)
    return next


def structure(tree: Any) -> Any:
    """Return the nest of its leaves' shapes: equal for nests that can stand for each other."""
    if isinstance(tree, dict):
        return {key: structure(value) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [structure(value) for value in tree]
    return None if tree is None else np.shape(tree)
