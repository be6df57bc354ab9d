import hashlib

import numpy as np
import pytest

from tinygrad_ae.data import idx, load, mnist


@pytest.fixture
def small_mnist(tmp_path, monkeypatch):
    """A cache that holds small files under MNIST's names, whose checksums count as right."""
    monkeypatch.setenv("TINYGRAD_AE_CACHE", str(tmp_path))
    folder = tmp_path / "mnist"
    folder.mkdir()
    arrays = {
        "train-images-idx3-ubyte.gz": np.arange(12 * 4).reshape(12, 2, 2),
        "train-labels-idx1-ubyte.gz": np.arange(12),
        "t10k-images-idx3-ubyte.gz": np.arange(2 * 4).reshape(2, 2, 2),
        "t10k-labels-idx1-ubyte.gz": np.arange(2),
    }
    sha256 = {}
    for name, array in arrays.items():
        idx.write(folder / name, array.astype(np.uint8))
        sha256[name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    monkeypatch.setitem(mnist.SOURCES, "mnist", mnist._Source(mirrors=(), sha256=sha256))


def test_the_last_training_samples_are_the_validation_split(small_mnist, monkeypatch):
    monkeypatch.setattr(mnist, "VALIDATION", 5)
    data = load("mnist")
    assert (data.name, data.shape) == ("mnist", (2, 2))
    np.testing.assert_array_equal(data.train.y, np.arange(7))
    np.testing.assert_array_equal(data.validation.y, np.arange(7, 12))
    np.testing.assert_array_equal(data.test.y, [0, 1])
    np.testing.assert_array_equal(
        data.validation.x[0], np.float32([28, 29, 30, 31]) / np.float32(255)
    )


def test_every_file_has_a_checksum_and_every_mirror_is_a_folder():
    assert mnist.VALIDATION == 5_000
    for source in mnist.SOURCES.values():
        assert len(source.sha256) == 4
        assert all(len(bytes.fromhex(digest)) == 32 for digest in source.sha256.values())
        assert all(mirror.startswith("http") and mirror.endswith("/") for mirror in source.mirrors)


def test_encrypted_mirrors_are_asked_first():
    for source in mnist.SOURCES.values():
        assert source.mirrors[0].startswith("https://")
