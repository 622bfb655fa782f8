"""Zip archives: nothing outside the folder, nothing twice, and a torn one is a line."""

import io
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from ingest.download.unzip import unzip_all
from tests.ingest.download.archive_client import NAME, run, said
from tests.ingest.download.archive_server import ArchiveServer

SCENES = {"train/a.nc": b"scene a" * 1000, "train/b.nc": b"scene b" * 1000, "__MACOSX/train/._a.nc": b"twin"}
ADDED = {"train/._a.nc": b"twin", "train/.DS_Store": b"icons", "deep/__MACOSX/a.nc": b"twin"}


def a_zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_unzip_writes_members_once_and_says_what_is_next(server: ArchiveServer, tmp_path: Path) -> None:
    server.files[NAME] = a_zip(SCENES | ADDED)
    first = run(server, "raw-train", tmp_path, "--unzip")
    assert first.exit_code == 0, first.output
    assert "2 files are unpacked (2 new)" in said(first)
    assert f"python -m ingest build {tmp_path}/train --lake LAKE --split train" in said(first)
    assert (tmp_path / "train/a.nc").read_bytes() == SCENES["train/a.nc"]
    (tmp_path / "train/b.nc").write_bytes(SCENES["train/a.nc"])  # right size, wrong bytes
    stamp = (tmp_path / "train/a.nc").stat().st_mtime_ns
    second = run(server, "raw-train", tmp_path, "--unzip")
    assert "2 files are unpacked (1 new)" in said(second)
    assert (tmp_path / "train/a.nc").stat().st_mtime_ns == stamp
    assert (tmp_path / "train/b.nc").read_bytes() == SCENES["train/b.nc"]
    names = sorted(path.name for path in tmp_path.rglob("*") if path.name[0] != "." or path.name.startswith("._"))
    assert names == sorted([*server.files, "train", "a.nc", "b.nc"])


def link() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("link.nc")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
        archive.writestr("good.nc", b"good")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (a_zip({"../evil.nc": b"evil", "good.nc": b"good"}), "'../evil.nc' leads out of the folder"),
        (a_zip({"/evil.nc": b"evil", "good.nc": b"good"}), "'/evil.nc' leads out of the folder"),
        (a_zip({"a\\..\\..\\evil.nc": b"evil", "good.nc": b"good"}), "leads out of the folder"),
        (a_zip({"C:/evil.nc": b"evil", "good.nc": b"good"}), "leads out of the folder"),
        (a_zip({NAME: b"evil", "good.nc": b"good"}), "would overwrite another file"),
        (a_zip({"good.nc": b"good", "GOOD.nc": b"evil"}), "would overwrite another file"),
        (a_zip({"good.nc": b"good", "good.nc/evil.nc": b"evil"}), "could not be written"),
        (link(), "'link.nc' is a symbolic link"),
    ],
)
def test_a_member_that_is_not_safe_is_left_out(
    server: ArchiveServer, tmp_path: Path, content: bytes, sentence: str
) -> None:
    server.files = {NAME: content}
    folder = tmp_path / "deep" / "folder"
    result = run(server, "raw-train", folder, "--unzip")
    assert result.exit_code == 1, result.output
    assert f"failed {NAME}" in result.output
    assert sentence in said(result)
    assert sorted(path.name for path in folder.iterdir() if path.name[0] != ".") == sorted([NAME, "good.nc"])
    assert (folder / "good.nc").read_bytes() == b"good"
    assert [path.name for path in tmp_path.rglob("*evil*")] == []


def test_a_torn_zip_is_a_line_and_the_others_are_unpacked(server: ArchiveServer, tmp_path: Path) -> None:
    torn = bytearray(a_zip({"torn.nc": os.urandom(5000), "whole.nc": b"whole"}))
    torn[2000] ^= 255
    server.files = {"a.zip": a_zip({"a.nc": b"a"})[:40], "b.zip": bytes(torn), "c.zip": a_zip({"c.nc": b"c"})}
    result = run(server, "raw-train", tmp_path, "--unzip")
    assert result.exit_code == 1, result.output
    assert "a.zip" in result.output
    assert "cannot be read as a zip archive" in said(result)
    assert "the member 'torn.nc' is torn" in said(result)
    assert sorted(path.name for path in tmp_path.glob("*.nc*")) == ["c.nc", "whole.nc"]


def test_unzip_progress_never_goes_back(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(a_zip({"a.nc": os.urandom(3 << 20), "../evil.nc": b"evil", "b.nc": b"b"}))
    seen: list[int] = []
    unzip_all([path], tmp_path, lambda name, phase, done, size: seen.append(done))
    assert seen == sorted(seen)
    assert seen[-1] == (3 << 20) + 5


def test_room_for_unpacking_counts_only_what_is_not_there(
    server: ArchiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files = {NAME: a_zip({"zeros.nc": bytes(10**6)})}
    assert run(server, "raw-train", tmp_path).exit_code == 0
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**6, 10**6, 1000))
    refused = run(server, "raw-train", tmp_path, "--unzip")
    assert refused.exit_code == 2
    assert "1.0 MB to unpack" in said(refused)
    monkeypatch.undo()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert run(server, "raw-train", tmp_path, "--unzip").exit_code == 0
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**6, 10**6, 0))
    assert run(server, "raw-train", tmp_path, "--unzip").exit_code == 0
