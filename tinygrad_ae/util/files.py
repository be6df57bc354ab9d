"""Files that are whole or not there, locks, and the folder for what can be had again."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_UNFINISHED = ".unfinished-"  # what the name of a file or folder that is being written begins with


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
    with _unfinished(target.parent, target.suffix) as temporary:
        yield temporary
        with open(temporary, "rb+") as written:
            os.fsync(written.fileno())
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
        temporary.chmod(mode)
        os.replace(temporary, target)


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder that becomes ``folder`` when the block succeeds.

    Raises:
        OSError: as :func:`atomic`; or ``folder`` is there and not empty.
    """
    with unfinished_folder(folder.parent) as temporary:
        yield temporary
        os.replace(temporary, folder)


@contextmanager
def unfinished_folder(parent: Path) -> Iterator[Path]:
    """Yield a temporary folder; unless the block renames it, it is removed at the end.

    Raises:
        OSError: ``parent`` does not exist or is not writable.
    """
    with _unfinished(parent, None) as temporary:
        temporary.chmod(0o777 & ~_umask())
        yield temporary


def remove_abandoned(folder: Path) -> None:
    """Remove what writers that were killed have left unfinished in a folder.

    Whoever writes holds a lock on it, which the system takes away with the process. Where there
    are no such locks, nothing is removed.
    """
    for path in folder.glob(f"{_UNFINISHED}*"):
        with suppress(OSError):  # gone by now, or somebody else's
            lock = _lock(path, wait=False)
            if lock is not None:
                _remove(path)
                os.close(lock)


@contextmanager
def _unfinished(folder: Path, suffix: str | None) -> Iterator[Path]:
    """Yield a new temporary file, or folder without a suffix, that is locked; then remove it."""
    while True:
        if suffix is None:
            path = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=folder))
        else:
            handle, name = tempfile.mkstemp(prefix=_UNFINISHED, suffix=suffix, dir=folder)
            os.close(handle)
            path = Path(name)
        try:
            lock = _lock(path, wait=True)
        except FileNotFoundError:  # it was taken for abandoned before we held the lock
            continue
        except OSError:  # a file system without locks
            lock = None
        if lock is None or os.fstat(lock).st_nlink:
            break
        os.close(lock)  # as above
    try:
        yield path
    finally:
        _remove(path)
        if lock is not None:
            os.close(lock)


def _lock(path: Path, *, wait: bool) -> int | None:
    """Lock a file or folder against others who would; return what to close, None without locks."""
    if sys.platform == "win32":
        return None
    import fcntl

    lock = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        os.close(lock)
        raise
    return lock


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


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


def at_home(path: str | os.PathLike[str]) -> Path:
    """Return a path with ``~`` and ``~user`` put in; as it is if there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def leads_nowhere(path: Path) -> str:
    """Return, of a link to what is not there, in words that it is one; of anything else ``""``."""
    if path.is_symlink() and not path.exists():
        return f"{path} is a link to {os.readlink(path)}, which is not there."
    return ""


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
