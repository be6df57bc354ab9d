import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tinygrad_ae.data import Scaling, idx, load, load_samples, packages
from tinygrad_ae.data.sources import located
from tinygrad_ae.errors import DataError, MissingExtra

BYTES = np.arange(12 * 6, dtype=np.uint8).reshape(12, 2, 3)
BYTE_SCALING = Scaling(scale=255.0)


@pytest.fixture
def files(tmp_path):
    """The same twelve pictures of 2 × 3 in everything they can be given in."""
    np.save(tmp_path / "x.npy", BYTES)
    np.savez(tmp_path / "x.npz", x=BYTES, y=np.arange(12))
    idx.write(tmp_path / "x-images-idx3-ubyte.gz", BYTES)
    idx.write(tmp_path / "x.IDX.idx", BYTES)
    (tmp_path / "idx").mkdir()
    idx.write(tmp_path / "idx" / "train-images-idx3-ubyte.gz", BYTES)
    (tmp_path / "pictures").mkdir()
    for i, pixels in enumerate(BYTES):
        Image.fromarray(pixels).save(tmp_path / "pictures" / f"{i:02}.png")
    return tmp_path


KINDS = ["x.npy", "x.npz", "x-images-idx3-ubyte.gz", "x.IDX.idx", "idx", "pictures"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_data_is_the_same_from_everything(files, kind):
    expected = load(BYTES)
    for source in (files / kind, str(files / kind)):
        data = load(source)
        assert data.name == str(source)
        assert data.shape == (2, 3)
        np.testing.assert_array_equal(data.train.x, expected.train.x)
        np.testing.assert_array_equal(data.test.x, expected.test.x)


def test_a_table(tmp_path):
    np.savetxt(tmp_path / "x.csv", BYTES.reshape(12, 6) ** 2 % 37, delimiter=",")
    assert load(tmp_path / "x.csv", header=False).shape == (6,)
    data = load(tmp_path / "x.csv", shape=(2, 3), header=False)
    assert data.shape == (2, 3)
    assert data.scaling.scale.shape == ()


def test_a_name_wins_over_a_file_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    assert len(load("digits").train) == 15_000
    with pytest.raises(DataError, match="digits holds no pictures"):
        load("./digits")


def test_unknown_sources_suggest_the_nearest_and_say_what_can_be_given(files, monkeypatch):
    monkeypatch.chdir(files)
    with pytest.raises(
        DataError, match=r"no data set named 'mnits'.*Did you mean 'mnist'\? Give"
    ) as e:
        load("mnits")
    assert "digits, mnist, fashion-mnist" in str(e.value)
    with pytest.raises(DataError, match=r"Did you mean 'pictures'\?.*of pictures or of sounds"):
        load("picture")
    with pytest.raises(DataError, match=r"no such file or folder\. Give"):
        load("some/where/else.npy")


def test_unknown_kinds_are_refused(tmp_path):
    (tmp_path / "x.pickle").write_bytes(b"")
    for read in (load, lambda path: load_samples(path, (2, 3), BYTE_SCALING)):
        with pytest.raises(DataError, match=r"x\.pickle is of no known kind\. Give .*\.npy, \.npz"):
            read(tmp_path / "x.pickle")


@pytest.mark.parametrize("kind", KINDS)
def test_samples_are_scaled_as_the_training_data_was(files, kind):
    x = load_samples(files / kind, (2, 3), BYTE_SCALING)
    assert x[:].dtype == np.float32
    np.testing.assert_array_equal(x, BYTES.reshape(12, 6) / np.float32(255))
    assert x.names == (tuple(f"{i:02}.png" for i in range(12)) if kind == "pictures" else None)


def test_one_picture(files):
    x = load_samples(files / "pictures" / "03.png", (2, 3), BYTE_SCALING)
    np.testing.assert_array_equal(x, BYTES[3].reshape(1, 6) / np.float32(255))
    assert x.names == ("03.png",)


@pytest.mark.parametrize("shape", [(2, 3), (6,), (1, 2, 3), (1, 6)])
def test_a_single_sample_and_flat_ones_are_understood(tmp_path, shape):
    np.save(tmp_path / "x.npy", BYTES[3].reshape(shape))
    x = load_samples(tmp_path / "x.npy", (2, 3), BYTE_SCALING)
    np.testing.assert_array_equal(x, BYTES[3].reshape(1, 6) / np.float32(255))


def test_samples_of_another_size_are_refused(files, tmp_path):
    with pytest.raises(
        DataError, match=r"found samples of shape \(2, 3\), expected \(28, 28\) or fl"
    ):
        load_samples(files / "pictures", (28, 28), BYTE_SCALING)
    np.save(tmp_path / "x.npy", np.zeros((3, 2)))  # six numbers, but not in this order
    with pytest.raises(DataError, match=r"found samples of shape \(2,\), expected \(2, 3\)"):
        load_samples(tmp_path / "x.npy", (2, 3), BYTE_SCALING)


def test_bytes_and_the_unit_interval_stand_for_each_other(tmp_path):
    unit = BYTES / 255
    for x in (BYTES, unit):
        np.save(tmp_path / "x.npy", x)
        for scaling in (BYTE_SCALING, Scaling()):
            found = load_samples(tmp_path / "x.npy", (2, 3), scaling)
            np.testing.assert_allclose(found, unit.reshape(12, 6), rtol=1e-6)


def test_values_about_the_unit_interval_are_not_taken_for_bytes(tmp_path):
    resized = BYTES / 71 * 1.1 - 0.05  # as interpolation overshoots
    np.save(tmp_path / "x.npy", resized)
    found = load_samples(tmp_path / "x.npy", (2, 3), BYTE_SCALING)
    np.testing.assert_allclose(found, resized.reshape(12, 6), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("scaling", [BYTE_SCALING, Scaling()])
def test_pictures_of_another_range_are_refused(tmp_path, scaling):
    for raw, found in ((BYTES / 35.5 - 1, "from -1 to 1"), (BYTES / 20 - 1, "from -1 to 2.55")):
        np.save(tmp_path / "x.npy", raw)
        with pytest.raises(DataError, match=rf"{found}.*model's data lay between 0 and 1\. Give"):
            load_samples(tmp_path / "x.npy", (2, 3), scaling)[:]


def test_a_nearly_black_picture_stays_nearly_black(tmp_path):
    np.save(tmp_path / "x.npy", np.ones((1, 2, 3), np.uint8))
    found = load_samples(tmp_path / "x.npy", (2, 3), BYTE_SCALING)
    np.testing.assert_array_equal(found, np.full((1, 6), np.float32(1 / 255)))


def test_values_of_another_range_are_refused_for_pictures(tmp_path):
    np.save(tmp_path / "x.npy", np.full((4, 6), 128.0))
    with pytest.raises(
        DataError, match=r"values from 128 to 128, but the model's data lay between -1"
    ):
        load_samples(tmp_path / "x.npy", (6,), Scaling(-1.0, 2.0))[:]
    x = load_samples(tmp_path / "x.npy", (6,), Scaling([0.0] * 6, [2.0] * 6))  # an outlier may be
    np.testing.assert_array_equal(x, 64)


def test_codes_are_not_scaled(tmp_path):
    codes = np.array([[-30.0, 0.5], [4, 1000]])
    np.save(tmp_path / "codes.npy", codes)
    np.testing.assert_array_equal(load_samples(tmp_path / "codes.npy", (2,), None), codes)


def test_samples_must_be_one_lot(tmp_path):
    np.savez(tmp_path / "x.npz", x_train=BYTES, x_test=BYTES)
    with pytest.raises(DataError, match=r"holds the splits train, test; give one file or folder"):
        load_samples(tmp_path / "x.npz", (2, 3), BYTE_SCALING)


def test_missing_samples_suggest_what_lies_beside(files):
    with pytest.raises(DataError, match=r"There is no file or folder .*Did you mean 'x\.npy'\?"):
        load_samples(files / "xx.npy", (2, 3), BYTE_SCALING)


def test_importing_loads_nothing_heavy():
    program = (
        "import sys, tinygrad_ae.data\n"
        "heavy = {'PIL', 'urllib.request', 'http.client', 'ssl', 'matplotlib', 'scipy'}\n"
        "print(*heavy & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "\n"), done.stderr


def test_a_path_is_found_from_any_folder_and_a_name_stays_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert located("digits") == "digits"
    assert located("./digits") == str(tmp_path / "digits")
    assert located(str(tmp_path / "x.npy")) == str(tmp_path / "x.npy")


@pytest.mark.parametrize("name", packages.WINDOWS)
def test_without_the_package_the_extra_is_named(name, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda package: None)
    with pytest.raises(
        MissingExtra, match=r'not installed\.\n.*pip install "tinygrad-ae\[signals\]"'
    ):
        load(name)
