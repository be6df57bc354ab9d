"""What is in the repository is in the wheel."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]


def test_every_package_and_every_file_beside_the_code_is_listed():
    folders = {p.parent for p in (ROOT / "tinygrad_ae").rglob("*.py")}
    names = {".".join(f.relative_to(ROOT).parts) for f in folders} | {"tinygrad_ae.models"}
    assert names == set(SETTINGS["packages"])
    for folder in folders:
        patterns = SETTINGS["package-data"].get(".".join(folder.relative_to(ROOT).parts), [])
        others = {p for p in folder.iterdir() if p.is_file() and p.suffix not in (".py", ".pyc")}
        assert others == {p for pattern in patterns for p in folder.glob(pattern)}
