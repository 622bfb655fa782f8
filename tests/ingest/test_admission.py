"""Slips that would spoil a lake are refused: training on test scenes, a scene that would be something else."""

import shutil
from pathlib import Path

import pytest

from datasets.errors import SplitError
from datasets.lake import Lake
from ingest.admission import TEST_SCENES, check_admission
from tests.ingest.forms import write_form
from tests.ingest.kept_workers import command

PUBLISHED = (
    "S1B_EW_GRDM_1SDH_20200719T123046_20200719T123129_022540_02AC79_6763_icechart_cis_SGRDIFOXE_20200719T1227Z_pl_a.nc",
    "20180124T194759_dmi_prep.nc",
)


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("words", [[], ["--split", "train"], ["--replace"]])
def test_published_test_scenes_are_never_trained_on(tmp_path: Path, name: str, words: list[str]) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / name).touch()
    result = command("build", tmp_path / "raw", "--lake", tmp_path / "lake", *words)
    assert result.exit_code == 2
    said = " ".join(result.output.split())
    assert f"1 of 1 file is of the published test set, which is only ever scored (first: {name!r}):" in said
    assert "build them with --split test" in said
    assert not (tmp_path / "lake").exists()


def test_the_published_test_set_is_whole() -> None:
    assert len(TEST_SCENES) == 20
    check_admission(PUBLISHED, {}, "test")


def test_a_scene_never_changes_its_archive_by_the_way(tiny_lake: Lake, raw_test: list[Path], tmp_path: Path) -> None:
    lake = Lake.open(str(shutil.copytree(tiny_lake.url, tmp_path / "lake")))
    result = command("build", raw_test[0].parent, "--lake", lake.url, "--ratios", "1,2,5,10")
    assert result.exit_code == 2
    said = " ".join(result.output.split())
    assert "3 of 3 files would change what a scene of the lake is (first: " in said
    assert "is a test scene there and would be a train scene): give --split test, or --replace if" in said
    assert Lake.open(lake.url).digest == tiny_lake.digest
    known = {record.scene_id: record for record in tiny_lake.catalog()}
    check_admission([str(path) for path in raw_test], known, "train", replace=True)


def test_a_scene_keeps_its_product_and_its_charts(tiny_lake: Lake, raw_train: list[Path]) -> None:
    known = {record.scene_id: record for record in tiny_lake.catalog()}
    record = next(record for record in known.values() if record.source == raw_train[0].name)
    with pytest.raises(SplitError, match=r"_prep.nc' is of the ready_to_train product, the scene there of raw\): give"):
        check_admission([f"/rtt/{record.scene_id}_prep.nc"], known, "train")
    with pytest.raises(SplitError, match=r"_testdata.nc' has no charts, the scene there has them\): give the file"):
        check_admission([record.source.replace(".nc", "_testdata.nc")], known, "train")
    check_admission([str(path) for path in raw_train], known, "train")
    check_admission(["notes.nc"], known, "train")


@pytest.mark.slow
def test_a_file_of_the_first_test_release_is_told_from_todays(raw_train: list[Path], tmp_path: Path) -> None:
    """Its scene was a test scene then and is a training scene now, with a chart."""
    old, lake = write_form(raw_train[0], tmp_path, "raw-test-v1"), tmp_path / "lake"
    first = command("build", old, "--lake", lake, "--split", "test", "--ratios", "10")
    assert first.exit_code == 0, first.output
    assert f"1 file is of the first test release, without charts (first: {old.name})" in first.output
    known = {record.scene_id: record for record in Lake.open(str(lake)).catalog()}
    with pytest.raises(SplitError, match=r"has a chart and is a training scene today, .* first release without\)"):
        check_admission([str(raw_train[0])], known, "train")
    check_admission([str(raw_train[0])], known, "train", replace=True)
