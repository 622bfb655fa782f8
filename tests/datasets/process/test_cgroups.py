"""Limits of control groups as Docker, Kubernetes and systemd set them, in both versions."""

import math
from collections.abc import Mapping
from pathlib import Path

import pytest

from datasets.process.cgroups import cpu_limit, memory_limit

GIB = 1 << 30


def written(folder: Path, own: str, files: Mapping[str, str]) -> tuple[Path, Path]:
    """What /proc/self/cgroup and /sys/fs/cgroup would be."""
    (folder / "own").write_text(own)
    for name, text in files.items():
        path = folder / "mount" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return folder / "own", folder / "mount"


@pytest.mark.parametrize(
    ("own", "files", "cpus", "memory"),
    [
        pytest.param("0::/\n", {"cpu.max": "200000 100000", "memory.max": str(GIB)}, 2, GIB, id="container, v2"),
        pytest.param("0::/\n", {"cpu.max": "max 100000", "memory.max": "max"}, math.inf, math.inf, id="no limit, v2"),
        pytest.param("0::/\n", {"cpu.max": "50000 100000"}, 0.5, math.inf, id="half a core"),
        pytest.param(
            "0::/user.slice/job.scope\n",
            {
                "user.slice/job.scope/cpu.max": "max 100000",
                "user.slice/cpu.max": "300000 100000",
                "user.slice/job.scope/memory.max": str(4 * GIB),
                "user.slice/memory.max": str(2 * GIB),
            },
            3,
            2 * GIB,
            id="the slice around it",
        ),
        pytest.param(
            "0::/../../elsewhere\n", {"cpu.max": "400000 100000", "memory.max": "max"}, 4, math.inf, id="odd path"
        ),
        pytest.param(
            "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n0::/\n",
            {
                "cpu/cpu.cfs_quota_us": "150000",
                "cpu/cpu.cfs_period_us": "100000",
                "memory/memory.limit_in_bytes": str(3 * GIB),
            },
            1.5,
            3 * GIB,
            id="container, v1",
        ),
        pytest.param(
            "3:cpu,cpuacct:/\n",
            {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"},
            math.inf,
            math.inf,
            id="no limit, v1",
        ),
        pytest.param("0::/\n", {"cpu.max": "nonsense", "memory.max": ""}, math.inf, math.inf, id="nonsense"),
        pytest.param("", {}, math.inf, math.inf, id="nothing there"),
    ],
)
def test_the_least_limit_up_to_the_root_holds(
    tmp_path: Path, own: str, files: dict[str, str], cpus: float, memory: float
) -> None:
    where = written(tmp_path, own, files)
    assert cpu_limit(*where) == cpus
    assert memory_limit(*where) == memory


def test_other_systems_have_no_groups(tmp_path: Path) -> None:
    assert cpu_limit(tmp_path / "none", tmp_path / "none") == math.inf
    assert memory_limit(tmp_path / "none", tmp_path / "none") == math.inf
