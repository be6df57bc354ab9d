"""The bundled digits: 19,000 real ones of MNIST, so that the first run needs no network.

README.md in this folder says where they come from; cut.py re-creates them.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from tinygrad_ae.data import idx
from tinygrad_ae.data.raw import Raw
from tinygrad_ae.errors import DataError

FOLDER = Path(__file__).parent

SHA256 = {
    "train-images-idx3-ubyte.bz2": (
        "8d2923fec0f34cccc08156374458a298c9f195a828054728922f272779ca997b"
    ),
    "train-labels-idx1-ubyte.bz2": (
        "dd60897b4b106d8cea1001103307e0f746379096b41917ee1ac927b66a126e58"
    ),
    "validation-images-idx3-ubyte.bz2": (
        "b9584933a9be9c94cd1488e835ace4862185c3b9e2438816ff6d037e5cec19f7"
    ),
    "validation-labels-idx1-ubyte.bz2": (
        "dbe32e65aedcbdf8c90e3da3393d9039a0161b63f5a04e359a1c94070f58f43d"
    ),
    "test-images-idx3-ubyte.bz2": (
        "21dfedbb1bb32b0f0abb4064e5a61d3e7b2b8c4f51dd09cb88e8f20e51382e4c"
    ),
    "test-labels-idx1-ubyte.bz2": (
        "4657164972b3a07a90bf4755ca0be62cd63c34996e45e2cff666bafe751a51bf"
    ),
}


def read() -> dict[str, Raw]:
    """Return the splits of the bundled set: 15,000, 2,000 and 2,000 samples of 28 × 28 bytes.

    Raises:
        DataError: a file of the installation is missing or damaged.
    """
    for name, expected in SHA256.items():
        path = FOLDER / name
        found = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None
        if found != expected:
            raise DataError(
                f"{path} is not the file this package came with: "
                f"{f'its SHA-256 is {found}' if found else 'it is missing'}, expected {expected}. "
                "Reinstall tinygrad-ae."
            )
    return idx.read_folder(FOLDER)
