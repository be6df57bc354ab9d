"""The tensor: an array that remembers how it was computed, and what can be done with it.

Each line of its operators and methods names an operation of :mod:`tinygrad_ae.ops`; what those
compute, and their gradients, is written there.
"""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Concatenate, ParamSpec, SupportsIndex, cast

import numpy as np
import numpy.typing as npt

from .. import ops
from ..errors import GradientError, ShapeError
from ..ops.op import Array, Op, as_array, in_floats
from . import inplace, messages, precision
from .engine import pull_back
from .graph import Node, constant, looked_at, state
from .inplace import left_behind
from .numpy_protocol import call_function, call_ufunc
from .value import TensorLike, Value, halves, note_half

ndarray = np.ndarray  # a global name is found faster than an attribute
HALF, SINGLE, DOUBLE = np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.float64)
NO_ATTRS: dict[str, Any] = {}  # one for all operations that have none
P = ParamSpec("P")
Unary = Callable[["Tensor"], "Tensor"]
Binary = Callable[["Tensor", Any], "Tensor"]


def _wrap(array: Array, node: Node | None = None) -> Tensor:
    """Make a tensor around an array, at a place in the graph, without copying or checking."""
    tensor = Tensor.__new__(Tensor)
    tensor.data, tensor.grad, tensor._name, tensor._node = array, None, None, node
    return tensor


def record(op: Op, args: tuple[Any, ...], attrs: dict[str, Any]) -> Tensor:
    """Compute ``op`` and, where a gradient may be wanted, add a node to the graph."""
    if attrs and "index" in attrs:
        attrs = {**attrs, "index": inplace.plain_index(attrs["index"])}
    if left_behind:
        inplace.check_views(args)
    values: list[Any] = []
    nodes: list[Any] = []
    tracked, bit = 0, 1  # bit k of ``tracked``: input k requires a gradient
    is_new = False  # whether an input is not in the graph yet
    try:
        for a in args:
            if isinstance(a, Tensor):
                node = a._node
                values.append(a.data)
                if node is None:
                    is_new = True
                elif node.tracked:
                    tracked |= bit
                elif node.op is None and node.saved and node.saved[0] is not a.data:
                    node, is_new, a._node = None, True, None  # it was given other data since
            else:
                node, is_new = None, True
                values.append(as_array(a))
            nodes.append(node)
            bit += bit
    except (ValueError, TypeError) as error:  # lists of several lengths
        raise messages.cannot_work(op, args, error) from error
    if op.floats and (len(values) > 1 or values[0].dtype.kind != "f"):
        whole = tuple(a if isinstance(a, Tensor) else v for a, v in zip(args, values, strict=True))
        if (floats := in_floats(whole)) is not whole:
            return record(op, floats, attrs)
    now = state.__dict__  # once: looking up what is a thread's own takes its time
    capture, observer, recording = now["capture"], now["observer"], now["recording"]
    given = values if capture is None else capture.computing(op, attrs, values)
    try:
        if observer is not None:
            z = observer("forward", op, op.forward, *given, **attrs)
        else:
            z = op.forward(*given, **attrs) if attrs else op.forward(*given)
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise messages.cannot_work(op, args, error) from error
    dtype = z.dtype if type(z) is ndarray else None
    kind = "?" if dtype is None else dtype.kind
    if kind != "f" and kind not in "iub":
        z = messages.as_result(op, args, z)
        dtype = z.dtype
        kind = dtype.kind
    if tracked and (dtype is DOUBLE or (halves and dtype is SINGLE)):
        for v in values:
            if (
                type(v) is ndarray
                and v.dtype is not dtype
                and (v.dtype is SINGLE or v.dtype is HALF)
            ):
                precision.widened(op, args, dtype)
                break
    if now["anomaly"] and kind == "f" and not np.isfinite(z).all():
        raise messages.not_finite(op, args)
    out = Tensor.__new__(Tensor)
    out.data, out.grad, out._name, out._node = z, None, None, None
    everything = now["everything"] and (recording or capture is not None)
    if not tracked and not everything:
        if op.views and recording and z.base is not None:
            _note_view(out, op, args, attrs)
        return out
    drop = None
    if tracked and recording and kind == "f":
        drop = op.unsaved[tracked] if op.unsaved else op.unneeded(tracked, len(args))
    if drop is None and not everything:
        return out
    values.append(z)
    for i in range(len(args)) if drop is None else drop:
        values[i] = None
    if everything:
        values[-1] = z
    frame = sys._getframe(2)  # where the user's code is, if an operator or an Op called this
    if is_new:
        for k, a in enumerate(args):
            nodes[k] = a.node if isinstance(a, Tensor) else constant(a, frame)
            if values[k] is a and isinstance(a, ndarray):
                values[k] = a.copy()  # it is the caller's, who may overwrite it
    out._node = Node(op, tuple(nodes), attrs, z, drop is not None, values, now["scope"], frame)
    if capture is not None:
        capture.recorded(out)
    return out


