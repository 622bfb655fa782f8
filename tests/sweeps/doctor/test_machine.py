"""What numbers of a machine mean: each limit from both sides."""

from pathlib import Path

import pytest

from sweeps.doctor import machine, measured


@pytest.mark.parametrize(("free", "level"), [(64e6, "warning"), (0, "warning"), (2e9, "ok"), (float("inf"), "ok")])
def test_shared_memory(free: float, level: str) -> None:
    found = machine.shared_memory(free)
    assert found.level == level
    assert ("--shm-size" in found.remedy) == (level == "warning")


def test_a_temporary_folder_too_long_for_the_sockets_of_ray() -> None:
    long = "/tmp/" + "x" * 45
    found = machine.temporary_folder("/tmp", long, starts_ray=True)
    assert found.level == "error"
    assert "RAY_TMPDIR" in found.remedy
    assert machine.temporary_folder("/tmp", long, starts_ray=False).level == "ok", "the head has its own"


def test_a_temporary_folder_too_long_for_loader_processes(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 80)
    long.mkdir()
    found = machine.temporary_folder(str(long), "/tmp", starts_ray=True)
    assert (found.level, "TMPDIR" in found.remedy) == ("error", True)


def test_a_temporary_folder_that_is_not_there() -> None:
    assert machine.temporary_folder("/not/there", "/tmp", starts_ray=False).level == "error"


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
    assert (found.level, "1.5 of 64 cores" in found.said) == (level, True)


def test_the_limits_of_a_container_are_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    (tmp_path / "memory.max").write_text("1000000\n")
    monkeypatch.setattr(measured, "_CGROUP", tmp_path)
    assert (measured.usable_cores(), measured.usable_memory()) == (0.5, 1_000_000)
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert measured.usable_cores() >= 1
    assert measured.usable_memory() > 1e8


def test_this_machine_has_numbers(tmp_path: Path) -> None:
    assert measured.open_files() > 0
    assert measured.shared_room() >= 0
    assert measured.free_disk(tmp_path / "a" / "b") > 0
