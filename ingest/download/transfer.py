"""One file from the archive to the disk: resumed where it stopped, checked before it gets its name."""

import re
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from requests import Response

from ingest.download.archives import ArchiveFile
from ingest.download.errors import DownloadError
from ingest.download.folder import OnProgress, Phase, md5_of, note_verified, refuse_full_disk, sync_folder
from ingest.download.part import Part, part_path, remove_part
from ingest.download.retry import RefusedError, TryAgainError, WebError
from ingest.download.web import Web

# The client hands over whole blocks only, so what a cut costs is at most one block.
_BLOCK: Final = 1 << 16
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_PHASES: Final[tuple[Phase, Phase]] = ("fetching", "fetching again")


def fetch_file(file: ArchiveFile, folder: Path, web: Web, on_progress: OnProgress) -> None:
    """Fetches a file, or what is missing of it; a file that comes corrupt is fetched once more.

    Raises:
        DownloadError: It could not be fetched, or was corrupt twice. What has come stays for the next time.
        DiskSpaceError: The disk is full.
    """
    if not file.md5:
        raise DownloadError(
            f"{file.name} has no checksum in the archive's list, so it could not be verified: fetch it by hand"
        )
    try:
        found = ""
        for phase in _PHASES:
            found = _fetch_once(file, folder, web, phase, on_progress)
            if found == file.md5:
                _finish(file, folder)
                return
            remove_part(folder, file.name)
    except WebError as error:
        raise DownloadError(
            f"{file.name} could not be fetched: {error}; give the same command to go on from here, or fetch it by hand "
            "into the folder, where it is accepted by its checksum"
        ) from error
    except OSError as error:
        refuse_full_disk(error, folder)
        raise DownloadError(f"{file.name} could not be written: {error}; check the folder and try again") from error
    raise DownloadError(
        f"{file.name} came twice with the MD5 {found} where the archive's list says {file.md5}: something on the way "
        "changes it; try another network, or another --base-url"
    )


def _fetch_once(file: ArchiveFile, folder: Path, web: Web, phase: Phase, on_progress: OnProgress) -> str:
    """All bytes into the part; returns their MD5."""
    with Part(folder, file) as part:
        _fill(part, file, web, lambda done: on_progress(file.name, phase, done, file.size))
        part.sync()
    return md5_of(part.path, lambda done: on_progress(file.name, "checking", done, file.size))


def _finish(file: ArchiveFile, folder: Path) -> None:
    target = folder / file.name
    part_path(folder, file.name).replace(target)
    sync_folder(folder)
    remove_part(folder, file.name)
    note_verified(target, file.md5)


def _fill(part: Part, file: ArchiveFile, web: Web, report: Callable[[int], None]) -> None:
    """Asks until all bytes are here; every try starts at a stable address, never at one it led to."""
    patience = web.patience()
    urls = deque(file.urls)
    furthest = part.length
    report(furthest)

    def count(length: int) -> None:
        # Bytes that came before are no progress, or a server that ignores ranges and breaks off would go on forever.
        nonlocal furthest
        if length > furthest:
            furthest = length
            patience.renew()
            report(furthest)

    misplaced = 0
    while part.length < file.size:
        try:
            _ask(part, file, urls[0], web, count)
        except _MisplacedError as error:
            misplaced += 1
            if misplaced > 1:  # once may be an accident of a proxy; twice, and ranges cannot be relied on
                part.restart()
            patience.after(error)
        except TryAgainError as error:
            if error.restart:
                part.restart()
            if error.answered:
                urls.rotate(-1)
            patience.after(error)
        except RefusedError:
            urls.popleft()
            if not urls:
                raise


def _ask(part: Part, file: ArchiveFile, url: str, web: Web, count: Callable[[int], None]) -> None:
    """One request, appended to the part.

    Raises:
        TryAgainError: It did not bring all bytes.
        RefusedError: This address never will.
    """
    with web.open(url, part.headers()) as response:
        if response.status_code == 206:
            _check_range(response, part.length, file.size)
        else:
            _check_whole(response, file.size)
            part.restart()
        part.describe(url, response.headers.get("ETag", ""))
        for block in response.iter_content(_BLOCK):
            if part.length + len(block) > file.size:
                raise TryAgainError(f"the server sends more than {file.size} bytes", answered=True, restart=True)
            part.append(block)
            count(part.length)
    if part.length < file.size:
        raise TryAgainError(f"the connection ended at byte {part.length} of {file.size}")


class _MisplacedError(TryAgainError):
    """The server sends another piece than it was asked for."""


def _check_range(response: Response, start: int, size: int) -> None:
    """A piece in the wrong place would be found by the checksum only after the last byte."""
    given = response.headers.get("Content-Range", "")
    match = _RANGE.fullmatch(given)
    if match is None or int(match[1]) != start or int(match[2]) >= size or match[3] not in ("*", str(size)):
        raise _MisplacedError(f"the server sends {given or 'an unnamed piece'!r} for bytes {start}- of {size}")


def _check_whole(response: Response, size: int) -> None:
    """A page in place of the file comes with status 200 too; it must not cost the bytes that are here."""
    length = response.headers.get("Content-Length")
    if length is not None and int(length) != size:
        kind = response.headers.get("Content-Type", "unknown type")
        raise TryAgainError(f"the server sends {length} bytes of {kind}, not the {size} of the file", answered=True)
    if length is None and response.headers.get("Content-Type", "").startswith("text/html"):
        raise TryAgainError("the server sends a web page, not the file", answered=True)
