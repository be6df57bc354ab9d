"""What an operation is: how to compute it, and how to pull a gradient back through it.

An operation y = f(x₁, …, xₙ) is declared once, with one rule per argument. A rule is the
vector–Jacobian product of that argument (Goodfellow, Bengio & Courville 2016, section 6.5.2):
given ``g`` = ∂L/∂y it returns ∂L/∂xᵢ = gᵀ ∂y/∂xᵢ.

    mul    = Op("mul", np.multiply, lambda g, y: g * y, lambda g, x: x * g, tex=...)
    matmul = Op("matmul", np.matmul, lambda g, y: g @ y.T, lambda g, x: x.T @ g, tex=...)

A rule *names what it needs*, and only what it names is kept in memory for backward:

===============  ==============================================================
name             what the rule receives
===============  ==============================================================
``g``            the gradient of the loss with respect to the output
``z``            the output
``x``, ``y``, …  an input, by the name it has in the forward function
``x_shape``      the shape of that input alone (keeps no array alive)
``axis``, …      an attribute, by its name
``i``            for an operation of any number of inputs: which of them
===============  ==============================================================

Rules are written with operators, NumPy functions and registered operations only. So the same
rule runs on arrays (the fast backward pass), on tensors (which records it: gradients of any
order) and, printed, is the derivation.
"""

from __future__ import annotations

import ast
import functools
import inspect
import math
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any, ClassVar, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

from .reasons import reason

__all__ = ["Op", "elementwise", "in_floats", "unbroadcast"]

P = ParamSpec("P")
R = TypeVar("R")

Array = npt.NDArray[Any]
Rule = Callable[..., Any]


