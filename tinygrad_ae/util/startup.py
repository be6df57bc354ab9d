"""The first thing that is imported: Ctrl-C while the command is still loading ends it by one line.

An interrupt in the middle of an import surfaces as whatever the import makes of it: NumPy says that
its installation is broken. So until the command is loaded it ends the process at once; there is
nothing to lose yet. Nothing is changed for a program that only uses the package.
"""

import os
import signal
import sys
import threading


def is_the_command() -> bool:
    """Whether this process was started as ``tinygrad-ae`` or ``python -m tinygrad_ae``."""
    name = os.path.basename(sys.argv[0] if sys.argv else "").removesuffix(".exe")
    return name == "tinygrad-ae" or sys.orig_argv[1:3] == ["-m", "tinygrad_ae"]


def loaded() -> None:
    """Let Ctrl-C be a KeyboardInterrupt again: what is running now can put things in order."""
    if signal.getsignal(signal.SIGINT) is _stop:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _stop(*_: object) -> None:
    os.write(2, b"Stopped.\n")
    os._exit(130)


if (
    is_the_command()
    and threading.current_thread() is threading.main_thread()
    and signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not of a job in background
):
    signal.signal(signal.SIGINT, _stop)
