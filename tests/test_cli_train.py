import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tinygrad_ae.cli import main

Command = Callable[..., str]

MINE = '''"""Mine: a model with every kind of argument.

f(x) = Wx"""
from typing import Literal
from tinygrad_ae import nn

class Mine(nn.Module):
    """A model.

    Args:
        inputs: numbers in a sample.
        latent: numbers in a code,
            which are few.
        widths: of layers that are not there...
        bias: whether there is a b
        kind: of it.
        share: of something.
        note: anything.
    """

    def __init__(
        self, inputs: int, latent=2, widths: tuple[int, ...] = (4, 2), bias: bool = True,
        kind: Literal["flat", "round"] = "flat", share: float | None = None, note: str = "",
        unsayable: object = None,
    ):
        self.latent = latent
        self.encoder = nn.Linear(inputs, latent, bias=bias)
        self.decoder = nn.Linear(latent, inputs)

    def loss(self, x):
        return ((self.decoder(self.encoder(x)) - x) ** 2).mean()
'''


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    np.save("data.npy", np.random.default_rng(0).random((60, 6), np.float32))
    Path("mine.py").write_text(MINE)
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command that is to succeed, and return what it prints."""

    def command(*arguments: str) -> str:
        code = main(arguments)
        out, err = capsys.readouterr()
        assert code == 0, err
        return out

    return command


@pytest.fixture
def refuse(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command that is to be refused with nothing written, and return the message."""

    def command(*arguments: str) -> str:
        before = sorted(Path().rglob("*"))
        code = main(arguments)
        out, err = capsys.readouterr()
        assert code == 2, out
        assert "Traceback" not in err
        assert sorted(Path().rglob("*")) == before
        return " ".join(err.split())

    return command


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the slow part where it is not what is tested."""
    from tinygrad_ae.run import results

    monkeypatch.setattr(results, "_pictures", lambda run, data: [])
    monkeypatch.setattr(results, "_graph", lambda run, data: "metrics.csv")


def config(run: str) -> dict[str, object]:
    loaded: dict[str, object] = json.loads((Path(run) / "config.json").read_text())
    return loaded


# ---- help


def test_help_teaches(run: Command) -> None:
    assert "tinygrad-ae train autoencoder --latent 8" in run("--help")
    assert "squeeze a sample" in run("train", "--help")
    text = run("train", "autoencoder", "--help")
    assert "z = f_θ(x)          x̂ = g_φ(z)" in text  # the theory, laid out as it is written
    assert "--latent INTEGER" in text
    assert "[default: 16]" in text
    assert "Numbers in a code, k." in text
    assert "--epochs" in text
    assert "--inputs" not in text
    assert text.index("Model:") < text.index("Data:") < text.index("Training:") < text.index("Run:")
    for command in ("evaluate", "reconstruct", "encode", "decode", "draw", "models"):
        assert f"tinygrad-ae {command}" in run(command, "--help")


def test_a_users_model_has_help_like_a_built_in_one(run: Command) -> None:
    text = " ".join(run("train", "mine.py", "--help").split())
    assert "f(x) = Wx" in text
    assert "--latent INTEGER Numbers in a code, which are few. [default: 2]" in text
    assert "--widths N,N,... Of layers that are not there... [default: 4,2]" in text
    assert "--bias / --no-bias Whether there is a b. [default: bias]" in text
    assert "--kind [flat|round] Of it. [default: flat]" in text
    assert "--share FLOAT Of something." in text
    assert "unsayable" not in text


def test_models_are_listed_with_a_line_each(run: Command) -> None:
    lines = run("models").splitlines()
    assert "autoencoder  squeeze a sample through a code smaller than itself, and get it back." in (
        lines
    )


def test_help_comes_without_what_only_training_needs() -> None:
    code = (
        "import sys; from tinygrad_ae.cli import main; main(['--help']);"
        "print([m for m in ('matplotlib', 'safetensors', 'PIL', 'graphviz') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_python_m_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tinygrad_ae", "train", "autoencodr"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "Did you mean 'autoencoder'?" in done.stderr


# ---- training


def test_training_leaves_a_run_folder_with_everything(run: Command) -> None:
    np.savez("data.npz", x=np.random.default_rng(0).random((60, 4, 4)), y=np.arange(60) % 3)
    out = run("train", "autoencoder", "--data", "data.npz", "--hidden", "5", "--epochs", "2")
    assert {path.name for path in Path("runs/autoencoder-1").iterdir()} == {
        "checkpoint.safetensors", "config.json", "environment.json", "error_by_class.png",
        "filters.png", "graph.svg", "latent.png", "loss.png", "metrics.csv", "model.py",
        "reconstructions.png", "summary.json",
    }  # fmt: skip
    lines = out.splitlines()
    assert sum(line.startswith("epoch ") for line in lines) == 2
    assert "validation" in out
    assert "samples/s" in out
    assert "PCA-16" in out
    assert "MSE per pixel" in out
    assert "\x1b" not in out  # no colours where there is no terminal


def test_options_reach_the_run(run: Command, no_pictures: None) -> None:
    run(
        "train", "autoencoder", "--data", "data.npy", "--hidden", "5,4", "--latent", "3",
        "--activation", "tanh", "--epochs", "1", "--batch-size", "7", "--optimizer", "adamw",
        "--lr", "3e-3", "--schedule", "cosine", "--warmup", "2", "--weight-decay", "0.5",
        "--clip", "2", "--seed", "9", "--out", "here",
    )  # fmt: skip
    found = config("here")
    assert found["arguments"] == {
        "inputs": 6, "hidden": [5, 4], "latent": 3, "activation": "tanh",
    }  # fmt: skip
    assert found | {
        "epochs": 1, "batch_size": 7, "optimizer": "adamw", "lr": 3e-3, "schedule": "cosine",
        "warmup": 2, "weight_decay": 0.5, "clip": 2.0, "seed": 9,
    } == found  # fmt: skip


def test_options_of_every_kind_reach_a_users_model(run: Command, no_pictures: None) -> None:
    run(
        "train", "mine.py", "--data", "data.npy", "--epochs", "1", "--out", "here",
        "--widths", "", "--no-bias", "--kind", "round", "--share", "0.5", "--note", "hi",
    )  # fmt: skip
    assert config("here")["arguments"] == {
        "inputs": 6, "latent": 2, "widths": [], "bias": False, "kind": "round", "share": 0.5,
        "note": "hi", "unsayable": None,
    }  # fmt: skip


def test_options_may_stand_before_the_model(run: Command, no_pictures: None) -> None:
    run("train", "--latent", "1", "--data", "data.npy", "--epochs", "1", "--out", "a", "mine.py")
    run("train", "--data", "data.npy", "--epochs=1", "--out", "autoencoder", "mine.py")
    assert config("a")["arguments"]["latent"] == 1  # type: ignore[index]
    assert Path(str(config("autoencoder")["model"])).name == "mine.py"


def test_the_same_command_gives_the_same_weights(run: Command, no_pictures: None) -> None:
    for out in ("a", "b"):
        run("train", "mine.py", "--data", "data.npy", "--epochs", "2", "--out", out)
    losses = [
        [row.split(",")[1:3] for row in (Path(out) / "metrics.csv").read_text().splitlines()]
        for out in ("a", "b")
    ]
    assert losses[0] == losses[1]


def test_flat_samples_can_be_said_to_be_pictures(run: Command, no_pictures: None) -> None:
    out = run(
        "train", "mine.py", "--data", "data.npy", "--shape", "2,3", "--epochs", "1", "--out", "a"
    )
    assert "samples of shape (2, 3)" in out
    assert "MSE per pixel" in out


# ---- resuming


def test_a_finished_run_says_so_and_goes_on_if_told(run: Command) -> None:
    run("train", "mine.py", "--data", "data.npy", "--epochs", "2", "--out", "a")
    assert "has done all its 2 epochs" in run("train", "--resume", "a")
    out = run("train", "--resume", "a", "--epochs", "3")
    assert "epoch 3/3" in out
    assert "epoch 2/3" not in out
    assert config("a")["epochs"] == 3


def test_missing_results_are_made_again(run: Command) -> None:
    run("train", "mine.py", "--data", "data.npy", "--epochs", "2", "--out", "a")
    for name in ("loss.png", "metrics.csv", "config.json"):
        os.unlink(f"a/{name}")
    run("train", "--resume", "a")
    assert {"loss.png", "metrics.csv", "config.json"} <= set(os.listdir("a"))


# ---- what is refused, with exit code 2, one message and nothing written


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("train autoencodr", "no model named 'autoencodr'. Did you mean 'autoencoder'?"),
        ("trian autoencoder", "Did you mean 'train'?"),
        ("train autoencoder --latnt 3", "--latent"),
        ("train mine.py --epoch 3", "--epochs"),
        ("train", "Which model?"),
        ("train --latent 3", "Which model?"),
        ("train --resume nowhere", "nowhere is not a run folder"),
        ("train --resume .", "has no checkpoint.safetensors"),
        ("train --resume . autoencoder", "leave the model out"),
        ("train mime.py", "Did you mean 'mine.py'?"),
        ("train autoencoder --latent x", "'x' is not a valid integer"),
        ("train autoencoder --hidden 3,x", "'3,x' is not a list of numbers"),
        ("train autoencoder --data data.npy --latent 0", "latent=0"),
        ("train autoencoder --data data.npy --hidden 0", "hidden=(0,)"),
        ("train autoencoder --data data.npy --activation rellu", "Did you mean 'relu'"),
        ("train autoencoder --optimizer adm", "'adm' is not one of"),
        ("train autoencoder --epochs 0", "0 is not in the range"),
        ("train autoencoder --lr 0", "0.0 is not in the range"),
        ("train autoencoder --lr nan --data data.npy", "nan"),
        ("train autoencoder --data digit", "Did you mean 'digits'?"),
        ("train autoencoder --data data.npy --out .", "exists already and is not empty"),
        ("train autoencoder --data nan.npy", "NaN"),
        ("train autoencoder --data empty", "empty"),
        ("train autoencoder --data data.npy --shape 5,5", "(5, 5)"),
        ("evaluate nowhere", "nowhere is not a run folder"),
        ("draw nothing", "no model named 'nothing'"),
        ("draw autoencoder -o graph.xyz", "xyz"),
        ("draw autoencoder -o nowhere/graph.svg", "nowhere does not exist"),
    ],
)
def test_bad_input_is_refused(folder: Path, refuse: Command, arguments: str, message: str) -> None:
    np.save("nan.npy", np.full((60, 6), np.nan))
    (folder / "empty").mkdir()
    assert message in refuse(*arguments.split())


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import nothing_of_that_name", "mine.py, line 1: ModuleNotFoundError"),
        ("class Mine(:", "mine.py, line 1: invalid syntax"),
        ("x = 1", "must hold one model"),
        (MINE.replace(".mean()", ""), "must return a tensor of one element"),
        (MINE.replace("latent=2", "epochs=2"), "'epochs' has the name of a training option"),
        (MINE.replace("unsayable: object = None", "*, unsayable: object"), "needs a default"),
        (
            MINE.replace("inputs: int", "inputs: Undefined"),
            "NameError: name 'Undefined' is not defined",
        ),
        (MINE.replace("self.latent = latent", "1 / 0"), "line 26: ZeroDivisionError"),
    ],
)
def test_a_model_file_with_an_error_is_refused(refuse: Command, source: str, message: str) -> None:
    Path("mine.py").write_text(source)
    assert message in refuse("train", "mine.py", "--data", "data.npy")


def test_a_damaged_checkpoint_is_refused(run: Command, refuse: Command, no_pictures: None) -> None:
    run("train", "mine.py", "--data", "data.npy", "--epochs", "1", "--out", "a")
    with open("a/checkpoint.safetensors", "r+b") as file:
        file.truncate(100)
    assert "is damaged" in refuse("train", "--resume", "a")


def test_divergence_is_explained_and_the_run_stays_loadable(
    capsys: pytest.CaptureFixture[str], no_pictures: None
) -> None:
    code = main(
        ["train", "autoencoder", "--data", "data.npy", "--lr", "1e30", "--optimizer", "sgd",
         "--out", "a", "--hidden", "5"]
    )  # fmt: skip
    assert code == 2
    message = capsys.readouterr().err
    assert "Training diverged: linear" in message
    assert "in module encoder" in message
    assert main(["evaluate", "a"]) == 0


def test_a_missing_package_is_named(refuse: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    assert 'pip install "tinygrad-ae[all]"' in refuse("train", "mine.py", "--data", "data.npy")


def test_a_terminal_shows_a_bar_with_the_time_left(no_pictures: None) -> None:
    master, slave = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "tinygrad_ae", "train", "mine.py", "--data", "data.npy",
         "--epochs", "3"],
        stdout=slave, stderr=slave, env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
    ) as process:  # fmt: skip
        os.close(slave)
        shown = b""
        while True:
            try:
                chunk = os.read(master, 1 << 16)
            except OSError:  # how the end of a terminal arrives
                break
            if not chunk:
                break
            shown += chunk
    os.close(master)
    text = shown.decode()
    assert process.returncode == 0
    assert "3/3" in text
    assert "0:00:00" in text
    assert "samples/s" in text
