"""What a study says of the Ray that it runs on."""

import pytest

from datasets.errors import ClusterError
from sweeps.launch import cluster as module
from sweeps.launch.cluster import cluster
from tests.free_ports import free_ports


def test_no_cluster_at_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"127.0.0.1:{free_ports(1)[0]}"
    monkeypatch.setenv("RAY_ADDRESS", address)
    sentence = f"no Ray answers at '{address}': start one with `ray start --head --block`, or unset RAY_ADDRESS"
    with pytest.raises(ClusterError, match=sentence), cluster():
        pass


def test_a_node_whose_workers_do_not_start_is_said_with_where_to_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "check_places_from_nodes", lambda *places: [module._report("10.0.0.7", 0.0, None)])
    with pytest.raises(
        ClusterError, match=r"node 10\.0\.0\.7: it did not answer within 180 s: raylet\.err .* say why; no"
    ):
        module.check_nodes([], "", "")
