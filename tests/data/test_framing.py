import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

from tinygrad_ae.data import Framing
from tinygrad_ae.data.framing import FLOOR, KINDS, MELS
from tinygrad_ae.errors import DataError

RATE = 8000.0


def chirp(n=3000, channels=1):
    """A tone that rises, a little louder in each channel."""
    t = np.arange(n)[:, None] / RATE
    return np.sin(2 * np.pi * (300 + 2000 * t) * t) * np.linspace(0.4, 0.8, channels)


def snr(x, y):
    return 10 * np.log10((x**2).sum() / ((x - y) ** 2).sum())


@given(st.data(), st.integers(1, 100), st.integers(1, 3), st.integers(2, 20))
def test_raw_windows_give_the_recording_back(data, length, channels, window):
    framing = Framing("raw", window, data.draw(st.integers(1, window)), channels)
    x = np.random.default_rng(0).standard_normal((length, channels))
    windows = framing.split(x)
    assert windows.shape == (len(framing.starts(length)), window, 1, channels)
    np.testing.assert_allclose(framing.join(windows, x), x, atol=1e-12)


def test_windows_are_what_the_recording_holds_there():
    x = np.arange(20.0).reshape(10, 2)
    framing = Framing("raw", 4, 3, 2)
    np.testing.assert_array_equal(framing.starts(10), [0, 3, 6])
    np.testing.assert_array_equal(framing.split(x)[1, :, 0], x[3:7])
    np.testing.assert_array_equal(framing.starts(11), [0, 3, 6, 9])
    np.testing.assert_array_equal(framing.starts(11, pad=False), [0, 3, 6])
    late = framing.split(np.arange(22.0).reshape(11, 2))[3, :, 0]
    np.testing.assert_array_equal(late, [[18, 19], [20, 21], [20, 21], [20, 21]])  # held
    assert len(framing.split(x[:2], pad=False)) == 1  # shorter than a window


def test_spectra_measure_decibels_of_a_sine():
    framing = Framing("stft", 256, 64, sample_rate=RATE)
    t = np.arange(4000)[:, None] / RATE
    for amplitude, decibels in ((1, 0), (0.1, -20)):
        frames = framing.split(amplitude * np.sin(2 * np.pi * 1000 * t)).reshape(-1, 129)
        assert frames[10].argmax() == 32  # 1000 Hz of 8000 / 256 each
        assert frames[10, 32] == pytest.approx(decibels, abs=0.01)
    assert framing.split(np.zeros((500, 1))).max() == FLOOR


def test_spectra_are_those_of_scipy():
    framing = Framing("stft", 256, 64)
    x = chirp()
    transform = signal.ShortTimeFFT(np.hanning(258)[1:-1], 64, RATE, scale_to="magnitude")
    expected = 2 * np.abs(transform.stft(x[:, 0])).T
    frames = 10 ** (framing.split(x).reshape(-1, 129) / 20)
    centre = framing.starts(len(x)) + 128  # SciPy counts frames by where their middle is
    inside = (centre >= 128) & (centre <= len(x) - 128)
    of_scipy = expected[centre[inside] // 64 - transform.p_min]
    np.testing.assert_allclose(frames[inside], np.maximum(of_scipy, 1e-4), atol=1e-9)


@pytest.mark.parametrize(("kind", "least"), [("stft", 50), ("logmel", 15)])
def test_spectra_with_their_phase_give_the_sound_back(kind, least):
    framing = Framing(kind, 256, 64, sample_rate=RATE)
    x = chirp()
    y = framing.join(framing.split(x), x)
    assert y.shape == x.shape
    assert snr(x, y) > least


@pytest.mark.parametrize("kind", ["stft", "logmel"])
def test_without_a_phase_one_is_found_that_fits(kind):
    framing = Framing(kind, 256, 64, sample_rate=RATE)
    frames = framing.split(chirp())
    y = framing.join(frames)
    assert len(y) == 3008  # as far as the windows reach
    loud = frames > -40
    assert np.abs(framing.split(y) - frames)[loud].mean() < 4
    noise = np.random.default_rng(0).standard_normal(y.shape) * y.std()
    assert np.abs(framing.split(noise) - frames)[loud].mean() > 8


def test_every_mel_band_hears_something_and_the_right_one_most():
    framing = Framing("logmel", 256, 128, sample_rate=RATE)
    assert framing.shape == (MELS, 1, 1)
    t = np.arange(1000)[:, None] / RATE
    loudest = [
        framing.split(np.sin(2 * np.pi * f * t))[3, :, 0, 0].argmax() for f in range(100, 4000, 100)
    ]
    assert (np.diff(loudest) >= 0).all()
    noise = framing.split(np.random.default_rng(0).standard_normal((4000, 1)))
    assert noise.min() > FLOOR


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "logmell"}, r"no frame named 'logmell'\. Did you mean 'logmel'\?.*raw, stft"),
        ({"window": 1}, r"window of 1 every 128 is not possible"),
        ({"window": 8, "hop": 9}, r"the hop \(--hop\) within 1\.\.\.window"),
        ({"hop": 0}, r"256 every 0"),
        ({"kind": "stft", "channels": 2}, r"stft are of one channel.*has 2.*--frame raw"),
        ({"kind": "stft", "hop": 129}, r"--hop 128 or less, not 129"),
        ({"kind": "logmel"}, r"give --sample-rate"),
    ],
)
def test_what_cannot_be_is_refused(values, message):
    with pytest.raises(DataError, match=message):
        Framing(**values)


def test_samples_must_be_as_many_as_the_windows():
    framing = Framing("raw", 4, 2)
    with pytest.raises(DataError, match=r"3 samples are not the 4 windows of a recording of 10"):
        framing.join(np.zeros((3, 4)), np.zeros((10, 1)))


@pytest.mark.parametrize("kind", KINDS)
def test_it_can_be_remembered_as_json(kind):
    framing = Framing(kind, 64, 16, sample_rate=RATE)
    assert Framing(**framing.to_json()) == framing
