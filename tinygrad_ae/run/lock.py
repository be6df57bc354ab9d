"""One training at a time in a run's folder."""

from __future__ import annotations

import errno
import os
import platform
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ..errors import RunError
from ..util.files import locked

LOCK = ".training"
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a run's folder for a training, against all other processes and runs.

    However the process ends, nothing is left that would have to be removed by hand.

    Raises:
        RunError: it is being trained already; the message says by whom.
        OSError: the folder cannot be written.
    """
    path = folder / LOCK
    with ExitStack() as stack:
        try:
            while not _is_at(path, file := stack.enter_context(locked(path, wait=False))):
                stack.close()  # who held it has just taken it away
        except BlockingIOError:
            raise RunError(
                f"{folder} is being trained already, by {_holder(path)}. Two trainings would write "
                "over each other: wait until that one is done, or stop it."
            ) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            warnings.warn(
                f"{folder} is on a file system without locks ({error.strerror}): see to it that "
                "nothing else trains this run meanwhile",
                stacklevel=4,  # the line that calls Run.train
            )
        else:
            stack.callback(_remove, path)
            file.truncate(0)
            file.write(f"{_who()}\n".encode())
            file.flush()
        yield


def _is_at(path: Path, file: BinaryIO) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _remove(path: Path) -> None:
    with suppress(OSError):  # where a file in use cannot be removed, it stays
        path.unlink(missing_ok=True)


def _who() -> str:
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    return f"process {os.getpid()} on {platform.node() or 'this machine'}, since {since}"


def _holder(path: Path) -> str:
    try:
        who = path.read_text("utf-8").strip() or "another process"
    except OSError:
        who = "another process"
    return who + " (this one)" * who.startswith(_who().partition(",")[0] + ",")
