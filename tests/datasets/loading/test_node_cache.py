"""The cache of a node: the right array, decoded once, within its bounds, also when a process dies in between."""

import errno
import logging
import multiprocessing
import os
import pickle
import signal
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from datasets.errors import CacheError, IceBenchError
from datasets.loading import cache_folder
from datasets.loading.array_file import ArrayFile
from datasets.loading.node_cache import NodeCache

SPAWN = multiprocessing.get_context("spawn")
HEADER = 128
"""Bytes of a .npy header for simple dtypes."""


def cache_in(folder: Path, max_bytes: int = 1 << 20) -> NodeCache:
    return NodeCache(folder=folder, max_bytes=max_bytes)


def ramp(size: int = 1000) -> NDArray[np.float32]:
    return np.arange(size, dtype=np.float32)


def ask(
    cache: NodeCache, key: str, values: NDArray[Any] | None = None, fill: Callable[[], NDArray[Any]] | None = None
) -> NDArray[Any] | None:
    values = ramp() if values is None else values
    return cache.array(key, values.shape, values.dtype, lambda: [values if fill is None else fill()])


def never() -> NDArray[Any]:
    raise AssertionError("decoded again")


def files(folder: Path, suffix: str) -> list[Path]:
    return sorted(folder.glob(f"*{suffix}"))


def age(folder: Path, seconds: float) -> None:
    """As if so much time had gone by."""
    for path in files(folder, ".npy"):
        os.utime(path, (path.stat().st_mtime - seconds,) * 2)


