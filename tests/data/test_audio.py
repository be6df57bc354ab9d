import struct

import numpy as np
import pytest
from scipy.io import wavfile

from tinygrad_ae.data import Recording, audio
from tinygrad_ae.errors import DataError, MissingExtra

X = np.round(np.sin(np.arange(200) / 5) * 2**6) / 2**7  # has a value in 8 bits


def wav(path, rate, bits, samples, channels=1, extensible=False):
    """Write PCM by hand, of any width; ``samples`` within -1...1."""
    if bits == 8:
        data = (np.rint(samples * 128) + 128).astype(np.uint8).tobytes()
    else:
        whole = np.rint(samples * 2 ** (bits - 1)).astype("<i4")
        data = whole.view(np.uint8).reshape(-1, 4)[:, : bits // 8].tobytes()
    block = channels * bits // 8
    form = struct.pack("<HIIHH", channels, rate, rate * block, block, bits)
    if extensible:
        guid = b"\x01\x00\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
        form = b"\xfe\xff" + form + struct.pack("<HHI", 22, bits, 4) + guid
    else:
        form = b"\x01\x00" + form
    chunks = b"WAVEfmt " + struct.pack("<I", len(form)) + form
    chunks += b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(chunks)) + chunks)


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
@pytest.mark.parametrize("extensible", [False, True])
def test_pcm_of_every_width(tmp_path, bits, extensible):
    wav(tmp_path / "x.wav", 8000, bits, X, extensible=extensible)
    recording = audio.read(tmp_path / "x.wav")
    assert recording.sample_rate == 8000
    assert recording.values.dtype == np.float32
    np.testing.assert_array_equal(recording.values, X[:, None].astype(np.float32))


def test_floats(tmp_path):
    wavfile.write(tmp_path / "x.wav", 8000, X.astype(np.float32))
    np.testing.assert_array_equal(audio.read(tmp_path / "x.wav").values[:, 0], X.astype(np.float32))


def test_channels_are_averaged(tmp_path):
    wav(tmp_path / "x.wav", 44100, 24, np.stack([X, 0 * X], 1).reshape(-1), channels=2)
    np.testing.assert_allclose(audio.read(tmp_path / "x.wav").values[:, 0], X / 2, atol=1e-7)


def test_what_is_written_is_read(tmp_path):
    loud = np.concatenate([X, [1.5, -1.5]])
    audio.write(tmp_path / "x.wav", loud, 8000)
    values = audio.read(tmp_path / "x.wav").values[:, 0]
    np.testing.assert_allclose(values, np.clip(loud, -1, 1), atol=2**-15)
    assert [path.name for path in tmp_path.iterdir()] == ["x.wav"]


def test_another_rate(tmp_path):
    t = np.arange(44100)[:, None] / 44100
    recording = Recording(np.sin(2 * np.pi * 440 * t), "x", 44100.0, np.arange(44100))
    slow = audio.resample(recording, 8000)
    assert (slow.sample_rate, len(slow)) == (8000, 8000)
    expected = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
    np.testing.assert_allclose(slow.values[100:-100, 0], expected[100:-100], atol=5e-3)
    assert slow.labels[4000] == 22050
    assert audio.resample(recording, 44100) is recording
    with pytest.raises(DataError, match=r"44100 values in a second and cannot be brought to 0\.5"):
        audio.resample(recording, 0.5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content[:-100], r"x\.wav is cut short \(.*expected 444 bytes.*Copy it"),
        (lambda content: content[:-101], r"x\.wav is cut short"),
        (lambda content: content[:30], r"x\.wav cannot be read as WAV"),
        (lambda content: b"", r"x\.wav cannot be read as WAV"),
        (lambda content: b"ID3" + content, r"cannot be read as WAV .*Save it again as WAV"),
        (lambda content: content[:20] + b"\x02" + content[21:], r"cannot be read as WAV"),  # ADPCM
    ],
)
def test_damaged_files(tmp_path, change, message):
    path = tmp_path / "x.wav"
    wav(path, 8000, 16, X)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(DataError, match=message):
        audio.read(path)


def test_no_sound_at_all(tmp_path):
    wav(tmp_path / "x.wav", 8000, 16, X[:0])
    with pytest.raises(DataError, match=r"x\.wav holds no sound: its length is 0"):
        audio.read(tmp_path / "x.wav")
    wavfile.write(tmp_path / "nan.wav", 8000, np.full(9, np.nan, np.float32))
    with pytest.raises(DataError, match=r"nan\.wav holds NaN"):
        audio.read(tmp_path / "nan.wav")


@pytest.mark.parametrize("value", [1e300, np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("channels", [1, 2])
def test_floats_that_are_no_sound_are_refused_without_a_warning(tmp_path, value, channels):
    sound = np.zeros((100, channels))
    sound[7] = value
    sound[8] = -value
    wavfile.write(tmp_path / "x.wav", 8000, sound)
    with pytest.raises(DataError, match=r"x\.wav holds NaN or infinite"):
        audio.read(tmp_path / "x.wav")


def test_without_scipy_the_extra_is_named(tmp_path, monkeypatch):
    def refuse(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr("importlib.import_module", refuse)
    with pytest.raises(
        MissingExtra, match=r"Reading sound needs.*'scipy'(.|\n)*tinygrad-ae\[all\]"
    ):
        audio.read(tmp_path / "x.wav")


def test_folders_of_sounds_have_labels_and_splits(tmp_path):
    for name in ("train/a/1", "train/b/2", "test/b/3"):
        path = tmp_path / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        wav(path, 8000, 16, X)
    parts = audio.read_folder(tmp_path)
    assert {split: [int(r.labels[0]) for r in part] for split, part in parts.items()} == {
        "train": [0, 1],
        "test": [1],
    }
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"holds no sounds; expected files ending in \.wav"):
        audio.read_folder(tmp_path / "empty")
