"""The check of a whole operation: everything its declaration promises, from a few samples."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .autodiff import GradcheckError, enable_grad, grad, gradcheck, gradgradcheck, no_grad
from .compiled import CaptureWarning, compile
from .core.precision import PrecisionWarning
from .core.tensor import Tensor, _wrap, from_numpy
from .errors import GradientError
from .export.expression import translate
from .ops.op import Array, Op


def check_op(
    op: Op | Callable[..., Any],
    samples: Sequence[Any],
    *,
    reference: Callable[..., Any] | None = None,
    second: bool = True,
) -> bool:
    """Prove an operation on samples of its arguments.

    Checked are its value, first and second derivative, that it gives the same in float32 and for
    every memory layout, that arguments it broadcasts receive their gradient, that neither it nor
    its rules write to what they are given, that it is the same in a compiled step, and that its
    ``expr`` and LaTeX fit; an ``expr`` must also have a translation for export.

    Args:
        op: the operation, or a function built on it.
        samples: each a tuple of float64 arrays, or a pair (tuple of arrays, dict of attributes).
            Include axes of length 1, and no elements at all.
        reference: computes the expected value from the same arguments.
        second: whether to check second derivatives.

    Raises:
        GradcheckError: what is wrong, on which sample.
        ValueError: no samples are given.
    """
    name = op.name if isinstance(op, Op) else getattr(op, "__name__", "the function")
    if not len(samples):
        raise ValueError(f"check_op({name}, []) checks nothing: give it at least one sample")
    for number, sample in enumerate(samples):
        arrays, attrs = _sample(sample)
        try:
            _check_sample(op, arrays, attrs, reference, second)
        except (GradcheckError, GradientError, ValueError, TypeError) as error:
            shapes = [a.shape for a in arrays]
            raise GradcheckError(f"{name}, sample {number} {shapes} {attrs}: {error}") from error
    if isinstance(op, Op):
        _check_tex(op, *_sample(samples[0]))
        _check_export(op)
    return True


def _check_sample(
    op: Op | Callable[..., Any],
    arrays: tuple[Array, ...],
    attrs: dict[str, Any],
    reference: Callable[..., Any] | None,
    second: bool,
) -> None:
    def f(*xs: Any) -> Any:
        return op(*xs, **attrs)

    before = [a.copy() for a in arrays]
    with no_grad():
        out = f(*(from_numpy(a) for a in arrays))
    if any(not np.array_equal(a, b, equal_nan=True) for a, b in zip(arrays, before, strict=True)):
        raise GradcheckError("forward writes to its input")
    if not isinstance(out, Tensor):
        raise GradcheckError(f"it returns {type(out).__name__}, not a tensor")
    if reference is not None:
        _check_value("its value", out.data, np.asarray(reference(*arrays, **attrs)))
    if isinstance(op, Op) and op.expr is not None:
        values = dict(zip(op.inputs, arrays, strict=True))
        formula = np.asarray(eval(op.expr, {**vars(np), **values, **attrs}))  # noqa: S307 - an op's
        _check_value(f"its value against its expr, {op.expr!r},", out.data, formula)
    _check_float32(f, arrays, out.data)
    _check_layouts(f, arrays)
    gradcheck(f, arrays)
    if second:
        gradgradcheck(f, arrays)
    for fewer in _broadcasting(f, arrays):
        gradcheck(f, fewer)
    _check_replay(f, arrays)


def _check_value(what: str, got: Array, wanted: Array) -> None:
    if wanted.shape != got.shape:
        raise GradcheckError(f"{what} has shape {got.shape}; expected {wanted.shape}")
    if not np.allclose(got, wanted, rtol=1e-10, atol=1e-12, equal_nan=True):
        raise GradcheckError(f"{what} is {got!r}; expected {wanted!r}")


def _results(f: Callable[..., Any], leaves: Sequence[Tensor]) -> list[Tensor | None]:
    """Return the value and the gradients of a combination of its elements."""
    with enable_grad():
        out = f(*leaves)
        if not out.requires_grad:
            return [out]
        weights = np.cos(np.arange(out.size, dtype=out.dtype)).reshape(out.shape)
        return [out, *grad((out * weights).sum(), list(leaves), allow_unused=True)]


def _check_float32(f: Callable[..., Any], arrays: tuple[Array, ...], value: Array) -> None:
    singles = [_wrap(a.astype(np.float32)).requires_grad_() for a in arrays]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PrecisionWarning)  # an error here, below
        out, *gradients = _results(f, singles)
    assert out is not None
    if out.dtype.kind != "f":
        return
    if out.dtype != np.float32:
        raise GradcheckError(f"float32 inputs give {out.dtype}; a constant widens them")
    if not np.allclose(out.data, value, rtol=1e-4, atol=1e-5, equal_nan=True):
        raise GradcheckError(f"its value in float32 is {out.data!r}; in float64 {value!r}")
    for x, g in zip(singles, gradients, strict=False):
        if g is not None and (g.shape != x.shape or g.dtype != x.dtype):
            raise GradcheckError(
                f"the gradient of an input {x.shape} float32 is {g.shape} {g.dtype}"
            )


def _check_layouts(f: Callable[..., Any], arrays: tuple[Array, ...]) -> None:
    """Raise unless values and gradients are the same wherever in memory the elements lie."""
    plain = _results(f, [from_numpy(a).requires_grad_() for a in arrays])
    for layout, lay in _LAYOUTS.items():
        leaves = [from_numpy(lay(a)).requires_grad_() for a in arrays]
        for k, (got, wanted) in enumerate(zip(_results(f, leaves), plain, strict=True)):
            if got is None or wanted is None:
                continue
            if not np.allclose(got.data, wanted.data, rtol=1e-10, atol=1e-12, equal_nan=True):
                what = f"the gradient of argument {k - 1}" if k else "the value"
                raise GradcheckError(f"{what} is another when its arguments lie {layout} in memory")


_LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "column by column": lambda a: a.copy(order="F"),
    "backwards": lambda a: np.asarray(np.flip(np.flip(a).copy())),
    "with gaps": lambda a: np.repeat(a, 2, axis=-1)[..., ::2] if a.ndim else a.copy(),
}


def _check_replay(f: Callable[..., Any], arrays: tuple[Array, ...]) -> None:
    """Raise unless a compiled step, replayed, gives the values and gradients of an eager one."""

    def step(*xs: Tensor) -> list[Tensor | None]:
        return _results(f, [x.detach().requires_grad_() for x in xs])

    compiled = compile(step)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CaptureWarning)  # what looks at values runs as written
        compiled(*(a * 0.5 for a in arrays))
        replayed = compiled(*arrays)
    for got, wanted in zip(replayed, step(*map(from_numpy, arrays)), strict=True):
        if got is not None and wanted is not None:
            _check_value("what a compiled step makes of it", got.data, wanted.data)


def _broadcasting(f: Callable[..., Any], arrays: tuple[Array, ...]) -> Iterator[tuple[Array, ...]]:
    """Yield what a sample of two equal shapes becomes when one of them is broadcast."""
    if len(arrays) != 2 or arrays[0].shape != arrays[1].shape or not arrays[0].size:
        return
    x, y = arrays
    for part in ((slice(0, 1),), (..., slice(0, 1)), (0,)):
        if x.ndim:
            for fewer in ((x[part], y), (x, y[part])):
                try:
                    with no_grad():
                        f(*map(from_numpy, map(np.asarray, fewer)))
                except (ValueError, TypeError, IndexError):
                    continue
                yield tuple(map(np.asarray, fewer))


def _check_tex(op: Op, arrays: tuple[Array, ...], attrs: dict[str, Any]) -> None:
    if not op.tex.strip():
        raise GradcheckError(f"{op.name} has no LaTeX: give its formula as tex, such as '{{0}}^2'")
    names = [f"x_{k}" for k in range(len(arrays))]
    try:
        op.tex.format(*names, args=", ".join(names), **attrs)
    except (KeyError, IndexError, ValueError) as error:
        raise GradcheckError(
            f"{op.name}: the LaTeX {op.tex!r} cannot be filled in ({error!r}). Write {{0}}, {{1}} "
            "for the inputs, {name} for an attribute, and double every other brace."
        ) from error


def _check_export(op: Op) -> None:
    """Raise unless the formula for one element can be printed in another language."""
    if op.expr is None:
        return
    try:
        translate(op.expr, {name: name for name in (*op.inputs, *op.attrs)})
    except ValueError as error:
        raise GradcheckError(
            f"{op.name} cannot be exported: {error}. Write its expr, {op.expr!r}, with operators "
            "and functions that have one (tinygrad_ae/export/expression.py), or leave expr out."
        ) from error


def _sample(sample: Any) -> tuple[tuple[Array, ...], dict[str, Any]]:
    if isinstance(sample, tuple) and len(sample) == 2 and isinstance(sample[1], dict):
        arrays, attrs = sample
    else:
        arrays, attrs = sample, {}
    if not isinstance(arrays, tuple):
        arrays = (arrays,)
    return tuple(np.asarray(a, dtype=np.float64) for a in arrays), attrs
