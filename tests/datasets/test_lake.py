"""A lake: opening, publishing, refusing."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from datasets.errors import LakeNotFoundError, RecipeMismatchError
from datasets.lake import Lake
from ingest.build import SplitOptions, publish
from ingest.convert import convert_scene
from ingest.recipe import Recipe


def test_plain_xarray_reads_a_scene(tiny_lake: Lake) -> None:
    record = tiny_lake.catalog().records[0]
    dataset = xr.open_zarr(f"{tiny_lake.url}/scenes/{record.scene_id}.zarr", group="r2")
    assert dataset.attrs["pixel_spacing"] == 80
    assert dataset.SOD.attrs["flag_meanings"].split()[0] == "open_water"
    assert {"sar_latitude", "sar_longitude"} <= set(dataset.coords)
    assert float(dataset.sar_incidenceangle.min()) > 18
    assert float(dataset.sar_incidenceangle.max()) < 48


def test_statistics_are_of_training_scenes_alone(tiny_lake: Lake) -> None:
    train = tiny_lake.catalog().split("train")
    values = np.concatenate([tiny_lake.scene(row.scene_id).km2("t2m").ravel() for row in train]).astype(np.float64)
    found = tiny_lake.moments("km2")["t2m"]
    assert found.count == values.size
    assert found.mean == pytest.approx(values.mean(), rel=1e-9)
    assert found.std == pytest.approx(values.std(), rel=1e-6)
    with pytest.raises(LakeNotFoundError, match="has no channel statistics of 'r3', it has"):
        tiny_lake.moments("r3")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "is not a lake"),
        ("nothing", "has a recipe.json that is not of a lake"),
        ('{"format": 99}', "is a lake of format 99, this code reads format 2"),
        ('{"format": 1}', "is a lake of format 1, .* build it again from the raw files by `.* --lake NEW`"),
        (
            '{"format": 1, "recipe": {"ratios": [2, 10], "sar_mean": "power", "sar_precision": 0.0}}',
            "lacks full resolution .* build RAW --lake NEW --ratios 2 10 --sar-mean power`",
        ),
        (
            '{"format": 1, "recipe": {"ratios": [1, 2], "sar_precision": 0.01}}',
            "lacks unrounded SAR, .* --ratios 1 2 --sar-precision 0.01`",
        ),
        ('{"format": 1, "recipe": {"ratios": [1, 2]}}', "bring it up to date .* by `python -m ingest migrate /"),
    ],
)
def test_what_is_no_lake_is_refused(tmp_path: Path, content: str | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / "recipe.json").write_text(content)
    with pytest.raises(LakeNotFoundError, match=sentence):
        Lake.open(str(tmp_path))


def test_a_lake_is_not_started_on_top_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(LakeNotFoundError, match="is not empty and is not a lake"):
        Lake.create(str(tmp_path), Recipe().to_lake())


def test_one_lake_has_one_recipe(tmp_path: Path) -> None:
    Lake.create(str(tmp_path / "lake"), Recipe().to_lake())
    with pytest.raises(RecipeMismatchError, match=r"ratios \[2, 5, 10\] against \[2\]"):
        Lake.create(str(tmp_path / "lake"), Recipe(ratios=(2,)).to_lake())


def test_a_lake_without_a_finished_build_says_so(tmp_path: Path) -> None:
    lake = Lake.create(str(tmp_path / "lake"), Recipe().to_lake())
    with pytest.raises(LakeNotFoundError, match="has no catalog yet"):
        Lake.open(lake.url).catalog()


@pytest.mark.slow
def test_lake_in_memory(raw_train: list[Path]) -> None:
    """The same code over another filesystem: no path is assumed to be on disk."""
    recipe = Recipe(ratios=(5,))
    lake = Lake.create("memory://lakes/tiny", recipe.to_lake())
    records = [convert_scene(str(path), recipe, lake, "train") for path in raw_train[:3]]
    publish(lake, records, SplitOptions(val_scenes=1))
    opened = Lake.open("memory://lakes/tiny")
    assert len(opened.catalog()) == 3
    assert opened.scene(records[0].scene_id).open(5).SOD.shape == (records[0].lines // 5, records[0].samples // 5)
    assert json.loads(json.dumps(dict(opened.recipe)))["format"] == 2


@pytest.mark.slow
def test_an_opened_lake_keeps_its_catalog_until_it_publishes_another(raw_train: list[Path]) -> None:
    recipe = Recipe(ratios=(10,))
    lake = Lake.create("memory://lakes/growing", recipe.to_lake())
    records = [convert_scene(str(path), recipe, lake, "train") for path in raw_train[:3]]
    publish(lake, records[:2], SplitOptions(val_scenes=0))
    reader, digest, mean = Lake.open(lake.url), lake.digest, lake.moments("km2")["t2m"].mean
    assert len(reader.catalog()) == len(lake.catalog()) == 2
    publish(lake, records, SplitOptions(val_scenes=0))
    assert len(lake.catalog()) == 3
    assert lake.digest != digest
    assert lake.moments("km2")["t2m"].mean != mean
    assert (len(reader.catalog()), reader.digest, reader.moments("km2")["t2m"].mean) == (2, digest, mean)
    assert len(pickle.dumps(reader)) < 2000, "what travels with every task"


@pytest.mark.slow
def test_digest_follows_content(tiny_lake: Lake, tmp_path: Path, raw_train: list[Path]) -> None:
    lakes = []
    for name, count in (("a", 3), ("b", 3), ("c", 4)):
        recipe = Recipe(ratios=(10,))
        lake = Lake.create(str(tmp_path / name), recipe.to_lake())
        publish(
            lake,
            [convert_scene(str(path), recipe, lake, "train") for path in raw_train[:count]],
            SplitOptions(val_scenes=1),
        )
        lakes.append(Lake.open(lake.url))
    assert lakes[0].digest == lakes[1].digest
    assert len({lake.digest for lake in (*lakes, tiny_lake)}) == 3
