"""Files and folders of any name that a file system takes: all of it works, or is refused by name."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tinygrad_ae.cli import main
from tinygrad_ae.run import Run

NAMES = {
    "not UTF-8": b"caf\xe9", "no such user": b"~nobody-here", "quotes": b"it's \"q\"",
    "a new line": b"new\nline", "long": b"n" * 240, "Unicode": "größe☃".encode(), "spaces": b" sp ",
    "controls": b"tab\t\x1b[31mred", "shell": b"$HOME;%d #", "markup": b"<b>&amp;$x_1$",
    "Windows": b"CON:1", "direction": "\u202eevil".encode(), "a comma": b"a,b;c", "markup of rich": b"[red]x[bold]",
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
@pytest.mark.usefixtures("no_pictures")
def test_a_name_is_a_name(
    name: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run = os.fsdecode(name)
    data = f"{run}.npy"
    with open(data, "wb") as file:
        np.save(file, np.random.default_rng(0).normal(size=(60, 6)))
    lines = [
        ["train", "autoencoder", "--data", data, "--hidden", "3", "--latent", "2", "--epochs", "1",
         "--out", run],
        ["evaluate", run], ["explain", run], ["encode", run, data, "-o", f"{run}.z.npy"],
        ["decode", run, f"{run}.z.npy", "-o", f"{run}.csv"], ["draw", run, "-o", f"{run}.svg"],
        ["page", run, "-o", f"{run}1.html"], ["compare", run, "-o", f"{run}2.html"],
        ["explore", run, "-o", f"{run}3.html"], ["anomalies", run, data, "-o", f"{run}4"],
        ["report", run], ["train", "--resume", run, "--epochs", "2"],
    ]  # fmt: skip
    for line in lines:
        code = main(line)
        said = capfd.readouterr()
        assert code == 0, (line[0], said.err)
        assert not {"\x1b", "\t", "\u202e"} & {*said.out, *said.err}, line[0]
    assert Run.open(run).epoch == 2
    assert len(np.load(f"{run}.z.npy")) == 60


@pytest.mark.parametrize("command", ["evaluate", "encode", "train"])
def test_a_name_that_is_too_long_is_refused(
    command: str, capfd: pytest.CaptureFixture[str]
) -> None:
    long = "n" * 300
    lines = {
        "evaluate": ["evaluate", long], "encode": ["encode", long, "x.npy", "-o", "z.npy"],
        "train": ["train", "autoencoder", "--data", long + ".npy"],
    }  # fmt: skip
    assert main(lines[command]) == 2
    said = capfd.readouterr().err
    assert said.startswith("Error: ")
    assert long[:200] in said
