"""A stream of bytes from a real server with every mood of the archive: what is asked, how often, and when."""

import time
from datetime import UTC, datetime

import pytest

from ingest.download.answers import asked_wait
from ingest.download.archives import ARCHIVES
from ingest.download.errors import DownloadError, WebError
from ingest.download.listing import list_files
from ingest.download.web import Web, wait_after
from tests.ingest.download.archive_client import BLOCK, CONTENT, NAME, Client


def test_a_connection_that_breaks_off_is_resumed_where_it_broke(client: Client) -> None:
    client.server.moods[NAME] = ["drop", "drop", "drop", "drop"]
    assert client.fetch(tries=2) == CONTENT  # each brought something, so none of them counts for the next
    assert client.server.sent[NAME] == len(CONTENT)
    assert client.server.asked[NAME][:2] == [None, f"bytes={8 * BLOCK}-"]
    assert client.slept == [1.0, 1.0, 1.0, 1.0]


def test_a_server_that_ignores_the_range_is_read_from_the_start(client: Client) -> None:
    client.server.moods[NAME] = ["drop", "whole"]
    assert client.fetch() == CONTENT
    assert client.server.sent[NAME] == 24 * BLOCK


def test_a_server_that_ignores_ranges_and_always_breaks_off_is_given_up(client: Client) -> None:
    client.server.always[NAME] = "whole-drop"  # each try brings the same first half: bytes, but no progress
    with pytest.raises(DownloadError, match="3 tries in a row"):
        client.fetch(tries=3)
    assert client.server.sent[NAME] == 3 * 8 * BLOCK


@pytest.mark.parametrize("status", [202, 429, 500, 503])
def test_busy_servers_are_asked_again_elsewhere_and_later(client: Client, status: int) -> None:
    client.server.moods[NAME] = [status]
    assert client.fetch() == CONTENT
    assert client.server.paths == ["/v2/file/download/1", "/ndownloader/files/1"]
    assert client.slept == [1.0]


def test_waits_double_up_to_a_bound_and_follow_the_server() -> None:
    assert [wait_after(failures) for failures in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert [wait_after(1, asked) for asked in (0.0, 30.0, 1e6)] == [1, 30, 900]


def test_retry_after_is_honoured(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.server.moods[NAME] = ["after"]
    assert client.fetch() == CONTENT
    assert client.slept == [120.0]
    assert caplog.messages == ["the server answers 429; try 2 of 4 follows in 120 s"]


def test_long_waits_for_a_server_that_does_not_answer_are_told(caplog: pytest.LogCaptureFixture) -> None:
    slept: list[float] = []
    with Web(tries=6, sleep=slept.append) as web, pytest.raises(WebError, match=r"\(6 tries in a row\)"):
        web.read("http://127.0.0.1:1/")
    assert slept == [1, 2, 4, 8, 16]
    assert [message.partition("; ")[2] for message in caplog.messages] == [
        "try 5 of 6 follows in 8 s",
        "try 6 of 6 follows in 16 s",
    ]
    assert all("Connection refused" in message for message in caplog.messages)


def test_an_expired_signed_address_leads_back_to_the_stable_one(client: Client) -> None:
    client.server.moods[NAME] = ["drop", "expired"]
    assert client.fetch() == CONTENT
    assert client.server.paths[:4] == ["/v2/file/download/1", "/signed/1", "/v2/file/download/1", "/signed/1"]
    assert client.server.sent[NAME] == len(CONTENT)


def test_a_piece_from_the_wrong_place_is_never_written(client: Client) -> None:
    client.server.moods[NAME] = ["drop", "lie"]
    assert client.fetch() == CONTENT
    client.folder.joinpath(NAME).unlink()
    client.server.moods[NAME] = ["drop", "lie", "lie"]  # ranges cannot be relied on here
    assert client.fetch() == CONTENT
    assert client.server.asked[NAME][-1] is None
    assert "fetching again" not in {phase for _, phase, _, _ in client.progress}


def test_a_web_page_in_place_of_the_file_does_not_cost_what_is_here(client: Client) -> None:
    client.server.moods[NAME] = ["drop", "page"]
    assert client.fetch() == CONTENT
    assert client.server.sent[NAME] == len(CONTENT)


def test_a_server_that_sends_too_much_is_not_believed(client: Client) -> None:
    client.server.moods[NAME] = ["long"]
    assert client.fetch() == CONTENT


def test_a_file_that_changed_on_the_server_is_not_pieced_together(client: Client) -> None:
    client.server.moods[NAME] = ["drop", "etag"]
    assert client.fetch() == CONTENT
    assert client.server.sent[NAME] == 24 * BLOCK


def test_a_refusal_is_final_when_every_address_refuses(client: Client) -> None:
    client.server.always[NAME] = 404
    client.server.entries[NAME] = {"download_url": None}
    with pytest.raises(DownloadError, match="404") as caught:
        client.fetch()
    assert "by its checksum" in str(caught.value)
    assert client.slept == []


def test_patience_ends(client: Client) -> None:
    client.server.always[NAME] = 202
    client.server.entries[NAME] = {"download_url": None}
    with pytest.raises(DownloadError, match=r"answers 202 \(4 tries in a row\)"):
        client.fetch(tries=4)
    assert client.slept == [1.0, 2.0, 4.0]


def test_retry_after_is_seconds_or_a_date(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    monkeypatch.setattr(time, "time", now.timestamp)
    assert asked_wait("17") == 17
    assert asked_wait("Thu, 01 Jan 2026 12:01:00 GMT") == 60
    assert asked_wait("Thu, 01 Jan 2026 11:00:00 GMT") == 0
    assert asked_wait("soon") is None
    assert asked_wait(None) is None


def test_a_stream_begins_anywhere_and_goes_on_where_it_broke(client: Client) -> None:
    with Web(sleep=client.slept.append) as web:
        [file] = [file for file in list_files(ARCHIVES["raw-train"], client.server.url, web) if file.name == NAME]
        client.server.moods[NAME] = ["drop"]
        blocks = list(web.stream(file.urls, file.size, start=4 * BLOCK, etag='"first"'))
    assert b"".join(block.content for block in blocks) == CONTENT[4 * BLOCK :]
    assert [block.start for block in blocks] == [number * BLOCK for number in range(4, 16)]
    assert client.server.asked[NAME] == [f"bytes={4 * BLOCK}-", f"bytes={10 * BLOCK}-"]
    assert {block.etag for block in blocks} == {'"first"'}
