"""Modules that hold a row of other modules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Self, overload

from ..errors import ModelError
from .module import Module, changes


class _Row(Module):
    """Modules "0", "1", … in order; the same module may stand in several places."""

    def append(self, module: Module) -> Self:
        """Add a module at the end; return the container.

        Raises:
            ModelError: it is not a module.
        """
        return self.extend([module])

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add several at the end; return the container."""
        for index, module in enumerate(modules, len(self)):
            self._put(index, module)
        return self

    def __setitem__(self, index: int, module: Module) -> None:
        if self[index] is not module:
            self._put(index % len(self), module)

    def _put(self, index: int, module: Module) -> None:
        if not isinstance(module, Module):
            raise ModelError(f"{type(self).__name__} holds modules, like nn.ReLU(); got {module!r}")
        vars(self)[str(index)] = module
        changes[0] += 1  # what was compiled is out of date
        self._name_item(index, module)

    def _name_item(self, index: int, module: Module) -> None:
        module._registered_as(str(index))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[Module]:
        return (value for value in vars(self).values() if isinstance(value, Module))

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Module | Self:
        items: list[Module] = [*self]
        if isinstance(index, slice):
            return type(self)().extend(items[index])
        if not -len(items) <= index < len(items):
            raise IndexError(f"{type(self).__name__} has {len(items)} modules; no index {index}")
        return items[index]


class Sequential(_Row):
    """Modules applied one after the other: each takes what the one before returns.

    Indexing gives a module, which another may be assigned to; slicing gives a Sequential that
    shares its modules.

    Raises:
        ModelError: an argument is not a module.

    Example:
        >>> encoder = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 16))
    """

    def __init__(self, *modules: Module) -> None:
        self.extend(modules)

    def forward(self, x: Any) -> Any:
        """Apply all modules in order; ``x`` itself if there are none."""
        for module in self:
            x = module(x)
        return x


class ModuleList(_Row):
    """A list of modules that are trained and saved; the module that holds it calls them.

    Raises:
        ModelError: an item is not a module.
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        self.extend(modules)

    # The list itself is never called, so its items carry its name: "layers.0", not "0".

    def _registered_as(self, name: str) -> None:
        super()._registered_as(name)
        for index, module in enumerate(self):
            self._name_item(index, module)

    def _name_item(self, index: int, module: Module) -> None:
        if self._name:
            module._registered_as(f"{self._name}.{index}")
