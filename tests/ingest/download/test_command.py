"""What users read: one sentence, one line per file, and an exit code."""

from pathlib import Path

import pytest

from tests.ingest.download.archive_client import NAME, run, said
from tests.ingest.download.archive_server import ArchiveServer


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


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["raw-trian", "{dir}"], "did you mean 'raw-train'?"),
        (["raw-train", "{dir}", "--only", "*.tar"], "no file matches '*.tar'"),
        (["raw-train", "{dir}", "--base-url", "figshare.com"], "'figshare.com' is no base URL"),
        (["raw-train", "{file}"], "cannot be used as a folder"),
        (["raw-train", "{file}/below", "--base-url", "http://127.0.0.1:9"], "cannot be used as a folder"),
        (["raw-train", "/proc/none", "--base-url", "http://127.0.0.1:9"], "cannot be used as a folder"),
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
        patch.setattr("ingest.download.fetch.md5_of", stop)
        result = run(server, "raw-train", tmp_path, "--only", NAME)
    assert result.exit_code == 130
    assert "give the same command to go on" in said(result)
    assert run(server, "raw-train", tmp_path, "--only", NAME).exit_code == 0
    assert server.asked[NAME] == [None]
