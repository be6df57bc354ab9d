import numpy as np
import pytest

from tinygrad_ae.data import Framing, carried, load
from tinygrad_ae.errors import MissingExtra


def load_or_skip(name):
    try:
        return load(name)
    except MissingExtra:
        pytest.skip(f"what carries {name} is not installed")


def test_watch():
    data = load_or_skip("watch")
    assert data.framing == Framing("raw", 128, 64, 6, 50.0)
    assert (len(data.train), len(data.validation), len(data.test)) == (2832, 373, 400)
    for split in (data.train, data.validation, data.test):
        np.testing.assert_array_equal(np.unique(split.y), np.arange(7))


def test_ecg():
    data = load_or_skip("ecg")
    assert data.framing == Framing("raw", 64, 8)
    assert (len(data.train), len(data.validation), len(data.test)) == (95, 5, 5)


def test_blood_pressure():
    data = load_or_skip("blood-pressure")
    assert (len(data.train), len(data.validation), len(data.test)) == (197, 5, 1241)
    assert (data.train.y.sum(), data.validation.y.sum(), data.test.y.sum()) == (0, 0, 22)
    assert load("blood-pressure", window=64).framing == Framing("raw", 64, 32)


@pytest.mark.parametrize("name", carried.WINDOWS)
def test_without_the_package_the_extra_is_named(name, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda package: None)
    with pytest.raises(
        MissingExtra, match=r'not installed\.\n.*pip install "tinygrad-ae\[signals\]"'
    ):
        load(name)
