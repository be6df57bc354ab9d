import hashlib
import re
import shutil

import numpy as np
import pytest

from tinygrad_ae.data import digits, idx, load
from tinygrad_ae.data.digits import cut
from tinygrad_ae.errors import DataError


def test_the_bundled_set_is_balanced_and_small():
    data = load("digits")
    assert data.name == "digits"
    assert (data.shape, data.features) == ((28, 28), 784)
    for split, n in ((data.train, 1500), (data.validation, 200), (data.test, 200)):
        assert split.x.shape == (10 * n, 784)
        assert split.x.dtype == np.float32
        assert split.y is not None
        np.testing.assert_array_equal(np.bincount(split.y), [n] * 10)
        assert (split.x.min(), split.x.max()) == (0, 1)
    assert sum(path.stat().st_size for path in digits.FOLDER.glob("*.bz2")) < 2_800_000


def test_no_sample_is_in_two_splits():
    parts = digits.read()
    seen = [{x.tobytes() for x in part.x} for part in parts.values()]
    assert len(set.union(*seen)) == sum(map(len, seen)) == 19_000


def test_the_readme_tells_the_checksums():
    text = (digits.FOLDER / "README.md").read_text(encoding="utf-8")
    table = re.findall(r"\| `(\S+)` \| ([\d,]+) \| `(\w+)` \|", text)
    assert {name: sha for name, _, sha in table} == digits.SHA256
    for name, size, sha in table:
        content = (digits.FOLDER / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == sha
        assert f"{len(content):,}" == size


def test_a_damaged_installation_is_named(tmp_path, monkeypatch):
    for name in digits.SHA256:
        shutil.copy(digits.FOLDER / name, tmp_path)
    monkeypatch.setattr(digits, "FOLDER", tmp_path)
    path = tmp_path / "test-labels-idx1-ubyte.bz2"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"test-labels.*its SHA-256 is \w+, expected.*Reinstall"):
        digits.read()
    path.unlink()
    with pytest.raises(DataError, match=r"test-labels.*it is missing"):
        digits.read()


@pytest.fixture
def small_mnist(tmp_path, monkeypatch):
    """A folder like MNIST's, small, whose checksums count as right; cut into another folder."""
    source = tmp_path / "mnist"
    source.mkdir()
    rng = np.random.default_rng(0)
    sha256 = {}
    for prefix, n in (("train", 400), ("t10k", 200)):
        arrays = {
            f"{prefix}-images-idx3-ubyte": rng.integers(0, 256, (n, 2, 2)).astype(np.uint8),
            f"{prefix}-labels-idx1-ubyte": rng.permutation(np.arange(n) % 10).astype(np.uint8),
        }
        for name, array in arrays.items():
            idx.write(source / f"{name}.gz", array)
            sha256[name] = hashlib.sha256(idx.unpacked(source / f"{name}.gz")).hexdigest()
    target = tmp_path / "cut"
    target.mkdir()
    monkeypatch.setattr(cut, "SOURCES", sha256)
    monkeypatch.setattr(digits, "FOLDER", target)
    for name, k in (("TRAIN", 12), ("VALIDATION", 3), ("TEST", 4)):
        monkeypatch.setattr(cut, name, k)
    return source


def test_cutting_twice_gives_the_same_bytes_and_check_notices_others(small_mnist, capsys):
    assert cut.main([str(small_mnist)]) == 0
    first = {path.name: path.read_bytes() for path in digits.FOLDER.iterdir()}
    assert set(first) == set(digits.SHA256)
    assert cut.main([str(small_mnist)]) == 0
    assert first == {path.name: path.read_bytes() for path in digits.FOLDER.iterdir()}
    assert cut.main([str(small_mnist), "--check"]) == 0
    assert "DIFFERS" not in capsys.readouterr().out
    damaged = digits.FOLDER / "test-images-idx3-ubyte.bz2"
    damaged.write_bytes(b"other")
    assert cut.main([str(small_mnist), "--check"]) == 1
    assert "test-images-idx3-ubyte.bz2  " in capsys.readouterr().out
    assert damaged.read_bytes() == b"other"


def test_the_cut_takes_evenly_spaced_samples_of_each_class(small_mnist):
    mnist = cut.read_mnist(small_mnist)
    files = cut.cut(mnist)
    labels = mnist["train-labels-idx1-ubyte"]
    sevens = np.flatnonzero(labels == 7)  # 40 of them, 15 taken: 0, 2, 5, 8, 10, ...
    taken = sevens[[i * 40 // 15 for i in range(15)]]
    for split, rows in (("train", taken[:12]), ("validation", taken[12:])):
        of_class = files[f"{split}-labels-idx1-ubyte.bz2"] == 7
        np.testing.assert_array_equal(
            files[f"{split}-images-idx3-ubyte.bz2"][of_class],
            mnist["train-images-idx3-ubyte"][rows],
        )
    assert len(files["test-labels-idx1-ubyte.bz2"]) == 40


def test_a_class_with_too_few_samples_is_named():
    with pytest.raises(DataError, match="Class 3 has 1 samples; 2 are to be taken"):
        cut.spread(np.delete(np.arange(20) % 10, 13), 2)


def test_other_sources_are_refused_before_anything_is_written(small_mnist, capsys):
    idx.write(small_mnist / "t10k-labels-idx1-ubyte.gz", np.zeros(200, np.uint8))
    assert cut.main([str(small_mnist)]) == 2
    assert "t10k-labels-idx1-ubyte.gz is not MNIST's file" in capsys.readouterr().err
    (small_mnist / "t10k-labels-idx1-ubyte.gz").unlink()
    assert cut.main([str(small_mnist)]) == 2
    assert "No such file" in capsys.readouterr().err
    assert list(digits.FOLDER.iterdir()) == []
