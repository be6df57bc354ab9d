"""What every file in models/ promises: it builds, learns, repeats, resumes, and can be replayed."""

import copy
import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_ae as tg
from tests.compiled.steps import training
from tinygrad_ae import Tensor, models
from tinygrad_ae.cli.options import model_options
from tinygrad_ae.compiled import compile
from tinygrad_ae.data import Dataset, load
from tinygrad_ae.data.dataset import Split
from tinygrad_ae.evaluate import decode, encode, reconstruct
from tinygrad_ae.run import Config, Run, modelfile
from tinygrad_ae.train import rows

SMALL: dict[str, dict[str, Any]] = {
    "autoencoder": {"hidden": (12,), "latent": 4},
    "classifier": {"hidden": (12,), "latent": 8},
    "contractive": {"latent": 4},
    "convolutional": {"sample_shape": (8, 8), "channels": (2, 3), "latent": 4},
    "deep": {"hidden": (20, 12), "latent": 4},
    "denoising": {"hidden": (12,), "latent": 8},
    "sparse": {"latent": 16},
    "stacked": {"hidden": (12,), "latent": 8, "masked": 0.2, "pretrain": 1},
    "variational": {"hidden": (12,), "latent": 3},
}
VARIANTS = [
    *SMALL.items(),
    ("autoencoder", {"hidden": (12,), "latent": 4, "tied": True}),
    ("classifier", {"hidden": (12,), "latent": 8, "reconstruction": 0.0}),
    ("contractive", {"hidden": (12,), "latent": 4, "activation": "tanh"}),
    (
        "denoising",
        {
            "hidden": (12,),
            "latent": 8,
            "corruptions": ("masking", "salt_and_pepper", "occlusion", "blur", "drift"),
            "strength": (0.2, 0.1, 0.2, 0.7, 0.1),
            "sample_shape": (8, 8),
        },
    ),
    ("sparse", {"latent": 16, "penalty": "kl"}),
    ("sparse", {"latent": 16, "penalty": "k-sparse", "active": 4}),
    ("variational", {"hidden": (12,), "latent": 3, "likelihood": "gaussian", "beta": 2.0}),
    ("variational", {"hidden": (), "latent": 3, "anneal": 5, "binarize": True}),
]
every_model = pytest.mark.parametrize("name", modelfile.names())
every_variant = pytest.mark.parametrize(
    ("name", "arguments"), VARIANTS, ids=[f"{name}-{i}" for i, (name, _) in enumerate(VARIANTS)]
)


def build(name: str, arguments: dict[str, Any]) -> Any:
    file = modelfile.find(name)
    return file.build(file.complete(arguments, (64,)))


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """Bars of two widths at any place of 8 × 8 pixels."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    start, width = rng.integers(0, 6, 150)[:, None, None], rng.integers(1, 4, 150)[:, None, None]
    column = np.arange(8)
    bars = (column >= start) & (column < start + width) & np.ones((8, 1), bool)
    np.savez("bars.npz", x=bars.astype(np.float32), y=width.ravel())
    return load("bars.npz")


def config(name: str, arguments: dict[str, Any], epochs: int) -> Config:
    return Config(
        model=name, arguments=arguments, data="bars.npz", epochs=epochs, batch_size=16, lr=1e-2
    )


def test_every_file_is_tried_here() -> None:
    assert modelfile.names() == sorted(SMALL)
    assert sorted(models.__all__) == sorted(modelfile.find(n).cls.__name__ for n in SMALL)


@every_model
def test_it_works_on_the_bundled_digits_as_it_is(name: str) -> None:
    file = modelfile.find(name)
    file.check(file.build(file.complete({}, (784,))), 784)


@every_model
def test_every_argument_can_be_given_and_is_explained(name: str) -> None:
    file = modelfile.find(name)
    options = {option.name: option for option in model_options(file)}
    assert set(options) == set(file.parameters()) - {"inputs", "sample_shape"}  # the data says
    assert all(option.help for option in options.values())
    page = inspect.cleandoc(inspect.getmodule(file.cls).__doc__ or "")
    assert page.startswith(f"{name.capitalize()}: ")
    assert "L(θ, φ) = " in page or "L = " in page  # the equation that is minimised
    assert "(20" in page  # a source, with its year


@every_variant
def test_it_learns_and_resumes_bit_for_bit(
    name: str, arguments: dict[str, Any], data: Dataset
) -> None:
    whole = Run.create("whole", config(name, arguments, 4), data)
    whole.train(data)
    losses = whole.history["loss"]
    assert losses[-1] < losses[0]

    Run.create("parts", config(name, arguments, 2), data).train(data)
    tg.default_generator.random(7)  # whatever happens in between
    parts = Run.open("parts")
    parts.extend(4)
    parts.train(data)
    state = parts.model.state_dict()
    for path, value in whole.model.state_dict().items():
        np.testing.assert_array_equal(value, state[path])
    for column in ("loss", "validation_loss"):
        assert parts.history[column] == whole.history[column]


@every_variant
def test_it_encodes_decodes_and_reconstructs_without_chance(
    name: str, arguments: dict[str, Any]
) -> None:
    model = build(name, arguments)
    x = np.random.default_rng(0).random((5, 64), np.float32)
    before = tg.default_generator.bit_generator.state
    codes = encode(model, x)
    x_hat = reconstruct(model, x)
    assert codes.shape == (5, model.latent)
    assert codes.dtype == x_hat.dtype == np.float32
    assert ((x_hat >= 0) & (x_hat <= 1)).all()
    np.testing.assert_array_equal(decode(model, codes), x_hat)
    np.testing.assert_array_equal(model(Tensor(x)).data, x_hat)
    np.testing.assert_allclose(encode(model, x[2:3]), codes[2:3], rtol=1e-4, atol=1e-5)
    assert tg.default_generator.bit_generator.state == before


@every_variant
def test_a_step_replayed_is_the_step(name: str, arguments: dict[str, Any]) -> None:
    tg.manual_seed(1)
    first = build(name, arguments).astype(np.float64)
    second = copy.deepcopy(first)
    x, y = np.random.default_rng(0).random((4, 6, 64)), np.array([0, 1, 2, 2, 1, 0])
    batches = [rows(first, Split(some, y)) for some in x]

    def train(model: Any, compiled: bool) -> list[float]:
        _, _, step = training(model, lr=1e-3)
        run = compile(step) if compiled else step
        tg.manual_seed(2)
        return [float(run(tg.as_tensor(batch)).item()) for batch in batches]

    # A warning that the step cannot be captured would be an error here.
    np.testing.assert_allclose(train(first, False), train(second, True), rtol=1e-9)
    state = second.state_dict()
    for path, value in first.state_dict().items():
        np.testing.assert_allclose(value, state[path], rtol=1e-6, atol=1e-9)
