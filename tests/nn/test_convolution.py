"""Layers of convolution and pooling against their sums written out, and against their gradients."""

import math

import numpy as np
import pytest

from tinygrad_ae import Tensor, gradcheck, manual_seed, nn, ops
from tinygrad_ae.errors import ModelError, ShapeError

rng = np.random.default_rng(0)


def check_layer(layer, x):
    """Check the gradients with respect to the input and every parameter, in float64."""
    layer.astype(np.float64)
    names = [name for name, _ in layer.named_parameters()]

    def f(x, *values):
        for name, value in zip(names, values, strict=True):
            # the layer must run on gradcheck's own tensors
            vars(layer)[name] = value
        return layer(x)

    assert gradcheck(f, (x, *(p.data.copy() for p in layer.parameters())))


def convolved(x, W, b, stride, padding):
    """Σ_ck W[o, c, k] x[n, c, s·p + k − padding] + b[o], one output at a time."""
    x = np.pad(x, ((0, 0), (0, 0), (padding,) * 2, (padding,) * 2))
    kh, kw = W.shape[2:]
    rows = range(0, x.shape[2] - kh + 1, stride)
    columns = range(0, x.shape[3] - kw + 1, stride)
    windows = [[x[:, :, i : i + kh, j : j + kw] for j in columns] for i in rows]
    z = np.array([[np.einsum("ncij,ocij->no", w, W) for w in row] for row in windows])
    return z.transpose(2, 3, 0, 1) + b[:, None, None]


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1), (3, 2)])
def test_conv2d_is_its_sum(stride, padding):
    layer = nn.Conv2d(3, 4, (3, 2), stride, padding, dtype=np.float64)
    x = rng.normal(size=(2, 3, 7, 6))
    expected = convolved(x, layer.weight.data, layer.bias.data, stride, padding)
    np.testing.assert_allclose(layer(x).data, expected, atol=1e-12)


def test_the_settings_reach_the_operations():
    x = rng.normal(size=(2, 4, 8, 9))
    a = nn.Conv2d(4, 6, 3, (2, 1), (1, 0), (1, 2), 2, False, dtype=np.float64)
    np.testing.assert_array_equal(
        a(x).data, ops.conv2d(x, a.weight.data, None, (2, 1), (1, 0), (1, 2), 2)
    )
    b = nn.ConvTranspose2d(4, 6, 3, 3, 1, (2, 1), 2, True, 2, dtype=np.float64)
    np.testing.assert_array_equal(
        b(x).data, ops.conv_transpose2d(x, b.weight.data, b.bias.data, 3, 1, (2, 1), 2, 2)
    )
    s = x[:, :, 0]
    c = nn.Conv1d(4, 6, 3, 1, "same", 2, 2, dtype=np.float64)
    np.testing.assert_array_equal(
        c(s).data, ops.conv1d(s, c.weight.data, c.bias.data, 1, "same", 2, 2)
    )
    d = nn.ConvTranspose1d(4, 6, 3, 2, 1, 1, 2, True, 2, dtype=np.float64)
    np.testing.assert_array_equal(
        d(s).data, ops.conv_transpose1d(s, d.weight.data, d.bias.data, 2, 1, 1, 2, 2)
    )


@pytest.mark.parametrize("size", [5, 6])
def test_the_transpose_returns_to_the_size_it_came_from(size):
    down = nn.Conv2d(1, 2, 3, stride=2, padding=1)
    up = nn.ConvTranspose2d(2, 1, 3, stride=2, padding=1, output_padding=1 - size % 2)
    assert up.weight.shape == down.weight.shape
    assert up(down(np.ones((3, 1, size, size), np.float32))).shape == (3, 1, size, size)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv1d(2, 3, 2, stride=2), (2, 2, 5)),
        (nn.Conv2d(2, 4, 2, padding=1, groups=2), (2, 2, 3, 3)),
        (nn.ConvTranspose1d(2, 3, 2, stride=2), (2, 2, 3)),
        (nn.ConvTranspose2d(2, 1, 3, stride=2, padding=1, output_padding=1), (1, 2, 2, 3)),
        (nn.ConvTranspose2d(2, 1, 2, bias=False), (1, 2, 2, 3)),
        (nn.MaxPool2d(2, 1), (1, 2, 3, 3)),
        (nn.AvgPool2d(2, padding=1, count_include_pad=False), (1, 2, 3, 3)),
        (nn.Upsample(scale_factor=2, mode="bilinear"), (1, 2, 2, 3)),
    ],
    ids=lambda value: repr(value) if isinstance(value, nn.Module) else "",
)
def test_gradients(layer, shape):
    check_layer(layer, rng.normal(size=shape))


