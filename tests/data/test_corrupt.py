"""What is drawn has the statistics promised, repeats from a generator, and is part of the graph."""

import numpy as np
import pytest

import tinygrad_ae as tg
from tinygrad_ae import Graph, Tensor
from tinygrad_ae.autodiff import record_everything
from tinygrad_ae.data.corrupt import (
    KINDS,
    blur,
    corruption,
    drift,
    dropout,
    gaussian,
    masking,
    occlusion,
    salt_and_pepper,
)
from tinygrad_ae.errors import DataError

STRENGTHS = {
    "gaussian": 0.3,
    "masking": 0.4,
    "salt_and_pepper": 0.2,
    "blur": 1.2,
    "occlusion": 0.25,
    "dropout": 0.8,
    "drift": 0.2,
}


def generator(seed=0):
    return np.random.default_rng(seed)


def samples(*shape):
    return generator(9).uniform(0.1, 0.9, shape).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_arrays_and_tensors_are_corrupted_alike(kind):
    x = samples(5, 6, 7)
    before = x.copy()
    y = KINDS[kind](x, STRENGTHS[kind], generator())
    z = KINDS[kind](Tensor(x), STRENGTHS[kind], generator())
    assert isinstance(y, np.ndarray)
    assert y.dtype == z.dtype == np.float32
    assert y.shape == x.shape
    np.testing.assert_array_equal(y, z.data)
    np.testing.assert_array_equal(x, before)
    assert y.min() >= 0
    assert y.max() <= 1
    assert (y != x).any(axis=(1, 2)).all()  # every sample is


@pytest.mark.parametrize("kind", KINDS)
def test_strength_zero_changes_nothing(kind):
    x = samples(4, 5, 5)
    np.testing.assert_array_equal(KINDS[kind](x, 0, generator()), x)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "blur"])
def test_the_generator_decides(kind):
    x = samples(5, 6, 7)
    first, again, other = (KINDS[kind](x, STRENGTHS[kind], generator(s)) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    tg.manual_seed(3)
    first = KINDS[kind](x, STRENGTHS[kind], None)
    tg.manual_seed(3)
    np.testing.assert_array_equal(first, KINDS[kind](x, STRENGTHS[kind], None))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "blur"])
def test_draws_are_operations_of_the_graph(kind):
    with record_everything():
        nodes = Graph.of(KINDS[kind](Tensor(samples(2, 4, 4)), STRENGTHS[kind], generator()))
    assert any(node.op.is_random for node in nodes if node.op)


def test_gaussian_noise_has_its_deviation():
    x = np.full((200, 500), 0.5, np.float32)
    noise = gaussian(x, 0.05, generator()) - x
    assert abs(noise.mean()) < 5 * 0.05 / 100_000**0.5
    assert noise.std() == pytest.approx(0.05, rel=0.02)
    clipped = gaussian(np.zeros((200, 500), np.float32), 0.5, generator())
    assert (clipped == 0).mean() == pytest.approx(0.5, abs=0.01)


def test_masking_zeroes_its_share_and_leaves_the_rest():
    x = samples(200, 500)
    y = masking(x, 0.3, generator())
    assert (y == 0).mean() == pytest.approx(0.3, abs=0.01)
    np.testing.assert_array_equal(y[y != 0], x[y != 0])


def test_salt_and_pepper_are_as_likely():
    x = samples(200, 500)
    y = salt_and_pepper(x, 0.3, generator())
    assert (y == 0).mean() == pytest.approx(0.15, abs=0.01)
    assert (y == 1).mean() == pytest.approx(0.15, abs=0.01)
    kept = (y != 0) & (y != 1)
    np.testing.assert_array_equal(y[kept], x[kept])


def test_blur_is_a_normal_density_around_a_point_and_keeps_what_is_flat():
    point = np.zeros((1, 21, 31))
    point[0, 10, 15] = 1
    y = blur(point, 1.5)[0]
    rows, columns = np.meshgrid(np.arange(21) - 10, np.arange(31) - 15, indexing="ij")
    density = np.exp(-(rows**2 + columns**2) / (2 * 1.5**2)) / (2 * np.pi * 1.5**2)
    np.testing.assert_allclose(y[5:-5, 5:-5], density[5:-5, 5:-5], rtol=1e-3)
    flat = np.full((2, 7, 5, 3), 0.7)
    np.testing.assert_allclose(blur(flat, 2.0), flat, rtol=1e-12)


def test_blur_does_not_mix_channels_or_samples():
    x = np.zeros((2, 6, 6, 3))
    x[0, 3, 3, 1] = 1
    y = blur(x, 1.0)
    assert y[0, ..., 1].sum() > 0.9
    assert y[1].max() == y[0, ..., 0].max() == y[0, ..., 2].max() == 0


