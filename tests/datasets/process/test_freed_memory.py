"""Memory that is freed is used again, also where Dask asks for the opposite."""

import os
import platform
import resource
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def pages_of_a_block_like_a_freed_one() -> int:
    """Pages that the system zeroes for a block of 8 MB where one of that size has just been freed."""
    bytearray(b"x") * 8_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    bytearray(b"x") * 8_000_000
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of the C library of GNU")
def test_freed_memory_is_used_again() -> None:
    program = (
        "from datasets.process.freed_memory import keep_freed_memory\n"
        "from tests.datasets.process.test_freed_memory import pages_of_a_block_like_a_freed_one as pages\n"
        "without = pages(); keep_freed_memory(); pages(); print(without, pages())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MALLOC_TRIM_THRESHOLD_": "65536"},
        capture_output=True,
        text=True,
        check=True,
    )
    without, kept = map(int, done.stdout.split())
    assert without > 1900
    assert kept < 100
