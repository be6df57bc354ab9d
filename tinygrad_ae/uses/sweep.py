"""Sweeping: the same training with other choices, several at a time, each in its own process."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

from ..data import Dataset
from ..data.sources import located
from ..errors import RunError
from ..evaluate import reconstruction_error
from ..run import Config, Run, modelfile, results
from ..run.config import SOURCE


@dataclass(frozen=True)
class Trial:
    """One training of a sweep.

    Attributes:
        name: of its folder.
        path: of its run.
        validation: mean squared error per value on validation samples; None if it failed.
        test: that on test samples, which no choice may be made by.
        seconds: that training took.
        failure: what it ended with, if it failed.
    """

    name: str
    path: Path
    validation: float | None
    test: float | None
    seconds: float
    failure: str = ""


def combinations(grid: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """Yield every choice of one value for each name, the last name's changing fastest."""
    for values in itertools.product(*grid.values()):
        yield dict(zip(grid, values, strict=True))


def sweep(
    configs: Mapping[str, Config],
    folder: Path,
    jobs: int = 1,
    on_trial: Callable[[Trial], object] | None = None,
    on_data: Callable[[Dataset], object] | None = None,
) -> list[Trial]:
    """Train by each configuration, in parallel processes of one thread each.

    What is trained already, or in part, in the same folder by the same configuration is taken or
    gone on with; so a sweep that was stopped goes on when it is called again. An exception, Ctrl-C
    among them, ends the processes.

    Args:
        configs: by the names that their runs are to have.
        folder: of the runs.
        jobs: processes at a time.
        on_trial: called after each.
        on_data: called with each data set that is trained on, before anything is.

    Returns:
        The trials, the lowest validation error first and those that failed last.

    Raises:
        RunError: a folder holds a run of another configuration.
        DataError: the data cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    datasets: dict[tuple[Any, ...], Dataset] = {}
    for name, config in configs.items():
        _prepare(folder / name, config, _data(config, datasets))
    for data in datasets.values():
        if on_data:
            on_data(data)

    def train(name: str) -> Trial:
        config = configs[name]
        trial = _train(folder / name, name, _data(config, datasets), children)
        if on_trial:
            on_trial(trial)
        return trial

    children = _Children()
    with ThreadPoolExecutor(jobs) as pool:
        try:
            trials = list(pool.map(train, configs))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            children.end()
            raise
    return sorted(trials, key=lambda t: (t.validation is None, t.validation))


def _data(config: Config, known: dict[tuple[Any, ...], Dataset]) -> Dataset:
    key = (config.data, *(getattr(config, name) for name in SOURCE))
    if key not in known:
        known[key] = config.load_data()
    return known[key]


def _prepare(path: Path, config: Config, data: Dataset) -> None:
    """Make the run's folder, or see that the one that is there is of this configuration."""
    if not path.exists():
        Run.create(path, config, data)
        return
    arguments = modelfile.find(config.model).complete(
        config.arguments, data.shape, bounded=data.bounded
    )
    expected = replace(config, arguments=arguments, data=located(config.data)).to_json()
    found = Run.open(path).config.to_json()
    # a run writes down how many threads it has; a sweep gives each one
    other = [k for k in expected if expected[k] != found[k] and k != "threads"]
    if other:
        raise RunError(
            f"{path} holds a run with other choices ({', '.join(other)}). Give the sweep another "
            "--out, or remove that folder."
        )


class _Children:
    """The processes that are training, which end with the sweep."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._ended = False

    def run(self, command: Sequence[str], env: Mapping[str, str]) -> tuple[int, str]:
        """Run a process to its end; return its exit code and what it wrote to stderr."""
        with self._lock:
            if self._ended:
                return -signal.SIGTERM, ""
            child = subprocess.Popen(
                command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
            self._running.add(child)
        with child:
            _, said = child.communicate()
        with self._lock:
            self._running.discard(child)
        return child.returncode, said

    def end(self) -> None:
        """End those that run, each of which keeps its last checkpoint; start no more."""
        with self._lock:
            self._ended = True
            for child in self._running:
                child.terminate()


def _train(path: Path, name: str, data: Dataset, children: _Children) -> Trial:
    run = Run.open(path)
    if run.epoch < run.config.epochs or not results.complete(run):
        threads = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
        code, said = children.run(
            [sys.executable, "-P", "-m", "tinygrad_ae", "train", "--resume", str(path)],
            os.environ | dict.fromkeys(threads, "1"),
        )
        if code:
            said = said.strip().removeprefix("Error: ") or "stopped"
            return Trial(name, path, None, None, 0.0, said.splitlines()[0])
        run = Run.open(path)
    errors = [
        float(reconstruction_error(run.model, split.x).mean())
        for split in (data.validation, data.test)
    ]
    return Trial(name, path, errors[0], errors[1], sum(run.history["seconds"]))
