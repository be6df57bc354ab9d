"""The commands sweep and compare."""

import csv
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tinygrad_ae.cli import main
from tinygrad_ae.evaluate import reconstruction_error
from tinygrad_ae.run import Run

SMALL = ["--hidden", "8", "--epochs", "1", "--batch-size", "50"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main([str(a) for a in arguments]) == 2
    err = " ".join(capsys.readouterr().err.split())
    assert "Traceback" not in err
    return err


def test_a_sweep_trains_each_combination_and_goes_on_where_it_stopped(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["sweep", "autoencoder", "--data", str(runs / "pictures.npz"), *SMALL,
               "--latent", "2,5", "--out", "s", "--jobs", "2"]  # fmt: skip
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "2 trainings in s, 2 at a time" in out
    with open("s/sweep.csv") as file:
        rows = list(csv.DictReader(file))
    assert {row["latent"] for row in rows} == {"2", "5"}
    errors = [float(row["validation_mse"]) for row in rows]
    assert errors == sorted(errors)
    best = Run.open(Path("s") / rows[0]["run"])
    x = best.load_data()
    want = reconstruction_error(best.model, x.validation.x).mean()
    assert errors[0] == pytest.approx(want, rel=1e-4)
    test = reconstruction_error(best.model, x.test.x).mean()
    assert f"best by validation: {rows[0]['run']}; its test MSE is {test:.5f}" in out
    assert Path("s/sweep.png").exists()

    before = (best.path / "checkpoint.safetensors").stat().st_mtime_ns
    assert main(command) == 0  # all is there already
    assert (best.path / "checkpoint.safetensors").stat().st_mtime_ns == before
    command[command.index("--epochs") + 1] = "2"
    assert "other choices (epochs)" in refused(capsys, *command)


def test_a_sweep_refuses_what_train_would(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ["--data", runs / "pictures.npz"]
    err = refused(capsys, "sweep", "autoencoder", *data, "--latnt", "2,3")
    assert "Did you mean '--latent'?" in err
    err = refused(capsys, "sweep", "autoencoder", *data, "--latent", "2,x")
    assert "'x' is not a valid integer" in err
    err = refused(capsys, "sweep", "autoencoder", *data, "--latent", "2,2")
    assert "values that differ" in err
    assert "no model named" in refused(capsys, "sweep", "nothing", "--latent", "2")
    assert not Path("sweeps").exists()


def test_lists_are_separated_by_semicolons(runs: Path) -> None:
    assert main(
        ["sweep", "autoencoder", "--data", str(runs / "signals.npz"), "--hidden", "4;6,3",
         "--latent", "2", "--epochs", "1", "--no-tied", "-j", "1"]
    ) == 0  # fmt: skip
    folder = Path("sweeps/autoencoder")
    assert Run.open(folder / "hidden-6-3").config.arguments["hidden"] == (6, 3)
    assert Run.open(folder / "hidden-4").config.arguments["tied"] is False


def test_what_fails_is_said_and_the_others_stand(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(
        ["sweep", "autoencoder", "--data", str(runs / "signals.npz"), "--optimizer", "sgd",
         "--lr", "1e30,0.1", "--epochs", "2", "--hidden", "4", "--activation", "relu",
         "--latent", "2", "--out", "s"]
    ) == 0  # fmt: skip
    out = capsys.readouterr().out
    assert "failed: Training diverged" in out
    assert "best by validation: lr-0.1" in out


def test_compare_sets_runs_and_pca_side_by_side(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("plain", "vae", "signals")
    assert main(["compare", *(str(runs / name) for name in names), "-o", "c.html"]) == 0
    out = capsys.readouterr().out
    page = Path("c.html").read_text("utf-8")
    assert "3 runs side by side" in page
    assert out.count("PCA-4") == 2  # one table for pictures, one for signals
    for name in names:
        run = Run.open(runs / name)
        mse = reconstruction_error(run.model, run.load_data().test.x).mean()
        assert f"{mse:.5f}" in out
        assert f"{mse:.5f}" in page
    assert "must end in .html" in refused(capsys, "compare", runs / "plain", "-o", "c.txt")
    assert "is not a run folder" in refused(capsys, "compare", runs)


def test_folders_whose_names_would_collide_are_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x = np.random.default_rng(0).normal(size=(60, 6))
    for k, name in enumerate(("d/a.npy", "d-a.npy", "D-a.npy")):
        Path(name).parent.mkdir(exist_ok=True)
        np.save(name, x + k)
    line = ["sweep", "autoencoder", "--data", "d/a.npy,d-a.npy,D-a.npy", "--latent", "2", *SMALL]
    assert main([*line, "--out", "s"]) == 0
    runs = sorted(path.name for path in Path("s").iterdir() if path.is_dir())
    assert runs == ["data-D-a.npy-3", "data-d-a.npy", "data-d-a.npy-2"]
    assert {Run.open(f"s/{name}").config.data for name in runs} == {
        str(tmp_path / name) for name in ("d/a.npy", "d-a.npy", "D-a.npy")
    }
    assert main([*line, "--out", "s"]) == 0  # the same names again


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_sweep_that_is_ended_ends_its_trainings(sent: signal.Signals, tmp_path: Path) -> None:
    np.save("x.npy", np.random.default_rng(0).normal(size=(60, 6)))
    command = [
        "sweep",
        "autoencoder",
        "--data",
        "x.npy",
        "--latent",
        "2,3,4",
        "--epochs",
        "1000000",
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "tinygrad_ae", *command, "--out", "s", "-j", "2"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:  # fmt: skip
        trained: list[Path] = []
        while len(trained) < 2:  # both that train have finished an epoch
            time.sleep(0.1)
            assert process.poll() is None
            tables = Path("s").glob("*/metrics.csv")
            trained = [t for t in tables if len(t.read_text().splitlines()) > 1]
        process.send_signal(sent)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.strip().endswith("Stopped; the same command goes on with s.")
    before = [path.read_bytes() for path in trained]
    time.sleep(1)
    assert [path.read_bytes() for path in trained] == before  # nobody trains any more
    assert all(Run.open(path.parent).epoch for path in trained)
