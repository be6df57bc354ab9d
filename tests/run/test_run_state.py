"""Nothing is kept under the name of an epoch, a configuration or a data set it does not come from."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinygrad_ae import default_generator, evaluate, nn, optim
from tinygrad_ae.data import Dataset, load
from tinygrad_ae.errors import DivergedError, ModelError, RunError
from tinygrad_ae.run import Config, Run, checkpoint, folder, results
from tinygrad_ae.train import Epoch, History, mean_loss

MODEL = """
import numpy as np
from tinygrad_ae import nn

class Mine(nn.Module):  # whatever a model may carry: noise of two generators, running means
    def __init__(self, inputs, latent=3):
        self.latent = latent
        self.encoder = nn.Sequential(
            nn.Dropout(0.2), nn.Linear(inputs, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, latent)
        )
        self.decoder = nn.Linear(latent, inputs)
        self.noise = np.random.default_rng(5)

    def loss(self, x):
        noisy = x + 0.1 * self.noise.standard_normal(x.shape).astype("float32")
        return ((self.decoder(self.encoder(noisy)) - x) ** 2).mean()
"""
STEPS = 5  # in an epoch
EPOCHS = 4


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source")
    (path / "mine.py").write_text(MODEL)
    np.save(path / "data.npy", np.random.default_rng(0).random((100, 6), np.float32))
    return path


@pytest.fixture(scope="module")
def config(source: Path) -> Config:
    return Config(
        model=str(source / "mine.py"), data=str(source / "data.npy"), epochs=EPOCHS, batch_size=16,
        schedule="cosine", warmup=3, lr=1e-2, compile=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def data(config: Config) -> Dataset:
    found = load(config.data)
    assert len(found.train) == 16 * STEPS
    return found


@pytest.fixture(scope="module")
def whole(config: Config, data: Dataset, source: Path) -> tuple[Any, ...]:
    run = Run.create(source / "whole", config, data)
    run.train(data)
    return kept(run.path)


def kept(path: Path) -> tuple[dict[str, bytes], dict[str, Any], list[list[str]]]:
    """All that is written of a training, but for times."""
    arrays, facts = checkpoint.load(path / "checkpoint.safetensors")
    for record in facts["history"]:
        del record["seconds"], record["samples_per_second"]
    rows = [line.split(",")[:3] for line in (path / "metrics.csv").read_text().splitlines()]
    return {name: array.tobytes() for name, array in arrays.items()}, facts, rows


def live(run: Run) -> dict[str, bytes]:
    return {f"model.{k}": v.tobytes() for k, v in run.model.state_dict().items()} | {
        f"optimizer.{k}": v.tobytes()
        for k, v in run.optimizer.state_dict().items()
        if isinstance(v, np.ndarray)
    }


def is_what_it_says(run: Run) -> None:
    """The run in memory is that of its folder, and the folder that of its epoch."""
    arrays, facts, rows = kept(run.path)
    assert {**arrays} == live(run) | {k: v for k, v in arrays.items() if k.startswith("data.")}
    assert run.epoch == facts["epoch"] == len(facts["history"])
    assert not any(module.training for module in run.model.modules())  # type: ignore[attr-defined]
    assert len(rows) - 1 in (run.epoch, run.epoch - 1)  # a file that is derived may lag


class Stop(BaseException):
    pass


class Interruption:
    """Raises at a moment, once."""

    def __init__(self, moment: str, error: type[BaseException], patch: pytest.MonkeyPatch) -> None:
        self.moment, self.error, self.patch, self.left = moment, error, patch, 1

    def strike(self) -> None:
        if self.left:
            self.left = 0
            raise self.error("stop")

    def on_step(self, so_far: Epoch) -> None:
        if self.moment == "in a step" and (so_far["epoch"], so_far["samples"]) == (3, 32):
            self.strike()
        if self.moment == "in the first step" and so_far["samples"] == 16:
            self.strike()
        if self.moment == "after the last step" and (so_far["epoch"], so_far["samples"]) == (2, 80):
            self.strike()

    def on_epoch(self, history: History) -> None:
        if self.moment == "in on_epoch" and len(history) == 2:
            self.strike()

    def around(self, where: Any, name: str, late: bool, when: Callable[..., bool]) -> None:
        original = getattr(where, name)

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if not late and when(*args):
                self.strike()
            result = original(*args, **kwargs)
            if late and when(*args):
                self.strike()
            return result

        self.patch.setattr(where, name, wrapped)

    def prepare(self) -> None:
        from tinygrad_ae import train

        def of_epoch_2(path: Path, arrays: Any, facts: dict[str, Any]) -> bool:
            return bool(facts["epoch"] == 2)

        if self.moment == "while validating":
            self.around(train, "mean_loss", False, lambda model, x: True)
        if self.moment == "validated":
            self.around(train, "mean_loss", True, lambda model, x: True)
        if self.moment == "before the checkpoint is written":
            self.around(checkpoint, "save", False, of_epoch_2)
        if self.moment == "when the checkpoint is written":
            self.around(checkpoint, "save", True, of_epoch_2)
        if self.moment == "before the configuration is written":
            self.around(folder, "write_json", False, lambda path, values: True)


MOMENTS = (
    "in the first step", "in a step", "after the last step", "while validating", "validated",
    "before the checkpoint is written", "when the checkpoint is written",
    "before the configuration is written", "in on_epoch",
)  # fmt: skip


@pytest.mark.parametrize("error", [KeyboardInterrupt, Stop, OSError])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_that_was_stopped_at_any_moment_goes_on_in_the_same_process(
    tmp_path: Path, config: Config, data: Dataset, whole: Any, moment: str,
    error: type[BaseException], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    run = Run.create(tmp_path / "run", config, data)
    history, optimizer = run.history, run.optimizer
    interruption = Interruption(moment, error, monkeypatch)
    interruption.prepare()
    with pytest.raises(error):
        run.train(data, interruption.on_epoch, interruption.on_step)
    assert not interruption.left
    assert run.epoch < EPOCHS
    is_what_it_says(run)
    before = kept(run.path)
    run.check(data)
    assert kept(run.path)[:2] == before[:2]

    default_generator.random(7)  # what the process draws in between has no say
    run.train(data)
    assert kept(run.path) == whole
    assert run.history is history
    assert run.optimizer is optimizer
    is_what_it_says(run)


def test_a_run_goes_on_after_many_stops_and_in_another_process(
    tmp_path: Path, config: Config, data: Dataset, whole: Any
) -> None:
    run = Run.create(tmp_path / "run", config, data)
    for samples in (16, 48, 80, 32):

        def stop(so_far: Epoch, samples: int = samples) -> None:
            if so_far["samples"] == samples and so_far["epoch"] >= 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run.train(data, on_step=stop)
        is_what_it_says(run)
    assert run.epoch == 1
    again = Run.open(run.path)
    again.train(data)
    assert kept(run.path) == whole


def test_training_twice_is_training_once(
    tmp_path: Path, config: Config, data: Dataset, whole: Any
) -> None:
    run = Run.create(tmp_path / "run", config, data)
    for _ in range(3):
        run.train(data)
        assert kept(run.path) == whole


def test_an_epoch_that_diverges_leaves_the_one_before(
    tmp_path: Path, config: Config, data: Dataset
) -> None:
    run = Run.create(tmp_path / "run", replace(config, schedule="constant", warmup=0), data)

    def spoil(so_far: Epoch) -> None:
        if so_far["epoch"] == 2:
            next(run.model.parameters()).data[...] = np.nan

    with pytest.raises(DivergedError):
        run.train(data, on_step=spoil)
    is_what_it_says(run)
    assert "when training diverged" in run.progress
    assert np.isfinite(results.measure(run, data)[0].mse)
    run.train(data)
    assert run.progress == "4 epochs"


# ---- looking on


def test_watching_changes_nothing(
    tmp_path: Path, config: Config, data: Dataset, whole: Any
) -> None:
    run = Run.create(tmp_path / "run", config, data)

    def look(_: object) -> None:
        evaluate.reconstruction_error(run.model, data.test.x)
        evaluate.compare(run.model, data.train.x, data.test.x)
        assert Run.open(run.path).epoch == run.epoch or run.epoch == 0

    def look_and_draw(history: History) -> None:
        look(history)
        default_generator.standard_normal(100)
        results.measure(run, data)

    run.train(data, on_epoch=look_and_draw, on_step=look)
    assert kept(run.path) == whole


def test_results_of_half_an_epoch_are_not_written(
    tmp_path: Path, config: Config, data: Dataset, whole: Any
) -> None:
    run = Run.create(tmp_path / "run", config, data)
    refused = []

    def write(so_far: Epoch) -> None:
        with pytest.raises(RunError, match=r"changed model\..* since its checkpoint of epoch") as e:
            results.write(run, data)
        refused.append(e)

    run.train(data, on_step=write)
    assert len(refused) == STEPS * EPOCHS
    assert not (run.path / "summary.json").exists()
    assert kept(run.path) == whole


def test_a_mean_loss_in_between_leaves_the_run_as_it_was(
    tmp_path: Path, config: Config, data: Dataset
) -> None:
    run = Run.create(tmp_path / "run", config, data)
    run.train(data)
    mean_loss(run.model, data.test.x)
    run.model.encoder(evaluate.as_tensor(data.test.x))  # no running mean moves, nothing is drawn
    run.check(data)


# ---- changed by hand


def weights(run: Run) -> None:
    next(run.model.parameters()).data[0] += 1


def other_weights(run: Run) -> None:
    run.model.load_state_dict({k: 0 * v for k, v in run.model.state_dict().items()})


def running_means(run: Run) -> None:
    run.model.train()
    run.model.encoder(evaluate.as_tensor(np.ones((3, 6), np.float32)))


def other_model(run: Run) -> None:
    run.model = run.file.build(run.config.arguments)


def moments(run: Run) -> None:
    run.optimizer.load_state_dict(
        {
            k: v + 1 if isinstance(v, np.ndarray) else v
            for k, v in run.optimizer.state_dict().items()
        }
    )


def rate(run: Run) -> None:
    run.optimizer.lr = 0.5


def hyperparameter(run: Run) -> None:
    run.optimizer.betas = (0.5, 0.9)  # type: ignore[attr-defined]


def decay(run: Run) -> None:
    run.optimizer.weight_decay = 0.1


def other_optimizer(run: Run) -> None:
    run.optimizer = optim.AdamW(run.model.parameters(), lr=run.optimizer.lr)


def layer(run: Run) -> None:
    run.model.encoder[3] = nn.Tanh()  # type: ignore[index]


def setting_of_a_layer(run: Run) -> None:
    run.model.encoder[0].p = 0.5  # type: ignore[index]


def attribute(run: Run) -> None:
    run.model.beta = 2  # type: ignore[attr-defined]


def freezing(run: Run) -> None:
    run.model.decoder.requires_grad_(False)  # type: ignore[attr-defined]


def shorter_history(run: Run) -> None:
    del run.history[-1]


def longer_history(run: Run) -> None:
    run.history.append(dict(run.history[-1]))


def another_rate(run: Run) -> None:
    run.config = replace(run.config, lr=0.5)


def another_seed(run: Run) -> None:
    run.config = replace(run.config, seed=3)


def other_arguments(run: Run) -> None:
    run.config = replace(run.config, arguments={"inputs": 6, "latent": 2})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (weights, r"something changed model\.decoder\.bias|something changed model\."),
        (other_weights, r"something changed model\..*, … of this run since its .* epoch 2"),
        (running_means, r"model\.encoder\.2\.running_mean"),
        (other_model, "something changed model"),
        (moments, r"something changed optimizer\.float32"),
        (rate, r"something changed optimizer\.lr"),
        (hyperparameter, r"something changed optimizer\.betas of"),
        (decay, r"something changed optimizer\.weight_decay of"),
        (other_optimizer, r"something changed optimizer\.class, "),
        (layer, r"something changed model\.encoder\.3 of"),
        (setting_of_a_layer, r"something changed model\.encoder\.0\.p of"),
        (attribute, r"something changed model\.beta of"),
        (freezing, r"changed model\.decoder\.bias\.requires_grad, model\.decoder\.weight\.req"),
        (shorter_history, "has 1 epochs, and the checkpoint in .* is of epoch 2"),
        (longer_history, "has 3 epochs, and the checkpoint in .* is of epoch 2"),
        (another_rate, r"started with lr 0\.01, not 0\.5"),
        (another_seed, "started with seed 0, not 3"),
        (other_arguments, "started with arguments"),
    ],
)
def test_what_was_changed_by_hand_is_refused_before_anything_is_written(
    tmp_path: Path, config: Config, data: Dataset, change: Callable[[Run], None], message: str
) -> None:
    run = Run.create(tmp_path / "run", replace(config, epochs=2, schedule="constant"), data)
    run.train(data)
    change(run)
    run.extend(max(EPOCHS, run.epoch))
    before = {p.name: p.read_bytes() for p in run.path.iterdir()}
    for use in (run.train, lambda d: results.write(run, d), lambda d: results.write_report(run, d)):
        with pytest.raises(RunError, match=message):
            use(data)
    assert {p.name: p.read_bytes() for p in run.path.iterdir()} == before
    assert Run.open(run.path).epoch == 2


def test_other_data_is_refused(tmp_path: Path, config: Config, data: Dataset) -> None:
    run = Run.create(tmp_path / "run", config, data)
    other = load(np.random.default_rng(1).random((100, 6)))
    for use in (run.train, lambda d: results.write(run, d)):
        with pytest.raises(RunError, match=r"is not what .*run was started with"):
            use(other)
    assert Run.open(run.path).epoch == 0
    data.train.x[0, 0] += 0.25  # the same array, not the same data
    try:
        with pytest.raises(RunError, match="is not what"):
            run.train(data)
    finally:
        data.train.x[0, 0] -= 0.25


@pytest.mark.parametrize("change", [weights, freezing, attribute, setting_of_a_layer])
def test_what_on_epoch_changes_is_refused_and_undone(
    tmp_path: Path, config: Config, data: Dataset, whole: Any, change: Callable[[Run], None]
) -> None:
    run = Run.create(tmp_path / "run", config, data)
    with pytest.raises(RunError, match=r"on_epoch changed model\."):
        run.train(data, on_epoch=lambda history: change(run))
    is_what_it_says(run)
    assert run.epoch == 1
    run.train(data)
    assert kept(run.path) == whole


def test_a_folder_that_another_run_object_trained_on_is_not_written_over(
    tmp_path: Path, config: Config, data: Dataset, whole: Any
) -> None:
    first = Run.create(tmp_path / "run", config, data)
    second = Run.open(first.path)
    first.train(data)
    with pytest.raises(RunError, match=r"has 0 epochs, and the checkpoint in .* is of epoch 4"):
        second.train(data)
    assert kept(first.path) == whole


def test_lists_and_tuples_are_the_same_choice(
    tmp_path: Path, data: Dataset, config: Config
) -> None:
    plain = replace(config, model="autoencoder", arguments={"hidden": [5], "latent": 2})
    run = Run.create(tmp_path / "run", plain, data)
    run.train(data)
    run.check(data)


def test_an_error_in_the_model_leaves_the_run_as_it_was(
    tmp_path: Path, config: Config, data: Dataset, whole: Any
) -> None:
    run = Run.create(tmp_path / "run", config, data)
    good = type(run.model).loss

    def fails_later(self: Any, x: Any) -> Any:
        if run.epoch == 2 and self.training:
            raise ModelError("not today")
        return good(self, x)

    type(run.model).loss = fails_later  # type: ignore[method-assign]
    try:
        with pytest.raises(ModelError, match="not today"):
            run.train(data)
    finally:
        type(run.model).loss = good  # type: ignore[method-assign]
    is_what_it_says(run)
    run.train(data)
    assert kept(run.path) == whole


# ---- other numbers of epochs


def test_a_stretched_schedule_is_noted_and_said(
    tmp_path: Path, config: Config, data: Dataset, whole: Any
) -> None:
    run = Run.create(tmp_path / "run", replace(config, epochs=2), data)
    run.extend(3)  # before there was an epoch: nothing was done under another number
    run.train(data)
    assert "stretched" not in run.origin
    run.extend(4)
    run.train(data)
    run = Run.open(run.path)
    assert run.origin["stretched"] == [{"after": 3, "of": 3}]
    assert json.loads((run.path / "config.json").read_text())["stretched"] == [
        {"after": 3, "of": 3}
    ]
    assert kept(run.path)[0] != whole[0]  # which went down one cosine
    page = results.write_report(run, data).read_text("utf-8")
    assert "--epochs 3 " in page
    assert "train --resume RUN --epochs 4  # when epoch 3 was done" in page


def test_another_environment_is_noted(
    tmp_path: Path, config: Config, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def written() -> dict[str, Any]:
        found: dict[str, Any] = json.loads((run.path / "environment.json").read_text())
        return found

    now = folder.environment()
    run = Run.create(tmp_path / "run", replace(config, epochs=2, schedule="constant"), data)
    monkeypatch.setattr(folder, "environment", lambda: {**now, "cpus": 99})
    run.train(data)
    assert written() == {**now, "cpus": 99}  # no epoch was done before
    monkeypatch.setattr(folder, "environment", lambda: {**now, "numpy": "9.9"})
    said = pytest.warns(UserWarning, match=r"now 9\.9.*not to the very bits")
    for once in (said, nullcontext()):
        run.extend(4)
        with once:
            run.train(data)
        assert written() == {
            **now, "numpy": "9.9",
            "earlier": [{"until_epoch": 2, "cpus": 99, "numpy": now["numpy"]}],
        }  # fmt: skip
    page = results.write_report(run, data).read_text("utf-8")
    assert "until epoch 2" in page
    assert f"cpus 99, numpy {now['numpy']}" in page or f"numpy {now['numpy']}, cpus 99" in page


def test_a_run_without_a_stretch_says_one_command(
    tmp_path: Path, config: Config, data: Dataset
) -> None:
    run = Run.create(tmp_path / "run", replace(config, schedule="constant"), data)
    run.train(data)
    run.extend(5)
    run.train(data)
    assert "stretched" not in run.origin
    page = results.write_report(run, data).read_text("utf-8")
    assert "--epochs 5 " in page
    assert "--resume RUN" not in page


def test_results_of_an_earlier_epoch_are_not_completed_by_later_ones(
    tmp_path: Path, config: Config, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run.create(tmp_path / "run", replace(config, epochs=1), data)
    run.train(data)
    results.write(run, data)
    run.extend(2)
    run.train(data)

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(results, "_pictures", fail)
    with pytest.raises(KeyboardInterrupt):
        results.write(run, data)
    assert not (run.path / "summary.json").exists()  # else it would be of epoch 1, its graph of 2


@pytest.mark.parametrize("kind", ["PCG64", "MT19937", "Philox", "SFC64"])
def test_a_generator_of_the_models_own_goes_on(
    tmp_path: Path, config: Config, data: Dataset, kind: str
) -> None:
    text = MODEL.replace("np.random.default_rng(5)", f"np.random.Generator(np.random.{kind}(5))")
    (tmp_path / "other.py").write_text(text)
    config = replace(config, model=str(tmp_path / "other.py"), epochs=2)
    whole = Run.create(tmp_path / "whole", config, data)
    whole.train(data)

    def stop(history: History) -> None:
        raise Stop

    with pytest.raises(Stop):
        Run.create(tmp_path / "parts", config, data).train(data, stop)
    again = Run.open(tmp_path / "parts")
    assert again.epoch == 1
    again.train(data)
    assert kept(again.path)[0] == kept(whole.path)[0]


# ---- what a model carries beside weights and buffers

COUNTING = """
import numpy as np
from collections import deque
from tinygrad_ae import nn

