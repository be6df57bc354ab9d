"""Which code opening a run runs: none of a built-in model's folder, and nobody else's unasked."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tinygrad_ae.cli import main
from tinygrad_ae.data import load
from tinygrad_ae.errors import ModelError, RunError
from tinygrad_ae.run import Config, Run, trust

MINE = '''"""Mine: it says that it ran."""
import os
from tinygrad_ae import nn

os.environ["RAN"] = os.environ.get("RAN", "") + "mine "

class Mine(nn.Module):
    def __init__(self, inputs: int, latent: int = 2):
        super().__init__()
        self.latent = latent
        self.encoder = nn.Linear(inputs, latent)
        self.decoder = nn.Linear(latent, inputs)

    def loss(self, x):
        return ((self.decoder(self.encoder(x)) - x) ** 2).mean()
'''


@pytest.fixture
def ran(monkeypatch):
    """What has run so far, as a function."""
    monkeypatch.setenv("RAN", "")
    return lambda: os.environ["RAN"].split()


@pytest.fixture
def elsewhere(monkeypatch, tmp_path):
    """Be on another machine: nothing is known there."""

    def go() -> Path:
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another"))
        return trust.known()

    return go


@pytest.fixture
def mine(tmp_path) -> Path:
    """A run of a file of one's own."""
    file = tmp_path / "code" / "mine.py"
    file.parent.mkdir()
    file.write_text(MINE)
    data = load("digits")
    return Run.create(tmp_path / "run", Config(str(file), epochs=1), data).path


@pytest.fixture
def built_in(tmp_path) -> Path:
    """A run of a built-in model."""
    config = Config("autoencoder", arguments={"hidden": (4,), "latent": 2}, epochs=1)
    return Run.create(tmp_path / "run", config, load("digits")).path


def test_what_was_trained_here_opens_here(mine, ran):
    before = len(ran())
    Run.open(mine)
    assert len(ran()) == before + 1


def test_from_elsewhere_it_runs_only_when_trusted(mine, ran, elsewhere):
    known, before = elsewhere(), ran()
    with pytest.raises(RunError, match=r"would run .*model\.py.*--trust"):
        Run.open(mine)
    assert ran() == before
    Run.open(mine, trusted=True)
    assert len(ran()) == len(before) + 1
    Run.open(mine)  # from now on
    assert known.stat().st_mode & 0o777 == 0o600
    assert len(known.read_text().splitlines()) == 1


@pytest.mark.parametrize("command", [["evaluate"], ["report"], ["train", "--resume"], ["explain"]])
def test_commands_ask_and_take_yes(mine, ran, elsewhere, command, capsys):
    elsewhere()
    before = ran()
    assert main([*command, str(mine)]) == 2
    assert "--trust" in capsys.readouterr().err
    assert ran() == before
    assert main([*command, str(mine), "--trust"]) == 0
    assert len(ran()) > len(before)


def test_an_edited_file_is_refused_before_it_runs(mine, ran):
    before = ran()
    (mine / "model.py").write_text(MINE + "# edited\n")
    for trusted in (False, True):
        with pytest.raises(RunError, match="edited since"):
            Run.open(mine, trusted=trusted)
    assert ran() == before


def test_a_known_file_with_another_folder_of_imports_is_refused(mine, ran, tmp_path):
    evil = tmp_path / "evil"
    evil.mkdir()
    path = mine / "checkpoint.safetensors"
    whole = path.read_bytes()
    arrays, facts = Run.open(mine)._state()
    from tinygrad_ae.run import checkpoint

    facts["origin"] = {**facts["origin"], "imports": str(evil)}
    checkpoint.save(path, arrays, facts)
    assert path.read_bytes() != whole
    before = ran()
    with pytest.raises(RunError, match="trusted on this machine"):
        Run.open(mine)
    assert ran() == before


def test_a_built_in_models_run_executes_nothing_of_its_folder(built_in, ran, elsewhere):
    elsewhere()
    for name in ("graphviz", "numpy", "click", "sitecustomize", "autoencoder"):
        (built_in / f"{name}.py").write_text(f"import os; os.environ['RAN'] += '{name} '")
    Run.open(built_in)
    assert main(["draw", str(built_in), "-o", str(built_in / "graph.svg")]) == 0
    assert str(built_in) not in sys.path
    (built_in / "model.py").write_text("import os; os.environ['RAN'] += 'copy '")
    with pytest.raises(RunError, match="edited since"):
        Run.open(built_in)
    assert ran() == []


def test_nor_does_a_command_in_a_process_of_its_own(built_in):
    for name in ("graphviz", "numpy", "click", "sitecustomize"):
        (built_in / f"{name}.py").write_text("raise SystemExit('it ran')")
    script = shutil.which("tinygrad-ae", path=str(Path(sys.executable).parent))
    assert script
    command = [script, "evaluate", "."]
    done = subprocess.run(command, cwd=built_in, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_imports_stand_for_no_package_that_is_installed(tmp_path, ran):
    file = tmp_path / "mine.py"
    file.write_text(MINE + "import colorsys_of_mine, safetensors.numpy\n")
    (tmp_path / "colorsys_of_mine.py").write_text("import os; os.environ['RAN'] += 'beside '")
    (tmp_path / "safetensors.py").write_text("import os; os.environ['RAN'] += 'evil '")
    Run.create(tmp_path / "run", Config(str(file), epochs=1), load("digits"))
    assert "beside" in ran()
    assert "evil" not in ran()


def test_a_list_that_others_may_write_is_not_believed(mine):
    trust.known().chmod(0o666)
    try:
        with pytest.raises(RunError, match="can be written by others"):
            Run.open(mine)
    finally:
        trust.known().chmod(0o600)


def test_the_list_cannot_be_told_by_a_path(tmp_path, elsewhere):
    elsewhere()
    trust.trust("a" * 64, 'x"]\n["' + "b" * 64 + '", "y')
    assert not trust.is_trusted("b" * 64, "y")
    assert all(len(json.loads(line)) == 2 for line in trust.known().read_text().splitlines())


def test_a_model_file_that_ends_the_program_is_named(tmp_path):
    file = tmp_path / "ends.py"
    file.write_text("raise SystemExit(0)")
    with pytest.raises(ModelError, match=r"ends\.py ends the program"):
        Run.create(tmp_path / "run", Config(str(file)), load("digits"))
    assert main(["train", str(file)]) == 2
