"""What a study says of the Ray that it runs on."""

from pathlib import Path

import pytest

from datasets.errors import ClusterError
from sweeps.launch.cluster import cluster, outbox_folder
from tests.free_ports import free_ports


def test_no_cluster_at_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"127.0.0.1:{free_ports(1)[0]}"
    monkeypatch.setenv("RAY_ADDRESS", address)
    sentence = f"no Ray answers at '{address}': start one with `ray start --head --block`, or unset RAY_ADDRESS"
    with pytest.raises(ClusterError, match=sentence), cluster():
        pass


def test_trials_of_a_job_keep_their_outbox_outside_of_its_copy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("ICEBENCH_OUTBOX")
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", '{"runtime_env": {"working_dir": "gcs://x.zip"}}')
    assert outbox_folder() == tmp_path / ".icebench" / "outbox"
    monkeypatch.setenv("ICEBENCH_OUTBOX", "/elsewhere")
    assert outbox_folder() == Path("/elsewhere")
    monkeypatch.delenv("ICEBENCH_OUTBOX")
    monkeypatch.delenv("RAY_JOB_CONFIG_JSON_ENV_VAR")
    assert outbox_folder() == Path(__file__).parents[3] / "results" / "outbox"