class Mine(nn.Module):
    scale = 1.0

    def __init__(self, inputs, latent=3):
        self.latent = latent
        self.encoder = nn.Sequential(nn.Linear(inputs, latent), nn.Sigmoid())
        self.decoder = nn.Linear(latent, inputs)
        self.beta, self.n, self.mean, self.last = 0.5, 0, None, None
        self.seen, self.sizes, self.past = [], {}, deque(maxlen=3)

    def start_epoch(self, epoch):
        self.beta *= 2
        self.scale = self.scale + 0.25
        self.encoder.age = getattr(self.encoder, "age", 0) + 1
        self.encoder[0].requires_grad_(epoch % 2 == 0)

    def loss(self, x):
        self.n += 1
        self.seen.append((self.n, len(x)))
        self.sizes[len(x)] = self.sizes.get(len(x), 0) + 1
        self.past.append(np.float32(x.data.mean()))
        mean = x.data.mean(0)
        self.mean = mean if self.mean is None else 0.9 * self.mean + 0.1 * mean
        y = self.decoder(self.encoder(x))
        self.last = y if self.last is None else y + 0.01 * self.last.detach().mean()
        factor = self.beta * self.scale * (1 + 0.1 * (self.n % 7)) * self.encoder.age if (
            hasattr(self.encoder, "age")) else 1.0
        return (((y - x) ** 2).mean() * factor + float(self.mean.sum()) * y.mean()
            + 0.01 * (len(self.seen) + sum(self.sizes.values()) + float(sum(self.past))) * y.mean()
            + self.last.mean())
