"""A file that is still being fetched: `NAME.part` holds its bytes, `NAME.part.json` says what they are of."""

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import BaseModel, ValidationError

from ingest.download.archives import PART, SIDE, ArchiveFile
from ingest.download.plan import PartState, fits


class Side(BaseModel):
    """What the bytes of a part are of.

    Attributes:
        url: Stable address that they came from.
        size: Bytes of the whole file.
        md5: Checksum of the whole file.
        etag: The server's mark of this state of the file; empty if it gave none that is good for ranges.
    """

    url: str
    size: int
    md5: str
    etag: str = ""


class Part:
    """The growing file; a context manager, as it holds an open file. Bytes of another file are dropped."""

    def __init__(self, folder: Path, file: ArchiveFile) -> None:
        self._folder = folder
        self._file = file
        self._side = read_side(folder, file.name)
        self.path = part_path(folder, file.name)
        self._out = self.path.open("ab")
        self.length = self.path.stat().st_size
        if self._side is None or not fits(
            PartState(length=self.length, size=self._side.size, md5=self._side.md5), file
        ):
            self.restart()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._out.close()

    def headers(self) -> dict[str, str]:
        """Asks for the bytes that are missing, on condition that the server's file is still the same one."""
        if self.length == 0:
            return {}
        condition = {"If-Range": self._side.etag} if self._side is not None and self._side.etag else {}
        return {"Range": f"bytes={self.length}-"} | condition

    def describe(self, url: str, etag: str) -> None:
        """Notes where the coming bytes are from; a weak ETag is left out, it promises no equal bytes."""
        side = Side(url=url, size=self._file.size, md5=self._file.md5, etag="" if etag.startswith("W/") else etag)
        if side != self._side:
            write_text(side_path(self._folder, self._file.name), side.model_dump_json())
            self._side = side

    def append(self, block: bytes) -> None:
        """Adds bytes; they outlive the process from here on."""
        self._out.write(block)
        self._out.flush()
        self.length += len(block)

    def restart(self) -> None:
        """Drops all bytes."""
        self._out.truncate(0)
        self.length = 0

    def sync(self) -> None:
        """Makes the bytes last through a power cut."""
        self._out.flush()
        os.fsync(self._out.fileno())


def part_path(folder: Path, name: str) -> Path:
    """Where the bytes of an unfinished file lie."""
    return folder / (name + PART)


def side_path(folder: Path, name: str) -> Path:
    """Where it is said what they are of."""
    return folder / (name + SIDE)


def read_side(folder: Path, name: str) -> Side | None:
    """The side file; None where there is none that can be read."""
    try:
        return Side.model_validate_json(side_path(folder, name).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def remove_part(folder: Path, name: str) -> None:
    """Forgets an unfinished file."""
    part_path(folder, name).unlink(missing_ok=True)
    side_path(folder, name).unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Replaces a small file in one step: a reader sees the old text or the new one."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
