"""A checkpoint is opened only if what it says of its run is what a run needs."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.campaign.files import checkpoint, checkpoint_parts
from tinygrad_ae.cli import main
from tinygrad_ae.data import load
from tinygrad_ae.errors import RunError, UserError
from tinygrad_ae.run import Config, Run

Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    np.save(folder / "x.npy", np.random.default_rng(0).normal(size=(60, 6)))
    config = Config(
        "autoencoder", {"hidden": (3,), "latent": 2}, data=str(folder / "x.npy"), epochs=2
    )
    data = load(config.data)
    run = Run.create(folder / "run", config, data)
    run.train(data)
    return run.path


@pytest.fixture
def changed(whole: Path, tmp_path: Path) -> Callable[[Change], Path]:
    """Return a function that copies the run, with other facts in its checkpoint."""

    def change(edit: Change) -> Path:
        run = tmp_path / "run"
        shutil.copytree(whole, run)
        path = run / "checkpoint.safetensors"
        header, body = checkpoint_parts(path.read_bytes())
        facts = {k: json.loads(v) for k, v in header["__metadata__"].items() if k != "crc32"}
        edit(facts)
        texts = {k: json.dumps(v) for k, v in facts.items()}
        path.write_bytes(checkpoint({**header, "__metadata__": texts}, body))
        return run

    return change


def refused(run: Path, match: str, capsys: pytest.CaptureFixture[str]) -> None:
    """See that the API and the commands refuse a run in the same words."""
    with pytest.raises(RunError, match=match):
        Run.open(run)
    for line in (
        ["evaluate", run], ["explain", run], ["train", "--resume", run, "--epochs", "3"],
        ["encode", run, "digits", "-o", run / "z.npy"], ["draw", run, "-o", run / "g.svg"],
    ):  # fmt: skip
        assert main([str(a) for a in line]) == 2
        said = capsys.readouterr().err
        assert said.startswith("Error: ")
        assert "Traceback" not in said


def test_nothing_changed_is_opened(changed: Callable[[Change], Path]) -> None:
    assert Run.open(changed(lambda facts: None)).epoch == 2


@pytest.mark.parametrize("where", ["", "origin", "config"])
def test_of_a_later_version_it_says_which_wrote_it(
    where: str, changed: Callable[[Change], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    def later(facts: dict[str, Any]) -> None:
        (facts[where] if where else facts)["precision"] = "bfloat16"
        facts["version"] = "7.2.0"

    refused(changed(later), r"holds \S*precision, .*written by version 7\.2\.0.*Update", capsys)


def test_of_another_format_it_says_which_wrote_it(
    changed: Callable[[Change], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    def other(facts: dict[str, Any]) -> None:
        facts.update(format="tinygrad_ae run 2", version="9.0")

    refused(changed(other), r"not written by this version's 'train'.*version 9\.0", capsys)


NEEDED = ["epoch", "config", "history", "random_state", "optimizer", "origin", "format"]
IN_CONFIG = [
    "model",
    "arguments",
    "data",
    "epochs",
    "batch_size",
    "lr",
    "seed",
    "schedule",
    "engine",
]
IN_ORIGIN = ["sample_shape", "framing", "data_sha256", "model_sha256", "imports"]


POSSIBLE = [
    ("origin.framing", None), ("origin.imports", None), ("origin.data_sha256", "x"),
    ("origin.imports", "x"),  # which a built-in model needs none of
]  # fmt: skip


@pytest.mark.parametrize("name", [*NEEDED, *(f"origin.{name}" for name in IN_ORIGIN)])
@pytest.mark.parametrize(
    "value", ["missing", None, -1, 0.5, "x", [], [[]], {}, {"x": [None]}, True]
)
def test_what_is_missing_or_of_another_kind_is_said(
    name: str, value: Any, changed: Callable[[Change], Path]
) -> None:
    def edit(facts: dict[str, Any]) -> None:
        *outer, inner = name.split(".")
        holder = facts[outer[0]] if outer else facts
        if value == "missing":
            del holder[inner]
        else:
            holder[inner] = value

    run = changed(edit)
    if (name, value) in POSSIBLE:
        assert Run.open(run).epoch == 2
    else:
        with pytest.raises(UserError, match=r".{40}"):
            Run.open(run)


@pytest.mark.parametrize("name", IN_CONFIG)
def test_no_setting_is_made_up(name: str, changed: Callable[[Change], Path]) -> None:
    run = changed(lambda facts: facts["config"].pop(name))
    with pytest.raises(RunError, match=rf"config\.{name} is missing"):
        Run.open(run)


def test_every_epoch_has_the_same_figures(
    changed: Callable[[Change], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    def edit(facts: dict[str, Any]) -> None:
        facts["history"][1]["more"] = 0.5

    refused(changed(edit), r"history of epoch 2 has other figures than the first", capsys)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused_by_all(
    value: float, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    path = run / "checkpoint.safetensors"
    header, body = checkpoint_parts(path.read_bytes())
    start, _ = header["model.encoder.0.weight"]["data_offsets"]
    body = body[:start] + struct.pack("<f", value) + body[start + 4 :]
    texts = {k: v for k, v in header["__metadata__"].items() if k != "crc32"}
    path.write_bytes(checkpoint({**header, "__metadata__": texts}, body))
    refused(run, r"encoder\.0\.weight .*are not finite", capsys)


def test_lone_surrogates_and_deep_nesting(changed: Callable[[Change], Path]) -> None:
    def edit(facts: dict[str, Any]) -> None:
        facts["config"]["data"] = "\ud800"
        deep: Any = []
        for _ in range(300):
            deep = [deep]
        facts["history"][0]["loss"] = deep

    with pytest.raises(RunError, match="history"):
        Run.open(changed(edit))
