"""What a command may not overwrite, and what it says when the disk, a folder or a link fails it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from tinygrad_ae.cli import main
from tinygrad_ae.data import load
from tinygrad_ae.run import Config, Run
from tinygrad_ae.run.folder import KEPT
from tinygrad_ae.util import files


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    for name, n in (("x.npy", 60), ("y.npy", 20)):
        np.save(folder / name, np.random.default_rng(n).normal(size=(n, 6)))
    config = Config("autoencoder", {"hidden": (3,), "latent": 2}, str(folder / "x.npy"), epochs=1)
    data = load(config.data)
    Run.create(folder / "run", config, data).train(data)
    return folder


@pytest.fixture(autouse=True)
def folder(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the run and its data, which is the current folder."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    (tmp_path / "x.npy").unlink()
    os.link(trained / "x.npy", tmp_path / "x.npy")  # what the run knows by its first name
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main([str(word) for word in words]) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return " ".join(said.split())


@pytest.mark.parametrize("way", ["itself", "link", "hard link"])
def test_a_runs_own_data_is_not_overwritten(
    way: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = Path("x.npy").read_bytes()
    out = {"itself": "x.npy", "link": "soft.npy", "hard link": "hard.npy"}[way]
    Path("soft.npy").symlink_to("x.npy")
    os.link("x.npy", "hard.npy")
    for line in (
        ["encode", "run", "y.npy"], ["reconstruct", "run", "y.npy"], ["generate", "run", "-n", "3"],
        ["interpolate", "run", "0", "1"], ["traverse", "run"],
    ):  # fmt: skip
        assert f"{out} is what is to be read" in refused(capsys, *line, "-o", out)
    assert Path("x.npy").read_bytes() == before


@pytest.mark.parametrize("name", KEPT)
def test_a_runs_own_files_are_not_overwritten(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("out.csv").symlink_to(Path("run", name))
    before = Path("run", name).read_bytes()
    assert "is what is to be read" in refused(capsys, "encode", "run", "y.npy", "-o", "out.csv")
    assert Path("run", name).read_bytes() == before


def test_what_is_no_data_of_the_run_is_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    np.save("other.npy", np.zeros(3))
    assert main(["encode", "run", "y.npy", "-o", "other.npy"]) == 0
    assert "other.npy (replaced)" in capsys.readouterr().out


def test_links_that_lead_nowhere_are_said_to(capsys: pytest.CaptureFixture[str]) -> None:
    for name, target in (("lost.npy", "gone.npy"), ("round", "again"), ("again", "round")):
        Path(name).symlink_to(target)
    said = "lost.npy is a link to gone.npy, which is not there."
    for line in (
        ["encode", "run", "lost.npy", "-o", "z.npy"], ["evaluate", "lost.npy"],
        ["train", "autoencoder", "--data", "lost.npy"],
        ["train", "autoencoder", "--data", "y.npy", "--out", "lost.npy"],
    ):  # fmt: skip
        assert said.rstrip(".") in refused(capsys, *line)
    for line in (["evaluate", "round"], ["train", "autoencoder", "--data", "round"]):
        assert "round is a link to again, which is not there" in refused(capsys, *line)


def test_a_folder_that_is_gone_is_said_to_be(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    train = Run.train

    def lost(run: Run, *arguments: object) -> None:
        train(run, arguments[0], lambda history: Path("new").rename("elsewhere"))  # type: ignore[arg-type]

    monkeypatch.setattr(Run, "train", lost)
    said = refused(
        capsys, "train", "autoencoder", "--data", "y.npy", "--hidden", "3", "--latent", "2",
        "--epochs", "3", "--out", "new",
    )  # fmt: skip
    assert "new is not there any more: it was moved or removed during its training" in said
    assert "whole checkpoint" not in said
    assert Run.open("elsewhere").epoch == 1


@pytest.mark.parametrize("out", ["z.npy", "z.csv", "z.npz"])
def test_a_full_disk_leaves_nothing_behind(
    out: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    before = sorted(os.listdir())
    said = refused(capsys, "encode", "run", "y.npy", "-o", out)
    assert f"Error: {out} cannot be written: No space left on device." in said
    assert "Error: new cannot be written: No space left" in refused(
        capsys, "train", "autoencoder", "--data", "y.npy", "--out", "new"
    )
    assert sorted(os.listdir()) == before
