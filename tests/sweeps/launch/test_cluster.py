"""What a study says of the Ray that it runs on."""

import pytest

from datasets.errors import ClusterError
from sweeps.launch.cluster import cluster
from tests.free_ports import free_ports


def test_no_cluster_at_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"127.0.0.1:{free_ports(1)[0]}"
    monkeypatch.setenv("RAY_ADDRESS", address)
    sentence = f"no Ray answers at '{address}': start one with `ray start --head --block`, or unset RAY_ADDRESS"
    with pytest.raises(ClusterError, match=sentence), cluster():
        pass
