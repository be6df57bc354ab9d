"""Every command on every kind of data: pictures, sound, sensor signals."""

import io
import os
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest

from tinygrad_ae.cli import app as commands
from tinygrad_ae.cli import main
from tinygrad_ae.cli.app import app
from tinygrad_ae.data import audio
from tinygrad_ae.run import Config, Run

RNG = np.random.default_rng(0)
T = np.arange(1200)
SOURCES = {  # how a kind is trained on, its samples in a file of theirs, and the form of results
    "pictures": ({"data": "pictures.npz"}, "picture.npy", "out.npy"),
    "sound": ({"data": "sound.wav", "window": 16}, "sound.wav", "out.wav"),
    "sensors": ({"data": "sensors.csv", "window": 16, "hop": 8}, "sensors.csv", "out.csv"),
}
COMMANDS = {  # of each, one or several ways to use it, and the files it leaves
    "train": [("--resume RUN --epochs 2", "RUN/report.html RUN/reconstructions.png")],
    "models": [("", "")],
    "evaluate": [("RUN", "")],
    "reconstruct": [("RUN INPUT -o OUT", "OUT"), ("RUN INPUT -o a.png", "a.png")],
    "denoise": [("RUN INPUT -o OUT", "OUT"), ("RUN -o a.png --strength 0.1", "a.png")],
    "encode": [("RUN INPUT -o codes.csv", "codes.csv")],
    "decode": [("RUN CODES -o OUT", "OUT"), ("RUN CODES -o a.png", "a.png")],
    "generate": [("RUN", "generated.png"), ("RUN -n 3 -o OUT", "OUT")],
    "interpolate": [("RUN 0 5", "path.png"), ("RUN 0 5 -o OUT", "OUT")],
    "traverse": [("RUN", "traversal.png"), ("RUN 3 -o OUT", "OUT")],
    "anomalies": [("RUN INPUT -o found", "found/scores.csv found/most_anomalous.png")],
    "compress": [("RUN", "RUN/compress/bits.csv RUN/compress/bits.png")],
    "features": [("RUN", "RUN/features.npz")],
    "report": [("RUN -o page.html", "page.html")],
    "compare": [("RUN RUN", "compare.html")],
    "explore": [("RUN", "explore.html")],
    "draw": [("RUN --values --gradients", "graph.svg")],
    "page": [("RUN", "page.html")],
    "explain": [("RUN --check", "")],
    "profile": [("RUN --repeat 1", "")],
}
# (A sweep starts trainings in processes of their own: see test_cli_sweep.py.)
CELLS = [(name, kind) for name in COMMANDS for kind in SOURCES]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data of each kind, and a run on it with some codes."""
    folder = tmp_path_factory.mktemp("kinds")
    pictures = RNG.integers(0, 256, (60, 8, 8), np.uint8)
    np.savez(folder / "pictures.npz", x=pictures, y=np.arange(60) % 3)
    np.save(folder / "picture.npy", pictures[:5])
    tone = np.sin(T / 5) * (0.4 + 0.1 * RNG.standard_normal(T.size))
    audio.write(folder / "sound.wav", tone, 8000)
    table = np.stack([80 + 9 * np.sin(T / 9), 0.3 * np.cos(T / 7), (T % 300 > 280)], 1)
    np.savetxt(folder / "sensors.csv", table, "%.4f", ",", header="pulse,breath,label", comments="")
    for kind, (options, _, _) in SOURCES.items():
        config = Config(arguments={"hidden": (8,), "latent": 2}, epochs=1, **given(folder, options))
        data = config.load_data()
        Run.create(folder / f"{kind}-run", config, data).train(data)
        np.save(folder / f"{kind}-codes.npy", RNG.standard_normal((6, 2)))
    return folder


def given(folder: Path, options: dict[str, object]) -> dict[str, object]:
    return options | {"data": str(folder / str(options["data"]))}


def named(folder: Path, kind: str, text: str) -> list[str]:
    """Return the words of a text, with the names of a kind's files put in."""
    _, input, out = SOURCES[kind]
    names = {
        "RUN": str(folder / f"{kind}-run"), "CODES": str(folder / f"{kind}-codes.npy"),
        "INPUT": str(folder / input), "OUT": out,
    }  # fmt: skip
    words = text.split()
    return ["/".join(names.get(part, part) for part in word.split("/", 1)) for word in words]


def test_the_table_holds_every_command() -> None:
    assert {*COMMANDS, "sweep"} == set(app.list_commands(click.Context(app)))


def test_the_list_of_commands_says_what_each_says_itself() -> None:
    context = click.Context(app)
    for name in commands.names():
        command = app.get_command(context, name)
        assert command is not None
        assert command.get_short_help_str(limit=200) == commands.summary(name)


def test_a_command_that_is_not_there_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["encodee"]) == 2
    assert "encodee" in capsys.readouterr().err


def test_help_loads_no_command() -> None:
    code = (
        "import sys\nfrom tinygrad_ae.cli import main\nmain(['--help'])\n"
        "assert not [m for m in sys.modules if m.startswith('tinygrad_ae.cli.commands.')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize(("command", "kind"), CELLS)
def test_every_command_works_on_every_kind(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    command: str,
    kind: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for arguments, files in COMMANDS[command]:
        assert main([command, *named(folder, kind, arguments)]) == 0, capfd.readouterr().err
        for file in named(folder, kind, files):
            assert Path(file).stat().st_size > 0
    said = capfd.readouterr()
    assert "nan" not in said.out.lower().split()
    assert "Warning" not in said.err  # as Graphviz gives of pictures it has no room for


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_works_where_the_terminal_knows_few_signs(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    slow = command in ("train", "report")
    for encoding in ["ascii"] if slow else ["ascii", "cp1252", "latin-1", "cp932", "cp437"]:
        streams = []
        for name in ("stdout", "stderr"):
            streams.append(io.TextIOWrapper(io.BytesIO(), encoding, write_through=True))
            monkeypatch.setattr(sys, name, streams[-1])
        arguments, _ = COMMANDS[command][0]
        assert main([command, *named(folder, "sensors", arguments)]) == 0
        assert all(stream.errors == "replace" for stream in streams)
        assert streams[0].buffer.getvalue()  # type: ignore[attr-defined]
        monkeypatch.undo()
        monkeypatch.chdir(tmp_path)


def test_every_command_works_in_the_locale_c(folder: Path, tmp_path: Path) -> None:
    lines = [
        [command, *named(folder, "sensors", ways[0][0])]
        for command, ways in COMMANDS.items()
        if command not in ("train", "report")  # which are slow, and begin and end with others
    ]
    code = (
        "import locale, sys\nfrom tinygrad_ae.cli import main\n"
        "assert locale.getpreferredencoding(False) == 'ANSI_X3.4-1968', 'not the plain C locale'\n"
        f"for line in {lines!r}:\n    assert main(line) == 0, line"
    )
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=plain | {"PATH": os.environ["PATH"]},
        capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode("ascii")
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("model", ["denoising", "variational"])
def test_other_models_train_on_every_kind(
    folder: Path, tmp_path: Path, model: str, kind: str
) -> None:
    options = given(folder, SOURCES[kind][0])
    if kind == "sound":
        options |= {"frame": "logmel", "window": 64}
    config = Config(model, {"hidden": (8,), "latent": 2}, epochs=1, **options)
    data = config.load_data()
    run = Run.create(tmp_path / "run", config, data)
    run.train(data)
    assert np.isfinite(run.history[-1]["validation_loss"])
