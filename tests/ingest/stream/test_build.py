"""`python -m ingest build` from archives in every mood: the lake of a local build, in bounded scratch, resumable."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from datasets.lake import Lake
from datasets.lock import lock_lake
from ingest.stream.scratch import Scratch
from tests.benchmarks.streaming import bytes_below
from tests.ingest.command_line import command
from tests.ingest.download.archive_server import ArchiveServer
from tests.ingest.stream.zip_archives import named, with_wrong_crc, zipped, zipped_64

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "tests" / "ingest" / "interrupted_build.py"
RATIOS = ("--ratios", "5", "10")


def contents(lake: Path) -> dict[str, bytes]:
    return {path.relative_to(lake).as_posix(): path.read_bytes() for path in lake.rglob("*") if path.is_file()}


def scratch_of(lake: Path) -> Path:
    return Scratch.of_lake(str(lake), limit=1, connections=1).folder


@contextmanager
def peak(folder: Path) -> Iterator[list[int]]:
    """The most bytes below a folder at the end, as its only item."""
    seen, over = [0], threading.Event()

    def look() -> None:
        while not over.wait(0.005):
            seen[0] = max(seen[0], bytes_below(folder))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


@pytest.fixture(scope="module")
def local(raw_train: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = tmp_path_factory.mktemp("local") / "lake"
    assert command("build", *raw_train[:4], "--lake", lake, *RATIOS, "--workers", 2).exit_code == 0
    return lake


@pytest.fixture
def archive(server: ArchiveServer, raw_train: list[Path]) -> ArchiveServer:
    """Four scenes: stored, deflated, in a zip64, and as they are."""
    stored, deflated, large, alone = raw_train[:4]
    files = named([stored, deflated])
    server.files |= {
        "a.zip": zipped(files, {f"train/{stored.name}": zipfile.ZIP_STORED}),
        "b.zip": zipped_64(named([large])),
        alone.name: alone.read_bytes(),
        "manual.pdf": b"how to",
    }
    return server


@pytest.mark.slow
def test_the_lake_of_a_local_build_whatever_the_server_does(
    archive: ArchiveServer, local: Path, raw_train: list[Path], tmp_path: Path
) -> None:
    archive.files["c.zip"] = with_wrong_crc(zipped(named(raw_train[4:5])), f"train/{raw_train[4].name}")
    archive.moods["list"] = [202]
    archive.moods["a.zip"] = ["", "", "drop", 429, "expired"]
    archive.moods["b.zip"] = [202, "", "", "drop"]
    archive.moods[raw_train[3].name] = ["drop", 503]
    largest = max(path.stat().st_size for path in raw_train[:5])
    lake, limit = tmp_path / "lake", largest * 2 + 1000
    words = ("build", "figshare:raw-train", "--lake", lake, *RATIOS, "--scratch", f"{limit}B", "--connections", 2)
    with peak(scratch_of(lake)) as seen:
        result = command(*words, "--workers", 3)
    assert result.exit_code == 1, result.output
    assert f"failed {raw_train[4].name}" in result.output
    assert "where the list of its archive says" in result.output
    assert "4 of 5 scenes are in the lake" in result.output
    assert contents(lake) == contents(local)
    assert 0 < seen[0] <= limit
    assert 1 <= archive.busiest <= 2
    assert not scratch_of(lake).exists()

    archive.asked.clear()
    del archive.files["c.zip"]
    again = command(*words, "--workers", 1)
    assert again.exit_code == 0, again.output
    assert set(archive.asked) == {"a.zip", "b.zip"}
    ends = {name: len(archive.files[name]) - (1 << 17) for name in ("a.zip", "b.zip")}
    for name, asked in archive.asked.items():
        assert [each for each in asked if each != "bytes=0-0"] == [f"bytes={ends[name]}-{len(archive.files[name]) - 1}"]
    assert contents(lake) == contents(local)


@pytest.mark.slow
def test_killed_in_the_middle_and_started_again(archive: ArchiveServer, local: Path, tmp_path: Path) -> None:
    lake, log = tmp_path / "lake", tmp_path / "kills"
    middle = Lake.open(str(local)).catalog().scene_ids[2]
    words = ["build", "figshare:raw-train", "--lake", str(lake), *RATIOS, "--workers", "1"]
    killed = subprocess.run(
        [sys.executable, str(SCRIPT), *words],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "INTERRUPT_AT": f"after:{middle}.zarr/zarr.json",
            "INTERRUPT_WHO": "build",
            "INTERRUPT_LOG": str(log),
            "INTERRUPT_MAX": "1",
        },
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stdout + killed.stderr
    finished = {
        path.name.removesuffix(".zarr") for path in (lake / "scenes").glob("*.zarr") if (path / "zarr.json").exists()
    }
    assert middle in finished
    assert not (lake / "catalog.parquet").exists()
    archive.sent.clear()
    result = command(*words, "--break-lock")
    assert result.exit_code == 0, result.output
    assert contents(lake) == contents(local)
    assert not scratch_of(lake).exists()
    missing = {record.source for record in Lake.open(str(local)).catalog() if record.scene_id not in finished}
    fetched = sum(archive.sent.values())
    bound = sum(len(content) for name, content in archive.files.items() if name != "manual.pdf")
    assert fetched < bound or len(missing) == 4


@pytest.mark.slow
def test_a_server_without_parts_and_an_archive_by_hand(
    archive: ArchiveServer, local: Path, raw_train: list[Path], tmp_path: Path
) -> None:
    del archive.files["b.zip"]
    archive.always["a.zip"] = archive.always[raw_train[3].name] = "whole"
    by_hand, lake = tmp_path / "b.zip", tmp_path / "lake"
    by_hand.write_bytes(zipped_64(named(raw_train[2:3])))
    result = command("build", "figshare:raw-train", by_hand, "--lake", lake, *RATIOS, "--workers", 2)
    assert result.exit_code == 0, result.output
    assert "1 zip archive " in result.output
    assert "had to be fetched whole, the server sends no parts (first: raw-train/a.zip)" in result.output
    assert contents(lake) == contents(local)
    assert not scratch_of(lake).exists()
    assert by_hand.exists()


@pytest.mark.slow
def test_an_archive_that_changes_ends_the_build_in_one_sentence(archive: ArchiveServer, tmp_path: Path) -> None:
    archive.moods["a.zip"] = ["", "", "etag", "etag", "etag"]
    result = command("build", "figshare:raw-train", "--lake", tmp_path / "lake", *RATIOS, "--workers", 1)
    assert result.exit_code == 2, result.output
    assert result.output.count("changed while it was read") == 1
    assert not (tmp_path / "lake" / "catalog.parquet").exists()
    assert not (tmp_path / "lake" / "lock.json").exists()
    assert not scratch_of(tmp_path / "lake").exists()


def test_what_this_machine_knows_is_refused_before_a_server_is_asked(
    server: ArchiveServer, local: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "1.jpg").write_text("x")
    locked = shutil.copytree(local, tmp_path / "locked")
    cases = {
        ("/proc/none",): "nothing can be made in '/proc'",
        (tmp_path / "file",): "file' is not empty and is not a lake",
        (tmp_path / "photos",): "photos' is not empty and is not a lake",
        (local, "--ratios", 2): "was built with recipe",
        (locked, *RATIOS): "is being changed by another build",
        (local, *RATIOS, "--melt", tmp_path / "none"): "none' is no folder",
        (local, *RATIOS, "--split", "test"): "figshare:raw-train is the train archive: leave --split out",
        (local, *RATIOS, "figshare:raw-tset"): "unknown archive 'raw-tset'",
    }
    with lock_lake(str(locked)):
        for words, sentence in cases.items():
            result = command("build", "figshare:raw-train", "--lake", *words)
            assert (result.exit_code, sentence in result.output) == (2, True), result.output
    assert server.paths == []


def test_what_cannot_work_is_refused_before_anything_is_written(
    archive: ArchiveServer, raw_train: list[Path], tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    (tmp_path / "page.zip").write_bytes(b"<html>")
    cases = {
        ("--scratch", "1MB"): "--scratch 1.0 MB is too small for 'raw-train/",
        ("--scratch", "much"): "--scratch 'much' is not allowed: give a size with its unit",
        ("--split", "test"): "figshare:raw-train is the train archive: leave --split out",
        (tmp_path / "page.zip",): "page.zip' cannot be read as a zip archive",
    }
    for words, sentence in cases.items():
        result = command("build", "figshare:raw-train", "--lake", lake, *words)
        assert (result.exit_code, sentence in result.output) == (2, True), result.output
    archive.always["a.zip"] = "whole"
    result = command("build", "figshare:raw-train", "--lake", lake, "--scheduler", "tcp://127.0.0.1:1")
    assert result.exit_code == 2
    archive.files["a.zip"] = zipped({f"../{raw_train[0].name}": b"x"})
    archive.always.clear()
    assert not lake.exists()
