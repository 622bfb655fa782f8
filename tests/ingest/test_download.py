"""Downloads from a real server with every mood of the archive: what arrives, what is asked twice, what users read."""

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from datasets.errors import UnknownNameError
from ingest.download.archives import ARCHIVES, ArchiveFile, find_archive, safe_name, select
from ingest.download.command import download
from ingest.download.errors import ArchiveListError, DownloadError
from ingest.download.folder import locked, look
from ingest.download.listing import list_files
from ingest.download.part import part_path, side_path
from ingest.download.plan import FolderState, PartState, find_candidates, make_plan
from ingest.download.retry import Backoff, asked_wait
from ingest.download.transfer import fetch_file
from ingest.download.unzip import unzip_all
from ingest.download.web import Web
from tests.ingest.archive_server import ArchiveServer

NAME = "S1_train_2018.zip"
BLOCK = 1 << 16
CONTENT = os.urandom(16 * BLOCK)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ArchiveServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ArchiveServer({NAME: CONTENT, "manual.pdf": b"how to", "empty.txt": b""}) as running:
        yield running


class Client:
    """The download as a library, with sleeps that are only noted."""

    def __init__(self, server: ArchiveServer, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.slept: list[float] = []
        self.progress: list[tuple[str, str, int, int]] = []

    def fetch(self, name: str = NAME, tries: int = 4) -> bytes:
        with Web(backoff=Backoff(tries=tries), sleep=self.slept.append) as web:
            files = {file.name: file for file in list_files(ARCHIVES["raw-train"], self.server.url, web)}
            self.server.paths.clear()
            fetch_file(files[name], self.folder, web, lambda *step: self.progress.append(step))
        return (self.folder / name).read_bytes()


@pytest.fixture
def client(server: ArchiveServer, tmp_path: Path) -> Client:
    return Client(server, tmp_path)


def run(server: ArchiveServer | None, *words: object) -> Result:
    app = typer.Typer()
    app.command("download")(download)
    env = {"COLUMNS": "200", "ICEBENCH_ARCHIVE_URL": server.url if server else "http://127.0.0.1:9/v2"}
    return CliRunner().invoke(app, [str(word) for word in words], env=env)


def said(result: Result) -> str:
    return " ".join(result.output.split())


def a_file(name: str = NAME, content: bytes = CONTENT) -> ArchiveFile:
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return ArchiveFile(name=name, size=len(content), md5=md5, urls=("http://127.0.0.1:9/1",))


def a_zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


# --- one file over the network


def test_a_file_comes_whole_and_leaves_nothing_beside_it(client: Client) -> None:
    assert client.fetch() == CONTENT
    assert client.fetch("empty.txt") == b""
    assert sorted(path.name for path in client.folder.iterdir() if path.name[0] != ".") == [NAME, "empty.txt"]
    assert client.slept == []
    assert client.server.asked[NAME] == [None]


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
    backoff = Backoff(first=1, longest=60, longest_asked=900)
    assert [backoff.wait(failures) for failures in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert [backoff.wait(1, asked) for asked in (0.0, 30.0, 1e6)] == [1, 30, 900]


def test_retry_after_is_honoured(client: Client) -> None:
    client.server.moods[NAME] = ["after"]
    assert client.fetch() == CONTENT
    assert client.slept == [120.0]


def test_an_expired_signed_address_leads_back_to_the_stable_one(client: Client) -> None:
    client.server.moods[NAME] = ["drop", "expired"]
    assert client.fetch() == CONTENT
    assert client.server.paths[:4] == ["/v2/file/download/1", "/signed/1", "/v2/file/download/1", "/signed/1"]
    assert client.server.sent[NAME] == len(CONTENT)


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
    assert part_path(client.folder, NAME).stat().st_size == 8 * BLOCK
    side = json.loads(side_path(client.folder, NAME).read_text())
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


def test_a_killed_download_goes_on_without_fetching_a_byte_twice(server: ArchiveServer, tmp_path: Path) -> None:
    server.files[NAME] = content = os.urandom(60 * BLOCK)
    server.moods[NAME] = ["slow"]
    code = "import typer; from ingest.download.command import download; typer.run(download)"
    words = [sys.executable, "-c", code, "raw-train", str(tmp_path), "--only", NAME]
    process = subprocess.Popen(
        words, env=os.environ | {"ICEBENCH_ARCHIVE_URL": server.url}, stderr=subprocess.DEVNULL, cwd=Path.cwd()
    )
    part = part_path(tmp_path, NAME)
    try:
        deadline = time.monotonic() + 60
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


# --- the list


def test_the_list_is_read_to_its_end_and_patiently(server: ArchiveServer) -> None:
    server.moods["list"] = [202, 503]
    slept: list[float] = []
    with Web(sleep=slept.append) as web:
        files = list_files(ARCHIVES["raw-train"], server.url + "/", web)
    assert [file.name for file in files] == [NAME, "empty.txt", "manual.pdf"]
    assert slept == [1.0, 2.0]
    assert server.paths[-1] == "/v2/articles/21284967/versions/3/files"


@pytest.mark.parametrize("mood", ["page", 404])
def test_what_is_no_list_is_said_so(server: ArchiveServer, mood: str | int) -> None:
    server.always["list"] = mood
    with Web() as web, pytest.raises(ArchiveListError, match="--base-url"):
        list_files(ARCHIVES["rtt-test"], server.url, web)


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\scene.zip", "scene.zip"),
        ("a\x00b\n.zip", "a_b_.zip"),
        ("..", ""),
        (".bashrc", "bashrc"),
        ("what?.zip", "what_.zip"),
        ("good name (1).zip", "good name (1).zip"),
    ],
)
def test_names_from_the_network_stay_in_the_folder(given: str, safe: str) -> None:
    assert safe_name(given) == safe


