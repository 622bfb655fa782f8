"""One file over the network: what arrives, and what a stop leaves for the next time."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ingest.download.errors import DownloadError
from ingest.download.fetch import PartialFile
from tests.ingest.download.archive_client import BLOCK, CONTENT, NAME, Client, a_file, run, said
from tests.ingest.download.archive_server import ArchiveServer


def test_a_file_comes_whole_and_leaves_nothing_beside_it(client: Client) -> None:
    assert client.fetch() == CONTENT
    assert client.fetch("empty.txt") == b""
    assert sorted(path.name for path in client.folder.iterdir() if path.name[0] != ".") == [NAME, "empty.txt"]
    assert client.slept == []
    assert client.server.asked[NAME] == [None]


def test_a_corrupt_file_is_fetched_once_more(client: Client) -> None:
    client.server.moods[NAME] = ["corrupt"]
    assert client.fetch() == CONTENT
    assert client.server.asked[NAME] == [None, None]
    assert "fetching again" in {phase for _, phase, _, _ in client.progress}


def test_a_file_that_is_corrupt_twice_is_an_error_and_leaves_nothing(client: Client) -> None:
    client.server.always[NAME] = "corrupt"
    with pytest.raises(DownloadError, match="came twice with the MD5"):
        client.fetch()
    assert list(client.folder.iterdir()) == []


def test_a_file_without_checksum_is_refused(client: Client) -> None:
    client.server.entries[NAME] = {"computed_md5": ""}
    with pytest.raises(DownloadError, match="no checksum"):
        client.fetch()
    (client.folder / NAME).write_bytes(CONTENT)
    assert run(client.server, "raw-train", client.folder).exit_code == 0
    assert (client.folder / NAME).read_bytes() == CONTENT


def test_progress_never_goes_back(client: Client) -> None:
    client.server.moods[NAME] = ["drop", "whole", "drop"]
    client.fetch()
    fetched = [done for name, phase, done, size in client.progress if phase == "fetching"]
    assert fetched == sorted(fetched)
    assert (fetched[0], fetched[-1]) == (0, len(CONTENT))
    assert {size for _, _, _, size in client.progress} == {len(CONTENT)}


def test_a_part_of_another_file_is_dropped(client: Client) -> None:
    client.server.moods[NAME] = ["drop"]
    client.server.always[NAME] = 404
    client.server.entries[NAME] = {"download_url": None}
    with pytest.raises(DownloadError):
        client.fetch()
    assert PartialFile(client.folder, a_file()).path.stat().st_size == 8 * BLOCK
    side = json.loads(PartialFile(client.folder, a_file()).side.read_text())
    assert side == {
        "url": f"{client.server.url}/file/download/1",
        "size": len(CONTENT),
        "md5": a_file().md5,
        "etag": '"first"',
    }
    del client.server.always[NAME]
    client.server.files[NAME] = CONTENT[::-1]
    assert client.fetch() == CONTENT[::-1]
    assert client.server.asked[NAME][-1] is None


@pytest.mark.slow
def test_a_killed_download_goes_on_without_fetching_a_byte_twice(server: ArchiveServer, tmp_path: Path) -> None:
    server.files[NAME] = content = os.urandom(60 * BLOCK)
    server.moods[NAME] = ["slow"]
    code = "import typer; from ingest.download.command import download; typer.run(download)"
    words = [sys.executable, "-c", code, "raw-train", str(tmp_path), "--only", NAME]
    process = subprocess.Popen(
        words, env=os.environ | {"ICEBENCH_ARCHIVE_URL": server.url}, stderr=subprocess.DEVNULL, cwd=Path.cwd()
    )
    part = PartialFile(tmp_path, a_file()).path
    try:
        deadline = time.monotonic() + 240
        while not (part.exists() and part.stat().st_size > 10 * BLOCK):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    here = part.stat().st_size
    assert 0 < here < len(content)
    before = server.sent[NAME]
    result = run(server, "raw-train", tmp_path, "--only", NAME)
    assert result.exit_code == 0, result.output
    assert (tmp_path / NAME).read_bytes() == content
    assert server.asked[NAME][-1] == f"bytes={here}-"
    # The killed client's last blocks may still be counted, never fewer than these.
    assert server.sent[NAME] - before >= len(content) - here


def test_a_disk_that_fills_up_ends_it(server: ArchiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ingest.download.fetch.PartialFile.fill", full)
    result = run(server, "raw-train", tmp_path)
    assert result.exit_code == 2, result.output
    assert "is full: free some space and give the same command" in said(result)
