"""Everything that data can be loaded from, by name or by what a path holds."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from tinygrad_ae.data import (
    arrays,
    audio,
    digits,
    folders,
    idx,
    images,
    packages,
    recordings,
    spoken,
    tables,
)  # fmt: skip
from tinygrad_ae.data.bounds import refuse_special
from tinygrad_ae.data.dataset import Dataset, Scaling, assemble, expect, flat
from tinygrad_ae.data.framing import WINDOW, Framing
from tinygrad_ae.data.raw import Raw, described
from tinygrad_ae.data.reading import Layout, Reading, Wanted
from tinygrad_ae.data.recordings import Recording
from tinygrad_ae.data.samples import Samples
from tinygrad_ae.errors import DataError, did_you_mean
from tinygrad_ae.util.files import at_home, leads_nowhere

if TYPE_CHECKING:
    from tinygrad_ae.data.download import Progress

NAMES = {
    "digits": "19,000 real digits of MNIST, bundled: needs no network",
    "mnist": "70,000 handwritten digits, 28 × 28 (fetched: 12 MB)",
    "fashion-mnist": "70,000 pictures of clothes, 28 × 28 (fetched: 31 MB)",
    "spoken": "134 spoken words, bundled: needs no network",
    "watch": "140 series of a smartwatch's motion sensors (pip: the extra signals)",
    "ecg": "a few heart beats, enough for a picture (pip: the extra signals)",
    "blood-pressure": "a series with one anomaly to be found (pip: the extra signals)",
}
"""The sources that have a name, with a line about each."""

_KINDS = (
    "a folder of IDX files with MNIST's names, of pictures or of sounds, or a file: .npy, .npz, "
    ".csv, .wav, IDX or a picture"
)

Source = str | os.PathLike[str] | NDArray[Any]
Part = Raw | list[Recording]  # of a source: samples, or what they are cut from
Parts = dict[str, Part]


def located(source: str) -> str:
    """Return a source so that it is found from any folder: a name as it is, a path absolute."""
    return source if source in NAMES else str(at_home(source).absolute())


def load(
    source: Source = "digits",
    *,
    shape: tuple[int, ...] | None = None,
    frame: str | None = None,
    window: int | None = None,
    hop: int | None = None,
    sample_rate: float | None = None,
    only: Sequence[int | str] | None = None,
    label: str | None = None,
    columns: Sequence[str] | None = None,
    drop: Sequence[str] | None = None,
    time: str | None = None,
    header: bool | None = None,
    scaling: Scaling | None = None,
    reading: Reading | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Load a data set, split and scaled for training.

    Splits the source does not have are held out of its training samples (see ``assemble``, and
    ``recordings.cut`` for sounds and signals). Bytes are divided by 255, values within 0...1
    kept, others brought there by the minimum and maximum of the training split (see
    ``Scaling.fit``).

    Sounds are cut into overlapping windows, and so are signals (an array of shape (times,) or
    (times, channels), or several, (n, times, channels); a table with a line for each time) if
    ``window``, ``hop`` or ``frame`` is given.

    What the source was read as is ``Dataset.reading``: for a table a decision by the rule of
    ``tinygrad_ae.data.reading``, or by ``label``, ``columns``, ``drop``, ``time`` and ``header``,
    see ``Wanted`` there. What the rule cannot decide is refused.

    Args:
        source: one of ``NAMES``; the path of a folder of IDX files, pictures or sounds, or of an
            ``.npy``, ``.npz``, ``.csv``, ``.wav`` or IDX file; or an array of shape (n, ...). A
            name wins over a file of the same name: write ``./digits`` for the file.
        shape: of one sample, where the source holds it flat: (28, 28) for rows of 784 pixels.
            All values of a sample are then scaled alike, as pixels are.
        frame: what a sample is made of a window: "raw" (unless given), "stft" or "logmel".
        window: times in a window; 256 unless given.
        hop: times from one window to the next; half a window unless given.
        sample_rate: times in a second, in Hz. Sounds of another rate are brought to it; unless
            given, all must have the same.
        only: labels of the samples to take, as if the source held no others; None: all. Those
            that are words, such as names of subfolders, are given as words or by their numbers.
        label: the column of a table that holds labels, by its name in the heading (without one
            by its number, counted from 1); ``"none"``: there is none.
        columns: those of a table to learn, and no others; ``["all"]``: all but label and time.
        drop: columns of a table to leave out.
        time: the column of a table that tells the time, which is not learnt; ``"none"``: none.
        header: whether a table's first line is a heading.
        scaling: of a data set loaded before, for samples that are to be like its own; fitted to
            the training split unless given.
        reading: of a data set loaded before, for a table that is to be read as its own was;
            nothing is decided anew then.
        progress: told how far a download is: file name, bytes done, bytes in all (0: unknown).

    Raises:
        DataError: there is no such source, or it is damaged or of the wrong kind.
        MissingExtra: a package that is needed to read the source is not installed.
    """
    asked = _Windows(frame, window, hop, sample_rate)
    wanted = Wanted(
        label, None if columns is None else tuple(columns), tuple(drop or ()), time, header
    )
    if isinstance(source, np.ndarray):
        _refuse_wanted("The array", wanted)
        parts: Parts = {"train": Raw(source, None, where="The array")}
        return _assemble("array", parts, shape, asked, only, scaling)
    name = os.fspath(source)
    if name in NAMES:
        _refuse_wanted(name, wanted)
        asked = asked.unless(*packages.WINDOWS.get(name, (None, None)))
        return _assemble(name, _named(name, progress), shape, asked, only, scaling)
    path = at_home(name)
    if lost := leads_nowhere(path):
        raise DataError(f"{lost} Give {_KINDS}.")
    if not path.exists():
        raise DataError(
            f"There is no data set named {name!r}, and no such file or folder."
            f"{_near(path, *NAMES)} Give a name ({', '.join(NAMES)}), {_KINDS}."
        )
    refuse_special(path)
    layout = None if reading is None else reading.table
    parts = _read(path, wanted, layout)
    return _assemble(name, parts, shape, asked, only, scaling)