def test_names_that_would_meet_are_kept_apart(server: ArchiveServer) -> None:
    server.entries["manual.pdf"] = {"name": "../" + NAME.upper()}
    server.entries["empty.txt"] = {"name": f"{NAME}.part"}
    with Web() as web:
        names = [file.name for file in list_files(ARCHIVES["raw-train"], server.url, web)]
    assert sorted(names) == sorted([NAME.upper(), f"1-{NAME}", f"3-{NAME}.part"])


# --- the plan


def test_the_plan_counts_what_is_here() -> None:
    files = [a_file("a", b"aaaa"), a_file("b", b"bbbb"), a_file("c", b"cccc"), a_file("d", b"dddd")]
    state = FolderState(
        sizes={"a": 4, "b.part": 3, "c.part": 3},
        parts={
            "b": PartState(length=3, size=4, md5=files[1].md5),
            "c": PartState(length=3, size=4, md5=files[1].md5),  # a part of something else
        },
    )
    plan = make_plan(files, state, {"a"})
    assert [(step.action, step.have) for step in plan.steps] == [("keep", 4), ("resume", 3), ("fetch", 0), ("fetch", 0)]
    assert (plan.total, plan.have, plan.missing) == (16, 7, 9)


def test_candidates_are_told_by_name_and_size() -> None:
    files = [a_file("a", b"aaaa"), a_file("b", b"bbbbb"), a_file("c", b"")]
    state = FolderState(
        sizes={"a": 4, "b": 3, "b (1)": 5, "x": 4, "b.part": 5, ".b": 5}, verified={"a": files[0].md5, "b": "old"}
    )
    found = [(candidate.file.name, candidate.found_as, candidate.known) for candidate in find_candidates(files, state)]
    assert found == [("a", "a", True), ("b", "b (1)", False)]


def test_only_takes_patterns_and_names_what_is_near() -> None:
    files = [a_file("train_2018.zip"), a_file("train_2019.zip"), a_file("manual.pdf")]
    assert select(files, []) == files
    assert [file.name for file in select(files, ["*2019*", "*.pdf"])] == ["train_2019.zip", "manual.pdf"]
    with pytest.raises(UnknownNameError, match=r"no file matches 'train_2018.zp'.*'train_2018.zip'"):
        select(files, ["train_2018.zp"])


def test_retry_after_is_seconds_or_a_date() -> None:
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert asked_wait("17", now) == 17
    assert asked_wait("Thu, 01 Jan 2026 12:01:00 GMT", now) == 60
    assert asked_wait("Thu, 01 Jan 2026 11:00:00 GMT", now) == 0
    assert asked_wait("soon", now) is None
    assert asked_wait(None, now) is None


# --- the command


