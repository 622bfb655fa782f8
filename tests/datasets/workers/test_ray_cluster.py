"""The build on a real Ray: a head that does not have this code, its workers killed, and no Ray at all."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from datasets.errors import ClusterError, WorkerDiedError
from datasets.lake import Lake
from datasets.process.machine import Device
from datasets.workers import ray_cluster
from datasets.workers.cluster import ClusterOptions
from datasets.workers.opening import open_workers
from tests.datasets.workers.refusal import check_refusal
from tests.ingest.command_line import command
from tests.ingest.stream.zip_archives import named, zipped

ROOT = Path(__file__).parents[3]

RATIOS = ("--ratios", "5", "10")


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + 240
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            return


@contextmanager
def running_head(folder: Path) -> Iterator[tuple[psutil.Process, int]]:
    """Process and port of a head; everything that it started is gone afterwards."""
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port = probe.getsockname()[1]
    options = {
        "port": port,
        "dashboard-agent-listen-port": 0,
        "include-dashboard": "false",
        "num-cpus": 2,
        "object-store-memory": 100_000_000,
        "min-worker-port": 0,  # any: heads of other tests have the usual range too
        "max-worker-port": 0,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--disable-usage-stats"]
        + [f"--{name}={value}" for name, value in options.items()],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    head = psutil.Process(process.pid)
    try:
        wait_for_port(port)
        yield head, port
    finally:
        end(head)
        process.wait()


def end(head: psutil.Process) -> None:
    for each in [*head.children(recursive=True), head]:
        with suppress(psutil.NoSuchProcess):
            each.kill()


@pytest.fixture(scope="module", autouse=True)
def ray_folder() -> Iterator[Path]:
    """Ray's folder, short enough for its sockets; a killed head leaves its address there, for nobody else to find."""
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_TMPDIR", str(folder))
        patch.delenv("RAY_ADDRESS", raising=False)
        yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[psutil.Process, int]]:
    with running_head(tmp_path_factory.mktemp("head")) as started:
        yield started


