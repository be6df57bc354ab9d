"""Checkpoint files: named arrays and facts about them, in the safetensors format.

Nothing in such a file is executed when it is read (unlike pickle). A checksum over all of it
tells a damaged file from a whole one.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RunError, require
from ..util.files import atomic

Arrays = dict[str, NDArray[Any]]
_CHECKSUM = "crc32"
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)


def save(path: Path, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> None:
    """Write a checkpoint; a kill leaves the old file or the new one.

    Args:
        path: ends in ``.safetensors``.
        arrays: of any shape and real dtype.
        facts: JSON's types.

    Raises:
        MissingExtra: safetensors is not installed.
        OSError: the file cannot be written.
    """
    safetensors = _library()
    arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    metadata = {name: json.dumps(fact) for name, fact in facts.items()}
    metadata[_CHECKSUM] = _checksum(arrays, metadata)
    with atomic(path) as temporary:
        temporary.write_bytes(safetensors.save(arrays, metadata))


def load(path: Path) -> tuple[Arrays, dict[str, Any]]:
    """Read a checkpoint: its arrays and facts.

    Raises:
        RunError: the file is missing or damaged.
        MissingExtra: safetensors is not installed.
    """
    safetensors = _library()
    try:
        content = path.read_bytes()
        arrays: Arrays = safetensors.load(content)
        length = int.from_bytes(content[:8], "little")
        metadata = json.loads(content[8 : 8 + length])["__metadata__"]
        expected = metadata.pop(_CHECKSUM)
        if _checksum(arrays, metadata) != expected:
            raise ValueError("its checksum does not match")
        return arrays, {name: json.loads(fact) for name, fact in metadata.items()}
    except FileNotFoundError as error:
        raise RunError(f"There is no checkpoint {path}.") from error
    except (*_UNREADABLE, _damage()) as error:
        raise RunError(
            f"The checkpoint {path} is damaged or not one of this program ({error}). Restore it "
            "from a copy, or train again."
        ) from error


def _checksum(arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> str:
    shapes = {name: [str(a.dtype), a.shape] for name, a in sorted(arrays.items())}
    total = zlib.crc32(json.dumps([shapes, sorted(metadata.items())]).encode())
    for _, array in sorted(arrays.items()):
        total = zlib.crc32(array.data, total)
    return f"{total:08x}"


def _library() -> Any:
    return require("safetensors.numpy", extra="all", purpose="Writing and reading checkpoints")


def _damage() -> type[Exception]:
    error: type[Exception] = require(
        "safetensors", extra="all", purpose="Writing and reading checkpoints"
    ).SafetensorError
    return error
