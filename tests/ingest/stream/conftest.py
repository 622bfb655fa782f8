"""An archive server that is asked without waiting in between."""

from collections.abc import Iterator

import pytest

from tests.ingest.download.archive_server import ArchiveServer


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waits of this process between two tries: noted, not waited."""
    waited: list[float] = []
    monkeypatch.setattr("ingest.download.web.wait_after", lambda failures, asked=None: waited.append(asked or 0) or 0)
    return waited


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ArchiveServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ArchiveServer({}) as running:
        monkeypatch.setenv("ICEBENCH_ARCHIVE_URL", running.url)
        yield running
