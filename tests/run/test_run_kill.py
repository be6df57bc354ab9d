"""Real signals against real training: whatever the moment, the run can be continued.

One process imports everything and then forks a child for each training, so that fifty of them
cost seconds; a child is killed from outside, like any process.
"""

import csv
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tinygrad_ae.run import Run, checkpoint

KILLS = int(os.environ.get("KILLS", "50"))  # .ci/full has many more
TIMES = ("seconds", "samples_per_second")

MODEL = """
from tinygrad_ae import nn

class Mine(nn.Module):  # its noise and its running means have to survive as well
    def __init__(self, inputs, latent=3):
        self.latent = latent
        self.encoder = nn.Sequential(
            nn.Dropout(0.1), nn.Linear(inputs, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, latent)
        )
        self.decoder = nn.Sequential(nn.Linear(latent, inputs), nn.Sigmoid())

    def loss(self, x):
        return ((self.decoder(self.encoder(x)) - x) ** 2).mean()
"""

TRAINER = """
import os, sys
from tinygrad_ae.data import load
from tinygrad_ae.run import Config, Run

config = Config(model="mine.py", data="data.npy", epochs=8, batch_size=16, lr=1e-2,
                schedule="cosine", warmup=5)
data = load(config.data)

def train(folder):
    if os.path.exists(folder):
        run = Run.open(folder)
        run.train(run.load_data())
    else:
        Run.create(folder, config, data).train(data)

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            train(line.strip())
            status = 0
        finally:
            os._exit(status)
    print(child, flush=True)
    sys.stdin.readline()  # until it is waited for, a child's number is its own, dead or alive
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Trainer:
    """Runs a training in a process of its own, to its end or to its violent end."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def run(self, folder: Path, kill_after: float | None = None) -> int:
        """Return the exit code; negative for the signal that ended it."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{folder}\n")
        self.process.stdin.flush()
        child = int(self.process.stdout.readline())
        if kill_after is not None:
            time.sleep(kill_after)
            os.kill(child, signal.SIGKILL)
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(MODEL)
    np.save(tmp_path / "data.npy", np.random.default_rng(0).random((600, 12), np.float32))
    return tmp_path


@pytest.fixture
def trainer(folder: Path) -> Iterator[Trainer]:
    with subprocess.Popen(
        [sys.executable, "-c", TRAINER],
        cwd=folder,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # a fork inherits no threads
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Trainer(process)
        process.communicate()


def result(run: Path) -> tuple[dict[str, bytes], dict[str, object], list[dict[str, str]]]:
    """All that a run ends with, but for times."""
    arrays, facts = checkpoint.load(run / "checkpoint.safetensors")
    with open(run / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for record in (*facts["history"], *rows):
        for name in TIMES:
            del record[name]
    return {name: array.tobytes() for name, array in arrays.items()}, facts, rows


def test_killed_at_any_moment_a_run_ends_as_if_it_had_not_been(
    folder: Path, trainer: Trainer
) -> None:
    assert trainer.run(folder / "whole") == 0
    start = time.perf_counter()
    assert trainer.run(folder / "again") == 0
    duration = time.perf_counter() - start
    expected = result(folder / "whole")
    assert result(folder / "again") == expected
    assert len(expected[2]) == 8

    moment = random.Random(0)
    run, killed, found = folder / "run", 0, set()
    while killed < KILLS:
        if trainer.run(run, kill_after=moment.uniform(0, duration)) == -signal.SIGKILL:
            killed += 1
            found.add(Run.open(run).epoch if run.exists() else -1)
            assert trainer.run(run) == 0
        else:  # it was faster this time
            duration *= 0.9
        assert result(run) == expected
        shutil.rmtree(run)
    assert len(found) > 2  # the moments were all over the run
    print(f"{killed} kills, each at one of {len(found)} states of the run; 0 lost")


def test_ctrl_c_says_how_to_resume(folder: Path) -> None:
    command = [sys.executable, "-m", "tinygrad_ae", "train"]
    with subprocess.Popen(
        [*command, "mine.py", "--data", "data.npy", "--epochs", "1000000", "--out", "run"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A job in the background ignores Ctrl-C, and what it starts does too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdout
        for line in process.stdout:
            if line.startswith("epoch"):
                break
        process.send_signal(signal.SIGINT)
        _, message = process.communicate(timeout=120)
    assert process.returncode == 130
    done = Run.open(folder / "run").epoch
    assert done >= 1
    assert message.strip().endswith("resume with: tinygrad-ae train --resume run")
    assert "Traceback" not in message
