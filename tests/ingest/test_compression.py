"""A lake without compression is the same lake in other bytes."""

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr
from typer.testing import CliRunner, Result

from datasets.channels import CHANNELS
from datasets.lake import Lake
from datasets.loading.scene_reader import SceneReader
from ingest.__main__ import app
from ingest.build import SplitOptions, publish
from ingest.convert import convert_scene
from ingest.recipe import Recipe

RATIOS = ("--ratios", "1", "2")
UNCOMPRESSED = Recipe(ratios=(1, 2), compression="none")


def ingest(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "300"})


def build(place: str, raw: list[Path]) -> Lake:
    lake = Lake.create(place, UNCOMPRESSED.to_lake())
    publish(lake, [convert_scene(str(path), UNCOMPRESSED, lake, "train") for path in raw], SplitOptions())
    return lake


@pytest.fixture(scope="module")
def uncompressed(raw_train: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return build(str(tmp_path_factory.mktemp("uncompressed") / "lake"), raw_train[:2])


def test_lakes_from_before_the_option_stay_the_same_lake() -> None:
    assert Recipe().digest == "dac519e9af17"
    assert "compression" not in Recipe().to_lake()["recipe"]
    assert Recipe(compression="none").to_lake()["recipe"]["compression"] == "none"
    assert Recipe(compression="none").digest != Recipe().digest


def test_every_value_is_that_of_the_compressed_lake(uncompressed: Lake, tiny_lake: Lake) -> None:
    for scene_id in uncompressed.catalog().scene_ids:
        ours, other = uncompressed.store(scene_id), tiny_lake.store(scene_id)
        names = [name for name in other.array_names() if name.split("/")[0] not in ("r5", "r10")]
        assert list(ours.array_names()) == names
        found, expected = (store.read_many(dict.fromkeys(names, ())) for store in (ours, other))
        for name in names:
            assert found[name].tobytes() == expected[name].tobytes(), name
        assert ours.record["pixels"] == other.record["pixels"]


def test_plain_xarray_opens_it(uncompressed: Lake, tiny_lake: Lake) -> None:
    scene_id = uncompressed.catalog().scene_ids[0]
    ours, other = (xr.open_zarr(lake.scene_url(scene_id), group="r2") for lake in (uncompressed, tiny_lake))
    xr.testing.assert_identical(ours.load(), other.load())
    array = zarr.open_array(f"{uncompressed.scene_url(scene_id)}/r2/SOD", mode="r")
    assert array.compressors == ()


def test_a_window_is_read_alike(uncompressed: Lake, tiny_lake: Lake) -> None:
    names = tuple(name for name, channel in CHANNELS.items() if channel.grid == "sar")
    scene_id = uncompressed.catalog().scene_ids[1]
    lines, samples = slice(7, 150), slice(30, 201)
    planes = []
    for lake in (uncompressed, tiny_lake):
        reader = SceneReader(lake, ratio=2, channels=names, targets=("SOD",), cache=None)
        planes.append(np.empty((len(names), 143, 171), np.float32))
        reader.sar(scene_id, lines, samples, planes[-1])
    np.testing.assert_array_equal(*planes)


def test_verify_finds_a_truncated_chunk_and_the_next_build_mends_it(uncompressed: Lake, raw_train: list[Path]) -> None:
    place = uncompressed.url
    whole = ingest("verify", place, "--deep")
    assert whole.exit_code == 0, whole.output
    shard = Path(uncompressed.scene_url(uncompressed.catalog().scene_ids[0])) / "r2/sar_latitude/c/0/0"
    shard.write_bytes(shard.read_bytes()[:-100])
    found = ingest("verify", place, "--discard")
    assert found.exit_code == 1
    assert "r2/sar_latitude/c/0/0 has " in found.output
    build(place, raw_train[:2])
    assert ingest("verify", place, "--deep").exit_code == 0


def test_a_lake_is_rebuilt_the_other_way_only_on_purpose(raw_train: list[Path], tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    recipe = Recipe(ratios=(1, 2))
    compressed = Lake.create(str(lake), recipe.to_lake())
    publish(compressed, [convert_scene(str(raw_train[0]), recipe, compressed, "train")], SplitOptions())
    other = ("build", raw_train[0], "--lake", lake, *RATIOS, "--compression", "none", "--workers", 1)
    refused = ingest(*other)
    assert refused.exit_code == 2
    assert "was built with recipe" in refused.output
    assert ingest(*other, "--rebuild").exit_code == 0
    assert Lake.open(str(lake)).recipe["recipe"]["compression"] == "none"
    assert ingest("prune", lake).exit_code == 0
    assert ingest("verify", lake, "--deep").exit_code == 0
    assert json.loads((lake / "recipe.json").read_text())["at"].startswith("recipes/")
