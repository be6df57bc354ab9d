"""NumPy's own files: ``.npy`` and ``.npz``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from tinygrad_ae.data.raw import Raw
from tinygrad_ae.errors import DataError

SAMPLES = ("x", "X", "images", "data")
LABELS = ("y", "labels", "label")


def read_npy(path: Path) -> Raw:
    """Read samples, shape (n, ...), from a ``.npy`` file.

    Raises:
        DataError: the file is missing, damaged or cut short, or holds no real numbers.
    """
    try:
        # Mapped, not read: a header that promises more than the file holds is found at once.
        array = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # damaged headers reach Python's tokenizer, with errors of its own
        raise _damaged(path, error) from error
    return Raw(array, None, where=str(path))


def read_npz(path: Path) -> dict[str, Raw]:
    """Read an ``.npz`` file of samples, or of their splits.

    Samples are the array ``x`` (or ``X``, ``images``, ``data``; or the only one there is), with
    labels in ``y`` (or ``labels``, ``label``) if there are any. Splits are ``x_train`` (or
    ``train``), and likewise ``validation`` and ``test`` where they are there, with labels in
    ``y_train`` and so on.

    Raises:
        DataError: the file is missing or damaged, or has arrays of other names.
    """
    arrays = _arrays(path)
    parts = {}
    for split in ("train", "validation", "test"):
        samples = _one(path, arrays, (split, f"x_{split}"))
        if samples is not None:
            labels = _one(path, arrays, (f"y_{split}",))
            parts[split] = Raw(samples, labels, where=f"{path} ({split})")
    if "train" in parts:
        _refuse_other_splits(path, arrays, parts)
        return parts
    samples = _one(path, arrays, SAMPLES)
    if samples is None and len(arrays) == 1:
        (samples,) = arrays.values()
    if samples is None or parts:
        raise DataError(
            f"{path} holds the arrays {', '.join(arrays) or '(none)'}; expected x (with y for "
            "labels), or x_train, x_validation and x_test (with y_train, ...). Save it with such "
            "names, as in numpy.savez(file, x=samples)."
        )
    return {"train": Raw(samples, _one(path, arrays, LABELS), where=str(path))}


def _refuse_other_splits(
    path: Path, arrays: dict[str, NDArray[Any]], splits: Iterable[str]
) -> None:
    """Refuse what would be left out unnoticed, such as a split that is called otherwise."""
    others = arrays.keys() - {name for s in splits for name in (s, f"x_{s}", f"y_{s}")}
    if others:
        raise DataError(
            f"{path} holds x_train, but also {', '.join(sorted(others))}, which would not be used. "
            "Splits are x_train, x_validation and x_test (with y_train, ...): rename these arrays, "
            "or leave them out."
        )


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with open(path, "rb") as file, NpzFile(file, allow_pickle=False) as archive:
            return {key: value for key, value in archive.items() if isinstance(value, np.ndarray)}
    except Exception as error:  # as above
        raise _damaged(path, error) from error


def _one(path: Path, arrays: dict[str, NDArray[Any]], keys: Iterable[str]) -> NDArray[Any] | None:
    found = [key for key in keys if key in arrays]
    if len(found) > 1:
        raise DataError(f"{path} holds both {found[0]} and {found[1]}; keep the one that is meant.")
    return arrays[found[0]] if found else None


def _damaged(path: Path, error: BaseException) -> DataError:
    if "object" in str(error).lower():
        return DataError(
            f"{path} holds Python objects, not numbers; they are not read, because loading them "
            "could run code. Save an array of numbers of one shape."
        )
    return DataError(
        f"{path} cannot be read as NumPy's {path.suffix} ({error}): it is missing, damaged, cut "
        "short or something else. Save it again with numpy.save or numpy.savez."
    )
