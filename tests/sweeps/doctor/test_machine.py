"""What numbers of a machine mean: each limit from both sides."""

from pathlib import Path

import pytest

from datasets.errors import ClusterError
from sweeps.doctor import machine


@pytest.mark.parametrize(("free", "level"), [(64e6, "warning"), (0, "warning"), (2e9, "ok"), (float("inf"), "ok")])
def test_shared_memory(free: float, level: str) -> None:
    found = machine.shared_memory(free)
    assert found.level == level
    assert ("--shm-size" in found.remedy) == (level == "warning")


def test_a_folder_that_ray_cannot_use_is_told() -> None:
    def none() -> tuple[Path, str]:
        raise ClusterError("set RAY_TMPDIR to a short one")

    assert machine.folder_of_ray(lambda: (Path("/tmp/ray"), "")).level == "ok"
    other = machine.folder_of_ray(lambda: (Path("/tmp/ray-0"), "Ray cannot use '/long' and uses '/tmp/ray-0'"))
    assert (other.level, "/tmp/ray-0" in other.message) == ("warning", True)
    found = machine.folder_of_ray(none)
    assert (found.level, found.message) == ("error", "set RAY_TMPDIR to a short one")


def test_a_temporary_folder_too_long_for_loader_processes(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 80)
    long.mkdir()
    found = machine.temporary_folder(str(long))
    assert (found.level, "TMPDIR" in found.remedy) == ("warning", True)


def test_a_temporary_folder_that_is_not_there() -> None:
    assert machine.temporary_folder("/not/there").level == "error"


@pytest.mark.parametrize(("free", "level"), [(1e8, "error"), (5e9, "warning"), (1e11, "ok")])
def test_disk(free: float, level: str, tmp_path: Path) -> None:
    assert machine.disk("storage", tmp_path / "not" / "made", free).level == level
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_takes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)  # tests may run as root, who may write everywhere
    assert machine.disk("storage", tmp_path, 1e12).level == "error"


@pytest.mark.parametrize(("limit", "level"), [(256, "warning"), (1024, "ok")])
def test_open_files(limit: int, level: str) -> None:
    assert machine.open_file_limit(limit).level == level


@pytest.mark.parametrize(("memory", "level"), [(2e9, "warning"), (64e9, "ok")])
def test_cores_and_memory(memory: float, level: str) -> None:
    found = machine.cores_and_memory(1.5, memory, 64)
    assert (found.level, "1.5 of 64 cores" in found.message) == (level, True)


def test_room_is_looked_at_where_a_folder_will_be(tmp_path: Path) -> None:
    assert machine.free_disk(tmp_path / "a" / "b") > 0
