import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from tinygrad_ae import default_generator, manual_seed
from tinygrad_ae.data import Dataset, load
from tinygrad_ae.errors import DataError, ModelError, RunError, UserError
from tinygrad_ae.run import Config, Run, checkpoint, results
from tinygrad_ae.run.config import OPTIMIZERS, SCHEDULES
from tinygrad_ae.run.step import step_graph
from tinygrad_ae.train import History
from tinygrad_ae.util import threads

TIMES = ("seconds", "samples_per_second")
SMALL = {"hidden": (5,), "latent": 2}


@pytest.fixture
def config(tmp_path: Path) -> Config:
    np.save(tmp_path / "data.npy", np.random.default_rng(0).normal(size=(80, 6)))
    return Config(data=str(tmp_path / "data.npy"), arguments=SMALL, epochs=4, batch_size=16)


@pytest.fixture
def data(config: Config) -> Dataset:
    return load(config.data)


def state(run: Path) -> tuple[dict[str, bytes], dict[str, object]]:
    """All that a checkpoint holds, without times."""
    arrays, facts = checkpoint.load(run / "checkpoint.safetensors")
    for epoch in facts["history"]:
        for name in TIMES:
            epoch.pop(name)
    return {name: array.tobytes() for name, array in arrays.items()}, facts


def metrics(run: Path) -> list[dict[str, str]]:
    with open(run / "metrics.csv", newline="") as file:
        return [{k: v for k, v in row.items() if k not in TIMES} for row in csv.DictReader(file)]


class Killed(BaseException):
    pass


def train_until(run: Run, data: Dataset, epoch: int) -> None:
    """Train, and stop dead when the checkpoint of that epoch is written."""

    def stop(history: History) -> None:
        if len(history) == epoch:
            raise Killed

    with pytest.raises(Killed):
        run.train(data, stop)


# ---- coming into existence


def test_a_run_starts_whole_with_a_checkpoint_of_epoch_0(
    tmp_path: Path, config: Config, data: Dataset
) -> None:
    run = Run.create(tmp_path / "new" / "run", config, data)
    assert sorted(p.name for p in run.path.iterdir()) == [
        "checkpoint.safetensors", "config.json", "environment.json", "metrics.csv", "model.py",
    ]  # fmt: skip
    assert Run.open(run.path).epoch == 0
    assert list((tmp_path / "new").iterdir()) == [run.path]


def test_the_configuration_is_complete(tmp_path: Path, config: Config, data: Dataset) -> None:
    run = Run.create(tmp_path / "run", config, data)
    written = json.loads((run.path / "config.json").read_text())
    arguments = {"inputs": 6, "hidden": [5], "latent": 2, "activation": "relu"}
    assert arguments.items() <= written["arguments"].items()
    assert written["lr"] == 1e-3
    assert written["sample_shape"] == [6]
    assert {"data_sha256", "model_sha256", "seed", "optimizer", "epochs"} <= written.keys()
    environment = json.loads((run.path / "environment.json").read_text())
    assert environment["numpy"] == np.__version__
    assert Run.open(run.path).config == run.config


