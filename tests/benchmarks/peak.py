"""Most memory of this process, as Linux counts it since its program began.

`getrusage` counts from the fork: a small process has the memory of the large one that started it.
"""

from pathlib import Path


def peak_bytes() -> int:
    """Bytes of resident memory at most."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return 1024 * int(line.split()[1])
