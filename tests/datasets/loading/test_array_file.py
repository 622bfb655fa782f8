"""One decoded array in a file: a plain .npy, written in pieces, checked when it is read."""

import errno
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from datasets.loading.array_file import ArrayFile
from tests.datasets.loading.cached_arrays import HEADER, ask, cache_in, files, ramp


def test_an_array_is_read_only_and_a_plain_npy_file(tmp_path: Path) -> None:
    found = ask(cache_in(tmp_path), "20180325T194759_dmi r2 SOD")
    assert found is not None
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 1.0
    with pytest.raises(ValueError, match="WRITEABLE"):
        found.flags.writeable = True
    [path] = files(tmp_path, ".npy")
    assert path.name.startswith("20180325T194759_dmi_r2_SOD-")
    np.testing.assert_array_equal(np.load(path), ramp())


def test_a_strided_fill_is_stored_in_c_order(tmp_path: Path) -> None:
    values = np.arange(24, dtype=np.int32).reshape(4, 6).T[::2]
    found = ask(cache_in(tmp_path), "k", values)
    assert found is not None
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, values)


@given(values=hnp.arrays(np.float32, (5, 3, 4)), cuts=st.lists(st.integers(0, 60)))
@settings(deadline=None)
def test_pieces_are_joined_in_c_order_wherever_they_are_cut(values: NDArray[np.float32], cuts: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pieces = np.split(values.reshape(-1), sorted(cuts))
        found = cache_in(Path(folder)).array("k", values.shape, values.dtype, lambda: iter(pieces))
        np.testing.assert_array_equal(found, values)


def test_of_an_array_that_is_made_in_pieces_one_is_held_at_a_time(tmp_path: Path) -> None:
    made: list[weakref.ref[NDArray[Any]]] = []

    def make() -> Iterator[NDArray[Any]]:
        for number in range(4):
            assert not any(piece() is not None for piece in made)
            pieces = [np.full((1, 10), number)]
            made.append(weakref.ref(pieces[0]))
            yield pieces.pop()

    found = cache_in(tmp_path).array("k", (4, 10), np.dtype(int), make)
    assert found is not None
    assert found[:, 0].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("damage", ["shorter", "longer", "header", "empty"])
def test_a_torn_file_is_found_and_built_again(tmp_path: Path, damage: str) -> None:
    ask(cache_in(tmp_path), "k")
    [path] = files(tmp_path, ".npy")
    content = path.read_bytes()
    torn = {"shorter": content[:-1], "longer": content + b"0", "header": b"x" + content[1:], "empty": b""}[damage]
    path.write_bytes(torn)
    cache = cache_in(tmp_path)
    found = ask(cache, "k", fill=lambda: ramp() + 1)
    np.testing.assert_array_equal(found, ramp() + 1)
    assert path.read_bytes()[:HEADER] == content[:HEADER]
    assert cache.used_bytes() == len(content)


def test_a_file_of_another_shape_or_dtype_is_built_again(tmp_path: Path) -> None:
    cache = cache_in(tmp_path)
    ask(cache, "k", ramp(12))
    for values in (ramp(12).reshape(3, 4), ramp(12).reshape(4, 3), np.zeros((4, 3), np.int32)):
        np.testing.assert_array_equal(ask(cache, "k", values), values)
    assert len(files(tmp_path, ".npy")) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a disk that is always full")
def test_what_a_full_disk_says_of_a_write_is_what_we_wait_for(tmp_path: Path) -> None:
    """The write goes to /dev/full itself: numpy's own `tofile` would lose the errno."""
    with pytest.raises(OSError, match="No space left") as caught:
        ArrayFile(tmp_path / "k", (100_000,), np.dtype(np.float32)).write([ramp(100_000)], Path("/dev/full"))
    assert caught.value.errno == errno.ENOSPC
