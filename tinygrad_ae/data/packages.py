"""Recordings of sensors that packages carry, read from where pip put them.

The packages themselves are not imported, because they bring much that is of no use here.

- ``watch``: seglearn (BSD). D. M. Burns et al., "Shoulder physiotherapy exercise recognition:
  machine learning the inertial signals from a smartwatch", Physiological Measurement 39 (2018).
- ``ecg``: PyWavelets (MIT).
- ``blood-pressure``: aeon (BSD), from the UCR anomaly archive: R. Wu and E. Keogh, "Current Time
  Series Anomaly Detection Benchmarks are Flawed and are Creating the Illusion of Progress", IEEE
  Transactions on Knowledge and Data Engineering 35 (2023); set 135, "InternalBleeding16".
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_ae.data.recordings import Recording
from tinygrad_ae.errors import MissingExtra

WINDOWS = {"watch": (128, 64), "ecg": (64, 8), "blood-pressure": (100, 5)}
"""Window and hop of each, unless others are asked for."""


def read(name: str) -> dict[str, list[Recording]]:
    """Return the splits of ``"watch"``, ``"ecg"`` or ``"blood-pressure"``.

    Raises:
        MissingExtra: the package that carries it is not installed, or carries it no longer.
    """
    return {"watch": _watch, "ecg": _ecg, "blood-pressure": _blood_pressure}[name]()


def _watch() -> dict[str, list[Recording]]:
    """140 series of 10 people who do 7 exercises; two people are held out, with all of theirs."""
    path = _file("watch", "seglearn", "data/watch_dataset.npy")
    sets = np.load(path, allow_pickle=True).item()  # no more than its package is trusted with
    parts: dict[str, list[Recording]] = {"train": [], "validation": [], "test": []}
    for i, (x, y, person) in enumerate(zip(sets["X"], sets["y"], sets["subject"], strict=True)):
        split = {9: "validation", 10: "test"}.get(int(person), "train")
        labels = np.full(len(x), int(y))
        parts[split].append(Recording(x, f"watch, recording {i}", 50.0, labels))
    return parts


def _ecg() -> dict[str, list[Recording]]:
    """Some heart beats: enough for a picture."""
    with np.load(_file("ecg", "pywt", "data/ecg.npz")) as arrays:
        values: NDArray[Any] = arrays["data"].astype(np.float64)[:, None]
    return {"train": [Recording(values, "ecg")]}


def _blood_pressure() -> dict[str, list[Recording]]:
    """One series, its beginning without anomaly for training; the rest, with one, for testing."""
    folder = "datasets/data/KDD-TSAD_135/135_UCR_Anomaly_InternalBleeding16_"
    train, whole = (
        np.loadtxt(
            _file("blood-pressure", "aeon", f"{folder}{split}.csv"), delimiter=",", skiprows=1
        )
        for split in ("TRAIN", "TEST")
    )
    return {
        split: [Recording(table[:, 1:2], "blood-pressure", None, table[:, 2].astype(np.int64))]
        for split, table in (("train", train), ("test", whole[len(train) :]))
    }


def _file(name: str, package: str, path: str) -> Path:
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(folder) / path).exists():
            return Path(folder) / path
    raise MissingExtra(
        f"The data set {name!r} is carried by the package {package!r}, which "
        + (f"does not hold {path} here." if spec else "is not installed.")
        + '\nInstall it with:  pip install "tinygrad-ae[signals]"'
    )
