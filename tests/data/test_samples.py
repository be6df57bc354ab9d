import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tinygrad_ae.data import Samples, Scaling, load_samples
from tinygrad_ae.errors import DataError
from tinygrad_ae.run import Config, Run

X = np.random.default_rng(0).random((3000, 2, 3))


@pytest.fixture
def path(tmp_path):
    np.save(tmp_path / "x.npy", X)
    return tmp_path / "x.npy"


def test_samples_are_much_like_an_array(path):
    samples = load_samples(path, (2, 3), Scaling())
    assert (len(samples), samples.shape) == (3000, (3000, 6))
    flat = X.reshape(3000, 6).astype(np.float32)
    np.testing.assert_array_equal(samples[:], flat)
    np.testing.assert_array_equal(samples[2990:4000], flat[2990:])
    np.testing.assert_array_equal(np.asarray(samples), flat)
    assert samples[5:5].shape == (0, 6)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [">f4", "<i2", "u1", "?", "f8"])
def test_files_of_every_type_and_order(tmp_path, order, dtype):
    x = np.asarray(X * 2, dtype, order=order)
    np.save(tmp_path / "x.npy", x)
    samples = load_samples(tmp_path / "x.npy", (2, 3), None)
    np.testing.assert_array_equal(samples[7:9], x.astype(np.float32).reshape(-1, 6)[7:9])


def test_a_gap_is_found_when_it_is_come_to(tmp_path):
    x = X.copy()
    x[2500, 1, 1] = np.nan
    np.save(tmp_path / "x.npy", x)
    samples = load_samples(tmp_path / "x.npy", (2, 3), Scaling())
    samples[:2500]
    with pytest.raises(DataError, match=r"x\.npy holds NaN .*sample 2500, counted from 0"):
        samples[2400:]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content[:-1], r"shorter than its header says"),
        (lambda content: content[:50], r"cannot be read as NumPy's"),
        (lambda content: b"\x93NUMPY\x09" + content[7:], r"cannot be read as NumPy's"),
    ],
)
def test_damaged_files(path, change, message):
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(DataError, match=message):
        load_samples(path, (2, 3), Scaling())


def test_files_of_other_things(tmp_path):
    for array, message in (
        (np.array([{}]), "Python objects"),
        (np.zeros((3, 6), complex), "complex numbers"),
        (np.zeros((0, 6)), "no samples"),
        (np.zeros((3, 5)), r"shape \(5,\), expected \(2, 3\)"),
    ):
        np.save(tmp_path / "x.npy", array, allow_pickle=True)
        with pytest.raises(DataError, match=message):
            load_samples(tmp_path / "x.npy", (2, 3), Scaling())


def test_samples_that_were_not_cut_cannot_be_joined():
    samples = Samples(X, (2, 3), Scaling(), where="These")
    with pytest.raises(DataError, match="These holds samples that were not cut from recordings"):
        samples.restore(samples[:])


LIMITED = """
import resource, sys
from tinygrad_ae.cli import main

run = sys.argv[1]
for command in ("encode", "reconstruct"):
    assert main([command, run, "few.npy", "-o", "few-out.npy"]) == 0  # everything is imported
with open("/proc/self/status") as status:
    used = next(int(line.split()[1]) for line in status if line.startswith("VmSize")) * 1024
resource.setrlimit(resource.RLIMIT_AS, (used + 60_000_000,) * 2)
for command in ("encode", "reconstruct"):
    assert main([command, run, "many.npy", "-o", f"{command}.npy"]) == 0
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")
def test_a_file_larger_than_the_memory_is_read_by_batches(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    few = np.random.default_rng(0).integers(0, 256, (40, 64, 64)).astype(np.uint8)
    np.save("few.npy", few)
    config = Config(data="few.npy", arguments={"hidden": (4,), "latent": 2})
    Run.create("run", config, config.load_data())
    n = 12_000  # of 4 KiB: 49 MB, scaled 197 MB, as the reconstructions are
    with open("many.npy", "wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (n, 64, 64)}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + n * 64 * 64)  # zeros that take no room on the disk
    done = subprocess.run([sys.executable, "-c", LIMITED, "run"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert np.load("encode.npy", mmap_mode="r").shape == (n, 2)
    assert np.load("reconstruct.npy", mmap_mode="r").shape == (n, 64, 64)
    assert not list(Path().glob(".*"))
