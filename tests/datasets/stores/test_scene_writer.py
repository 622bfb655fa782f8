"""What a scene store keeps of an array: chunks, fill value, codec."""

from pathlib import Path

import numpy as np
import pytest
import zarr
from numpy.typing import NDArray

from datasets.errors import SceneNotFoundError
from datasets.storage import replace
from datasets.stores.scene_store import SceneStore
from datasets.stores.scene_writer import CHUNK, SHARD, Codec, SceneWriter


def _write(folder: Path, values: NDArray, fill: float, codec: Codec = "fast") -> "zarr.Array":
    url = str(folder / "scene.zarr")
    writer = SceneWriter(url)
    writer.array("r1", "x", values, dims=("line", "sample"), fill=fill, attributes={}, codec=codec)
    return zarr.open_array(f"{url}/r1/x", mode="r")


@pytest.mark.parametrize("codec", ["fast", "dense"])
def test_values_come_back_bit_for_bit(tmp_path: Path, codec: Codec) -> None:
    values = np.random.default_rng(0).normal(-15, 5, (CHUNK + 77, 2 * CHUNK + 5)).astype(np.float32)
    values[:30, :40] = np.nan
    values[400, 400] = -0.0
    array = _write(tmp_path, values, np.nan, codec)
    assert np.asarray(array[...]).tobytes() == values.tobytes()


def test_many_shards_are_seamless(tmp_path: Path) -> None:
    values = np.arange(9000, dtype=np.float32)[:, None] + np.zeros((9000, 3), np.float32)
    array = _write(tmp_path, values, np.nan)
    assert array.shards == (SHARD, 3)
    assert len(values) > SHARD
    np.testing.assert_array_equal(array[...], values)


@pytest.mark.parametrize(("dtype", "fill"), [(np.uint8, 255), (np.float32, np.nan)])
def test_chunks_of_the_fill_value_are_not_stored(tmp_path: Path, dtype: type, fill: float) -> None:
    values = np.full((2 * CHUNK, 2 * CHUNK), fill, dtype)
    values[CHUNK - 1, CHUNK - 1] = 3  # the first chunk begins with the fill value and is not empty
    values[:, CHUNK:] = np.random.default_rng(0).integers(0, 5, (2 * CHUNK, CHUNK))
    full = values.copy()
    full[CHUNK:, :CHUNK] = 1
    np.testing.assert_array_equal(_write(tmp_path / "a", values, fill)[...], values)
    np.testing.assert_array_equal(_write(tmp_path / "b", full, fill)[...], full)
    assert _stored_chunks(tmp_path / "a") == 3
    assert _stored_chunks(tmp_path / "b") == 4


VALUES = np.arange(12.0, dtype=np.float32).reshape(3, 4)


def put(writer: SceneWriter, name: str) -> None:
    writer.array("r1", name, VALUES, dims=("line", "sample"), fill=np.nan, attributes={})


def whole(url: str) -> bool:
    """Whether the store is finished and has both arrays."""
    SceneStore(url)
    return all(np.array_equal(zarr.open_array(f"{url}/r1/{name}", mode="r")[...], VALUES) for name in "xy")


@pytest.mark.parametrize("finished", [False, True], ids=["the second is at work", "the second has finished"])
@pytest.mark.parametrize("fails", [False, True], ids=["the first goes on", "the first fails"])
def test_a_writer_that_was_given_up_neither_removes_nor_shows_what_a_later_one_writes(
    tmp_path: Path, finished: bool, fails: bool
) -> None:
    """A worker that a scheduler gave up may live on, on a host that was cut off: its scene is built elsewhere too."""
    url = str(tmp_path / "scene.zarr")
    second = SceneWriter(url)

    def come_back() -> None:
        with SceneWriter(url) as given_up:
            put(given_up, "x")
            second.__enter__()
            put(second, "x")
            if finished:
                put(second, "y")
                second.finish({"record": {}}, {"r1": {}})
            put(given_up, "y")
            if fails:
                raise RuntimeError
            put(given_up, "x")
            given_up.finish({"record": {}}, {"r1": {}})

    with pytest.raises(RuntimeError if fails else SceneNotFoundError):
        come_back()
    if not finished:
        with pytest.raises(SceneNotFoundError):
            SceneStore(url)
        put(second, "y")
        second.finish({"record": {}}, {"r1": {}})
    second.__exit__(None, None, None)
    assert whole(url)
    assert not (tmp_path / "scene.zarr" / "writer").exists()


def test_an_array_stands_in_every_moment_that_a_writer_which_was_given_up_puts_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process may end in any of them, and the scene is in the catalog by then."""
    url = str(tmp_path / "scene.zarr")
    given_up, second = SceneWriter(url), SceneWriter(url)
    given_up.__enter__()
    with second:
        put(second, "x")
        put(second, "y")
        second.finish({"record": {}}, {"r1": {}})

    def die(url: str, content: bytes) -> None:
        raise KeyboardInterrupt

    for most in (0, 1):
        calls = iter([replace] * most + [die])
        monkeypatch.setattr("datasets.stores.scene_writer.replace", lambda *words, calls=calls: next(calls)(*words))
        with pytest.raises(KeyboardInterrupt):
            put(given_up, "x")
        assert whole(url)


def test_objects_that_vanish_are_seen_before_the_store_is_shown(tmp_path: Path) -> None:
    url = str(tmp_path / "scene.zarr")

    def write() -> None:
        with SceneWriter(url) as writer:
            put(writer, "x")
            (tmp_path / "scene.zarr" / "r1" / "x" / "c" / "0" / "0").unlink()
            writer.finish({"record": {}}, {"r1": {}})

    with pytest.raises(SceneNotFoundError, match="is gone before the scene was finished"):
        write()
    assert not (tmp_path / "scene.zarr").exists()


def test_an_array_of_the_fill_value_has_no_object(tmp_path: Path) -> None:
    array = _write(tmp_path, np.full((600, 700), np.nan, np.float32), np.nan)
    assert np.isnan(np.asarray(array[...])).all()
    assert not (tmp_path / "scene.zarr" / "r1" / "x" / "c").exists()


def _stored_chunks(folder: Path) -> int:
    """Entries of the shard's index, (chunks, 2) offsets and lengths at its end before four bytes of checksum."""
    shard = (folder / "scene.zarr" / "r1" / "x" / "c" / "0" / "0").read_bytes()
    index = np.frombuffer(shard[-(4 * 16 + 4) : -4], "<u8").reshape(4, 2)
    return int((index[:, 0] != 2**64 - 1).sum())