def test_everything_is_fetched_once_and_never_read_again(
    server: ArchiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(server, "raw-train", tmp_path)
    assert first.exit_code == 0, first.output
    assert "3 of 3 files of raw-train are in" in first.output
    assert (tmp_path / "manual.pdf").read_bytes() == b"how to"
    monkeypatch.setattr("ingest.download.verify.md5_of", lambda *_: pytest.fail("read again"))
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
    assert (tmp_path / "mine.bin").read_bytes() == CONTENT[::-1]


def test_a_file_that_fails_is_a_line_and_the_others_go_on(server: ArchiveServer, tmp_path: Path) -> None:
    server.always[NAME] = 404
    server.entries[NAME] = {"download_url": None}
    result = run(server, "raw-test", tmp_path, "--unzip")
    assert result.exit_code == 1, result.output
    assert f"failed {NAME}" in result.output
    assert "the server answers 404" in said(result)
    assert "10.11583/DTU.21762848.v2" in result.output
    assert "2 of 3 files of raw-test are in" in result.output
    assert (tmp_path / "manual.pdf").exists()


def test_a_dry_run_lists_and_writes_nothing(server: ArchiveServer, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    result = run(server, "rtt-train", folder, "--dry-run", "--only", "*.zip")
    assert result.exit_code == 0, result.output
    for words in (NAME, "1.0 MB", "1.0 MB to fetch", "10.11583/DTU.21316608.v3"):
        assert words in said(result)
    assert "manual.pdf" not in result.output
    assert not folder.exists()
    assert not server.asked


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


def test_a_disk_that_fills_up_ends_it(server: ArchiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ingest.download.part.Part.append", full)
    result = run(server, "raw-train", tmp_path)
    assert result.exit_code == 2, result.output
    assert "is full: free some space and give the same command" in said(result)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["raw-trian", "{dir}"], "did you mean 'raw-train'?"),
        (["raw-train", "{dir}", "--only", "*.tar"], "no file matches '*.tar'"),
        (["raw-train", "{dir}", "--base-url", "figshare.com"], "'figshare.com' is no base URL"),
        (["raw-train", "{file}"], "cannot be used as a folder"),
        (["raw-train"], "Missing argument 'DIR'"),
    ],
)
def test_what_cannot_work_is_one_sentence_and_exit_code_2(
    server: ArchiveServer, tmp_path: Path, words: list[str], sentence: str
) -> None:
    (tmp_path / "file").write_text("")
    result = run(server, *(word.format(dir=tmp_path / "dir", file=tmp_path / "file") for word in words))
    assert result.exit_code == 2, result.output
    assert sentence in said(result)


def test_a_stop_by_hand_keeps_what_is_here(
    server: ArchiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("ingest.download.transfer.md5_of", stop)
        result = run(server, "raw-train", tmp_path, "--only", NAME)
    assert result.exit_code == 130
    assert "give the same command to go on" in said(result)
    assert run(server, "raw-train", tmp_path, "--only", NAME).exit_code == 0
    assert server.asked[NAME] == [None]


def test_two_downloads_do_not_share_a_folder(server: ArchiveServer, tmp_path: Path) -> None:
    with locked(tmp_path):
        result = run(server, "raw-train", tmp_path)
    assert result.exit_code == 2
    assert "another download is at work" in said(result)


def test_every_archive_is_pinned() -> None:
    assert {name: (archive.article, archive.version) for name, archive in ARCHIVES.items()} == {
        "raw-train": (21284967, 3),
        "raw-test": (21762848, 2),
        "rtt-train": (21316608, 3),
        "rtt-test": (21762830, 2),
    }
    with pytest.raises(UnknownNameError, match="did you mean 'rtt-test'"):
        find_archive("rtt-tets")


# --- zip archives

SCENES = {"train/a.nc": b"scene a" * 1000, "train/b.nc": b"scene b" * 1000, "__MACOSX/train/._a.nc": b"twin"}


def test_unzip_writes_members_once_and_says_what_is_next(server: ArchiveServer, tmp_path: Path) -> None:
    server.files[NAME] = a_zip(SCENES)
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
    assert not (tmp_path / "__MACOSX").exists()


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


def test_a_broken_note_or_side_file_only_costs_work(server: ArchiveServer, tmp_path: Path) -> None:
    (tmp_path / ".icebench-download.json").write_text("{torn")
    part_path(tmp_path, NAME).write_bytes(b"who knows")
    side_path(tmp_path, NAME).write_text("[]")
    assert look(tmp_path).parts == {}
    assert run(server, "raw-train", tmp_path).exit_code == 0
    assert (tmp_path / NAME).read_bytes() == CONTENT
