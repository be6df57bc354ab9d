"""What is in the repository is in the wheel."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]


def test_every_package_and_every_file_beside_the_code_is_listed():
    folders = {p.parent for p in (ROOT / "tinygrad_ae").rglob("*.py")}
    names = {".".join(f.relative_to(ROOT).parts) for f in folders} | {"tinygrad_ae.models"}
    assert names == set(SETTINGS["packages"])
    others: dict[Path, set[Path]] = {folder: set() for folder in folders}
    for path in (ROOT / "tinygrad_ae").rglob("*"):
        if path.is_file() and path.suffix not in (".py", ".pyc"):
            others[next(parent for parent in path.parents if parent in folders)].add(path)
    for folder, files in others.items():
        patterns = SETTINGS["package-data"].get(".".join(folder.relative_to(ROOT).parts), [])
        assert files == {p for pattern in patterns for p in folder.glob(pattern)}
