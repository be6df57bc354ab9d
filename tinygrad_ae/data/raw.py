"""Samples as a source holds them: checked, not yet split or scaled."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tinygrad_ae.data.reading import LARGEST, Layout
from tinygrad_ae.errors import DataError

_FLOAT32 = 2.0**128 - 2.0**103  # what is smaller is rounded to a finite float32


class Rows(Protocol):
    """What samples are read from: an array, or a file that gives its slices as arrays."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of all of them."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values."""

    def __len__(self) -> int: ...
    def __getitem__(self, rows: slice, /) -> NDArray[Any]: ...


@dataclass(frozen=True, eq=False)
class Raw:
    """Samples and their labels; whoever holds one knows that they can be trained on.

    Args:
        x: samples, shape (n, ...), n ≥ 1; bool, integers or floats, all finite.
        y: integer labels, shape (n,), or None.
        where: what to call the source in a message: its file, folder or key.
        names: the file name of each sample, where each has one.
        kind: what it was read as, in words; unless given the shape and type of an array, or the
            layout of a table.
        label_kind: where the labels were found, in words.
        classes: the words that are labels, class i at position i; none if labels are numbers.
        table: the layout of a table.

    Raises:
        DataError: there are no samples, or they are not finite real numbers, or the labels do
            not fit them.
    """

    x: NDArray[Any]
    y: NDArray[Any] | None
    where: str
    names: tuple[str, ...] | None = None
    kind: str = ""
    label_kind: str = ""
    classes: tuple[str, ...] = ()
    table: Layout | None = None

    def __post_init__(self) -> None:
        x, y, where = self.x, self.y, self.where
        check(x.shape, x.dtype, where)
        refuse_unusable(x, where)
        if y is not None:
            if y.shape != x.shape[:1]:
                raise DataError(
                    f"{where} has labels of shape {y.shape}, expected {x.shape[:1]}: one for each "
                    "sample. Give labels that belong to these samples, or none."
                )
            if y.dtype.kind not in "biu":
                raise DataError(
                    f"{where} has labels that are {_kind(y.dtype)}; expected integers. Number the "
                    "classes 0, 1, 2, ... or leave the labels out."
                )
            wrong = (y > LARGEST) | (y < -LARGEST)
            if wrong.any():
                raise DataError(
                    f"{where} has the label {y[wrong][0]} at index {int(wrong.argmax())}; labels "
                    f"are at most {LARGEST:,} in size. Number the classes 0, 1, 2, ... or leave "
                    "the labels out."
                )

    @property
    def said(self) -> str:
        """What it was read as, in one line."""
        if self.table is not None:
            return self.kind or str(self.table)
        kind = self.kind or described("an array", self.x)
        if self.y is None:
            return f"{kind}; no labels"
        return f"{kind}; labels {self.label_kind or f'{self.y.min()}...{self.y.max()}'}"


def described(what: str, x: NDArray[Any]) -> str:
    """Return what an array is, with its shape and type."""
    return f"{what}, shape {x.shape}, {x.dtype}"


def check(shape: tuple[int, ...], dtype: np.dtype[Any], where: str) -> None:
    """Raise DataError unless an array of that shape and type can be samples."""
    if dtype.kind not in "biuf":
        raise DataError(
            f"{where} holds {_kind(dtype)}, not real numbers; give bool, integer or float values."
        )
    if not shape or not math.prod(shape):
        raise DataError(
            f"{where} holds no samples: its shape is {shape}, expected (samples, ...) with "
            "at least one sample of at least one number."
        )


def refuse_unusable(x: NDArray[Any], where: str, start: int = 0) -> None:
    """Raise DataError if values are NaN, infinite, or beyond what float32 holds.

    Args:
        x: samples, shape (n, ...).
        where: what to call the source in a message.
        start: the number of the first of them in the source, from 0.
    """
    if x.dtype.kind != "f":
        return
    wrong = ~np.isfinite(x)
    if x.dtype.itemsize > 4:
        wrong |= abs(x) >= _FLOAT32
    if not wrong.any():
        return
    index = tuple(int(i) for i in np.unravel_index(wrong.argmax(), x.shape))
    found = x[index]
    what, cure = "NaN or infinite values", "fill the gaps"
    if np.isfinite(found):
        what, cure = "values that float32 cannot hold", "bring the data to another unit"
    raise DataError(
        f"{where} holds {what}: {int(wrong.sum()):,} of {x.size:,}, the first is {found} at index "
        f"{[start + index[0], *index[1:]]} (sample {start + index[0]}, counted from 0). Remove "
        f"those samples or {cure} before giving the data."
    )


def _kind(dtype: np.dtype[Any]) -> str:
    kinds = {"c": "complex numbers", "O": "Python objects", "U": "text", "S": "bytes"}
    return kinds.get(dtype.kind, f"values of type {dtype}")
