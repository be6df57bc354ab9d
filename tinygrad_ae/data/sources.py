"""Everything that data can be loaded from, by name or by what a path holds."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_ae.data import arrays, digits, idx, images, tables
from tinygrad_ae.data.dataset import Dataset, Scaling, assemble, flat, within_unit
from tinygrad_ae.data.raw import Raw
from tinygrad_ae.errors import DataError, did_you_mean

if TYPE_CHECKING:
    from tinygrad_ae.data.download import Progress

NAMES = {
    "digits": "19,000 real digits of MNIST, bundled: needs no network",
    "mnist": "70,000 handwritten digits, 28 × 28 (fetched: 12 MB)",
    "fashion-mnist": "70,000 pictures of clothes, 28 × 28 (fetched: 31 MB)",
}
"""The sources that have a name, with a line about each."""

_KINDS = (
    "a folder of IDX files with MNIST's names, a folder of pictures, or a file: .npy, .npz, .csv, "
    "IDX or a picture"
)

Source = str | os.PathLike[str] | NDArray[Any]


def located(source: str) -> str:
    """Return a source so that it is found from any folder: a name as it is, a path absolute."""
    return source if source in NAMES else str(Path(source).expanduser().absolute())


def load(
    source: Source = "digits",
    *,
    shape: tuple[int, ...] | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Load a data set, split and scaled for training.

    Splits the source does not have are held out of its training samples (see ``assemble``).
    Bytes are divided by 255, values within 0...1 kept, others brought there by the minimum and
    maximum of the training split (see ``Scaling.fit``).

    Args:
        source: one of ``NAMES``; the path of a folder of IDX files or pictures, or of an
            ``.npy``, ``.npz``, ``.csv`` or IDX file; or an array of shape (n, ...). A name wins
            over a file of the same name: write ``./digits`` for the file.
        shape: of one sample, where the source holds it flat: (28, 28) for rows of 784 pixels.
            All values of a sample are then scaled alike, as pixels are.
        progress: told how far a download is: file name, bytes done, bytes in all (0: unknown).

    Raises:
        DataError: there is no such source, or it is damaged or of the wrong kind.
        MissingExtra: pictures are to be read and Pillow is not installed.
    """
    if isinstance(source, np.ndarray):
        return assemble("array", {"train": Raw(source, None, where="The array")}, shape)
    name = os.fspath(source)
    if name == "digits":
        return assemble(name, digits.read(), shape)
    if name in NAMES:
        from tinygrad_ae.data import mnist  # brings urllib, which only a download needs

        return assemble(name, mnist.read(name, progress), shape)
    path = Path(name).expanduser()
    if not path.exists():
        raise DataError(
            f"There is no data set named {name!r}, and no such file or folder."
            f"{_near(path, *NAMES)} Give a name ({', '.join(NAMES)}), {_KINDS}."
        )
    return assemble(name, _read(path), shape)


def load_samples(
    path: str | os.PathLike[str], shape: tuple[int, ...], scaling: Scaling | None
) -> tuple[NDArray[np.float32], tuple[str, ...] | None]:
    """Load the user's own samples for a trained model, scaled as its training data was.

    Values within 0...1 and bytes stand for each other, as they do in ``load``: a model of bytes
    accepts floats within 0...1 as they are, and the other way round.

    Args:
        path: a picture, a folder of pictures, or an ``.npy``, ``.npz``, ``.csv`` or IDX file,
            with samples of ``shape``, or flat; a single sample needs no first dimension.
        shape: of one of the model's samples, ``Dataset.shape``.
        scaling: of the model's data, ``Dataset.scaling``. None leaves the values as they are,
            which is right for codes.

    Returns:
        float32 samples, shape (n, d), and the file name of each, if each is a file.

    Raises:
        DataError: there is no such file, it is damaged or of the wrong kind, its samples are of
            another shape, or a model of pictures gets values of another range.
        MissingExtra: a picture is to be read and Pillow is not installed.
    """
    parts = _read(Path(path).expanduser())
    if len(parts) > 1:
        raise DataError(
            f"{path} holds the splits {', '.join(parts)}; give one file or folder of samples."
        )
    samples = parts["train"]
    if samples.x.shape in (shape, (math.prod(shape),)):
        samples = Raw(samples.x[None], None, where=samples.where)
    raw = flat(samples, shape)
    if scaling is None:
        return Scaling().apply(raw), samples.names
    scaling = _for(raw, scaling)
    x = scaling.apply(raw)
    # Columns of a table may well hold outliers, which are what one looks for; pixels have a range.
    if scaling.scale.ndim == 0 and (x.min() < -1 or x.max() > 2):
        raise DataError(
            f"{path}: found values from {raw.min():g} to {raw.max():g}, but the model's data lay "
            f"between {scaling.offset:g} and {scaling.offset + scaling.scale:g}. Give the values "
            "in the units that the model was trained on."
        )
    return x, samples.names


def _for(raw: NDArray[Any], scaling: Scaling) -> Scaling:
    """The scaling, or its equivalent where bytes and 0...1 stand for each other."""
    if scaling.scale.ndim == 0 and scaling.offset == 0:
        if scaling.scale == 255 and raw.dtype != np.uint8 and within_unit(raw):
            return Scaling()
        if scaling.scale == 1 and raw.dtype == np.uint8 and not within_unit(raw):
            return Scaling(scale=255.0)
    return scaling


def _read(path: Path) -> dict[str, Raw]:
    if path.is_dir():
        has_idx = any(idx.looks_like(entry) for entry in path.iterdir())
        return idx.read_folder(path) if has_idx else images.read_folder(path)
    if not path.exists():
        raise DataError(f"There is no file or folder {path}.{_near(path)} Give {_KINDS}.")
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return arrays.read_npz(path)
    if suffix == ".npy":
        return {"train": arrays.read_npy(path)}
    if suffix == ".csv":
        return {"train": tables.read_csv(path)}
    if suffix in images.SUFFIXES:
        return {"train": images.read(path)}
    if idx.looks_like(path):
        return {"train": Raw(idx.read(path), None, where=str(path))}
    raise DataError(f"{path} is of no known kind. Give {_KINDS}.")


def _near(path: Path, *names: str) -> str:
    folder = path.parent
    siblings = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    return did_you_mean(path.name, [*names, *siblings])
