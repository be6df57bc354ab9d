"""A font for Graphviz on any machine, even one where none is installed."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from importlib.util import find_spec
from pathlib import Path

SYSTEM = {
    "linux": ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts"),
    "darwin": ("/System/Library/Fonts", "/Library/Fonts", "~/Library/Fonts"),
    "win32": ("C:/Windows/Fonts",),
}


_turn = threading.RLock()  # the environment and stderr are the whole process's


@contextmanager
def fonts() -> Iterator[None]:
    """Tell the font library where fonts are, for as long as Graphviz draws.

    Matplotlib brings DejaVu Sans, the font that pictures of graphs ask for: so they come out the
    same with fonts installed and without. Settings of the user's are obeyed instead.
    """
    with _turn, _without_warnings():
        if "FONTCONFIG_FILE" in os.environ or "FONTCONFIG_PATH" in os.environ:
            yield
        else:
            with _our_settings():
                yield


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Hold back what the font library writes on stderr about settings of another version.

    It reads the system's in any case, and finds in newer ones words that it does not know.
    """
    try:
        stderr = os.dup(2)
    except OSError:  # a program without a console
        yield
        return
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            said.seek(0)
            for line in said:
                if not line.startswith(b"Fontconfig warning"):
                    os.write(2, line)


@contextmanager
def _our_settings() -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="fonts-") as folder:
        settings = Path(folder, "fonts.conf")
        settings.write_text(_settings(), encoding="utf-8")
        os.environ["FONTCONFIG_FILE"] = str(settings)
        try:
            yield
        finally:
            del os.environ["FONTCONFIG_FILE"]


def _settings() -> str:
    folders = [os.path.expanduser(folder) for folder in SYSTEM.get(sys.platform, ())]
    matplotlib = find_spec("matplotlib")  # found, not imported
    if matplotlib and matplotlib.submodule_search_locations:
        folders.insert(0, os.path.join(matplotlib.submodule_search_locations[0], _THEIRS))
    entries = "".join(f"<dir>{escape(folder, quote=False)}</dir>" for folder in folders)
    # rescan 0: don't look at this file again, it will be gone
    return (
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd"><fontconfig>'
        f'{entries}<cachedir prefix="xdg">fontconfig</cachedir>'
        "<config><rescan><int>0</int></rescan></config></fontconfig>"
    )


_THEIRS = os.path.join("mpl-data", "fonts", "ttf")
