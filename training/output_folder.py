"""Folders for what a command makes: looked at before hours of work, told in a sentence where they cannot be used."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from datasets.errors import IceBenchError
from datasets.process.folders import refusal_of


class OutputFolderError(IceBenchError, OSError):
    """A folder cannot be made or written."""


def refuse_unusable(folder: Path) -> None:
    """Raises OutputFolderError where a folder surely cannot be made or written; makes nothing."""
    there = next(place for place in (folder, *folder.absolute().parents) if os.path.lexists(place))
    if not there.is_dir():
        raise OutputFolderError(f"{str(folder)!r} cannot be a folder, since {str(there)!r} is a file: give another one")
    if trouble := refusal_of(there):
        raise OutputFolderError(
            f"the folder {str(folder)!r} cannot be written, since nothing can be made in {str(there)!r} "
            f"({trouble.strerror}): give another one"
        )


def make_folder(folder: Path) -> None:
    """Makes a folder, and those above it, if it is not there; raises OutputFolderError."""
    refuse_unusable(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputFolderError(
            f"the folder {str(folder)!r} cannot be made ({error.strerror}): give another one"
        ) from error


@contextmanager
def scratch_folder(folder: Path) -> Iterator[Path]:
    """A folder for what is not finished, gone afterwards; one that a killed process left is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    make_folder(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
