"""What training needs of data: three splits of scaled float32 samples, and how they were scaled."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinygrad_ae.data.framing import Framing
from tinygrad_ae.data.raw import Raw
from tinygrad_ae.data.reading import Reading, numbers_of
from tinygrad_ae.errors import DataError

SPLITS = ("train", "validation", "test")
_ROWS = 4096  # scaled at a time, so that the float64 intermediate stays small


@dataclass(frozen=True, eq=False)
class Split:
    """One part of a data set.

    Args:
        x: float32 samples, shape (n, d), scaled.
        y: int64 labels, shape (n,), or None.
    """

    x: NDArray[np.float32]
    y: NDArray[np.int64] | None

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        labels = "" if self.y is None else f", labels {self.y.min()}...{self.y.max()}"
        return f"<Split: {len(self):,} samples of {self.x.shape[1]:,} values{labels}>"

    def first(self, n: int) -> Split:
        """Return the first n samples, or all if there are fewer."""
        return Split(self.x[:n], None if self.y is None else self.y[:n])


@dataclass(frozen=True, eq=False, init=False)
class Scaling:
    """The map x = (raw - offset) / scale, which brings a source's values to 0...1.

    A run remembers it, so that the user's own files are scaled as the training data was.
    It is held in float64: a float32 offset would round away what is small beside it.

    Args:
        offset: one number, or one for each feature, shape (d,).
        scale: likewise; not zero.

    Raises:
        DataError: a value is not finite, or a scale is zero.
    """

    offset: NDArray[np.float64]
    scale: NDArray[np.float64]

    def __init__(self, offset: ArrayLike = 0.0, scale: ArrayLike = 1.0) -> None:
        object.__setattr__(self, "offset", np.asarray(offset, np.float64))
        object.__setattr__(self, "scale", np.asarray(scale, np.float64))
        finite = np.isfinite(self.offset).all() and np.isfinite(self.scale).all()
        if not finite or (self.scale == 0).any():
            raise DataError(
                "A scaling needs finite offsets and finite scales other than 0, but got offset "
                f"{self.offset} and scale {self.scale}. Bring the values to a smaller range."
            )

    @classmethod
    def fit(cls, raw: NDArray[Any], *, units: int | None = None) -> Scaling:
        """Choose the scaling of a source from its training samples.

        Values already within 0...1 stay as they are, and bytes (uint8) are divided by 255.
        Anything else is brought to 0...1 by its minimum and maximum: those of all values
        together where the features are alike, as pixels are; else those of each column of a
        table, or of each channel of a signal. What is constant becomes 0.

        Args:
            raw: training samples, shape (n, d).
            units: how many units of measurement take turns among the d features: d if they are
                columns, c if they are c channels at each of d / c times; None if all are alike.

        Raises:
            DataError: the values span more than float64 can hold.
        """
        if within_unit(raw):
            return cls()
        if raw.dtype == np.uint8:
            return cls(0.0, 255.0)
        values = raw if units is None else raw.reshape(-1, units)
        axis = None if units is None else 0
        low = np.asarray(values.min(axis), np.float64)
        with np.errstate(over="ignore"):  # an infinite span is refused by name
            span = np.asarray(values.max(axis), np.float64) - low
        span = np.where(span == 0, 1.0, span)
        if units is None:
            return cls(low, span)
        turns = raw.shape[1] // units
        return cls(np.tile(low, turns), np.tile(span, turns))

    @property
    def natural(self) -> bool:
        """Whether it is that of bytes or of 0...1, whatever the training samples held."""
        return self.scale.ndim == 0 and self.offset == 0 and float(self.scale) in (1, 255)

    def __repr__(self) -> str:
        return f"<Scaling: {self}>"

    def __str__(self) -> str:
        """What it does, in words: "all values from 0...255 to 0...1"."""
        low, high = self.offset, self.offset + self.scale
        ends = f"{low.min():g}...{high.max():g}"
        if np.ptp(low) or np.ptp(high):
            return f"each column or channel from its own range to 0...1 (all lie in {ends})"
        return "none" if ends == "0...1" else f"all values from {ends} to 0...1"

    def apply(self, raw: NDArray[Any], start: int = 0) -> NDArray[np.float32]:
        """Scale samples of shape (n, d) to float32.

        Args:
            raw: the samples.
            start: the number of the first of them in their source, for a message.

        Raises:
            DataError: a value is so far from the training data's that float32 cannot hold it.
        """
        x = np.empty(raw.shape, np.float32)
        with np.errstate(over="ignore"):  # refused below
            for start in range(0, len(raw), _ROWS):
                rows = slice(start, start + _ROWS)
                x[rows] = (raw[rows] - self.offset) / self.scale
        wrong = ~np.isfinite(x)
        if wrong.any():
            i, j = (int(k) for k in np.unravel_index(wrong.argmax(), x.shape))
            raise DataError(
                f"The value {raw[i, j]:g} of sample {start + i}, counted from 0, is so far outside "
                f"the range of the training data ({self.offset.min():g} to "
                f"{(self.offset + self.scale).max():g}) that float32 cannot hold it when scaled. "
                "Check the units of the data."
            )
        return x

    def invert(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return scaled samples, shape (n, d), to the source's units, as float32."""
        return (x * self.scale + self.offset).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Data ready for training.

    Args:
        name: what it was loaded from.
        train: what the model is fitted to.
        validation: what choices (when to stop, which settings) are made by.
        test: what the result is reported on, looked at once.
        shape: shape of one sample, e.g. (28, 28), (28, 28, 3) or (d,); a row of ``x`` is it,
            flattened.
        scaling: how the splits were scaled; fitted to ``train`` alone.
        framing: how samples were cut from recordings; None where they were not.
        reading: what the source was read as; None where it is not known.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    shape: tuple[int, ...]
    scaling: Scaling
    framing: Framing | None = None
    reading: Reading | None = None

    def __repr__(self) -> str:
        return f"<Dataset {self}; scaling: {self.scaling}>"

    def __str__(self) -> str:
        """Its name, and how many samples of which shape it has."""
        counts = ", ".join(f"{len(getattr(self, split)):,} {split}" for split in SPLITS)
        return f"{self.name}: {counts} samples of shape {self.shape}"

    @property
    def columns(self) -> tuple[str, ...]:
        """What a table's heading calls the features or channels; empty without one."""
        table = None if self.reading is None else self.reading.table
        return () if table is None else table.headings

    @property
    def classes(self) -> tuple[str, ...]:
        """The words that are labels, class i at position i; empty if labels are numbers."""
        return () if self.reading is None else self.reading.classes

    @property
    def features(self) -> int:
        """The number d of values in one sample."""
        return math.prod(self.shape)

    @property
    def bounded(self) -> bool:
        """Whether samples cannot leave 0...1, as pixels cannot, but columns and signals can."""
        return self.framing is None and self.scaling.natural

    def shown(self, n: int) -> NDArray[np.int64]:
        """Return which n test samples to show, see ``shown``."""
        return shown(len(self.test), n, self.framing)

    def only(self, labels: Sequence[int | str]) -> Dataset:
        """Return the samples of some labels, scaled as they are here.

        Args:
            labels: whole numbers, or words where labels are words.

        Raises:
            DataError: the samples have no labels, or a split has none of these.
        """
        train, validation, test = (self._only(name, labels) for name in SPLITS)
        return replace(self, train=train, validation=validation, test=test)

    def _only(self, name: str, labels: Sequence[int | str]) -> Split:
        split: Split = getattr(self, name)
        chosen = _chosen(f"{self.name}: the {name} split", split.y, labels, self.classes)
        return Split(split.x[chosen], None if split.y is None else split.y[chosen])


