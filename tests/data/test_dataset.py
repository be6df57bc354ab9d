import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_ae.data import Scaling, load, load_samples
from tinygrad_ae.data.dataset import assemble
from tinygrad_ae.data.raw import Raw
from tinygrad_ae.errors import DataError

FINITE = st.floats(-1e6, 1e6)


def raw(x, y=None, where="the source"):
    return Raw(np.asarray(x), None if y is None else np.asarray(y), where=where)


def numbered(n, width=2):
    return np.arange(n * width, dtype=np.float64).reshape(n, width)


@given(n=st.integers(10, 60))
def test_a_tenth_is_held_out_for_each_missing_split_without_overlap(n):
    y = np.arange(n)
    data = assemble("x", {"train": raw(numbered(n), y)})
    assert len(data.validation) == len(data.test) == n // 10
    rows = np.concatenate([data.train.y, data.validation.y, data.test.y])
    np.testing.assert_array_equal(np.sort(rows), y)
    for split in (data.train, data.validation, data.test):
        np.testing.assert_array_equal(split.y, np.sort(split.y))
        np.testing.assert_allclose(  # labels stay with their samples
            data.scaling.invert(split.x), numbered(n)[split.y], atol=1e-4
        )


def test_the_held_out_samples_are_the_same_every_time_and_not_the_last():
    a, b = (assemble("x", {"train": raw(numbered(100), np.arange(100))}) for _ in range(2))
    np.testing.assert_array_equal(a.test.y, b.test.y)
    assert a.test.y.min() < 90


def test_splits_that_are_there_are_kept_whole():
    parts = {"train": raw(numbered(20), np.arange(20)), "test": raw(numbered(3), [7, 8, 9])}
    data = assemble("x", parts)
    np.testing.assert_array_equal(data.test.y, [7, 8, 9])
    assert (len(data.train), len(data.validation)) == (18, 2)
    parts["validation"] = raw(numbered(4))
    data = assemble("x", parts)
    np.testing.assert_array_equal(data.train.y, np.arange(20))
    assert data.validation.y is None


def test_too_few_samples_to_divide_are_refused():
    with pytest.raises(DataError, match="holds 9 samples; at least 10 are needed"):
        assemble("x", {"train": raw(numbered(9))})
    splits = dict.fromkeys(("train", "validation", "test"), raw(numbered(1)))
    assert len(assemble("x", splits).train) == 1


def test_splits_must_fit_each_other():
    train = raw(np.zeros((20, 4, 4), np.uint8), where="a")
    with pytest.raises(DataError, match=r"a holds samples of shape \(4, 4\), uint8, but b of shap"):
        assemble("x", {"train": train, "test": raw(np.zeros((20, 4, 5), np.uint8), where="b")})
    with pytest.raises(DataError, match=r"but b of shape \(4, 4\), float64"):
        assemble("x", {"train": train, "test": raw(np.zeros((20, 4, 4)), where="b")})


def test_bytes_are_divided_by_255():
    data = load(np.full((10, 2, 2), 51, np.uint8))
    np.testing.assert_array_equal(data.train.x, np.float32(0.2))
    assert (data.shape, data.train.x.shape) == ((2, 2), (8, 4))


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float16, np.float64])
def test_values_within_0_and_1_stay_as_they_are(dtype):
    x = np.tile(np.array([[0, 1]], dtype), (10, 1))
    np.testing.assert_array_equal(load(x).train.x, x[:8].astype(np.float32))


def test_pixels_are_scaled_together_and_columns_each_for_itself():
    x = np.stack([np.linspace(-3, 1, 30), np.linspace(0, 100, 30), np.full(30, 5.0)], axis=1)
    columns = load(x)
    low, high = columns.train.x.min(0), columns.train.x.max(0)
    np.testing.assert_array_equal(low, [0, 0, 0])
    np.testing.assert_array_equal(high, [1, 1, 0])  # what is constant becomes 0
    pixels = load(x.reshape(30, 3, 1))
    assert pixels.scaling.scale.shape == ()
    assert (pixels.train.x.min(), pixels.train.x.max()) == (0, 1)
    np.testing.assert_array_equal(load(x, shape=(3, 1)).train.x, pixels.train.x)


def test_the_scaling_is_fitted_to_the_training_split_alone():
    parts = {"train": raw([[0.0], [10.0]]), "validation": raw([[20.0]]), "test": raw([[-10.0]])}
    data = assemble("x", parts)
    assert data.validation.x.item() == 2
    assert data.test.x.item() == -1


@given(
    hnp.arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(1, 4)), elements=FINITE),
    st.sampled_from(["alike", "columns", "channels"]),
)
def test_scaling_reaches_the_unit_interval_and_comes_back(x, features):
    d = x.shape[1]
    units = {"alike": None, "columns": d, "channels": 2 if d % 2 == 0 else 1}[features]
    scaling = Scaling.fit(x, units=units)
    scaled = scaling.apply(x)
    assert scaled.dtype == np.float32
    assert scaled.min() >= 0
    assert scaled.max() <= 1
    tolerance = 1e-6 * (1 + np.abs(scaling.scale) + np.abs(x))
    assert (np.abs(scaling.invert(scaled) - x) <= tolerance).all()


