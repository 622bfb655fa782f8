"""Which members of a zip archive are files of the archive, and which of them are not to be trusted."""

import re
import stat
import zlib
from pathlib import PurePosixPath
from typing import Final
from zipfile import BadZipFile, ZipFile, ZipInfo

from ingest.download.errors import UnzipError

# What the standard library raises on bytes that are no zip, are torn, need a password or an unknown method.
TORN: Final = (BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError)


def files_of(archive: ZipFile) -> list[ZipInfo]:
    """Files, without what a system's archiver adds to them: `__MACOSX/`, `._scene.nc`, `.DS_Store`."""
    return [info for info in archive.infolist() if not info.is_dir() and not _is_added(PurePosixPath(info.filename))]


def safe_path(info: ZipInfo) -> PurePosixPath:
    """Path of a member under the folder of its archive.

    Raises:
        UnzipError: It leads out of the folder, or is a link that could.
    """
    name = info.filename.replace("\\", "/")
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:", name) or not path.parts:
        raise UnzipError("leads out of the folder and is left out: do not trust it")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise UnzipError("is a symbolic link and is left out: only files are unpacked")
    return path


def _is_added(path: PurePosixPath) -> bool:
    return "__MACOSX" in path.parts or path.name.startswith(".")
