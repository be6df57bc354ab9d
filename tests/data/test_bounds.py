"""Files that lie: what a header promises is not believed, and what it unpacks to is not awaited."""

import bz2
import gzip
import io
import os
import resource
import signal
import struct
import wave
import zipfile
import zlib

import numpy as np
import pytest

from tinygrad_ae.data import bounds, idx, load, load_samples
from tinygrad_ae.errors import DataError

SECONDS, MEGABYTES = 20, 200


@pytest.fixture(autouse=True)
def _answered_quickly_and_in_little_memory():
    def late(*_):
        raise TimeoutError(f"no answer after {SECONDS} s")

    old = signal.signal(signal.SIGALRM, late)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, old)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < MEGABYTES


def idx_bytes(*shape, data=b""):
    return bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + data


def npy_bytes(shape, dtype="|u1", data=b""):
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}"
    text += " " * (63 - (len(text) + 10) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + data


def png_bytes(width, height):
    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    line = zlib.compress(b"\0" * min(width + 1, 10**6))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", line) + chunk(b"IEND", b"")


def wav_bytes(rate, n=4000):
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(np.arange(n, dtype="<i2").tobytes())
    data = bytearray(buffer.getvalue())
    data[24:32] = struct.pack("<II", rate, rate * 2 % 2**32)
    return bytes(data)


def zeros(n, compress):
    """Compress n zero bytes without holding them."""
    compressor = bz2.BZ2Compressor() if compress is bz2 else zlib.compressobj(9, wbits=31)
    parts = [compressor.compress(b"\0" * 10**6) for _ in range(n // 10**6)]
    return b"".join([*parts, compressor.flush()])


@pytest.mark.parametrize("packing", [gzip, bz2])
@pytest.mark.parametrize(
    "head",
    [
        idx_bytes(10, 28, 28),  # more in it than it says
        idx_bytes(2**31, 28, 28),  # says more than any file holds
        idx_bytes(*[2**32 - 1] * 3),
    ],
)
def test_packed_files_are_unpacked_as_far_as_they_promise(tmp_path, packing, head):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(packing.compress(head) + zeros(400 * 10**6, packing))
    for read in (
        lambda: load(path),
        lambda: load(tmp_path),
        lambda: load_samples(path, (784,), None),
    ):
        with pytest.raises(DataError, match=r"promises|found more bytes"):
            read()


@pytest.mark.parametrize("n", [33, 64, 65, 255])
def test_idx_of_more_dimensions_than_an_array_has(tmp_path, n):
    path = tmp_path / "x-idx"
    path.write_bytes(idx_bytes(*[1] * n, data=b"\0"))
    if n > 64:
        with pytest.raises(DataError, match=f"has {n} dimensions; an array has 64 at most"):
            idx.read(path)
    else:
        assert idx.read(path).ndim == n


@pytest.mark.parametrize("shape", [(2**32 - 1,), (2**32 - 1, 2**32 - 1, 2**32 - 1), (10, 2**31)])
def test_idx_of_a_size_that_the_file_has_not(tmp_path, shape):
    (tmp_path / "x-idx").write_bytes(idx_bytes(*shape, data=b"\0" * 100))
    with pytest.raises(DataError, match=r"does not hold what its header says: found 100 bytes"):
        idx.read(tmp_path / "x-idx")


@pytest.mark.parametrize(
    "shape", [(-1, 3), (3, -1), (-(2**63),), (2**62, 2**62), (2**70,), (10**9,)]
)
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_arrays_of_shapes_that_cannot_be(tmp_path, shape, suffix):
    path = tmp_path / f"x{suffix}"
    data = npy_bytes(shape, data=b"\0" * 300)
    if suffix == ".npz":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("x.npy", data)
    else:
        path.write_bytes(data)
    for read in (lambda: load(path), lambda: load_samples(path, (3,), None)):
        with pytest.raises(DataError, match=r"shape|shorter than its header|exceeds|too large"):
            read()


def test_of_an_archive_only_what_is_used_is_unpacked(tmp_path):
    path = tmp_path / "x.npz"
    bomb = npy_bytes((400 * 10**6,))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        buffer = io.BytesIO()
        np.save(buffer, np.arange(40.0).reshape(20, 2))
        archive.writestr("x.npy", buffer.getvalue())
        with archive.open("spare.npy", "w") as file:
            file.write(bomb)
            for _ in range(400):
                file.write(b"\0" * 10**6)
    assert len(load(path).train) == 16


def test_arrays_that_the_memory_cannot_hold(tmp_path, monkeypatch):
    path = tmp_path / "x.npy"
    np.save(path, np.zeros((300_000, 8)))
    assert load(path)
    monkeypatch.setattr(bounds, "_memory", lambda: 10**8)
    with pytest.raises(DataError, match=r"0\.0 GB of numbers.* this machine has 0 GB"):
        load(path)
    assert load_samples(path, (8,), None)[:5].shape == (5, 8)  # read piece by piece
    monkeypatch.setattr(bounds, "_memory", lambda: None)  # the system does not say
    assert load(path)


@pytest.mark.parametrize(
    "size", [(13_000, 13_000), (65_535, 65_535), (2**31 - 1, 2), (50_000, 1000)]
)
def test_pictures_of_more_pixels_than_can_be_learnt_from(tmp_path, size):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for k in range(3):
        (folder / f"{k}.png").write_bytes(png_bytes(*size))
    for read in (
        lambda: load(folder),
        lambda: load_samples(folder, (28, 28), None),
        lambda: load_samples(folder / "0.png", (28, 28), None)[:],
    ):
        with pytest.raises(DataError, match=r"pixels at most|exceeds limit"):
            read()


def test_many_large_pictures_are_no_surprise(tmp_path, monkeypatch):
    from PIL import Image

    for k in range(12):
        Image.new("L", (1000, 900)).save(tmp_path / f"{k}.png")
    monkeypatch.setattr(bounds, "_memory", lambda: 5 * 10**7)
    with pytest.raises(DataError, match=r"GB of numbers"):
        load(tmp_path)


@pytest.mark.parametrize("rate", [0, 1, 99, 2**30, 2**31, 2**32 - 1])
def test_sounds_of_rates_that_no_sound_has(tmp_path, rate):
    path = tmp_path / "x.wav"
    path.write_bytes(wav_bytes(rate))
    for read in (lambda: load(path), lambda: load(path, sample_rate=8000)):
        with pytest.raises(DataError, match=r"values in a second|cannot be read as WAV"):
            read()


@pytest.mark.parametrize("rate", [1e9, float("inf"), float("nan"), 0.0, -8000.0, 1e-300])
def test_rates_asked_for_that_no_sound_has(tmp_path, rate):
    path = tmp_path / "x.wav"
    path.write_bytes(wav_bytes(8000))
    with pytest.raises(DataError, match=r"rate"):
        load(path, sample_rate=rate)


@pytest.mark.parametrize("name", ["x.npy", "x.npz", "x.csv", "x.wav", "x.png", "x-idx", "plain"])
def test_pipes_and_devices_are_no_files(tmp_path, name):
    path = tmp_path / name
    os.mkfifo(path)
    for read in (lambda: load(path), lambda: load_samples(path, (3,), None)):
        with pytest.raises(DataError, match="is a pipe or a device"):
            read()
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(DataError, match="is a pipe or a device"):
        load(path)


def test_a_pipe_in_a_folder(tmp_path):
    for k in range(12):
        (tmp_path / f"{k}.png").write_bytes(png_bytes(4, 4))
    os.mkfifo(tmp_path / "x.png")
    with pytest.raises(DataError, match="pipe or a device"):
        load(tmp_path)
    (tmp_path / "x.png").unlink()
    (tmp_path / "x.png").symlink_to("nowhere")
    with pytest.raises(DataError, match=r"x\.png cannot be read .*No such file"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["a", "x.npy", "x.csv", "x.png"])
def test_links_that_go_round(tmp_path, name):
    (tmp_path / name).symlink_to("b")
    (tmp_path / "b").symlink_to(name)
    for read in (lambda: load(tmp_path / name), lambda: load_samples(tmp_path / name, (3,), None)):
        with pytest.raises(DataError, match=r"(?i)link|no such file"):
            read()


def test_folders_that_hold_themselves(tmp_path):
    for k in range(12):
        (tmp_path / f"{k}.png").write_bytes(png_bytes(4, 4))
    (tmp_path / "again").symlink_to(tmp_path)
    with pytest.raises(DataError, match=r"both directly .* and in subfolders"):
        load(tmp_path)
