"""Folders that people name for results."""

import tempfile
from pathlib import Path

from datasets.errors import IceBenchError


class NotAFolderError(IceBenchError, NotADirectoryError):
    """Results are to be written where a file is, or where nothing can be made."""


def folder_for(path: Path) -> Path:
    """The path itself; raises NotAFolderError where it can be no folder, before anything is computed for it."""
    there = nearest(path)
    if not there.is_dir():
        raise NotAFolderError(f"{str(there)!r} is a file: results go into a folder, give another one")
    if trouble := refusal_of(there):
        raise NotAFolderError(f"nothing can be made in {str(there)!r} ({trouble.strerror}): give another folder")
    return path


def refusal_of(folder: Path) -> OSError | None:
    """What the system says to a new file in a folder, which is gone at once; None where it takes one.

    Where nobody can make anything, as below /proc, it says that the file is not there.
    """
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return error
    return None


def nearest(path: Path) -> Path:
    """The path itself, or the nearest folder above it that is there, as far as this user may look."""
    return next(each for each in (path.absolute(), *path.absolute().parents) if _is_there(each))


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:  # of a folder above it
        return False
