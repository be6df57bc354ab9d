"""Run one of PyTorch's operator samples through both libraries and compare everything.

For outputs y(x), random cotangents u and tangents v, compared are the value y, the vjp uᵀJ, the
jvp J v, and the hvp ∇²(uᵀy) v.
"""

from __future__ import annotations

import inspect
import random
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch

import tinygrad_ae as tg
from tinygrad_ae import Tensor

TOLERANCE = 1e-10
MOST_SAMPLES = 120  # of one entry; drawn at random where it has more
MOST_ELEMENTS = 20_000  # in one tensor

matched: Counter[str] = Counter()  # samples, by entry
partly: dict[str, Counter[str]] = defaultdict(
    Counter
)  # values agree, derivatives not compared: why
skipped: dict[str, Counter[str]] = defaultdict(Counter)  # not compared at all: why


class Skip(Exception):
    """Why a sample has no counterpart here."""


class ValueOnly(Exception):
    """Why only the value of a sample is compared."""


def samples(op: Any) -> Iterator[Any]:
    """Yield PyTorch's samples of an entry: the thorough set where it has one, else the usual."""
    float64 = torch.float64 in op.supported_dtypes("cpu")
    dtype = torch.float64 if float64 else torch.int64
    tracked = op.supports_autograd and float64
    random.seed(0)
    np.random.seed(0)  # torch's sample generators draw from all three
    torch.manual_seed(0)
    try:
        found = list(op.reference_inputs("cpu", dtype, requires_grad=tracked))
    except (ValueError, RuntimeError):  # some mix in integers that cannot require gradients
        found = list(op.sample_inputs("cpu", dtype, requires_grad=tracked))
    chosen = range(len(found))
    yield from (found[i] for i in sorted(random.sample(chosen, min(len(found), MOST_SAMPLES))))


def compare(op: Any, ours: Callable[..., Any], sample: Any) -> None:
    """Compare one sample.

    Raises:
        Skip: it has no counterpart.
        ValueOnly: the values agree, and PyTorch has no derivative to compare.
        AssertionError: the two disagree.
    """
    call = Call(ours, sample)
    theirs = call.torch(op, call.tensors)
    values = call.ours([Tensor(t.detach().numpy()) for t in call.tensors])
    assert len(values) == len(theirs), f"{len(values)} outputs, PyTorch has {len(theirs)}"
    for z, y in zip(values, theirs, strict=True):
        _close("value", z, y, call.tolerance)
    smooth = [i for i, y in enumerate(theirs) if y.requires_grad]
    tracked = [i for i, t in enumerate(call.tensors) if t.requires_grad]
    if smooth and tracked:
        _compare_derivatives(op, call, smooth, tracked)


def _compare_derivatives(op: Any, call: Call, smooth: list[int], tracked: list[int]) -> None:
    rng = np.random.default_rng(0)
    tensors = [_ordinary(t, rng, getattr(call.function, "kinked", False)) for t in call.tensors]
    outputs = [call.torch(op, tensors)[i] for i in smooth]
    leaves = [tensors[i] for i in tracked]
    u = [rng.standard_normal(tuple(y.shape)).astype(y.detach().numpy().dtype) for y in outputs]
    v = [rng.standard_normal(tuple(x.shape)) for x in leaves]
    first, pushed, second = _torch_derivatives(outputs, leaves, u, v)

    def f(*xs: Any) -> list[Any]:
        full = [Tensor(t.detach().numpy()) for t in tensors]
        for i, x in zip(tracked, xs, strict=True):
            full[i] = x
        out = call.ours(full)
        return [out[i] for i in smooth]

    def weighted(*xs: Any) -> Any:
        return sum(((z * c).sum() for z, c in zip(f(*xs), u, strict=True)), Tensor(0.0))

    primals = [x.detach().numpy() for x in leaves]
    with np.errstate(all="ignore"):
        _, pull = tg.vjp(f, *primals)
        _compare_all("vjp", pull(u), first, call.tolerance)
        if pushed is None:
            raise ValueOnly("PyTorch has no second derivative: jvp and hvp not compared")
        _, ahead = tg.jvp(f, primals, v)
        _compare_all("jvp", ahead, pushed, call.tolerance)
        curved = tg.hvp(weighted, primals, v)
        _compare_all("hvp", (curved,) if len(primals) == 1 else curved, second, call.tolerance)


