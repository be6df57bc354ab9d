"""What the figures depend on: processor, BLAS, versions; and what a fresh process shows."""

from __future__ import annotations

import importlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Any


def environment(threads: int) -> dict[str, str]:
    """Return the variables that hold every library to that many threads when it is loaded."""
    count = str(threads)
    eigen = "true" if threads > 1 else "false"
    flags = f"--xla_cpu_multi_thread_eigen={eigen} intra_op_parallelism_threads={count}"
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    return {**os.environ, **dict.fromkeys(names, count), "XLA_FLAGS": flags}


def worker(threads: int, *arguments: str) -> Any:
    """Run this benchmark's worker in a process of its own and return what it says."""
    command = [sys.executable, "-m", "benchmarks.speed", "--worker", str(threads), *arguments]
    done = subprocess.run(command, env=environment(threads), stdout=subprocess.PIPE, check=False)
    return json.loads(done.stdout) if done.returncode == 0 and done.stdout else None


def describe(peers: Sequence[str]) -> list[str]:
    """Return lines about processor, BLAS and versions."""
    import numpy as np

    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    packages = dict.fromkeys(["numpy", "numba", *(p.partition("-")[0] for p in peers)])
    fixed = {k: v for k, v in os.environ.items() if k in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
    lines = [
        f"Python {platform.python_version()}, {', '.join(map(_version, packages))}",
        f"BLAS {blas.get('name')} {blas.get('version')}, kernel {_kernel()}",
        f"{os.cpu_count()} cores of {_processor()}, load {os.getloadavg()[0]:.1f}",
    ]
    return lines + ([f"BLAS is held back: {fixed}"] if fixed else [])


def import_ms(module: str) -> float:
    """Return milliseconds to import a module in a new process, interpreter's start excluded."""
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    command = [sys.executable, "-c", code]
    runs = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(5)]
    return min(float(run.stdout) for run in runs) * 1e3


def _version(package: str) -> str:
    try:
        return f"{package} {metadata.version(package)}"
    except metadata.PackageNotFoundError:
        return f"{package} not installed"


def _kernel() -> str:
    """Return which set of routines OpenBLAS chose for this processor."""
    try:
        pools = importlib.import_module("threadpoolctl").threadpool_info()
    except ImportError:
        return "unknown (install threadpoolctl)"
    return ", ".join(str(pool.get("architecture")) for pool in pools) or "unknown"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [
                line.partition(":")[2].strip() for line in file if line.startswith("model name")
            ]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()