@pytest.mark.parametrize(
    ("layer", "fan_in"),
    [
        (lambda: nn.Conv2d(20, 60, 5, groups=2), 10 * 25),
        (lambda: nn.ConvTranspose2d(20, 60, 5, groups=2), 30 * 25),  # PyTorch's: of the weight
        (lambda: nn.Conv1d(20, 60, 5), 20 * 5),
    ],
)
def test_weights_start_as_pytorchs_and_repeat_from_a_seed(layer, fan_in):
    manual_seed(1)
    first = layer()
    manual_seed(1)
    again = layer()
    bound = 1 / math.sqrt(fan_in)
    for p, q in zip(first.parameters(), again.parameters(), strict=True):
        np.testing.assert_array_equal(p.data, q.data)
        assert p.dtype == np.float32
        assert 0.9 * bound < np.abs(p.data).max() <= bound
    assert first.bias.shape == (60,)
    assert layer()(np.zeros((2, 20, *[9] * layer().spatial), np.float32)).shape[1] == 60


def test_pooling_and_upsampling():
    x = np.arange(16.0).reshape(1, 1, 4, 4)
    np.testing.assert_array_equal(nn.MaxPool2d(2)(x).data[0, 0], [[5, 7], [13, 15]])
    np.testing.assert_array_equal(nn.AvgPool2d(2)(x).data[0, 0], [[2.5, 4.5], [10.5, 12.5]])
    np.testing.assert_array_equal(nn.MaxPool2d(3, stride=1)(x).data[0, 0], [[10, 11], [14, 15]])
    small = nn.Upsample(size=(2, 4))(x)
    np.testing.assert_array_equal(small.data[0, 0], x[0, 0, ::2])
    np.testing.assert_array_equal(nn.AvgPool2d(2)(nn.Upsample(scale_factor=2)(x)).data, x)


def test_representations_say_the_settings():
    assert repr(nn.Conv2d(1, 8, 3, 2, "valid")) == (
        "Conv2d(1, 8, kernel_size=(3, 3), stride=(2, 2), padding='valid', dilation=(1, 1), groups=1)"
    )
    assert "output_padding=(1,)" in repr(nn.ConvTranspose1d(1, 8, 3, 2, 1, 1))
    assert repr(nn.MaxPool2d(2)) == "MaxPool2d(kernel_size=2, stride=2, padding=0)"
    assert repr(nn.Upsample(scale_factor=2)) == (
        "Upsample(scale_factor=2, mode='nearest', align_corners=False)"
    )


def test_a_misfit_names_the_layer_and_both_shapes():
    with pytest.raises(
        ShapeError, match=r"Conv2d\(3, 8.*\(batch, 3, height, width\); got \(2, 784"
    ):
        nn.Conv2d(3, 8, 3)(np.ones((2, 784)))
    with pytest.raises(ShapeError, match=r"ConvTranspose1d.*\(batch, 3, length\); got \(2, 4, 5\)"):
        nn.ConvTranspose1d(3, 8, 3)(Tensor(np.ones((2, 4, 5))))
    with pytest.raises(ShapeError, match="conv"):
        nn.Conv2d(1, 1, 9)(np.ones((1, 1, 4, 4)))  # kernel larger than the image


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Conv2d(0, 1, 3), "Conv2d: in_channels must be a positive whole number; got 0"),
        (lambda: nn.Conv2d(1, 1, (3, 3, 3)), "Conv2d: kernel_size must be"),
        (lambda: nn.Conv1d(1, 1, 3, stride=0), "Conv1d: stride must be"),
        (lambda: nn.Conv2d(1, 1, 3, padding=-1), "padding must be"),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), "3 input and 4 output channels .* 2 groups"),
        (lambda: nn.ConvTranspose2d(4, 3, 3, groups=2), "4 input and 3 output channels"),
        (lambda: nn.ConvTranspose2d(1, 1, 3, output_padding=-1), "output_padding must be"),
    ],
)
def test_settings_out_of_range_are_refused(make, message):
    with pytest.raises(ModelError, match=message):
        make()
