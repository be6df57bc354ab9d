"""The commands denoise, generate, interpolate, traverse."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tinygrad_ae.cli import main
from tinygrad_ae.data.corrupt import corruption
from tinygrad_ae.evaluate import decode, encode, reconstruct
from tinygrad_ae.run import Run


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ok(*arguments: object) -> None:
    assert main([str(a) for a in arguments]) == 0


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main([str(a) for a in arguments]) == 2
    err = " ".join(capsys.readouterr().err.split())
    assert "Traceback" not in err
    return err


def test_denoise_adds_noise_to_the_test_split_and_measures(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ok("denoise", runs / "plain", "-o", "sheet.png", "--noise", "masking", "--strength", "0.3")
    out = capsys.readouterr().out
    run = Run.open(runs / "plain")
    x = run.load_data().test.x
    noisy = corruption(("masking",), (0.3,), (28, 28), np.random.default_rng(0))(x)
    assert f"noisy     mean squared error {np.square(noisy - x).mean():.5f}" in out
    mse = np.square(reconstruct(run.model, noisy) - x).mean()
    assert f"denoised  mean squared error {mse:.5f}" in out
    with Image.open("sheet.png") as sheet:
        assert sheet.height > 2 * 3 * 28  # clean above noisy above denoised


def test_denoise_takes_the_noise_that_the_run_was_trained_on(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ok("denoise", runs / "signals", "-o", "out.csv")
    assert "noise (gaussian 0.5) added" in capsys.readouterr().out
    assert len(np.loadtxt("out.csv", delimiter=",", skiprows=1)) == 20


def test_denoise_takes_what_is_noisy_already(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x = Run.open(runs / "plain").load_data().test.x
    np.save("clean.npy", x)
    np.save("noisy.npy", np.clip(x + 0.2, 0, 1))
    ok("denoise", runs / "plain", "noisy.npy", "-o", "out.npy")
    assert "--clean" in capsys.readouterr().out
    ok("denoise", runs / "plain", "noisy.npy", "--clean", "clean.npy", "-o", "out.npy")
    assert "denoised  mean squared error" in capsys.readouterr().out
    err = refused(capsys, "denoise", runs / "plain", "noisy.npy", "--noise", "blur", "-o", "o.npy")
    assert "taken as it is" in err
    assert "--strength" in refused(
        capsys, "denoise", runs / "plain", "--noise", "blur", "-o", "a.npy"
    )


def test_generate_says_which_models_are_generative(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ok("generate", runs / "vae", "-n", 12, "-o", "made.npy")
    assert "drawn from p(z)" in capsys.readouterr().out
    assert np.load("made.npy").shape == (12, 28, 28)
    for name in ("plain", "signals"):
        ok("generate", runs / name, "-n", 12)
        assert "is not a generative model" in capsys.readouterr().out
        assert Path("generated.png").exists()


def test_the_same_seed_generates_the_same(runs: Path) -> None:
    for seed, out in ((1, "a.npy"), (1, "b.npy"), (2, "c.npy")):
        ok("generate", runs / "vae", "-n", 3, "--seed", seed, "-o", out)
    np.testing.assert_array_equal(np.load("a.npy"), np.load("b.npy"))
    assert (np.load("a.npy") != np.load("c.npy")).any()


def test_interpolate_goes_between_test_samples_or_files(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run.open(runs / "plain")
    x = run.load_data().test.x
    np.save("a.npy", x[0].reshape(28, 28))
    ok("interpolate", runs / "plain", "a.npy", 3, "--steps", 3, "-o", "path.npy")
    middle = decode(run.model, encode(run.model, x[[0, 3]]).mean(0, keepdims=True))
    got = np.load("path.npy") / 255
    np.testing.assert_allclose(got[1].ravel(), middle[0], atol=1e-5)
    ok("interpolate", runs / "signals", 0, 1, "-o", "path.svg")
    assert "30 test" not in capsys.readouterr().out
    assert "the test split has 30" in refused(capsys, "interpolate", runs / "plain", 0, 30)
    np.save("two.npy", x[:2])
    assert "holds 2 samples" in refused(capsys, "interpolate", runs / "plain", 0, "two.npy")
    assert "must end in" in refused(capsys, "interpolate", runs / "plain", 0, 1, "-o", "a.jpg")


def test_traverse_shows_the_numbers_that_do_most(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ok("traverse", runs / "plain", 0, "--steps", 3, "--rows", 2, "-o", "moved.npy")
    assert np.load("moved.npy").shape == (6, 28, 28)
    assert "the 2 of 4 numbers" in capsys.readouterr().out
    ok("traverse", runs / "signals")
    assert Path("traversal.png").exists()
