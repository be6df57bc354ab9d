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
from tinygrad_ae.run import Run

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
    lines = [" ".join(line.split()) for line in run("models").splitlines()]
    assert "autoencoder squeeze a sample through a code smaller than itself, and get it back." in (
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
        "reconstructions.png", "report.html", "summary.json",
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
        "--clip", "2", "--seed", "9", "--drop-last", "--out", "here",
    )  # fmt: skip
    found = config("here")
    arguments = {"inputs": 6, "hidden": [5, 4], "latent": 3, "activation": "tanh"}
    assert arguments.items() <= found["arguments"].items()  # type: ignore[attr-defined]
    assert found | {
        "epochs": 1, "batch_size": 7, "optimizer": "adamw", "lr": 3e-3, "schedule": "cosine",
        "warmup": 2, "weight_decay": 0.5, "clip": 2.0, "seed": 9, "drop_last": True,
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
    run("train", "--drop-last", "mine.py", "--data", "data.npy", "--epochs", "1", "--out", "b",
        "--batch-size", "9")  # fmt: skip
    assert config("b")["drop_last"]
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


def test_a_finished_run_says_so_and_goes_on_if_told(run: Command, no_pictures: None) -> None:
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
        ("train --resume . --lr 1", "only --epochs may change"),
        ("train .", ". is a folder, not a model"),
        ("train autoencoder --shape 3,3", "(--shape)"),
        ("train autoencoder --data data.npy --out data.npy", "exists already and is a file"),
        ("train mime.py", "Did you mean 'mine.py'?"),
        ("train autoencoder --latent x", "'x' is not a valid integer"),
        ("train autoencoder --hidden 3,x", "'3,x' is not a list of numbers"),
        ("train autoencoder --data data.npy --latent 0", "latent=0"),
        ("train autoencoder --data data.npy --hidden 0", "hidden=(0,)"),
        ("train autoencoder --data data.npy --activation rellu", "Did you mean 'relu'"),
        ("train autoencoder --optimizer adm", "Did you mean 'adam'?"),
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
        (
            MINE.replace(".mean()", ".mean().detach()"),
            "mine.py: Mine.loss(batch) returned a tensor",
        ),
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
    said = capsys.readouterr()
    note = "a is trained for 0 of 30 epochs, when training diverged: its weights are random"
    assert note in said.err
    assert "0 of 30 epochs" in said.out


def test_a_run_that_was_stopped_early_says_so(
    run: Command, capsys: pytest.CaptureFixture[str], no_pictures: None
) -> None:
    run("train", "mine.py", "--data", "data.npy", "--epochs", "1", "--out", "a")
    stopped = Run.open("a")
    assert stopped.progress == "1 epoch"
    stopped.extend(3)
    stopped._save()
    assert main(["encode", "a", "data.npy", "-o", "codes.npy"]) == 0
    assert "Note: a is trained for 1 of 3 epochs." in capsys.readouterr().err


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
    assert "00:00" in text
    assert "drawing pictures" in text
    assert "samples/s" in text


@pytest.mark.parametrize(
    ("width", "shown", "left_out"),
    [
        (100, "loss 0.50000  validation 0.25000  1,000 samples/s", "none"),
        (60, "loss 0.50000", "validation 0.25000  1"),
        (40, "00:0", "loss 0.50000  v"),
    ],
)
def test_the_bar_moves_within_an_epoch_and_keeps_what_matters_most(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, width: int, shown: str, left_out: str
) -> None:
    from rich.console import Console

    from tinygrad_ae.cli import progress
    from tinygrad_ae.data import load
    from tinygrad_ae.run import Config, Run

    with open(tmp_path / "terminal", "w+") as terminal:
        monkeypatch.setattr(
            progress, "console", Console(file=terminal, force_terminal=True, width=width)
        )
        monkeypatch.setattr(progress, "_REFRESH", 0)
        data = load("data.npy")
        run = Run.create("run", Config(data="data.npy", epochs=10), data)
        run.history.append({"epoch": 1, "loss": 1.0, "validation_loss": 0.25})
        with progress.Epochs(run, 48) as bar:
            for samples in (12, 24):
                bar.step({
                    "epoch": 2, "samples": samples, "loss": 0.5, "samples_per_second": 1000.0
                })  # fmt: skip
            (task,) = bar._progress.tasks
            assert (task.completed, task.total) == (48 + 24, 480)
        terminal.seek(0)
        text = terminal.read()
    assert "epoch 2/10" in text
    assert shown in text
    assert left_out not in text


# ---- what is said


def test_a_model_that_is_worse_than_pca_is_told_what_may_help(
    run: Command, no_pictures: None
) -> None:
    x = np.random.default_rng(0).random((60, 2)) @ np.random.default_rng(1).random((2, 6)) / 2
    np.save("plane.npy", x)
    out = run("train", "autoencoder", "--data", "plane.npy", "--latent", "2", "--epochs", "3")
    assert "Worse than PCA after 3 steps (1 in an epoch). Try more --epochs" in out
    assert "--activation" in out


@pytest.mark.parametrize(
    ("x", "line"),
    [
        (np.arange(60.0).reshape(20, 3), "scaling: each column or channel from its own range"),
        (np.arange(120, dtype=np.uint8).reshape(20, 2, 3), "scaling: all values from 0...255 to"),
        (np.arange(60).reshape(20, 3) / 100, "scaling: none\n"),
    ],
)
def test_it_is_said_how_values_are_scaled(
    run: Command, no_pictures: None, x: np.ndarray, line: str
) -> None:
    np.save("x.npy", x)
    out = run("train", "autoencoder", "--data", "x.npy", "--latent", "1", "--epochs", "1")
    assert line in out


def test_the_files_of_a_run_are_all_listed(run: Command) -> None:
    out = run("train", "mine.py", "--data", "data.npy", "--epochs", "1", "--out", "a")
    listed = out.partition("In a:")[2]
    assert all(f"  {name} " in listed for name in os.listdir("a"))


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (OSError(28, "No space left on device", "a/.checkpoint-xyz"), "No space left on device"),
        (OSError("9600 requested and 5088 written"), "the disk took only a part of it (9600"),
    ],
)
def test_a_full_disk_is_said_with_the_name_that_was_given(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: OSError, why: str
) -> None:
    from tinygrad_ae.run import checkpoint

    def fail(*args: object) -> None:
        raise error

    whole, written = checkpoint.save, []

    def save(path: Path, *content: object) -> None:
        written.append(path)
        return fail() if len(written) == 4 else whole(path, *content)  # type: ignore[arg-type]

    monkeypatch.setattr(checkpoint, "save", save)
    assert main(["train", "mine.py", "--data", "data.npy", "--out", "a"]) == 2
    message = capsys.readouterr().err
    assert f"Error: a cannot be written: {why}" in message
    assert "train --resume a" in message
    assert "xyz" not in message
    monkeypatch.setattr(checkpoint, "save", fail)
    assert main(["train", "mine.py", "--data", "data.npy", "--out", "b"]) == 2
    assert f"Error: b cannot be written: {why}" in capsys.readouterr().err