def load_samples(
    path: str | os.PathLike[str],
    shape: tuple[int, ...],
    scaling: Scaling | None,
    framing: Framing | None = None,
    reading: Reading | None = None,
) -> Samples:
    """Load the user's own samples for a trained model, scaled as its training data was.

    Values within 0...1 and bytes stand for each other, as they do in ``load``: a model of bytes
    accepts floats within 0...1 as they are, and the other way round.

    An ``.npy`` or ``.csv`` file may be larger than the memory: it is read as its samples are asked
    for.

    Args:
        path: a picture, a folder of pictures, or an ``.npy``, ``.npz``, ``.csv`` or IDX file,
            with samples of ``shape``, or flat; a single sample needs no first dimension. For a
            model of recordings: a sound, a folder of sounds, or an array or table of values by
            time, of any length.
        shape: of one of the model's samples, ``Dataset.shape``.
        scaling: of the model's data, ``Dataset.scaling``. None leaves the values as they are,
            which is right for codes.
        framing: of the model's data, ``Dataset.framing``.
        reading: of the model's data, ``Dataset.reading``, by which a table is read: the same
            columns, found by their names. None takes all columns of a table (but one of labels
            beside as many features as ``shape`` has), which is right for codes.

    Returns:
        The samples, which are much like a float32 array of shape (n, d).

    Raises:
        DataError: there is no such file, it is damaged or of the wrong kind, its samples are of
            another shape, a column is missing, or a model of pictures gets values of another
            range.
        MissingExtra: a package that is needed to read the file is not installed.
    """
    path = at_home(path)
    refuse_special(path)
    size = math.prod(shape) if framing is None else framing.channels
    file = _file(path, None if reading is None else reading.table, size)
    layout = file.layout if isinstance(file, tables.CsvFile) else None
    if framing is not None:
        if file is None or len(file.shape) > 2:  # several recordings
            return _framed(path, _one(path, _read(path, layout=layout)), framing, scaling)
        series = Recording(file, str(path), framing.sample_rate, file.labels)
        return _framed(path, [series], framing, scaling, file.reading, file.columns)
    if file is not None and file.shape not in (shape, (math.prod(shape),)):
        expect(file.shape[1:], shape, str(path))
        return Samples(
            file, shape, scaling, where=str(path), labels=file.labels, reading=file.reading,
            columns=file.columns,
        )  # fmt: skip
    found = _one(path, _read(path, layout=layout))
    if not isinstance(found, Raw):
        raise DataError(
            f"{path} holds sound, but the model was trained on samples of shape {shape}. Give "
            "samples of that shape, or train on sound."
        )
    if found.x.shape in (shape, (math.prod(shape),)):
        found = Raw(found.x[None], None, where=found.where)
    rows = flat(found, shape)
    return Samples(
        rows, shape, scaling, where=found.where, names=found.names, labels=found.y,
        reading=_reading({"train": found}) if file is None else file.reading,
        columns=() if file is None else file.columns,
    )  # fmt: skip


