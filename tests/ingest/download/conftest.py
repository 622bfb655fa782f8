"""An archive with every mood of the real one, and a patient client of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ingest.download.archive_client import CONTENT, NAME, Client
from tests.ingest.download.archive_server import ArchiveServer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ArchiveServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ArchiveServer({NAME: CONTENT, "manual.pdf": b"how to", "empty.txt": b""}) as running:
        yield running


@pytest.fixture
def client(server: ArchiveServer, tmp_path: Path) -> Client:
    return Client(server, tmp_path)
