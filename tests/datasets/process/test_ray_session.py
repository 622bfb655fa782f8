"""A Ray that is not there, or is another one, is said at once."""

import time
from contextlib import closing
from pathlib import Path
from socket import create_server

import pytest

from datasets.errors import ClusterError
from datasets.process import ray_session as module
from datasets.process.ray_session import find_address, ray_session
from tests.free_ports import free_ports

ADVICE = "start one"


def test_no_ray_at_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"127.0.0.1:{free_ports(1)[0]}"
    monkeypatch.setenv("RAY_ADDRESS", address)
    started = time.monotonic()
    with pytest.raises(ClusterError, match=f"no Ray answers at '{address}': start one"), ray_session({}, advice=ADVICE):
        pass
    assert time.monotonic() - started < 10


def test_a_note_of_a_ray_that_is_gone_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text("127.0.0.1:1")
    assert find_address(None, ADVICE) == "local"
    with closing(create_server(("0.0.0.0", 0))) as alive:  # as a head does: Ray makes the outer address of it
        address = f"127.0.0.1:{alive.getsockname()[1]}"
        (tmp_path / "ray" / "ray_current_cluster").write_text(address)
        assert find_address(None, ADVICE).endswith(address.partition(":")[2])
        (tmp_path / "ray" / "ray_current_cluster").write_text("127.0.0.1:1")
        monkeypatch.setenv("RAY_ADDRESS", address)
        assert find_address(None, ADVICE) == address
        assert find_address(f"ray://{address}", ADVICE) == f"ray://{address}", "what is given goes first"
    with pytest.raises(ClusterError, match=f"no Ray answers at '{address}'"):
        find_address(None, ADVICE)


def test_what_is_found_is_what_ray_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray itself would wait for ten minutes for a cluster that this machine remembers and that is gone."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text(f"127.0.0.1:{free_ports(1)[0]}")
    asked: list[object] = []

    def init(address: str | None, **options: object) -> None:
        asked.append(address)
        raise ConnectionError("stop here")

    monkeypatch.setattr(module.ray, "init", init)
    with pytest.raises(ClusterError, match=r"cannot be used \(stop here\)"), ray_session({}, advice=ADVICE):
        pass
    assert asked == ["local"]


def test_other_versions_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    said = "Version mismatch: The cluster was started with:\n    Ray: 2.40.0\n    Python: 3.11.7\nThis process was ..."

    def init(address: str | None, **options: object) -> None:
        raise RuntimeError(said)

    monkeypatch.setattr(module.ray, "init", init)
    with (
        pytest.raises(ClusterError, match=r"runs other versions .*Ray: 2\.40\.0 Python: 3\.11\.7.*: use the same"),
        ray_session({}, advice=ADVICE),
    ):
        pass
