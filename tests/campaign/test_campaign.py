"""The campaign finds nothing today, and finds the mistakes that a hasty reader of files makes."""

from __future__ import annotations

import ast
import json
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.io import wavfile

from tests.campaign import campaign as campaign_module
from tests.campaign import files
from tests.campaign.campaign import GROUPS, campaign
from tinygrad_ae.data import arrays, audio, idx, images, load, tables
from tinygrad_ae.data.raw import Raw
from tinygrad_ae.data.recordings import Recording
from tinygrad_ae.run import checkpoint, folder


def test_there_is_no_fault() -> None:
    faults = campaign(seed=0, inputs=180)
    assert set(faults.inputs) == set(GROUPS)
    assert faults.count == 0, faults.shown
    assert sum(n for (_, answer), n in faults.answers.items() if answer == "read") > 20


@pytest.mark.parametrize("group", files.KINDS)
def test_what_is_whole_is_read(group: str, tmp_path: Path) -> None:
    name, whole, _ = files.KINDS[group]
    r = random.Random(1)
    for k in range(12):
        (tmp_path / (f"{k}.png" if group == "png" else name)).write_bytes(whole(r))
        options: dict[str, Any] = {"window": 64} if group == "wav" else {}
        if group == "table":
            options = {"label": "none", "columns": ["all"], "time": "none"}
        if group != "png" or k == 11:
            assert len(load(tmp_path if group == "png" else tmp_path / name, **options).train)


def _naive_idx(path: Any) -> np.ndarray[Any, Any]:
    data = Path(path).read_bytes()
    n, h, w = struct.unpack(">3I", data[4:16])
    return np.frombuffer(data[16:], np.uint8).reshape(n, h, w)


def _naive_npz(path: Path) -> dict[str, Raw]:
    with np.load(path) as archive:
        return {"train": Raw(archive["x"], None, where=str(path))}


def _naive_csv(path: Path, *_: object) -> Raw:
    return Raw(np.loadtxt(path, delimiter=","), None, where=str(path))


def _naive_wav(path: Path) -> Recording:
    rate, values = wavfile.read(path)
    return Recording(values.reshape(len(values), -1)[:, :1] / 2**15, str(path), float(rate))


def _naive_checkpoint(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    header, body = files.checkpoint_parts(path.read_bytes())
    facts = {k: json.loads(v) for k, v in header.pop("__metadata__").items() if k != "crc32"}
    kinds = {"F32": "<f4", "F64": "<f8", "I64": "<i8"}
    found = {}
    for name, said in header.items():
        start, end = said["data_offsets"]
        found[name] = np.frombuffer(body[start:end], kinds[said["dtype"]]).reshape(said["shape"])
    return found, facts


def _naive_graph(text: str) -> list[str]:
    whole = json.loads(text)
    rows = whole["nodes"]
    return [rows[i]["op"] for row in rows for i in row["inputs"]]


NAIVE: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "idx": (idx, "read", _naive_idx),
    "npy": (arrays, "read_npy", lambda path: Raw(np.load(path), None, where=str(path))),
    "npz": (arrays, "read_npz", _naive_npz),
    "table": (tables, "read_csv", _naive_csv),
    "wav": (audio, "read", _naive_wav),
    "png": (images, "_pixels", lambda path: np.asarray(Image.open(path))),
    "checkpoint": (checkpoint, "load", _naive_checkpoint),
    "run folder": (folder, "read_json", lambda path: json.loads(path.read_bytes())),
    "graph": (campaign_module, "from_json", _naive_graph),
}


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.filterwarnings("ignore")
def test_a_naive_reader_is_found_out(group: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*NAIVE[group])
    assert campaign(seed=0, inputs=60, groups=(group,)).count > 0


def test_the_mutators_share_no_code_with_the_parsers() -> None:
    tree = ast.parse(Path(files.__file__).read_text("utf-8"))
    roots = [
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module]
        )
    ]
    assert roots
    assert not [name for name in roots if str(name).startswith(("tinygrad_ae", "numpy", "PIL"))]