"""


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory, config: Config, data: Dataset) -> Any:
    path = tmp_path_factory.mktemp("counting")
    (path / "mine.py").write_text(COUNTING)
    run = Run.create(path / "whole", replace(config, model=str(path / "mine.py")), data)
    run.train(data)
    return run.config, kept(run.path)


@pytest.mark.parametrize("another_process", [False, True])
@pytest.mark.parametrize("epoch", [1, 2, 3])
@pytest.mark.parametrize("samples", [16, 48, 80])
def test_attributes_that_training_changes_go_on(
    tmp_path: Path, data: Dataset, counting: Any, epoch: int, samples: int, another_process: bool
) -> None:
    config, whole = counting
    run = Run.create(tmp_path / "run", config, data)

    def stop(so_far: Epoch) -> None:
        if (so_far["epoch"], so_far["samples"]) == (epoch, samples):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.train(data, on_step=stop)
    if another_process:
        run = Run.open(run.path)
    run.check(data)
    assert run.model.beta == 0.5 * 2 ** (epoch - 1)  # type: ignore[attr-defined]
    run.train(data)
    assert kept(run.path) == whole


def test_measuring_a_model_that_counts_leaves_it_as_it_was(
    tmp_path: Path, data: Dataset, counting: Any
) -> None:
    config = counting[0]
    run = Run.create(tmp_path / "run", replace(config, schedule="constant", epochs=2), data)
    run.train(data, on_epoch=lambda _: results.measure(run, data))
    results.write(run, data)
    results.write_report(run, data)
    run.check(data)


def test_a_checkpoint_from_before_attributes_were_kept_opens(
    tmp_path: Path, config: Config, data: Dataset, whole: Any
) -> None:
    run = Run.create(tmp_path / "run", config, data)
    arrays, facts = checkpoint.load(run.path / "checkpoint.safetensors")
    del facts["attributes"], facts["frozen"]
    checkpoint.save(run.path / "checkpoint.safetensors", arrays, facts)
    again = Run.open(run.path)
    again.train(data)
    assert kept(run.path) == whole


@pytest.mark.parametrize(
    ("made", "step", "name"),
    [
        ("random.Random(3)", "self.it.random()", "model.it"),
        ("np.random.RandomState(3)", "self.it.rand()", "model.it"),
        ("Tally()", "self.it.n += 1", "model.it"),
        ("[np.random.default_rng(3)]", "self.it[0].random()", "model.it"),
        ("0", "self.it = Tally()", "model.it"),
        ("nn.ReLU()", "self.it = nn.Tanh()", "model.it"),
    ],
)
def test_what_a_checkpoint_cannot_hold_is_refused_by_name(
    tmp_path: Path, config: Config, data: Dataset, made: str, step: str, name: str
) -> None:
    text = MODEL.replace("import numpy as np", "import random\nimport numpy as np")
    text = text.replace("class Mine", "class Tally:\n    n = 0\n\nclass Mine")
    text = text.replace("        self.latent =", f"        self.it = {made}\n        self.latent =")
    text = text.replace("        noisy =", f"        {step}\n        noisy =")
    (tmp_path / "other.py").write_text(text)
    run = Run.create(
        tmp_path / "run", replace(config, model=str(tmp_path / "other.py"), epochs=2), data
    )
    with pytest.raises((ModelError, RunError), match=rf"changed {name}\b"):
        run.train(data)
    assert Run.open(run.path).epoch == 0


def test_a_layer_that_keeps_what_it_gave_last_can_be_looked_at(
    tmp_path: Path, config: Config, data: Dataset
) -> None:
    text = MODEL.replace(
        "        return ((", "        self.last = self.encoder(x)\n        return (("
    )
    (tmp_path / "other.py").write_text(text)
    run = Run.create(
        tmp_path / "run", replace(config, model=str(tmp_path / "other.py"), epochs=2), data
    )
    run.train(data, on_epoch=lambda _: mean_loss(run.model, data.test.x))
    mean_loss(run.model, data.test.x)
    run.check(data)


# ---- one training at a time


def test_two_runs_do_not_train_in_one_folder(
    tmp_path: Path, config: Config, data: Dataset, whole: tuple[Any, ...]
) -> None:
    run = Run.create(tmp_path / "run", config, data)
    refused = []

    def another(history: History) -> None:
        with pytest.raises(RunError) as caught:
            Run.open(run.path).train(data)
        refused.append(str(caught.value))
        with ThreadPoolExecutor() as pool, pytest.raises(RunError, match="trained already"):
            pool.submit(Run.open(run.path).train, data).result()

    run.train(data, on_epoch=another)
    assert len(refused) == EPOCHS
    who = rf"being trained already, by process {os.getpid()} on .*, since 20.* \(this one\)\. Two"
    assert all(re.search(who, said) for said in refused)
    assert kept(run.path) == whole
    assert not [path for path in run.path.iterdir() if path.name.startswith(".")]
    Run.open(run.path).train(data)  # the folder is free again


TRAINING = """
import sys
from tinygrad_ae.data import load
from tinygrad_ae.run import Run