def test_a_large_offset_does_not_swallow_what_is_small_beside_it():
    seconds = 1.7e9 + np.linspace(0, 1, 11)[:, None]
    scaled = Scaling.fit(seconds, units=1).apply(seconds)
    np.testing.assert_allclose(scaled[:, 0], np.linspace(0, 1, 11), atol=1e-6)


def test_what_is_left_out_by_its_label_has_no_say_in_the_scaling(tmp_path):
    x, y = np.linspace(0, 9, 40)[:, None], np.repeat([0, 1], 20)
    np.savez(tmp_path / "x.npz", x=x, y=y)
    low, everything = load(tmp_path / "x.npz", only=(0,)), load(tmp_path / "x.npz")
    assert low.train.x.max() == 1
    assert len(low.test) == (everything.test.y == 0).sum()  # the same samples are held out
    again = load(tmp_path / "x.npz", scaling=low.scaling)
    np.testing.assert_array_equal(again.test.x[again.test.y == 0], low.test.x)
    assert again.train.x.max() > 1
    with pytest.raises(DataError, match="the train split has no sample labelled 7; its labels"):
        load(tmp_path / "x.npz", only=(7,))


def test_more_samples_than_are_scaled_at_a_time():
    x = np.arange(10_000, dtype=np.int32)[:, None]
    scaled = Scaling(0, 10_000).apply(x)
    np.testing.assert_array_equal(scaled, (x / 10_000).astype(np.float32))


def test_scalings_that_cannot_be_are_refused():
    for offset, scale in ((np.nan, 1), (0, 0), (0, [1, np.inf])):
        with pytest.raises(DataError, match="A scaling needs finite offsets"):
            Scaling(offset, scale)
    with pytest.raises(DataError, match=r"1e\+300 of sample 1, .*far outside the range of"):
        Scaling().apply(np.array([[0], [1e300]]))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((10, 2), complex), "complex numbers, not real numbers"),
        (np.full((10, 2), "a"), "text, not real"),
        (np.full((10, 2), None), "Python objects, not real"),
        (np.zeros((10, 2), "M8[s]"), r"type datetime64\[s\], not real"),
        (np.zeros((0, 2)), r"no samples: its shape is \(0, 2\)"),
        (np.zeros((10, 0)), r"no samples: its shape is \(10, 0\)"),
        (np.array(3.0), r"no samples: its shape is \(\)"),
        (
            np.zeros(10),
            r"shape \(10,\), expected \(samples, \.\.\.\).*reshape it to \(samples, 1\)",
        ),
    ],
)
def test_arrays_that_are_no_samples_are_refused(x, message):
    with pytest.raises(DataError, match=message):
        load(x)


def test_values_that_are_not_finite_are_counted_and_the_first_is_located():
    x = np.zeros((12, 2, 3))
    x[4, 1, 2], x[7] = np.inf, np.nan
    with pytest.raises(DataError, match=r"7 of 72, the first is inf at index \[4, 1, 2\]"):
        load(x)


@pytest.mark.parametrize("value", [-1.7e308, 1e39, 3.41e38])
def test_values_that_float32_cannot_hold_are_located(tmp_path, value):
    x = np.zeros((12, 3))
    x[4, 1] = value
    match = r"float32 cannot hold: 1 of 36, .* at index \[4, 1\] \(sample 4, counted from 0\)"
    with pytest.raises(DataError, match=match):
        load(x)
    np.save(tmp_path / "x.npy", x)
    samples = load_samples(tmp_path / "x.npy", (3,), None)
    assert not samples[:4].any()
    with pytest.raises(DataError, match=r"sample 4, counted from 0"):
        samples[2:6]


def test_labels_must_fit():
    for label in (2**63, 2**64 - 1):
        with pytest.raises(DataError, match=rf"has the label {label} at index 1; labels are at m"):
            raw(numbered(2), np.array([0, label], np.uint64))
    with pytest.raises(DataError, match=r"has the label -9007199254740992 at index 0"):
        raw(numbered(2), np.array([-(2**53), 3]))


def test_labels_must_be_integers():
    with pytest.raises(DataError, match=r"labels that are values of type float64; expected integ"):
        raw(numbered(2), [0.5, 1.0])
    with pytest.raises(DataError, match=r"labels that are text"):
        raw(numbered(2), ["cat", "dog"])


def test_a_shape_that_does_not_fit_is_refused():
    with pytest.raises(DataError, match=r"found samples of shape \(6,\), expected \(4, 4\)"):
        load(np.zeros((10, 6)), shape=(4, 4))


def test_a_data_set_is_shown_in_a_few_words() -> None:
    x = np.stack([np.arange(40.0), 100 * np.arange(40.0)], 1)
    data = assemble("table", {"train": Raw(x, np.arange(40) % 3, "the table")})
    assert repr(data) == (
        "<Dataset table: 32 train, 4 validation, 4 test samples of shape (2,); scaling: each "
        "column or channel from its own range to 0...1 (all lie in 0...3900)>"
    )
    assert repr(data.test) == "<Split: 4 samples of 2 values, labels 0...2>"
    assert (
        repr(Scaling(np.zeros(9), np.full(9, 255.0)))
        == "<Scaling: all values from 0...255 to 0...1>"
    )
    assert str(Scaling()) == "none"
