"""One test of each room, in seconds: ``pytest -m smoke``."""

import numpy as np
import pytest

from tinygrad_ae import Tensor, compile, manual_seed, nn, show
from tinygrad_ae.cli import main
from tinygrad_ae.models import Autoencoder
from tinygrad_ae.run import checkpoint
from tinygrad_ae.train import fit

pytestmark = pytest.mark.smoke

X = np.random.default_rng(0).random((32, 6), np.float32)


@pytest.fixture
def model() -> Autoencoder:
    manual_seed(0)
    return Autoencoder(6, hidden=(4,), latent=2)


def test_a_gradient():
    x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    (x * x).sum().backward()
    assert x.grad.tolist() == [2, 4, 6]


def test_a_layer():
    layer = nn.Linear(6, 2)
    wanted = X @ layer.weight.data.T + layer.bias.data
    np.testing.assert_allclose(layer(Tensor(X)).data, wanted, rtol=1e-6)


def test_training(model):
    losses = fit(model, X, epochs=10)["loss"]
    assert losses[-1] < losses[0]


def test_a_compiled_step():
    run = compile(lambda x: (x * x).sum())
    for k in range(1, 4):
        assert run(np.full(3, float(k))).item() == 3 * k * k


def test_a_picture(model):
    dot = show.draw(model.loss(Tensor(X))).source
    assert dot.startswith("digraph")
    assert "encoder" in dot


def test_an_explanation(model):
    assert "∂L/∂" in str(show.explain(model.loss(Tensor(X))))


def test_the_command_line(capsys):
    assert main(["--help"]) == 0
    assert "tinygrad-ae train autoencoder" in capsys.readouterr().out


def test_saving_and_loading(model, tmp_path):
    path = tmp_path / "model.safetensors"
    checkpoint.save(path, model.state_dict(), {"epoch": 3})
    arrays, facts = checkpoint.load(path)
    assert facts["epoch"] == 3
    other = Autoencoder(6, hidden=(4,), latent=2)
    other.load_state_dict(arrays)
    np.testing.assert_array_equal(other(Tensor(X)).data, model(Tensor(X)).data)
