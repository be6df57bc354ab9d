from collections.abc import Callable

import numpy as np
import pytest

from tinygrad_ae import Tensor, ops
from tinygrad_ae.errors import ModelError
from tinygrad_ae.models import Convolutional


@pytest.mark.parametrize("shape", [(28, 28), (7, 10), (1, 1), (9, 6, 3), (5, 5, 1)])
@pytest.mark.parametrize("channels", [(4,), (2, 3, 4)])
def test_reconstructions_have_the_shape_of_any_image(
    shape: tuple[int, ...], channels: tuple[int, ...]
) -> None:
    model = Convolutional(sample_shape=shape, channels=channels, latent=3)
    x = np.random.default_rng(0).random((2, np.prod(shape)), np.float32)
    assert model.encoder(Tensor(x)).shape == (2, 3)
    assert model(Tensor(x)).shape == x.shape


def test_colours_stand_last_in_a_sample_and_first_in_a_convolution() -> None:
    model = Convolutional(sample_shape=(4, 6, 3), channels=(2,), latent=3)
    image = np.random.default_rng(0).random((2, 4, 6, 3), np.float32)
    seen = model.encoder[:2](Tensor(image.reshape(2, -1))).data
    np.testing.assert_array_equal(seen, image.transpose(0, 3, 1, 2))
    planes = Tensor(np.ascontiguousarray(seen))
    np.testing.assert_array_equal(model.decoder[-3:-1](planes).data, image.reshape(2, -1))


def test_the_first_layer_is_the_equation_of_the_page() -> None:
    model = Convolutional(sample_shape=(6, 6), channels=(2,), latent=3).astype(np.float64)
    x = np.random.default_rng(0).random((1, 36))
    a = model.encoder[:3](Tensor(x)).data[0]
    W, b = model.encoder[2].weight.data, model.encoder[2].bias.data
    padded = np.pad(x.reshape(6, 6), 1)  # pixel (p, q) stands at (p + 1, q + 1)
    for o, i, j in np.ndindex(2, 3, 3):
        patch = padded[2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
        assert a[o, i, j] == pytest.approx(b[o] + np.sum(W[o, 0] * patch), rel=1e-12)


def test_the_loss_is_the_mean_squared_error() -> None:
    model = Convolutional(sample_shape=(6, 5), channels=(2,), latent=3)
    x = np.random.default_rng(0).random((4, 30), np.float32)
    expected = np.mean((model(Tensor(x)).data - x) ** 2)
    assert model.loss(Tensor(x)).item() == pytest.approx(expected, rel=1e-6)


def test_what_moves_by_the_step_moves_what_is_seen() -> None:
    """Away from the border, two pixels in the image are one in the layer."""
    model = Convolutional(sample_shape=(16, 16), channels=(3,), latent=2)
    image = np.zeros((1, 16, 16), np.float32)
    image[0, 4:8, 4:8] = np.random.default_rng(0).random((4, 4))
    see = lambda im: model.encoder[:4](Tensor(im.reshape(1, -1))).data
    moved = see(np.roll(image, (2, 4), (1, 2)))
    np.testing.assert_allclose(moved, ops.roll(see(image), (1, 2), (2, 3)), atol=1e-6)


def test_gradients(check_gradients: Callable[..., None]) -> None:
    model = Convolutional(sample_shape=(3, 4), channels=(2,), latent=2, activation="tanh")
    check_gradients(model, np.random.default_rng(0).random((2, 12)))


@pytest.mark.parametrize("shape", [(784,), (2, 2, 3, 4)])
def test_what_is_no_image_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match="takes images, of shape"):
        Convolutional(sample_shape=shape)
    with pytest.raises(ModelError, match="number of channels"):
        Convolutional(channels=())
