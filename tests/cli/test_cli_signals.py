"""Sound and signals through the commands: from a file to a run, and back to a file."""

from pathlib import Path

import numpy as np
import pytest

from tinygrad_ae.cli import main
from tinygrad_ae.data import Framing, audio
from tinygrad_ae.run import Config, Run

T = np.arange(6000) / 8000
TONE = 0.5 * np.sin(2 * np.pi * 200 * T) + 0.1 * np.random.default_rng(0).standard_normal(6000)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs on a tone (raw and spectra) and on a table of two channels."""
    folder = tmp_path_factory.mktemp("signals")
    audio.write(folder / "tone.wav", TONE, 8000)
    table = np.stack([100 + 5 * TONE, TONE], 1)[:1500]
    np.savetxt(folder / "table.csv", table, delimiter=",", header="pulse,move", comments="")
    small = {"hidden": (8,), "latent": 3}
    for name, options in {
        "raw": {"data": "tone.wav", "window": 64},
        "stft": {"data": "tone.wav", "frame": "stft", "window": 64, "hop": 16},
        "table": {"data": "table.csv", "window": 32, "hop": 8},
    }.items():
        options["data"] = str(folder / options["data"])
        config = Config(arguments=small, epochs=2, **options)
        data = config.load_data()
        Run.create(folder / name, config, data).train(data)
    return folder


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def ok(*arguments: object) -> None:
    assert main([str(a) for a in arguments]) == 0


def test_a_sound_is_trained_on_and_its_run_remembers_how_it_was_cut(trained: Path) -> None:
    ok("train", "autoencoder", "--data", trained / "tone.wav", "--window", "64", "--hop", "32",
       "--sample-rate", "4000", "--latent", "2", "--epochs", "1", "--out", "run")  # fmt: skip
    run = Run.open("run")
    assert run.framing == Framing("raw", 64, 32, 1, 4000.0)
    assert run.load_data().framing == run.framing
    assert Path("run/reconstructions.png").exists()
    ok("evaluate", "run")


@pytest.mark.parametrize("kind", ["raw", "stft"])
def test_a_sound_comes_back_as_long_as_it_was(trained: Path, kind: str) -> None:
    audio.write("long.wav", TONE[:5001], 8000)
    ok("reconstruct", trained / kind, "long.wav", "-o", "out.wav")
    out = audio.read(Path("out.wav"))
    assert (len(out), out.sample_rate) == (5001, 8000)
    assert 0.01 < np.abs(out.values).max() <= 1


def test_a_folder_of_sounds_becomes_a_folder_of_sounds(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("in").mkdir()
    for i in range(2):
        audio.write(f"in/{i}.wav", TONE[: 1000 + i], 8000)
    ok("reconstruct", trained / "raw", "in", "-o", "out")
    assert [len(audio.read(path)) for path in sorted(Path("out").iterdir())] == [1000, 1001]
    assert main(["reconstruct", str(trained / "raw"), "in", "-o", "out.wav"]) == 2
    assert "2 recordings do not fit into one .wav file" in capsys.readouterr().err


def test_codes_of_a_sound_become_a_sound(trained: Path) -> None:
    ok("encode", trained / "stft", trained / "tone.wav", "-o", "codes.npy")
    ok("decode", trained / "stft", "codes.npy", "-o", "made.wav")
    assert abs(len(audio.read(Path("made.wav"))) - 6000) < 64


def test_a_table_comes_back_in_its_units_under_its_names(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (trained / "table.csv").read_text().splitlines()[:104]
    Path("in.csv").write_text("\n".join(lines))
    ok("reconstruct", trained / "table", "in.csv", "-o", "out.csv")
    assert Path("out.csv").read_text().splitlines()[0] == "pulse,move"
    table = np.loadtxt("out.csv", delimiter=",", skiprows=1)
    assert table.shape == (103, 2)
    assert 95 < table[:, 0].mean() < 105
    ok("reconstruct", trained / "table", "in.csv", "-o", "out.npy")
    np.testing.assert_allclose(np.load("out.npy"), table, rtol=1e-6)
    assert main(["reconstruct", str(trained / "table"), "in.csv", "-o", "out.wav"]) == 2
    assert "not known to be sound" in capsys.readouterr().err
