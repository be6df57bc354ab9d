import numpy as np
import pytest

from tinygrad_ae.data.arrays import read_npy, read_npz
from tinygrad_ae.errors import DataError

X = np.arange(24.0).reshape(12, 2)
Y = np.arange(12)


def test_npy(tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.testing.assert_array_equal(read_npy(tmp_path / "x.npy").x, X)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content[:-5], r"cannot be read as NumPy's \.npy"),
        (lambda content: content[:20], r"cannot be read as NumPy's \.npy"),
        (lambda content: content.replace(b"(12, 2)", b"(10**12,"), r"cannot be read as NumPy's"),
        (lambda content: content.replace(b"(12, 2), ", b"(99999,2)"), r"cannot be read as NumPy's"),
        (lambda content: b"", r"cannot be read as NumPy's"),
        (lambda content: b"no array at all", r"cannot be read as NumPy's"),
    ],
)
def test_damaged_npy(tmp_path, change, message):
    path = tmp_path / "x.npy"
    np.save(path, X)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(DataError, match=message) as caught:
        read_npy(path)
    assert f"{path} cannot be read" in str(caught.value)
    assert "Save it again" in str(caught.value)


def test_npy_of_no_samples(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((0, 3)))
    with pytest.raises(DataError, match=r"x\.npy holds no samples: its shape is \(0, 3\)"):
        read_npy(tmp_path / "x.npy")


def test_objects_are_not_unpickled(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{}, []], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"x\.npy holds Python objects, not numbers"):
        read_npy(tmp_path / "x.npy")
    np.savez(tmp_path / "x.npz", x=np.array([{}, []], dtype=object))
    with pytest.raises(DataError, match=r"x\.npz holds Python objects, not numbers"):
        read_npz(tmp_path / "x.npz")


@pytest.mark.parametrize("samples", ["x", "X", "images", "data"])
@pytest.mark.parametrize("labels", ["y", "labels", "label"])
def test_npz_of_samples_and_labels(tmp_path, samples, labels):
    np.savez(tmp_path / "x.npz", **{samples: X, labels: Y, "other": Y})
    parts = read_npz(tmp_path / "x.npz")
    assert list(parts) == ["train"]
    np.testing.assert_array_equal(parts["train"].x, X)
    np.testing.assert_array_equal(parts["train"].y, Y)


def test_npz_of_the_only_array(tmp_path):
    np.savez_compressed(tmp_path / "x.npz", X)
    parts = read_npz(tmp_path / "x.npz")
    np.testing.assert_array_equal(parts["train"].x, X)
    assert parts["train"].y is None


@pytest.mark.parametrize("prefix", ["", "x_"])
def test_npz_of_splits(tmp_path, prefix):
    np.savez(tmp_path / "x.npz", **{f"{prefix}train": X, "y_train": Y, f"{prefix}test": X[:3]})
    parts = read_npz(tmp_path / "x.npz")
    assert list(parts) == ["train", "test"]
    np.testing.assert_array_equal(parts["train"].y, Y)
    np.testing.assert_array_equal(parts["test"].x, X[:3])
    assert parts["test"].y is None


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, r"holds the arrays \(none\); expected x"),
        ({"a": X, "b": X}, r"holds the arrays a, b; expected x"),
        ({"x_test": X, "y_test": Y}, r"holds the arrays x_test, y_test; expected x"),
        ({"x": X, "X": X}, r"holds both x and X"),
        ({"train": X, "x_train": X}, r"holds both train and x_train"),
        ({"x_train": X, "x_valid": X}, r"holds x_train, but also x_valid, which would not be"),
        ({"x": X, "y": Y[:-1]}, r"labels of shape \(11,\), expected \(12,\)"),
    ],
)
def test_npz_of_other_things(tmp_path, arrays, message):
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(DataError, match=message) as caught:
        read_npz(tmp_path / "x.npz")
    assert "x.npz" in str(caught.value)


def test_damaged_npz(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, x=X)
    whole = path.read_bytes()
    np.save(tmp_path / "x.npy", X)
    flipped = bytearray(whole)
    flipped[200] ^= 1
    for content in (whole[:-30], bytes(flipped), b"", b"PK", (tmp_path / "x.npy").read_bytes()):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"x\.npz cannot be read as NumPy's \.npz"):
            read_npz(path)
