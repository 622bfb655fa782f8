"""One file from the archive to the disk: resumed where it stopped, checked before it gets its name."""

import os
from collections.abc import Callable, Iterable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ValidationError

from ingest.download.answers import Block
from ingest.download.archives import PublishedFile
from ingest.download.errors import DownloadError, WebError
from ingest.download.folder import (
    PART,
    SIDE,
    OnProgress,
    Phase,
    md5_of,
    note_verified,
    refuse_full_disk,
    replace_text,
    sync_folder,
)
from ingest.download.web import Web

_PHASES: Final[tuple[Phase, Phase]] = ("fetching", "fetching again")


def fetch_file(file: PublishedFile, folder: Path, web: Web, on_progress: OnProgress) -> None:
    """Fetches a file, or what is missing of it; a file that comes corrupt is fetched once more.

    Raises:
        DownloadError: It could not be fetched, or was corrupt twice. What has come stays for the next time.
        DiskSpaceError: The disk is full.
    """
    if not file.md5:
        raise DownloadError(
            f"{file.name} has no checksum in the archive's list, so it could not be verified: fetch it by hand"
        )
    found = ""
    try:
        for phase in _PHASES:
            part = PartialFile(folder, file)
            blocks = web.stream(file.urls, file.size, start=part.length, etag=part.etag)
            part.fill(blocks, partial(on_progress, file.name, phase))
            found = md5_of(part.path, partial(on_progress, file.name, "checking"))
            if found == file.md5:
                part.finish()
                return
            part.remove()
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


def kept_as(path: Path) -> Path:
    """Where a file goes that has the name of a fetched one, and is of another size: it may be someone's own."""
    return next(each for number in count(1) if not (each := path.with_name(f"{path.name}.other{number}")).exists())


class _Side(BaseModel):
    """What the bytes of a part are of: size, MD5 and ETag of the whole file, and its stable address."""

    url: str
    size: int
    md5: str
    etag: str = ""


class PartialFile:
    """A file that is still being fetched: `NAME.part` holds its bytes, `NAME.part.json` says what they are of.

    Attributes:
        path: Where the bytes lie.
        side: Where it is said what they are of.
        length: Bytes that are here; those of another file, or of nobody knows what, count as none.
        etag: The server's mark of the file that they are of; empty if there is none.
    """

    def __init__(self, folder: Path, file: PublishedFile) -> None:
        self.path, self.side = folder / (file.name + PART), folder / (file.name + SIDE)
        self.length, self.etag = 0, ""
        self._file = file
        try:
            side = _Side.model_validate_json(self.side.read_bytes())
            length = self.path.stat().st_size
        except (FileNotFoundError, ValidationError):
            return
        if (side.md5, side.size) == (file.md5, file.size) and length <= file.size:
            self.length, self.etag = length, side.etag

    def fill(self, blocks: Iterable[Block], on_progress: Callable[[int, int], None]) -> None:
        """Writes blocks as they come: each outlives the process from there on, and all of them a power cut at the end.

        Args:
            blocks: In order; one that starts before the end drops what follows.
            on_progress: Called with the bytes that are here and all, when there are more of them than ever.
        """
        furthest = self.length
        etag: str | None = None
        on_progress(furthest, self._file.size)
        with self.path.open("ab") as out:
            out.truncate(self.length)
            for block in blocks:
                if block.start < self.length:
                    out.truncate(block.start)
                if etag != block.etag:
                    etag = block.etag
                    side = _Side(url=self._file.urls[0], size=self._file.size, md5=self._file.md5, etag=etag)
                    replace_text(self.side, side.model_dump_json())
                out.write(block.content)
                out.flush()
                self.length = block.start + len(block.content)
                if self.length > furthest:
                    furthest = self.length
                    on_progress(furthest, self._file.size)
            os.fsync(out.fileno())

    def finish(self) -> None:
        """Gives the file its name, now that its checksum is right."""
        target = self.path.with_name(self._file.name)
        if target.exists():
            target.rename(kept_as(target))
        self.path.replace(target)
        sync_folder(target.parent)
        self.remove()
        note_verified(target, self._file.md5)

    def remove(self) -> None:
        """Forgets the file."""
        self.path.unlink(missing_ok=True)
        self.side.unlink(missing_ok=True)
