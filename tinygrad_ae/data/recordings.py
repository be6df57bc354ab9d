"""Recordings: sound and sensor signals, whose values follow each other in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_ae.data.framing import Framing
from tinygrad_ae.data.raw import Raw, Rows
from tinygrad_ae.errors import DataError

SPLITS = ("train", "validation", "test")
_WHOLE = 10  # recordings from which on whole ones are held out


@dataclass(frozen=True, eq=False)
class Recording:
    """One stretch of time.

    Args:
        values: in the units of the source, shape (times, channels); sound is within -1...1. An
            array, or a file that is read where it is looked at.
        where: what to call it in a message: its file, or the source's name.
        sample_rate: times in a second, in Hz, or None.
        labels: integers, shape (times,), or None.
        kind: of a sound: what its file was read as, in words.
        label_kind: where the labels were found, in words.
        classes: the words that are labels, class i at position i; none if labels are numbers.
    """

    values: Rows
    where: str
    sample_rate: float | None = None
    labels: NDArray[np.integer[Any]] | None = None
    kind: str = ""
    label_kind: str = ""
    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    @property
    def channels(self) -> int:
        """How many values there are at a time."""
        return int(np.prod(self.values.shape[1:]))  # a file may hold the times of one flat


class Windows:
    """The samples that recordings are cut into, cut when they are asked for.

    Args:
        recordings: at least one, of the framing's channels.
        framing: how they are cut.
    """

    def __init__(self, recordings: Sequence[Recording], framing: Framing) -> None:
        self._recordings, self._framing = recordings, framing
        self._ends = np.cumsum([framing.count(len(recording)) for recording in recordings])
        self.shape = (int(self._ends[-1]), *framing.shape)
        self.dtype = np.dtype(float)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        """Return some of the samples, shape (k, *framing.shape)."""
        start, stop, _ = rows.indices(len(self))
        parts = [np.empty((0, *self.shape[1:]), np.float32)]
        while start < stop:
            i = int(np.searchsorted(self._ends, start, side="right"))
            end = min(stop, int(self._ends[i]))
            values = self._recordings[i].values
            first = int(self._ends[i]) - self._framing.count(len(values))
            parts.append(self._framing.split(values, rows=slice(start - first, end - first)))
            start = end
        return np.concatenate(parts)


def from_raw(raw: Raw, sample_rate: float | None = None) -> list[Recording]:
    """Return the recordings that an array holds.

    Args:
        raw: shape (times,) or (times, channels), with a label for each time; or several
            recordings, shape (n, times, channels), with a label for each.
        sample_rate: times in a second, in Hz.

    Raises:
        DataError: the array has another number of dimensions.
    """
    x = raw.x if raw.x.dtype.kind == "f" else raw.x.astype(np.float64)
    if x.ndim < 3:
        return [Recording(x.reshape(len(x), -1), raw.where, sample_rate, raw.y)]
    if x.ndim > 3:
        raise DataError(
            f"{raw.where}: windows are cut from recordings of shape (times, channels), or several, "
            f"(n, times, channels), but this has the shape {x.shape}. Leave out --window, --hop "
            "and --frame to take it as samples."
        )
    times = x.shape[1]
    labels = [None] * len(x) if raw.y is None else [np.full(times, label) for label in raw.y]
    return [
        Recording(values, f"{raw.where}, recording {i}", sample_rate, label)
        for i, (values, label) in enumerate(zip(x, labels, strict=True))
    ]


def said(recordings: Sequence[Recording]) -> str:
    """Return what recordings were read as, in one line."""
    first = recordings[0]
    kinds = list(dict.fromkeys(recording.kind for recording in recordings))
    one = f"{first.channels} channel" + "s" * (first.channels != 1)
    number = f"{len(recordings):,} recording" + "s" * (len(recordings) != 1)
    kind = f"{number}: " + (" or ".join(kinds[:3]) + " …" * (len(kinds) > 3) or one)
    if first.labels is None:
        return f"{kind}; no labels"
    return f"{kind}; labels" + (f" {first.label_kind}" if first.label_kind else "")


def cut(parts: Mapping[str, Sequence[Recording]], framing: Framing) -> dict[str, Raw]:
    """Cut all three splits into samples of ``framing.shape``.

    Windows overlap, so two samples must not be held out at random: a sample would be tested that
    was half learnt. Of a source without a validation or a test split, a tenth of its training
    recordings is held out whole for each that it lacks (drawn by ``numpy.random.default_rng(0)``)
    if there are ten; else the last tenth of the time of each (the tenth before it, for a second).

    A sample's label is the largest among its times: of 0 and 1, whether it holds a 1 anywhere.

    Args:
        parts: "train" and, where the source has them, "validation" and "test".
        framing: how samples are cut.

    Raises:
        DataError: recordings differ in their channels or are too short to be divided.
    """
    for recording in (r for part in parts.values() for r in part):
        if recording.channels != framing.channels:
            raise DataError(
                f"{recording.where} has {recording.channels} channels, but the others have "
                f"{framing.channels}. Give recordings with the same channels."
            )
    return {name: _samples(part, framing) for name, part in _hold_out(parts, framing).items()}


def labels_of(recording: Recording, framing: Framing, *, pad: bool) -> NDArray[Any] | None:
    """Return the label of each sample that is cut from a recording: the largest of its times."""
    if recording.labels is None:
        return None
    starts = framing.starts(len(recording), pad=pad)
    ends = np.clip(starts + framing.window, 1, len(recording))
    starts = np.clip(starts, 0, ends - 1)
    return np.array([recording.labels[s:e].max() for s, e in zip(starts, ends, strict=True)])


def _samples(recordings: Sequence[Recording], framing: Framing) -> Raw:
    x = np.concatenate([framing.split(r.values, pad=False) for r in recordings])
    labels = [labels_of(r, framing, pad=False) for r in recordings]
    known = [y for y in labels if y is not None]
    y = np.concatenate(known) if len(known) == len(recordings) else None
    return Raw(x, y, where=recordings[0].where)


def _hold_out(
    parts: Mapping[str, Sequence[Recording]], framing: Framing
) -> dict[str, list[Recording]]:
    missing = [split for split in SPLITS if split not in parts]
    complete = {name: list(part) for name, part in parts.items()}
    train = complete["train"]
    n = len(train)
    if missing and n >= _WHOLE:
        order = np.random.default_rng(0).permutation(n)
        for i, split in enumerate(missing):
            chosen = order[i * (n // 10) : (i + 1) * (n // 10)]
            complete[split] = [train[j] for j in np.sort(chosen)]
        complete["train"] = [train[j] for j in np.sort(order[len(missing) * (n // 10) :])]
    elif missing:
        shortest = min(train, key=len)
        if len(shortest) // 10 < framing.window:
            raise DataError(
                f"{shortest.where} has {len(shortest):,} times, of which a tenth is held out as "
                f"the {' and the '.join(missing)} split; that must hold a window of "
                f"{framing.window}. Give a longer recording, at least ten, or a smaller --window."
            )
        for i, split in enumerate(reversed(missing)):
            complete[split] = [_part(r, -(i + 1), -i) for r in train]
        complete["train"] = [_part(r, None, -len(missing)) for r in train]
    return complete


def _part(recording: Recording, start: int | None, stop: int) -> Recording:
    """Return the part between two times, each in tenths of the recording before its end."""
    tenth = len(recording) // 10
    first = 0 if start is None else len(recording) + start * tenth
    rows = slice(first, len(recording) + stop * tenth)
    labels = None if recording.labels is None else recording.labels[rows]
    return replace(recording, values=recording.values[rows], labels=labels)
