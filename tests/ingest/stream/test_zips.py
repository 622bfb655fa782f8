"""Members by the list at the end of their archive: every form of zip, and each way in which one can be wrong."""

import os
import zipfile
from pathlib import Path

import pytest

from ingest.errors import MemberError, ZipArchiveError
from ingest.stream.containers import DiskFile
from ingest.stream.zips import ZipMember, list_members
from tests.ingest.stream.zip_archives import with_wrong_crc, zipped, zipped_64

FILES = {"train/b.nc": b"ice " * 400_000, "train/a.nc": os.urandom(300_000), "empty.nc": b""}


def members(content: bytes, folder: Path) -> list[ZipMember | tuple[str, str]]:
    path = folder / "archive.zip"
    path.write_bytes(content)
    return list_members(DiskFile(path=str(path), size=len(content)))


@pytest.mark.parametrize(
    "content",
    [
        zipped(FILES),
        zipped(FILES, dict.fromkeys(FILES, zipfile.ZIP_STORED)),
        zipped_64(FILES),
        b"#!/bin/sh\n" + zipped(FILES),
    ],
    ids=["deflated", "stored", "zip64", "behind a script"],
)
def test_members_in_the_order_of_their_archive(content: bytes, tmp_path: Path) -> None:
    found = members(content, tmp_path)
    assert [member.path for member in found if isinstance(member, ZipMember)] == list(FILES)
    for member in found:
        assert isinstance(member, ZipMember)
        assert member.name == f"{tmp_path}/archive.zip/{member.path}"
        member.write(tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == FILES[member.path]


def test_a_list_that_is_longer_than_the_end_that_is_read_at_once(tmp_path: Path) -> None:
    files = {f"{number:04d}-{'x' * 150}.nc": bytes([number % 251]) for number in range(1000)}
    found = members(zipped(files), tmp_path)
    assert len(found) == 1000
    assert isinstance(found[777], ZipMember)
    found[777].write(tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == bytes([777 % 251])


def test_bytes_that_the_list_does_not_promise(tmp_path: Path) -> None:
    stored = zipped(FILES, dict.fromkeys(FILES, zipfile.ZIP_STORED))
    first = members(with_wrong_crc(stored, "train/b.nc"), tmp_path)[0]
    assert isinstance(first, ZipMember)
    with pytest.raises(
        MemberError, match=r"archive.zip/train/b.nc' has 1600000 bytes with the CRC \w{8} where the list"
    ):
        first.write(tmp_path / "out")
    for torn in (b"\0" * 200 + zipped(FILES)[200:], b"\0" + zipped(FILES)[1:]):
        first = members(torn, tmp_path)[0]
        assert isinstance(first, ZipMember)
        with pytest.raises(MemberError, match="the archive itself is at fault"):
            first.write(tmp_path / "out")
    longer = members(zipped({"a.nc": bytes(5_000_000)}), tmp_path)[0]
    assert isinstance(longer, ZipMember)
    with pytest.raises(MemberError, match="where the list of its archive says 10 bytes"):
        ZipMember(**{**vars(longer), "size": 10}).write(tmp_path / "out")
    assert (tmp_path / "out").stat().st_size <= 10


def test_members_that_are_left_out(tmp_path: Path) -> None:
    files = {"../a.nc": b"1", "/b.nc": b"2", "c.nc": b"3", "d.nc": b"4", "__MACOSX/._d.nc": b"5", "dir/": b""}
    content = bytearray(zipped(files, {"c.nc": zipfile.ZIP_BZIP2}))
    with zipfile.ZipFile(tmp_path / "plain.zip", "w") as archive:
        archive.writestr("e.nc", b"5")
    found = dict(each for each in members(bytes(content), tmp_path) if isinstance(each, tuple))
    assert list(found) == ["../a.nc", "/b.nc", "c.nc"]
    assert "leads out of the folder and is left out: do not trust it" in found["../a.nc"]
    assert "is packed by method 12 and is left out" in found["c.nc"]
    secret = bytearray((tmp_path / "plain.zip").read_bytes())
    secret[secret.index(b"PK\1\2") + 8] |= 1
    ((_, sentence),) = (each for each in members(bytes(secret), tmp_path) if isinstance(each, tuple))
    assert "needs a password and is left out" in sentence


@pytest.mark.parametrize("content", [b"", b"<html>", zipped(FILES)[:-500], os.urandom(100_000)])
def test_what_is_no_zip_is_one_sentence(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ZipArchiveError, match=r"archive.zip' cannot be read as a zip archive"):
        members(content, tmp_path)
