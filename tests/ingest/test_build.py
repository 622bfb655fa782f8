"""The build from the command line: real Dask workers, real files, summaries and exit codes."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from datasets.lake import Lake
from ingest.__main__ import app
from ingest.errors import NoSourceError
from ingest.source import find_sources, parse_name


def ingest(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})


@pytest.mark.slow
def test_a_bad_file_is_a_line_and_the_others_are_built(raw_train: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "raw"
    folder.mkdir()
    for path in raw_train[:3]:
        shutil.copy(path, folder)
    (folder / raw_train[3].name).write_text("torn")
    (folder / "notes.nc").write_text("")
    first = ingest("build", folder, "--lake", tmp_path / "lake", "--ratios", "5", "10", "--workers", "2")
    assert first.exit_code == 1, first.output
    assert "3 of 5 scenes are in the lake" in first.output
    assert f"failed {raw_train[3].name}" in first.output
    assert "cannot be read as netCDF" in first.output
    assert "'notes.nc' is not an AI4Arctic raw file name" in first.output
    lake = Lake.open(str(tmp_path / "lake"))
    assert len(lake.catalog()) == 3
    assert lake.ratios == (5, 10)

    shutil.copy(raw_train[3], folder)
    (folder / "notes.nc").unlink()
    stamp = (Path(lake.scene_url(lake.catalog().scene_ids[0])) / "zarr.json").stat().st_mtime_ns
    second = ingest("build", folder, "--lake", tmp_path / "lake", "--ratios", "5,10")
    assert second.exit_code == 0, second.output
    lake = Lake.open(lake.url)
    assert len(lake.catalog()) == 4
    assert (Path(lake.scene_url(lake.catalog().scene_ids[0])) / "zarr.json").stat().st_mtime_ns == stamp


@pytest.mark.slow
def test_train_and_test_archives_come_together(raw_train: list[Path], raw_test: list[Path], tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    assert ingest("build", *raw_train[:3], "--lake", lake, "--ratios", "10").exit_code == 0
    assert ingest("build", *raw_test[:2], "--lake", lake, "--ratios", "10", "--split", "test").exit_code == 0
    catalog = Lake.open(str(lake)).catalog()
    assert (len(catalog.split("train")), len(catalog.split("val")), len(catalog.split("test"))) == (2, 1, 2)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["build", "{raw}", "--lake", "{lake}", "--ratios", "0"], "whole numbers from 1 up are allowed"),
        (["build", "{raw}", "--lake", "{lake}", "--ratios", "two"], "ratios = 'two' is not allowed"),
        (["build", "{raw}", "--lake", "{lake}", "--val-scenes", "7"], "7 validation scenes were asked of at most 1"),
        (["build", "{empty}", "--lake", "{lake}"], "holds no *.nc file"),
        (["build", "{empty}/nothing", "--lake", "{lake}"], "does not exist: give raw netCDF files"),
        (["build", "{raw}", "--lake", "{full}"], "is not empty and is not a lake"),
        (["build", "{raw}", "--lake", "{lake}", "--split", "trian"], "'trian' is not one of"),
        (["bild"], "Did you mean 'build'?"),
        (["build", "{raw}", "--lak", "{lake}"], "--lake"),
    ],
)
def test_what_cannot_work_is_one_sentence_and_exit_code_2(
    raw_train: list[Path], tmp_path: Path, words: list[str], sentence: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("years of work")
    places = {"raw": raw_train[0], "lake": tmp_path / "lake", "empty": tmp_path / "empty", "full": tmp_path / "full"}
    result = ingest(*(word.format(**places) for word in words))
    assert result.exit_code == 2, result.output
    assert sentence in " ".join(result.output.split())
    assert not (tmp_path / "lake" / "scenes").exists()


def test_when_every_file_fails_there_is_no_lake_to_read(tmp_path: Path, raw_train: list[Path]) -> None:
    torn = tmp_path / raw_train[0].name
    torn.write_text("torn")
    result = ingest("build", torn, "--lake", tmp_path / "lake")
    assert result.exit_code == 1
    assert "0 of 1 scenes" in result.output
    assert not (tmp_path / "lake" / "catalog.parquet").exists()


@pytest.mark.slow
def test_two_files_of_one_scene_are_not_both_built(raw_train: list[Path], tmp_path: Path) -> None:
    name = raw_train[0].name
    twin = tmp_path / name.replace(name.split("_")[8], "0000")
    shutil.copy(raw_train[0], twin)
    result = ingest("build", raw_train[0], twin, "--lake", tmp_path / "lake", "--ratios", "10")
    assert result.exit_code == 1
    assert "give only one of them" in result.output
    assert "1 of 2 scenes are in the lake" in result.output


def test_sample_writes_what_build_reads(tmp_path: Path) -> None:
    result = ingest("sample", tmp_path, "--scenes", 2, "--lines", 200, "--samples", 220, "--seed", 4)
    assert result.exit_code == 0, result.output
    assert len(find_sources([str(tmp_path)])) == 2
    bad = ingest("sample", tmp_path, "--lines", 10)
    assert bad.exit_code == 2


def test_help_is_for_newcomers() -> None:
    result = ingest("build", "--help")
    assert result.exit_code == 0
    for word in ("--lake", "--ratios", "--split", "--workers", "exit code 1"):
        assert word in result.output


def test_sources_are_sorted_and_named_once(raw_train: list[Path]) -> None:
    folder = str(raw_train[0].parent)
    found = find_sources([folder, str(raw_train[2])])
    assert found == sorted(str(path) for path in raw_train)
    with pytest.raises(NoSourceError):
        find_sources(["/nowhere"])


@pytest.mark.parametrize(
    ("name", "scene_id", "region"),
    [
        (
            "S1A_EW_GRDM_1SDH_20180325T194759_20180325T194859_021176_024676_449C"
            "_icechart_dmi_201803251945_SouthEast_RIC.nc",
            "20180325T194759_dmi",
            "SouthEast",
        ),
        (
            "S1A_EW_GRDM_1SDH_20180707T122209_20180707T122309_022692_02757A_4F1C"
            "_icechart_cis_SGRDIFOXE_20180707T1214Z_pl_a_testdata.nc",
            "20180707T122209_cis",
            "SGRDIFOXE",
        ),
    ],
)
def test_names_of_the_archive(name: str, scene_id: str, region: str) -> None:
    found = parse_name(f"/archive/{name}")
    assert (found.scene_id, found.region) == (scene_id, region)
    assert found.file_name == name.replace("_testdata", "")
