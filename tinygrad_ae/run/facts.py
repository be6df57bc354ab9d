"""What a checkpoint says of its run, checked before any of it is believed.

The file may come from a later version, from another program, or from somebody who wrote it by hand.
"""

from __future__ import annotations

import importlib.metadata
import types
import typing
from pathlib import Path
from typing import Annotated, Any, Literal

from ..errors import RunError
from .config import Config

FORMAT = "tinygrad_ae run 1"
_NEEDED: dict[str, Any] = {
    "epoch": int, "config": dict[str, Any], "history": list[dict[str, float]],
    "random_state": dict[str, Any], "optimizer": dict[str, Any], "origin": dict[str, Any],
}  # fmt: skip
_ALSO: dict[str, Any] = {  # what versions since then have added
    "format": str, "version": str, "generators": dict[str, dict[str, Any]], "frozen": list[str],
    "attributes": dict[str, Any], "hooks": list[str],
}  # fmt: skip
_ORIGIN: dict[str, Any] = {
    "sample_shape": list[int], "framing": dict[str, Any] | None, "data_sha256": str,
    "model_sha256": str, "imports": str | None,
}  # fmt: skip
_ORIGIN_ALSO: dict[str, Any] = {
    "reading": dict[str, Any] | None, "columns": list[str], "stretched": list[dict[str, int]],
}  # fmt: skip
_CONFIG_ALSO = ("label", "columns", "drop", "time", "header", "drop_last")
_EPOCH = ("epoch", "loss", "seconds", "samples_per_second")


def version() -> str:
    """Return the version of this package."""
    return importlib.metadata.version("tinygrad-ae")


def check(facts: dict[str, Any], path: Path) -> None:
    """See that facts are of the kinds that a run needs.

    Args:
        facts: of the checkpoint.
        path: its file.

    Raises:
        RunError: something is missing, of another kind, or of a later version.
    """
    if facts.get("format") != FORMAT:
        raise RunError(f"{path} was not written by this version's 'train'.{_written(facts)}")
    _check(path, facts, facts, "", _NEEDED, _ALSO)
    origin = facts["origin"]
    _check(path, facts, origin, "origin.", _ORIGIN, _ORIGIN_ALSO)
    hints = typing.get_type_hints(Config, include_extras=True)
    also = {name: hints.pop(name) for name in _CONFIG_ALSO}
    _check(path, facts, facts["config"], "config.", hints, also)
    if origin["imports"] is None and facts["config"]["model"].endswith(".py"):
        raise _damaged(path, "origin.imports is missing")
    for k, record in enumerate(facts["history"]):
        if [record.get("epoch"), *(name in record for name in _EPOCH)] != [k + 1, *[True] * 4]:
            raise _damaged(path, f"the history of epoch {k + 1} lacks figures")
        if record.keys() != facts["history"][0].keys():
            raise _damaged(path, f"the history of epoch {k + 1} has other figures than the first")
    if facts["epoch"] != len(facts["history"]):
        raise _damaged(path, f"it is of epoch {facts['epoch']}, its history is not")
    if not origin["sample_shape"] or min(origin["sample_shape"]) < 1:
        raise _damaged(path, f"a sample cannot have the shape {origin['sample_shape']}")


def _check(
    path: Path,
    facts: dict[str, Any],
    values: dict[str, Any],
    where: str,
    needed: dict[str, Any],
    also: dict[str, Any],
) -> None:
    for name in needed:
        if name not in values:
            raise _damaged(path, f"{where}{name} is missing")
    for name, value in values.items():
        kind = needed.get(name, also.get(name))
        if kind is None:
            raise RunError(
                f"{path} holds {where}{name}, which this version ({version()}) does not know: a "
                f"later one wrote it.{_written(facts)} Update the package to open the run."
            )
        if not fits(value, kind):
            raise _damaged(path, f"{where}{name} is {value!r:.60}")


def fits(value: Any, kind: Any) -> bool:
    """Whether a value of JSON's types can be of an annotation's; its lists stand for tuples."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return True
    if origin is Annotated:
        return fits(value, arguments[0])
    if origin in (types.UnionType, typing.Union):
        return any(fits(value, a) for a in arguments)
    if origin is Literal:
        return value in arguments
    if origin is dict or kind is dict:
        return isinstance(value, dict) and all(fits(v, arguments[1]) for v in value.values())
    if origin in (list, tuple):
        return isinstance(value, (list, tuple)) and all(fits(v, arguments[0]) for v in value)
    if kind in (None, types.NoneType):
        return value is None
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _damaged(path: Path, why: str) -> RunError:
    return RunError(
        f"The checkpoint {path} does not hold what a run needs ({why}). Restore it from a copy, or "
        "train again."
    )


def _written(facts: dict[str, Any]) -> str:
    known = facts.get("version")
    return f" It was written by version {known}." if isinstance(known, str) else ""