@given(
    values=hnp.arrays(
        st.sampled_from([np.float16, np.float32, np.uint8, np.int16, np.bool_, np.dtype(">f4")]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5),
    ),
    key=st.text(min_size=1, max_size=200),
)
@settings(deadline=None)
def test_what_comes_back_is_what_fill_gave(values: NDArray[Any], key: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cache = cache_in(Path(folder))
        for found in (ask(cache, key, values), ask(cache, key, values, never)):
            assert found is not None
            assert found.dtype == values.dtype
            np.testing.assert_array_equal(found, values)
        again = ask(cache_in(Path(folder)), key, values, never)
        np.testing.assert_array_equal(again, values)


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


def test_keys_that_look_alike_are_told_apart(tmp_path: Path) -> None:
    cache = cache_in(tmp_path)
    keys = ["a/b", "a_b", "a b", "A_b", "x" * 300, "x" * 301, "..", "/"]
    for number, key in enumerate(keys):
        ask(cache, key, np.full(3, number))
    for number, key in enumerate(keys):
        np.testing.assert_array_equal(ask(cache_in(tmp_path), key, np.zeros(3, int), never), np.full(3, number))


def decode_slowly(cache: NodeCache, barrier: Barrier, tally: Path) -> None:
    def fill() -> NDArray[np.float32]:
        with tally.open("a") as file:
            file.write("decoded\n")
        time.sleep(0.5)
        return ramp()

    barrier.wait()
    found = ask(cache, "shared", fill=fill)
    assert found is not None
    np.testing.assert_array_equal(found, ramp())


@pytest.mark.slow
def test_four_processes_decode_once(tmp_path: Path) -> None:
    barrier, tally = SPAWN.Barrier(4), tmp_path / "tally"
    cache = cache_in(tmp_path / "cache")
    builders = [SPAWN.Process(target=decode_slowly, args=(cache, barrier, tally)) for _ in range(4)]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join()
    assert [builder.exitcode for builder in builders] == [0] * 4
    assert tally.read_text() == "decoded\n"


def hang(cache: NodeCache, key: str, at: str, reached: Event) -> None:
    """Builds, and then hangs while it decodes or after half of the file is written."""

    def stop() -> None:
        reached.set()
        time.sleep(600)

    def fill() -> NDArray[np.float32]:
        if at == "decoding":
            stop()
        return ramp()

    if at == "writing":

        def write(file: Any, values: Any, part: Path) -> None:  # noqa: ANN401
            part.write_bytes(b"\x93NUMPY half")
            stop()

        ArrayFile.write = write  # type: ignore[method-assign]
    ask(cache, key, fill=fill)


@pytest.mark.slow
@pytest.mark.parametrize("at", ["decoding", "writing"])
def test_a_killed_builder_blocks_nobody_and_its_room_is_free_again(tmp_path: Path, at: str) -> None:
    room = 2 * (ramp().nbytes + HEADER)
    cache, reached = cache_in(tmp_path, room), SPAWN.Event()
    builders = [SPAWN.Process(target=hang, args=(cache, key, at, reached)) for key in ("same", "other")]
    for builder in builders:
        reached.clear()
        builder.start()
        assert reached.wait(60)
    assert cache.used_bytes() == room
    assert ask(cache_in(tmp_path, room), "third", fill=never) is None, "both are alive: their room is taken"
    for builder in builders:
        assert builder.pid is not None
        os.kill(builder.pid, signal.SIGKILL)
        builder.join()
    assert len(files(tmp_path, ".part")) == 2
    found = ask(cache, "same")
    np.testing.assert_array_equal(found, ramp())
    assert files(tmp_path, ".part") == [], "the part of the other dead builder goes too"
    assert ask(cache_in(tmp_path, room), "third") is not None


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


def test_the_bound_holds_with_many_builders_at_once(tmp_path: Path) -> None:
    room = 5 * (ramp().nbytes + HEADER)
    seen: list[int] = []

    def build(number: int) -> bool:
        cache = cache_in(tmp_path, room)

        def fill() -> NDArray[np.float32]:
            seen.append(cache.used_bytes())
            time.sleep(0.01)
            return ramp()

        return ask(cache, f"key {number}", fill=fill) is not None

    with ThreadPoolExecutor(8) as pool:
        built = list(pool.map(build, range(24)))
    assert sum(built) == len(seen)
    assert max(seen) <= room
    built += [build(number) for number in range(24, 30)]
    assert sum(built) == len(seen) == 5


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


def test_a_map_outlives_its_file_and_the_next_look_builds_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = cache_in(tmp_path)
    found = ask(cache, "k")
    files(tmp_path, ".npy")[0].unlink()
    np.testing.assert_array_equal(found, ramp())
    np.testing.assert_array_equal(ask(cache, "k", fill=never), ramp())
    monkeypatch.setattr("datasets.loading.node_cache._ANSWER_SECONDS", 0.0)
    assert ask(cache, "k") is not None
    assert len(files(tmp_path, ".npy")) == 1


def test_use_is_noted_at_most_once_a_minute(tmp_path: Path) -> None:
    ask(cache_in(tmp_path), "k")
    [path] = files(tmp_path, ".npy")
    for seconds, noted in ((30, False), (90, True)):
        age(tmp_path, seconds)
        before = path.stat().st_mtime
        ask(cache_in(tmp_path), "k", fill=never)
        assert (path.stat().st_mtime > before) == noted


def test_no_more_maps_than_a_quarter_of_the_file_descriptors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With 1024 descriptors, thousands of arrays would end in "too many open files"."""
    monkeypatch.setattr("resource.getrlimit", lambda _: (40, 40))
    cache = cache_in(tmp_path)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(2):
        for number in range(50):
            ask(cache, f"k{number}", np.full(3, number))
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 10
    for number in range(50):
        np.testing.assert_array_equal(ask(cache, f"k{number}", np.zeros(3, int), never), np.full(3, number))


def test_a_full_disk_is_one_warning_and_no_array(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(file: object, values: object, part: Path) -> None:
        part.write_bytes(b"some of it")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("datasets.loading.array_file.ArrayFile.write", full)
    cache = cache_in(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert ask(cache, "a") is None
        assert ask(cache, "b") is None
    assert len(caplog.records) == 1
    assert "is full" in caplog.text
    assert cache.used_bytes() == 0
    assert files(tmp_path, ".part") == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a disk that is always full")
def test_what_a_full_disk_says_of_a_write_is_what_we_wait_for(tmp_path: Path) -> None:
    """The write goes to /dev/full itself: numpy's own `tofile` would lose the errno."""
    with pytest.raises(OSError, match="No space left") as caught:
        ArrayFile(tmp_path / "k", (100_000,), np.dtype(np.float32)).write([ramp(100_000)], Path("/dev/full"))
    assert caught.value.errno == errno.ENOSPC


def test_other_errors_of_the_disk_and_of_fill_come_through_and_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = cache_in(tmp_path)

    def fill() -> NDArray[Any]:
        raise OSError(errno.EIO, "bad sector")

    with pytest.raises(OSError, match="bad sector"):
        ask(cache, "k", fill=fill)
    for wrong in (ramp(3), ramp().astype(np.float64)):
        with pytest.raises(ValueError, match=r"is to hold (\(1000,\)|float32), and was given (3 values|float64)"):
            ask(cache, "k", fill=lambda wrong=wrong: wrong)  # type: ignore[misc]
    with pytest.raises(ValueError, match="cannot be mapped"):
        cache.array("k", (1,), np.dtype(object), never)
    assert cache.used_bytes() == 0
    assert ask(cache, "k") is not None


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


def test_a_cache_travels_without_its_maps(tmp_path: Path) -> None:
    cache = cache_in(tmp_path)
    ask(cache, "k")
    content = pickle.dumps(cache)
    assert len(content) < 1000
    copy = pickle.loads(content)
    assert copy == cache
    np.testing.assert_array_equal(ask(copy, "k", fill=never), ramp())


def test_threads_share_one_cache(tmp_path: Path) -> None:
    cache, calls, start = cache_in(tmp_path), [], threading.Barrier(8)

    def read(_: int) -> None:
        def fill() -> NDArray[np.float32]:
            calls.append(1)
            time.sleep(0.05)
            return ramp()

        start.wait()
        np.testing.assert_array_equal(ask(cache, "k", fill=fill), ramp())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(read, range(8)))
    assert calls == [1]