def _ordinary(t: torch.Tensor, rng: np.random.Generator, kinked: bool) -> torch.Tensor:
    """Return where derivatives are compared: finite, and off kinks where conventions differ."""
    if not t.is_floating_point():
        return t
    x = t.detach().clone() if t.is_contiguous() else t.detach()
    bad = ~torch.isfinite(x)
    if bad.any():
        x = torch.where(bad, torch.full_like(x, 0.75), x)
    if kinked:
        shift = torch.tensor(rng.uniform(1e-3, 2e-3, tuple(x.shape)))
        x = x + shift * x.abs().clamp(min=1)
    return x.requires_grad_(t.requires_grad)


def _torch_derivatives(outputs: Any, leaves: Any, u: Any, v: Any) -> tuple[Any, Any, Any]:
    """Return (uᵀJ, J v, ∇²(uᵀy) v): the last two are the derivatives of uᵀJ v by u and by x."""
    seeds = [torch.tensor(c, requires_grad=True) for c in u]
    try:
        first = torch.autograd.grad(outputs, leaves, seeds, create_graph=True, allow_unused=True)
    except RuntimeError as error:
        if "not implemented" not in str(error):
            raise
        raise ValueOnly("PyTorch has no derivative") from None
    zero = [torch.zeros_like(x) for x in leaves]
    found = [z if g is None else g for g, z in zip(first, zero, strict=True)]
    total = sum((g * torch.tensor(d)).sum() for g, d in zip(found, v, strict=True))
    if not total.requires_grad:
        return found, [torch.zeros_like(c) for c in seeds], zero
    try:
        after = torch.autograd.grad(total, [*seeds, *leaves], allow_unused=True)
    except RuntimeError as error:
        if "not implemented" not in str(error):
            raise
        return found, None, None
    filled = [
        torch.zeros_like(x) if g is None else g
        for g, x in zip(after, [*seeds, *leaves], strict=True)
    ]
    return found, filled[: len(seeds)], filled[len(seeds) :]


def _compare_all(what: str, ours: Sequence[Any], theirs: Sequence[Any], tolerance: float) -> None:
    for k, (z, y) in enumerate(zip(ours, theirs, strict=True)):
        _close(f"{what}[{k}]", z, y, tolerance)


def _close(what: str, ours: Any, theirs: torch.Tensor, tolerance: float) -> None:
    z = ours.data if isinstance(ours, Tensor) else np.asarray(ours)
    y = theirs.numpy(force=True)
    assert z.shape == y.shape, f"{what} has shape {z.shape}, PyTorch's {y.shape}"
    assert z.dtype == y.dtype, f"{what} is {z.dtype}, PyTorch's {y.dtype}"
    if z.dtype.kind != "f":
        assert np.array_equal(z, y), f"{what} {z} differs from PyTorch's {y}"
        return
    size = np.abs(y[np.isfinite(y)]).max(initial=1.0)
    close = np.isclose(z, y, rtol=0, atol=tolerance * size, equal_nan=True)
    if not close.all():
        worst = np.unravel_index(np.argmax(~close), close.shape)
        raise AssertionError(
            f"{what}[{', '.join(map(str, worst))}] is {float(z[worst])}, PyTorch's "
            f"{float(y[worst])} ({(~close).sum()} of {close.size} differ)"
        )


# ---- from PyTorch's arguments to ours


class _Place(int):
    """Stands for the tensor of this number."""


