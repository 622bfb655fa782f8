"""The folder of a node's cache: its bound, what goes first, and whose files it trusts."""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from datasets.errors import CacheError, IceBenchError
from datasets.loading import cache_folder
from datasets.loading.node_cache import NodeCache
from tests.datasets.loading.cached_arrays import HEADER, age, ask, cache_in, files, never, ramp


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    room = 3 * (ramp().nbytes + HEADER)
    for number, key in enumerate(["first", "second", "third"]):
        ask(cache_in(tmp_path, room), key)
        os.utime(next(tmp_path.glob(f"{key}-*.npy")), (time.time() - 9000 + number,) * 2)
    ask(cache_in(tmp_path, room), "first", fill=never)
    assert ask(cache_in(tmp_path, room), "fourth") is not None
    assert [path.name.split("-")[0] for path in files(tmp_path, ".npy")] == ["first", "fourth", "third"]


def test_what_was_used_within_the_hour_stays_and_the_new_one_gets_no_room(tmp_path: Path) -> None:
    room = 2 * (ramp().nbytes + HEADER)
    ask(cache_in(tmp_path, room), "old")
    age(tmp_path, 7200)
    ask(cache_in(tmp_path, room), "used")
    big = np.zeros(room - HEADER, np.uint8)
    before = files(tmp_path, ".npy")
    assert ask(cache_in(tmp_path, room), "big", big, never) is None
    assert files(tmp_path, ".npy") == before, "nothing is evicted in vain"
    age(tmp_path, 3500)
    assert ask(cache_in(tmp_path, room), "big", big, never) is None
    age(tmp_path, 200)
    assert ask(cache_in(tmp_path, room), "big", big) is not None
    assert len(files(tmp_path, ".npy")) == 1


def test_an_array_larger_than_the_cache_is_refused_without_a_trace(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    assert ask(cache_in(folder, ramp().nbytes), "k", fill=never) is None
    assert not folder.exists()
    assert ask(cache_in(folder, ramp().nbytes + HEADER), "k") is not None


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 7), st.integers(0, 900), st.sampled_from([0, 0, 1800, 7200])),
        min_size=1,
        max_size=25,
    ),
    max_bytes=st.integers(0, 2500),
)
@settings(deadline=None, max_examples=60)
def test_the_bound_holds_and_nothing_in_use_is_lost(steps: list[tuple[int, int, int]], max_bytes: int) -> None:
    """Whatever is asked for in whatever order; also while an array is being decoded."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        in_use: dict[str, NDArray[np.uint8]] = {}
        for number, size, seconds in steps:
            cache = cache_in(folder, max_bytes)
            if seconds:
                age(folder, seconds)
                in_use = in_use if seconds < 3600 else {}
            key, values = f"{number} of {size}", np.full(size, number, np.uint8)

            def fill(cache: NodeCache = cache, values: NDArray[np.uint8] = values) -> NDArray[np.uint8]:
                assert HEADER + values.nbytes <= cache.used_bytes() <= max_bytes
                return values

            found = ask(cache, key, values, fill)
            if found is not None:
                np.testing.assert_array_equal(found, values)
                in_use[key] = values
            else:
                assert key not in in_use
                assert HEADER + size + sum(HEADER + each.nbytes for each in in_use.values()) > max_bytes
            assert cache.used_bytes() == sum(path.stat().st_size for path in files(folder, ".npy")) <= max_bytes
            assert files(folder, ".part") == []
            for key, values in in_use.items():
                np.testing.assert_array_equal(ask(cache_in(folder, max_bytes), key, values, never), values)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every look at all files of a folder."""
    found: list[Path] = []

    def look(folder: Path, real: Callable[[Path], Any] = cache_folder._look) -> Any:  # noqa: ANN401
        found.append(folder)
        return real(folder)

    monkeypatch.setattr(cache_folder, "_look", look)
    return found


def test_thousands_of_arrays_are_not_looked_through_for_each_new_one(tmp_path: Path, looks: list[Path]) -> None:
    room = 5 * (ramp().nbytes + HEADER)
    for number in range(5):
        assert ask(cache_in(tmp_path, room), f"k{number}") is not None
    assert len(looks) == 1
    full = cache_in(tmp_path, room)
    for number in range(5, 30):
        assert ask(full, f"k{number}", fill=never) is None
    assert len(looks) == 2, "no room now, no room for the next array of that size"
    assert ask(cache_in(tmp_path, room + 200), "small", ramp(10)) is not None


@pytest.mark.parametrize("content", ["", "[1", "[1, null]", "{}", "[99999999999, 0]", "[0, 0]"])
def test_a_torn_or_old_ledger_is_not_believed(tmp_path: Path, looks: list[Path], content: str) -> None:
    room = ramp().nbytes + HEADER
    ask(cache_in(tmp_path, room), "k")
    ledger = tmp_path / "locks" / "room.json"
    assert ledger.exists()
    ledger.write_text(content)
    assert ask(cache_in(tmp_path, room), "other", fill=never) is None
    assert len(looks) == 2


def test_two_caches_in_one_folder_share_arrays_and_each_holds_its_own_bound(tmp_path: Path) -> None:
    size = ramp().nbytes + HEADER
    large, small = cache_in(tmp_path, 3 * size), cache_in(tmp_path, size)
    for key in ("a", "b"):
        assert ask(large, key) is not None
    assert ask(small, "a", fill=never) is not None
    assert ask(small, "c", fill=never) is None
    assert ask(large, "c") is not None


def test_foreign_files_are_neither_counted_nor_evicted(tmp_path: Path) -> None:
    foreign = [tmp_path / "precious.npy", tmp_path / "notes.part", tmp_path / "x-123.npy"]
    for path in foreign:
        path.write_bytes(b"0" * 4000)
        os.utime(path, (0, 0))
    assert ask(cache_in(tmp_path, ramp().nbytes + HEADER), "k") is not None
    assert all(path.exists() for path in foreign)


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    for folder in (in_the_way, in_the_way / "below"):
        with pytest.raises(CacheError, match=r"cannot be used \(.*\): set ICEBENCH_CACHE to") as caught:
            ask(cache_in(folder), "k", fill=never)
        assert isinstance(caught.value, IceBenchError)


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("locks", [False, True])
def test_a_folder_without_the_right_to_write_is_one_sentence(tmp_path: Path, locks: bool) -> None:
    if locks:
        (tmp_path / "locks").mkdir()
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(CacheError, match="Permission denied"):
            ask(cache_in(tmp_path), "k", fill=never)
    finally:
        tmp_path.chmod(0o700)


def test_a_default_folder_that_somebody_else_made_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ICEBENCH_CACHE", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"icebench-cache-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CacheError, match="is not a folder of this user"):
        NodeCache.default()