def shown(total: int, n: int, framing: Framing | None) -> NDArray[np.int64]:
    """Return which n of some samples to show (all if there are fewer), shape (n,).

    They are the first; of windows, which often begin in silence, some of all.
    """
    n = min(n, total)
    return np.arange(n) if framing is None else np.arange(n) * (total - 1) // max(1, n - 1)


def within_unit(raw: NDArray[Any]) -> bool:
    """Whether all values are within 0...1."""
    return bool(raw.min() >= 0 and raw.max() <= 1)


def assemble(
    name: str,
    parts: Mapping[str, Raw],
    shape: tuple[int, ...] | None = None,
    framing: Framing | None = None,
    only: Sequence[int | str] | None = None,
    scaling: Scaling | None = None,
    reading: Reading | None = None,
) -> Dataset:
    """Complete the splits of a source, choose samples by label, then scale them.

    A source without a validation or a test split has a tenth of its training samples held out
    for each that it lacks: drawn without replacement by ``numpy.random.default_rng(0)``,
    whatever the run's seed, so that every run has the same test split.

    Args:
        name: what to call the data set.
        parts: "train" and, where the source has them, "validation" and "test".
        shape: of one sample, when the source holds it flat; (28, 28) says that its 784 values
            are alike. None: as the source has it.
        framing: how the samples were cut from recordings, if they were.
        only: labels of the samples to take; None: all. What is left out has no say in the scaling.
        scaling: of all splits; fitted to the training samples unless given.
        reading: what the source was read as.

    Raises:
        DataError: the splits do not fit each other or ``shape``, or are too small to divide; a
            split has no sample of the labels in ``only``.
    """
    train = parts["train"]
    if train.x.ndim < 2:
        raise DataError(
            f"{train.where} holds an array of shape {train.x.shape}, expected (samples, ...) with "
            "at least two dimensions. For samples of one number, reshape it to (samples, 1)."
        )
    for part in parts.values():
        if part.x.shape[1:] != train.x.shape[1:] or part.x.dtype != train.x.dtype:
            raise DataError(
                f"The splits differ: {train.where} holds samples of {_describe(train)}, but "
                f"{part.where} of {_describe(part)}. Give all splits the same shape and type."
            )
    parts = _complete(parts)
    if only is not None:
        classes = () if reading is None else reading.classes
        parts = {
            split: _take(
                part, np.flatnonzero(_chosen(f"{name}: the {split} split", part.y, only, classes))
            )
            for split, part in parts.items()
        }
        train = parts["train"]
    if shape is not None and min(shape, default=0) < 1:
        raise DataError(
            f"The shape {tuple(shape)} is none of a sample: its lengths are at least 1. Give them, "
            "such as --shape 28,28, or leave it out."
        )
    if shape is not None and math.prod(shape) != math.prod(train.x.shape[1:]):
        raise DataError(
            f"{train.where}: found samples of shape {train.x.shape[1:]}, expected {tuple(shape)} "
            "by the shape that was given (--shape), which has another number of values. Correct "
            "it, or leave it out."
        )
    shape = train.x.shape[1:] if shape is None else tuple(shape)
    rows = {split: flat(part, shape) for split, part in parts.items()}
    columns = shape[0] if len(shape) == 1 else None
    if scaling is None:
        scaling = Scaling.fit(rows["train"], units=framing.channels if framing else columns)
    splits = {split: _split(scaling.apply(rows[split]), parts[split].y) for split in SPLITS}
    return Dataset(name, **splits, shape=shape, scaling=scaling, framing=framing, reading=reading)


