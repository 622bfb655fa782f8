"""Parts of files: on disk, in a store, from a server in every mood; a file that changed is told from a bad line."""

import os
from pathlib import Path

import fsspec
import pytest

from ingest.download.errors import ArchiveChangedError, WebError
from ingest.errors import NoSourceError
from ingest.stream.containers import DiskFile, StoreFile, WebFile
from tests.ingest.download.archive_server import ArchiveServer

CONTENT = os.urandom(3 << 20)
START, END = 1000, (2 << 20) + 17


@pytest.fixture
def file(server: ArchiveServer) -> WebFile:
    server.files["a.zip"] = CONTENT
    root = server.url
    urls = (f"{root}/file/download/1", f"{root.removesuffix('/v2')}/ndownloader/files/1")
    return WebFile(name="raw-train/a.zip", urls=urls, size=len(CONTENT))


def read(file: DiskFile | StoreFile | WebFile, start: int = START, end: int = END) -> bytes:
    return b"".join(file.blocks(start, end))


def test_parts_of_a_file_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(CONTENT)
    file = DiskFile(path=str(path), size=len(CONTENT))
    assert read(file) == CONTENT[START:END]
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(ArchiveChangedError, match="changed while it was read"):
        read(file)
    path.unlink()
    with pytest.raises(ArchiveChangedError, match=r"a.zip' cannot be read \(No such file or directory\): leave it"):
        read(file)


def test_parts_of_an_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.stream.containers._OBJECT_RANGE", 1 << 19)
    fsspec.filesystem("memory").pipe_file("/parts/a.zip", CONTENT)
    file = StoreFile(url="memory://parts/a.zip").sized()
    assert file.size == len(CONTENT)
    assert read(file) == CONTENT[START:END]
    fsspec.filesystem("memory").pipe_file("/parts/a.zip", CONTENT[: 1 << 20])
    with pytest.raises(ArchiveChangedError, match="changed while it was read"):
        read(file)
    with pytest.raises(NoSourceError, match="does not exist"):
        StoreFile(url="memory://parts/b.zip").sized()


def test_one_request_for_one_part(file: WebFile, server: ArchiveServer) -> None:
    assert read(file.asked()) == CONTENT[START:END]
    assert server.asked["a.zip"] == ["bytes=0-0", f"bytes={START}-{END - 1}"]


@pytest.mark.parametrize(
    "moods", [["drop", "drop", "drop"], [202], [429, 503], ["expired"], ["after"], ["lie"], ["whole"], ["page"]]
)
def test_what_passes_costs_only_what_had_not_come(
    file: WebFile, server: ArchiveServer, at_once: list[float], moods: list[str | int]
) -> None:
    server.moods["a.zip"] = list(moods)
    assert read(file) == CONTENT[START:END]
    assert ("after" in moods) == (120 in at_once)
    if "drop" in moods:
        assert server.sent["a.zip"] <= END - START + 3 * (1 << 18)  # a block that was cut comes again
        halves = [int((asked or "=0-").split("=")[1].split("-")[0]) for asked in server.asked["a.zip"]]
        assert halves == sorted(halves)
        assert len(set(halves)) == 4


@pytest.mark.parametrize("mood", ["whole", "page", 429])
def test_what_lasts_is_an_error(file: WebFile, server: ArchiveServer, at_once: list[float], mood: str | int) -> None:
    server.always["a.zip"] = mood
    with pytest.raises(WebError, match="8 tries in a row"):
        read(WebFile(name="a", urls=file.urls[:1], size=file.size))


def test_a_file_that_changed_ends_the_reading(file: WebFile, server: ArchiveServer, at_once: list[float]) -> None:
    known = file.asked()
    server.moods["a.zip"] = ["etag"]
    with pytest.raises(ArchiveChangedError, match=r"signed/1 changed while it was read \(it had the mark \"first\""):
        read(known)
    server.files["a.zip"] = CONTENT + b"more"
    with pytest.raises(ArchiveChangedError, match=f"it had {len(CONTENT)} bytes, now {len(CONTENT) + 4} bytes"):
        read(known)
    with pytest.raises(ArchiveChangedError, match="by the archive's list and 3145732 by the server"):
        file.asked()


def test_a_server_without_parts_is_seen(file: WebFile, server: ArchiveServer, at_once: list[float]) -> None:
    server.always["a.zip"] = "whole"
    found = WebFile(name="a", urls=file.urls).sized()
    assert (found.size, found.ranges) == (len(CONTENT), False)