class Op:
    """One primitive operation.

    Args:
        name: how it is called in pictures, errors and exported files; unique.
        forward: computes the output from ``ndarray`` inputs (positional) and attributes
            (keyword-only). Its parameter names are the names rules use; a ufunc's inputs are
            called ``x`` and ``y``. It must not write to its inputs.
        rules: one per input, in order; None where no gradient exists (an index, a condition).
            An operation with no rules at all gives an output that needs no gradient. When
            ``forward`` takes ``*xs``, a single rule serves every input.
        tex: the forward formula in LaTeX; ``{0}``, ``{1}`` stand for the inputs (``{args}``
            for all of them) and ``{axis}`` for an attribute of that name. By default the name
            and the inputs, as in mean(x).
        flops: floating-point operations of one forward evaluation, as a function of the
            output's shape, the inputs' shapes and, by keyword, attributes it names; by default,
            for each output element, one for every operator and function in ``expr``, or one.
        expr: for an elementwise operation, its formula for one element in Python syntax; a
            ufunc of NumPy's is a formula already: ``"tanh(x)"``.
        views: whether the output may share memory with the first input.
        register: whether to declare it, see :meth:`register`; False only makes it, as a reader of
            graphs does to stand for something.
        floats: whether it yields floats, so that whole numbers become floats before its first
            step (:func:`in_floats`); by default, whether ``expr`` makes floats of whole numbers.

    Raises:
        TypeError: a rule names something that is neither an input nor an attribute.
        ValueError: a built-in operation has that name. (One of yours may be declared anew.)
    """

    registry: ClassVar[dict[str, Op]] = {}
    reserved: ClassVar[frozenset[str]] = frozenset()  # names of the built-in ones

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any],
        *rules: Rule | None,
        tex: str | None = None,
        flops: Callable[..., int] | None = None,
        expr: str | None = None,
        views: bool = False,
        register: bool = True,
        floats: bool | None = None,
    ) -> None:
        self.name, self.forward, self.rules = name, forward, rules
        self.inputs, self.attrs, self.variadic = _parameters(forward)
        self.views, self.expr = views, expr or _formula(forward, self.inputs)
        self.floats = self._yields_floats() if floats is None else floats
        self.tex = _in_words(name, self.inputs, self.variadic) if tex is None else tex
        each = _arithmetic(self.expr) if self.expr else 1
        self.flops = flops or (lambda out, *shapes: each * math.prod(out))
        self.arity = len(self.inputs)
        if rules and not self.variadic and len(rules) != self.arity:
            raise TypeError(f"{name} has {self.arity} inputs {self.inputs} but {len(rules)} rules")
        self.vjps = [rule and self._bind(rule) for rule in rules]
        cases = 1 << self.arity if self.arity < 7 and not self.variadic else 0  # else too many
        self.unsaved = [self.unneeded(tracked, self.arity) for tracked in range(cases)]
        if register:
            self.register()

    def register(self) -> None:
        """Let what reads graphs from files find it by its name, in place of one declared before.

        Raises:
            ValueError: a built-in operation has that name.
        """
        if self.name in Op.reserved:
            raise ValueError(
                f"there is an operation called {self.name!r} already, declared in tinygrad_ae.ops; "
                "graphs and files find operations by name, so give this one another"
            )
        Op.registry[self.name] = self

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __call__(self, *args: Any, **attrs: Any) -> Any:
        """Compute: arrays in, array out; with a tensor among the inputs, a tensor out."""
        for a in args:
            record = getattr(type(a), "__record_op__", None)
            if record is not None:
                return record(self, args, attrs)
        arrays = tuple(map(as_array, args))
        return self.forward(*(in_floats(arrays) if self.floats else arrays), **attrs)

    @property
    def is_random(self) -> bool:
        """Whether computing it again may give another result: it draws from a generator."""
        return "generator" in self.attrs

    def _yields_floats(self) -> bool:
        """Whether the formula makes floats of whole numbers, and not NumPy's own float64 at once.

        Left to NumPy, each step of a formula would overflow in the whole numbers it began with,
        or lose digits: to NumPy the exponential of a byte is a float16.
        """
        if self.expr is None:
            return False
        one = dict.fromkeys((*self.inputs, *self.attrs), np.int8(1))
        try:
            with np.errstate(all="ignore"):
                value = eval(self.expr, dict(vars(np)), one)  # noqa: S307 - the author's
                kind = np.asarray(value).dtype
        except Exception:  # a formula that whole numbers do not fit: then it is never given any
            return False
        is_one_step = isinstance(self.forward, np.ufunc)
        return kind.kind == "f" and not (is_one_step and kind == np.float64)

    def cost(
        self, out: tuple[int, ...], shapes: Sequence[tuple[int, ...]], attrs: dict[str, Any]
    ) -> int:
        """Return the floating-point operations it takes to compute an output of shape ``out``."""
        named = set(_names(self.flops)) & set(attrs)
        return self.flops(out, *shapes, **{name: attrs[name] for name in named})

    def vjp(self, k: int) -> Rule | None:
        """Return how a gradient flows to input ``k``, None if it does not.

        The result is called with ``(k, g, node, values)``: ``g`` = ∂L/∂y, the node, and the
        inputs followed by the output, all of them arrays or all of them tensors.
        """
        return self.vjps[0 if self.variadic else k] if self.vjps else None

    def unneeded(self, tracked: int, count: int) -> tuple[int, ...] | None:
        """Return the positions among (inputs…, output) that backward does not read.

        ``tracked`` has bit k set where input k of ``count`` requires a gradient. None if no
        gradient can flow to any of them.
        """
        ways = [k for k in range(count) if tracked >> k & 1 and self.vjp(k)]
        named = {name for k in ways for name in _names(self.rules[0 if self.variadic else k])}
        values = [*(self.inputs * count if self.variadic else self.inputs), "z"]
        rest = tuple(k for k, name in enumerate(values) if name not in named)
        return rest if ways else None

    def _bind(self, rule: Rule) -> Rule:
        """Return a function of (k, g, node, values) that hands the rule what it names.

        It is compiled once here, because looking names up at every call would cost more than
        many a rule.
        """
        sources = self._sources()
        for name in set(_names(rule)) - set(sources):
            known = ", ".join(sources)
            raise TypeError(f"a rule of {self.name} asks for {name!r}; it may name {known}")
        arguments = ", ".join(sources[name] for name in _names(rule))
        bound: Rule = eval(  # noqa: S307 - names of parameters only
            f"lambda k, g, node, values: rule({arguments})", {"rule": rule, "__name__": __name__}
        )
        return bound

    def _sources(self) -> dict[str, str]:
        """Return where the value of each parameter that a rule may have is found."""
        sources = {"g": "g", "z": "values[-1]", **{a: f"node.attrs[{a!r}]" for a in self.attrs}}
        if self.variadic:
            xs = self.inputs[0]
            shapes = "tuple(x.shape for x in node.inputs)"
            return {**sources, "i": "k", xs: "values[:-1]", f"{xs}_shape": shapes}
        for position, x in enumerate(self.inputs):
            sources[x] = f"values[{position}]"
            sources[f"{x}_shape"] = f"node.inputs[{position}].shape"
        return sources


def elementwise(
    name: str, expr: str, *rules: Rule | None, tex: str | None = None, attrs: Sequence[str] = (),
    floats: bool | None = None,
) -> Op:  # fmt: skip
    """Declare an elementwise operation by its formula for one element.

    ``expr`` is Python over ``x`` (and ``y``), the attributes and NumPy's elementwise functions
    by bare name, e.g. ``"maximum(x, 0)"``. The same text computes arrays here and is what
    emitters of code print.
    """
    signature = ", ".join([*["x", "y"][: max(1, len(rules))], *(["*", *attrs] if attrs else [])])
    forward = eval(f"lambda {signature}: {expr}", dict(vars(np)))  # noqa: S307 - as any rule
    return Op(name, forward, *rules, tex=tex, expr=expr, floats=floats)


