import bz2
import gzip
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_ae.data import idx
from tinygrad_ae.errors import DataError

TYPES = ["u1", "i1", "i2", "i4", "f4", "f8"]


@given(
    array=st.sampled_from(TYPES).flatmap(
        lambda t: hnp.arrays(t, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
    ),
    suffix=st.sampled_from(["", ".gz", ".bz2"]),
)
def test_what_is_written_is_read(tmp_path_factory, array, suffix):
    path = tmp_path_factory.getbasetemp() / f"round-trip-idx-x{suffix}"
    idx.write(path, array)
    found = idx.read(path)
    assert found.dtype == array.dtype
    assert found.dtype.isnative
    np.testing.assert_array_equal(found, array)


def test_reads_the_format_as_mnist_defines_it(tmp_path):
    path = tmp_path / "two-idx2-short"
    path.write_bytes(bytes([0, 0, 0x0B, 2]) + struct.pack(">II3h", 1, 3, 1, -2, 300))
    np.testing.assert_array_equal(idx.read(path), [[1, -2, 300]])


@pytest.mark.parametrize("suffix", [".gz", ".bz2"])
def test_writes_the_same_bytes_again(tmp_path, suffix):
    array = np.arange(1000, dtype=np.uint8)
    idx.write(tmp_path / f"a{suffix}", array)
    idx.write(tmp_path / f"b{suffix}", array)
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_recognises_packing_by_content(tmp_path):
    plain = bytes([0, 0, 8, 1]) + struct.pack(">I", 2) + b"\1\2"
    for pack in (bytes, gzip.compress, bz2.compress):
        (tmp_path / "labels-idx1-ubyte.gz").write_bytes(pack(plain))
        np.testing.assert_array_equal(idx.read(tmp_path / "labels-idx1-ubyte.gz"), [1, 2])


def images(shape: tuple[int, ...], n: int) -> bytes:
    return bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + bytes(n)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (images((3, 2, 2), 11), r"found 11 bytes of data, expected 12 for 3 × 2 × 2 uint8"),
        (images((3, 2, 2), 13), r"found 13 bytes of data, expected 12"),
        (images((2**32 - 1,) * 8, 12), r"found 12 bytes"),
        (images((3, 2, 2), 0)[:9], r"found 9 bytes, expected 16 for 3 dimensions"),
        (b"<!DOCTYPE html>", r"begins with b'<!DO'"),
        (b"", r"begins with b''"),
        (b"\0\0\x07\1\0\0\0\0", r"type 0x07, which does not exist; the types are 0x08 \(uint8\)"),
        (
            gzip.compress(images((9, 9, 9), 729), mtime=0)[:-9],
            r"begins as gzip but cannot be unpacked",
        ),
        (bz2.compress(images((9, 9, 9), 729))[:-9], r"begins as bz2 but cannot be unpacked"),
        (b"\x1f\x8bnot really", r"begins as gzip but cannot be unpacked"),
    ],
)
def test_damage_is_named(tmp_path, content, message):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        idx.read(path)
    assert str(path) in str(caught.value)
    assert "again" in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"gone cannot be read: No such file"):
        idx.read(tmp_path / "gone")


def test_a_type_idx_does_not_have_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(DataError, match="IDX cannot hold int64"):
        idx.write(tmp_path / "x", np.arange(3))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_read_by_mnists_names(tmp_path):
    x = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    idx.write(tmp_path / "train-images-idx3-ubyte.gz", x)
    idx.write(tmp_path / "train-images-idx3-ubyte", x + 1)  # unpacked: the one that is read
    idx.write(tmp_path / "train-labels.idx1-ubyte", np.array([1, 2, 3], np.uint8))
    idx.write(tmp_path / "t10k-images-idx3-ubyte.bz2", x + 2)
    (tmp_path / "LICENSE").write_text("not data")
    parts = idx.read_folder(tmp_path)
    assert list(parts) == ["train", "test"]
    np.testing.assert_array_equal(parts["train"].x, x + 1)
    np.testing.assert_array_equal(parts["train"].y, [1, 2, 3])
    np.testing.assert_array_equal(parts["test"].x, x + 2)
    assert parts["test"].y is None


def test_a_folder_needs_training_images(tmp_path):
    idx.write(tmp_path / "t10k-images-idx3-ubyte", np.zeros((2, 2, 2), np.uint8))
    with pytest.raises(DataError, match="no training images; name that file train-images"):
        idx.read_folder(tmp_path)


def test_labels_must_be_as_many_as_images(tmp_path):
    idx.write(tmp_path / "train-images-idx3-ubyte", np.zeros((3, 2, 2), np.uint8))
    idx.write(tmp_path / "train-labels-idx1-ubyte", np.zeros(2, np.uint8))
    with pytest.raises(DataError, match=r"labels of shape \(2,\), expected \(3,\)"):
        idx.read_folder(tmp_path)