VIEWS = 16  # of views of views: a longer chain would keep a program's every step


def _note_view(out: Tensor, op: Op, args: tuple[Any, ...], attrs: dict[str, Any]) -> None:
    """Note of what a tensor outside the graph is a view, so that pictures show one source."""
    if len(args) == 1 and isinstance(args[0], Tensor):
        depth = args[0]._seen[-1] + 1 if hasattr(args[0], "_seen") else 0
        if depth < VIEWS:
            out._seen = op, args[0], attrs, depth


_OPERANDS = (Value, np.ndarray, int, float, np.generic, list, tuple)


def _unary(op: Op) -> Unary:
    """Return the method ``x.name()`` that applies an operation to each element."""

    def method(self: Tensor) -> Tensor:
        return record(op, (self,), NO_ATTRS)

    method.__name__ = method.__qualname__ = op.name
    method.__doc__ = f"Apply :data:`tinygrad_ae.ops.{op.name}` to each element."
    return method


def _binary(op: Op) -> Binary:
    """Return the operator ``x · y``, x being the tensor."""

    def method(self: Tensor, other: TensorLike) -> Tensor:
        if isinstance(other, _OPERANDS):
            return record(op, (self, other), NO_ATTRS)
        return cast("Tensor", NotImplemented)  # Python tries the other operand, then names both

    return method


def _reflected(op: Op) -> Binary:
    """Return the operator ``y · x``, x being the tensor."""

    def method(self: Tensor, other: TensorLike) -> Tensor:
        if isinstance(other, _OPERANDS):
            return record(op, (other, self), NO_ATTRS)
        return cast("Tensor", NotImplemented)

    return method


def _method(
    function: Callable[Concatenate[Any, P], Any],
) -> Callable[Concatenate[Tensor, P], Tensor]:
    """Let a function of arrays or tensors be a method of tensors."""
    return function


def _in_place(op: Op) -> Callable[[Tensor, TensorLike], Tensor]:
    def method(self: Tensor, other: TensorLike) -> Tensor:
        inplace.change(self, op, other, {})
        return self

    return method


def _one_or_all(given: tuple[Any, ...]) -> Any:
    """Return what stands in f(x) or f(x, y, …), where x alone may be a sequence."""
    return given[0] if len(given) == 1 else given


