"""Point the package at files that lie, thousands of them, and see that it answers each in words.

    python -m tests.campaign.campaign --inputs 5000 --seeds 1,2,3

An input is answered if it is read, or refused by an error of the package's own that says why: within
ten seconds, without a traceback, and with less memory than twice what it holds and 200 MB.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from tests.campaign import files
from tinygrad_ae import Graph, nn
from tinygrad_ae.cli import main as command
from tinygrad_ae.core.tensor import Tensor
from tinygrad_ae.data import load, load_samples
from tinygrad_ae.errors import UserError
from tinygrad_ae.export import from_json, to_json
from tinygrad_ae.run import Config, Run

SECONDS, MEGABYTES = 10, 200
GROUPS = (*files.KINDS, "checkpoint", "run folder", "graph")


class Hang(BaseException):
    """It took too long."""


class Faults:
    """What was not answered, by group.

    Attributes:
        inputs: how many were tried.
        answers: how: "read", "refused", or "FAULT".
        shown: of each kind of fault, the first.
    """

    def __init__(self) -> None:
        self.inputs: Counter[str] = Counter()
        self.answers: Counter[tuple[str, str]] = Counter()
        self.shown: dict[str, str] = {}

    def try_(self, group: str, what: str, action: Callable[[], object]) -> None:
        """Carry out an action that an input is for, and note how it went."""
        self.inputs[group] += 1
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        fault = ""
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                warnings.simplefilter("ignore", UserWarning)  # an answer in words
                action()
            answer = "read"
        except UserError as error:
            answer = "refused" if len(str(error)) > 20 else "FAULT"
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            answer = "FAULT"
            frames = traceback.extract_tb(error.__traceback__)
            inside = [
                f for f in frames if "tinygrad_ae" in f.filename and "campaign" not in f.filename
            ]
            last = inside[-1] if inside else frames[-1]
            fault = f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno} ({str(error)[:80]})"
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        if grown > MEGABYTES:
            answer, fault = "FAULT", f"{grown:,.0f} MB more memory"
        self.answers[group, answer] += 1
        if answer == "FAULT":
            kind = fault.partition(" (")[0] or "an error without words"
            self.shown.setdefault(f"{group}: {kind}", f"{fault}\n      {what}")

    @property
    def count(self) -> int:
        """How many faults there were."""
        return sum(n for (_, answer), n in self.answers.items() if answer == "FAULT")


def _late(*_: object) -> None:
    raise Hang


def campaign(seed: int, inputs: int, groups: tuple[str, ...] = GROUPS) -> Faults:
    """Try so many inputs, dealt out to the groups in turn.

    Args:
        seed: of all of them.
        inputs: how many.
        groups: of ``GROUPS``.
    """
    faults = Faults()
    r = random.Random(seed)
    before = signal.signal(signal.SIGALRM, _late)
    try:
        with tempfile.TemporaryDirectory() as name:
            makers = {group: _maker(group, Path(name), faults, r) for group in groups}
            for k in range(inputs):
                next(makers[groups[k % len(groups)]])
    finally:
        signal.signal(signal.SIGALRM, before)
    return faults


def _maker(group: str, folder: Path, faults: Faults, r: random.Random) -> Iterator[None]:
    if group in files.KINDS:
        return _data(group, folder / group, faults, r)
    return {"checkpoint": _checkpoints, "run folder": _run_files, "graph": _graphs}[group](
        folder / group, faults, r
    )


def _data(group: str, folder: Path, faults: Faults, r: random.Random) -> Iterator[None]:
    folder.mkdir()
    name, whole, lying = files.KINDS[group]
    path = folder / name
    for k in range(11 if group == "png" else 0):
        (folder / f"{k}.png").write_bytes(files.png(r))
    options = {"sample_rate": 8000, "window": 64} if group == "wav" else {}
    while True:
        chance = r.random()
        data = whole(r) if chance < 0.1 else files.spoil(whole(r), r) if chance < 0.5 else lying(r)
        path.write_bytes(data)
        source = folder if group == "png" and r.random() < 0.5 else path
        if group == "png" and source == path:
            read: Callable[[], object] = lambda: load_samples(path, (4, 4), None)[:]
        elif r.random() < 0.7:
            read = lambda source=source: load(source, **options)
        else:
            read = lambda: load_samples(path, (4,), None)[:]
        faults.try_(group, f"{data[:80]!r} of {len(data)} bytes", read)
        yield


def _a_run(folder: Path) -> Path:
    folder.mkdir()
    path = folder / "samples.npy"
    np.save(path, np.random.default_rng(0).normal(size=(60, 6)))
    config = Config(
        "autoencoder", arguments={"hidden": (3,), "latent": 2}, data=str(path), epochs=2
    )
    data = load(str(path))
    run = Run.create(folder / "whole", config, data)
    run.train(data)
    return run.path


def _resume(path: str) -> None:
    run = Run.open(Path(path))
    run.extend(3)
    run.train(load(run.config.data))


def _used(run: str, r: random.Random) -> Callable[[], None]:
    """Return one use of a run: a command, which must say in words what is wrong, or its training."""
    line = r.choices(
        [None, ["evaluate", run], ["explain", run], ["compare", run, "-o", f"{run}/c.html"]],
        [4, 1, 3, 0.3],
    )[0]
    if line is None:
        return lambda: _resume(run)

    def use() -> None:
        said = io.StringIO()
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            code = command(line)
        if code not in (0, 2) or (code and not said.getvalue().strip()):
            raise RuntimeError(f"{line[0]} ended with {code} and said {said.getvalue()!r}")

    return use


def _checkpoints(folder: Path, faults: Faults, r: random.Random) -> Iterator[None]:
    whole = _a_run(folder)
    path = whole / "checkpoint.safetensors"
    data = path.read_bytes()
    header, body = files.checkpoint_parts(data)
    while True:
        if r.random() < 0.2:
            spoilt, what = files.spoil(data, r), "bytes"
        else:
            facts = {k: json.loads(v) for k, v in header["__metadata__"].items() if k != "crc32"}
            name = r.choice([*facts, "config", "origin"])
            lies = facts | {name: files.json_lies(facts[name], r)}
            texts = {k: json.dumps(v) for k, v in lies.items()}
            if r.random() < 0.1:
                texts.pop(name)
            spoilt = files.checkpoint({**header, "__metadata__": texts}, body)
            what = f"{name}: {texts.get(name, 'missing')[:300]}"
        path.write_bytes(spoilt)
        faults.try_("checkpoint", what, _used(str(whole), r))
        yield


def _run_files(folder: Path, faults: Faults, r: random.Random) -> Iterator[None]:
    whole = _a_run(folder)
    run = str(folder / "spoilt")
    names = ("environment.json", "config.json", "metrics.csv", "model.py")
    while True:
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(whole, run)
        path = Path(run, r.choice(names))
        data = path.read_bytes() if path.exists() else b"{}"
        if path.suffix == ".json" and r.random() < 0.7:
            text = json.dumps(files.json_lies(json.loads(data), r))
            data = r.choice([text.encode(), b"[" * 100_000]) if r.random() < 0.2 else text.encode()
        else:
            data = files.spoil(data, r)
        path.write_bytes(data)
        faults.try_("run folder", f"{path.name}: {data[:200]!r}", _used(run, r))
        yield


def a_graph() -> str:
    """Return the JSON of a small one."""
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 4))
    x = Tensor(np.float32([[0.5, 0.25, 0.125, 1.0]]), name="x")
    return to_json(Graph.of(((model(x) - x) ** 2).mean()))


def _graphs(folder: Path, faults: Faults, r: random.Random) -> Iterator[None]:
    whole = json.loads(a_graph())
    while True:
        lies = json.dumps(files.json_lies(whole, r))
        text = r.choice(
            [
                lies,
                lies,
                lies,
                "[" * r.choice([9, 99_999]),
                files.spoil(lies.encode(), r).decode("latin-1"),
            ]
        )
        faults.try_("graph", text[:300], lambda text=text: _use(text))
        yield


def _use(text: str) -> None:
    graph = from_json(text)
    str(graph)
    list(graph)


def main() -> int:
    """Print the counts of each group, and what was not answered."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=5000, help="for each seed")
    parser.add_argument("--seeds", default="1")
    parser.add_argument("--groups", default=",".join(GROUPS))
    given = parser.parse_args()
    total = 0
    for seed in map(int, given.seeds.split(",")):
        start = time.perf_counter()
        faults = campaign(seed, given.inputs, tuple(given.groups.split(",")))
        print(f"seed {seed}: {sum(faults.inputs.values()):,} inputs, {faults.count} faults, "
              f"{time.perf_counter() - start:.0f} s")  # fmt: skip
        for group, n in faults.inputs.items():
            answers = (f"{faults.answers[group, a]:,} {a}" for a in ("read", "refused", "FAULT"))
            print(f"  {group:<12} {n:>6,}: {', '.join(answers)}")
        for kind, shown in faults.shown.items():
            print(f"  {kind}\n      {shown}")
        total += faults.count
    return int(total > 0)


if __name__ == "__main__":
    sys.exit(main())
