"""The commands anomalies, compress, features."""

import csv
from pathlib import Path

import numpy as np
import pytest

from tinygrad_ae.cli import main
from tinygrad_ae.data import load
from tinygrad_ae.evaluate import encode, reconstruction_error
from tinygrad_ae.run import Config, Run


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ok(*arguments: object) -> None:
    assert main([str(a) for a in arguments]) == 0


def test_a_run_of_one_label_finds_the_others_anomalous(
    runs: Path, capsys: pytest.CaptureFixture[str], no_pictures: None
) -> None:
    ok("train", "autoencoder", "--data", runs / "pictures.npz", "--only", 1, "--hidden", 16,
       "--latent", 3, "--epochs", 20, "--batch-size", 8, "--out", "ones")  # fmt: skip
    run = Run.open("ones")
    assert set(run.load_data().train.y) == {1}
    capsys.readouterr()
    ok("anomalies", "ones")
    out = capsys.readouterr().out
    assert "30 samples of the test split" in out
    area = float(out.partition("AUROC ")[2].split()[0])
    assert area > 0.9  # a 1 is unlike anything else
    assert "was trained on all labels" not in out
    with open("ones/anomalies/scores.csv") as file:
        rows = list(csv.DictReader(file))
    x = load(runs / "pictures.npz").test
    np.testing.assert_allclose(
        [float(r["score"]) for r in rows], reconstruction_error(run.model, x.x), rtol=1e-4
    )
    assert [int(r["label"]) for r in rows] == list(x.y)
    assert Path("ones/anomalies/curves.png").exists()
    ok("train", "--resume", "ones", "--epochs", 21)  # the choice of labels is remembered


def test_a_run_of_all_labels_is_warned_of(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ok("anomalies", runs / "signals", "--normal", 0, "-o", "found")
    out = capsys.readouterr().out
    assert "AUROC" in out
    assert "--only 0" in out
    ok("anomalies", runs / "signals", "-o", "found")
    assert "say which labels are normal" in capsys.readouterr().out


def test_samples_of_ones_own_are_scored(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x = np.load(runs / "signals.npz")["x"][:12]
    x[3, 5] = 30
    np.save("x.npy", x)
    ok("anomalies", runs / "signals", "x.npy", "-o", "found")
    assert "There are no labels" in capsys.readouterr().out
    with open("found/scores.csv") as file:
        rows = list(csv.DictReader(file))
    worst = max(rows, key=lambda r: float(r["score"]))
    assert (worst["sample"], worst["largest_part_at"], worst["anomalous"]) == ("3", "5", "1")


def test_only_needs_labels(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save("x.npy", np.load(runs / "signals.npz")["x"])
    assert main(["train", "autoencoder", "--data", "x.npy", "--only", "1"]) == 2
    assert "has no labels" in capsys.readouterr().err
    data = str(runs / "signals.npz")
    assert main(["train", "autoencoder", "--data", data, "--only", "7"]) == 2
    assert "its labels are 0, 1" in capsys.readouterr().err


def test_compress_stands_beside_pca_and_jpeg(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ok("compress", runs / "plain", "-o", "bits")
    assert "JPEG of one sheet" in capsys.readouterr().out
    assert Path("bits/bits.png").exists()
    ok("compress", runs / "signals", "-o", "bits")
    out = capsys.readouterr().out
    assert "Without JPEG" in out
    assert "bits per value" in out
    with open("bits/bits.csv") as file:
        assert {r["way"] for r in csv.DictReader(file)} == {"Denoising", "PCA-4", "PCA, up to 24"}


def test_features_can_be_trained_on(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ok("features", runs / "signals", "-o", "codes.npz")
    assert "codes of Denoising" in capsys.readouterr().out
    codes, run = load("codes.npz"), Run.open(runs / "signals")
    data = run.load_data()
    assert (codes.test.y == data.test.y).all()
    raw = np.load("codes.npz")["x_test"]
    np.testing.assert_allclose(raw, encode(run.model, data.test.x), rtol=1e-5)
    ok("features", runs / "signals", "-o", "tables")
    assert Path("tables/test.csv").read_text().splitlines()[0] == "z0,z1,z2,z3,label"


def test_samples_of_one_class_are_scored_but_not_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "one.npz", x=rng.random((60, 6)), y=np.full(60, 4))
    config = Config(arguments={"latent": 2}, data=str(tmp_path / "one.npz"), epochs=1)
    data = config.load_data()
    Run.create(tmp_path / "run", config, data).train(data)
    ok("anomalies", tmp_path / "run", "--normal", 4)
    assert "By their labels all are normal" in capsys.readouterr().out
    assert (tmp_path / "run/anomalies/scores.csv").exists()
    ok("features", tmp_path / "run", "-o", "codes.npz")
    assert "labels of one class only, so there is nothing to classify" in capsys.readouterr().out


def test_labels_that_are_not_there_are_not_taken_for_some(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((60, 6)))
    config = Config(arguments={"latent": 2}, data=str(tmp_path / "x.npy"), epochs=1)
    Run.create(tmp_path / "run", config, config.load_data())
    for command in (["anomalies", "--normal", "0"], ["features", "--labels", "10"]):
        assert main([command[0], str(tmp_path / "run"), *command[1:]]) == 2
        assert "labels" in capsys.readouterr().err


def test_features_fine_tunes_on_few_labels(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tinygrad_ae.uses.features._TUNING_STEPS", 20)
    ok("features", runs / "signals", "-o", "c.npz", "--labels", "10,40", "--seeds", 2)
    out = capsys.readouterr().out
    assert "10 labels" in out
    assert "2 seeds" in out
    assert Path("few_labels.png").exists()
    assert main(["features", str(runs / "signals"), "-o", "c.npz", "--labels", "9999"]) == 2
    assert "9999 labels were asked for" in capsys.readouterr().err
