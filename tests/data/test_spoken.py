import shutil

import numpy as np
import pytest

from tinygrad_ae.data import load, spoken
from tinygrad_ae.data.spoken import cut
from tinygrad_ae.errors import DataError


def test_the_bundled_words_are_few_and_of_six_kinds():
    data = load("spoken")
    assert data.framing is not None
    assert data.framing.sample_rate == 8000
    for split, count in ((data.train, 5135), (data.validation, 1068), (data.test, 854)):
        assert len(split) == count
        np.testing.assert_array_equal(np.unique(split.y), np.arange(6))
    assert sum(path.stat().st_size for path in spoken.FOLDER.rglob("*.wav")) < 2_000_000


def test_no_word_is_in_two_splits():
    words = [path.parts[-2:] for path in spoken.FOLDER.rglob("*.wav")]
    assert len(set(words)) == len(words) == 134


def test_the_readme_tells_the_checksum_and_the_counts():
    text = (spoken.FOLDER / "README.md").read_text(encoding="utf-8")
    assert spoken.SHA256 in text
    for label, kind in enumerate(cut.KINDS):
        counts = [
            len(list((spoken.FOLDER / split / kind).iterdir()))
            for split in ("train", "validation", "test")
        ]
        row = next(line for line in text.splitlines() if line.startswith(f"| {label} | {kind} |"))
        assert [int(cell) for cell in row.split("|")[4:7]] == counts


@pytest.fixture
def package(tmp_path):
    """The package's folder, as far as the words come from it."""
    for path in spoken.FOLDER.glob("*/*/*.wav"):
        folder, _ = cut.KINDS[path.parent.name]
        target = tmp_path / "sounds" / folder / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    (tmp_path / "sounds" / "digits" / "oclock.wav").write_bytes(b"")  # not one of them
    return tmp_path / "sounds"


def test_cutting_gives_the_same_files(package, tmp_path, monkeypatch, capsys):
    assert cut.main([str(package), "--check"]) == 0
    bundled = {p.relative_to(spoken.FOLDER) for p in spoken.FOLDER.rglob("*.wav")}
    monkeypatch.setattr(spoken, "FOLDER", tmp_path / "cut")
    assert cut.main([str(package), "--check"]) == 1
    assert "DIFFERS" in capsys.readouterr().out
    assert cut.main([str(package)]) == 0
    assert {p.relative_to(tmp_path / "cut") for p in (tmp_path / "cut").rglob("*.wav")} == bundled
    spoken.read()


def test_another_folder_and_a_damaged_installation_are_named(
    package, tmp_path, monkeypatch, capsys
):
    (package / "letters" / "a.wav").write_bytes(b"other")
    assert cut.main([str(package)]) == 2
    assert "does not hold the words of asterisk-core-sounds-en-wav" in capsys.readouterr().err
    monkeypatch.setattr(spoken, "FOLDER", tmp_path)
    with pytest.raises(DataError, match=r"are not those this package came with.*Reinstall"):
        spoken.read()
