"""Shares the tests among the cores; leaves out what needs more than ``.[test]`` installs."""

import os
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

if "PYTEST_XDIST_WORKER" in os.environ:  # before NumPy: each worker has a core, and one thread
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

# No test asserts a time; and a change is judged on the same examples each time.
settings.register_profile("suite", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("suite")

OPTIONAL = {  # what it is: (extra that brings the packages, packages, what it is for)
    "reference": ("reference", ("torch", "expecttest", "jax"), "compare with PyTorch and JAX"),
    "reference/test_comparison.py": (
        "reference,peers",
        ("torch", "jax", "autograd", "micrograd", "tinygrad"),
        "try what the comparison says",
    ),
    "browser": ("browser", ("selenium",), "drive the pages in Chromium"),
    "site": ("docs,browser", ("selenium",), "look at the built site in Chromium"),
    "compiled/test_numba.py": ("fast", ("numba",), "fuse a plan's lines into compiled loops"),
    "compiled/test_numba_calls.py": ("fast", ("numba",), "carry out a plan's lines from a table"),
    "compiled/test_numba_outside.py": ("fast", ("numba",), "follow what changes between calls"),
    "compiled/test_numba_planning.py": ("fast", ("numba",), "bound and share compiled loops"),
    "compiled/test_numba_everything.py": ("fast", ("numba",), "hold every fused loop to its lines"),
    "data/test_packages.py": ("signals", ("seglearn", "pywt", "aeon"), "read sensors' recordings"),
    "benchmarks/test_diagnostics.py": ("results", ("sklearn",), "measure the theory's claims"),
    "benchmarks/test_results.py": ("results", ("sklearn",), "measure the table of results"),
    "benchmarks/test_peers.py": ("peers", ("torch", "jax", "autograd", "mygrad"), "time peers"),
}
MISSING = {
    path: missing
    for path, (_, packages, _) in OPTIONAL.items()
    if (missing := [name for name in packages if find_spec(name) is None])
}
collect_ignore = list(MISSING)


def pytest_xdist_auto_num_workers(config):
    """A worker for each core this process may use; none for a part of the suite: they cost a start."""
    part = config.args_source is not pytest.Config.ArgsSource.TESTPATHS
    if part or config.option.markexpr or config.option.keyword or config.option.collectonly:
        return 0
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def pytest_ignore_collect(collection_path, config):
    """``-m smoke`` reads no other file: to import the whole suite takes longer than to run it."""
    if config.option.markexpr == "smoke" and collection_path.suffix == ".py":
        return "pytest.mark.smoke" not in collection_path.read_text("utf-8") or None
    return None


def pytest_terminal_summary(terminalreporter):
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, value in report.user_properties:
                if name == "said":  # a figure that a test wants seen, from whichever worker
                    terminalreporter.write_line(value)
    for path, missing in MISSING.items():
        extra, _, purpose = OPTIONAL[path]
        terminalreporter.write_line(
            f"tests/{path} not run ({', '.join(missing)} missing): "
            f'pip install -e ".[{extra}]" to {purpose}'
        )


@pytest.fixture(scope="session", autouse=True)
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where programs keep their state, while tests run."""
    folder = tmp_path_factory.mktemp("state")
    os.environ["XDG_STATE_HOME"] = str(folder)
    return folder


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with small runs: of labelled pictures (plain, vae), and of labelled signals."""
    from tinygrad_ae.cli import main
    from tinygrad_ae.data import load

    folder = tmp_path_factory.mktemp("runs")
    digits = load("digits").test
    pixels = np.rint(digits.x[:300] * 255).astype(np.uint8).reshape(-1, 28, 28)
    np.savez(folder / "pictures.npz", x=pixels, y=digits.y[:300])
    rng = np.random.default_rng(0)
    kind = np.arange(200) % 2
    t = np.linspace(0, 2 * np.pi, 24)
    waves = np.sin((1 + kind[:, None]) * (t + rng.uniform(0, 6, (200, 1)))) + 0.1 * rng.normal(
        size=(200, 24)
    )
    np.savez(folder / "signals.npz", x=waves, y=kind)
    for name, model, data in (
        ("plain", "autoencoder", "pictures"),
        ("vae", "variational", "pictures"),
        ("signals", "denoising", "signals"),
    ):
        options = ["--hidden", "16", "--latent", "4", "--epochs", "3", "--batch-size", "16"]
        out, source = str(folder / name), str(folder / f"{data}.npz")
        assert main(["train", model, "--data", source, *options, "--out", out]) == 0
    return folder
