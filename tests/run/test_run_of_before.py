"""A run that was written before the package had its rooms: what people have on their disks."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from tinygrad_ae.cli import main
from tinygrad_ae.evaluate import reconstruction_error
from tinygrad_ae.run import Run

WRITTEN = Path(__file__).parent / "written_at_5d9889c"  # train autoencoder, 784-8-2, one epoch
SECOND = {"loss": 0.06127769492467244, "validation_loss": 0.05900103670358658}  # its next, there


@pytest.fixture
def before(tmp_path: Path) -> Path:
    return Path(shutil.copytree(WRITTEN, tmp_path / "run"))


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
