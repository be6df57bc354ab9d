"""Build the site: python docs/build.py, then open docs/_build/html/index.html.

Every page is executed; a warning is an error. MathJax comes from its npm package at build time
(`npm` must be there, once), so the site itself asks nothing of the network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).parent
BUILD = HERE / "_build"
MATHJAX = "4.1.3"  # the major version that Sphinx 9 expects
PACKAGES = {  # what to unpack from each npm package, and where to put it
    f"mathjax@{MATHJAX}": {"tex-svg.js": "", "a11y": "", "ui": "", "input": ""},
    f"@mathjax/mathjax-newcm-font@{MATHJAX}": {"svg": "mathjax-newcm-font"},
}


def fetch_mathjax(folder: Path) -> None:
    """Unpack MathJax and its font into a folder, unless it is there."""
    if (folder / "done").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    archives = BUILD / "npm"
    archives.mkdir(parents=True, exist_ok=True)
    for package, parts in PACKAGES.items():
        command = ["npm", "pack", "--silent", package, "--pack-destination", str(archives)]
        name = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[
            -1
        ]
        with tarfile.open(archives / name) as archive:
            for part, where in parts.items():
                for member in archive.getmembers():
                    inside = Path(member.name).relative_to("package")
                    if inside.parts[:1] == (part,) and member.isfile():
                        target = folder / where / inside
                        target.parent.mkdir(parents=True, exist_ok=True)
                        with archive.extractfile(member) as source:  # type: ignore[union-attr]
                            target.write_bytes(source.read())
    (folder / "done").touch()


def main(arguments: list[str]) -> int:
    """Run Sphinx on everything; arguments are passed on to it."""
    fetch_mathjax(BUILD / "static" / "mathjax")
    shutil.rmtree(BUILD / "trained", ignore_errors=True)
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
