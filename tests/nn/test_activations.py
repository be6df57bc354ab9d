import numpy as np
import pytest
from scipy.special import erf, expit, log_softmax, softmax

from tinygrad_ae import Tensor, gradcheck, nn
from tinygrad_ae.errors import ModelError
from tinygrad_ae.nn.activations import ACTIVATIONS

FORMULAS = {
    "identity": (nn.Identity(), lambda x: x),
    "relu": (nn.ReLU(), lambda x: np.maximum(x, 0)),
    "leaky": (nn.LeakyReLU(0.2), lambda x: np.where(x > 0, x, 0.2 * x)),
    "elu": (nn.ELU(0.7), lambda x: np.where(x > 0, x, 0.7 * (np.exp(x) - 1))),
    "selu": (
        nn.SELU(),
        lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * (np.exp(x) - 1)),
    ),
    "gelu": (nn.GELU(), lambda x: x * 0.5 * (1 + erf(x / np.sqrt(2)))),
    "gelu_tanh": (
        nn.GELU("tanh"),
        lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    ),
    "silu": (nn.SiLU(), lambda x: x * expit(x)),
    "sigmoid": (nn.Sigmoid(), expit),
    "tanh": (nn.Tanh(), np.tanh),
    "hardtanh": (nn.Hardtanh(-0.5, 0.8), lambda x: np.clip(x, -0.5, 0.8)),
    "softplus": (nn.Softplus(), lambda x: np.log(1 + np.exp(x))),
    "softmax": (nn.Softmax(0), lambda x: softmax(x, axis=0)),
    "log_softmax": (nn.LogSoftmax(), lambda x: log_softmax(x, axis=-1)),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_values_and_gradients(name):
    module, formula = FORMULAS[name]
    x = np.random.default_rng(1).normal(0, 2, size=(4, 5))
    np.testing.assert_allclose(module(Tensor(x)).data, formula(x), rtol=1e-12, atol=1e-14)
    assert gradcheck(module, x)
    assert module(x.astype(np.float32)).dtype == np.float32
    assert not list(module.parameters())


def test_settings_show():
    assert repr(nn.LeakyReLU(0.2)) == "LeakyReLU(negative_slope=0.2)"
    assert repr(nn.ReLU()) == "ReLU()"
    assert repr(nn.GELU("tanh")) == "GELU(approximate='tanh')"


def test_an_activation_may_be_subclassed():
    class Positive(nn.LeakyReLU):
        """One that never leaks."""

        def __init__(self):
            super().__init__(0.0)

    np.testing.assert_array_equal(Positive()(np.array([-1.0, 2.0])).data, [0, 2])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_lookup_by_name(name):
    assert type(nn.activation(name)) is ACTIVATIONS[name]
    assert type(nn.activation(name.upper().replace("_", "-"))) is ACTIVATIONS[name]


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ModelError, match=r"unknown activation 'rellu'.*Did you mean 'relu'\?"):
        nn.activation("rellu")


def test_wrong_settings():
    with pytest.raises(ModelError, match="min_val 1 must be below max_val -1"):
        nn.Hardtanh(1, -1)
