"""Where results go: paths that are checked before anything is computed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from ..data.arrays import WRITTEN
from ..errors import UserError
from ..util.files import at_home

SHEET = ".png"
SOUND = ".wav"
FIGURES = (".png", ".svg", ".pdf")
_SPARED = f"{__name__}.spared"


def array_target(out: str, source: str) -> Path:
    """Return where an array goes that is made from ``source``.

    Raises:
        UserError: the suffix names no known format, the folder does not exist, or the source
            would be overwritten.
    """
    path = Path(out)
    if path.suffix not in WRITTEN:
        raise UserError(f"{out} must end in {', '.join(WRITTEN)}: the suffix chooses the format.")
    return _sparing(path, source)


def sample_target(out: str, source: str) -> Path:
    """Return where samples go: a file of arrays, pictures or sound, or a new folder.

    Raises:
        UserError: the suffix names no known format, the folder is not empty, or the source would
            be overwritten.
    """
    path = Path(out)
    known = (*WRITTEN, SHEET, SOUND)
    if path.suffix in known:
        return _sparing(path, source)
    if path.suffix:
        raise UserError(
            f"{out} must end in {', '.join(known)}, which chooses the format, or have no suffix: "
            "then it is a folder of pictures or sounds."
        )
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UserError(f"{out} exists already and is not empty. Choose another folder.")
    return in_existing_folder(path)


def in_existing_folder(path: Path) -> Path:
    """Return the path of a file to be, in a folder that is there.

    Raises:
        UserError: it is not.
    """
    if not path.parent.is_dir():
        raise UserError(f"The folder {path.parent} does not exist. Make it, or choose another.")
    return path


def spare(*paths: Path) -> None:
    """Have what the command reads be refused as a place for its results, see :func:`writing`."""
    click.get_current_context().meta.setdefault(_SPARED, []).extend(paths)


def _sparing(path: Path, source: str) -> Path:
    """Return the path of a file to be that overwrites nothing of the source."""
    _refuse_what_is_read(path, at_home(source))
    return in_existing_folder(path)


def _refuse_what_is_read(path: Path, source: Path) -> None:
    """Raise UserError if a file to be written is the source, or in it if that is a folder."""
    if (
        path.exists()
        and source.exists()
        and (path.samefile(source) or source.resolve() in path.resolve().parents)
    ):
        raise UserError(f"{path} is what is to be read: choose another file for the result.")


def sample_or_picture_target(out: str, source: str) -> Path:
    """Return where a figure goes, or samples alone.

    Raises:
        UserError: as :func:`tinygrad_ae.cli.sample_target`.
    """
    path = Path(out)
    if path.suffix in FIGURES and path.suffix != SHEET:
        return in_existing_folder(path)
    return sample_target(out, source)


def folder_target(out: str | None, run: str, name: str) -> Path:
    """Return the folder that a command's files go to: one that is given, or ``name`` in the run's.

    It is made when it is not there; files of the same names in it are replaced.

    Raises:
        UserError: it cannot be made, or is a file.
    """
    path = in_existing_folder(Path(run) / name if out is None else Path(out))
    if path.is_file():
        raise UserError(f"{path} is a file; results go to a folder. Choose another.")
    with writing(path):
        path.mkdir(exist_ok=True)
    return path


def page_target(out: str | None, default: Path) -> Path:
    """Return where a page goes.

    Raises:
        UserError: the name does not end in .html, or the folder does not exist.
    """
    path = default if out is None else Path(out)
    if path.suffix != ".html":
        raise UserError(f"{path} must end in .html: it is a page.")
    return in_existing_folder(path)


@contextmanager
def writing(path: Path) -> Iterator[str]:
    """Yield how to report a file that is written inside: whether it replaces one.

    Raises:
        UserError: it is read by the command, or it cannot be written, said by the name that the
            user gave.
    """
    context = click.get_current_context(silent=True)
    for source in context.meta.get(_SPARED, ()) if context else ():
        _refuse_what_is_read(path, source)
    report = f"{path} (replaced)" if path.is_file() else str(path)
    try:
        yield report
    except OSError as error:
        raise UserError(f"{path} cannot be written: {reason(error)}.") from error


def reason(error: OSError) -> str:
    """Return why something cannot be written, without the name of a temporary file."""
    return error.strerror or f"the disk took only a part of it ({error}); it may be full"
