"""What a file promises, compared with what it can hold before any of it is unpacked.

A header of a few bytes can promise any size, and a small archive unpack to a thousand times its
own. So a promise is held against the size of the file and the memory of the machine first, and
unpacking stops where the promise ends.
"""

from __future__ import annotations

import os
from pathlib import Path

from tinygrad_ae.errors import DataError

DENSEST = 1032
"""Bytes that one byte of deflate (gzip, zip, PNG) can hold at most."""

_ANYHOW = 2**20  # bytes that are no danger, however small the file
_COPIES = 6  # of bytes: as they are, as float32, and split


def refuse_special(path: Path) -> None:
    """Raise DataError if a path is neither a file nor a folder: reading a pipe may never end."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise DataError(
            f"{path} is a pipe or a device, not a file, and may have no end. Write what comes out "
            "of it to a file and give that."
        )


def refuse_promise(where: str | Path, promised: int, held: int) -> None:
    """Raise DataError if so many packed bytes cannot hold what is promised, or the machine cannot.

    Args:
        where: the file.
        promised: bytes when unpacked.
        held: bytes it takes in the file.
    """
    if promised > DENSEST * held + _ANYHOW:
        raise DataError(
            f"{where} promises {promised:,} bytes but takes {held:,}, which cannot hold them: it "
            "is damaged, or made to fill the memory. Fetch or write it again; if it is right, "
            "unpack it yourself."
        )
    refuse_too_large(where, promised)


def refuse_too_large(where: str | Path, nbytes: int) -> None:
    """Raise DataError if data of so many bytes cannot be worked on in this machine's memory."""
    room = _memory()
    if room is not None and nbytes * _COPIES > room and nbytes > _ANYHOW:
        raise DataError(
            f"{where}: {nbytes / 1e9:,.1f} GB of numbers, which take about "
            f"{nbytes * _COPIES / 1e9:,.0f} GB to work on; this machine has {room / 1e9:,.0f} GB. "
            "Use fewer; a trained model reads .npy and .csv files of any size piece by piece."
        )


def _memory() -> int | None:
    """Return how many bytes of memory there are; None where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows
        return None
