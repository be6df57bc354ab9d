"""Options and files that would take the machine are refused in words, at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tinygrad_ae.cli import main
from tinygrad_ae.data import audio, load
from tinygrad_ae.run import Config, Run


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("limits")
    np.save(folder / "x.npy", np.random.default_rng(0).normal(size=(60, 6)))
    for model in ("autoencoder", "variational"):
        config = Config(model, {"hidden": (3,), "latent": 2}, data=str(folder / "x.npy"), epochs=1)
        data = load(config.data)
        Run.create(folder / model, config, data).train(data)
    return folder


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main([str(a) for a in arguments]) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize("model", ["autoencoder", "variational"])
def test_more_samples_than_the_memory_holds(
    model: str, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ("generate", trained / model, "-n", 10**11, "-o", tmp_path / "x.npy")
    assert "GB" in refused(capsys, *line)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("rate", ["inf", "nan", "1e9", "0", "-8000", "1e-300"])
def test_rates_that_no_sound_has(
    rate: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    audio.write(tmp_path / "x.wav", np.sin(np.arange(4000) / 9), 8000)
    said = refused(
        capsys, "train", "autoencoder", "--data", tmp_path / "x.wav", f"--sample-rate={rate}",
        "--out", tmp_path / "run",
    )  # fmt: skip
    assert "sample-rate" in said or "rate" in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("option", ["--lr", "--clip", "--weight-decay"])
@pytest.mark.parametrize("value", ["inf", "nan", "-inf"])
def test_numbers_that_are_none(
    option: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(capsys, "train", "autoencoder", f"{option}={value}", "--out", tmp_path / "run")
    assert option in said
    assert value in said


@pytest.mark.parametrize("code", ["0", "3", "'gone'", ""])
def test_a_model_file_that_ends_the_program(
    code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(f"raise SystemExit({code})\n")
    assert "ends the program (SystemExit" in refused(capsys, "train", path)


def test_no_memory_is_said_in_words(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    trained: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full(*_: object, **__: object) -> None:
        raise MemoryError("Unable to allocate 9.9 EiB")

    monkeypatch.setattr(np.linalg, "eigh", full)
    said = refused(capsys, "generate", trained / "autoencoder", "-n", 3, "-o", tmp_path / "x.npy")
    assert "there is not enough memory (Unable to allocate 9.9 EiB)" in said
