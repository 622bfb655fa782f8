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

from datasets.errors import CacheError
from datasets.loading.array_file import ArrayFile
from datasets.loading.node_cache import NodeCache
from tests.datasets.loading.cached_arrays import HEADER, age, ask, cache_in, files, never, ramp

SPAWN = multiprocessing.get_context("spawn")


@pytest.mark.slow
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
        assert reached.wait(240)
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


def test_the_default_is_a_private_folder_and_half_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ICEBENCH_CACHE", raising=False)
    monkeypatch.delenv("ICEBENCH_CACHE_GB", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    free, memory = 10**6, 1 << 50
    monkeypatch.setattr("datasets.loading.node_cache.usable_memory", lambda: memory)
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
    assert NodeCache.default() == NodeCache(folder=cache.folder, max_bytes=128 << 30)
    memory = 64 << 30
    assert NodeCache.default() == NodeCache(folder=cache.folder, max_bytes=32 << 30), "its pages stay in memory"


def test_the_environment_gives_folder_and_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ICEBENCH_CACHE", "here")
    monkeypatch.setenv("ICEBENCH_CACHE_GB", "1.5")
    assert NodeCache.default() == NodeCache(folder=tmp_path / "here", max_bytes=1_500_000_000)
    for wrong in ("0", "-1", "much", "nan", "inf"):
        monkeypatch.setenv("ICEBENCH_CACHE_GB", wrong)
        with pytest.raises(CacheError, match=f"ICEBENCH_CACHE_GB is '{wrong}', and must be a positive number"):
            NodeCache.default()
