"""Take the bundled words from the Debian package asterisk-core-sounds-en-wav, as they are.

    python -m tinygrad_ae.data.spoken.cut SOUNDS            copies them beside this file
    python -m tinygrad_ae.data.spoken.cut SOUNDS --check    compares, writes nothing

SOUNDS is the package's folder /usr/share/asterisk/sounds/en_US_f_Allison. (To have it without
installing: apt-get download asterisk-core-sounds-en-wav && dpkg-deb -x *.deb FOLDER.)

The rule: of each kind of word, in the order of the file names, the fourth of every seven is for
validation, the seventh for testing, and the others for training.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from tinygrad_ae.data import spoken
from tinygrad_ae.errors import DataError, UserError

# Each kind of word: where it lies in the package, and what its files are called.
KINDS = {
    "letter": ("letters", r"[a-z]"),
    "month": ("digits", r"mon-\d+"),
    "number": ("digits", r"\d+|hundred|thousand|million|billion"),
    "ordinal": ("digits", r"h-(\d+|hundred|thousand|million|billion)"),
    "phonetic": ("phonetic", r"[a-z]_p"),
    "weekday": ("digits", r"day-\d"),
}


def cut(sounds: Path) -> dict[str, Path]:
    """Return the source of each bundled file, by its path in the bundle.

    Raises:
        DataError: the folder is not the package's.
    """
    files = {}
    for kind, (folder, pattern) in KINDS.items():
        words = [p for p in (sounds / folder).glob("*.wav") if re.fullmatch(pattern, p.stem)]
        for i, path in enumerate(sorted(words)):
            split = {3: "validation", 6: "test"}.get(i % 7, "train")
            files[f"{split}/{kind}/{path.name}"] = path
    found = spoken.checksum({name: path.read_bytes() for name, path in files.items()})
    if found != spoken.SHA256:
        raise DataError(
            f"{sounds} does not hold the words of asterisk-core-sounds-en-wav 1.6.1: found "
            f"{len(files)} files with checksum {found}, expected {spoken.SHA256}. Give the "
            "package's folder en_US_f_Allison."
        )
    return files


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code: 0, 1 where --check found a difference, 2 on error."""
    parser = argparse.ArgumentParser(
        prog="python -m tinygrad_ae.data.spoken.cut",
        description="Take the bundled words from the Debian package asterisk-core-sounds-en-wav.",
    )
    parser.add_argument("sounds", type=Path, help="the package's folder en_US_f_Allison")
    parser.add_argument("--check", action="store_true", help="only compare with what is bundled")
    options = parser.parse_args(arguments)
    try:
        files = cut(options.sounds)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    same = True
    for name, source in files.items():
        target = spoken.FOLDER / name
        if options.check:
            equal = target.exists() and target.read_bytes() == source.read_bytes()
            same = same and equal
            print(f"{name}{'' if equal else '  DIFFERS'}")
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
