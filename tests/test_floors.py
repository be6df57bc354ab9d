"""Arrows point down: who stands on which floor, and that nothing reaches up or round in a circle."""

from pathlib import Path

import pytest

from benchmarks.house import PACKAGE, ROOT, House, room_of

FLOORS = (  # from the ground up; a room may import those before it
    "errors", "util", "ops", "core", "autodiff", "nn", "optim", "data", "compiled", "export",
    "evaluate", "train", "show.derivation", "show.measure", "show.picture", "show.plots",
    "show.pages", "show", "testing", "the front door", "models", "run", "uses", "cli", "__main__",
)  # fmt: skip
WITHIN = {  # files of a room whose order is worth keeping, from the ground up
    "core": (
        "graph", "modes", "value", "messages", "precision", "inplace", "engine", "numpy_protocol",
        "tensor",
    ),
    "compiled": (
        "native", "program", "memory", "kernels", "fuse", "calls", "engine", "guards", "reach",
        "trace", "lines", "elementwise", "structural", "convolution", "lower", "plan", "witness",
        "step",
    ),
}  # fmt: skip


def faults(house: House) -> list[str]:
    """Return what is wrong with a house: rooms on no floor, arrows that point up, circles."""
    found = [f"{room} stands on no floor" for room in house.rooms() if room not in FLOORS]
    for module, targets in house.arrows.items():
        for target in targets:
            if room_of(module) != room_of(target):
                order, below, above = FLOORS, room_of(target), room_of(module)
            elif room_of(module) in WITHIN and module.count(".") > 1 < target.count("."):
                order = WITHIN[room_of(module)]
                below, above = target.rpartition(".")[2], module.rpartition(".")[2]
            else:
                continue
            if not {below, above} <= {*order} or order.index(below) > order.index(above):
                found.append(f"{module} imports {target}, which is above it")
    return found + [f"a circle: {', '.join(circle)}" for circle in house.circles()]


def test_arrows_point_down() -> None:
    house = House.read({PACKAGE: ROOT / PACKAGE, f"{PACKAGE}.models": ROOT / "models"})
    assert len(house.arrows) > 200
    assert faults(house) == []


@pytest.mark.parametrize(
    ("file", "code", "fault"),
    [
        ("ops/rules.py", "from ..nn import layers", "ops.rules imports tinygrad_ae.nn.layers"),
        ("ops/rules.py", "import tinygrad_ae.nn.layers", "ops.rules imports tinygrad_ae.nn.layers"),
        ("ops/rules.py", "def f():\n    from ..nn import layers", "ops.rules imports"),
        (
            "ops/rules.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..nn.layers import X",
            "ops.rules imports",
        ),
        ("core/graph.py", "from .tensor import T", "core.graph imports tinygrad_ae.core.tensor"),
        ("core/tensor.py", "from . import engine", None),
        ("nn/layers.py", "from . import losses", "a circle: tinygrad_ae.nn.layers, tinygrad_ae.nn"),
        ("attic/things.py", "", "attic stands on no floor"),
        (
            "nn/layers.py",
            "import numpy\nfrom ..core.tensor import T\nfrom ..ops import rules",
            None,
        ),
    ],
)
def test_a_planted_violation_is_found(
    tmp_path: Path, file: str, code: str, fault: str | None
) -> None:
    rooms = {
        "__init__.py": "", "ops/__init__.py": "", "ops/rules.py": "", "core/__init__.py": "",
        "core/graph.py": "", "core/engine.py": "", "core/tensor.py": "T = 1", "nn/__init__.py": "",
        "nn/layers.py": "X = 1", "nn/losses.py": "from . import layers", file: code,
    }  # fmt: skip
    for name, text in rooms.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = faults(House.read({PACKAGE: tmp_path}))
    assert found == [] if fault is None else any(fault in line for line in found)
