"""Faults during a study: after each, every trial is accounted for, nothing is there twice, the end is correct."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from ray.cluster_utils import Cluster
from typer.testing import CliRunner

from datasets.errors import ClusterError
from datasets.lake import Lake
from sweeps.downscale import EXPERIMENT as DOWNSCALE
from sweeps.launch.cluster import check_nodes, cluster
from sweeps.launch.command import application
from sweeps.launch.placement import PlacementError
from sweeps.launch.trials import Event
from tests.free_ports import free_ports
from tests.mlflow_server import fresh_database
from tests.sweeps.launch.small_study import SPEC, Events, finished_once, request_of, rows_of, run, small_study

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

LONG = SPEC.with_all({"loop.max_epochs": 12, "loop.batches_per_epoch": 10, "loop.patience": 12})
"""Seconds per epoch: time enough for things to go wrong in the middle."""


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A head without CPUs, for all tests of this module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ICEBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        (port,) = free_ports(1)  # Ray's own choice is the same for every cluster of this machine
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "dashboard_port": port})
        patch.setenv("RAY_ADDRESS", cluster.address)
        try:
            yield cluster
        finally:
            cluster.shutdown()


@pytest.fixture
def nodes(head: Cluster) -> Cluster:
    """The head with two living nodes of one CPU, whatever a test has done to them."""
    while len(head.worker_nodes) < 2:
        head.add_node(num_cpus=1)
    return head


def trial_workers() -> list[psutil.Process]:
    """Processes of this test's cluster in which a trial runs."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            command = process.cmdline()
        except psutil.Error:  # it has just ended
            continue
        if command and command[0].startswith("ray::ImplicitFunc"):  # what Tune makes of a function
            found.append(process)
    return found


class Faults(Events):
    """Two things that go wrong, one after the other.

    The first happens when two trials are on record and one is at its fourth epoch, the second when a trial that began
    after that is there.
    """

    def __init__(self, *acts: Callable[[], None]) -> None:
        super().__init__()
        self._acts = list(acts)
        self._begun: set[str] = set()

    def __call__(self, event: Event) -> None:
        super().__call__(event)
        trained = {each.name for each in self.seen if each.epoch}
        if event.epoch < 4 or event.ended or not self._acts or len(trained) < 2 or event.name in self._begun:
            return
        self._begun = trained
        self._acts.pop(0)()


def test_a_node_lost_and_a_worker_killed_in_the_middle(nodes: Cluster, tiny_lake: Lake, tmp_path: Path) -> None:
    first, second = nodes.worker_nodes
    assert first != second
    killed: list[int] = []

    def lose_a_node() -> None:
        nodes.remove_node(second)
        nodes.add_node(num_cpus=1)

    def kill_the_workers() -> None:
        for worker in trial_workers():
            os.kill(worker.pid, signal.SIGKILL)
            killed.append(worker.pid)

    events = Faults(lose_a_node, kill_the_workers)
    done = run(small_study(3, base=LONG), request_of(tiny_lake, tmp_path), events)
    assert killed, "both have happened"
    assert not done.failed
    assert set(events.first_epochs().values()) == {1}, "what was lost or killed went on from its checkpoint"
    assert finished_once(done.study, 3)
    rows = rows_of(done.study)
    assert len(rows) > 4, "the lost attempt and the killed one are on record"
    assert {row.status for row in rows} <= {"FINISHED", "KILLED", "FAILED"}


def test_a_loss_that_is_no_number_is_told_once_and_only_that_trial_runs_again(
    nodes: Cluster, tiny_lake: Lake, tmp_path: Path
) -> None:
    study = small_study(1, axes={"optimizer.lr": (1e-2, 1e30)})
    events = Events()
    done = run(study, request_of(tiny_lake, tmp_path), events)
    (failed,) = done.failed
    assert "optimizer.lr=1e+30" in failed.name
    assert (failed.error or "").startswith("NonFiniteLossError: ")
    assert sum(event.failed for event in events.seen) == 1
    rows = rows_of(done.study)
    assert sorted(row.status for row in rows) == ["FAILED", "FINISHED"], "it would come again, so it is not tried again"

    again = run(study, request_of(tiny_lake, tmp_path, failed_only=True))
    assert (len(again.failed), again.finished) == (1, 1)
    assert sorted(row.status for row in rows_of(again.study)) == ["FAILED", "FAILED", "FINISHED"]


def test_a_storage_that_refuses_for_a_while_costs_no_trial(nodes: Cluster, tiny_lake: Lake, tmp_path: Path) -> None:
    kept = tmp_path / "storage" / "checkpoints"
    aside = tmp_path / "aside"

    def refuse() -> None:
        kept.rename(aside)
        kept.write_text("no folder")

    def give_back() -> None:
        kept.unlink()
        aside.rename(kept)

    class Refusing(Events):
        def __call__(self, event: object) -> None:
            super().__call__(event)  # type: ignore[arg-type]
            if getattr(event, "epoch", 0) == 6 and kept.is_file():
                give_back()

    done = run(small_study(1, base=LONG), request_of(tiny_lake, tmp_path), Refusing(refuse))
    assert not done.failed
    assert finished_once(done.study, 1)
    (row,) = rows_of(done.study)
    assert (kept / row.trial_id / "best.pt").is_file()
    assert not (kept / row.trial_id / "last.pt").exists(), "of a finished trial only the weights stay"


def test_more_than_any_node_has_is_said_at_once(nodes: Cluster, tiny_lake: Lake, tmp_path: Path) -> None:
    started = time.monotonic()
    request = request_of(tiny_lake, tmp_path, cpus=64)
    with pytest.raises(PlacementError, match="a trial asks for 64 CPUs and 0 GPUs and the cluster does not have that"):
        run(small_study(1), request)
    assert time.monotonic() - started < 60


def test_a_trial_that_no_node_can_hold_ends_the_command(
    nodes: Cluster, tiny_lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["--smoke", "--task", "pixel", "--only", "data.ratio=5", "--seeds", "1", "--gpus-per-trial", "64"]
    words += ["--lake", tiny_lake.url, "--tracking-uri", fresh_database(tmp_path), "--storage", f"{tmp_path}/ray"]
    done = CliRunner().invoke(application({"downscale": DOWNSCALE}, "downscale"), words)
    assert done.exit_code == 2, done.output
    assert "a trial asks for 64 processes with 1 CPU and 1 GPU each and the cluster does not have that" in " ".join(
        done.output.split()
    )


def test_a_node_that_does_not_see_the_lake_is_named(nodes: Cluster, tiny_lake: Lake, tmp_path: Path) -> None:
    blind = Lake("/not/on/this/node", tiny_lake.recipe)
    request = request_of(tiny_lake, tmp_path)
    with cluster(), pytest.raises(ClusterError, match=r"node \S+: '/not/on/this/node' is not a lake"):
        check_nodes([blind.url], request.tracking_uri, request.placement.storage)