@pytest.fixture(scope="module")
def local(raw_train: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = tmp_path_factory.mktemp("local") / "lake"
    assert command("build", *raw_train[:4], "--lake", lake, *RATIOS).exit_code == 0
    return lake


def contents(lake: Path) -> dict[str, bytes]:
    return {
        path.relative_to(lake).as_posix(): path.read_bytes()
        for path in lake.rglob("*")
        if path.is_file() and path.name != "recipe.json"
    }


@pytest.mark.slow
def test_the_lake_is_the_same_whatever_happens_to_a_worker(
    head: tuple[psutil.Process, int],
    local: Path,
    raw_train: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker is killed over its first scene, and a file that cannot be used is a line."""
    process, port = head
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
    torn = tmp_path / raw_train[4].name
    torn.write_bytes(raw_train[4].read_bytes()[:100_000])
    by_hand = tmp_path / "archive.zip"
    by_hand.write_bytes(zipped(named(raw_train[2:4])))
    killed: list[int] = []

    def kill_one() -> None:
        deadline = time.monotonic() + 240
        while not killed and time.monotonic() < deadline:
            for each in process.children(recursive=True):
                with suppress(psutil.NoSuchProcess):  # zombies too
                    if "ray::dask:scene" in " ".join(each.cmdline()):
                        each.kill()
                        killed.append(each.pid)
                        return
            time.sleep(0.02)

    killer = threading.Thread(target=kill_one)
    killer.start()
    polite = signal.getsignal(signal.SIGTERM)
    result = command("build", *raw_train[:2], by_hand, torn, "--lake", tmp_path / "lake", *RATIOS, "--scheduler", "ray")
    killer.join()
    assert killed, result.output
    assert result.exit_code == 1, result.output
    assert f"failed {torn.name}" in result.output
    assert "cannot be read as netCDF" in result.output
    assert "4 of 5 scenes are in the lake" in result.output
    assert contents(tmp_path / "lake") == contents(local)
    assert Lake.open(str(tmp_path / "lake")).digest == Lake.open(str(local)).digest
    assert signal.getsignal(signal.SIGTERM) is polite


@pytest.mark.slow
def test_a_scene_that_kills_every_worker_fails_alone_and_code_is_sent_along(
    head: tuple[psutil.Process, int], ray_folder: Path
) -> None:
    def work(path: str) -> tuple[str, int]:
        import os
        import signal

        import datasets.process.threads

        if path == "guilty":
            os.kill(os.getpid(), signal.SIGKILL)
        if path == "wrong":
            raise KeyError(path)
        return datasets.process.threads.__file__, datasets.process.threads.threads()

    with open_workers(ClusterOptions(scheduler=f"ray:127.0.0.1:{head[1]}"), tasks=3) as workers:
        outcomes = dict(workers.run(work, ["guilty", "wrong", "good"]))
    assert isinstance(outcomes["guilty"], WorkerDiedError)
    assert "its worker died 4 times over" in str(outcomes["guilty"])
    assert isinstance(outcomes["wrong"], KeyError)
    file, cores = outcomes["good"]
    assert Path(file).relative_to(ray_folder / "ray").parts[1:3] == ("runtime_resources", "working_dir_files")
    assert cores == 1


@pytest.mark.slow
def test_more_memory_than_any_node_has_is_one_sentence(
    head: tuple[psutil.Process, int], raw_train: list[Path], tmp_path: Path
) -> None:
    words = ("--scheduler", f"ray:127.0.0.1:{head[1]}", "--memory-limit", "90TB")
    result = command("build", raw_train[0], "--lake", tmp_path / "lake", *words)
    assert result.exit_code == 2, result.output
    assert "--memory-limit 90000.0GB is more than any node of the Ray cluster has to give" in result.output
    assert not (tmp_path / "lake" / "lock.json").exists()


CPU, GPU, SMALL_GPU = (
    {"CPU": 64.0, "memory": 4e9},
    {"CPU": 32.0, "GPU": 4.0, "memory": 9e9},
    {"CPU": 4.0, "GPU": 2.0, "memory": 1e9},
)


@pytest.mark.parametrize(
    ("nodes", "device", "cores", "gpus", "memory"),
    [
        ([CPU], "cpu", 1, 0, 3e9),
        ([CPU], "auto", 1, 0, 3e9),
        ([CPU, GPU], "cpu", 1, 0, 3e9),
        ([CPU, GPU], "auto", 8, 1, 3e9),
        ([CPU, GPU, SMALL_GPU], "gpu", 2, 1, 3e9),
        ([SMALL_GPU], "auto", 2, 1, 1e9),
        ([{"GPU": 1.0}], "auto", 1, 0, 3e9),
    ],
)
def test_a_scene_asks_for_a_gpu_where_one_is_and_is_wanted(
    monkeypatch: pytest.MonkeyPatch, nodes: list[dict[str, float]], device: Device, cores: int, gpus: int, memory: float
) -> None:
    monkeypatch.setattr(ray_cluster, "nodes", lambda: nodes)
    found = ray_cluster._needs(ClusterOptions(scheduler="ray", device=device))
    assert found == {"num_cpus": cores, "num_gpus": gpus, "memory": memory}


def test_a_gpu_that_no_node_has_is_one_sentence_unless_nodes_may_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ICEBENCH_CLUSTER_GROWS", raising=False)
    monkeypatch.setattr(ray_cluster, "nodes", lambda: [CPU])
    options = ClusterOptions(scheduler="ray", device="gpu")
    with pytest.raises(ClusterError, match="no node of the Ray cluster has a GPU, which --device gpu asks for"):
        ray_cluster._needs(options)
    monkeypatch.setenv("ICEBENCH_CLUSTER_GROWS", "1")
    assert ray_cluster._needs(options)["num_gpus"] == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--scheduler", "ray:127.0.0.1:1"], "no Ray answers at '127.0.0.1:1': give the address of a head that runs"),
        (["--scheduler", "ray://127.0.0.1:1"], "no Ray answers at 'ray://127.0.0.1:1'"),
        (["--scheduler", "ray:nowhere"], "no Ray answers at 'nowhere'"),
        (["--scheduler", "ray", "--workers", "2"], "--workers 2 is of a cluster that the command starts itself"),
        (["--scheduler", "ray", "--memory-limit", "2"], "--memory-limit '2' is not allowed"),
    ],
)
def test_a_ray_that_cannot_be_used_is_one_sentence(
    raw_train: list[Path], tmp_path: Path, words: list[str], sentence: str
) -> None:
    check_refusal(raw_train[0], tmp_path, words, sentence)


@contextmanager
def build_begun(lake: Path, raw_train: list[Path], port: int) -> Iterator[subprocess.Popen[str]]:
    """A build that has begun its first scene; it is impatient, so that the test need not be patient."""
    code = (
        "import datasets.workers.ray_cluster as on_ray; on_ray._PATIENCE, on_ray._GLANCE = 1, 0.5;"
        "from ingest.__main__ import app; app()"
    )
    words = ["build", *map(str, raw_train), "--lake", str(lake), "--scheduler", f"ray:127.0.0.1:{port}"]
    build = subprocess.Popen(
        [sys.executable, "-c", code, *words],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "250"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        deadline = time.monotonic() + 240
        while not list((lake / "scenes").glob("*.zarr")):
            assert time.monotonic() < deadline
            assert build.poll() is None, build.communicate()
            time.sleep(0.01)
        assert (lake / "lock.json").exists()
        yield build
    finally:
        build.kill()
        build.communicate()


@pytest.mark.slow
def test_a_polite_kill_frees_the_lock(raw_train: list[Path], tmp_path: Path, head: tuple[psutil.Process, int]) -> None:
    with build_begun(tmp_path / "lake", raw_train, head[1]) as build:
        build.terminate()
        output, _ = build.communicate(timeout=240)
    assert build.returncode == 143, output
    assert not (tmp_path / "lake" / "lock.json").exists()


@pytest.mark.slow
def test_a_head_that_dies_is_one_sentence(
    raw_train: list[Path], tmp_path: Path, head: tuple[psutil.Process, int]
) -> None:
    """The last test that has the head."""
    lake = tmp_path / "lake"
    with build_begun(lake, raw_train, head[1]) as build:
        end(head[0])
        output, _ = build.communicate(timeout=240)
    assert build.returncode == 2, output
    assert "the Ray cluster went away in the middle of the work: start it again and repeat the command" in output
    assert not (lake / "lock.json").exists()
    assert not (lake / "catalog.parquet").exists()
