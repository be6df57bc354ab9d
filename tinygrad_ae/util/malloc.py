"""How the C library keeps memory that arrays give back.

A training step allocates and frees the same large arrays again and again. By default glibc asks
the kernel for large ones and returns them when they are freed, so that every step pays for fresh,
zeroed pages (``python -m benchmarks.eager`` prints how much). But glibc takes the freeing of such
a block as a sign that the program reuses that size, and serves blocks up to it from memory that it
keeps (``man mallopt``, M_MMAP_THRESHOLD; it learns sizes up to 32 MB). So freeing one large block,
which is never written to and takes no memory, is enough.

The price: up to twice that size may stay with the process after it was freed. Where much is freed
for good, ``give_back`` returns it. The environment variable ``TINYGRAD_AE_MALLOC=0`` leaves the C
library as it is; other systems take no notice.
"""

import ctypes
import os

import numpy as np

_TRIM = None if os.name == "nt" else getattr(ctypes.CDLL(None), "malloc_trim", None)
LARGEST = 32 << 20  # bytes, the most that glibc learns
HEADER = 64 << 10  # room for what it adds


def keep_freed() -> None:
    """Let freed memory be used again, unless the user's environment says otherwise."""
    if os.environ.get("TINYGRAD_AE_MALLOC") != "0":
        np.empty(LARGEST - HEADER, np.uint8)


def give_back() -> None:
    """Return freed memory to the system (``man malloc_trim``), where glibc is in charge of it."""
    if _TRIM is not None and os.environ.get("TINYGRAD_AE_MALLOC") != "0":
        _TRIM(0)
