"""Folders that people name for results."""

import tempfile
from pathlib import Path

from datasets.errors import IceBenchError


class NotAFolderError(IceBenchError, NotADirectoryError):
    """Results are to be written where a file is."""


def folder_for(path: Path) -> Path:
    """The path itself; raises NotAFolderError where a file is in the way, before anything is computed for it."""
    there = nearest(path)
    if not there.is_dir():
        raise NotAFolderError(f"{str(there)!r} is a file: results go into a folder, give another one")
    return path


def takes_files(folder: Path) -> bool:
    """Whether the system lets anybody make files there; below /proc it says that they are not there."""
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except FileNotFoundError:
        return False
    except OSError:  # it would, but not this user, or not now
        return True
    return True


def nearest(path: Path) -> Path:
    """The path itself, or the nearest folder above it that is there."""
    return next(each for each in (path.absolute(), *path.absolute().parents) if each.exists())
