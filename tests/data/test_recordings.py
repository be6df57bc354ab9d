import numpy as np
import pytest
from scipy.io import wavfile

from tinygrad_ae.data import Framing, Recording, load, load_samples
from tinygrad_ae.data.recordings import cut
from tinygrad_ae.errors import DataError

RNG = np.random.default_rng(0)


def sound(path, n=4000, rate=8000, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).standard_normal(n)
    wavfile.write(path, rate, (noise * 3000).astype(np.int16))


@pytest.fixture
def words(tmp_path):
    """A folder of twelve short sounds of two kinds."""
    for i in range(12):
        sound(tmp_path / "words" / "ab"[i % 2] / f"{i:02}.wav", seed=i)
    return tmp_path / "words"


def rows(split):
    return {x.tobytes() for x in split.x}


def test_sounds_are_held_out_whole(words):
    data = load(words, window=200, hop=100)
    assert data.shape == (200, 1, 1)
    assert data.framing == Framing("raw", 200, 100, 1, 8000.0)
    each = 1 + (4000 - 200) // 100
    assert [len(s) for s in (data.train, data.validation, data.test)] == [10 * each, each, each]
    assert set(data.train.y) == {0, 1}
    assert len(set(data.test.y)) == 1
    for split in (data.validation, data.test):
        found = [
            load_samples(path, data.shape, data.scaling, data.framing)
            for path in words.glob("*/*.wav")
        ]
        assert sum(rows(split) <= {x.tobytes() for x in s[:]} for s in found) == 1


def test_the_defaults_for_sound(words):
    assert load(words).framing == Framing("raw", 256, 128, 1, 8000.0)
    assert load(words, frame="stft", window=64).shape == (33, 1, 1)


def test_a_single_series_is_divided_in_time():
    x = np.arange(1000.0)[:, None] + [[0, 5000]]
    data = load(x, window=50, hop=10)
    assert data.shape == (50, 1, 2)
    assert [len(s) for s in (data.train, data.validation, data.test)] == [76, 6, 6]
    times = [
        data.scaling.invert(s.x).reshape(-1, 50, 2)[..., 0]
        for s in (data.train, data.validation, data.test)
    ]
    assert times[0].max() < 800 <= times[1].min()
    assert times[1].max() < 900 <= times[2].min()


def test_each_channel_has_its_own_scale():
    x = RNG.uniform([0, -50], [1000, 50], (1000, 2))
    data = load(x, window=20, hop=5)
    channels = data.train.x.reshape(-1, 20, 2)
    np.testing.assert_allclose(channels.min((0, 1)), 0, atol=1e-6)
    np.testing.assert_allclose(channels.max((0, 1)), 1, atol=1e-6)
    assert data.scaling.scale.shape == (40,)


def test_series_from_every_kind_of_file(tmp_path):
    x = RNG.standard_normal((900, 3))
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "x.npz", x=x)
    np.savetxt(tmp_path / "x.csv", x, delimiter=",", header="a,b,c", comments="", fmt="%.17g")
    expected = load(x, window=30)
    for suffix in ("npy", "npz", "csv"):
        data = load(tmp_path / f"x.{suffix}", window=30)
        assert data.framing == Framing("raw", 30, 15, 3)
        np.testing.assert_array_equal(data.train.x, expected.train.x)
    np.save(tmp_path / "one.npy", x[:, 0])
    assert load(tmp_path / "one.npy", window=30).shape == (30, 1, 1)
    np.save(tmp_path / "many.npy", x.reshape(15, 60, 3))
    assert len(load(tmp_path / "many.npy", window=30).test) == 3  # of one of fifteen


def test_a_window_is_labelled_by_the_largest_label_in_it(tmp_path):
    x, y = RNG.standard_normal(1000), np.zeros(1000, int)
    y[950] = 1
    np.savez(tmp_path / "x.npz", x=x, y=y)
    data = load(tmp_path / "x.npz", window=20, hop=10)
    np.testing.assert_array_equal(np.flatnonzero(data.test.y), [4, 5])  # from 940 and from 950
    np.testing.assert_array_equal(np.unique(data.train.y), [0])
    samples = load_samples(tmp_path / "x.npz", data.shape, data.scaling, data.framing)
    np.testing.assert_array_equal(np.flatnonzero(samples.labels), [94, 95])


