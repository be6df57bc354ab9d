"""Folders of files that are a sample each, such as pictures and sounds: labels and splits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tinygrad_ae.data.bounds import refuse_special
from tinygrad_ae.data.reading import shown
from tinygrad_ae.errors import DataError


@dataclass(frozen=True)
class Files:
    """The files of one split, in the order of their names.

    Attributes:
        folder: that they are in.
        paths: at least one.
        labels: one for each, or None.
        classes: the subfolders by their labels.
    """

    folder: Path
    paths: list[Path]
    labels: list[int] | None
    classes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The path of each file within the folder."""
        return tuple(str(path.relative_to(self.folder)) for path in self.paths)

    @property
    def label_kind(self) -> str:
        """Where the labels come from, in words."""
        named = [f"{i} {name}" for i, name in enumerate(self.classes)]
        return f"from subfolders ({shown(named)})"


def find(folder: Path, suffixes: Sequence[str], noun: str) -> dict[str, Files]:
    """Find the files of certain suffixes.

    Those in one level of subfolders are labelled by them: 0, 1, 2, ... in the order of the
    subfolders' names. Where there is a subfolder ``train``, it and ``validation`` and ``test``
    hold the splits instead. Other files, and hidden ones, are passed over.

    Args:
        folder: to look in.
        suffixes: in lower case, with the dot.
        noun: what the files are called in a message: ``"pictures"``.

    Raises:
        DataError: there are none, or their places contradict each other.
    """
    if (folder / "train").is_dir():
        splits = [folder / name for name in ("train", "validation", "test")]
        classes = _subfolders(folder / "train")
        return {
            split.name: _find(split, classes, suffixes, noun) for split in splits if split.is_dir()
        }
    return {"train": _find(folder, _subfolders(folder), suffixes, noun)}


def holds(folder: Path, suffixes: Sequence[str]) -> bool:
    """Whether there is such a file where ``find`` looks."""
    patterns = ("*", "*/*", "train/*/*")
    return any(p.suffix.lower() in suffixes for pattern in patterns for p in folder.glob(pattern))


def _find(folder: Path, classes: list[str], suffixes: Sequence[str], noun: str) -> Files:
    top = _files(folder, suffixes)
    found = [name for name in _subfolders(folder) if _files(folder / name, suffixes)]
    if top and found:
        raise DataError(
            f"{folder} holds {noun} both directly ({top[0].name}) and in subfolders "
            f"({found[0]}); put them all directly in it (no labels) or all in subfolders (one for "
            "each label)."
        )
    if unknown := set(found) - set(classes):
        raise DataError(
            f"{folder} has the class folder {min(unknown)!r}, which the training split lacks; its "
            f"classes are {', '.join(classes) or 'none: it has no subfolders'}."
        )
    labelled = [
        (path, classes.index(name)) for name in found for path in _files(folder / name, suffixes)
    ]
    paths = top or [path for path, _ in labelled]
    if not paths:
        raise DataError(
            f"{folder} holds no {noun}; expected files ending in {', '.join(suffixes)}, in it or "
            "in its subfolders."
        )
    return Files(folder, paths, None if top else [label for _, label in labelled], tuple(classes))


def _files(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    paths = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in suffixes and not path.name.startswith(".") and not path.is_dir()
    )
    for path in paths:
        refuse_special(path)
    return paths


def _subfolders(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
