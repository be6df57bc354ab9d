"""MNIST and Fashion-MNIST, fetched from their usual mirrors.

Both come as four files of the same names: 60,000 training samples, of which the last 5,000
serve as the validation split here, and 10,000 test samples.

The Debian package dataset-fashion-mnist installs the same four files, for use without a network:
``--data /usr/share/datasets/fashion-mnist``. (The folder is read like any other: a tenth of its
training samples is held out at random for validation.)

Sources: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits"; H. Xiao,
K. Rasul, R. Vollgraf, "Fashion-MNIST", arXiv:1708.07747.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinygrad_ae.data import idx
from tinygrad_ae.data.download import Progress, fetch
from tinygrad_ae.data.raw import Raw
from tinygrad_ae.util.files import cache_folder

VALIDATION = 5_000


@dataclass(frozen=True)
class _Source:
    mirrors: tuple[str, ...]
    sha256: dict[str, str]  # of the .gz files as the mirrors serve them


SOURCES = {
    "mnist": _Source(
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        sha256={
            "train-images-idx3-ubyte.gz": (
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
            ),
            "train-labels-idx1-ubyte.gz": (
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
            ),
            "t10k-images-idx3-ubyte.gz": (
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
            ),
            "t10k-labels-idx1-ubyte.gz": (
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
            ),
        },
    ),
    "fashion-mnist": _Source(
        mirrors=(
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        ),
        sha256={
            "train-images-idx3-ubyte.gz": (
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
            ),
            "train-labels-idx1-ubyte.gz": (
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
            ),
            "t10k-images-idx3-ubyte.gz": (
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
            ),
            "t10k-labels-idx1-ubyte.gz": (
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
            ),
        },
    ),
}


def read(name: str, progress: Progress | None = None) -> dict[str, Raw]:
    """Return the three splits of ``"mnist"`` or ``"fashion-mnist"``, from the cache if there.

    Raises:
        DataError: a file could not be fetched from any mirror.
    """
    source = SOURCES[name]
    folder = cache_folder() / name
    arrays = {
        file: idx.read(fetch(file, source.mirrors, sha256, folder, progress))
        for file, sha256 in source.sha256.items()
    }
    x, y = arrays["train-images-idx3-ubyte.gz"], arrays["train-labels-idx1-ubyte.gz"]
    test = arrays["t10k-images-idx3-ubyte.gz"], arrays["t10k-labels-idx1-ubyte.gz"]
    return {
        "train": Raw(x[:-VALIDATION], y[:-VALIDATION], where=f"{name} (train)"),
        "validation": Raw(x[-VALIDATION:], y[-VALIDATION:], where=f"{name} (validation)"),
        "test": Raw(*test, where=f"{name} (test)"),
    }
