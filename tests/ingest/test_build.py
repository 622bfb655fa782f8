"""Many files into one lake with real workers: bad ones are told, and splits are assigned over all."""

import shutil
from pathlib import Path

import pytest
import xarray as xr

from datasets.lake import Lake
from datasets.splits import assign_splits
from ingest.verify import verify_lake
from tests.datasets.command_line import show
from tests.ingest import command_line
from tests.ingest.kept_workers import command


@pytest.mark.slow
def test_a_bad_file_is_a_line_and_the_others_are_built(
    raw_train: list[Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "raw"
    folder.mkdir()
    for path in raw_train[:3]:
        shutil.copy(path, folder)
    (folder / raw_train[3].name).write_bytes(raw_train[3].read_bytes()[:50_000])
    (folder / "notes.nc").write_text("")
    words = ("--lake", tmp_path / "lake", "--ratios", "5", "10", "--workers", "2")
    first = command_line.command("build", folder, *words)  # with workers of its own, whose words would be seen below
    assert first.exit_code == 1, first.output
    assert "3 of 5 scenes are in the lake" in first.output
    assert f"failed {raw_train[3].name}" in first.output
    assert "cannot be read as netCDF" in first.output
    assert "'notes.nc' is not an AI4Arctic raw file name" in first.output
    of_workers = capfd.readouterr()
    assert of_workers.out + of_workers.err == ""  # no traceback beside the sentences
    lake = Lake.open(str(tmp_path / "lake"))
    assert len(lake.catalog()) == 3
    assert lake.ratios == (5, 10)

    shutil.copy(raw_train[3], folder)
    (folder / "notes.nc").unlink()
    stamp = (Path(lake.scene_url(lake.catalog().scene_ids[0])) / "zarr.json").stat().st_mtime_ns
    second = command("build", folder, "--lake", tmp_path / "lake", "--ratios", "5,10")
    assert second.exit_code == 0, second.output
    lake = Lake.open(lake.url)
    assert len(lake.catalog()) == 4
    assert (Path(lake.scene_url(lake.catalog().scene_ids[0])) / "zarr.json").stat().st_mtime_ns == stamp


@pytest.mark.slow
def test_train_and_test_archives_come_together(raw_train: list[Path], raw_test: list[Path], tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    assert command("build", *raw_train[:3], "--lake", lake, "--ratios", "10").exit_code == 0
    assert command("build", *raw_test[:2], "--lake", lake, "--ratios", "10", "--split", "test").exit_code == 0
    catalog = Lake.open(str(lake)).catalog()
    before = [row.split for row in catalog]
    other = next(seed for seed in range(99) if [row.split for row in assign_splits(catalog, seed=seed)] != before)
    drawn = command("build", raw_train[0], "--lake", lake, "--ratios", "10", "--split-seed", other)
    assert "2 scenes that were in the lake are of another split now (first: " in drawn.output
    assert (len(catalog.split("train")), len(catalog.split("val")), len(catalog.split("test"))) == (2, 1, 2)


@pytest.mark.slow
def test_two_files_of_one_scene_are_not_both_built(raw_train: list[Path], tmp_path: Path) -> None:
    name = raw_train[0].name
    twin = tmp_path / name.replace(name.split("_")[8], "0000")
    shutil.copy(raw_train[0], twin)
    result = command("build", raw_train[0], twin, "--lake", tmp_path / "lake", "--ratios", "10")
    assert result.exit_code == 1
    assert "give only one of them" in result.output
    assert "1 of 2 scenes is in the lake" in result.output


@pytest.mark.slow
def test_scenes_to_predict_are_a_lake_of_their_own_or_join_one(
    raw_train: list[Path], raw_test: list[Path], tmp_path: Path
) -> None:
    bare = tmp_path / f"{raw_train[1].stem}_testdata.nc"
    with xr.open_dataset(raw_train[1], decode_cf=False) as raw:
        raw.drop_vars([name for name in ("polygon_icechart", "polygon_codes") if name in raw]).to_netcdf(bare)
    alone = tmp_path / "new"
    result = command("build", raw_train[0], bare, "--lake", alone, "--ratios", "10", "--split", "predict")
    assert result.exit_code == 0, result.output
    assert "the lake has 2 predict scenes" in result.output
    new = Lake.open(str(alone))
    assert not new.statistics
    assert sorted(row.charted for row in new.catalog().split("predict")) == [False, True]
    assert verify_lake(new, deep=True, on_scene=lambda scene_id: None) == ()
    scene_id = new.catalog().scene_ids[0]
    shown = [show(str(alone)).output, show(str(alone), scene_id).output]
    assert "predict" in shown[0]
    assert "neither trained nor scored on" in shown[1]

    lake = tmp_path / "lake"
    assert command("build", *raw_train[:3], "--lake", lake, "--ratios", "10").exit_code == 0
    before = Lake.open(str(lake))
    joined = command("build", raw_test[0], "--lake", lake, "--ratios", "10", "--split", "predict")
    assert joined.exit_code == 0, joined.output
    after = Lake.open(str(lake))
    assert (after.digest, after.statistics) == (before.digest, before.statistics)  # trials stay what they are
    assert len(after.catalog()) == 4
    assert len(after.catalog().split("predict")) == 1
    for path, asked, there in ((raw_train[0], "predict", "train"), (raw_test[0], "train", "predict")):
        refused = command("build", path, "--lake", lake, "--ratios", "10", "--split", asked)
        assert refused.exit_code == 2
        assert f"is a {there} scene there and would be a {asked} scene" in " ".join(refused.output.split())
    assert [row.split for row in Lake.open(str(lake)).catalog()] == [row.split for row in after.catalog()]