class Call:
    """One sample's arguments, with places in them that either library's tensors can take.

    Attributes:
        function: our counterpart.
        tolerance: of the largest magnitude compared, or of 1.
        tensors: PyTorch's tensors; those that require gradients are leaves.

    Raises:
        Skip: the arguments cannot be ours.
    """

    def __init__(self, function: Callable[..., Any], sample: Any) -> None:
        self.function = function
        self.tolerance = getattr(function, "tolerance", TOLERANCE)
        self.tensors: list[torch.Tensor] = []
        self.args = [self._place(a) for a in (sample.input, *sample.args)]
        # Where elements lie in memory changes no value.
        given = {k: a for k, a in sample.kwargs.items() if k != "memory_format"}
        self.kwargs = {k: self._place(a) for k, a in given.items()}
        self.named = {k: a for k, a in self.kwargs.items() if a is not None or _takes(function, k)}
        floats = [t for t in self.tensors if t.is_floating_point()]
        if not self.tensors:
            raise Skip("no tensor among the arguments")
        if any(t.is_complex() for t in self.tensors):
            raise Skip("complex numbers")
        if any(t.dtype != torch.float64 for t in floats):
            raise Skip("mixes number types, which PyTorch and NumPy promote differently")
        if any(t.numel() > MOST_ELEMENTS for t in self.tensors):
            raise Skip(f"more than {MOST_ELEMENTS} elements (time)")
        _check_signature(function, self.args, self.named)

    def _place(self, a: Any) -> Any:
        if isinstance(a, torch.Tensor):
            self.tensors.append(a.detach().requires_grad_(a.requires_grad))
            return _Place(len(self.tensors) - 1)
        if isinstance(a, slice):
            return slice(*(self._place(x) for x in (a.start, a.stop, a.step)))
        if isinstance(a, (list, tuple)):
            return (
                [self._place(x) for x in a] if isinstance(a, list) else tuple(map(self._place, a))
            )
        return a

    def torch(self, op: Any, tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Evaluate PyTorch's operation."""
        args, kwargs = _fill(self.args, tensors), _fill(self.kwargs, tensors)
        with torch.enable_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of deprecated names: they are its samples, not ours
            out = _flat(op.op(*args, **kwargs))
        if any(y is NotImplemented for y in out):
            raise Skip("PyTorch does not take these arguments")
        return out[: getattr(self.function, "outputs", None)]

    def ours(self, tensors: Sequence[Tensor]) -> list[Any]:
        """Evaluate our counterpart."""
        args, kwargs = _fill(self.args, tensors), _fill(self.named, tensors)
        with np.errstate(all="ignore"):
            return _flat(self.function(*_plain(args), **_plain(kwargs)))


def _fill(tree: Any, tensors: Sequence[Any]) -> Any:
    """Put tensors in their places."""
    if isinstance(tree, _Place):
        return tensors[tree]
    if isinstance(tree, dict):
        return {k: _fill(x, tensors) for k, x in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)([_fill(x, tensors) for x in tree])
    return tree


def _plain(tree: Any) -> Any:
    """Replace PyTorch's number types by NumPy's."""
    if isinstance(tree, torch.dtype):
        name = str(tree).removeprefix("torch.")
        if name not in np.sctypeDict or "complex" in name:
            raise Skip("a number type without a counterpart")
        return np.dtype(name)
    if isinstance(tree, complex):
        raise Skip("complex numbers")
    if isinstance(tree, dict):
        return {k: _plain(x) for k, x in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)([_plain(x) for x in tree])
    return tree


def _flat(out: Any) -> list[Any]:
    if isinstance(out, (list, tuple)):
        return [leaf for part in out for leaf in _flat(part)]
    return [torch.tensor(out)] if isinstance(out, (bool, int, float)) else [out]


def _takes(f: Callable[..., Any], name: str) -> bool:
    parameters = inspect.signature(f).parameters
    return name in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def _check_signature(f: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> None:
    unknown = sorted(k for k in kwargs if not _takes(f, k))
    if unknown:
        raise Skip(f"parameter {', '.join(unknown)}, which ours does not take")
    try:
        inspect.signature(f).bind(*args, **kwargs)
    except TypeError as error:
        raise Skip(f"another signature: {error}") from None
