"""A cluster that is not there, or is another one, is said at once."""

import time

import pytest

from sweeps.launch import cluster as module
from sweeps.launch.cluster import ClusterError, cluster, grows
from tests.free_ports import free_ports


def test_no_cluster_at_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"127.0.0.1:{free_ports(1)[0]}"
    monkeypatch.setenv("RAY_ADDRESS", address)
    started = time.monotonic()
    with (
        pytest.raises(ClusterError, match=f"there is no Ray cluster at {address}: start one with `ray start"),
        cluster(),
    ):
        pass
    assert time.monotonic() - started < 10


def test_a_cluster_that_this_machine_remembers_and_that_is_gone_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(module, "read_ray_address", lambda: f"127.0.0.1:{free_ports(1)[0]}")
    asked: list[object] = []

    def init(address: str | None, **options: object) -> None:
        asked.append(address)
        raise ConnectionError("stop here")

    monkeypatch.setattr(module.ray, "init", init)
    with pytest.raises(ClusterError), cluster():
        pass
    assert asked == ["local"]


def test_other_versions_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    told = "Version mismatch: The cluster was started with:\n    Ray: 2.40.0\n    Python: 3.11.7\nThis process was ..."

    def init(address: str | None, **options: object) -> None:
        raise RuntimeError(told)

    monkeypatch.setattr(module.ray, "init", init)
    with (
        pytest.raises(ClusterError, match=r"runs other versions .*Ray: 2\.40\.0 Python: 3\.11\.7.*: use the same"),
        cluster(),
    ):
        pass


def test_who_runs_a_cluster_says_that_it_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ICEBENCH_CLUSTER_GROWS", raising=False)
    assert not grows()
    monkeypatch.setenv("ICEBENCH_CLUSTER_GROWS", "1")
    assert grows()