def _in_words(name: str, inputs: Sequence[str], variadic: bool) -> str:
    places = "{args}" if variadic else ", ".join(f"{{{k}}}" for k in range(len(inputs)))
    return rf"\operatorname{{{{{name}}}}}({places})".replace("_", r"\_")


def _formula(forward: Callable[..., Any], inputs: Sequence[str]) -> str | None:
    """Return ``"tanh(x)"`` for NumPy's ufunc of that name, None for all that is no ufunc."""
    if not isinstance(forward, np.ufunc) or forward.signature is not None:
        return None
    known = getattr(np, forward.__name__, None) is forward
    return f"{forward.__name__}({', '.join(inputs)})" if known else None


def _arithmetic(expr: str) -> int:
    """Count the operators and functions in a formula; signs and comparisons are free."""
    return sum(isinstance(part, (ast.BinOp, ast.Call)) for part in ast.walk(ast.parse(expr)))


def as_array(x: Any) -> Any:
    """Return lists as arrays, everything else as it is: a number stays one, and widens no dtype.

    Raises:
        ValueError: nested lists of several lengths.
    """
    if not isinstance(x, (list, tuple)):
        return x
    try:
        return np.asarray(x)
    except ValueError as error:
        raise ValueError(reason(error)) from error


def reporting(function: Callable[P, R]) -> Callable[P, R]:
    """Let the errors of a function of tensors say what it was, what it was given, and the line.

    As those of an :class:`Op` do; for what goes wrong before one is reached.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except (ValueError, TypeError, IndexError, OverflowError) as error:
            failure: Exception = error
            for a in (*args, *kwargs.values()):
                for x in a if isinstance(a, (list, tuple)) else (a,):
                    if failure is error and hasattr(type(x), "__report__"):
                        failure = x.__report__(function.__name__, args, kwargs, error)
            if failure is error:
                raise
            raise failure from error

    return call


def reports(functions: dict[str, Any]) -> dict[str, Any]:
    """Return those of a module's names that are functions, reporting, as the package's own."""
    found = {}
    for name, function in functions.items():
        if isinstance(function, FunctionType):
            found[name] = reporting(function)
            found[name].__module__ = __package__
    return found


def in_floats(xs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the operands of a formula that yields floats, whole numbers converted to floats.

    They take the dtype that NumPy promotes them all to, and float64 if none of them is a float, as
    in x / 255 or a mean. Python's own numbers stay what they are.
    """
    arrays = [x for x in xs if hasattr(x, "dtype")]
    if all(x.dtype.kind == "f" for x in arrays):
        return xs
    dtype = np.result_type(*(x.dtype if hasattr(x, "dtype") else x for x in xs))
    if dtype.kind != "f":
        dtype = np.dtype(np.float64)
    whole = [hasattr(x, "dtype") and x.dtype.kind in "iub" for x in xs]
    return tuple(x.astype(dtype) if is_whole else x for x, is_whole in zip(xs, whole, strict=True))


@functools.cache
def _names(rule: Rule | None) -> tuple[str, ...]:
    return tuple(inspect.signature(rule).parameters) if rule else ()


def _parameters(forward: Callable[..., Any]) -> tuple[list[str], list[str], bool]:
    """Return the input names, the attribute names, and whether inputs are ``*xs``."""
    if isinstance(forward, np.ufunc):
        return ["x", "y", "w"][: forward.nin], [], False
    kinds = inspect.signature(forward).parameters.values()
    variadic = any(p.kind is p.VAR_POSITIONAL for p in kinds)
    inputs = [p.name for p in kinds if p.kind is not p.KEYWORD_ONLY]
    return inputs, [p.name for p in kinds if p.kind is p.KEYWORD_ONLY], variadic


def unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """Sum ``g`` over the axes along which an input of ``shape`` was broadcast.

    The engine applies this once to what every rule returns, so no rule has to.
    """
    if g.shape == shape:
        return g
    extra = g.ndim - len(shape)
    if extra < 0 and math.prod(shape[:-extra]) == 1:  # y[:] = x drops leading ones of x
        return unbroadcast(g, shape[-extra:]).reshape(shape)
    full = (1,) * extra + shape
    if extra < 0 or any(n not in (1, m) for n, m in zip(full, g.shape, strict=True)):
        raise ValueError(f"a gradient of shape {g.shape} does not fit an input of shape {shape}")
    axes = tuple(i for i, n in enumerate(full) if n != g.shape[i])
    return g.sum(axis=axes).reshape(shape)
