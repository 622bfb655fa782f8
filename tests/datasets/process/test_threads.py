"""On how many threads a process encodes and decodes."""

import numcodecs
import zarr

from datasets.process.machine import usable_cores
from datasets.process.threads import limit_threads, threads


def test_a_limit_holds_for_zarr_and_for_blosc() -> None:
    of_blosc = numcodecs.blosc.get_nthreads()
    with zarr.config.set({"threading.max_workers": None}):
        assert threads() == usable_cores()
        try:
            limit_threads(3)
            assert threads() == 3
            assert numcodecs.blosc.get_nthreads() == 3
        finally:
            numcodecs.blosc.set_nthreads(of_blosc)
