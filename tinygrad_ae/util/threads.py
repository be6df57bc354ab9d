"""How many threads NumPy's matrix products use: the order of their sums depends on it.

Small products need no limit: OpenBLAS itself computes a product of up to about 260,000
multiplications on one thread, whatever number it may use. Measured with two: a product of 64 x 64
by 64 x 64 takes as much processor time as wall time.
"""

from __future__ import annotations

import importlib.util
from contextlib import AbstractContextManager, nullcontext

from ..errors import require


def threads() -> int | None:
    """Return the number of threads, or None where threadpoolctl is missing or sees no BLAS."""
    if importlib.util.find_spec("threadpoolctl") is None:
        return None
    pools = require("threadpoolctl", extra="all", purpose="counting threads").threadpool_info()
    counts = [pool["num_threads"] for pool in pools if pool["user_api"] == "blas"]
    return counts[0] if counts else None


def limited(count: int | None) -> AbstractContextManager[object]:
    """Hold products to that many threads inside a ``with`` block; None leaves them as they are.

    Raises:
        MissingExtra: threadpoolctl is not installed.
    """
    if count is None:
        return nullcontext()
    pools = require("threadpoolctl", extra="all", purpose="a fixed number of threads")
    limits: AbstractContextManager[object] = pools.threadpool_limits(count, user_api="blas")
    return limits
