"""How the code is laid out: rooms and floors, arrows and circles, and the files that a job walks.

``python -m benchmarks.house`` prints the counts of this checkout, or of another one given as an
argument; ``--walks`` also runs six jobs under a profiler and counts the files of the package that
each enters, and how often it goes from one to another.
"""

from __future__ import annotations

import argparse
import ast
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = "tinygrad_ae"
SHOW = {"derivation", "measure", "picture", "plots", "pages"}  # houses within a room


@dataclass
class House:
    """The modules of a package and what each imports, type-only imports included.

    Attributes:
        arrows: by module, the modules it imports; names without the package's.
        hidden: by module, how many of its imports stand inside functions.
    """

    arrows: dict[str, set[str]] = field(default_factory=dict)
    hidden: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, folders: Mapping[str, Path]) -> House:
        """Read packages from folders, by the name under which each is imported."""
        files = {}
        for name, folder in folders.items():
            for path in sorted(folder.rglob("*.py")):
                parts = path.relative_to(folder).with_suffix("").parts
                parts = parts[:-1] if parts[-1] == "__init__" else parts
                files[".".join((name, *parts))] = path
        house = cls()
        for module, path in files.items():
            found = list(_imports(module, path, files))
            house.arrows[module] = {target for target, _ in found if target != module}
            house.hidden[module] = sum(is_hidden for _, is_hidden in found)
        return house

    def circles(self) -> list[list[str]]:
        """Return the groups of modules that import each other, by whatever way round."""
        return [sorted(group) for group in _strongly_connected(self.arrows) if len(group) > 1]

    def rooms(self) -> dict[str, set[str]]:
        """Return the arrows between rooms: folders of the package, or files at its top."""
        arrows: dict[str, set[str]] = {}
        for module, targets in self.arrows.items():
            beyond = {room_of(target) for target in targets} - {room_of(module)}
            arrows.setdefault(room_of(module), set()).update(beyond)
        return arrows

    def floors(self) -> int:
        """Return the length of the longest way down through the rooms; 0 if it goes in a circle."""
        rooms, heights = self.rooms(), dict[str, int]()
        while len(heights) < len(rooms):
            ready = [r for r in rooms if r not in heights and rooms[r] <= heights.keys()]
            if not ready:
                return 0
            heights |= {r: 1 + max((heights[x] for x in rooms[r]), default=0) for r in ready}
        return max(heights.values(), default=0)


def room_of(module: str) -> str:
    """Return the room a module lies in: ``show.picture`` of ``tinygrad_ae.show.picture.dot``."""
    parts = module.split(".")[1:]
    if not parts:
        return "the front door"
    return ".".join(parts[:2]) if parts[0] == "show" and {*parts[1:2]} & SHOW else parts[0]


def _imports(module: str, path: Path, files: Mapping[str, Path]) -> Iterable[tuple[str, bool]]:
    """Yield the modules that one imports, and whether it does so inside a function."""
    tree = ast.parse(path.read_text("utf-8"))
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        for node in ast.walk(function)
    }
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            up = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*up, *([node.module] if node.module else [])])
            base = base if node.level else str(node.module)
            within = [f"{base}.{alias.name}" for alias in node.names]
            targets = [name if name in files else base for name in within]
        else:
            continue
        yield from ((target, id(node) in inside) for target in targets if target in files)


def _strongly_connected(arrows: Mapping[str, set[str]]) -> list[set[str]]:
    """Return the strongly connected components (Kosaraju's algorithm, without recursion)."""
    order, seen = [], set[str]()
    for start in arrows:
        stack = [(start, iter(arrows[start]))] if start not in seen else []
        seen.add(start)
        while stack:
            node, targets = stack[-1]
            new = next((t for t in targets if t in arrows and t not in seen), None)
            if new is None:
                order.append(stack.pop()[0])
            else:
                seen.add(new)
                stack.append((new, iter(arrows[new])))
    backwards: dict[str, set[str]] = {node: set() for node in arrows}
    for node, targets in arrows.items():
        for target in targets & arrows.keys():
            backwards[target].add(node)
    groups, taken = [], set[str]()
    for start in reversed(order):
        group, stack_ = set[str](), [start]
        while stack_:
            node = stack_.pop()
            if node not in taken:
                taken.add(node)
                group.add(node)
                stack_.extend(backwards[node])
        if group:
            groups.append(group)
    return groups


WALKS = {
    "backward": "loss.backward()",
    "draw": "from tinygrad_ae import show; start(); show.draw(loss, gradients=True)",
    "explain": "from tinygrad_ae import show; start(); str(show.explain(loss))",
    "compile": "step = tinygrad_ae.compile(model.loss); start(); step(x)",
    "fit": "from tinygrad_ae.train import fit; start(); fit(model, data, epochs=1)",
    "train": "from tinygrad_ae.cli import main; start(); "
    "main(['train', 'autoencoder', '--epochs', '1', '--out', folder + '/run'])",
}
_WALK = """
import os, sys, tempfile
import numpy as np
import tinygrad_ae
from tinygrad_ae import Tensor
from tinygrad_ae.models import Autoencoder
folder = tempfile.mkdtemp()
package = os.path.dirname(tinygrad_ae.__file__)
models = os.path.dirname(sys.modules["tinygrad_ae.models"].__file__)
data = np.random.default_rng(0).random((64, 12), np.float32)
model = Autoencoder(12, hidden=(8,), latent=2)
x = Tensor(data)
loss = model.loss(x)
entered, last, switches = set(), None, 0
def note(frame, event, argument):
    global last, switches
    file = frame.f_code.co_filename
    if event == "call" and file.startswith((package, models)):
        entered.add(file)
        switches += last is not None and file != last
        last = file
def start():
    sys.setprofile(note)
"""


def walk(job: str, python: str = sys.executable) -> tuple[int, int]:
    """Run a job in a process of its own; return the files it enters and its switches of file."""
    code = WALKS[job] if "start()" in WALKS[job] else f"start(); {WALKS[job]}"
    end = "\nsys.setprofile(None)\nprint(f'\\n{len(entered)} {switches}')"
    found = subprocess.run(
        [python, "-P", "-c", f"{_WALK}{code}{end}"], capture_output=True, text=True, check=True
    )
    files, switches = found.stdout.split("\n")[-2].split()
    return int(files), int(switches)


def measured(root: Path) -> dict[str, int]:
    """Return the counts of a checkout."""
    house = House.read({PACKAGE: root / PACKAGE, f"{PACKAGE}.models": root / "models"})
    rooms = house.rooms()
    return {
        "modules": len(house.arrows),
        "rooms": len(rooms),
        "floors": house.floors(),
        "arrows between rooms": sum(map(len, rooms.values())),
        "circles of files": len(house.circles()),
        "imports hidden in functions": sum(house.hidden.values()),
    }


def main() -> None:
    """Print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", nargs="?", type=Path, default=ROOT, help="a checkout")
    parser.add_argument("--walks", action="store_true", help="run the jobs too")
    parser.add_argument("--python", default=sys.executable, help="that has the checkout installed")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    counts: dict[str, object] = dict(measured(arguments.root))
    if arguments.walks:
        for job in WALKS:
            files, switches = walk(job, arguments.python)
            counts[f"{job}: files"], counts[f"{job}: switches"] = files, switches
    if arguments.json:
        print(json.dumps(counts, indent=1))
        return
    for name, count in counts.items():
        print(f"{name:<28} {count:>7,}")


if __name__ == "__main__":
    main()
