"""The commands that look into one step."""

import re

import numpy as np
import pytest

from tinygrad_ae.cli import main


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    np.savez(folder / "x.npz", x=np.random.default_rng(0).random((60, 4, 5)))
    assert main(
        ["train", "autoencoder", "--data", str(folder / "x.npz"), "--hidden", "8", "--latent", "3",
         "--optimizer", "rmsprop", "--epochs", "1", "--out", str(folder / "run")]
    ) == 0  # fmt: skip
    return folder / "run"


def test_a_page_of_a_model_and_of_a_run(run, folder, capsys):
    assert main(["page", "autoencoder"]) == 0
    assert "(32, 784)" in re.sub(
        r"\[(\d+),(\d+)\]", r"(\1, \2)", (folder / "page.html").read_text("utf-8")
    )
    assert main(["page", str(run), "-o", "run.html", "--batch-size", "7"]) == 0
    text = (folder / "run.html").read_text("utf-8")
    assert "<h1>Autoencoder: one step on 7 samples</h1>" in text
    assert '"shape":[7,20]' in text
    assert capsys.readouterr().out.split() == ["page.html", "run.html"]


def test_an_explanation_in_each_format(run, capsys):
    assert main(["explain", str(run), "--wrt", "encoder.0.weight", "--check"]) == 0
    text = capsys.readouterr().out
    assert "∂L/∂W₁ = δ₁ᵀ x" in text
    assert "∂L/∂W₂" not in text
    assert "✓" in text
    marks = {"latex": r"\partial", "markdown": "$", "html": "<math"}
    for format, mark in marks.items():
        assert (
            main(["explain", "autoencoder", "--format", format, "--wrt", "encoder", "--wrt", "b₄"])
            == 0
        )
        assert mark in capsys.readouterr().out


def test_a_profile_with_the_runs_own_optimiser_leaves_the_run_as_it_was(run, capsys):
    before = (run / "checkpoint.safetensors").read_bytes()
    assert main(["profile", str(run), "--repeat", "2", "--batch-size", "16"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("Autoencoder: one step on 16 samples\n")
    assert re.search(r"^RMSprop +optimizer", text, re.MULTILINE)
    assert re.search(r"^    decoder\.2 \(Linear\) +backward", text, re.MULTILINE)
    assert (run / "checkpoint.safetensors").read_bytes() == before
    assert main(["profile", "autoencoder", "--repeat", "1"]) == 0
    assert re.search(r"^Adam +optimizer", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["page", "autoencodr"], "Did you mean 'autoencoder'"),
        (["page", "autoencoder", "-o", "page.pdf"], "must end in .html"),
        (["page", "autoencoder", "-o", "nowhere/page.html"], "folder nowhere does not exist"),
        (["page", "."], "not a run folder"),
        (["explain", "autoencoder", "--wrt", "encodr"], "encodr"),
        (["explain", "autoencoder", "--format", "pdf"], "'pdf' is not one of"),
        (["profile", "autoencoder", "--repeat", "0"], "0 is not in the range"),
        (["profile", "nothing.py"], "cannot be read"),
    ],
)
def test_bad_input_is_refused(arguments, message, folder, capsys):
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
    assert list(folder.iterdir()) == []


def test_a_fault_in_a_users_model_is_named_with_its_line(folder, capsys):
    (folder / "mine.py").write_text(
        '"""Mine."""\nfrom tinygrad_ae import nn\nclass Mine(nn.Module):\n'
        "    latent = 2\n    def __init__(self, inputs=784):\n        super().__init__()\n"
        "        self.encoder = nn.Linear(inputs, 2)\n        self.decoder = nn.Linear(2, inputs)\n"
        "    def loss(self, x):\n        return 1 / 0\n",
        encoding="utf-8",
    )
    for command in ("page", "explain", "profile"):
        assert main([command, "mine.py"]) == 2
        assert "line 10: ZeroDivisionError" in capsys.readouterr().err
