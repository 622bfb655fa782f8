"""Zip archives unpacked in place: nothing outside the folder, no half-written file, nothing twice."""

import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from zipfile import ZipFile, ZipInfo

from ingest.download.errors import UnzipError
from ingest.download.folder import PART, OnProgress, blocks_of, refuse_full_disk, sync_folder
from ingest.download.members import TORN, files_of, safe_path

_Claims = dict[str, tuple[int, int] | None]


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
    claimed: _Claims = {path.name.casefold(): None for path in paths}
    for path in paths:
        try:
            archive = ZipFile(path)
        except (OSError, *TORN) as error:
            sentence = f"cannot be read as a zip archive ({error}): the file itself is at fault"
            found.failures.append((path.name, sentence))
            continue
        with archive:
            _unzip(archive, path.name, folder, claimed, found, on_progress)
    sync_folder(folder)
    return found


def room_to_unpack(paths: Iterable[Path], folder: Path) -> tuple[int, int]:
    """Bytes of the members that are not there yet, and of all; what is no zip archive takes none."""
    missing = total = 0
    for path in paths:
        with suppress(OSError, *TORN), ZipFile(path) as archive:
            for info in files_of(archive):
                total += info.file_size
                missing += 0 if _has_size(folder / info.filename, info) else info.file_size
    return missing, total


def _unzip(
    archive: ZipFile, name: str, folder: Path, claimed: _Claims, found: Unpacked, on_progress: OnProgress
) -> None:
    members = files_of(archive)
    total = sum(info.file_size for info in members)
    done = 0
    for info in members:
        member = f"the member {info.filename!r}"
        try:
            target = folder / _claim(info, claimed)
            if not _is_there(target, info):
                for written in _extract(archive, info, target):
                    on_progress(name, "unzipping", done + written, total)
                found.written += 1
            found.files.append(target)
        except UnzipError as error:
            found.failures.append((name, f"{member} {error}"))
        except OSError as error:
            refuse_full_disk(error, target.parent)
            found.failures.append((name, f"{member} could not be written: {error}"))
        except TORN as error:
            found.failures.append((name, f"{member} is torn ({error}): the archive itself is at fault"))
        done += info.file_size
        on_progress(name, "unzipping", done, total)


def _claim(info: ZipInfo, claimed: _Claims) -> PurePosixPath:
    """Path of a member under the folder, which is its own from now on.

    Raises:
        UnzipError: It leads out of the folder, is a link that could, or is that of another file.
    """
    path = safe_path(info)
    content = (info.file_size, info.CRC)
    if claimed.setdefault(str(path).casefold(), content) != content:
        raise UnzipError("would overwrite another file of that name and is left out: unpack it by hand")
    return path


def _has_size(target: Path, info: ZipInfo) -> bool:
    return target.is_file() and target.stat().st_size == info.file_size


def _is_there(target: Path, info: ZipInfo) -> bool:
    if not _has_size(target, info):
        return False
    crc = 0
    with target.open("rb") as file:
        for block in blocks_of(file):
            crc = zlib.crc32(block, crc)
    return crc == info.CRC


def _extract(archive: ZipFile, info: ZipInfo, target: Path) -> Iterator[int]:
    """Writes one member beside its place first, yields the bytes so far; reading to its end checks the CRC."""
    part = target.with_name(target.name + PART)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(info) as source, part.open("wb") as out:
            for block in blocks_of(source):
                out.write(block)
                yield out.tell()
            out.flush()
            os.fsync(out.fileno())
        part.replace(target)
    finally:
        with suppress(OSError):  # an error that led here is the one to tell
            part.unlink()
