"""Convolutions as lines: copy the windows into columns, multiply; see ``ops/conv.py``."""

from __future__ import annotations

import numpy as np

from ..core.graph import Node
from ..ops import conv
from ..ops.windows import Geometry, Lengths, add_columns, columns, empty_samples_last
from .lines import Lines
from .program import PlanArray
from .structural import Rule, product, rule

RULES: dict[str, Rule] = {}


@rule("conv", RULES)
def _conv(to: Lines, node: Node, args: list[PlanArray]) -> PlanArray | None:
    x, W = (to.full(v) for v in args)
    if node.dtype.kind != "f" or x.dtype != W.dtype:
        return None
    geometry, (n, channels, *counts) = node.attrs["geometry"], node.shape
    rows = to.seen(W, lambda a: conv.matrix(a, geometry.groups), "rows")
    z = product(to, rows, _columns(to, x, W.shape[2:], tuple(counts), geometry))
    return to.seen(z, lambda a: np.moveaxis(a.reshape(channels, *counts, n), -1, 0), "samples")


@rule("conv_transpose", RULES)
def _conv_transpose(to: Lines, node: Node, args: list[PlanArray]) -> PlanArray | None:
    y, W = (to.full(v) for v in args)
    if node.dtype.kind != "f" or y.dtype != W.dtype:
        return None
    geometry, (n, channels, *_) = node.attrs["geometry"], node.shape
    shape = (channels, *W.shape[2:], *y.shape[2:], n)
    rows_T = to.seen(W, lambda a: conv.matrix(a, geometry.groups).transpose(0, 2, 1), "rows_T")
    z = product(to, rows_T, _channels(to, y, geometry.groups))
    windows = to.seen(z, lambda a: a.reshape(shape), "columns")
    out = to.buffer(node.shape, node.dtype, template=empty_samples_last(node.shape, node.dtype))
    add, how = to.object("add_columns", add_columns), to.object("geometry", geometry)
    return to.add(f"{add}({{0}}, {node.shape[2:]}, {how}, {{out}})", [windows], out)


@rule("conv_weight", RULES)
def _conv_weight(to: Lines, node: Node, args: list[PlanArray]) -> PlanArray | None:
    x, y = (to.full(v) for v in args)
    if node.dtype.kind != "f" or x.dtype != y.dtype:
        return None
    geometry = node.attrs["geometry"]
    windows = _columns(to, x, node.shape[2:], y.shape[2:], geometry)
    columns_T = to.seen(windows, lambda a: a.transpose(0, 2, 1), "T")
    z = product(to, _channels(to, y, geometry.groups), columns_T)
    return to.seen(z, lambda a: a.reshape(node.shape), "weight")


def _columns(
    to: Lines, x: PlanArray, kernel: Lengths, counts: Lengths, geometry: Geometry
) -> PlanArray:
    """Return the columns of x, one matrix per group.

    The two products that pull a gradient back share them. Forward and backward do not: columns
    are as many times larger than x as windows overlap, and would have to be kept in between.
    """
    key = ("columns", x, kernel, counts, geometry, to.backward)
    if key not in to.shared:
        out = to.buffer((x.shape[1], *kernel, *counts, x.shape[0]), x.dtype, f"{x.name}_columns")
        take, how = to.object("columns", columns), to.object("geometry", geometry)
        text = f"{take}({{0}}, {kernel}, {counts}, {how}, {{out}})"
        to.add(text, [_samples_last(to, x)], out)
        n = 1 + len(kernel)
        to.shared[key] = to.seen(out, lambda a: conv.matrix(a, geometry.groups, n), "matrix")
    return to.shared[key]


def _channels(to: Lines, y: PlanArray, groups: int) -> PlanArray:
    return to.seen(_samples_last(to, y), lambda a: conv.channels(a, groups), "channels")


def _samples_last(to: Lines, x: PlanArray) -> PlanArray:
    """Return x with the samples last in memory: copied, once, if it lies otherwise."""
    if not x.local and np.moveaxis(x.layout(), 0, -1).flags.c_contiguous:
        return x
    key = ("samples last", x)
    if key not in to.shared:
        template = empty_samples_last(x.shape, x.dtype)
        out = to.buffer(x.shape, x.dtype, f"{x.name}_last", template=template)
        to.add("copyto({out}, {0})", [x], out)
        to.shared[key] = out
    return to.shared[key]
