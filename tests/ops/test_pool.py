"""Windows, pooling and upsampling against plain loops; derivatives to the second order."""

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_ae import Tensor, check_op, grad, gradcheck, ops

RNG = np.random.default_rng(5)


def array(*shape):
    """Distinct values in no order, so that no two tie."""
    return RNG.permutation(np.arange(np.prod(shape, dtype=int)) * 0.37 - 1.1).reshape(shape)


def pooled(x, reduce, kernel, stride=None, padding=0, value=0.0):
    n = x.ndim - 2
    stride = kernel if stride is None else stride
    k, s, p = ((v,) * n if isinstance(v, int) else v for v in (kernel, stride, padding))
    x = np.pad(x, ((0, 0), (0, 0), *((a, a) for a in p)), constant_values=value)
    size = [(x.shape[2 + i] - k[i]) // s[i] + 1 for i in range(n)]
    z = np.zeros((*x.shape[:2], *size))
    for place in np.ndindex(*size):
        window = x[(..., *(slice(s[i] * q, s[i] * q + k[i]) for i, q in enumerate(place)))]
        z[(..., *place)] = reduce(window, axis=tuple(range(2, 2 + n)))
    return z


# ---- windows


@pytest.mark.parametrize(
    ("shape", "settings"),
    [
        ((2, 5, 4), {"kernel_size": (2, 3), "stride": (2, 1)}),
        ((5, 6), {"kernel_size": (2, 2), "stride": 2, "dilation": (3, 2)}),
        ((2, 7), {"kernel_size": (3,), "dilation": 2}),
    ],
)
def test_windows_and_their_fold(shape, settings):
    x, n = array(*shape), len(settings["kernel_size"])
    assert check_op(ops.sliding_windows, [((x,), settings)])
    windows = ops.sliding_windows(x, **settings)
    back = {k: v for k, v in settings.items() if k != "kernel_size"} | {"size": shape[-n:]}
    assert check_op(ops.fold, [((array(*windows.shape),), back)])
    # fold counts how many windows cover an element
    cover = ops.fold(np.ones(windows.shape), **back)
    np.testing.assert_allclose(ops.fold(windows, **back), x * cover)


def test_windows_hold_the_elements_they_cover():
    windows = ops.sliding_windows(np.arange(8.0), (3,), stride=2, dilation=2)
    assert windows.tolist() == [[0, 2, 4], [2, 4, 6]]


def test_fold_refuses_what_are_no_windows():
    with pytest.raises(ValueError, match="fold to 5"):
        ops.fold(np.ones((2, 2)), (5,))


# ---- pooling

SETTINGS = [
    ((2, 2, 4, 5), {"kernel_size": 2}),
    ((1, 2, 5, 4), {"kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 0)}),
    ((1, 1, 1, 1), {"kernel_size": 1}),
]


@pytest.mark.parametrize(("shape", "how"), SETTINGS)
def test_pooling_of_images(shape, how):
    keys = ("kernel_size", "stride", "padding")
    plain = [how.get(k, d) for k, d in zip(keys, (None, None, 0), strict=True)]
    assert check_op(
        ops.max_pool2d,
        [((array(*shape),), how)],
        reference=lambda x, **_: pooled(x, np.max, *plain, value=-np.inf),
    )
    assert check_op(
        ops.avg_pool2d,
        [((array(*shape),), how)],
        reference=lambda x, **_: pooled(x, np.mean, *plain),
    )
    assert check_op(
        ops.avg_pool2d,
        [((array(*shape),), how | {"count_include_pad": False})],
        reference=lambda x, **_: pooled(x, np.nanmean, *plain, value=np.nan),
    )


def test_pooling_of_sequences():
    x, how = array(2, 2, 7), {"kernel_size": 3, "stride": 2, "padding": 1}
    assert check_op(
        ops.max_pool1d,
        [((x,), how)],
        reference=lambda x, **_: pooled(x, np.max, 3, 2, 1, value=-np.inf),
    )
    assert check_op(
        ops.avg_pool1d, [((x,), how)], reference=lambda x, **_: pooled(x, np.mean, 3, 2, 1)
    )


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_pooling_of_any_shape(data):
    def number(low, high):
        return data.draw(st.integers(low, high))

    kernel = (number(1, 3), number(1, 3))
    stride = (number(1, 3), number(1, 3))
    padding = tuple(number(0, k // 2) for k in kernel)
    x = array(number(0, 2), number(1, 2), *(k + number(0, 3) for k in kernel))
    f = lambda x: ops.max_pool2d(x, kernel, stride, padding)
    h = lambda x: ops.avg_pool2d(x, kernel, stride, padding, count_include_pad=False)
    np.testing.assert_allclose(f(x), pooled(x, np.max, kernel, stride, padding, -np.inf))
    np.testing.assert_allclose(
        h(x), pooled(x, np.nanmean, kernel, stride, padding, np.nan), atol=1e-12
    )
    assert gradcheck(f, x)
    assert gradcheck(h, x)


def test_equal_maxima_share_the_gradient():
    x = Tensor(np.ones((1, 1, 2, 4)), requires_grad=True)
    assert grad(ops.max_pool2d(x, 2).sum(), x).tolist() == [[[[0.25] * 4] * 2]]


def test_padding_never_wins_even_among_negative_values():
    x = -np.ones((1, 1, 2, 2))
    assert (ops.max_pool2d(x, 2, padding=1) == -1).all()
    assert (ops.max_pool2d(x.astype(np.int64), 2, padding=1) == -1).all()


def test_pooling_may_read_any_memory_layout():
    x = array(4, 6, 3, 2).T[:, :, ::-1, :]
    copy = np.ascontiguousarray(x)
    for f in (ops.max_pool2d, ops.avg_pool2d):
        assert np.array_equal(f(x, 2, 1), f(copy, 2, 1))
        assert gradcheck(lambda x, f=f: f(x, 2, 1), x)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ops.max_pool2d(array(1, 2, 3), 2), "batch, channels, height"),
        (lambda: ops.avg_pool1d(array(1, 2, 3, 3), 2), "batch, channels, length"),
        (lambda: ops.max_pool2d(array(1, 1, 3, 3), 4), "4 x 4 does not fit into 3 x 3"),
        (lambda: ops.max_pool2d(array(1, 1, 3, 3), 2, padding=2), "at most half"),
        (lambda: ops.max_pool2d(array(1, 1, 3, 3), 0), "kernel_size.*at least 1"),
        (lambda: ops.max_pool2d(array(1, 1, 3, 3), (2, 2, 2)), "or 2 of them"),
    ],
)
def test_mistakes_in_pooling_are_explained(call, words):
    with pytest.raises(ValueError, match=words):
        call()


# ---- upsampling


@pytest.mark.parametrize(
    ("x", "settings", "expected"),
    [
        ([1.0, 2.0], {"size": 5}, [1, 1, 1, 2, 2]),
        ([1.0, 2.0, 3.0], {"size": 2}, [1, 2]),
        ([1.0, 2.0], {"scale_factor": 3}, [1, 1, 1, 2, 2, 2]),
        ([1.0, 2.0, 3.0], {"scale_factor": 1.5}, [1, 1, 2, 3]),
        ([1.0, 3.0], {"size": 4, "mode": "linear"}, [1, 1.5, 2.5, 3]),
        ([1.0, 3.0], {"size": 5, "mode": "linear", "align_corners": True}, [1, 1.5, 2, 2.5, 3]),
        ([1.0, 3.0], {"size": 1, "mode": "linear", "align_corners": True}, [1]),
        ([1.0, 3.0], {"size": 1, "mode": "linear"}, [2]),
        ([4.0], {"size": 3, "mode": "linear"}, [4, 4, 4]),
    ],
)
def test_upsampling_of_sequences(x, settings, expected):
    z = ops.upsample(np.array([[x]]), **settings)
    np.testing.assert_allclose(z[0, 0], expected)


@settings(max_examples=40, deadline=None)
@given(*(st.integers(1, 6) for _ in range(4)))
def test_nearest_takes_the_element_at_the_scaled_index(h, w, new_h, new_w):
    x = array(2, 1, h, w)
    rows, columns = np.arange(new_h) * h // new_h, np.arange(new_w) * w // new_w
    z = ops.upsample(x, (new_h, new_w))
    assert np.array_equal(z, x[:, :, rows][..., columns])


@settings(max_examples=40, deadline=None)
@given(*(st.integers(2, 6) for _ in range(4)))
def test_bilinear_interpolates_between_neighbours(h, w, new_h, new_w):
    x = array(1, 1, h, w)
    z = ops.upsample(x, (new_h, new_w), mode="bilinear", align_corners=True)
    corners = np.meshgrid(np.linspace(0, h - 1, new_h), np.linspace(0, w - 1, new_w), indexing="ij")
    wanted = scipy.ndimage.map_coordinates(x[0, 0], corners, order=1, mode="nearest")
    np.testing.assert_allclose(z[0, 0], wanted, atol=1e-12)
    edges = [(np.arange(new) + 0.5) * old / new - 0.5 for new, old in ((new_h, h), (new_w, w))]
    z = ops.upsample(x, (new_h, new_w), mode="bilinear")
    grid = np.meshgrid(*edges, indexing="ij")
    wanted = scipy.ndimage.map_coordinates(x[0, 0], grid, order=1, mode="nearest")
    np.testing.assert_allclose(z[0, 0], wanted, atol=1e-12)


@pytest.mark.parametrize(
    "how",
    [
        {"scale_factor": 2},
        {"size": (3, 1)},
        {"size": (5, 4), "mode": "bilinear"},
        {"scale_factor": (1.5, 2), "mode": "bilinear", "align_corners": True},
    ],
)
def test_upsampling_of_images_differentiates(how):
    samples = [((array(*shape),), how) for shape in ((2, 1, 2, 3), (0, 2, 2, 2))]
    samples.append(((array(3, 2, 2, 1).T,), how))
    assert check_op(ops.upsample, samples)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ops.upsample(array(1, 1, 2)), "either size or scale_factor"),
        (lambda: ops.upsample(array(1, 1, 2), 3, 2), "either size or scale_factor"),
        (lambda: ops.upsample(array(1, 2), 3), "batch, channels"),
        (lambda: ops.upsample(np.ones((1, 1, 2), dtype=int), 3), "floats.*int64"),
        (lambda: ops.upsample(array(1, 1, 2), 3, mode="bilinear"), '"linear"; got'),
        (lambda: ops.upsample(array(1, 1, 2), 3, mode="cubic"), "'cubic'"),
        (lambda: ops.upsample(array(1, 1, 2), 3, align_corners=True), "align_corners"),
        (lambda: ops.upsample(array(1, 1, 2), 0), "size.*at least 1"),
        (lambda: ops.upsample(array(1, 1, 2), scale_factor=0.2), "scale_factor"),
        (lambda: ops.upsample(array(1, 1, 2), scale_factor=(2, 2)), "scale_factor"),
    ],
)
def test_mistakes_in_upsampling_are_explained(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_padding_takes_no_gradient_where_all_is_minus_infinity():
    x = Tensor(np.full((1, 1, 2, 2), -np.inf), requires_grad=True)
    y = ops.max_pool2d(x, 2, padding=1)
    assert y.shape == (1, 1, 2, 2)
    np.testing.assert_array_equal(grad(y.sum(), x).data, np.ones((1, 1, 2, 2)))


def test_pooling_and_upsampling_take_lists():
    x = [[[1.0, 3.0, 2.0, 0.0]]]
    assert ops.max_pool1d(x, 2).tolist() == [[[3, 2]]]
    assert ops.avg_pool1d(x, 2).tolist() == [[[2, 1]]]
    assert ops.upsample(x, 2).tolist() == [[[1, 2]]]
