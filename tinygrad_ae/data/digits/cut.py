"""Cut the bundled digits from MNIST, bit for bit the same each time.

    python -m tinygrad_ae.data.digits.cut MNIST_FOLDER            writes them beside this file
    python -m tinygrad_ae.data.digits.cut MNIST_FOLDER --check    compares, writes nothing

The rule, for each class: of its n samples in file order, take k evenly spaced ones, those at
⌊i·n/k⌋ for i = 0 ... k-1. MNIST's test file has its cleaner writers first, so the first k would
be too easy. From the training file k = 1,700, of which the first 1,500 are for training and the
last 200 for validation; from the test file k = 200. Samples stay in file order.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_ae.data import digits, idx
from tinygrad_ae.errors import DataError, UserError

TRAIN, VALIDATION, TEST = 1_500, 200, 200  # of each class

# Of each file's unpacked content: the .gz around it differs from one mirror to another.
SOURCES = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def read_mnist(folder: Path) -> dict[str, NDArray[Any]]:
    """Read MNIST's four files, with or without ``.gz``, and make sure that they are MNIST's.

    Raises:
        DataError: a file is missing or has another content.
    """
    arrays = {}
    for name, expected in SOURCES.items():
        path = folder / name if (folder / name).exists() else folder / f"{name}.gz"
        found = hashlib.sha256(idx.unpacked(path)).hexdigest()
        if found != expected:
            raise DataError(
                f"{path} is not MNIST's file: its unpacked content has SHA-256 {found}, expected "
                f"{expected}. Fetch it again from one of MNIST's mirrors."
            )
        arrays[name] = idx.read(path)
    return arrays


def spread(labels: NDArray[Any], k: int) -> list[NDArray[np.intp]]:
    """Return, for each class, the positions of k evenly spaced ones of its samples.

    Raises:
        DataError: a class has fewer than k samples.
    """
    positions = []
    for label in range(10):
        members = np.flatnonzero(labels == label)
        if len(members) < k:
            raise DataError(f"Class {label} has {len(members)} samples; {k} are to be taken.")
        positions.append(members[np.arange(k) * len(members) // k])
    return positions


def cut(mnist: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the arrays of the bundled files, by file name."""
    chosen = spread(mnist["train-labels-idx1-ubyte"], TRAIN + VALIDATION)
    tested = spread(mnist["t10k-labels-idx1-ubyte"], TEST)
    splits = {
        "train": ("train", [positions[:TRAIN] for positions in chosen]),
        "validation": ("train", [positions[TRAIN:] for positions in chosen]),
        "test": ("t10k", tested),
    }
    files = {}
    for split, (source, classes) in splits.items():
        rows = np.sort(np.concatenate(classes))
        for kind in ("images-idx3", "labels-idx1"):
            files[f"{split}-{kind}-ubyte.bz2"] = mnist[f"{source}-{kind}-ubyte"][rows]
    return files


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code: 0, 1 where --check found a difference, 2 on error."""
    parser = argparse.ArgumentParser(
        prog="python -m tinygrad_ae.data.digits.cut",
        description="Cut the bundled digits from MNIST, bit for bit the same each time.",
    )
    parser.add_argument("mnist", type=Path, help="folder with MNIST's four IDX files (or .gz)")
    parser.add_argument("--check", action="store_true", help="only compare with what is bundled")
    options = parser.parse_args(arguments)
    try:
        files = cut(read_mnist(options.mnist))
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        same = True
        for name, array in files.items():
            path = (Path(folder) if options.check else digits.FOLDER) / name
            idx.write(path, array)
            content, bundled = path.read_bytes(), digits.FOLDER / name
            digest = hashlib.sha256(content).hexdigest()
            equal = bundled.exists() and bundled.read_bytes() == content
            print(f"{digest}  {name}  {len(content):,} bytes{'' if equal else '  DIFFERS'}")
            same = same and equal
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
