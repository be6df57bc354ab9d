"""Sums of products over named axes, in Einstein's notation.

The gradient of an einsum with respect to one factor is another einsum: the output's gradient
takes the place of the factor, and the factor's own indices become the output.
"""

from __future__ import annotations

import math
import string
from collections.abc import Iterator
from typing import Any

import numpy as np

from .op import Op
from .shape import broadcast_to

__all__ = ["einsum"]


def _rule(
    g: Any, xs: tuple[Any, ...], i: int, xs_shape: tuple[tuple[int, ...], ...], subscripts: str
) -> Any:
    left, _, out = subscripts.partition("->")
    labels = left.split(",")
    shape, fresh = xs_shape[i], _unused(subscripts)
    others = labels[:i] + labels[i + 1 :]
    terms, factors = [out, *others], [g, *xs[:i], *xs[i + 1 :]]
    wanted = ""
    for label, n in zip(labels[i], shape, strict=True):
        if label in wanted:  # a diagonal: its gradient lies on the diagonal, zero elsewhere
            twin = next(fresh)
            terms.append(label + twin)
            factors.append(np.eye(n, dtype=g.dtype))
            label = twin
        elif all(label not in term for term in terms):  # summed here alone: constant along it
            terms.append(label)
            factors.append(np.ones(n, g.dtype))
        wanted += label
    gx = _einsum(*factors, subscripts=f"{','.join(terms)}->{wanted}")
    # Another factor of length 1 along an index stood for all n; this one's gradient has n.
    return broadcast_to(gx, np.broadcast_shapes(gx.shape, shape))


def _flops(out: tuple[int, ...], *shapes: tuple[int, ...], subscripts: str) -> int:
    """Count a product and a sum for every combination of the indices each step of NumPy meets."""
    left, _, wanted = subscripts.partition("->")
    terms = left.split(",")
    lengths: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        for label, n in zip(term, shape, strict=True):
            lengths[label] = n if lengths.get(label, 1) == 1 else lengths[label]
    stand_ins = (np.broadcast_to(0.0, shape) for shape in shapes)
    _, *steps = np.einsum_path(subscripts, *stand_ins, optimize=len(shapes) > 1)[0]
    total = 0
    for step in steps:
        taken = [terms.pop(k) for k in sorted(step, reverse=True)]
        met = set[str]().union(*taken)
        total += len(taken) * math.prod(lengths[label] for label in met)
        terms.append("".join(met & set(wanted).union(*terms)))
    return total


# fmt: off
_einsum: Op = Op("einsum", lambda *xs, subscripts: np.einsum(subscripts, *xs, optimize=len(xs) > 1),
                 _rule, flops=_flops, views=True)
# fmt: on


def einsum(subscripts: str, *operands: Any) -> Any:
    """Sum products of elements over every index that the output does not name.

    Args:
        subscripts: one letter per axis, operands separated by commas, then ``->`` and the
            output's letters: ``"ij,jk->ik"`` is the matrix product. A letter repeated within
            an operand takes its diagonal. ``...`` stands for axes that broadcast; they are
            summed if the output has no ``...``. Without ``->`` the output has the axes of
            ``...``, then the letters that occur once, in alphabetical order.
        operands: arrays or tensors, one for each group of letters.

    Returns:
        The sums, with one axis per letter of the output.

    Raises:
        TypeError: ``subscripts`` is not a string (NumPy's list form is not supported).
        ValueError: subscripts that do not fit the operands.
    """
    if not isinstance(subscripts, str):
        raise TypeError(
            'the subscripts are one string, as in einsum("ij,jk->ik", x, y); '
            f"got {type(subscripts).__name__}"
        )
    ranks = [len(np.shape(x)) for x in operands]
    explicit = _explicit(subscripts, ranks)
    _refuse_unlike(explicit, [np.shape(x) for x in operands])
    return _einsum(*operands, subscripts=explicit)


def _refuse_unlike(subscripts: str, shapes: list[tuple[int, ...]]) -> None:
    """Raise ValueError if one letter stands for axes of several lengths (other than 1)."""
    lengths: dict[str, int] = {}
    for term, shape in zip(subscripts.partition("->")[0].split(","), shapes, strict=True):
        for letter, n in zip(term, shape, strict=True):
            if n != 1 and lengths.setdefault(letter, n) != n:
                raise ValueError(
                    f"the subscripts {subscripts!r}: {letter!r} stands for axes of length "
                    f"{lengths[letter]} and {n}; one letter stands for one length"
                )


def _explicit(subscripts: str, ranks: list[int]) -> str:
    """Name the output and every axis behind an ellipsis."""

    def wrong(why: str) -> ValueError:
        return ValueError(f"the subscripts {subscripts!r}: {why}")

    left, arrow, out = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise wrong(f"it names {len(terms)} operands, but {len(ranks)} are given")
    hidden = [n - len(t.replace("...", "")) for t, n in zip(terms, ranks, strict=True)]
    for term, more, rank in zip(terms, hidden, ranks, strict=True):
        if more < 0 or (more and "..." not in term):
            raise wrong(f"{term!r} does not fit an operand of {rank} axes")
    fresh = _unused(subscripts)
    shared = "".join(next(fresh) for _ in range(max(hidden)))
    behind = [shared[len(shared) - n :] for n in hidden]
    terms = [t.replace("...", axes) for t, axes in zip(terms, behind, strict=True)]
    if not arrow:
        named = left.replace("...", "").replace(",", "")
        out = "..." + "".join(sorted(c for c in set(named) if named.count(c) == 1))
    out = out.replace("...", shared)
    for c in "".join(terms) + out:
        if c not in string.ascii_letters:
            raise wrong(f"{c!r} is not a letter")
    if len(set(out)) < len(out) or not set(out) <= set("".join(terms)):
        raise wrong("the output names each index once, and only ones an operand has")
    return f"{','.join(terms)}->{out}"


def _unused(subscripts: str) -> Iterator[str]:
    return iter([c for c in string.ascii_letters if c not in subscripts])