def flat(samples: Raw, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return the samples as rows, shape (n, d), if each is of ``shape`` or flat of its size.

    Raises:
        DataError: they are of another shape.
    """
    expect(samples.x.shape[1:], shape, samples.where)
    return samples.x.reshape(len(samples.x), math.prod(shape))


def expect(found: tuple[int, ...], shape: tuple[int, ...], where: str) -> None:
    """Raise DataError unless a sample found is of ``shape`` or flat of its size."""
    size = math.prod(shape)
    if found not in (shape, (size,)):
        raise DataError(
            f"{where}: found samples of shape {found}, expected {shape}"
            + (f" or flat ({size},)" if len(shape) > 1 else "")
            + ". Bring the samples to that shape"
            + (
                " (for pictures: resize or crop them, and convert between grey and colour)."
                if len(shape) > 1
                else "."
            )
        )


def _complete(parts: Mapping[str, Raw]) -> dict[str, Raw]:
    train = parts["train"]
    missing = [split for split in SPLITS if split not in parts]
    n = len(train.x)
    if missing and n < 10:
        raise DataError(
            f"{train.where} holds {n} samples; at least 10 are needed to hold out a tenth as the "
            f"{' and the '.join(missing)} split. Give more samples, or splits of your own."
        )
    order = np.random.default_rng(0).permutation(n)
    complete = dict(parts)
    for i, split in enumerate(missing):
        complete[split] = _take(train, order[i * (n // 10) : (i + 1) * (n // 10)])
    complete["train"] = _take(train, order[len(missing) * (n // 10) :]) if missing else train
    return complete


def _chosen(
    where: str,
    y: NDArray[np.integer[Any]] | None,
    labels: Sequence[int | str],
    classes: Sequence[str],
) -> NDArray[np.bool_]:
    """Return which samples have one of some labels."""
    if y is None:
        raise DataError(
            f"{where} has no labels to choose samples by. Give data with labels, or leave the "
            "choice out."
        )
    chosen: NDArray[np.bool_] = np.isin(y, numbers_of(where, labels, classes))
    if not chosen.any():
        raise DataError(
            f"{where} has no sample labelled {' or '.join(map(str, labels))}; its labels are "
            f"{', '.join(map(str, np.unique(y)[:20]))}."
        )
    return chosen


def _take(samples: Raw, rows: NDArray[np.int64]) -> Raw:
    rows = np.sort(rows)  # the source's order, which a person can follow
    y = None if samples.y is None else samples.y[rows]
    return replace(samples, x=samples.x[rows], y=y, names=None)


def _split(x: NDArray[np.float32], y: NDArray[Any] | None) -> Split:
    return Split(x, None if y is None else y.astype(np.int64))


def _describe(samples: Raw) -> str:
    return f"shape {samples.x.shape[1:]}, {samples.x.dtype}"
