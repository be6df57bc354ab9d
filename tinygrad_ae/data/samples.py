"""The user's own samples for a trained model, however many: read and scaled a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_ae.data.dataset import Scaling, within_unit
from tinygrad_ae.data.framing import Framing
from tinygrad_ae.data.raw import Rows, refuse_unusable
from tinygrad_ae.data.reading import Reading
from tinygrad_ae.data.recordings import Recording
from tinygrad_ae.errors import DataError

_ROWS = 1024  # looked at a time when all of a file has to be
_NEAR = 10  # to 0...1: floats all below it are no bytes
_OVERSHOOT = 0.1  # of pictures within 0...1, by which resizing may exceed that range


class Samples:
    """Samples scaled as a model's training data was, shape (n, d), float32.

    Much like an array: it has a length, and slices of it, and ``numpy.asarray`` reads it whole.
    A slice is read, checked and scaled when it is asked for, so that the whole need not fit in
    the memory.

    Args:
        rows: as the source holds them, shape (n, ...).
        shape: of one sample.
        scaling: of the model's data; None leaves the values as they are.
        where: what to call the source in a message.
        names: the file name of each sample, where each has one.
        labels: of the samples, shape (n,), or None.
        recordings: that the samples were cut from, in order; none if they were not.
        framing: how they were cut.
        reading: what the source was read as.
        columns: what a table calls its features or channels.
    """

    def __init__(
        self,
        rows: Rows,
        shape: tuple[int, ...],
        scaling: Scaling | None,
        *,
        where: str,
        names: tuple[str, ...] | None = None,
        labels: NDArray[Any] | None = None,
        recordings: Sequence[Recording] = (),
        framing: Framing | None = None,
        reading: Reading | None = None,
        columns: Sequence[str] = (),
    ) -> None:
        self._rows, self._where = rows, where
        self.sample_shape, self.names, self.labels = shape, names, labels
        self.recordings, self.framing = list(recordings), framing
        self.reading, self.columns = reading, tuple(columns)
        self._scaling = Scaling() if scaling is None else _for(rows, scaling)
        # Sensors and the columns of a table may well hold outliers, which are what one looks
        # for; the values of pictures have a range.
        beyond = np.inf
        if scaling is not None and scaling.scale.ndim == 0 and framing is None:
            beyond = _OVERSHOOT if len(shape) > 1 and scaling.natural else 1.0
        self._limits = (-beyond, 1 + beyond)

    @property
    def shape(self) -> tuple[int, int]:
        """(n, d)."""
        return len(self), int(np.prod(self.sample_shape))

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, rows: slice) -> NDArray[np.float32]:
        """Return some of the samples, shape (k, d).

        Raises:
            DataError: one is not finite, or its values are of another range than the model's.
        """
        start = rows.indices(len(self))[0]
        raw = self._rows[rows]
        raw = raw.reshape(len(raw), self.shape[1])
        refuse_unusable(raw, self._where, start)
        x = self._scaling.apply(raw, start)
        if x.size and (x.min() < self._limits[0] or x.max() > self._limits[1]):
            offset, scale = self._scaling.offset, self._scaling.scale
            raise DataError(
                f"{self._where}: found values from {raw.min():g} to {raw.max():g}, but the "
                f"model's data lay between {offset:g} and {offset + scale:g}. Give the values "
                "in the units that the model was trained on: what was brought to -1...1, for "
                "example, as (x + 1) / 2; noise that exceeds the range, clipped."
            )
        return x

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("samples are read from their source, which makes a copy")
        x = np.empty(self.shape, np.float32)
        for start in range(0, len(self), _ROWS):
            x[start : start + _ROWS] = self[start : start + _ROWS]
        return x if dtype is None else x.astype(dtype, copy=False)

    def restore(self, x: NDArray[Any]) -> list[Recording]:
        """Return what a model made of the samples, put together to recordings again.

        Args:
            x: scaled as the samples are, in their order, shape (n, d).

        Returns:
            As many recordings as the samples were cut from, as long and in the same units; of
            spectra they have the phase that the recordings had.

        Raises:
            DataError: the samples were not cut from recordings, or are another number.
        """
        return [
            replace(recording, values=np.concatenate(list(stretches)))
            for recording, stretches in self.restorations([x])
        ]

    def restorations(
        self, parts: Iterable[NDArray[Any]]
    ) -> Iterator[tuple[Recording, Iterator[NDArray[Any]]]]:
        """Yield each recording as it was, and stretch by stretch what ``restore`` returns of it.

        So neither the samples nor a recording need fit in the memory. The stretches of one are to
        be used before those of the next.

        Args:
            parts: of ``restore``'s x, in batches.
        """
        if self.framing is None:
            raise DataError(f"{self._where} holds samples that were not cut from recordings.")
        batches = _Batches(self._scaling.invert(x) for x in parts)
        for recording in self.recordings:
            windows = batches.take(self.framing.count(len(recording)))
            yield recording, self.framing.stretches(windows, recording.values)


class _Batches:
    """Batches that follow each other, divided anew."""

    def __init__(self, parts: Iterable[NDArray[Any]]) -> None:
        self._parts = iter(parts)
        self._left: NDArray[Any] | None = None

    def take(self, n: int) -> Iterator[NDArray[Any]]:
        """Yield the next n rows, in batches."""
        while n:
            part = next(self._parts, None) if self._left is None else self._left
            if part is None:
                return
            self._left = part[n:] if len(part) > n else None
            yield part[:n]
            n -= min(n, len(part))


def _for(rows: Rows, scaling: Scaling) -> Scaling:
    """The scaling, or its equivalent where bytes and 0...1 stand for each other."""
    if scaling.scale.ndim == 0 and scaling.offset == 0:
        if scaling.scale == 255 and rows.dtype != np.uint8:
            # Noise or a shift takes values out of 0...1, yet nowhere near a byte's range: read as
            # bytes they would all be black, and their reconstruction all too good.
            near = rows.dtype.kind == "f" and _all(rows, lambda part: abs(part).max() < _NEAR)
            if near or _all(rows, within_unit):
                return Scaling()
        if scaling.scale == 1 and rows.dtype == np.uint8 and not _all(rows, within_unit):
            return Scaling(scale=255.0)
    return scaling


def _all(rows: Rows, holds: Callable[[NDArray[Any]], bool]) -> bool:
    return all(holds(rows[start : start + _ROWS]) for start in range(0, len(rows), _ROWS))