@pytest.mark.parametrize("shape", [(28, 28), (12, 8, 3), (100,)])
@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 1.0])
def test_occlusion_is_one_box_of_its_share_anywhere(shape, share):
    x = np.ones((400, *shape), np.float32)
    hidden = occlusion(x, share, generator()) == 0
    sides = shape[:2]
    widths = [round(n * share ** (1 / len(sides))) for n in sides]
    for axis, (n, width) in enumerate(zip(sides, widths, strict=True)):
        others = tuple(a for a in range(1, len(shape) + 1) if a != axis + 1)
        along = hidden.any(others)
        starts = along.argmax(1)
        assert (along.sum(1) == width).all()
        assert ((starts + width - 1) == n - 1 - along[:, ::-1].argmax(1)).all()  # no gaps
        assert set(starts) <= set(range(n - width + 1))
        if n - width < 20:
            assert set(starts) == set(range(n - width + 1))
    assert (hidden.reshape(400, -1).sum(1) == np.prod(widths) * np.prod(shape[2:])).all()


def test_dropout_loses_times_in_all_channels_to_their_mean():
    x = samples(400, 50, 1, 3)
    y = dropout(x, 0.3, generator())
    lost = (y != x).any((2, 3))
    assert lost.mean() == pytest.approx(0.3, abs=0.01)
    mean = np.broadcast_to(x.mean(1, keepdims=True), x.shape)
    np.testing.assert_array_equal(y[lost], mean[lost])


def test_a_window_of_a_signal_is_hidden_for_a_stretch_of_time():
    x = np.ones((300, 20, 1, 2), np.float32)
    hidden = occlusion(x, 0.25, generator())[..., 0, 0] == 0
    assert (hidden.sum(1) == 5).all()
    assert (np.abs(np.diff(hidden.astype(int), axis=1)).sum(1) <= 2).all()


def test_drift_is_slow_and_as_high_as_its_strength():
    x = np.full((500, 200), 0.5)
    wave = drift(x, 0.3, generator()) - x
    assert np.abs(wave).max() == pytest.approx(0.3, rel=0.01)
    assert np.abs(np.diff(wave, axis=1)).max() <= 0.3 * 2 * np.pi / 199 * 1.001
    assert (np.diff(np.sign(np.diff(wave, axis=1)), axis=1) != 0).sum(1).max() <= 2  # one period


# ---- several, one after the other


def test_composition_applies_each_in_order_to_the_sample_in_its_shape():
    x = samples(6, 4 * 5)
    corrupt = corruption(("masking", "blur", "gaussian"), (0.3, 1.0, 0.1), (4, 5), generator())
    rng = generator()
    y = gaussian(blur(masking(x.reshape(6, 4, 5), 0.3, rng), 1.0), 0.1, rng)
    np.testing.assert_array_equal(corrupt(x), y.reshape(6, 20))


def test_without_a_shape_samples_stay_flat():
    x = samples(6, 20)
    corrupt = corruption(["masking"], [0.3], generator=generator())
    np.testing.assert_array_equal(corrupt(x), masking(x, 0.3, generator()))
    np.testing.assert_array_equal(corruption([], [])(x), x)


def test_gradients_pass_through_what_is_left():
    x = Tensor(np.full((50, 40), 0.5), requires_grad=True)
    y = corruption(["masking"], [0.3], generator=generator())(x)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.data, (y.data != 0).astype(float))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["gausian"], [0.1]), "no corruption named 'gausian'. Did you mean 'gaussian'"),
        ((["blur"], [1.0]), "blur needs the shape of a sample"),
        ((["masking", "gaussian"], [0.1]), "one strength; got 1 for masking, gaussian"),
        (([], [0.1]), "got 1 for no corruption"),
    ],
)
def test_what_cannot_be_composed_is_refused(arguments, message):
    with pytest.raises(DataError, match=message):
        corruption(*arguments)


@pytest.mark.parametrize(
    ("kind", "strength", "message"),
    [
        ("gaussian", -0.1, "a standard deviation, at least 0; got -0.1"),
        ("gaussian", float("nan"), "got nan"),
        ("blur", float("inf"), "a width in pixels, at least 0; got inf"),
        ("masking", 1.2, r"a probability, in \[0, 1\]; got 1.2"),
        ("salt_and_pepper", -1, "a probability"),
        ("occlusion", 2, r"a share, in \[0, 1\]"),
        ("dropout", 1.1, r"a probability, in \[0, 1\]"),
        ("drift", -1, "an amplitude"),
    ],
)
def test_a_strength_out_of_range_is_refused(kind, strength, message):
    with pytest.raises(DataError, match=message):
        KINDS[kind](samples(2, 3, 3), strength, None)


def test_a_shape_that_does_not_fit_is_refused():
    with pytest.raises(DataError, match=r"samples of 20 values cannot have the shape \(4, 4\)"):
        corruption(["blur"], [1.0], (4, 4))(samples(3, 20))
