"""A Ray that is not there, or is another one, is said at once."""

import os
import re
import subprocess
import sys
import time
import venv
from contextlib import closing
from pathlib import Path
from socket import create_server

import pytest

from datasets.errors import ClusterError
from datasets.process import ray_session as module
from datasets.process.checkout import ROOT
from datasets.process.ray_session import find_address, grows, ray_session
from tests.end_to_end.ray_head import RayHead, base_environment
from tests.free_ports import free_ports

ADVICE = "start one"


def test_no_ray_at_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"127.0.0.1:{free_ports(1)[0]}"
    monkeypatch.setenv("RAY_ADDRESS", address)
    started = time.monotonic()
    with pytest.raises(ClusterError, match=f"no Ray answers at '{address}': start one"), ray_session({}, advice=ADVICE):
        pass
    assert time.monotonic() - started < 10


def test_who_runs_a_cluster_says_that_it_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ICEBENCH_CLUSTER_GROWS", raising=False)
    assert not grows()
    monkeypatch.setenv("ICEBENCH_CLUSTER_GROWS", "1")
    assert grows()


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
    monkeypatch.delenv("RAY_prestart_worker_first_driver")
    asked: list[object] = []

    def init(address: str | None, **options: object) -> None:
        asked.extend([address, options["include_dashboard"], os.environ["RAY_prestart_worker_first_driver"]])  # noqa: SIM112
        raise ConnectionError("stop here")

    monkeypatch.setattr(module.ray, "init", init)
    with pytest.raises(ClusterError, match=r"Ray cannot be started \(stop here\)"), ray_session({}, advice=ADVICE):
        pass
    assert asked == ["local", False, "0"], "and for nothing that a study does not use"


def test_other_versions_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "Version mismatch: The cluster was started with:\n    Ray: 2.40.0\n    Python: 3.11.7\nThis process was ..."

    def init(address: str | None, **options: object) -> None:
        raise RuntimeError(said)

    monkeypatch.setattr(module.ray, "init", init)
    monkeypatch.setattr(module, "_check_ray", lambda address: None)
    with (
        closing(create_server(("127.0.0.1", 0))) as alive,
        pytest.raises(ClusterError, match=r"runs other versions .*: use the same .*Ray: 2\.40\.0 Python: 3\.11\.7"),
        ray_session({}, given=f"127.0.0.1:{alive.getsockname()[1]}", advice=ADVICE),
    ):
        pass


def test_auto_without_any_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(address: str) -> None:
        raise ConnectionError("Could not find any running Ray instance.")

    monkeypatch.setattr(module, "canonicalize_bootstrap_address", nothing)
    with pytest.raises(ClusterError, match="no Ray answers at 'auto': start one"):
        find_address("auto", ADVICE)


@pytest.mark.slow
def test_what_listens_and_is_no_ray_is_said_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray itself would go on for minutes, or for ever."""
    monkeypatch.setattr(module, "_PATIENCE_S", 1.0)
    with closing(create_server(("127.0.0.1", 0))) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        started = time.monotonic()
        with (
            pytest.raises(ClusterError, match=f"the Ray at '{address}' does not answer as a Ray does"),
            ray_session({}, given=address, advice=ADVICE),
        ):
            pass
    assert time.monotonic() - started < 30


DRIVER = """
import os, sys
sys.path.insert(0, ROOT)
from datasets.process.ray_session import ray_session
import ray

with ray_session({"SAID": "yes"}, modules=["my_models"], advice="start one") as address:

    @ray.remote(num_cpus=0.1)
    def look():
        import my_models, sweeps
        return my_models.__file__, sweeps.__file__, os.environ["SAID"]

    print(address, *ray.get(look.remote(), timeout=400))
"""


def drive(folder: Path, python: str = sys.executable, **environment: str | None) -> subprocess.CompletedProcess[str]:
    """A driver in a folder with a module of its own, and with scenes beside it that no node needs."""
    (folder / "my_models.py").write_text("")
    (folder / "scene.nc").write_bytes(b"0" * 1000)
    words = [python, "-c", f"ROOT = {str(ROOT)!r}\n{DRIVER}"]
    all_of_it = {**base_environment(), "TMPDIR": None, **environment}
    given = {name: value for name, value in all_of_it.items() if value is not None}
    return subprocess.run(words, cwd=folder, env=given, capture_output=True, text=True, timeout=600)


@pytest.mark.slow
def test_a_ray_is_started_where_neither_home_nor_the_temporary_folder_will_do(tmp_path: Path) -> None:
    """The code is not copied, and no token is left behind that the next `ray start` would ask for.

    Its Python is in a folder with a space, where Ray by itself would start no worker.
    """
    venv.create(tmp_path / "sea ice", symlinks=True)
    (found,) = (tmp_path / "sea ice").glob("lib/*/site-packages")
    places = [path for path in sys.path if path.endswith("-packages")]
    (found / "ours.pth").write_text("".join(f"{path}\n" for path in places))
    long = tmp_path / "a-folder-for-temporary-files-of-a-cluster-job"
    long.mkdir()
    (tmp_path / "work").mkdir()
    python = str(tmp_path / "sea ice" / "bin" / "python")
    done = drive(tmp_path / "work", python, TMPDIR=str(long), HOME="/proc/none", RAY_AUTH_MODE=None)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["local", f"{tmp_path}/work/my_models.py", f"{ROOT}/sweeps/__init__.py", "yes"]
    assert f"Ray cannot use '{long}/ray' (its path is too long for a socket) and uses '/tmp/ray-" in done.stderr
    assert "goes to the nodes" not in done.stderr


@pytest.mark.slow
def test_nodes_of_a_ray_that_is_there_get_the_code_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    head = RayHead(tmp_path, {}, tmp_path / "head.log", cpus=1)
    try:
        head.start()
        address = f"127.0.0.1:{head.ports['port']}"
        done = drive(tmp_path / "work", RAY_ADDRESS=address)
    finally:
        head.stop()
    assert done.returncode == 0, done.stderr
    found, own, ours, said = done.stdout.split()
    assert (found, said) == (address, "yes")
    assert "_ray_pkg_" in own
    assert Path(own).parent == Path(ours).parents[1]
    told = r"goes to the nodes of the Ray at \S+: ingest, datasets, training, sweeps, my_models.py \(\d+ files"
    assert re.search(told, done.stderr)