def wait(history):
    print("trained", len(history), flush=True)
    sys.stdin.readline()

run = Run.open(sys.argv[1])
run.train(load(run.config.data), on_epoch=wait)
"""


def test_another_process_is_named_and_a_killed_one_holds_nothing(
    tmp_path: Path, config: Config, data: Dataset, whole: tuple[Any, ...]
) -> None:
    run = Run.create(tmp_path / "run", config, data)
    command = [sys.executable, "-c", TRAINING, str(run.path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "trained 1\n"
        before = {path.name: path.read_bytes() for path in run.path.iterdir()}
        with pytest.raises(RunError, match=rf"by process {other.pid} on .*, since [^(]*\. Two"):
            run.train(data)
        assert {path.name: path.read_bytes() for path in run.path.iterdir()} == before
        other.kill()
    with pytest.raises(RunError, match="has 0 epochs, and the checkpoint"):
        run.train(data)  # it does not know of the first epoch
    again = Run.open(run.path)
    again.train(data)
    assert kept(run.path) == whole
    assert not [path for path in run.path.iterdir() if path.name.startswith(".")]


# ---- hooks


def halve(module: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
    return output * 0.5


def test_other_hooks_than_the_epochs_before_had_are_told_of_once(
    tmp_path: Path, config: Config, data: Dataset
) -> None:
    run = Run.create(tmp_path / "run", replace(config, epochs=1), data)
    run.model.encoder.register_forward_hook(halve)
    next(run.model.parameters()).register_hook(lambda g: None)
    run.train(data)
    again = Run.open(run.path)
    again.extend(2)
    said = (
        r"up to epoch 1 with other hooks than it has \(now missing: halve after forward of encoder, "
        r".*<lambda> on the gradient of encoder\.1\.weight\)\. No checkpoint holds a hook"
    )
    with pytest.warns(UserWarning, match=said) as told:
        again.train(data)
    assert len(told) == 1
    assert told[0].filename == __file__

    again.model.decoder.register_forward_pre_hook(lambda module, args: None)
    again.extend(3)
    with pytest.warns(UserWarning, match=r"\(now there: .*<lambda> before forward of decoder\)"):
        again.train(data)
    again.extend(4)
    again.train(data)  # no warning: they are those of the last epoch


def test_the_same_hooks_are_not_told_of(tmp_path: Path, config: Config, data: Dataset) -> None:
    run = Run.create(tmp_path / "run", replace(config, epochs=1), data)
    run.model.encoder.register_forward_hook(halve)
    run.train(data)
    again = Run.open(run.path)
    again.model.encoder.register_forward_hook(halve)
    again.extend(2)
    again.train(data)
    path = run.path / "checkpoint.safetensors"
    arrays, facts = checkpoint.load(path)
    del facts["hooks"]  # of before they were kept
    checkpoint.save(path, arrays, facts)
    run = Run.open(run.path)
    run.extend(3)
    run.train(data)
