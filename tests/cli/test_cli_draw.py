"""``tinygrad-ae draw``: the options of ``show.draw`` from the shell."""

import pytest

from tinygrad_ae.cli import main


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_options_reach_the_picture(folder):
    words = "draw autoencoder -o a.svg --gradients --values --depth 0 --expand encoder --theme dark"
    assert main(words.split()) == 0
    svg = (folder / "a.svg").read_text("utf-8")
    assert "module encoder" in svg
    assert "decoder (Sequential)" in svg  # closed
    assert "data:image/png;base64," in svg
    assert "gradient from" in svg
    assert 'fill="#15181d"' in svg
    assert "the loss of one step on 32 samples" in svg


def test_cost_and_batch_size(folder):
    assert main(["draw", "autoencoder", "-o", "a.dot", "--cost", "--batch-size", "8"]) == 0
    source = (folder / "a.dot").read_text("utf-8")
    assert "flop" in source
    assert "one step on 8 samples" in source


def test_an_unknown_module_is_named_with_those_there_are(capsys):
    assert main(["draw", "autoencoder", "--expand", "encodr"]) == 2
    assert "Did you mean 'encoder'" in capsys.readouterr().err
