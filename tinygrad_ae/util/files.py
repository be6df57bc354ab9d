"""Files that are whole or not there, locks, and the folder for what can be had again."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that takes its place when the block succeeds.

    The new content is flushed to disk before the rename, so a kill or a power cut at any
    instant leaves either the old file or the new one. When the block raises, the temporary
    file is removed and ``path`` is untouched. The temporary name keeps the suffix, because
    writers choose their format by it.

    Raises:
        OSError: the folder does not exist, is not writable, or the disk is full.
    """
    target = Path(path)
    handle, name = tempfile.mkstemp(
        prefix=f".{target.stem}-", suffix=target.suffix, dir=target.parent
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with open(temporary, "rb+") as written:
            os.fsync(written.fileno())
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
        temporary.chmod(mode)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder that becomes ``folder`` when the block succeeds.

    Raises:
        OSError: as :func:`atomic`; or ``folder`` is there and not empty.
    """
    temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
    try:
        yield temporary
        temporary.chmod(0o755)
        os.replace(temporary, folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[BinaryIO]:
    """Let no other process or thread into such a block with the same path at the same time.

    Yields the file at ``path``, which is made if it is not there; it stays. The system unlocks it
    when the process ends, however it does.

    Args:
        path: of a file that serves for nothing else.
        wait: until the other is done.

    Raises:
        BlockingIOError: another is in such a block, and ``wait`` is off.
        OSError: the file cannot be written, or the file system has no locks.
    """
    with open(path, "ab") as file:  # closing it unlocks it
        if sys.platform == "win32":
            import msvcrt

            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
            except PermissionError as error:
                raise BlockingIOError(*error.args) from error
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield file


def cache_folder() -> Path:
    """Return where what can be had again is kept: downloads, compiled code.

    ``$TINYGRAD_AE_CACHE``, else ``$XDG_CACHE_HOME/tinygrad_ae``, else ``~/.cache/tinygrad_ae``.
    """
    if own := os.environ.get("TINYGRAD_AE_CACHE"):
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "tinygrad_ae"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
