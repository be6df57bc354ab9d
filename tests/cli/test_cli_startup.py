"""Ctrl-C while the command is loading: one line, whatever it was that was being imported."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

INTERRUPTED = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(9)\n"


def started(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env={"PYTHONPATH": str(folder)},
        capture_output=True, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip


@pytest.mark.parametrize("name", ["numpy", "click", "rich", "scipy"])
@pytest.mark.parametrize("command", [["-m", "tinygrad_ae"], ["tinygrad-ae"]])
def test_the_command_ends_with_one_line(name: str, command: list[str], tmp_path: Path) -> None:
    (tmp_path / f"{name}.py").write_text(INTERRUPTED)
    (tmp_path / "tinygrad-ae").write_text(
        "from tinygrad_ae.cli import main; raise SystemExit(main())"
    )
    (tmp_path / "x.wav").write_bytes(b"")
    done = started(tmp_path, *command, "train", "autoencoder", "--data", "x.wav")
    assert (done.returncode, done.stderr.strip(), done.stdout) == (130, "Stopped.", "")


def test_a_program_that_imports_the_package_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text(INTERRUPTED)
    done = started(tmp_path, "-c", "import tinygrad_ae")
    assert done.stderr.strip().endswith("KeyboardInterrupt")
