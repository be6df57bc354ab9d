"""Which model files may run when a run is opened: those trained or allowed on this machine.

A run of somebody's own model carries its Python file, and to open the run is to execute it. So the
file is executed only if its text is known here: training it writes it down, and so does whoever has
read it and says so. The list lies with the user, never in a run, so that no run can bring its own.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

from ..errors import RunError

_MINE = 0o022  # whoever else may write the list could allow any file


def known() -> Path:
    """Return the file of the list: in the folder where a user's programs keep their state."""
    home = Path.home()
    if sys.platform == "win32":
        folder = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        folder = home / "Library" / "Application Support"
    else:
        folder = Path(os.environ.get("XDG_STATE_HOME") or home / ".local" / "state")
    return folder / "tinygrad_ae" / "trusted.jsonl"


def is_trusted(sha256: str, imports: str) -> bool:
    """Whether a file with this checksum may run, with imports looked up in that folder.

    Raises:
        RunError: the list is one that others may write.
    """
    path = known()
    try:
        others = os.name == "posix" and path.stat().st_mode & _MINE
        lines = path.read_text("utf-8").splitlines()
    except OSError:
        return False
    if others:
        raise RunError(
            f"{path} can be written by others ({stat.filemode(path.stat().st_mode)}), who could so "
            "have any code run here. See that it holds what you put there, then: "
            f"chmod 600 {path}"
        )
    return json.dumps([sha256, imports]) in lines


def trust(sha256: str, imports: str) -> None:
    """Write down that a file may run.

    Raises:
        OSError: the list cannot be written.
    """
    if not is_trusted(sha256, imports):
        path = known()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "ab") as file:  # a line in one piece, whoever else writes
            file.write(f"{json.dumps([sha256, imports])}\n".encode())
