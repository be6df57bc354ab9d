import numpy as np

from tinygrad_ae.data import Framing, load


def test_watch():
    data = load("watch")
    assert data.framing == Framing("raw", 128, 64, 6, 50.0)
    assert (len(data.train), len(data.validation), len(data.test)) == (2832, 373, 400)
    for split in (data.train, data.validation, data.test):
        np.testing.assert_array_equal(np.unique(split.y), np.arange(7))


def test_ecg():
    data = load("ecg")
    assert data.framing == Framing("raw", 64, 8)
    assert (len(data.train), len(data.validation), len(data.test)) == (95, 5, 5)


def test_blood_pressure():
    data = load("blood-pressure")
    assert (len(data.train), len(data.validation), len(data.test)) == (197, 5, 1241)
    assert (data.train.y.sum(), data.validation.y.sum(), data.test.y.sum()) == (0, 0, 22)
    assert load("blood-pressure", window=64).framing == Framing("raw", 64, 32)
