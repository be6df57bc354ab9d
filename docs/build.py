"""Build the site: python docs/build.py, then open docs/_build/html/index.html.

Every page is executed, unless neither it nor what it runs was changed since; a warning is an error.
MathJax comes from its npm package at build time (`npm` must be there, once), so the site itself
asks nothing of the network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
BUILD = HERE / "_build"
MATHJAX = "4.1.3"  # the major version that Sphinx 9 expects
PACKAGES = [  # of npm; which of its files, and the folder they are unpacked to
    (f"mathjax@{MATHJAX}", ("tex-svg.js", "a11y", "ui", "input"), "static/mathjax"),
    (f"@mathjax/mathjax-newcm-font@{MATHJAX}", ("svg",), "static/mathjax/mathjax-newcm-font"),
    ("axe-core@4.14.1", ("axe.min.js",), "axe"),  # with which the tests look at the site
]


def fetch(package: str, parts: tuple[str, ...], folder: Path) -> None:
    """Unpack parts of a package of npm into a folder, unless they are there."""
    if all((folder / part).exists() for part in parts):
        return
    with tempfile.TemporaryDirectory() as temporary:
        command = ["npm", "pack", "--silent", package, "--pack-destination", temporary]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(temporary).iterdir()
        with tarfile.open(archive) as tar:
            tar.extractall(temporary, filter="data")
        folder.mkdir(parents=True, exist_ok=True)
        for part in parts:
            shutil.move(Path(temporary, "package", part), folder / part)


def main(arguments: list[str]) -> int:
    """Run Sphinx on everything; arguments are passed on to it."""
    for package, parts, folder in PACKAGES:
        fetch(package, parts, BUILD / folder)
    # Pages are read side by side in batches of neighbours; more jobs make smaller batches.
    environment = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"} | os.environ
    command = [
        sys.executable, "-m", "sphinx", "--builder", "html", "--fail-on-warning", "--nitpicky",
        "--jobs", "6", "--doctree-dir", str(BUILD / "doctrees"),
        *arguments, str(HERE), str(BUILD / "html"),
    ]  # fmt: skip
    return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