def test_a_model_of_recordings_takes_them_of_any_length_and_rate(words, tmp_path):
    data = load(words, window=200)
    sound(tmp_path / "long.wav", 44100, rate=44100)
    samples = load_samples(tmp_path / "long.wav", data.shape, data.scaling, data.framing)
    assert samples.shape == (79, 200)
    (recording,) = samples.recordings
    assert (recording.sample_rate, len(recording)) == (8000, 8000)
    (restored,) = samples.restore(samples[:])
    np.testing.assert_allclose(restored.values, recording.values, atol=1e-6)
    assert restored.sample_rate == 8000
    together = load_samples(words, data.shape, data.scaling, data.framing)
    assert [len(r) for r in together.restore(np.asarray(together))] == [4000] * 12


def test_outliers_of_a_sensor_are_no_mistake(tmp_path):
    data = load(RNG.uniform(-1, 1, 1000), window=20)
    np.save(tmp_path / "x.npy", np.full(100, 50.0))
    samples = load_samples(tmp_path / "x.npy", data.shape, data.scaling, data.framing)
    assert samples[:].min() > 20


def refused(message, source, **options):
    with pytest.raises(DataError, match=message):
        load(source, **options)


def test_what_does_not_fit_is_refused(words, tmp_path):
    sound(tmp_path / "mixed" / "a.wav")
    sound(tmp_path / "mixed" / "b.wav", rate=44100)
    refused(r"differ in their rate: .*a\.wav has 8000 .*--sample-rate 8000", tmp_path / "mixed")
    data = load(tmp_path / "mixed", sample_rate=8000, window=64)
    assert data.framing.sample_rate == 8000
    sound(tmp_path / "short.wav", 900)
    refused(r"short\.wav has 900 times, of which a tenth.*window of 256", tmp_path / "short.wav")
    refused(r"leave --shape out", words, shape=(16, 16))
    refused(r"digits holds pictures|pictures, which are not cut", "digits", window=28)
    refused(r"has the shape \(2, 2, 2, 2\).*Leave out --window", np.zeros((2,) * 4), window=2)
    refused(r"give --sample-rate", np.zeros(3000), frame="logmel")


def test_recordings_of_other_channels_are_refused(tmp_path):
    recordings = [Recording(np.zeros((100, 2)), "first"), Recording(np.zeros((100, 3)), "second")]
    with pytest.raises(DataError, match="second has 3 channels, but the others have 2"):
        cut({"train": recordings}, Framing("raw", 8, 4, 2))
    data = load(RNG.standard_normal((500, 2)), window=8)
    np.save(tmp_path / "x.npy", np.zeros((50, 3)))
    with pytest.raises(DataError, match=r"\(times, 3\), but the model was trained on 2"):
        load_samples(tmp_path / "x.npy", data.shape, data.scaling, data.framing)
    sound(tmp_path / "x.wav")
    with pytest.raises(DataError, match=r"x\.wav holds sound, but .* shape \(28, 28\)"):
        load_samples(tmp_path / "x.wav", (28, 28), data.scaling)


def test_gaps_in_a_table_are_named_by_line_and_column(tmp_path):
    lines = ["a,b", *(f"{i},{i}" for i in range(20))]
    for cell, problem in (("3,", "the cell is empty"), ("nan,3", "'nan' is not a finite number")):
        lines[4] = cell
        (tmp_path / "x.csv").write_text("\n".join(lines))
        column = r"2 \(b\)" if cell == "3," else r"1 \(a\)"
        refused(rf"line 5, column {column}: {problem}", tmp_path / "x.csv", window=2)


def test_a_column_of_times_is_no_channel(tmp_path):
    table = np.stack([np.arange(300) / 50, np.sin(np.arange(300)), np.zeros(300)], 1)
    np.savetxt(
        tmp_path / "x.csv", table, delimiter=",", header="Time,move,label", comments="", fmt="%g"
    )
    for options, shape in (({}, (1,)), ({"window": 8}, (8, 1, 1))):
        data = load(tmp_path / "x.csv", **options)
        assert (data.shape, data.columns) == (shape, ("move",))
        assert "label 'label'; time Time;" in str(data.reading)
    assert str(data.reading).endswith("; raw windows of 8, one every 4")
