import sys

import numpy as np
import pytest
from PIL import Image

from tinygrad_ae.data import images
from tinygrad_ae.errors import DataError, MissingExtra

GREY = np.arange(6, dtype=np.uint8).reshape(2, 3)


def save(path, pixels=GREY, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".pgm", ".PNG"])
def test_a_grey_picture(tmp_path, suffix):
    save(tmp_path / f"a{suffix}")
    found = images.read(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(found.x, GREY[None])
    assert found.names == (f"a{suffix}",)


@pytest.mark.parametrize("channels", [3, 4])
def test_a_picture_in_colour(tmp_path, channels):
    pixels = np.arange(6 * channels, dtype=np.uint8).reshape(2, 3, channels)
    save(tmp_path / "a.png", pixels)
    np.testing.assert_array_equal(images.read(tmp_path / "a.png").x, pixels[None])


def test_sixteen_bits(tmp_path):
    save(tmp_path / "a.png", GREY.astype(np.uint16) * 1000)
    np.testing.assert_array_equal(images.read(tmp_path / "a.png").x[0], GREY * np.uint16(1000))


def test_a_palette_is_looked_up_and_two_colours_become_grey(tmp_path):
    picture = Image.fromarray(GREY % 2).copy()
    palette = Image.new("P", (3, 2))
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.putdata((GREY % 2).ravel().tolist())
    palette.save(tmp_path / "palette.png")
    np.testing.assert_array_equal(images.read(tmp_path / "palette.png").x[0, 0, 1], [40, 50, 60])
    picture.point(lambda value: 255 * value).convert("1").save(tmp_path / "two.png")
    np.testing.assert_array_equal(images.read(tmp_path / "two.png").x[0], GREY % 2 * 255)


def test_a_photo_is_turned_as_the_camera_was_held(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to show
    save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(images.read(tmp_path / "a.png").x[0], np.rot90(GREY, -1))


def test_other_colours_are_refused(tmp_path):
    Image.new("CMYK", (3, 2)).save(tmp_path / "a.jpg")
    with pytest.raises(
        DataError, match=r"a\.jpg has colours of Pillow's mode 'CMYK'; expected gre"
    ):
        images.read(tmp_path / "a.jpg")


def test_damaged_pictures_are_named(tmp_path):
    save(tmp_path / "a.png", np.zeros((50, 50), np.uint8))
    whole = (tmp_path / "a.png").read_bytes()
    for content in (whole[:-20], whole[:30], b"", b"no picture"):
        (tmp_path / "a.png").write_bytes(content)
        with pytest.raises(DataError, match=r"a\.png cannot be read as a picture"):
            images.read(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"none\.png cannot be read"):
        images.read(tmp_path / "none.png")


def test_a_folder_is_read_in_the_order_of_names(tmp_path):
    for i, name in enumerate(["b.png", "a.png", "c.bmp"]):
        save(tmp_path / name, GREY + np.uint8(i))
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / ".hidden.png").write_text("no picture")
    found = images.read_folder(tmp_path)["train"]
    assert found.names == ("a.png", "b.png", "c.bmp")
    np.testing.assert_array_equal(found.x[:, 0, 0], [1, 0, 2])
    assert found.y is None


def test_subfolders_are_labels(tmp_path):
    for name in ("dog/2.png", "cat/9.png", "dog/1.png"):
        save(tmp_path / name)
    found = images.read_folder(tmp_path)["train"]
    np.testing.assert_array_equal(found.y, [0, 1, 1])
    assert [name.replace("\\", "/") for name in found.names] == [
        "cat/9.png",
        "dog/1.png",
        "dog/2.png",
    ]


def test_subfolders_named_as_splits_are_splits_with_the_same_labels(tmp_path):
    for name in ("train/cat/1.png", "train/dog/1.png", "test/dog/1.png"):
        save(tmp_path / name)
    parts = images.read_folder(tmp_path)
    assert list(parts) == ["train", "test"]
    np.testing.assert_array_equal(parts["train"].y, [0, 1])
    np.testing.assert_array_equal(parts["test"].y, [1])
    save(tmp_path / "test/cow/1.png")
    with pytest.raises(DataError, match=r"test has the class folder 'cow'.*classes are cat, dog"):
        images.read_folder(tmp_path)


def test_folders_that_cannot_be_used_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"holds no pictures; expected files ending in \.png"):
        images.read_folder(tmp_path / "empty")
    save(tmp_path / "a.png")
    save(tmp_path / "sub" / "b.png")
    with pytest.raises(DataError, match=r"both directly \(a\.png\) and in subfolders \(sub\)"):
        images.read_folder(tmp_path)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (GREY[:, :2], r"a\.png is 3 × 2 grey \(uint8\), but c\.png is 2 × 2 grey"),
        (np.zeros((2, 3, 3), np.uint8), r"a\.png is 3 × 2 grey \(uint8\), but c\.png is 3 × 2 RGB"),
        (GREY.astype(np.uint16), r"but c\.png is 3 × 2 grey \(uint16\)"),
    ],
)
def test_pictures_that_differ_are_named(tmp_path, other, message):
    save(tmp_path / "a.png")
    save(tmp_path / "b.png")
    save(tmp_path / "c.png", other)
    with pytest.raises(DataError, match=message):
        images.read_folder(tmp_path)


def test_without_pillow_the_message_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(MissingExtra, match=r'pip install "tinygrad-ae\[all\]"'):
        images.read(tmp_path / "a.png")
