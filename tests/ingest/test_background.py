"""Arrays are written in a thread beside the computing, or at once where a process has one core."""

import threading

import pytest
import zarr

from ingest.background import side_thread


@pytest.mark.parametrize(("cores", "beside"), [(1, False), (2, True)])
def test_where_it_writes(cores: int, beside: bool) -> None:
    with zarr.config.set({"threading.max_workers": cores}), side_thread() as thread:
        assert (thread.submit(threading.get_ident).result() != threading.get_ident()) is beside


@pytest.mark.parametrize("cores", [1, 2])
def test_an_error_comes_with_the_result(cores: int) -> None:
    with zarr.config.set({"threading.max_workers": cores}), side_thread() as thread:
        future = thread.submit(int, "one")
        with pytest.raises(ValueError, match="invalid literal"):
            future.result()
