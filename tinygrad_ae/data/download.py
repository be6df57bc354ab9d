"""Fetching a file once: from the first mirror that has it, checked, resumable, cached.

pooch, the usual package for this, cannot resume a download that was cut, hence this file.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tinygrad_ae.errors import DataError
from tinygrad_ae.util.files import locked

Progress = Callable[[str, int, int], None]
"""Called with the file's name, the bytes done and the bytes in all (0: not known)."""

TIMEOUT = 30  # seconds without a byte before a mirror counts as dead
LONGEST = 3600  # seconds that a mirror may take in all
LARGEST = 100_000_000  # bytes; what is fetched here has 26,421,880 at most
ATTEMPTS = 6  # requests to a mirror that keeps hanging up, and then the next is asked
PAUSE = 1.0  # seconds before the second request; twice as long before each after it
_CHUNK = 1 << 16


class _MirrorError(Exception):
    """A mirror did not give the file; the message says why."""


def fetch(
    name: str,
    mirrors: Sequence[str],
    sha256: str,
    folder: Path,
    progress: Progress | None = None,
) -> Path:
    """Return the path of a file whose content is checked, downloading it if need be.

    What has arrived is kept in ``name.part`` until it is whole, and a later call carries on
    from there if the mirror supports HTTP ranges. Calls for the same file wait for each other.
    A mirror that hangs up in the middle is asked again, ``ATTEMPTS`` times at most, after pauses;
    one that takes more than ``LONGEST`` seconds or sends more than ``LARGEST`` bytes is given up.

    Args:
        name: the file's name, on the mirrors and in ``folder``.
        mirrors: base addresses, each ending in ``/``, tried in this order.
        sha256: of the file as it is served, in hexadecimal.
        folder: where to keep it; made if it is not there.
        progress: told how far the download is.

    Raises:
        DataError: no mirror gave the file with that checksum, or the folder is not writable.
    """
    target = folder / name
    if _is(target, sha256):
        return target
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    lock = folder / f"{name}.lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(lock):
            if not _is(target, sha256):  # nobody brought it while we waited
                _download(target, mirrors, sha256, progress)
    except DataError:
        _tidy(lock, made)
        raise
    except OSError as error:  # of the disk: one of the network becomes _MirrorError
        raise DataError(
            f"{target} cannot be written: {error.strerror or error}. Set the environment variable "
            "TINYGRAD_AE_CACHE to a folder you can write to, with space for the file."
        ) from error
    return target


def _download(target: Path, mirrors: Sequence[str], sha256: str, progress: Progress | None) -> None:
    part = target.with_name(f"{target.name}.part")
    if part.is_symlink():  # whoever made it would have us write somewhere else
        part.unlink()
    if _is(part, sha256):  # all there, but the process ended before the renaming
        os.replace(part, target)
        return
    failures = []
    for mirror in mirrors:
        try:
            _download_from(mirror + target.name, part, sha256, progress)
        except _MirrorError as failure:
            failures.append(f"{mirror}{target.name}: {failure}")
        else:
            os.replace(part, target)
            return
    tried = "\n".join(f"  {failure}" for failure in failures)
    raise DataError(
        f"{target.name} could not be downloaded:\n{tried}\n"
        "Check the network connection and run this again (it carries on where it was cut), or put "
        f"the file at {target} yourself. The bundled digits need no network."
    )


def _download_from(url: str, part: Path, sha256: str, progress: Progress | None) -> None:
    """Bring ``part`` up to the file with that checksum.

    Raises:
        _MirrorError: the mirror does not give it.
    """
    deadline = time.monotonic() + LONGEST
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE * 2 ** (attempt - 1))
        before = _size(part)
        try:
            resumed = _receive(url, part, deadline, progress)
        except _MirrorError:
            # If it was getting somewhere, carry on from where it was cut.
            if _size(part) > before and attempt < ATTEMPTS - 1 and time.monotonic() < deadline:
                continue
            raise
        found = _sha256(part)
        if found == sha256:
            return
        part.unlink()
        if not resumed:
            raise _MirrorError(f"wrong checksum: found SHA-256 {found}, expected {sha256}")
        # The wrong bytes may be those that were there before: once more from the start.
    raise _MirrorError(f"it hung up {ATTEMPTS} times")


def _receive(url: str, part: Path, deadline: float, progress: Progress | None) -> bool:
    """Bring ``part`` up to the whole of ``url``; return whether what was there was built on.

    Raises:
        _MirrorError: the mirror did not give all of it; what arrived stays in ``part``.
    """
    have = _size(part)
    headers = {"User-Agent": "tinygrad-ae", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    request = Request(url, headers=headers)  # noqa: S310 - as below
    with _opened(request) as response:
        granted = str(response.headers["Content-Range"]).startswith(f"bytes {have}-")
        resumed = have > 0 and response.status == HTTPStatus.PARTIAL_CONTENT and granted
        if have and not resumed and response.status != HTTPStatus.OK:
            part.unlink()  # it is longer than the file, or the mirror sent another range
            return _receive(url, part, deadline, progress)
        done = have if resumed else 0  # OK: a mirror that knows no ranges sends the whole
        total = done + response.length if response.length else 0
        with open(part, "ab" if resumed else "wb") as file:
            for chunk in _chunks(response):
                done += len(chunk)
                if done > LARGEST:
                    part.unlink()  # whatever it is, it is not the file
                    raise _MirrorError(f"it sends more than {LARGEST:,} bytes")
                if time.monotonic() > deadline:
                    raise _MirrorError(f"it was not done after {LONGEST:,} s")
                file.write(chunk)
                if progress:
                    progress(part.stem, done, total)
        if done < total:
            raise _MirrorError(f"the connection was cut after {done:,} of {total:,} bytes")
    return resumed


@contextmanager
def _opened(request: Request) -> Iterator[HTTPResponse]:
    try:
        response = urlopen(request, timeout=TIMEOUT)  # noqa: S310 - of SOURCES: https or http
    except HTTPError as error:
        if error.code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            error.close()
            raise _MirrorError(f"HTTP status {error.code} ({error.reason})") from error
        response = error
    except (OSError, HTTPException) as error:
        raise _MirrorError(str(getattr(error, "reason", error))) from error
    with response:
        yield response


def _chunks(response: HTTPResponse) -> Iterator[bytes]:
    try:
        while chunk := response.read1(_CHUNK):  # what has come, without waiting for more
            yield chunk
    except (OSError, HTTPException) as error:
        raise _MirrorError(f"the connection was cut ({error})") from error


def _tidy(lock: Path, made: Sequence[Path]) -> None:
    """Leave no trace of a download that brought nothing: no folder that was made for it."""
    if made and all(path == lock for path in made[0].iterdir()):
        with suppress(OSError):  # somebody else may be using them
            lock.unlink(missing_ok=True)
            for folder in made:
                folder.rmdir()


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is(path: Path, sha256: str) -> bool:
    return path.is_file() and _sha256(path) == sha256
