"""Files that are in the folder already are recognized by their checksum and not fetched."""

import json
import os
from pathlib import Path

import pytest

from ingest.download.archives import PublishedFile
from ingest.download.folder import is_verified, note_verified
from ingest.download.present import bytes_here, find_candidates
from tests.ingest.download.archive_client import CONTENT, NAME, a_file, run, said
from tests.ingest.download.archive_server import ArchiveServer


def write(folder: Path, content: dict[str, str]) -> None:
    for name, text in content.items():
        (folder / name).write_text(text)


def side_of(file: PublishedFile) -> str:
    return json.dumps({"url": "http://127.0.0.1:9/1", "size": file.size, "md5": file.md5})


def test_what_is_here_is_counted(tmp_path: Path) -> None:
    files = [a_file("a", b"aaaa"), a_file("b", b"bbbb"), a_file("c", b"cccc"), a_file("d", b"dddd")]
    write(tmp_path, {"a": "aaaa", "b.part": "bbb", "b.part.json": side_of(files[1])})
    write(tmp_path, {"c.part": "ccc", "c.part.json": side_of(files[1])})  # a part of something else
    assert bytes_here(files, tmp_path, {"a"}) == {"a": 4, "b": 3, "c": 0, "d": 0}


def test_candidates_are_told_by_name_and_size(tmp_path: Path) -> None:
    files = [a_file("a", b"aaaa"), a_file("b", b"bbbbb"), a_file("c", b"")]
    write(tmp_path, {"a": "aaaa", "b": "bbb", "b (1)": "bbbbb", "x": "xxxx", "b.part": "bbbbb", ".b": "bbbbb"})
    noted = {"a": files[0].md5, "b": "old"}
    for name, md5 in noted.items():
        note_verified(tmp_path / name, md5)
    assert [(file.name, path.name) for file, path in find_candidates(files, tmp_path)] == [("a", "a"), ("b", "b (1)")]
    assert [is_verified(tmp_path / name, md5) for name, md5 in noted.items()] == [True, True]
    assert not is_verified(tmp_path / "b", files[1].md5)
    os.utime(tmp_path / "b", (0, 0))
    write(tmp_path, {"a": "aaaaa"})
    assert [is_verified(tmp_path / name, md5) for name, md5 in noted.items()] == [False, False]


def test_everything_is_fetched_once_and_never_read_again(
    server: ArchiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(server, "raw-train", tmp_path)
    assert first.exit_code == 0, first.output
    assert "3 of 3 files of raw-train are in" in first.output
    assert (tmp_path / "manual.pdf").read_bytes() == b"how to"
    monkeypatch.setattr("ingest.download.present.md5_of", lambda *_: pytest.fail("read again"))
    server.always = dict.fromkeys(server.files, 404)
    second = run(server, "raw-train", tmp_path)
    assert second.exit_code == 0, second.output


def test_files_fetched_by_hand_are_accepted_by_checksum(server: ArchiveServer, tmp_path: Path) -> None:
    (tmp_path / "S1_train_2018 (1).zip").write_bytes(CONTENT)
    (tmp_path / "manual.pdf").write_bytes(b"how to")
    result = run(server, "raw-train", tmp_path)
    assert result.exit_code == 0, result.output
    assert f"S1_train_2018 (1).zip is {NAME} by its checksum" in said(result)
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert list(server.asked) == ["empty.txt"] or not server.asked


def test_a_file_of_that_name_and_size_with_other_bytes_is_fetched_anew(server: ArchiveServer, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(CONTENT[::-1])
    (tmp_path / "manual.pdf").write_bytes(b"something longer")
    (tmp_path / "mine.bin").write_bytes(CONTENT[::-1])
    result = run(server, "raw-train", tmp_path)
    assert result.exit_code == 0, result.output
    assert f"{NAME} did not have the archive's checksum" in said(result)
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert (tmp_path / "manual.pdf").read_bytes() == b"how to"
    assert "manual.pdf is here with another size: it is kept as manual.pdf.other1" in said(result)
    assert (tmp_path / "manual.pdf.other1").read_bytes() == b"something longer"
    assert (tmp_path / "mine.bin").read_bytes() == CONTENT[::-1]