class Tensor(Value):
    """A NumPy array whose operations are recorded, so that gradients can be derived.

    Args:
        data: an array, number or nested list; copied. NumPy decides the dtype unless given.
        requires_grad: whether gradients with respect to this tensor are wanted.
        dtype: convert to this number type.
        name: what pictures and derivations call it.

    Attributes:
        data: the values, an ``ndarray`` of any shape. Writing to it directly is not recorded
            and not checked.
        grad: after ``backward``, ∂L/∂(this), a tensor of the same shape and dtype; else None.
        name: what pictures and derivations call it.

    Raises:
        TypeError: data that is not numeric, or ``requires_grad`` for whole numbers.

    Example:
        >>> w = Tensor([1.0, 2.0], requires_grad=True)
        >>> (w * w).sum().backward()
        >>> w.grad
        Tensor([2., 4.])
    """

    __slots__ = ()

    grad: Tensor | None
    _is_number = False  # a Python number that a step which is being captured was given
    __record_op__ = staticmethod(record)
    __report__ = staticmethod(messages.cannot_call)

    def __init__(
        self,
        data: Any,
        requires_grad: bool = False,
        dtype: npt.DTypeLike | None = None,
        name: str | None = None,
    ) -> None:
        given = data._refuse_if_tracked("Tensor(t)") if isinstance(data, Tensor) else data
        try:
            self.data = np.array(given, dtype=dtype)
        except (ValueError, TypeError, OverflowError) as error:
            raise messages.cannot_hold(data, dtype, error) from error
        if self.data.dtype.kind not in "fiub":
            raise TypeError(
                f"a Tensor holds floats, integers or booleans; got {type(data).__name__} data "
                f"of dtype {self.data.dtype}"
            )
        self.grad, self._name, self._node = None, name, None
        if state.capture is not None:
            state.capture.made(self.data, data)
        if requires_grad:
            self.requires_grad_()

    # ---- what it is

    @property
    def T(self) -> Tensor:  # noqa: N802 - NumPy's name
        """The transpose: axes in reverse order."""
        return cast(Tensor, ops.transpose(self))

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Say whether gradients with respect to this leaf are wanted; return it.

        Raises:
            TypeError: the tensor does not hold floats.
            GradientError: it was computed from tensors that require gradients.
        """
        if requires_grad == self.requires_grad:
            return self
        if not self.is_leaf:
            raise GradientError(
                "requires_grad can be changed on leaves only; this tensor was computed by "
                f"{self.node.label}. Use detach() to get a leaf with its values."
            )
        if requires_grad and self.dtype.kind != "f":
            raise TypeError(
                f"only floating-point tensors can require gradients; this one is {self.dtype}. "
                "Convert it first: t.astype('float32')"
            )
        hooks = self._node.hooks if self._node is not None else None
        self._node = self._leaf_node(requires_grad)
        self._node.hooks = hooks
        return self

    # ---- out of the graph

    def detach(self) -> Tensor:
        """Return a tensor with the same memory that the graph does not know."""
        return _wrap(self.data)

    def numpy(self) -> Array:
        """Return the array itself (no copy).

        Raises:
            TypeError: gradients are being tracked; use ``detach().numpy()``.
        """
        return self._leave("t.numpy()")

    def item(self) -> Any:
        """Return the only element as a Python number.

        Raises:
            ValueError: there is not exactly one element.
        """
        data = self._leave("t.item()", even_tracked=True)
        if data.size != 1:
            raise ValueError(f"item() needs exactly one element; this tensor is {self.shape}")
        return data.item()

    def tolist(self) -> Any:
        """Return the values as (nested lists of) Python numbers."""
        return self._leave("t.tolist()", even_tracked=True).tolist()

    def _leave(self, how: str, even_tracked: bool = False) -> Array:
        """Return the array on its way to Python, where neither graph nor captured step follows."""
        looked_at(how)
        return self.data if even_tracked else self._refuse_if_tracked(how)

    def _refuse_if_tracked(self, how: str) -> Array:
        if self.requires_grad and state.recording:
            raise TypeError(
                f"{how} would drop this tensor of shape {self.shape} out of the graph while its "
                "gradient is tracked. Say that this is meant: t.detach(), or t.item() for a number."
            )
        return self.data

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self._leave("np.asarray(t)"), dtype=dtype, copy=copy)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return call_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return call_function(function, args, kwargs)

    # ---- gradients

    def backward(
        self,
        gradient: TensorLike | None = None,
        *,
        retain_graph: bool | None = None,
        create_graph: bool = False,
    ) -> None:
        """Add ∂(this)/∂(leaf) to the ``grad`` of every leaf that requires gradients.

        Args:
            gradient: ∂L/∂(this), of this tensor's shape; 1 for a tensor of one element.
            retain_graph: keep what forward saved, so that backward can run again; by default
                only when ``create_graph`` is set.
            create_graph: record the backward pass itself, for gradients of gradients.

        Raises:
            GradientError: this tensor does not require gradients, has more than one element
                and no ``gradient`` was given, or its graph was freed.
        """
        start = self._start(gradient)
        found = pull_back([start], wrap=_wrap, retain=retain_graph, record=create_graph)
        for node, g in found.items():
            leaf = node.leaf and node.leaf()
            if leaf is not None:
                leaf.grad = g if leaf.grad is None else leaf.grad + g

    def _start(self, gradient: TensorLike | None = None) -> tuple[Node, Tensor]:
        """Return where a backward pass from here starts: this tensor's node, and its gradient."""
        if not self.requires_grad:
            raise GradientError(
                f"{self.label()} does not require gradients: it was computed from tensors that do "
                "not, inside no_grad, after detach(), or through an operation that has no "
                "gradient. Create the inputs with requires_grad=True."
            )
        if gradient is None:
            return self.node, self._ones()
        given = as_tensor(gradient)
        if given.shape != self.shape:
            raise ShapeError(
                f"the gradient to start from has shape {given.shape}, the tensor {self.shape}"
            )
        return self.node, given.astype(self.dtype)

    def _ones(self) -> Tensor:
        """Return ∂L/∂L of a loss of one element."""
        if self.size != 1:
            raise GradientError(
                f"backward starts from a loss of one element; this tensor has shape {self.shape}."
                " Reduce it with .sum() or .mean(), or pass the gradient to start from."
            )
        start = np.ones(self.shape, self.dtype)
        if state.capture is not None:
            state.capture.number(start, weak=False)
        return _wrap(start)

    def zero_grad(self) -> None:
        """Forget the gradient."""
        self.grad = None

    def retain_grad(self) -> None:
        """Keep ``grad`` for this tensor in backward though it is not a leaf.

        It is the gradient after all hooks, with respect to the value the tensor has then.

        Raises:
            GradientError: this tensor does not require gradients.
        """
        if not self.requires_grad:
            raise GradientError("this tensor does not require gradients: there is none to retain")
        self.node.leaf = weakref.ref(self)

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Callable[[], None]:
        """Call ``hook`` with this tensor's gradient when backward reaches it.

        What the hook returns, unless None, replaces the gradient. Returns a function that
        removes the hook.

        Raises:
            GradientError: this tensor does not require gradients.
        """
        if not self.requires_grad:
            raise GradientError("a hook needs a gradient: this tensor does not require one")
        hooks = self.node.hooks = self.node.hooks or []
        entry = functools.partial(_call_hook, hook)  # its own, should the hook be there twice
        hooks.append(entry)

        def remove() -> None:
            if entry in hooks:
                hooks.remove(entry)

        return remove

    # ---- operators

    __add__, __radd__ = _binary(ops.add), _reflected(ops.add)
    __sub__, __rsub__ = _binary(ops.sub), _reflected(ops.sub)
    __mul__, __rmul__ = _binary(ops.mul), _reflected(ops.mul)
    __truediv__, __rtruediv__ = _binary(ops.div), _reflected(ops.div)
    __floordiv__, __rfloordiv__ = _binary(ops.floor_divide), _reflected(ops.floor_divide)
    __mod__, __rmod__ = _binary(ops.mod), _reflected(ops.mod)
    __matmul__, __rmatmul__ = _binary(ops.matmul), _reflected(ops.matmul)
    _power, __rpow__ = _binary(ops.power), _reflected(ops.power)
    __and__, __rand__ = _binary(ops.bitwise_and), _reflected(ops.bitwise_and)
    __or__, __ror__ = _binary(ops.bitwise_or), _reflected(ops.bitwise_or)
    __xor__, __rxor__ = _binary(ops.bitwise_xor), _reflected(ops.bitwise_xor)
    __lt__, __le__ = _binary(ops.less), _binary(ops.less_equal)
    __gt__, __ge__ = _binary(ops.greater), _binary(ops.greater_equal)
    __eq__ = _binary(ops.equal)  # type: ignore[assignment] # elementwise, as NumPy
    __ne__ = _binary(ops.not_equal)  # type: ignore[assignment] # elementwise, as NumPy
    __neg__, __abs__, __invert__ = _unary(ops.neg), _unary(ops.abs), _unary(ops.invert)

    def __pow__(self, other: TensorLike) -> Tensor:
        return self.square() if type(other) is int and other == 2 else self._power(other)

    def __pos__(self) -> Tensor:
        return self

    # ---- methods: NumPy's and PyTorch's names for the operations

    exp, log, sqrt, square = _unary(ops.exp), _unary(ops.log), _unary(ops.sqrt), _unary(ops.square)
    abs, tanh, sigmoid, relu = __abs__, _unary(ops.tanh), _unary(ops.sigmoid), _unary(ops.relu)

    sum, mean, prod = _method(ops.sum), _method(ops.mean), _method(ops.prod)
    var, std, norm = _method(ops.var), _method(ops.std), _method(ops.norm)
    max, min = _method(ops.max), _method(ops.min)
    argmax, argmin = _method(ops.argmax), _method(ops.argmin)
    any, all = _method(ops.any), _method(ops.all)
    cumsum, logsumexp = _method(ops.cumsum), _method(ops.logsumexp)
    softmax, log_softmax = _method(ops.softmax), _method(ops.log_softmax)

    round = _method(ops.round)
    clip, take, repeat = _method(ops.clip), _method(ops.take), _method(ops.repeat)
    dot, diagonal, swapaxes = _method(ops.dot), _method(ops.diagonal), _method(ops.swapaxes)
    squeeze, expand_dims = _method(ops.squeeze), _method(ops.expand_dims)
    broadcast_to = _method(ops.broadcast_to)

    def reshape(self, *shape: SupportsIndex | Sequence[int]) -> Tensor:
        """Same elements, another shape: ``reshape(2, -1)`` or ``reshape((2, -1))``."""
        return cast(Tensor, ops.reshape(self, _one_or_all(shape)))

    def flatten(self) -> Tensor:
        """Return one axis with all elements."""
        return self.reshape(-1)

    ravel = flatten

    def transpose(self, *axes: SupportsIndex | Sequence[int]) -> Tensor:
        """Permute the axes; reversed by default."""
        return cast(Tensor, ops.transpose(self, _one_or_all(axes) if axes else None))

    def astype(self, dtype: npt.DTypeLike) -> Tensor:
        """Convert to another number type; the gradient returns in this one."""
        if self.requires_grad and np.dtype(dtype) == HALF:
            note_half()
        return cast(Tensor, ops.astype(self, dtype))

    def copy(self) -> Tensor:
        """Same values in memory of their own, at a place of their own in the graph."""
        return record(ops.copy, (self,), NO_ATTRS)

    # ---- as a number, a truth value, a sequence

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        data = self._leave("bool(t)", even_tracked=True)
        if data.size != 1:
            raise ValueError(
                f"the truth of a tensor of shape {self.shape} is ambiguous: use any() or all()"
            )
        return bool(data)

    # NumPy calls these to put a tensor into an array, which would detach it unnoticed.

    def __float__(self) -> float:
        self._leave("float(t)")
        return float(self.item())

    def __int__(self) -> int:
        self._leave("int(t)")
        return int(self.item())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)

    def __index__(self) -> int:
        self._leave("use as an index", even_tracked=True)
        if self.dtype.kind not in "iu":
            raise TypeError(f"only integer tensors can be an index; this one is {self.dtype}")
        return int(self.item())

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("a tensor of no axes has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    # ---- indexing and in-place change

    def __getitem__(self, index: Any) -> Tensor:
        return record(ops.getitem, (self,), {"index": index})

    def __setitem__(self, index: Any, value: TensorLike) -> None:
        inplace.change(self, ops.setitem, value, {"index": index})

    __iadd__, __isub__ = _in_place(ops.add), _in_place(ops.sub)
    __imul__, __itruediv__ = _in_place(ops.mul), _in_place(ops.div)
    __ipow__, __imatmul__ = _in_place(ops.power), _in_place(ops.matmul)
    __ifloordiv__, __imod__ = _in_place(ops.floor_divide), _in_place(ops.mod)
    __iand__, __ior__ = _in_place(ops.bitwise_and), _in_place(ops.bitwise_or)
    __ixor__ = _in_place(ops.bitwise_xor)

    # ---- to look at, to keep

    def __repr__(self) -> str:
        parts = [np.array2string(self.data, separator=", ", prefix="Tensor(", threshold=200)]
        if self.dtype not in (np.float64, np.int64, np.bool_):
            parts.append(f"dtype={self.dtype}")
        if self.requires_grad:
            op = self.node.op
            parts.append(f"op={op.name}" if op else "requires_grad=True")
        if self.name:
            parts.append(f"name={self.name!r}")
        return f"Tensor({', '.join(parts)})"

    def __copy__(self) -> Tensor:
        """Share the memory, and the place in the graph; a leaf's copy is a leaf of its own."""
        twin = type(self).__new__(type(self))
        twin.data, twin.grad, twin._name, twin._node = self.data, None, self._name, self._node
        if self.requires_grad and self.is_leaf:
            twin._node = twin._leaf_node(tracked=True)
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        make, arguments = self.__reduce__()
        twin = cast(Tensor, make(*arguments))
        if self.grad is not None:
            twin.grad = Tensor(self.grad.detach())
        memo[id(self)] = twin
        return twin

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, tuple[Any, ...]]:
        looked_at("pickle")
        return self.__reduce__()

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        if not self.is_leaf:
            raise TypeError(
                f"a tensor computed by {self.node.label} is part of a graph, which cannot be "
                "copied or pickled with it; use detach() first"
            )
        return type(self), (self.data, self.requires_grad, None, self.name)


def _call_hook(hook: Callable[[Tensor], TensorLike | None], g: Tensor) -> Tensor | None:
    """Return what a hook puts in place of a gradient, if anything."""
    replaced = hook(g)
    return None if replaced is None else as_tensor(replaced)


def as_tensor(data: TensorLike) -> Tensor:
    """Return a tensor as it is, anything else as a tensor of its own memory."""
    return data if isinstance(data, Tensor) and not data._is_number else Tensor(data)


def from_numpy(array: Array) -> Tensor:
    """Return a tensor that shares an array's memory, to save a copy.

    Backward may read it: do not write to the array until then.

    Raises:
        TypeError: no array of floats, integers or booleans.
    """
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub":
        what = getattr(array, "dtype", type(array).__name__)
        raise TypeError(f"from_numpy takes an array of floats, integers or booleans; got {what}")
    return _wrap(array)
