"""Zip archives unpacked in place: nothing outside the folder, no half-written file, nothing twice."""

import os
import re
import stat
import zlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final
from zipfile import BadZipFile, ZipFile, ZipInfo

from ingest.download.archives import PART
from ingest.download.errors import UnzipError
from ingest.download.folder import OnProgress, refuse_full_disk, sync_folder

_BLOCK: Final = 1 << 20
# What the standard library raises on bytes that are no zip, are torn, need a password or an unknown method.
_TORN: Final = (BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError)


@dataclass(kw_only=True)
class Unpacked:
    """What became of the members.

    Attributes:
        files: All that are in the folder now.
        written: How many of them were written; the others were there.
        failures: Zip archive and sentence for each that could not be unpacked, or has a member that could not.
    """

    files: list[Path] = field(default_factory=list)
    written: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)


def unzip_all(paths: Sequence[Path], folder: Path, on_progress: OnProgress) -> Unpacked:
    """Unpacks zip archives into the folder; a member that is there with its size and CRC is kept.

    Raises:
        DiskSpaceError: The disk is full.
    """
    found = Unpacked()
    # A member takes the place neither of an archive nor of another archive's member.
    claimed: dict[str, tuple[int, int] | None] = {path.name.casefold(): None for path in paths}
    for path in paths:
        try:
            archive = ZipFile(path)
        except (OSError, *_TORN) as error:
            found.failures.append(
                (path.name, f"cannot be read as a zip archive ({error}): the file itself is at fault")
            )
            continue
        with archive:
            _unzip(archive, path.name, folder, claimed, found, on_progress)
    sync_folder(folder)
    return found


@dataclass(frozen=True, kw_only=True)
class Room:
    """Bytes of members.

    Attributes:
        missing: Of those that are not there yet.
        total: Of all.
    """

    missing: int
    total: int


def room_to_unpack(paths: Iterable[Path], folder: Path) -> Room:
    """The room that members take; what cannot be unpacked takes none, it is reported when that is tried."""
    missing = total = 0
    for path in paths:
        try:
            with ZipFile(path) as archive:
                members = _members(archive)
        except (OSError, *_TORN):
            continue
        for info in members:
            target = folder / info.filename
            total += info.file_size
            if not target.is_file() or target.stat().st_size != info.file_size:
                missing += info.file_size
    return Room(missing=missing, total=total)


def _unzip(
    archive: ZipFile,
    name: str,
    folder: Path,
    claimed: dict[str, tuple[int, int] | None],
    found: Unpacked,
    on_progress: OnProgress,
) -> None:
    members = _members(archive)
    total = sum(info.file_size for info in members)
    done = 0

    def count(bytes_of_member: int) -> None:
        on_progress(name, "unzipping", done + bytes_of_member, total)

    for info in members:
        try:
            inside = _inside(info)
            _claim(inside, info, claimed)
            target = folder / inside
            if not _is_there(target, info):
                _extract(archive, info, target, count)
                found.written += 1
            found.files.append(target)
        except UnzipError as error:
            found.failures.append((name, str(error)))
        done += info.file_size
        count(0)


def _members(archive: ZipFile) -> list[ZipInfo]:
    """Files, without the twins that one system's archiver adds to each."""
    return [info for info in archive.infolist() if not info.is_dir() and not info.filename.startswith("__MACOSX/")]


def _inside(info: ZipInfo) -> PurePosixPath:
    """Path of a member under the folder.

    Raises:
        UnzipError: It would lead out of the folder, or is a link that could.
    """
    name = info.filename.replace("\\", "/")
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:", name) or not path.parts:
        raise UnzipError(f"the member {info.filename!r} leads out of the folder and is left out: do not trust it")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise UnzipError(f"the member {info.filename!r} is a symbolic link and is left out: only files are unpacked")
    return path


def _claim(inside: PurePosixPath, info: ZipInfo, claimed: dict[str, tuple[int, int] | None]) -> None:
    content = (info.file_size, info.CRC)
    if claimed.setdefault(str(inside).casefold(), content) != content:
        raise UnzipError(
            f"the member {info.filename!r} would overwrite another file of that name and is left out: unpack it by hand"
        )


def _is_there(target: Path, info: ZipInfo) -> bool:
    if not target.is_file() or target.stat().st_size != info.file_size:
        return False
    crc = 0
    with target.open("rb") as file:
        while block := file.read(_BLOCK):
            crc = zlib.crc32(block, crc)
    return crc == info.CRC


def _extract(archive: ZipFile, info: ZipInfo, target: Path, count: Callable[[int], None]) -> None:
    """Writes one member beside its place first; reading to its end checks the CRC."""
    part = target.with_name(target.name + PART)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(info) as source, part.open("wb") as out:
            while block := source.read(_BLOCK):
                out.write(block)
                count(out.tell())
            out.flush()
            os.fsync(out.fileno())
        part.replace(target)
    except OSError as error:
        _remove(part)
        refuse_full_disk(error, target.parent)
        raise UnzipError(f"the member {info.filename!r} could not be written: {error}") from error
    except _TORN as error:
        _remove(part)
        raise UnzipError(f"the member {info.filename!r} is torn ({error}): the archive itself is at fault") from error


def _remove(part: Path) -> None:
    """The error that led here is the one to tell."""
    with suppress(OSError):
        part.unlink()
