"""Let a fuzzer that sees which lines ran look for bytes that a parser does not answer.

    python -m tests.campaign.fuzz idx --seconds 600

Needs atheris (``pip install -e ".[fuzz]"``). It starts from whole files, ends at the first fault with
its traceback, and otherwise prints how many inputs it tried in a second.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["tinygrad_ae.data", "tinygrad_ae.export", "scipy.io"]):
    from scipy.io import wavfile

    from tinygrad_ae.data import arrays, audio, idx, tables
    from tinygrad_ae.export import from_json

from tests.campaign import files
from tinygrad_ae.errors import UserError

assert wavfile  # imported here, so that its branches are seen

PARSERS: dict[str, Callable[[Path], object]] = {
    "idx": idx.read,
    "npy": arrays.read_npy,
    "table": tables.read_csv,
    "wav": audio.read,
    "graph": lambda path: from_json(path.read_bytes().decode("utf-8", "surrogateescape")),
}


def seeds(name: str) -> list[bytes]:
    """Return some whole inputs, and some that lie."""
    r = random.Random(0)
    if name == "graph":
        from tests.campaign.campaign import a_graph

        return [a_graph().encode()]
    _, whole, lying = files.KINDS[name]
    return [maker(r) for maker in (whole, lying) for _ in range(30)]


def main() -> None:
    """Fuzz one parser."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parser", choices=PARSERS)
    parser.add_argument("--seconds", type=int, default=600)
    given = parser.parse_args()
    parse = PARSERS[given.parser]
    suffix = {"table": ".csv", "graph": ".json", "idx": ""}.get(given.parser, f".{given.parser}")
    warnings.simplefilter("error")
    warnings.simplefilter("ignore", UserWarning)
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as name:
        corpus = Path(name, "corpus")
        corpus.mkdir()
        for k, data in enumerate(seeds(given.parser)):
            (corpus / str(k)).write_bytes(data)
        path = Path(name, f"input{suffix}")

        def one(data: bytes) -> None:
            path.write_bytes(data)
            try:
                parse(path)
            except UserError as error:
                if len(str(error)) < 20:
                    raise RuntimeError("an error without words") from error

        limits = [f"-max_total_time={given.seconds}", "-rss_limit_mb=2000", "-timeout=10"]
        quiet = ["-print_final_stats=1", "-verbosity=0", "-max_len=8192"]
        atheris.Setup([sys.argv[0], *limits, *quiet, str(corpus)], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
