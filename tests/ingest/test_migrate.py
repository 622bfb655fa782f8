"""A lake of format 1, brought up to date: value by value what a fresh build gives, but for the polygons."""

import shutil
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr
from typer import Typer
from typer.testing import CliRunner

from datasets.__main__ import app as datasets_app
from datasets.errors import LakeNotFoundError, SceneNotFoundError
from datasets.lake import Lake
from datasets.season_updates import amend, cryoseason_source
from datasets.sigrid import Dominance
from datasets.storage import replace
from ingest.__main__ import app as ingest_app
from ingest.build import SplitOptions, publish
from ingest.convert import convert_scene
from ingest.migrate import migrate_scene, recipe_of
from ingest.recipe import Recipe
from ingest.verify import verify_lake
from sweeps.launch.dry_run import ask
from sweeps.launch.places import check_lake
from tests.ingest.format1 import write_format1
from tests.ingest.forms import write_form
from tests.ingest.kept_workers import command
from tests.object_store import ObjectStore
from training.__main__ import app as training_app

pytestmark = pytest.mark.slow

RECIPE = Recipe(ratios=(1, 2, 10))


@pytest.fixture(scope="module")
def raw(raw_train: list[Path], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three scenes: one with values that no instrument measures, one plain, one without a chart."""
    folder = tmp_path_factory.mktemp("raw")
    paths = [Path(shutil.copy(path, folder)) for path in raw_train[:2]]
    with netCDF4.Dataset(paths[0], "a") as data:
        data["nersc_sar_primary"][100:103, 200:203] = -380.12
        data["nersc_sar_secondary"][300, 17] = -463.14
        data["btemp_18_7h"][2, 3] = 999.0
    return [*paths, write_form(raw_train[2], folder, "raw-test-v1")]


@pytest.fixture(scope="module")
def built(raw: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """What a build makes of the files today."""
    lake = Lake.create(str(tmp_path_factory.mktemp("built") / "lake"), RECIPE.to_lake())
    publish(lake, [convert_scene(str(path), RECIPE, lake, "train") for path in raw], SplitOptions())
    return Lake.open(lake.url)


@pytest.fixture(scope="module")
def earlier(raw: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(write_format1(str(tmp_path_factory.mktemp("earlier") / "lake"), raw, ratios=RECIPE.ratios).url)


@pytest.fixture
def old(earlier: Path, tmp_path: Path) -> str:
    """A lake of format 1 that a test may change."""
    return str(shutil.copytree(earlier, tmp_path / "old"))


@pytest.fixture(scope="module")
def migrated(earlier: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    new = tmp_path_factory.mktemp("migrated") / "lake"
    result = command("migrate", earlier, "--out", new, "--workers", "1")
    assert result.exit_code == 0, result.output
    return Lake.open(str(new))


def test_every_value_is_that_of_a_fresh_build(migrated: Lake, built: Lake) -> None:
    for record in built.catalog():
        fresh, found = built.store(record.scene_id), migrated.store(record.scene_id)
        polygons = {key for key in fresh.array_names() if key.endswith("/polygon_id")}
        assert set(found.array_names()) == set(fresh.array_names()) - polygons
        for key in found.array_names():
            group, _, name = key.partition("/")
            assert found.stored(group, name) == fresh.stored(group, name), key
            np.testing.assert_array_equal(found.read(group, name), fresh.read(group, name), err_msg=key)
            assert found.array_attributes(group, name) == fresh.array_attributes(group, name), key
        assert found.record == fresh.record
        assert found.moments == fresh.moments


def test_it_is_the_lake_that_a_build_gives(migrated: Lake, built: Lake) -> None:
    assert migrated.catalog() == built.catalog()
    assert any(record.implausible for record in migrated.catalog())
    assert migrated.statistics == built.statistics
    assert migrated.digest == built.digest
    assert not verify_lake(migrated, deep=True, on_scene=lambda _: None)


def test_plain_xarray_reads_it(migrated: Lake) -> None:
    record = migrated.catalog().records[0]
    with xr.open_zarr(migrated.scene_url(record.scene_id), group="r2") as scene:
        assert float(scene.nersc_sar_primary.min()) > -80
        assert set(np.unique(scene.SOD)) <= {0, 1, 2, 3, 4, 5, 255}


def test_polygons_are_not_there_and_a_build_with_the_raw_file_adds_them(
    migrated: Lake, built: Lake, raw: list[Path], tmp_path: Path
) -> None:
    lake = Lake.open(str(shutil.copytree(migrated.url, tmp_path / "lake")))
    charted = next(row.scene_id for row in lake.catalog() if row.charted)
    with pytest.raises(SceneNotFoundError, match=r"no polygons, since it was migrated .* give its raw file"):
        lake.scene(charted).charts(2, Dominance(0.7, 0.5))
    (uncharted,) = [row.scene_id for row in lake.catalog() if not row.charted]
    with pytest.raises(SceneNotFoundError, match="no polygons, since it has no ice chart"):
        lake.scene(uncharted).polygon_codes()
    digest = lake.digest
    result = command("build", *raw, "--lake", lake.url, "--ratios", "1", "2", "10", "--workers", "1")
    assert result.exit_code == 0, result.output
    found = Lake.open(lake.url)
    assert found.digest == digest, "trials of the migrated lake are trials of this one"
    for name, values in found.scene(charted).charts(2, Dominance(0.7, 0.5)).items():
        np.testing.assert_array_equal(values, built.scene(charted).charts(2, Dominance(0.7, 0.5))[name])


def test_in_place_readers_see_the_old_lake_until_all_is_there(old: str, built: Lake) -> None:
    lake = Lake.open_any(old)
    splits = {row.scene_id: row.split for row in lake.catalog()}
    first, second, _ = lake.catalog().scene_ids
    recipe = Path(old, "recipe.json").read_bytes()
    shutil.move(lake.scene_url(second), Path(old, "away"))
    failed = command("migrate", old, "--workers", "1")
    assert (failed.exit_code, "1 scene could not be migrated" in failed.output) == (1, True)
    assert Path(old, "recipe.json").read_bytes() == recipe
    assert Path(old, "catalog.parquet").exists()

    shutil.move(Path(old, "away"), lake.scene_url(second))
    scenes = Path(old, "recipes", RECIPE.digest, "scenes")
    written = (scenes / f"{first}.zarr" / "zarr.json").stat().st_mtime_ns
    (scenes / f"{second}.zarr" / "r1").mkdir(parents=True)
    (scenes / f"{second}.zarr" / "r1" / "zarr.json").write_text("what a killed migration leaves")
    done = command("migrate", old, "--workers", "1")
    assert done.exit_code == 0, done.output
    assert (scenes / f"{first}.zarr" / "zarr.json").stat().st_mtime_ns == written, "what was migrated is kept"
    found = Lake.open(old)
    assert found.digest == built.digest
    assert {row.scene_id: row.split for row in found.catalog()} == splits
    assert not Path(old, "lock.json").exists()

    again = command("migrate", old)
    assert (again.exit_code, "there is nothing to migrate" in again.output) == (0, True)
    elsewhere = command("migrate", old, "--out", f"{old}-new")
    assert (elsewhere.exit_code, "was not made" in elsewhere.output) == (2, True), "who reads it next is told now"
    assert command("prune", old, "--yes").exit_code == 0
    assert not Path(old, "scenes").exists()
    assert not verify_lake(Lake.open(old), deep=False, on_scene=lambda _: None)


def test_seasons_and_what_they_are_from_stay(old: str, tmp_path: Path) -> None:
    lake = Lake.open_any(old)
    rows = [row.model_copy(update={"cryoseason": "melt", "melt_cells": 0.5}) for row in lake.catalog()]
    catalog = type(lake.catalog()).of(rows)
    sources = {row.scene_id: {"rule": "first"} for row in rows}
    amend(lake, catalog, sources=sources, check_lock=lambda: None)
    recipe = recipe_of(lake)
    target = Lake.create(str(tmp_path / "new"), recipe.to_lake())
    record = migrate_scene(rows[0].scene_id, earlier=lake, target=target, recipe=recipe)
    assert (record.cryoseason, record.melt_cells) == ("melt", 0.5)
    assert cryoseason_source(target, record.scene_id) == {"rule": "first"}


def test_a_lake_that_is_locked_or_of_other_content_is_left_alone(old: str, tmp_path: Path) -> None:
    Path(old, "lock.json").write_text("torn")
    for words in ([old], [old, "--out", tmp_path / "new"]):
        result = command("migrate", *words)
        assert result.exit_code == 2
        assert "being" in result.output
    Path(old, "lock.json").unlink()
    itself = command("migrate", old, "--out", f"{old}/")
    assert (itself.exit_code, "is the lake itself" in itself.output) == (2, True)
    shutil.move(Path(old, "catalog.parquet"), tmp_path)
    assert "has never finished" in command("migrate", old).output
    shutil.move(tmp_path / "catalog.parquet", old)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("years of work")
    result = command("migrate", old, "--out", tmp_path / "full")
    assert (result.exit_code, "is not empty and is not a lake" in result.output) == (2, True)
    with pytest.raises(LakeNotFoundError, match="python -m ingest migrate"):
        Lake.open(old)


def test_in_object_storage(earlier: Path, built: Lake, s3: ObjectStore) -> None:
    for path in filter(Path.is_file, earlier.rglob("*")):
        replace(f"s3://lake/format1/{path.relative_to(earlier).as_posix()}", path.read_bytes())
    result = command("migrate", "s3://lake/format1", "--workers", "1")
    assert result.exit_code == 0, result.output
    assert Lake.open("s3://lake/format1").digest == built.digest


@pytest.mark.parametrize(
    ("app", "words"),
    [
        (datasets_app, ["show", "{lake}"]),
        (datasets_app, ["lists", "{lake}", "{new}"]),
        (ingest_app, ["build", "{raw}", "--lake", "{lake}"]),
        (ingest_app, ["verify", "{lake}"]),
        (ingest_app, ["prune", "{lake}"]),
        (training_app, ["run", "--lake", "{lake}"]),
    ],
)
def test_every_command_refuses_it_and_names_the_way(
    app: Typer, words: list[str], old: str, raw: list[Path], tmp_path: Path
) -> None:
    places = {"lake": old, "raw": raw[1], "new": tmp_path / "new"}
    result = CliRunner().invoke(app, [word.format(**places) for word in words], env={"COLUMNS": "300"})
    assert result.exit_code == 2
    assert f"`python -m ingest migrate {old}`" in " ".join(result.output.split())


def test_a_study_refuses_it_too(old: str) -> None:
    with pytest.raises(LakeNotFoundError, match="python -m ingest migrate"):
        list(check_lake(old))
    assert f"`python -m ingest migrate {old}`" in ask("", old).notes[-1]
