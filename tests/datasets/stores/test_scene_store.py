"""A scene store as readers open it: new content after a rewrite, and layouts that zarr alone reads."""

from pathlib import Path

import numpy as np
import pytest
import zarr
import zarr.codecs

from datasets.errors import SceneNotFoundError
from datasets.stores.scene_store import SceneStore
from datasets.stores.scene_writer import SceneWriter


def test_a_store_that_was_written_anew_is_read_anew(tmp_path: Path) -> None:
    place = str(tmp_path / "scene.zarr")
    for value in (1.0, 2.0):
        with SceneWriter(place) as writer:
            values = np.full((600, 500), value, np.float32)
            writer.array("r1", "x", values, dims=("line", "sample"), fill=np.nan, attributes={})
            writer.finish({"record": {}}, {"r1": {}})
        assert SceneStore(place).read("r1", "x", (slice(5, 6), slice(7, 8))) == value


def test_arrays_of_another_layout_are_left_to_zarr(tmp_path: Path) -> None:
    place = str(tmp_path / "scene.zarr")
    root = zarr.create_group(place, zarr_format=3, attributes={"record": {}})
    values = np.arange(600.0).reshape(20, 30)
    group = root.create_group("r2")
    group.create_array("plain", data=values, chunks=(7, 9))
    group.create_array("sharded", data=values, chunks=(5, 5), shards=(10, 10))
    blosc = zarr.codecs.BloscCodec()
    group.create_array("uncompressed", data=values, chunks=(5, 5), shards=(10, 10), compressors=None)
    group.create_array("unlisted", data=values, chunks=(5, 5), shards=(10, 10), compressors=blosc)
    store = SceneStore(place)
    for name in ("plain", "sharded", "uncompressed", "unlisted"):
        np.testing.assert_array_equal(store.read("r2", name, (slice(3, 17), slice(None))), values[3:17])
    with pytest.raises(SceneNotFoundError, match="has no variable 'r2/SOD'"):
        store.read("r2", "SOD")
