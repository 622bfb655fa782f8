"""A build on Dask over hosts that share nothing, whose clocks differ.

One host is lost in the middle, and another is cut off at the same time while it writes a scene; it comes back when that
scene has been built elsewhere. One host comes late.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from datasets.lake import Lake
from datasets.prefixes import holds_objects
from ingest.found_stores import finished_scenes
from ingest.source import is_scene_name, scene_id_of
from tests.ingest.command_line import command
from tests.ingest.download.archive_server import ArchiveServer
from tests.ingest.stream.zip_archives import named, zipped
from tests.many_nodes.hosts import Host, Network, trouble
from tests.many_nodes.waiting import wait_for
from tests.object_store import ObjectStore

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800), pytest.mark.skipif(bool(trouble()), reason=trouble())]

RATIOS = ("--ratios", "5", "10")


@pytest.fixture
def network() -> Iterator[Network]:
    with Network() as network:
        yield network


def finished(lake: str) -> set[str]:
    """Scenes whose stores are whole."""
    return {record.scene_id for record in finished_scenes(Lake.open(lake))}


def test_every_scene_once_whichever_host_is_lost_or_comes_late(
    network: Network, s3: ObjectStore, raw_train: list[Path], tmp_path: Path
) -> None:
    lake = f"s3://lake/{tmp_path.name}/lake"
    store = s3.environment(endpoint=network.reach(s3.ports["s3"]))
    head = network.host("head", store, code=True)
    # a host that falls silent is given up after this time instead of half a minute
    head.environment["DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP"] = "12s"
    place = f"tcp://{head.address}:8786"
    scheduler = ["python", "-m", "distributed.cli.dask_scheduler", "--host", head.address, "--port", "8786"]
    head.start([*scheduler, "--no-dashboard"], tmp_path / "scheduler.log")

    def worker(name: str, clock_s: float) -> tuple[Host, "subprocess.Popen[bytes]"]:
        host = network.host(name, store, clock_s=clock_s)
        words = ["python", "-m", "distributed.cli.dask_worker", place, "--host", host.address, "--nthreads", "1"]
        words += ["--no-dashboard", "--memory-limit", "0", "--no-nanny"]
        return host, host.start(words, tmp_path / f"{name}.log")

    (first, _), (lost, _), (cut, working) = worker("first", -120.0), worker("lost", 120.0), worker("cut", 60.0)

    def half_written() -> set[str]:
        """The scene that the host to be cut off is writing at the moment."""
        fetched = cut.inside("/tmp").glob("icebench-scratch-*/*/*.nc")
        ids = {scene_id_of(str(path)) for path in fetched if is_scene_name(path.name)}
        return {scene_id for scene_id in ids if holds_objects(f"{lake}/scenes/{scene_id}.zarr")} - finished(lake)

    with ArchiveServer({"a.zip": zipped(named(raw_train))}) as server:
        server.rate = sum(map(len, server.files.values())) / 12
        archive = f"{network.reach(int(server.url.rpartition(':')[2].partition('/')[0]))}/named/a.zip"
        words = ["python", "-m", "ingest", "build", archive, "--lake", lake, *RATIOS, "--scheduler", place]
        build = head.start(words, tmp_path / "build.log")
        log = tmp_path / "build.log"
        wait_for(lambda: len(server.asked["a.zip"]) > 4, build, log)
        halves = wait_for(half_written, build, log, every=0.05)
        network.cut_off(cut)
        lost.lose()
        began = finished(lake)
        late, _ = worker("late", 0.0)
        wait_for(lambda: halves <= finished(lake), build, log)
        network.plug_in(cut)
        assert build.wait(600) == 0, log.read_text()
        assert working.wait(240) is not None, "it goes on, learns that it is not wanted any more, and ends"
    said = log.read_text()
    assert f"{len(raw_train)} of {len(raw_train)} scenes are in the lake" in said
    assert len(began) < len(raw_train) - 1, "the host was lost in the middle"
    for host in (first, late, cut):
        assert not list(host.inside("/tmp").glob("icebench-scratch-*/*/*")), "nothing stays of what was fetched"
        assert list(host.inside("/tmp").glob("icebench-scratch-*")), f"{host.name} has worked"
    local = command("build", *raw_train, "--lake", tmp_path / "local", *RATIOS, "--workers", 1)
    assert local.exit_code == 0, local.output
    here, there = Lake.open(str(tmp_path / "local")), Lake.open(lake)
    assert there.digest == here.digest
    assert [row.scene_id for row in there.catalog()] == [row.scene_id for row in here.catalog()]
    checked = command("verify", lake, "--deep")
    assert checked.exit_code == 0, checked.output
