"""What a model is made of: parameters, and modules that hold parameters and other modules.

A module is plain data. Its parameters, buffers and children are those of its attributes that are
a :class:`Parameter`, a :class:`Buffer` or a :class:`Module`; nothing has to be declared, and
calling ``super().__init__()`` is not required.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt

from ..core import inplace
from ..core.graph import Scope, locate, looked_at, state
from ..core.tensor import Tensor
from ..errors import ModelError, did_you_mean
from ..ops import identity
from ..ops.op import Array
from .parameter import Buffer, Parameter

T = TypeVar("T")
Hook = Callable[..., Any]


changes = [0]
"""How often an attribute of any module was set: while it stays, so do all settings."""


class Module:
    """A part of a model: subclass it, assign parameters and modules, define ``forward``.

    Attributes:
        training: whether layers such as dropout behave as in training; see :meth:`train`.

    Example:
        >>> class Encoder(nn.Module):
        ...     def __init__(self):
        ...         self.hidden = nn.Linear(784, 128)
        ...         self.code = nn.Linear(128, 16)
        ...     def forward(self, x):
        ...         return self.code(self.hidden(x).relu())
    """

    training: bool = True
    _name: str = ""  # under which its parent registered it
    _forward_hooks: tuple[Hook, ...] = ()
    _forward_pre_hooks: tuple[Hook, ...] = ()

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; every module that is called defines this.

        Raises:
            ModelError: the class does not.
        """
        raise ModelError(
            f"{type(self).__name__} was called but defines no forward method.\n"
            "Add one: def forward(self, x): ..."
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run ``forward`` and its hooks; operations inside know the path of this module."""
        if state.capture is not None:
            state.capture.ran(self)
        outer = state.scope
        kind = type(self).__name__
        state.scope = Scope(self._name or (kind if outer else ""), kind, outer)
        try:
            for hook in self._forward_pre_hooks:
                replaced = hook(self, args)
                if replaced is not None:
                    args = replaced if isinstance(replaced, tuple) else (replaced,)
            output = self.forward(*args, **kwargs)
            for hook in self._forward_hooks:
                replaced = hook(self, args, output)
                if replaced is not None:
                    output = replaced
            return output
        except Exception as error:
            locate(error, state.scope)
            raise
        finally:
            state.scope = outer

    # ---- what it holds

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Module):
            value._registered_as(name)
        elif isinstance(value, (Parameter, Buffer)):
            value.name = value.name or name
        elif isinstance(value, Tensor):
            current = self.__dict__.get(name)
            if isinstance(current, Parameter):
                raise ModelError(
                    f"{type(self).__name__}.{name} is a Parameter; a plain Tensor in its place "
                    "would no longer be trained or saved. Assign nn.Parameter(values), or write "
                    f"the values in place: {name}.data[...] = values"
                )
            if isinstance(current, Buffer):
                value = Buffer(value)
        object.__setattr__(self, name, value)
        changes[0] += 1

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        changes[0] += 1

    def _registered_as(self, name: str) -> None:
        if not self._name:  # a module with several parents keeps its first name
            self._name = name

    def register_buffer(self, name: str, tensor: Any) -> None:
        """Keep a copy of ``tensor`` as attribute ``name``: saved, but not trained."""
        setattr(self, name, Buffer(tensor))

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield the modules held directly, each once, with the attribute's name."""
        seen: set[Module] = set()
        for name, value in vars(self).items():
            if isinstance(value, Module) and value not in seen:
                seen.add(value)
                yield name, value

    def children(self) -> Iterator[Module]:
        """Yield the modules held directly, each once."""
        return (child for _, child in self.named_children())

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """Yield this module ("") and all below it, parents first, each once, with its path."""
        seen: set[Module] = set()
        stack = [(prefix, self)]
        while stack:
            path, module = stack.pop()
            if module not in seen:
                seen.add(module)
                yield path, module
                below = [(_join(path, name), child) for name, child in module.named_children()]
                stack.extend(reversed(below))

    def modules(self) -> Iterator[Module]:
        """Yield this module and all below it, parents first, each once."""
        return (module for _, module in self.named_modules())

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Yield the parameters of this module and all below it, each once, with its path.

        Raises:
            ModelError: an attribute that would be neither trained nor saved: a plain tensor that
                requires gradients, or modules or parameters in lists, tuples, sets or dicts.
        """
        self._refuse_hidden()
        return self._named_tensors(Parameter)

    def parameters(self) -> Iterator[Parameter]:
        """Yield the parameters of this module and all below it, each once."""
        return (parameter for _, parameter in self.named_parameters())

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        """Yield the buffers of this module and all below it, each once, with its path."""
        return self._named_tensors(Buffer)

    def buffers(self) -> Iterator[Buffer]:
        """Yield the buffers of this module and all below it, each once."""
        return (buffer for _, buffer in self.named_buffers())

    def _named_tensors(self, kind: type[T]) -> Iterator[tuple[str, T]]:
        seen: set[int] = set()
        for path, module in self.named_modules():
            for name, value in vars(module).items():
                if isinstance(value, kind) and id(value) not in seen:
                    seen.add(id(value))
                    yield _join(path, name), value

    def _refuse_hidden(self) -> None:
        known = {id(x) for _, x in (*self.named_modules(), *self._named_tensors(Parameter))}
        for path, module in self.named_modules():
            for name, value in vars(module).items():
                for item in _contents(value):
                    if isinstance(item, (Module, Parameter)) and id(item) not in known:
                        raise ModelError(
                            f"{_join(path, name)} is a {type(value).__name__} that holds modules "
                            "or parameters; they would be neither trained nor saved. "
                            "Use nn.ModuleList or nn.Sequential, or assign each as an attribute."
                        )
                    if type(item) is Tensor and item.requires_grad and item.is_leaf:
                        raise ModelError(
                            f"{_join(path, name)} holds a Tensor that requires gradients; it would "
                            "be neither trained nor saved. Make it an nn.Parameter, or call "
                            "requires_grad_(False)."
                        )

    # ---- changing all of it

    def train(self, mode: bool = True) -> Self:
        """Set this module and all below it to training (or evaluation) behaviour."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Set this module and all below it to evaluation behaviour."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            parameter.grad = None

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Say whether the parameters are to be trained; False freezes them."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def apply(self, function: Callable[[Module], Any]) -> Self:
        """Call ``function`` on every module, children before parents."""
        for module in reversed(list(self.modules())):
            function(module)
        return self

    def astype(self, dtype: npt.DTypeLike) -> Self:
        """Convert all floating-point parameters and buffers; gradients are forgotten.

        Convert before an optimiser is made: it keeps the parameters' memory.

        Raises:
            TypeError: ``dtype`` is not floating-point.
        """
        if np.dtype(dtype).kind != "f":
            raise TypeError(f"a module's parameters are floats; cannot convert them to {dtype}")
        for tensor in (*self.parameters(), *self.buffers()):
            if tensor.dtype.kind == "f":
                trained = tensor.requires_grad
                # a new leaf: the graph's record of the old one states the old dtype
                tensor.data, tensor.grad, tensor._node = tensor.data.astype(dtype), None, None
                tensor.requires_grad_(trained)
        return self

    # ---- saving and loading

    def state_dict(self) -> dict[str, Array]:
        """Return copies of all parameters and buffers by path, e.g. ``"encoder.0.weight"``."""
        looked_at("state_dict()")
        return {path: tensor.data.copy() for path, tensor in self._state().items()}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> None:
        """Write saved values into the parameters and buffers; all of them or, on error, none.

        Args:
            state: what :meth:`state_dict` returned: arrays (or tensors) by path.
            strict: whether every path must be on both sides; shapes must always agree.

        Raises:
            ModelError: naming the missing and unexpected paths and the shapes that differ.
        """
        looked_at("load_state_dict()")
        own = self._state()
        values = {k: v.data if isinstance(v, Tensor) else np.asarray(v) for k, v in state.items()}
        common = [(path, own[path].data, values[path]) for path in own.keys() & values.keys()]
        problems = []
        for path, mine, given in common:
            if mine.shape != given.shape:
                problems.append(f"{path} has shape {mine.shape}, given {given.shape}")
            elif not np.can_cast(given.dtype, mine.dtype, "same_kind"):
                problems.append(f"{path} holds {mine.dtype}, given {given.dtype}")
        for path in own.keys() ^ values.keys() if strict else ():
            if path in own:
                problems.append(f"missing: {path} {own[path].shape}")
            else:
                hint = did_you_mean(path, own)
                problems.append(f"unexpected: {path} {values[path].shape}.{hint}")
        if problems:
            title = f"the saved state does not fit this {type(self).__name__}:"
            raise ModelError("\n  ".join([title, *sorted(problems)]))
        for _, mine, given in common:
            mine[...] = given  # in place: optimisers keep views of this memory
            inplace.mark(inplace.overwritten, mine, "load_state_dict")

    def _state(self) -> dict[str, Tensor]:
        return {**dict(self.named_parameters()), **dict(self.named_buffers())}

    # ---- hooks

    def register_forward_hook(self, hook: Hook) -> Callable[[], None]:
        """Call ``hook(module, args, output)`` after ``forward``; return a function to remove it.

        What the hook returns, unless None, replaces the output.
        """
        return self._add_hook("_forward_hooks", hook)

    def register_forward_pre_hook(self, hook: Hook) -> Callable[[], None]:
        """Call ``hook(module, args)`` before ``forward``; return a function to remove it.

        What the hook returns, unless None, replaces the positional arguments.
        """
        return self._add_hook("_forward_pre_hooks", hook)

    def register_full_backward_pre_hook(self, hook: Hook) -> Callable[[], None]:
        """Call ``hook(module, gradient)`` in backward with the gradient of ``forward``'s output.

        What the hook returns, unless None, replaces the gradient. Returns a function to remove
        it. The module must return one tensor; for the gradient of anything else use
        :meth:`Tensor.register_hook`.
        """

        def watch(module: Module, args: tuple[Any, ...], output: Tensor) -> Tensor | None:
            if not output.requires_grad:
                return None
            result: Tensor = identity(output)  # not a tensor that others hold, nor a parameter
            result.register_hook(functools.partial(hook, module))
            return result

        return self.register_forward_hook(watch)

    def _add_hook(self, where: str, hook: Hook) -> Callable[[], None]:
        entry = functools.partial(hook)  # one of its own, should the hook be there twice
        setattr(self, where, (*getattr(self, where), entry))

        def remove() -> None:
            setattr(self, where, tuple(h for h in getattr(self, where) if h is not entry))

        return remove

    # ---- to look at

    def extra_repr(self) -> str:
        """Return what ``print`` shows between the parentheses: the layer's settings."""
        return ""

    def __repr__(self) -> str:
        lines = [
            f"  ({name}): " + repr(child).replace("\n", "\n  ")
            for name, child in vars(self).items()
            if isinstance(child, Module)
        ]
        head = f"{type(self).__name__}({self.extra_repr()}"
        return "\n".join([head, *lines, ")"]) if lines else f"{head})"


def _contents(value: Any) -> Iterator[Any]:
    """Yield a value, or what a nest of containers holds."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            if item is not value:
                yield from _contents(item)
    else:
        yield value


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
