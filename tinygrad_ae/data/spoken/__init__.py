"""The bundled words: some minutes of real speech, so that sound needs no network either.

README.md in this folder says where they come from; cut.py takes them from there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from tinygrad_ae.data import audio
from tinygrad_ae.data.recordings import Recording
from tinygrad_ae.errors import DataError

FOLDER = Path(__file__).parent
SHA256 = "e7c9d5ef25c947f25138c7c780c5e7a807d9f649f5fb9ddef3af05eaa6c7e045"


def read() -> dict[str, list[Recording]]:
    """Return the splits of the bundled set, labelled by the kind of word, in the order of KINDS.

    Raises:
        DataError: a file of the installation is missing or damaged.
        MissingExtra: SciPy is not installed.
    """
    paths = FOLDER.glob("*/*/*.wav")
    found = checksum({path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in paths})
    if found != SHA256:
        raise DataError(
            f"The sounds in {FOLDER} are not those this package came with: their checksum is "
            f"{found}, expected {SHA256}. Reinstall tinygrad-ae."
        )
    return audio.read_folder(FOLDER)


def checksum(files: Mapping[str, bytes]) -> str:
    """Return the SHA-256 of files' names and contents."""
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()
