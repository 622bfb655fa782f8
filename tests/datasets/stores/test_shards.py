"""Windows read straight from the shards are what zarr reads; objects that are gone or broken are one sentence."""

import shutil
from collections.abc import Callable
from pathlib import Path

import fsspec
import google_crc32c
import numpy as np
import pytest
import zarr
import zarr.codecs
from hypothesis import given, settings
from hypothesis import strategies as st

import datasets.stores.scene_writer
import datasets.stores.shards
from datasets.errors import DamagedSceneError
from datasets.storage import read_ranges
from datasets.stores.scene_store import SceneStore
from datasets.stores.scene_writer import SceneWriter
from datasets.stores.shard_layout import Window

SHAPES = {
    "r1/hh": (700, 430),
    "r1/chart": (700, 430),
    "r1/empty": (130, 90),
    "km2/t2m": (33, 21),
    "tie_points/x": (77,),
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store of several shards per array, with chunks and shards of fill value among them."""
    place = str(tmp_path_factory.mktemp("shards") / "scene.zarr")
    rng = np.random.default_rng(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.stores.scene_writer, "CHUNK", 64)
        patch.setattr(datasets.stores.scene_writer, "SHARD", 256)
        with SceneWriter(place) as writer:
            for key, shape in SHAPES.items():
                group, name = key.split("/")
                dtype = np.uint8 if name == "chart" else np.float64 if name == "x" else np.float32
                values = rng.integers(0, 9, shape).astype(dtype)
                fill = 255 if name == "chart" else np.nan
                values[np.s_[128:200] if name != "empty" else ...] = fill
                if len(shape) == 2:
                    values[256:512, :256] = fill
                dims = ("line", "sample")[: len(shape)]
                writer.array(group, name, values, dims=dims, fill=fill, attributes={})
            writer.finish({"record": {}}, {key.split("/")[0]: {} for key in SHAPES})
    return place


@pytest.fixture(scope="module")
def by_zarr(url: str) -> dict[str, np.ndarray]:
    return {key: np.asarray(zarr.open_array(f"{url}/{key}", mode="r")[...]) for key in SHAPES}


@pytest.fixture(scope="module")
def store(url: str) -> SceneStore:
    """One that keeps what it has read of shards from window to window."""
    return SceneStore(url)


@st.composite
def windows(draw: st.DrawFn) -> dict[str, Window]:
    keys = draw(st.lists(st.sampled_from(sorted(SHAPES)), min_size=1, unique=True))
    edge = st.one_of(st.none(), st.integers(-800, 800))
    return {
        key: tuple(draw(st.builds(slice, edge, edge)) for _ in range(draw(st.integers(0, len(SHAPES[key])))))
        for key in keys
    }


@pytest.mark.slow
@settings(deadline=None, max_examples=100)
@given(asked=windows())
def test_windows_are_what_zarr_reads(
    store: SceneStore, by_zarr: dict[str, np.ndarray], asked: dict[str, Window]
) -> None:
    found = store.read_many(asked)
    assert list(found) == list(asked)
    for key, window in asked.items():
        expected = by_zarr[key][window]
        assert found[key].dtype == expected.dtype
        np.testing.assert_array_equal(found[key], expected)


def test_values_go_where_they_are_wanted(url: str, by_zarr: dict[str, np.ndarray]) -> None:
    window = (slice(250, 300), slice(10, 80))
    out = np.zeros((2, 50, 70), np.float32)
    asked: dict[str, Window] = {"r1/hh": window, "r1/chart": window}
    found = SceneStore(url).read_many(asked, out={"r1/hh": out[1]})
    np.testing.assert_array_equal(out[1], by_zarr["r1/hh"][window])
    assert not out[0].any()
    assert found["r1/chart"].dtype == np.uint8
    with pytest.raises(ValueError, match=r"does not go into an array of \(49, 70\)"):
        SceneStore(url).read_many(asked, out={"r1/hh": out[1, 1:]})


def test_shards_elsewhere_are_fetched(url: str, by_zarr: dict[str, np.ndarray]) -> None:
    filesystem = fsspec.filesystem("memory")
    filesystem.put(url, "/shards", recursive=True)
    window = (slice(60, 70), slice(250, 300))
    for asked in ((), window):
        found = SceneStore("memory://shards").read("r1", "hh", asked)
        np.testing.assert_array_equal(found, by_zarr["r1/hh"][asked])


def test_later_patches_of_a_shard_take_one_round_of_requests(
    url: str, by_zarr: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds: list[int] = []

    def counted(ranges: list[tuple[str, int, int]]) -> list[bytes | None]:
        rounds.append(len(ranges))
        return read_ranges(ranges)

    monkeypatch.setattr(datasets.stores.shards, "read_ranges", counted)
    store = SceneStore(url)
    patches = [(slice(line, line + 40), slice(line + 1, line + 41)) for line in (5, 60, 85)]
    for patch in patches:
        np.testing.assert_array_equal(store.read("r1", "hh", patch), by_zarr["r1/hh"][patch])
    assert [count for count in rounds if count] == [1, 1, 4, 1], "its index once, then the chunks of each patch"


def test_a_shard_that_was_replaced_is_damage_and_no_other_values(url: str, tmp_path: Path) -> None:
    place = shutil.copytree(url, tmp_path / "scene.zarr")
    store, patch = SceneStore(str(place)), (slice(0, 30), slice(0, 30))
    store.read("r1", "hh", patch)
    shard = place / "r1/hh/c/0/0"
    shard.write_bytes(shard.read_bytes()[4:])
    with pytest.raises(DamagedSceneError, match=r"r1/hh/c/0/0 of the scene store at .* is gone or damaged"):
        store.read("r1", "hh", patch)


def _gone(shard: Path) -> None:
    shard.unlink()


def _shorter(shard: Path) -> None:
    shard.write_bytes(shard.read_bytes()[:-100])


def _wrong_index(shard: Path) -> None:
    content = bytearray(shard.read_bytes())
    content[-20] ^= 1
    shard.write_bytes(bytes(content))


def _wrong_chunk(shard: Path) -> None:
    """Not what Blosc wrote."""
    content = bytearray(shard.read_bytes())
    content[:200] = b"\0" * 200
    index = np.frombuffer(content[-260:-4], "<u8").copy().reshape(16, 2)
    index[0, 1] -= 4
    content[-260:-4] = index.tobytes()
    content[-4:] = google_crc32c.value(index.tobytes()).to_bytes(4, "little")
    shard.write_bytes(bytes(content))


@pytest.mark.parametrize("window", [(), (slice(0, 30), slice(0, 30))], ids=["whole", "patch"])
@pytest.mark.parametrize("damage", [_gone, _shorter, _wrong_index, _wrong_chunk])
def test_a_damaged_shard_is_one_sentence(
    url: str, by_zarr: dict[str, np.ndarray], tmp_path: Path, damage: Callable[[Path], None], window: Window
) -> None:
    place = shutil.copytree(url, tmp_path / "scene.zarr")
    damage(place / "r1/hh/c/0/0")
    store = SceneStore(str(place))
    with pytest.raises(DamagedSceneError, match=r"r1/hh/c/0/0 of the scene store at .* is gone or damaged: see what"):
        store.read("r1", "hh", window)
    np.testing.assert_array_equal(store.read("r1", "chart", window), by_zarr["r1/chart"][window])