@dataclass(frozen=True)
class _Windows:
    """What was asked for of windows; None where nothing was."""

    frame: str | None
    window: int | None
    hop: int | None
    sample_rate: float | None

    def __bool__(self) -> bool:
        return self != _Windows(None, None, None, None)

    def unless(self, window: int | None, hop: int | None) -> _Windows:
        """Return the same with another default of window and hop."""
        return self if self.window or self.hop else replace(self, window=window, hop=hop)

    def framing(self, channels: int, sample_rate: float | None) -> Framing:
        window = WINDOW if self.window is None else self.window
        hop = max(1, window // 2) if self.hop is None else self.hop
        return Framing(self.frame or "raw", window, hop, channels, sample_rate)


def _assemble(
    name: str,
    parts: Parts,
    shape: tuple[int, ...] | None,
    asked: _Windows,
    only: Sequence[int | str] | None,
    scaling: Scaling | None,
) -> Dataset:
    """Cut recordings into windows if the source holds such, or if windows were asked for."""
    reading = _reading(parts)
    if not asked and all(isinstance(part, Raw) for part in parts.values()):
        return assemble(name, cast(dict[str, Raw], parts), shape, None, only, scaling, reading)
    if shape is not None:
        raise DataError(
            "A window's shape follows from --window: leave --shape out. (Or leave --window, "
            "--hop, --frame and --sample-rate out, for data that holds a sample in each row.)"
        )
    found = {split: _recordings(part, asked.sample_rate) for split, part in parts.items()}
    rate = asked.sample_rate if asked.sample_rate is not None else _common_rate(found)
    found = {split: [audio.resample(r, rate) for r in part] for split, part in found.items()}
    framing = asked.framing(found["train"][0].channels, rate)
    cut = f"{reading}; {framing.kind} windows of {framing.window}, one every {framing.hop}"
    return assemble(
        name, recordings.cut(found, framing), None, framing, only, scaling,
        replace(reading, said=cut),
    )  # fmt: skip


def _reading(parts: Parts) -> Reading:
    """Return what a source was read as."""
    said = {
        split: part.said if isinstance(part, Raw) else recordings.said(part)
        for split, part in parts.items()
    }
    train = parts["train"]
    table = train.table if isinstance(train, Raw) else None
    classes = (train if isinstance(train, Raw) else train[0]).classes
    line = " | ".join(f"{split}: {line}" for split, line in said.items())
    return Reading(said["train"] if len(said) == 1 else line, table, classes)


def _refuse_wanted(where: str, wanted: Wanted) -> None:
    """Raise DataError if columns of what is no table were asked for."""
    if wanted:
        raise DataError(
            f"{where} is no table, so it has no columns to choose: leave out --label, --columns, "
            "--drop, --time and --header."
        )


def _file(path: Path, layout: Layout | None, size: int) -> arrays.NpyFile | tables.CsvFile | None:
    """Return a file that can be read in parts, None for any other."""
    if not path.exists():
        return None
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return arrays.NpyFile(path)
    if suffix != ".csv":
        return None
    return tables.CsvFile(path, layout or tables.before(path, size))


def _recordings(part: Part, sample_rate: float | None) -> list[Recording]:
    if not isinstance(part, Raw):
        return part
    if part.names is not None or (part.x.ndim > 2 and part.x.dtype == np.uint8):
        raise DataError(
            f"{part.where} holds pictures, which are not cut into windows. Give sound or a signal; "
            "or to train on pictures, leave out --window, --hop, --frame and --sample-rate."
        )
    return recordings.from_raw(part, sample_rate)


def _common_rate(parts: dict[str, list[Recording]]) -> float | None:
    first, *others = (recording for part in parts.values() for recording in part)
    for other in others:
        if other.sample_rate != first.sample_rate:
            raise DataError(
                f"The sounds differ in their rate: {first.where} has {first.sample_rate:g} values "
                f"in a second, but {other.where} has {other.sample_rate:g}. Say to which rate all "
                f"of them are to be brought, as in --sample-rate {first.sample_rate:g}."
            )
    return first.sample_rate


def _framed(
    path: Path,
    part: Part,
    framing: Framing,
    scaling: Scaling | None,
    reading: Reading | None = None,
    columns: Sequence[str] = (),
) -> Samples:
    found = _recordings(part, framing.sample_rate)
    for recording in found:
        if recording.channels != framing.channels:
            raise DataError(
                f"{recording.where} has values of shape (times, {recording.channels}), but the "
                f"model was trained on {framing.channels} channels. Give values of shape "
                f"(times, {framing.channels})."
            )
    if framing.sample_rate is not None:
        found = [audio.resample(recording, framing.sample_rate) for recording in found]
    labels = [recordings.labels_of(recording, framing, pad=True) for recording in found]
    known = [y for y in labels if y is not None]
    return Samples(
        recordings.Windows(found, framing),
        framing.shape,
        scaling,
        where=str(path),
        labels=np.concatenate(known) if len(known) == len(found) else None,
        recordings=found,
        framing=framing,
        reading=reading or _reading({"train": part}),
        columns=columns,
    )


def _one(path: Path, parts: Parts) -> Part:
    if len(parts) > 1:
        raise DataError(
            f"{path} holds the splits {', '.join(parts)}; give one file or folder of samples."
        )
    return parts["train"]


def _named(name: str, progress: Progress | None) -> Parts:
    if name == "digits":
        return dict(digits.read())
    if name == "spoken":
        return dict(spoken.read())
    if name in packages.WINDOWS:
        return dict(packages.read(name))
    from tinygrad_ae.data import mnist  # brings urllib, which only a download needs

    return dict(mnist.read(name, progress))


def _read(path: Path, wanted: Wanted | None = None, layout: Layout | None = None) -> Parts:
    """Read a source; a table by its layout, or where there is none by what is wanted."""
    suffix = path.suffix.lower()
    if suffix == ".csv" and path.is_file():
        return {"train": tables.read_csv(path, wanted, layout)}
    if wanted:
        _refuse_wanted(str(path), wanted)
    if path.is_dir():
        if any(idx.looks_like(entry) for entry in path.iterdir()):
            return dict(idx.read_folder(path))
        if folders.holds(path, audio.SUFFIXES):
            return dict(audio.read_folder(path))
        return dict(images.read_folder(path))
    if not path.exists():
        there = leads_nowhere(path) or f"There is no file or folder {path}.{_near(path)}"
        raise DataError(f"{there} Give {_KINDS}.")
    if suffix == ".npz":
        return dict(arrays.read_npz(path))
    if suffix == ".npy":
        return {"train": arrays.read_npy(path)}
    if suffix in audio.SUFFIXES:
        return {"train": [audio.read(path)]}
    if suffix in images.SUFFIXES:
        return {"train": images.read(path)}
    if idx.looks_like(path):
        x = idx.read(path)
        return {"train": Raw(x, None, where=str(path), kind=described("IDX", x))}
    raise DataError(f"{path} is of no known kind. Give {_KINDS}.")


def _near(path: Path, *names: str) -> str:
    folder = path.parent
    siblings = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    return did_you_mean(path.name, [*names, *siblings])
