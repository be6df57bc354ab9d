"""Small pictures of values: what is shown as what, and that nothing breaks them."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from tinygrad_ae import Graph, Tensor
from tinygrad_ae.errors import UserError
from tinygrad_ae.show.picture.thumbnails import HEIGHT, NOT_FINITE, ZOOM, image_shape, thumbnail


def pixels(picture):
    return np.asarray(Image.open(io.BytesIO(picture.png)))


def test_samples_of_the_inputs_size_are_images():
    x = np.zeros((5, 784))
    x[:, 0] = 1  # one white pixel in a corner
    shown = thumbnail(x, "x", (28, 28))
    assert shown.text == "x: first 3 samples; least 0, mean 0.0013, greatest 1"
    image = pixels(shown)
    assert image[0, 0].tolist() == [255, 255, 255, 255]
    assert image[-1, 0].tolist() == [0, 0, 0, 255]
    assert shown.width > 3 * shown.height * 0.9


def test_signs_have_colours():
    x = np.zeros((1, 64))
    x[0, 0], x[0, -1] = 1, -1
    image = pixels(thumbnail(x, "error", (8, 8)))
    assert image[0, 0, 2] > image[0, 0, 0]  # positive is blue
    assert image[-1, -1, 0] > image[-1, -1, 2]  # negative is orange
    assert image[0, -1].tolist() == [255, 255, 255, 255]  # zero is white
    gradient = pixels(thumbnail(np.ones((1, 64)), "g", (8, 8), signed=True))
    assert gradient[0, 0, 2] > gradient[0, 0, 0]


def test_colour_images_keep_their_colours():
    x = np.zeros((1, 12 * 12 * 3))
    x[0, 0::3] = 1
    assert pixels(thumbnail(x, "x", (12, 12, 3)))[0, 0].tolist() == [255, 0, 0, 255]


def test_a_code_is_bars_and_other_vectors_a_histogram():
    code = np.array([[1.0, -1.0, 0.0, 2.0]])
    shown = thumbnail(code, "z", (28, 28))
    assert "z: elements" in shown.text or "first sample" in shown.text
    bars = pixels(shown)[:, :, 3] > 0
    width = bars.shape[1] // 4
    heights = [bars[:, i * width + width // 2].sum() for i in range(4)]
    assert heights[3] > heights[0] > heights[2]
    assert "histogram" in thumbnail(np.random.default_rng(0).normal(size=(4, 100)), "h", None).text


def test_channels_of_image_maps_stand_side_by_side():
    shown = thumbnail(np.random.default_rng(0).random((2, 8, 7, 7)), "h", None)
    assert "channels of the first sample" in shown.text


def test_a_single_number_has_no_picture():
    assert thumbnail(np.array(3.0), "L", None) is None
    assert thumbnail(np.ones((1, 1)), "L", None) is None


def test_what_is_not_finite_is_seen():
    x = np.zeros((1, 64))
    x[0, 0] = np.nan
    assert tuple(pixels(thumbnail(x, "x", (8, 8)))[0, 0, :3]) == NOT_FINITE
    nothing = thumbnail(np.full((2, 100), np.inf), "x", None)
    assert nothing.text == "x: histogram; nothing finite"


@given(arrays(np.float64, array_shapes(min_dims=0, max_dims=4, max_side=9), elements=st.floats()))
def test_any_array_has_a_picture_or_none(values):
    shown = thumbnail(values, "v", (3, 3))
    if shown is not None:
        height, width = pixels(shown).shape[:2]
        assert (shown.height, shown.width) == (round(height / ZOOM), round(width / ZOOM))
        assert height <= HEIGHT * ZOOM * 2


@pytest.mark.parametrize(
    ("features", "expected"), [(784, (28, 28)), (64, (8, 8)), (783, None), (16, None)]
)
def test_a_square_input_is_an_image(features, expected):
    w = Tensor(np.ones(features), True)
    y = Tensor(np.ones((2, features)), name="x") * w
    assert image_shape(Graph.of(y), None) == expected
    assert image_shape(Graph.of(y), (4, features // 4)) == (4, features // 4)
    assert image_shape(Graph.of(y), (features, 1, 1)) is None  # a signal


@pytest.mark.parametrize("shape", [(5,), (2, 2, 2), (1, 2, 3, 4)])
def test_a_shape_that_is_no_images_is_refused(shape):
    with pytest.raises(UserError, match="height, width"):
        image_shape(Graph.of(Tensor([1.0], True) * 2), shape)
