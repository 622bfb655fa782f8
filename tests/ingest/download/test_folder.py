"""The folder has one download at a time, room for it, and notes that may break."""

import shutil
from pathlib import Path

import pytest

from ingest.download.fetch import PartialFile
from ingest.download.folder import locked
from tests.ingest.download.archive_client import CONTENT, NAME, a_file, run, said
from tests.ingest.download.archive_server import ArchiveServer


def test_too_little_room_is_refused_before_the_first_byte(
    server: ArchiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**6, 10**6, 1000))
    result = run(server, "raw-train", tmp_path / "deep" / "down", "--unzip")
    assert result.exit_code == 2
    assert "raw-train needs 2.1 MB more in" in said(result)
    assert "1.0 MB to fetch and 1.0 MB to unpack" in said(result)
    assert "where 1.0 kB are free" in said(result)
    assert not server.asked
    (tmp_path / NAME).write_bytes(CONTENT)  # what is here needs no room
    assert run(server, "raw-train", tmp_path).exit_code == 0


def test_two_downloads_do_not_share_a_folder(server: ArchiveServer, tmp_path: Path) -> None:
    with locked(tmp_path):
        result = run(server, "raw-train", tmp_path)
    assert result.exit_code == 2
    assert "another download is at work" in said(result)


def test_a_broken_note_or_side_file_only_costs_work(server: ArchiveServer, tmp_path: Path) -> None:
    (tmp_path / ".icebench-download.json").write_text("{torn")
    part = PartialFile(tmp_path, a_file())
    part.path.write_bytes(b"who knows")
    part.side.write_text("[]")
    assert PartialFile(tmp_path, a_file()).length == 0
    assert run(server, "raw-train", tmp_path).exit_code == 0
    assert (tmp_path / NAME).read_bytes() == CONTENT
