"""What the numbers of a machine mean for a study: functions of values, each gives one line."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from datasets.errors import ClusterError
from datasets.plural import plural
from datasets.process.folders import nearest
from sweeps.launch.finding import Finding, Level

_GB: Final = 1e9
_SHARED_WANTED: Final = 1 * _GB
_DISK_WANTED: Final = 20 * _GB
_DISK_NEEDED: Final = 1 * _GB
_MEMORY_WANTED: Final = 8 * _GB
_FILES_WANTED: Final = 1024
_SOCKET: Final = 107
"""Bytes of the path of a socket on Linux."""
_OF_WORKERS: Final = len("/pymp-01234567/listener-01234567")
"""What the loader's processes put behind TMPDIR."""


def shared_memory(free: float) -> Finding:
    """Room in which loader processes hand over their batches, and Ray keeps its objects."""
    level: Level = "ok" if free >= _SHARED_WANTED else "warning"
    remedy = "give the container more (`docker run --shm-size 8g`); until then trials load without workers"
    return _line("shared memory", level, f"{free / _GB:.2f} GB free in /dev/shm", remedy)


def folder_of_ray(choose: Callable[[], tuple[Path, str]]) -> Finding:
    """Where a Ray that a study starts here would put its sockets and logs; see `datasets.process.ray_folder`."""
    try:
        folder, said = choose()
    except ClusterError as error:
        return _line("folder of Ray", "error", str(error))
    return _line("folder of Ray", "warning" if said else "ok", said or str(folder))


def temporary_folder(folder: str) -> Finding:
    """Whether the folder of temporary files (TMPDIR) can be written, and leaves room for the names of sockets."""
    if not os.access(folder, os.W_OK):
        return _line("temporary files", "error", f"{folder} cannot be written", "set TMPDIR to a folder that can")
    room = _SOCKET - _OF_WORKERS
    if len(os.fsencode(folder)) > room:
        said = f"{folder} has {len(os.fsencode(folder))} characters, and sockets of loader processes fit below {room}"
        return _line("temporary files", "warning", said, "set TMPDIR to a shorter folder; until then trials load alone")
    return _line("temporary files", "ok", folder)


def disk(what: str, folder: Path, free: float) -> Finding:
    """Room and rights where something is kept."""
    if not os.access(nearest(folder), os.W_OK):
        return _line(
            "disk", "error", f"{what} {folder} cannot be written", "give another folder, or the right to write"
        )
    level: Level = "error" if free < _DISK_NEEDED else "warning" if free < _DISK_WANTED else "ok"
    return _line("disk", level, f"{what} {folder}: {free / _GB:.1f} GB free", "make room, or use another disk")


def open_file_limit(limit: int) -> Finding:
    """How many files and connections a process may have open."""
    level: Level = "ok" if limit >= _FILES_WANTED else "warning"
    return _line("open files", level, f"{limit} at a time", f"`ulimit -n {max(4096, _FILES_WANTED)}` before the study")


def cores_and_memory(cores: float, memory: float, machine_cores: int) -> Finding:
    """What the container, the job or the machine gives this process."""
    level: Level = "ok" if memory >= _MEMORY_WANTED else "warning"
    said = f"{cores:g} of {plural(machine_cores, 'core')}, {memory / _GB:.1f} GB of memory"
    return _line("cores, memory", level, said, "a trial of the published size takes about 8 GB")


def free_disk(folder: Path) -> float:
    """Bytes that this user may still write where the folder is, or will be."""
    found = os.statvfs(nearest(folder))
    return found.f_bavail * found.f_frsize


def _line(name: str, level: Level, said: str, remedy: str = "") -> Finding:
    return Finding(name=name, level=level, message=said, remedy="" if level == "ok" else remedy)
