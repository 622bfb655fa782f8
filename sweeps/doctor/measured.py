"""Numbers of this machine and of what this process may use of it."""

import os
import resource
from pathlib import Path
from typing import Final

SHARED: Final = Path("/dev/shm")
"""Where Linux keeps what processes share in memory."""
_CGROUP: Final = Path("/sys/fs/cgroup")


def shared_room() -> float:
    """Bytes that are free in shared memory; 0 where there is none, infinite where the system has no such folder."""
    if not Path("/proc").exists():
        return float("inf")
    try:
        found = os.statvfs(SHARED)
    except OSError:
        return 0
    return found.f_bavail * found.f_frsize


def open_files() -> int:
    """Files that this process may have open at a time."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def usable_cores() -> float:
    """Cores that this process may use: those that it is bound to, or less in a container."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, _, period = _words("cpu.max").partition(" ")
    return min(bound, int(quota) / int(period)) if quota.isdigit() and period.isdigit() else bound


def usable_memory() -> float:
    """Bytes of memory that this process may use: those of the machine, or the limit of its container."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _words("memory.max")
    return min(whole, int(limit)) if limit.isdigit() else whole


def ray_folder() -> str:
    """In which folder a Ray that is started here makes its own."""
    return os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp"


def free_disk(folder: Path) -> float:
    """Bytes that this user may still write where the folder is, or will be."""
    found = os.statvfs(standing(folder))
    return found.f_bavail * found.f_frsize


def standing(path: Path) -> Path:
    """The path itself, or the nearest folder above it that is there."""
    return next(each for each in (path.absolute(), *path.absolute().parents) if each.exists())


def _words(file: str) -> str:
    try:
        return (_CGROUP / file).read_text().strip()
    except OSError:
        return ""
