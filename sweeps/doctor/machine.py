"""What the numbers of a machine mean for a study: functions of values, each gives one line."""

import os
from pathlib import Path
from typing import Final

from sweeps.doctor.measured import standing
from sweeps.launch.finding import Finding, Level

_GB: Final = 1e9
_SHARED_WANTED: Final = 1 * _GB
_DISK_WANTED: Final = 20 * _GB
_DISK_NEEDED: Final = 1 * _GB
_MEMORY_WANTED: Final = 8 * _GB
_FILES_WANTED: Final = 1024
_SOCKET: Final = 107
"""Bytes of the path of a socket on Linux."""
_OF_RAY: Final = len("/ray/session_2026-11-30_00-00-00_000000_1234567/sockets/plasma_store.10")
"""What Ray puts behind its folder for the longest of its sockets."""
_OF_WORKERS: Final = len("/pymp-01234567/listener-01234567")
"""What the loader's processes put behind TMPDIR."""


def shared_memory(free: float) -> Finding:
    """Room in which loader processes hand over their batches, and Ray keeps its objects."""
    level: Level = "ok" if free >= _SHARED_WANTED else "warning"
    remedy = "give the container more (`docker run --shm-size 8g`); until then trials load without workers"
    return _line("shared memory", level, f"{free / _GB:.2f} GB free in /dev/shm", remedy)


def temporary_folder(folder: str, ray_folder: str, *, starts_ray: bool) -> Finding:
    """Whether it can be written, and leaves room for the names of sockets.

    Args:
        folder: Of temporary files (TMPDIR).
        ray_folder: In which Ray makes its own (RAY_TMPDIR, else TMPDIR).
        starts_ray: Whether a study would start a Ray here.
    """
    if not os.access(folder, os.W_OK):
        return _line("temporary files", "error", f"{folder} cannot be written", "set TMPDIR to a folder that can")
    room = _SOCKET - _OF_RAY
    if starts_ray and len(os.fsencode(ray_folder)) > room:
        said = f"{ray_folder} has {len(os.fsencode(ray_folder))} characters, and sockets of Ray fit below {room}"
        return _line("temporary files", "error", said, "set RAY_TMPDIR to a short folder, such as /tmp")
    room = _SOCKET - _OF_WORKERS
    if len(os.fsencode(folder)) > room:
        said = f"{folder} has {len(os.fsencode(folder))} characters, and sockets of loader processes fit below {room}"
        return _line("temporary files", "error", said, "set TMPDIR to a shorter folder")
    return _line("temporary files", "ok", folder)


def disk(what: str, folder: Path, free: float) -> Finding:
    """Room and rights where something is kept."""
    if not os.access(standing(folder), os.W_OK):
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
    said = f"{cores:g} of {machine_cores} cores, {memory / _GB:.1f} GB of memory"
    return _line("cores, memory", level, said, "a trial of the published size takes about 8 GB")


def _line(name: str, level: Level, said: str, remedy: str = "") -> Finding:
    return Finding(name=name, level=level, said=said, remedy="" if level == "ok" else remedy)
