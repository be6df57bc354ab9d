"""A run that was written before the package had its rooms: what people have on their disks."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tinygrad_ae.cli import main
from tinygrad_ae.evaluate import reconstruction_error
from tinygrad_ae.run import Run
from tinygrad_ae.run.config import environment

WRITTEN = Path(__file__).parent / "written_at_5d9889c"  # train autoencoder, 784-8-2, one epoch
SECOND = {"loss": 0.06127769492467244, "validation_loss": 0.05900103670358658}  # its next, there


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """The run, as if NumPy and its BLAS were of then."""
    path = Path(shutil.copytree(WRITTEN, tmp_path / "run"))
    written = json.loads((path / "environment.json").read_text())
    now = {name: environment()[name] for name in ("machine", "numpy", "blas")}
    (path / "environment.json").write_text(json.dumps(written | now))
    return path


def test_it_opens_with_its_weights(before: Path) -> None:
    run = Run.open(before)
    assert (run.epoch, run.config.arguments["latent"]) == (1, 2)
    validation = run.load_data().validation.x
    loss = reconstruction_error(run.model, validation).mean()
    assert loss == pytest.approx(run.history[-1]["validation_loss"], rel=1e-5)


def test_it_goes_on_as_it_would_have_gone_on_then(before: Path) -> None:
    run = Run.open(before)
    run.extend(2)
    run.train(run.load_data())
    second = {name: run.history[-1][name] for name in SECOND}
    assert second == pytest.approx(SECOND, rel=1e-5)
    assert Run.open(before).epoch == 2


def test_commands_use_it(before: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(before)]) == 0
    assert "PCA-2" in capsys.readouterr().out
    assert main(["report", str(before)]) == 0
    assert (before / "report.html").stat().st_size > 10_000
    assert main(["encode", str(before), str(before / "x.npy"), "-o", str(before / "z.npy")]) == 2
    np.save(before / "x.npy", np.zeros((3, 28, 28)))
    assert main(["encode", str(before), str(before / "x.npy"), "-o", str(before / "z.npy")]) == 0
    assert np.load(before / "z.npy").shape == (3, 2)


def test_other_versions_than_before_are_told(before: Path) -> None:
    path = before / "environment.json"
    path.write_text(path.read_text().replace('"numpy": "', '"numpy": "1.'))
    run = Run.open(before)
    run.extend(2)
    with pytest.warns(
        UserWarning, match=r"up to epoch 1 with numpy 1\..*\(now .*not to the very bits"
    ):
        run.train(run.load_data())


def test_the_command_says_so_in_a_sentence(before: Path) -> None:
    path = before / "environment.json"
    path.write_text(path.read_text().replace('"blas": "', '"blas": "other '))
    command = ["-m", "tinygrad_ae", "train", "--resume", str(before), "--epochs", "2"]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=True)
    assert f"Warning: {before} was trained up to epoch 1 with blas other" in done.stderr
    assert ".py:" not in done.stderr
