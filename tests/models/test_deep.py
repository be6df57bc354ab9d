import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinygrad_ae import Tensor
from tinygrad_ae.models import Deep


def test_it_has_the_layers_of_2006() -> None:
    shapes = [p.shape for name, p in Deep().named_parameters() if name.endswith("weight")]
    assert shapes[:4] == [(1000, 784), (500, 1000), (250, 500), (30, 250)]
    assert shapes[4:] == [shape[::-1] for shape in reversed(shapes[:4])]


def test_weights_start_at_hes_scale_and_biases_at_0() -> None:
    for name, parameter in Deep(inputs=300, hidden=(400, 200), latent=50).named_parameters():
        if name.endswith("bias"):
            assert not parameter.data.any()
        else:
            scale = math.sqrt(2 / parameter.shape[1])
            assert parameter.data.std() == pytest.approx(scale, rel=0.05)
            assert np.abs(parameter.data).max() > 3 * scale  # normal, not uniform


def test_the_reconstruction_is_what_the_page_says() -> None:
    model = Deep(inputs=6, hidden=(5,), latent=2).requires_grad_(False)
    x = np.random.default_rng(0).random((4, 6), np.float32)
    w = model.state_dict()

    def gelu(a: Any) -> Any:
        return 0.5 * a * (1 + np.tanh(math.sqrt(2 / math.pi) * (a + 0.044715 * a**3)))

    z = gelu(x @ w["encoder.0.weight"].T) @ w["encoder.2.weight"].T
    logits = gelu(z @ w["decoder.0.weight"].T) @ w["decoder.2.weight"].T
    x_hat = 1 / (1 + np.exp(-logits))
    np.testing.assert_allclose(model.encoder(Tensor(x)).data, z, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(model(Tensor(x)).data, x_hat, rtol=1e-4)
    assert model.loss(Tensor(x)).item() == pytest.approx(np.mean((x_hat - x) ** 2), rel=1e-5)


def test_gradients(check_gradients: Callable[..., None]) -> None:
    check_gradients(Deep(inputs=4, hidden=(3,), latent=2), np.random.default_rng(0).random((3, 4)))
