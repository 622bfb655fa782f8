"""What the container, job or service of this process may take: the limits of its control groups (Linux, versions 1, 2).

A group's own limit is no promise that those around it have as much: all of them up to the root are read, and the least
holds. Where no group says anything (other systems, no /sys), there is no limit.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Final

OWN: Final = Path("/proc/self/cgroup")
"""Where the kernel says in which groups this process is."""

MOUNT: Final = Path("/sys/fs/cgroup")
"""Where groups are to be seen."""


def cpu_limit(own: Path = OWN, mount: Path = MOUNT) -> float:
    """CPUs that the groups let this process use at a time, perhaps a fraction; infinite without a limit."""
    limits = [math.inf]
    for folder in _folders("cpu", own, mount):
        quota, period = [*_words(folder / "cpu.max"), "", ""][:2]
        if not period:
            quota, period = _word(folder / "cpu.cfs_quota_us"), _word(folder / "cpu.cfs_period_us")
        if quota.isdigit() and period.isdigit() and int(period):
            limits.append(int(quota) / int(period))
    return min(limits)


def memory_limit(own: Path = OWN, mount: Path = MOUNT) -> float:
    """Bytes that the groups let this process and its neighbours in them take; infinite without a limit."""
    limits = [math.inf]
    for folder in _folders("memory", own, mount):
        found = _word(folder / "memory.max") or _word(folder / "memory.limit_in_bytes")
        if found.isdigit():
            limits.append(float(found))
    return min(limits)


def _folders(controller: str, own: Path, mount: Path) -> Iterator[Path]:
    """Folders of this process's groups that have a say about a controller, from its own up to the root.

    Inside a container the root that is mounted often is the process's own group, and its path leads nowhere.
    """
    for line in _lines(own):
        number, controllers, path = [*line.split(":", 2), "", ""][:3]
        if number == "0" and not controllers:
            root = mount
        elif controller in controllers.split(","):
            root = mount / controller
        else:
            continue
        place = Path(path.lstrip("/"))
        yield from (root / each for each in (place, *place.parents))


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []


def _words(file: Path) -> list[str]:
    return " ".join(_lines(file)[:1]).split()


def _word(file: Path) -> str:
    return " ".join(_words(file)[:1])
