"""IDX, the format MNIST is distributed in: a type, the dimensions, then the numbers.

    bytes 0-1   zero
    byte  2     type of the numbers (the table ``DTYPES``)
    byte  3     number of dimensions k
    4k bytes    the dimensions, as big-endian uint32
    the rest    the numbers, big-endian, last dimension fastest

Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import bz2
import gzip
import math
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from tinygrad_ae.data.bounds import refuse_promise, refuse_special
from tinygrad_ae.data.raw import Raw, described
from tinygrad_ae.errors import DataError
from tinygrad_ae.util.files import atomic

DTYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}

_DIMENSIONS = 64  # of an array of NumPy's

# MNIST's names: train-images-idx3-ubyte.gz, t10k-labels.idx1-ubyte, ...
_NAME = re.compile(
    r"(?P<split>train|validation|test|t10k)-(?P<kind>images|labels)[-.]idx\d+-[a-z0-9]+"
    r"(\.gz|\.bz2)?"
)


def looks_like(path: Path) -> bool:
    """Whether a file's name says that it is IDX."""
    return re.search(r"[-.]idx\d*([-.]|$)", path.name) is not None


def read(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Read one IDX file; gzip and bz2 are recognised by content, whatever the name says.

    Args:
        path: the file.

    Returns:
        The array with the file's dimensions, in native byte order; it may be read-only.

    Raises:
        DataError: the file is missing, damaged, cut short, not IDX, or its header does not
            fit its data.
    """
    path = Path(path)
    refuse_special(path)
    with _opened(path) as (file, packing):
        head = file.read(4)
        if head[:2] != b"\0\0" or len(head) < 4:
            raise DataError(
                f"{path} is not an IDX file: it begins with {head!r}, but IDX begins with two zero "
                "bytes, a type and a number of dimensions (and gzip or bz2 around it is "
                "recognised). Give a file in MNIST's format, or fetch it again: this may be an "
                "error page."
            )
        if head[2] not in DTYPES:
            raise DataError(
                f"{path} has IDX type 0x{head[2]:02X}, which does not exist; the types are "
                f"{', '.join(f'0x{code:02X} ({_native(d)})' for code, d in DTYPES.items())}. "
                "Fetch or write the file again."
            )
        dtype, sizes = DTYPES[head[2]], file.read(4 * head[3])
        if len(sizes) < 4 * head[3]:
            raise DataError(
                f"{path} is cut short inside its header: found {4 + len(sizes)} bytes, expected "
                f"{4 + 4 * head[3]} for {head[3]} dimensions. Fetch or write the file again."
            )
        shape = tuple(int(n) for n in np.frombuffer(sizes, ">u4"))
        if len(shape) > _DIMENSIONS:
            raise DataError(
                f"{path} has {len(shape)} dimensions; an array has {_DIMENSIONS} at most. The file "
                "is damaged; fetch or write it again."
            )
        expected = math.prod(shape) * dtype.itemsize
        if packing:
            refuse_promise(path, expected, path.stat().st_size)
            data = file.read(expected + 1)
            found = "more" if len(data) > expected else f"{len(data):,}"
        else:
            size = path.stat().st_size - 4 - len(sizes)
            data = file.read(expected) if size == expected else b""
            found = f"{size:,}"
    if len(data) != expected:
        raise DataError(
            f"{path} does not hold what its header says: found {found} bytes of data, expected "
            f"{expected:,} for {' × '.join(map(str, shape))} {_native(dtype)}. "
            "The file is damaged or cut short; fetch or write it again."
        )
    try:
        array = np.frombuffer(data, dtype).reshape(shape)
    except ValueError as error:  # nothing, times more than an array can count
        raise DataError(f"{path}: no array has the shape {shape}. The file is damaged.") from error
    return array.astype(_native(dtype), copy=False)


def write(path: str | os.PathLike[str], array: NDArray[Any]) -> None:
    """Write an array as IDX, compressed when the name ends in ``.gz`` or ``.bz2``.

    Neither a time nor a name is stored, so the same array gives the same bytes again (for
    ``.gz``: with the same zlib). The file is whole or not there.

    Args:
        path: the file to write.
        array: at most 255 dimensions, each below 2³²; uint8, int8, int16, int32, float32 or
            float64.

    Raises:
        DataError: IDX has no such type.
    """
    path = Path(path)
    codes = {_native(dtype): code for code, dtype in DTYPES.items()}
    if _native(array.dtype) not in codes:
        raise DataError(
            f"{path}: IDX cannot hold {array.dtype}; convert the array to one of "
            f"{', '.join(map(str, codes))}."
        )
    code = codes[_native(array.dtype)]
    data = bytes([0, 0, code, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    data += array.astype(DTYPES[code]).tobytes()
    if path.suffix == ".bz2":
        data = bz2.compress(data)
    elif path.suffix == ".gz":
        data = gzip.compress(data, mtime=0)
    with atomic(path) as temporary:
        temporary.write_bytes(data)


def read_folder(folder: Path) -> dict[str, Raw]:
    """Read the splits of a folder of IDX files under MNIST's names.

    ``train-images-idx3-ubyte`` is required; ``validation-``, ``test-`` (or ``t10k-``) and the
    ``-labels-`` of each are optional, and so is a final ``.gz`` or ``.bz2``. Where a file is
    there both packed and unpacked, the unpacked one is read.

    Raises:
        DataError: there is no file of training images, or a file cannot be read.
    """
    found: dict[tuple[str, str], Path] = {}
    matches = ((path, _NAME.fullmatch(path.name)) for path in sorted(folder.iterdir()))
    for path, match in matches:
        if match:
            split = "test" if match["split"] == "t10k" else match["split"]
            found.setdefault((split, match["kind"]), path)  # a plain name sorts before a packed one
    parts = {}
    for split in ("train", "validation", "test"):
        if images := found.get((split, "images")):
            labels = found.get((split, "labels"))
            x, y = read(images), read(labels) if labels else None
            parts[split] = Raw(
                x, y, where=str(images), kind=described(f"IDX {images.name}", x),
                label_kind=f"of {labels.name}" if labels else "",
            )  # fmt: skip
    if "train" not in parts:
        raise DataError(
            f"{folder} has IDX files but no training images; name that file "
            "train-images-idx3-ubyte (or .gz, .bz2)."
        )
    return parts


def unpacked(path: Path) -> bytes:
    """Return a file's bytes without the gzip or bz2 that may be around them.

    Raises:
        DataError: the file is missing, damaged or cut short.
    """
    with _opened(path) as (file, _):
        return file.read()


@contextmanager
def _opened(path: Path) -> Iterator[tuple[IO[bytes], str]]:
    """Yield a file to read what is in it, and how that is packed: "gzip", "bz2" or "".

    Raises:
        DataError: the file is missing, or damaged where it is read in the block.
    """
    kind = ""
    try:
        with open(path, "rb") as file:
            magic = file.read(3)
            file.seek(0)
            if magic[:2] == b"\x1f\x8b":
                kind = "gzip"
                with gzip.open(file) as inside:
                    yield cast(IO[bytes], inside), kind
            elif magic == b"BZh":
                kind = "bz2"
                with bz2.open(file) as inside:
                    yield inside, kind
            else:
                yield file, kind
    except DataError:
        raise
    except (OSError, EOFError, ValueError, zlib.error) as error:
        if not kind:
            why = error.strerror if isinstance(error, OSError) else None
            raise DataError(f"{path} cannot be read: {why or error}.") from error
        raise DataError(
            f"{path} begins as {kind} but cannot be unpacked ({error}): it is damaged or "
            "cut short. Fetch or write it again."
        ) from error


def _native(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return dtype.newbyteorder("=")
