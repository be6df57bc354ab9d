"""Files larger than the memory: what the commands read at a time, whatever the file's size."""

from pathlib import Path

import numpy as np
import pytest

from tinygrad_ae.cli import main
from tinygrad_ae.data import audio
from tinygrad_ae.data.arrays import NpyFile
from tinygrad_ae.data.tables import CsvFile
from tinygrad_ae.evaluate import encode, reconstruct
from tinygrad_ae.run import Config, Run

N, D = 2500, 6
X = np.random.default_rng(0).random((N, D))
T = np.arange(20_000)
SERIES = 5 + np.sin(T / 9)[:, None] + 0.1 * np.random.default_rng(0).standard_normal((20_000, 1))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of rows and runs of a series (windows, and spectra of it as sound)."""
    folder = tmp_path_factory.mktemp("streaming")
    np.save(folder / "x.npy", X)
    np.savetxt(folder / "x.csv", X, delimiter=",", header="a,b,c,d,e,f", comments="")
    np.save(folder / "series.npy", SERIES)
    np.savetxt(folder / "series.csv", SERIES, delimiter=",")
    small = {"hidden": (4,), "latent": 2}
    window = {"window": 16, "hop": 4}
    for name, options in {
        "rows": {"data": "x.npy"},
        "series": {"data": "series.npy", **window},
        "stft": {"data": "series.npy", **window, "frame": "stft", "sample_rate": 8000.0},
    }.items():
        config = Config(arguments=small, epochs=1, **{**options, "data": folder / options["data"]})
        data = config.load_data()
        Run.create(folder / name, config, data).train(data)
    return folder


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[int]:
    """How many rows were read at a time, of any file."""
    monkeypatch.chdir(tmp_path)
    sizes: list[int] = []
    for kind in (NpyFile, CsvFile):

        def counted(self, rows, get=kind.__getitem__):
            part = get(self, rows)
            sizes.append(len(part))
            return part

        monkeypatch.setattr(kind, "__getitem__", counted)
    return sizes


@pytest.mark.parametrize("suffix", [".npy", ".csv"])
@pytest.mark.parametrize(
    "command",
    [
        "encode {run} {x} -o z.npy",
        "encode {run} {x} -o z.csv",
        "reconstruct {run} {x} -o out.npy",
        "denoise {run} {x} --clean {x} -o out.csv",
        "anomalies {run} {x} -o found",
    ],
)
@pytest.mark.parametrize("kind", ["rows", "series"])
def test_no_command_reads_a_whole_file(trained, read, monkeypatch, command, suffix, kind):
    run, name = trained / kind, "x" if kind == "rows" else kind
    # A threshold needs the run's own data, which is trained on and so fits in the memory.
    data = Run.open(run).load_data()
    monkeypatch.setattr(Run, "load_data", lambda self, source=None: data)
    read.clear()
    assert main(command.format(run=run, x=trained / f"{name}{suffix}").split()) == 0
    most = 1024 if kind == "rows" else 1023 * 4 + 16
    assert max(read) <= most
    assert sum(read) >= (N if kind == "rows" else len(SERIES))


def test_what_is_read_in_parts_is_what_is_read_whole(trained, read):
    run = Run.open(trained / "rows")
    for suffix in (".npy", ".csv"):
        assert main(["encode", str(run.path), str(trained / f"x{suffix}"), "-o", "z.npy"]) == 0
        want = encode(run.model, run.scaling.apply(X))
        np.testing.assert_allclose(np.load("z.npy"), want, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", ["series", "stft"])
def test_a_long_recording_is_put_together_in_stretches(trained, read, kind):
    run = Run.open(trained / kind)
    source = str(trained / "series.npy")
    assert main(["reconstruct", str(run.path), source, "-o", "out.npy"]) == 0
    samples = run.load_samples(source)
    (want,) = samples.restore(reconstruct(run.model, samples[:]))
    np.testing.assert_allclose(np.load("out.npy"), want.values, rtol=1e-5, atol=1e-5)
    assert main(["reconstruct", str(run.path), source, "-o", "out.csv"]) == 0
    np.testing.assert_allclose(np.loadtxt("out.csv", skiprows=1)[:, None], want.values, rtol=1e-5)


def test_a_sound_is_written_in_stretches(tmp_path):
    parts = [np.full((3, 1), 0.5), np.full((2, 1), -2.0)]
    audio.write_stretches(tmp_path / "x.wav", parts, 8000)
    values = audio.read(tmp_path / "x.wav").values
    np.testing.assert_array_equal(values[:, 0], [0.5, 0.5, 0.5, -1, -1])


def test_noise_that_is_heard_is_measured(trained, read, capsys):
    noisy = SERIES + np.random.default_rng(1).standard_normal(SERIES.shape)
    np.save("noisy.npy", noisy)
    series = str(trained / "series.npy")
    assert (
        main(["denoise", str(trained / "series"), "noisy.npy", "--clean", series, "-o", "o.npy"])
        == 0
    )
    out = capsys.readouterr().out
    for name, x in (("noisy", noisy), ("denoised", np.load("o.npy"))):
        snr = 10 * np.log10(SERIES.var() / np.square(x - SERIES).mean())
        line = next(line for line in out.splitlines() if line.strip().startswith(name))
        assert float(line.split("signal to noise")[1].split()[0]) == pytest.approx(snr, abs=0.02)
    np.save("short.npy", SERIES[:-7])
    short = ["denoise", str(trained / "series"), "noisy.npy", "--clean", "short.npy", "-o", "o.npy"]
    assert main(short) == 2
    assert "as long" in capsys.readouterr().err
