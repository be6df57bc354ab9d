"""Whoever looks at a model leaves each of its modules in the mode it was in."""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_ae
from tinygrad_ae import Tensor, evaluate, manual_seed, nn, uses
from tinygrad_ae.data import Dataset, Scaling, Split
from tinygrad_ae.nn.protocols import evaluating
from tinygrad_ae.run import modelfile
from tinygrad_ae.show import summary
from tinygrad_ae.train import History, fit, mean_loss

X = np.random.default_rng(0).random((60, 6), np.float32)
Y = np.arange(60) % 2
DATA = Dataset("test", Split(X[:30], Y[:30]), Split(X[30:45], Y[30:45]), Split(X[45:], Y[45:]),
               (6,), Scaling())  # fmt: skip


class Mixed(nn.Module):
    """An autoencoder that draws and averages, of which a part was frozen."""

    def __init__(self) -> None:
        self.latent = 2
        self.encoder = nn.Sequential(nn.Dropout(0.5), nn.Linear(6, 2), nn.BatchNorm1d(2))
        self.decoder = nn.Sequential(nn.Linear(2, 6), nn.BatchNorm1d(6))
        self.decoder[1].eval()

    def loss(self, x: Tensor) -> Tensor:
        return ((self.decoder(self.encoder(x)) - x) ** 2).mean()


USES: dict[str, Callable[[Any, np.ndarray, Path], Any]] = {
    "mean_loss": lambda m, x, p: mean_loss(m, x),
    "encode": lambda m, x, p: evaluate.encode(m, x),
    "encodings": lambda m, x, p: next(evaluate.encodings(m, x)),  # and never resumed
    "decode": lambda m, x, p: evaluate.decode(m, x[:, :2]),
    "reconstruct": lambda m, x, p: evaluate.reconstruct(m, x),
    "reconstructions": lambda m, x, p: next(evaluate.reconstructions(m, x)),
    "reconstruction_error": lambda m, x, p: evaluate.reconstruction_error(m, x),
    "evaluate.compare": lambda m, x, p: evaluate.compare(m, x, x),
    "anomaly_scores": lambda m, x, p: uses.anomaly_scores(m, x),
    "attribution": lambda m, x, p: uses.attribution(m, x),
    "scores_and_largest": lambda m, x, p: uses.scores_and_largest(m, x),
    "compare": lambda m, x, p: uses.compare({"m": m}, x, x),
    "compress": lambda m, x, p: uses.compress(m, x, x),
    "denoise": lambda m, x, p: uses.denoise(m, x),
    "explore": lambda m, x, p: uses.explore(
        m, Dataset("t", DATA.train, DATA.validation, Split(x, None), (6,), Scaling()), p / "a.html"
    ),
    "few_labels": lambda m, x, p: uses.few_labels(
        m, lambda seed: m, (x, Y[: len(x)]), (x, Y[: len(x)]), 4, seeds=(0,)
    ),
    "generate": lambda m, x, p: uses.generate(m, 3, x),
    "distance_ratio": lambda m, x, p: uses.distance_ratio(m, x, x, x),
    "interpolate": lambda m, x, p: uses.interpolate(m, x[0], x[1]),
    "traverse": lambda m, x, p: uses.traverse(m, x),
    "summary": lambda m, x, p: summary(m.encoder, x.shape[1:]),
    "ModelFile.check": lambda m, x, p: modelfile.find("autoencoder").check(m, x.shape[1]),
}


def modes(model: nn.Module) -> dict[str, bool]:
    return {path: module.training for path, module in model.named_modules()}


@pytest.mark.parametrize("name", USES)
def test_a_use_leaves_every_module_in_its_mode(name: str, tmp_path: Path) -> None:
    for setting in (True, False):
        model = Mixed()
        model.encoder.train(setting)
        before, state = modes(model), model.state_dict()
        assert len(set(before.values())) == 2
        USES[name](model, X, tmp_path)
        assert modes(model) == before
        for path, value in model.state_dict().items():
            np.testing.assert_array_equal(value, state[path])  # running statistics among them


@pytest.mark.parametrize("name", sorted(set(USES) - {"few_labels"}))  # which works on copies
def test_a_use_that_fails_does_too(name: str, tmp_path: Path) -> None:
    class Failing(nn.Linear):
        def forward(self, x: Any) -> Tensor:
            assert not self.training
            raise KeyboardInterrupt

    model = Mixed()
    model.encoder[1], model.decoder[0] = Failing(6, 2), Failing(2, 6)
    before = modes(model)
    with pytest.raises(KeyboardInterrupt):
        USES[name](model, X, tmp_path)
    assert modes(model) == before


def test_every_function_that_takes_a_model_is_tried() -> None:
    def takes_a_model(room: Any) -> set[str]:
        return {
            name
            for name, value in vars(room).items()
            if callable(value) and {"model", "models"} & set(getattr(value, "__annotations__", ()))
            and not name.startswith("_") and value.__module__.startswith("tinygrad_ae")
        }  # fmt: skip

    found = takes_a_model(uses) | takes_a_model(evaluate)
    assert found - set(USES) == {"decodings", "evaluating", "is_generative"}


def test_what_is_no_module_itself_is_restored_with_its_parts() -> None:
    class Plain:
        def __init__(self) -> None:
            self.training = True
            self.part = nn.Sequential(nn.Dropout(0.5), nn.Dropout(0.5))
            self.part[1].eval()

        def eval(self) -> None:
            self.training = False
            self.part.eval()

    plain = Plain()
    with evaluating(plain):
        assert not plain.part.training
        assert not plain.training
    assert plain.training
    assert [m.training for m in plain.part.modules()] == [True, True, False]


@pytest.mark.parametrize("compile", [True, False])
def test_watching_from_within_an_epoch_changes_nothing(compile: bool) -> None:
    def train(watch: Callable[..., object] | None) -> bytes:
        manual_seed(3)
        model = Mixed()
        looked = None if watch is None else (lambda so_far: watch(model))
        fit(model, DATA, epochs=2, batch_size=8, on_step=looked, compile=compile)
        return b"".join(array.tobytes() for array in model.state_dict().values())

    assert train(lambda m: (mean_loss(m, X), uses.anomaly_scores(m, X))) == train(None)


def test_training_is_in_training_mode_and_what_follows_in_evaluation_mode() -> None:
    seen: list[tuple[bool, bool]] = []

    class Freezing(Mixed):
        def start_epoch(self, n: int) -> None:
            assert self.training
            self.decoder[1].eval()

    model = Freezing()

    def look(_: object) -> None:
        seen.append((model.training, model.decoder[1].training))

    for data in (DATA, X):  # with samples to validate on, and without
        fit(model, data, epochs=1, batch_size=15, on_step=look, on_epoch=look)
        steps = 30 // 15 if data is DATA else 60 // 15
        assert seen == [(True, False)] * steps + [(False, False)]
        assert not any(modes(model).values())
        seen.clear()

    def stop(_: History) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(model, X, epochs=1, on_step=stop)
    assert not any(modes(model).values())


def test_one_place_puts_a_model_into_evaluation_mode() -> None:
    found = []
    root = Path(tinygrad_ae.__file__).parent
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr == "eval":
                found.append(path.relative_to(root).as_posix())
    assert sorted(found) == ["nn/protocols.py", "run/folder.py", "train.py"]
