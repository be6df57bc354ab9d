"""Sound in WAV files, of which SciPy reads every kind."""

from __future__ import annotations

import math
import os
import warnings
import wave
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_ae.data import arrays, folders
from tinygrad_ae.data.recordings import Recording
from tinygrad_ae.errors import DataError, require
from tinygrad_ae.util.files import atomic, atomic_folder

SUFFIXES = (".wav", ".wave")
SLOWEST, FASTEST = 100, 1_000_000
"""Hz: rates of a sound file."""

_STRETCH = 64  # times as long a recording may become at another rate
_LARGEST = 2**32 - 64  # bytes that a file's header can count
Restored = Iterable[tuple[Recording, Iterable[NDArray[Any]]]]
"""Recordings, each with the values to write in its place, as stretches that follow each other."""


def read(path: Path) -> Recording:
    """Read a WAV file: 8, 16, 24 or 32-bit PCM or floats, of any rate; channels are averaged.

    Returns:
        float32 values within -1...1 (floats may exceed it), shape (times, 1).

    Raises:
        DataError: the file is missing, damaged, cut short, compressed, or holds no sound.
        MissingExtra: SciPy is not installed.
    """
    wavfile = require("scipy.io.wavfile", extra="all", purpose="Reading sound")
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            rate, samples = wavfile.read(path)
    except Exception as error:  # what is damaged gives errors of many kinds
        raise DataError(
            f"{path} cannot be read as WAV ({error}): it is missing, damaged, cut short, or "
            "another format. Save it again as WAV, 16-bit PCM."
        ) from error
    if short := [str(w.message) for w in said if "prematurely" in str(w.message)]:
        raise DataError(
            f"{path} is cut short ({short[0].rstrip('.')}). Copy it again; or to use what is "
            "there, open it in an audio program and save it anew."
        )
    if not SLOWEST <= rate <= FASTEST:
        raise DataError(
            f"{path} says that it has {rate:,} values in a second; a sound has {SLOWEST} to "
            f"{FASTEST:,}. It is damaged; save it again, or read its numbers from an .npy file."
        )
    if not len(samples):
        raise DataError(f"{path} holds no sound: its length is 0. Leave it out.")
    with np.errstate(over="ignore", invalid="ignore"):  # refused below
        channels = _floats(samples).reshape(len(samples), -1)
        values = channels.mean(axis=1, dtype=np.float32)[:, None]
    if not np.isfinite(values).all():
        raise DataError(f"{path} holds NaN or infinite values. Save it again, or leave it out.")
    n = channels.shape[1]
    kind = f"sound, {rate:,} Hz, " + ("1 channel" if n == 1 else f"the mean of {n} channels")
    return Recording(values, where=str(path), sample_rate=float(rate), kind=kind)


def read_folder(folder: Path) -> dict[str, list[Recording]]:
    """Read a folder of WAV files, labelled and split as ``folders.find`` describes.

    Raises:
        DataError: there are none, or one cannot be read.
        MissingExtra: SciPy is not installed.
    """
    parts = {}
    for split, files in folders.find(folder, SUFFIXES, "sounds").items():
        parts[split] = [read(path) for path in files.paths]
        if files.labels is not None:
            parts[split] = [
                replace(
                    r,
                    labels=np.full(len(r), label),
                    label_kind=files.label_kind,
                    classes=files.classes,
                )
                for r, label in zip(parts[split], files.labels, strict=True)
            ]
    return parts


def write(path: str | os.PathLike[str], values: NDArray[Any], sample_rate: float) -> None:
    """Write a sound as 16-bit PCM; what exceeds -1...1 is clipped. The file is whole or absent.

    Args:
        path: of the file.
        values: shape (times,) or (times, channels).
        sample_rate: times in a second.

    Raises:
        OSError: the file cannot be written.
    """
    write_stretches(path, [values], sample_rate)


def write_stretches(
    path: str | os.PathLike[str], parts: Iterable[NDArray[Any]], sample_rate: float
) -> None:
    """Write a sound as ``write`` does, whose stretches follow each other."""
    with atomic(path) as temporary, wave.open(str(temporary), "wb") as file:
        for i, part in enumerate(parts):
            if i == 0:
                file.setnchannels(part.shape[1] if part.ndim > 1 else 1)
                file.setsampwidth(2)
                file.setframerate(round(sample_rate))
            pcm = np.rint(np.clip(part, -1, 1 - 2**-15) * 2**15).astype("<i2")
            file.writeframes(pcm.tobytes())


