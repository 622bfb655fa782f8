"""The build on a running Dask cluster whose workers do not have our code; and limits of the local one."""

import io
import json
import os
import signal
import site
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

import datasets.workers.dask_cluster
from datasets.lake import Lake
from datasets.process.checkout import Code
from datasets.process.threads import threads
from datasets.workers.cluster import ClusterOptions
from datasets.workers.dask_cluster import dask_workers, packed
from tests.datasets.process.test_freed_memory import pages_of_a_block_like_a_freed_one
from tests.ingest.command_line import command
from tests.ingest.download.archive_server import ArchiveServer
from tests.ingest.stream.zip_archives import named, zipped

ROOT = Path(__file__).parents[3]


def foreign_environment() -> dict[str, str]:
    """The packages of this environment without what an editable install adds to the path: our own are not there."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(site.getsitepackages())}


@contextmanager
def running(folder: Path, module: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    folder.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-S", "-m", module, *words],
        cwd=folder,
        env=foreign_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Address and process of a scheduler with two workers, one below a nanny and one without."""
    folder = tmp_path / "cluster"
    file = folder / "scheduler.json"
    at_home = ("--host", "127.0.0.1")
    with running(
        folder,
        "distributed.cli.dask_scheduler",
        *at_home,
        "--port",
        "0",
        "--dashboard-address",
        "127.0.0.1:0",
        "--scheduler-file",
        str(file),
    ) as process:
        options = ("--scheduler-file", str(file), *at_home, "--nthreads", "1", "--dashboard-address", "127.0.0.1:0")
        with (
            running(folder, "distributed.cli.dask_worker", *options, "--nanny"),
            running(folder, "distributed.cli.dask_worker", *options, "--no-nanny"),
        ):
            deadline = time.monotonic() + 240
            while not file.exists():
                assert time.monotonic() < deadline
                time.sleep(0.1)
            yield json.loads(file.read_text())["address"], process


@pytest.mark.slow
def test_workers_without_our_code_are_given_it(
    scheduler: tuple[str, subprocess.Popen[bytes]], raw_train: list[Path], tmp_path: Path
) -> None:
    lacking = subprocess.run(
        [sys.executable, "-S", "-c", "import distributed, ingest"],
        cwd=tmp_path,
        env=foreign_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "No module named 'ingest'" in lacking.stderr
    address, _ = scheduler
    build = [*raw_train[:3], "--ratios", "10"]
    result = command("build", *build, "--lake", tmp_path / "lake", "--scheduler", address)
    assert result.exit_code == 0, result.output
    with ArchiveServer({"a.zip": zipped(named(raw_train[3:4]))}) as server:  # the worker fetches for itself
        url = f"{server.url.removesuffix('/v2')}/named/a.zip"
        again = command("build", *build, url, "--lake", tmp_path / "lake", "--scheduler", address)
        assert len(server.asked["a.zip"]) == 3
    assert again.exit_code == 0, again.output
    local = command("build", *build, raw_train[3], "--lake", tmp_path / "local")
    assert local.exit_code == 0, local.output
    assert Lake.open(str(tmp_path / "lake")).digest == Lake.open(str(tmp_path / "local")).digest


@pytest.mark.slow
def test_a_scheduler_that_dies_is_one_sentence_and_the_next_run_goes_on(
    scheduler: tuple[str, subprocess.Popen[bytes]], raw_train: list[Path], tmp_path: Path
) -> None:
    address, process = scheduler
    lake = tmp_path / "lake"
    build = subprocess.Popen(
        [sys.executable, "-m", "ingest", "build", *map(str, raw_train), "--lake", str(lake), "--scheduler", address],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "250"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    deadline = time.monotonic() + 240
    while not list((lake / "scenes").glob("*.zarr/zarr.json")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    output, _ = build.communicate(timeout=240)
    assert build.returncode == 2, output
    assert "went away in the middle of the work: start it again and repeat the command" in " ".join(output.split())
    assert not (lake / "lock.json").exists()
    assert not (lake / "catalog.parquet").exists()
    done = {path.parent.name: path.stat().st_mtime_ns for path in (lake / "scenes").glob("*.zarr/zarr.json")}
    before: dict[Path, int] = {}
    while (now := times_below(lake)) != before:  # workers end what they had begun
        before = now
        time.sleep(2)
    mended = command("build", *raw_train, "--lake", lake)
    assert mended.exit_code == 0, mended.output
    assert len(Lake.open(str(lake)).catalog()) == len(raw_train)
    assert all((lake / "scenes" / name / "zarr.json").stat().st_mtime_ns == stamp for name, stamp in done.items())


def times_below(folder: Path) -> dict[Path, int]:
    """When each file was written that is still there."""
    times = {}
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            times[path] = path.stat().st_mtime_ns
    return times


@pytest.mark.slow
def test_a_worker_works_on_one_core_and_keeps_its_memory() -> None:
    with dask_workers(ClusterOptions(workers=1), tasks=1) as workers:
        ((_, (cores, pages)),) = workers.run(state_there, ["a scene"])
    assert cores == 1
    assert pages < 100, "Dask would have it take every block anew"


def state_there(_: str) -> tuple[int, int]:
    pages_of_a_block_like_a_freed_one()
    return threads(), pages_of_a_block_like_a_freed_one()


@pytest.mark.parametrize(
    ("cores", "gigabytes", "limit", "files", "expected"),
    [
        (8, 64, None, 1024, 8),
        (8, 16, None, 1024, 5),
        (8, 2, None, 1024, 1),
        (8, 16, "2GB", 1024, 8),
        (2, 64, "2GB", 1024, 2),
        (64, 640, None, 256, 8),
    ],
)
def test_there_are_as_many_workers_as_cores_memory_and_open_files_allow(
    monkeypatch: pytest.MonkeyPatch, cores: int, gigabytes: int, limit: str | None, files: int, expected: int
) -> None:
    monkeypatch.setattr(datasets.workers.dask_cluster, "usable_cores", lambda: cores)
    monkeypatch.setattr(datasets.workers.dask_cluster, "usable_memory", lambda: gigabytes * 10**9)
    monkeypatch.setattr(datasets.workers.dask_cluster, "open_files", lambda: files)
    started: list[int] = []

    def start(**options: object) -> None:
        started.append(int(str(options["n_workers"])))
        assert options["memory_limit"] == (limit or gigabytes * 10**9 // started[-1])
        raise InterruptedError

    monkeypatch.setattr(datasets.workers.dask_cluster, "LocalCluster", start)
    for tasks in (100, 1):
        with pytest.raises(InterruptedError), dask_workers(ClusterOptions(memory_limit=limit), tasks=tasks):
            pytest.fail("a cluster was started")
    assert started == [expected, 1]


@pytest.mark.slow
def test_a_memory_limit_reaches_the_workers() -> None:
    with dask_workers(ClusterOptions(workers=2, memory_limit="1500MB"), tasks=1) as workers:
        started = workers.client.scheduler_info()["workers"].values()
        assert [each["memory_limit"] for each in started] == [1_500_000_000]


def test_the_same_code_is_packed_into_the_same_bytes() -> None:
    content = packed(Code.of())
    assert content == packed(Code.of())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = set(archive.namelist())
    assert {"ingest/convert.py", "training/prediction/on_workers.py", "datasets/coastline.json"} <= names
