"""Zip archives in the forms that occur, made of files or bytes."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path


def zipped(files: Mapping[str, bytes], methods: Mapping[str, int] | None = None) -> bytes:
    """Deflated, unless a member has another method."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content, (methods or {}).get(name))
    return buffer.getvalue()


def zipped_64(files: Mapping[str, bytes]) -> bytes:
    """Written to a stream, as zip64: sizes follow the members, and the list has them in 64 bits."""
    limit = zipfile.ZIP64_LIMIT
    zipfile.ZIP64_LIMIT = 10  # type: ignore[misc]
    try:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                with archive.open(name, "w", force_zip64=True) as member:
                    member.write(content)
            archive.comment = b"zip64"
        return buffer.getvalue()
    finally:
        zipfile.ZIP64_LIMIT = limit  # type: ignore[misc]


def named(paths: list[Path], folder: str = "train") -> dict[str, bytes]:
    return {f"{folder}/{path.name}": path.read_bytes() for path in paths}


def with_wrong_crc(archive: bytes, name: str) -> bytes:
    """The list says another CRC of a member than its bytes have."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        start, crc = opened.start_dir, opened.getinfo(name).CRC
    changed = archive[start:].replace(crc.to_bytes(4, "little"), (crc ^ 1).to_bytes(4, "little"))
    assert changed != archive[start:]
    return archive[:start] + changed
