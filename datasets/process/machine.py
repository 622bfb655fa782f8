"""What this process may use of its machine: cores, memory, open files, and memory shared between processes.

A host may have 64 cores and this container two of them; code that counts the host's starts 64 threads that wait for
each other. Everything that follows the machine (threads, workers, sizes) asks here. Imports nothing heavy.
"""

import errno
import math
import os
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from datasets.process.cgroups import cpu_limit, memory_limit

Device = Literal["auto", "cpu", "gpu"]
"""What networks compute on, as a user asks for it: `auto` is a GPU where there is one."""

_MOST_FILES: Final = 65536
"""More than any command here opens; some hosts allow a milliard, and programs that close all of them then hang."""

FULL_DISK: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Numbers of the errors of a disk, or of a quota, without room."""

SHARED: Final = Path("/dev/shm")
"""Where Linux keeps what processes share in memory; Docker gives it 64 MB, which `--shm-size` changes."""


def usable_cores() -> int:
    """Cores that this process may use: of those that it is bound to, as many as its container gets the time of."""
    if hasattr(os, "process_cpu_count"):  # Python 3.13
        bound = os.process_cpu_count() or 1
    elif hasattr(os, "sched_getaffinity"):
        bound = len(os.sched_getaffinity(0))
    else:
        bound = os.cpu_count() or 1
    return int(max(1, min(bound, cpu_limit())))


def usable_memory() -> int:
    """Bytes of memory that this process may take at most: those of the machine, or the limit of its container."""
    return int(min(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), memory_limit()))


def peak_memory() -> int:
    """Bytes of memory that this process has had at most since its program began.

    `getrusage` counts from the fork, so that a small process has the memory of the large one that started it; Linux
    tells the program's own too.
    """
    if sys.platform == "linux":
        (line,) = (each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("VmHWM:"))
        return 1024 * int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS


def shared_room() -> float:
    """Bytes that are free for what processes share in memory; infinite where no place of limited size is used.

    None are free where the place is missing or may not be written.
    """
    if sys.platform != "linux":
        return math.inf
    try:
        found = os.statvfs(SHARED)
    except OSError:
        return 0
    return found.f_bavail * found.f_frsize if os.access(SHARED, os.W_OK) else 0


def open_files() -> int:
    """Files and connections that this process may have open at a time."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST_FILES if soft == resource.RLIM_INFINITY else soft


def raise_open_files() -> int:
    """Raises the limit of open files to what this user may have, and returns it; processes started later have it too.

    Many shells begin with 256 or 1024 and would allow more.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # macOS has a lower limit than the hard one that it names
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return open_files()