@pytest.mark.parametrize("word", ["", " ", "none", "None"])
def test_the_environment_can_switch_it_off(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setenv("ICEBENCH_CACHE", word)
    assert NodeCache.default() is None


def test_the_default_is_a_private_folder_and_half_of_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ICEBENCH_CACHE", raising=False)
    monkeypatch.delenv("ICEBENCH_CACHE_GB", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    free = 10**6
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": free}))
    cache = NodeCache.default()
    assert cache is not None
    assert cache.folder == tmp_path / f"icebench-cache-{os.getuid()}"
    assert cache.folder.stat().st_mode & 0o777 == 0o700
    assert cache.max_bytes == free // 2
    ask(cache, "k", np.zeros(10**5 - HEADER, np.uint8))
    free -= 10**5
    assert NodeCache.default() == cache, "what the cache itself takes does not make it smaller"
    free = 1 << 50
    assert NodeCache.default() == NodeCache(folder=cache.folder, max_bytes=64 << 30)


def test_the_environment_gives_folder_and_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ICEBENCH_CACHE", "here")
    monkeypatch.setenv("ICEBENCH_CACHE_GB", "1.5")
    assert NodeCache.default() == NodeCache(folder=tmp_path / "here", max_bytes=1_500_000_000)
    for wrong in ("0", "-1", "much", "nan", "inf"):
        monkeypatch.setenv("ICEBENCH_CACHE_GB", wrong)
        with pytest.raises(CacheError, match=f"ICEBENCH_CACHE_GB is '{wrong}', and must be a positive number"):
            NodeCache.default()


def test_a_default_folder_that_somebody_else_made_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ICEBENCH_CACHE", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"icebench-cache-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CacheError, match="is not a folder of this user"):
        NodeCache.default()
