"""What users rely on changes only on purpose: names, parameters, commands, options."""

from pathlib import Path

import pytest
from surface import surface

RECORD = Path(__file__).with_name("surface.txt")
RULE = (
    "Public names, parameters and options are kept or deprecated first "
    "(docs/reference/stability.md). If this change is meant: python tests/surface.py > "
    "tests/surface.txt, and a line in CHANGELOG.md"
)


def changes(before: list[str], after: list[str]) -> list[str]:
    """Return the lines that are gone, with −, and those that are new, with +."""
    gone = [f"− {line}" for line in before if line not in {*after}]
    return gone + [f"+ {line}" for line in after if line not in {*before}]


def test_the_public_surface_is_the_recorded_one():
    found = changes(RECORD.read_text("utf-8").splitlines(), surface())
    assert not found, "\n".join([RULE, *found])


def planted_removal(monkeypatch):
    from tinygrad_ae import nn

    monkeypatch.setattr(nn, "__all__", [name for name in nn.__all__ if name != "Dropout"])
    return "− tinygrad_ae.nn.Dropout(p=, generator=)"


def planted_parameter(monkeypatch):
    from tinygrad_ae import evaluate

    monkeypatch.setattr(evaluate, "psnr", lambda error: error)
    return "− tinygrad_ae.evaluate.psnr(mse)"


def planted_method(monkeypatch):
    from tinygrad_ae import Tensor

    monkeypatch.delattr(Tensor, "detach")
    return "− tinygrad_ae.Tensor.detach(self)"


def planted_option(monkeypatch):
    from tinygrad_ae.cli.commands.profile import profile

    kept = [p for p in profile.params if p.name != "repeat"]
    monkeypatch.setattr(profile, "params", kept)
    return "− tinygrad-ae profile MODEL --batch-size --repeat --trust --help"


@pytest.mark.parametrize(
    "plant", [planted_removal, planted_parameter, planted_method, planted_option]
)
def test_a_planted_change_is_noticed(plant, monkeypatch):
    expected = plant(monkeypatch)
    assert expected in changes(RECORD.read_text("utf-8").splitlines(), surface())
