"""What is written is whole or not there, under the user's umask, and kills leave nothing for long."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tinygrad_ae.data import load
from tinygrad_ae.run import Config, Run
from tinygrad_ae.util.files import atomic, atomic_folder, remove_abandoned, unfinished_folder

WRITER = """
import sys, time
from pathlib import Path
from tinygrad_ae.util.files import atomic, atomic_folder
with atomic(Path(sys.argv[1], "a.npy")) as a, atomic_folder(Path(sys.argv[1], "b")) as b:
    (b / "inside").write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def umask() -> Iterator[int]:
    mask = 0o027
    before = os.umask(mask)
    yield mask
    os.umask(before)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_writer_that_is_killed_leaves_what_the_next_removes(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout
        assert writer.stdout.readline() == "writing\n"
        remove_abandoned(tmp_path)
        assert len(names(tmp_path)) == 2  # it is alive
        writer.send_signal(signal.SIGKILL)
    assert len(names(tmp_path)) == 2
    (tmp_path / ".unfinished").write_text("the user's own")
    remove_abandoned(tmp_path)
    assert names(tmp_path) == [".unfinished"]


def test_what_is_being_written_here_is_not_abandoned(tmp_path: Path) -> None:
    with atomic(tmp_path / "x.txt") as one, atomic_folder(tmp_path / "folder") as other:
        remove_abandoned(tmp_path)
        one.write_text("x")
        (other / "y").write_text("y")
    assert names(tmp_path) == ["folder", "x.txt"]


def test_a_training_clears_up_after_those_that_were_killed(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(60, 6)))
    data = load(tmp_path / "x.npy")
    config = Config("autoencoder", {"hidden": (3,), "latent": 2}, str(tmp_path / "x.npy"), epochs=1)
    (tmp_path / ".unfinished-run").mkdir()
    (tmp_path / ".unfinished-run" / "model.py").write_text("half")
    run = Run.create(tmp_path / "run", config, data)
    assert names(tmp_path) == ["run", "x.npy"]
    (run.path / ".unfinished-1.csv").write_text("half")
    run.train(data)
    assert not [name for name in names(run.path) if name.startswith(".unfinished")]


def test_folders_and_files_have_the_rights_that_the_umask_leaves(
    tmp_path: Path, umask: int
) -> None:
    with atomic(tmp_path / "x.txt") as one, atomic_folder(tmp_path / "folder") as other:
        one.write_text("x")
        (other / "y").write_text("y")
    with unfinished_folder(tmp_path) as third:
        third.rename(tmp_path / "third")
    rights = {name: (tmp_path / name).stat().st_mode & 0o777 for name in names(tmp_path)}
    assert rights == {"folder": 0o777 & ~umask, "third": 0o777 & ~umask, "x.txt": 0o666 & ~umask}


def test_a_run_has_the_rights_that_the_umask_leaves(tmp_path: Path, umask: int) -> None:
    x = np.random.default_rng(0).normal(size=(60, 6))
    np.save(tmp_path / "x.npy", x)
    config = Config("autoencoder", {"hidden": (3,), "latent": 2}, str(tmp_path / "x.npy"), epochs=1)
    run = Run.create(tmp_path / "new" / "run", config, load(tmp_path / "x.npy"))
    assert run.path.stat().st_mode & 0o777 == 0o777 & ~umask
    for path in run.path.iterdir():
        assert path.stat().st_mode & 0o777 == 0o666 & ~umask, path


def test_one_who_clears_up_at_the_same_moment_takes_nothing_away(tmp_path: Path) -> None:
    clearing = (
        "import sys, pathlib; from tinygrad_ae.util.files import remove_abandoned\n"
        "print(flush=True)\nwhile True: remove_abandoned(pathlib.Path(sys.argv[1]))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", clearing, str(tmp_path)], stdout=subprocess.PIPE
    ) as other:
        assert other.stdout
        other.stdout.readline()
        try:
            for k in range(300):
                with (
                    atomic(tmp_path / f"{k % 7}.txt") as file,
                    atomic_folder(tmp_path / f"f{k}") as f,
                ):
                    file.write_text("x")
                    (f / "y").write_text("y")
        finally:
            other.kill()
    assert len(names(tmp_path)) == 7 + 300


def test_a_name_as_long_as_a_name_can_be(tmp_path: Path) -> None:
    target = tmp_path / ("n" * 250 + ".txt")
    with atomic(target) as file:
        file.write_text("x")
    assert target.read_text() == "x"
