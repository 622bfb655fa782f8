"""Zip archives read in place: their list of members from the end of the file, a member from its own bytes alone.

The standard library reads the list, zip64 included, through a file object that asks for ranges. It cannot hand over a
member without the whole archive being open beside it, so the member's own header, method and checksum are read here.
"""

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from ingest.download.errors import UnzipError
from ingest.download.members import TORN, files_of, safe_path
from ingest.errors import MemberError, ZipArchiveError
from ingest.stream.containers import Container

_TAIL: Final = 1 << 17
"""Bytes of the end that are asked for at once: the longest comment, and the list of some hundred members."""

_HEADER: Final = struct.Struct("<4s22xHH")
"""A member's own header: its mark, and the lengths of name and extra field that follow it."""

_BLOCK: Final = 1 << 20
_ENCRYPTED: Final = 1
_METHODS: Final = (ZIP_STORED, ZIP_DEFLATED)


@dataclass(frozen=True, kw_only=True)
class ZipMember:
    """A file in a zip archive.

    Attributes:
        archive: The archive.
        path: In the archive.
        start: First byte of its header in the archive.
        end: The byte after its last, or what lies between it and the next.
        packed: Bytes as they lie in the archive.
        size: Bytes when unpacked.
        crc: CRC-32 of the unpacked bytes.
        method: How it is packed, stored or deflated.
    """

    archive: Container
    path: str
    start: int
    end: int
    packed: int
    size: int
    crc: int
    method: int

    @property
    def name(self) -> str:
        """As people are told it."""
        return f"{self.archive.name}/{self.path}"

    def write(self, target: Path) -> None:
        """Unpacks it into a file.

        Raises:
            MemberError: Its bytes are not those that the archive's list promises.
        """
        size = crc = 0
        with target.open("wb") as out:
            try:
                for block in self._unpacked():
                    size, crc = size + len(block), zlib.crc32(block, crc)
                    if size > self.size:
                        break
                    out.write(block)
            except (zlib.error, struct.error) as error:
                raise MemberError(f"{self.name!r} is torn ({error}): the archive itself is at fault") from error
        if (size, crc) != (self.size, self.crc):
            raise MemberError(
                f"{self.name!r} has {size} bytes with the CRC {crc:08x} where the list of its archive says {self.size} "
                f"bytes with {self.crc:08x}: the archive itself is at fault"
            )

    def _unpacked(self) -> Iterator[bytes]:
        blocks = self._data()
        if self.method == ZIP_STORED:
            yield from blocks
            return
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        for packed in blocks:
            yield inflate.decompress(packed, _BLOCK)
            while inflate.unconsumed_tail:  # a block that grows a thousandfold must not fill the memory
                yield inflate.decompress(inflate.unconsumed_tail, _BLOCK)
        yield inflate.flush()

    def _data(self) -> Iterator[bytes]:
        """The packed bytes, from behind the member's own header, whose extra field may differ from the list's."""
        blocks = self.archive.blocks(self.start, self.end)
        head = b""
        while len(head) < _HEADER.size and (block := next(blocks, b"")):
            head += block
        mark, name, extra = _HEADER.unpack(head[: _HEADER.size])
        if mark != b"PK\3\4":
            raise zlib.error("no header where the list says that it begins")
        skip, left = _HEADER.size + name + extra, self.packed
        for block in chain([head], blocks):
            kept = block[skip:][:left]
            skip, left = max(skip - len(block), 0), left - len(kept)
            if kept:
                yield kept


def list_members(archive: Container) -> list[ZipMember | tuple[str, str]]:
    """The files of an archive in its own order; path and sentence for one that cannot be used.

    Raises:
        ZipArchiveError: It is no zip archive.
        ArchiveChangedError: It is another one than it was a moment ago.
        WebError: Its server does not give it.
    """
    try:
        with ZipFile(_Tail(archive)) as opened:
            starts = sorted(info.header_offset for info in opened.infolist())
            ends = dict(zip(starts, [*starts[1:], opened.start_dir], strict=True))
            files = files_of(opened)
    except TORN as error:
        raise ZipArchiveError(
            f"{archive.name!r} cannot be read as a zip archive ({error}): give zip archives, netCDF files, or folders "
            "that hold them; one that was downloaded by hand may be cut short"
        ) from error
    return [_member(archive, info, ends[info.header_offset]) for info in files]


def _member(archive: Container, info: ZipInfo, end: int) -> ZipMember | tuple[str, str]:
    try:
        path = str(safe_path(info))
        if info.flag_bits & _ENCRYPTED:
            raise UnzipError("needs a password and is left out: unpack it by hand")
        if info.compress_type not in _METHODS:
            raise UnzipError(f"is packed by method {info.compress_type} and is left out: unpack it by hand")
    except UnzipError as error:
        return info.filename, f"the member {info.filename!r} of {archive.name!r} {error}"
    return ZipMember(
        archive=archive,
        path=path,
        start=info.header_offset,
        end=end,
        packed=info.compress_size,
        size=info.file_size,
        crc=info.CRC,
        method=info.compress_type,
    )


class _Tail(io.RawIOBase):
    """An archive as a file to read; its end, where the list is, is asked for once."""

    def __init__(self, archive: Container) -> None:
        self._archive = archive
        self._size = archive.size or 0
        self._from = max(self._size - _TAIL, 0)
        self._end = b"".join(archive.blocks(self._from, self._size))
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(offset + (0, self._at, self._size)[whence], 0)
        return self._at

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        end = min(self._at + len(buffer), self._size)
        if self._at >= self._from:
            found = self._end[self._at - self._from : end - self._from]
        else:
            found = b"".join(self._archive.blocks(self._at, end))
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)