def test_default_folders_are_numbered(
    tmp_path: Path, config: Config, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    paths = [Run.create(None, config, data).path for _ in range(3)]
    assert paths == [Path(f"runs/autoencoder-{n}") for n in (1, 2, 3)]


def test_a_folder_with_something_in_it_is_refused(
    tmp_path: Path, config: Config, data: Dataset
) -> None:
    (tmp_path / "empty").mkdir()
    run = Run.create(tmp_path / "empty", config, data)
    before = state(run.path)
    with pytest.raises(RunError, match=r"not empty.*--resume .*empty"):
        Run.create(tmp_path / "empty", config, data)
    assert state(run.path) == before
    with pytest.raises(RunError, match=r"Choose another --out\.$"):
        Run.create(tmp_path, config, data)
    with pytest.raises(RunError, match="exists already"):
        Run.create(tmp_path / "data.npy", config, data)


def test_nothing_is_left_of_a_run_that_cannot_start(
    tmp_path: Path, config: Config, data: Dataset
) -> None:
    before = set(tmp_path.iterdir())
    with pytest.raises(ModelError, match="latent=0"):
        Run.create(tmp_path / "run", replace(config, arguments={"latent": 0}), data)
    assert set(tmp_path.iterdir()) == before


def test_nothing_is_left_when_writing_fails(
    tmp_path: Path, config: Config, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(checkpoint, "save", fail)
    before = set(tmp_path.iterdir())
    with pytest.raises(OSError, match="disk full"):
        Run.create(tmp_path / "run", config, data)
    assert set(tmp_path.iterdir()) == before


def test_the_callers_random_numbers_are_left_alone(
    tmp_path: Path, config: Config, data: Dataset
) -> None:
    manual_seed(1)
    expected = default_generator.random()
    manual_seed(1)
    Run.open(Run.create(tmp_path / "run", config, data).path)
    assert default_generator.random() == expected


# ---- repeatable and resumable


def test_the_same_seed_gives_the_same_run_bit_for_bit(
    tmp_path: Path, config: Config, data: Dataset
) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        Run.create(tmp_path / name, replace(config, seed=seed), data).train(data)
    assert state(tmp_path / "a") == state(tmp_path / "b")
    assert state(tmp_path / "a")[0] != state(tmp_path / "c")[0]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_resumed_run_ends_as_one_that_was_not_stopped(
    tmp_path: Path, config: Config, data: Dataset, optimizer: str, schedule: str
) -> None:
    config = replace(config, optimizer=optimizer, schedule=schedule, warmup=3, clip=0.5)
    Run.create(tmp_path / "whole", config, data).train(data)
    train_until(Run.create(tmp_path / "stopped", config, data), data, 2)
    run = Run.open(tmp_path / "stopped")
    assert run.epoch == 2
    run.train(run.load_data())
    assert state(run.path) == state(tmp_path / "whole")
    assert metrics(run.path) == metrics(tmp_path / "whole")


@pytest.mark.parametrize("schedule", ["cosine", "step"])
def test_a_run_that_leaves_last_batches_out_is_resumed_exactly(
    tmp_path: Path, config: Config, data: Dataset, schedule: str
) -> None:
    config = replace(config, drop_last=True, batch_size=13, schedule=schedule)
    assert (config.steps(len(data.train)), len(data.train) % 13) == (4, 12)
    Run.create(tmp_path / "whole", config, data).train(data)
    train_until(Run.create(tmp_path / "stopped", config, data), data, 2)
    run = Run.open(tmp_path / "stopped")
    assert run.config.drop_last
    run.train(run.load_data())
    assert state(run.path) == state(tmp_path / "whole")
    falls = config.make_schedule(len(data.train))
    assert (falls(0), falls(4 * 4)) == (1.0, 0.0 if schedule == "cosine" else pytest.approx(0.01))
    Run.create(tmp_path / "kept", replace(config, drop_last=False), data).train(data)
    assert state(tmp_path / "kept")[0] != state(tmp_path / "whole")[0]


def test_a_batch_larger_than_the_data_is_refused_before_there_is_a_folder(
    tmp_path: Path, config: Config, data: Dataset
) -> None:
    with pytest.raises(DataError, match=r"64 samples, less than a batch of 65"):
        Run.create(tmp_path / "run", replace(config, drop_last=True, batch_size=65), data)
    assert not (tmp_path / "run").exists()


def test_a_run_from_before_there_was_an_option_goes_on(config: Config) -> None:
    values = config.to_json()
    del values["drop_last"]
    assert Config.from_json(values) == config


def test_metrics_are_trimmed_to_the_checkpoint(
    tmp_path: Path, config: Config, data: Dataset
) -> None:
    run = Run.create(tmp_path / "run", config, data)
    train_until(run, data, 2)
    with open(run.path / "metrics.csv", "a") as file:
        file.write("3,0.5,0.5,1,1\n4,0.")  # what a checkpoint that was lost had
    run = Run.open(run.path)
    run.config = replace(run.config, epochs=2)
    run.train(data)
    assert [row["epoch"] for row in metrics(run.path)] == ["1", "2"]


def test_more_epochs_continue_a_finished_run(tmp_path: Path, config: Config, data: Dataset) -> None:
    Run.create(tmp_path / "whole", replace(config, epochs=6), data).train(data)
    Run.create(tmp_path / "run", config, data).train(data)
    run = Run.open(tmp_path / "run")
    run.extend(6)
    run.train(data)
    assert state(run.path) == state(tmp_path / "whole")
    with pytest.raises(RunError, match="done 6 epochs already"):
        run.extend(5)


def test_a_users_model_file_is_kept_with_the_run(
    tmp_path: Path, config: Config, data: Dataset
) -> None:
    (tmp_path / "width_of_mine.py").write_text("WIDTH = 3\n")
    source = (
        "from width_of_mine import WIDTH\nfrom tinygrad_ae import nn\n"
        "class Mine(nn.Module):\n"
        "    def __init__(self, inputs):\n"
        "        self.latent = WIDTH\n"
        "        self.encoder = nn.Sequential(nn.Dropout(0.5), nn.Linear(inputs, WIDTH))\n"
        "        self.decoder = nn.Linear(WIDTH, inputs)\n"
        "    def loss(self, x):\n"
        "        return ((self.decoder(self.encoder(x)) - x) ** 2).mean()\n"
    )
    (tmp_path / "mine.py").write_text(source)
    config = replace(config, model=str(tmp_path / "mine.py"), arguments={})
    Run.create(tmp_path / "whole", config, data).train(data)
    train_until(Run.create(tmp_path / "run", config, data), data, 1)
    (tmp_path / "mine.py").write_text("changed since")
    run = Run.open(tmp_path / "run")
    run.train(data)
    assert (run.path / "model.py").read_text() == source
    assert state(run.path) == state(tmp_path / "whole")


def test_an_error_in_the_middle_of_training_names_the_line(
    tmp_path: Path, config: Config, data: Dataset
) -> None:
    (tmp_path / "mine.py").write_text(
        "from tinygrad_ae import nn\nfrom tinygrad_ae.models import Autoencoder as Base\n"
        "class Mine(Base):\n"
        "    def loss(self, x):\n"
        "        if self.training:\n"
        "            self.undefined\n"
        "        return super().loss(x)\n"
    )
    run = Run.create(tmp_path / "run", replace(config, model=str(tmp_path / "mine.py")), data)
    with pytest.raises(ModelError, match=r"mine\.py, line 6: AttributeError"):
        run.train(data)


# ---- what it refuses


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="does not exist"):
        Run.open(tmp_path / "none")
    with pytest.raises(RunError, match=r"has no checkpoint\.safetensors"):
        Run.open(tmp_path)


def test_a_model_that_was_edited_since_is_refused(
    tmp_path: Path, config: Config, data: Dataset
) -> None:
    run = Run.create(tmp_path / "run", config, data)
    with open(run.path / "model.py", "a") as file:
        file.write("# an afterthought\n")
    with pytest.raises(RunError, match=r"model\.py is not the model that this run trained"):
        Run.open(run.path)


def test_a_damaged_checkpoint_is_named(tmp_path: Path, config: Config, data: Dataset) -> None:
    run = Run.create(tmp_path / "run", config, data)
    path = run.path / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(RunError, match="is damaged"):
        Run.open(run.path)


def test_another_programs_file_is_refused(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "checkpoint.safetensors", {}, {"format": "other"})
    with pytest.raises(RunError, match="not written by this version"):
        Run.open(tmp_path)


def test_data_that_changed_is_refused(tmp_path: Path, config: Config, data: Dataset) -> None:
    run = Run.create(tmp_path / "run", config, data)
    np.save(config.data, np.load(config.data) + 0.5)
    np.save(config.data, np.concatenate([np.load(config.data)[1:], np.zeros((1, 6))]))
    with pytest.raises(RunError, match="has changed since"):
        run.load_data()


def test_data_is_found_from_any_folder_and_where_it_was_moved(
    tmp_path: Path, config: Config, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = Run.create("run", replace(config, data="data.npy"), data)
    assert run.config.data == config.data
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    run = Run.open("../run")
    run.load_data()
    Path(config.data).rename("moved.npy")
    with pytest.raises(RunError, match=rf"trained on is gone: .* at {config.data}\..*--data"):
        run.load_data()
    np.save("other.npy", np.zeros((80, 6)) + np.arange(6))
    with pytest.raises(RunError, match=r"other\.npy is not the data that .* was trained on"):
        run.load_data("other.npy")
    run.train(run.load_data("moved.npy"))
    assert Run.open("../run").config.data == str(tmp_path / "elsewhere" / "moved.npy")


def test_samples_that_are_all_equal_are_refused(tmp_path: Path, config: Config) -> None:
    with pytest.raises(DataError, match="are equal"):
        Run.create(tmp_path / "run", config, load(np.ones((80, 6))))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"optimizer": "adm"}, "no optimizer named 'adm'.* Did you mean 'adam'"),
        ({"schedule": "cosin"}, "no schedule named 'cosin'.* Did you mean 'cosine'"),
        ({"epochs": 0}, "epochs is 0"),
        ({"batch_size": 0}, "batch_size is 0"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Config(**settings)  # type: ignore[arg-type]


# ---- results


def test_results_are_complete_until_there_is_more_training_or_a_file_is_missing(
    tmp_path: Path, config: Config, data: Dataset
) -> None:
    run = Run.create(tmp_path / "run", config, data)
    run.train(data)
    assert not results.complete(run)
    summary = results.write(run, data)
    assert set(summary["files"]) == {
        "reconstructions.png", "loss.png", "latent.png", "filters.png", "graph.svg", "report.html",
    }  # fmt: skip
    assert summary["pca"]["name"] == "PCA-2"
    assert summary["model"]["mse"] == json.loads(
        (run.path / "summary.json").read_text()
    )["model"]["mse"]  # fmt: skip
    assert "encoder" in (run.path / "graph.svg").read_text()
    assert results.complete(run)
    (run.path / "loss.png").unlink()
    assert not results.complete(run)
    results.write(run, data)
    run.extend(5)
    run.train(data)
    assert not results.complete(run)


def test_drawing_a_step_leaves_the_model_as_it_was(
    tmp_path: Path, config: Config, data: Dataset
) -> None:
    run = Run.create(tmp_path / "run", config, data)
    before = run.model.state_dict()
    graph = step_graph(run.file, run.model, data.train.first(4))
    assert graph.leaves()[0].name is not None
    assert {node.path.partition(".")[0] for node in graph} >= {"encoder", "decoder"}
    for name, array in run.model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_engine_and_threads_are_kept(config: Config, data: Dataset, tmp_path: Path) -> None:
    with threadpool_limits(1, user_api="blas"):
        Run.create(tmp_path / "run", replace(config, compile=False), data)
    with threadpool_limits(2, user_api="blas"):
        run = Run.open(tmp_path / "run")
        assert (run.config.threads, run.config.compile) == (1, False)
        seen: list[int | None] = []
        run.train(data, lambda history: seen.append(threads.threads()))
        assert seen == [1] * 4