def resample(recording: Recording, sample_rate: float | None) -> Recording:
    """Return a recording at another rate, low-pass filtered as that needs; as it is for None.

    Raises:
        DataError: a rate is not a positive whole number of Hz.
        MissingExtra: SciPy is not installed.
    """
    if recording.sample_rate is None or sample_rate in (None, recording.sample_rate):
        return recording
    if not (math.isfinite(sample_rate) and sample_rate <= _STRETCH * recording.sample_rate):
        raise DataError(
            f"{recording.where} has {recording.sample_rate:g} values in a second; brought to "
            f"{sample_rate:g} it would be more than {_STRETCH} times as long. Give another "
            "--sample-rate."
        )
    old, new = round(recording.sample_rate), round(sample_rate)
    if old < 1 or new < 1 or (old, new) != (recording.sample_rate, sample_rate):
        raise DataError(
            f"{recording.where} has {recording.sample_rate:g} values in a second and cannot be "
            f"brought to {sample_rate:g}: both must be whole numbers of Hz. Give another "
            "--sample-rate."
        )
    signal = require("scipy.signal", extra="all", purpose="Changing the rate of a recording")
    factor = math.gcd(old, new)
    values = signal.resample_poly(recording.values, new // factor, old // factor, axis=0)
    labels = recording.labels
    if labels is not None:
        labels = labels[np.arange(len(values)) * len(labels) // len(values)]
    return replace(
        recording,
        values=values.astype(recording.values.dtype),
        labels=labels,
        sample_rate=sample_rate,
    )


def _floats(samples: NDArray[Any]) -> NDArray[np.floating[Any]]:
    if samples.dtype == np.uint8:  # only 8-bit PCM has no sign
        return (samples.astype(np.float32) - 128) / 128
    if samples.dtype.kind == "i":  # 24 bits come as the upper ones of 32
        return samples / np.float32(2.0 ** (8 * samples.dtype.itemsize - 1))
    return samples.astype(np.float32)


def write_recordings(
    target: Path,
    recordings: Sequence[Recording],
    restored: Restored,
    columns: Sequence[str] | None,
) -> None:
    """Write recordings: to a sound file or a folder of such, or as an array of values by time.

    Args:
        target: of the file or folder.
        recordings: as they are in length, rate and name.
        restored: each with the values to write, stretches that follow each other.
        columns: what a table calls its channels; numbers without.

    Raises:
        DataError: there are several where one has room.
    """
    if not target.suffix:
        return write_sounds(target, recordings, restored)
    lengths = {len(recording) for recording in recordings}
    if len(recordings) > 1 and (target.suffix in (SUFFIXES[0], ".csv") or len(lengths) > 1):
        raise DataError(
            f"{len(recordings)} recordings do not fit into one {target.suffix} file; give a name "
            "without suffix, for a folder of .wav files."
        )
    if target.suffix == SUFFIXES[0]:
        return write_sound(target, *next(iter(restored)))
    if len(recordings) == 1:
        _, parts = next(iter(restored))
        return arrays.write(target, parts, len(recordings[0]), key="x", columns=columns)
    parts = (np.concatenate(list(stretches))[None] for _, stretches in restored)
    return arrays.write(target, parts, len(recordings), key="x")


def write_sounds(folder: Path, sounds: Sequence[Recording], restored: Restored) -> None:
    """Write each recording as a WAV file named as it was; the folder appears when all are written.

    Raises:
        DataError: a recording has no rate.
    """
    names = [Path(sound.where).name for sound in sounds]
    if len(set(names)) != len(sounds):  # from several subfolders
        names = ["-".join(Path(sound.where).parts[-2:]) for sound in sounds]
    with atomic_folder(folder) as temporary:
        for name, (sound, parts) in zip(names, restored, strict=True):
            write_sound(temporary / name, sound, parts)


def write_sound(path: Path, sound: Recording, parts: Iterable[NDArray[Any]]) -> None:
    """Write values for a recording as a WAV file.

    Raises:
        DataError: it has no rate, or is too long.
    """
    if sound.sample_rate is None:
        raise DataError(
            f"{sound.where} is not known to be sound: how many values there are in a second was "
            f"not given (--sample-rate). Write it to a file ending in {', '.join(arrays.WRITTEN)}."
        )
    if 2 * len(sound) * sound.channels > _LARGEST:
        raise DataError(
            f"{sound.where} is too long for a .wav file, which holds 4 GB at most. Write it to a "
            "file ending in .npy."
        )
    write_stretches(path, parts, sound.sample_rate)
