"""The hooks of a model, which no checkpoint can hold: what is said where they differ."""

from __future__ import annotations

import functools
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..nn import Module


def read(model: object) -> list[str]:
    """Return the hooks on a model's modules and parameters, each in words."""
    if not isinstance(model, Module):
        return []
    on_modules = [
        f"{_name(hook)} {when} forward of {path or 'the model'}"
        for path, module in model.named_modules()
        for when, hooks in (
            ("before", module._forward_pre_hooks),
            ("after", module._forward_hooks),
        )
        for hook in hooks
    ]
    on_parameters = [
        f"{_name(entry.args[0])} on the gradient of {path}"
        for path, parameter in model.named_parameters()
        if parameter._node is not None
        for entry in parameter._node.hooks or ()
        if isinstance(entry, functools.partial)  # as Tensor.register_hook makes it
    ]
    return on_modules + on_parameters


def _name(hook: Any) -> str:
    function = getattr(hook, "func", hook)  # modules and tensors wrap each in an entry of its own
    return getattr(function, "__qualname__", type(function).__name__)


def warn_of_others(where: str, epoch: int, were: Sequence[str], now: Sequence[str]) -> None:
    """Warn where a training is to go on with other hooks than its epochs so far had."""
    missing, new = Counter(were) - Counter(now), Counter(now) - Counter(were)
    if missing or new:
        differing = [
            f"{what}: {', '.join(hooks.elements())}"
            for what, hooks in (("now missing", missing), ("now there", new))
            if hooks
        ]
        warnings.warn(
            f"{where} was trained up to epoch {epoch} with other hooks than it has ("
            f"{'; '.join(differing)}). No checkpoint holds a hook, so what they change of the "
            "training changes here. Register the same ones before train(), or let the model's file "
            "do so in __init__",
            stacklevel=5,  # the line that calls Run.train
        )
