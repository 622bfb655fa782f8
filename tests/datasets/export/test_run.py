"""`python -m datasets export`: what other programs find, the values that a network gets, going on, refusals."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
import yaml

from datasets.channels import INPUTS
from datasets.export import run as running
from datasets.export.settings import SPLITS
from datasets.labels import IGNORE, SOD
from datasets.lake import Lake
from datasets.loading.assemble import Assembler
from datasets.loading.batch import Window
from datasets.loading.normalize import Normalization
from datasets.loading.scene_inputs import read_inputs
from datasets.loading.scene_reader import SceneReader
from datasets.lock import hold
from datasets.lock_holder import Holder
from datasets.prefixes import names
from datasets.storage import read, replace
from tests.datasets.export.exports import SAR, content, run
from tests.object_store import ObjectStore

rasterio = pytest.importorskip("rasterio")


@pytest.fixture(scope="module")
def of_all_channels(tiny_lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "all"
    result = run(tiny_lake.url, folder, "--channels", "all", "--stride", "100", "--limit", "12", "--max-masked", "1")
    assert result.exit_code == 0, result.output
    return folder


def test_the_layout_is_what_other_programs_read(of_all_channels: Path, tiny_lake: Lake) -> None:
    table = pd.read_parquet(of_all_channels / "patches.parquet")
    text = pd.read_csv(of_all_channels / "patches.csv", dtype=str, keep_default_na=False)
    pd.testing.assert_frame_equal(table.astype(object).where(table.notna(), "").astype(str), text, check_dtype=False)
    assert set(table.split) == set(SPLITS)
    for split in SPLITS:
        images, masks = (sorted((of_all_channels / split / kind).glob("*.tif")) for kind in ("images", "masks"))
        assert [path.name for path in images] == [path.name for path in masks]
        rows = table[table.split == split]
        assert [str(path.relative_to(of_all_channels)) for path in images] == rows.image.tolist(), "as sorted by name"
        assert rows.patch.tolist() == list(range(len(rows)))
        assert len(rows) <= 12
    records = {record.scene_id: record for record in tiny_lake.catalog()}
    for row in table.itertuples():
        record = records[row.scene_id]
        assert (row.split, row.season, row.location, row.region) == (
            record.split, record.season, record.location, record.region
        )  # fmt: skip
    left = {path.name for path in of_all_channels.iterdir()}
    assert left >= {"train", "val", "test", "export.json", "normalization.json", "classes.json"}
    assert not list(of_all_channels.rglob("*.part"))


def test_values_are_those_that_a_network_gets(of_all_channels: Path, tiny_lake: Lake) -> None:
    """Normalized by the constants beside them: no data too, land, the coarse grids and every tie channel."""
    table = pd.read_parquet(of_all_channels / "patches.parquet")
    constants = json.loads((of_all_channels / "normalization.json").read_text())
    normalization = Normalization.from_lake(tiny_lake, INPUTS, 2)
    assert constants["channels"] == list(INPUTS)
    assert constants["mean"] == list(normalization.mean)
    assert constants["std"] == list(normalization.std)
    reader = SceneReader(tiny_lake, ratio=2, channels=INPUTS, targets=("SOD",), cache=None)
    assemble = Assembler(normalization, ratio=2, device=torch.device("cpu"))
    windows = [Window(row.scene_id, row.line, row.sample) for row in table.itertuples()]
    expected = read_inputs(reader, windows, (64, 64), assemble, torch.device("cpu")).numpy()
    mean, std = (np.array(constants[name])[:, None, None] for name in ("mean", "std"))
    for x, window, row in zip(expected, windows, table.itertuples(), strict=True):
        with rasterio.open(of_all_channels / row.image) as file:
            image = file.read()
            assert file.descriptions == INPUTS
            assert image.dtype == np.float32
            assert np.isfinite(image).all()
        np.testing.assert_allclose((image - mean) / std, x, atol=3e-3)
        with rasterio.open(of_all_channels / row.mask) as file:
            assert file.nodata is None, "a reader that masks would make NaN of 255"
            mask = file.read(1)
        lines, samples = (slice(start, start + 64) for start in window[1:])
        np.testing.assert_array_equal(mask, reader.labels(window.scene_id, lines, samples)[0])
        values, counts = np.unique(mask, return_counts=True)
        for value in (*range(SOD.n_classes), IGNORE):
            assert getattr(row, f"SOD_{value}") == dict(zip(values, counts, strict=True)).get(value, 0)


def test_physical_values_are_exact_where_nothing_is_interpolated(of_all_channels: Path, tiny_lake: Lake) -> None:
    table = pd.read_parquet(of_all_channels / "patches.parquet")
    for row in table.iloc[::5].itertuples():
        whole = tiny_lake.scene(row.scene_id).whole(2, ["nersc_sar_primary", "distance_map", "sar_latitude"])
        part = np.s_[row.line : row.line + 64, row.sample : row.sample + 64]
        with rasterio.open(of_all_channels / row.image) as file:
            image = dict(zip(file.descriptions, file.read(), strict=True))
        sar = whole["nersc_sar_primary"][part]
        np.testing.assert_array_equal(image["nersc_sar_primary"][np.isfinite(sar)], sar[np.isfinite(sar)])
        np.testing.assert_array_equal(image["distance_map"], whole["distance_map"][part])
        np.testing.assert_allclose(
            image["sar_latitude"], whole["sar_latitude"][part], atol=3e-4
        )  # as the lake rounds it


def test_patches_know_where_they_are(of_all_channels: Path, tiny_lake: Lake) -> None:
    table = pd.read_parquet(of_all_channels / "patches.parquet")
    row = next(table.iloc[3:4].itertuples())
    dataset = tiny_lake.scene(row.scene_id).open(2)
    around = np.s_[row.line + 31 : row.line + 33, row.sample + 31 : row.sample + 33]
    assert row.latitude == pytest.approx(float(dataset.sar_latitude.values[around].mean()), abs=3e-4)
    assert row.longitude == pytest.approx(float(dataset.sar_longitude.values[around].mean()), abs=1e-3)
    with rasterio.open(of_all_channels / row.image) as file:
        points, crs = file.gcps
    assert crs.to_epsg() == 4326
    assert {(point.col, point.row) for point in points} == {(x, y) for x in (0, 32, 64) for y in (0, 32, 64)}
    (middle,) = [point for point in points if (point.col, point.row) == (32, 32)]
    assert (middle.x, middle.y) == (pytest.approx(row.longitude, abs=1e-5), pytest.approx(row.latitude, abs=1e-5))


def test_classes_and_sections_for_other_programs(of_all_channels: Path) -> None:
    classes = json.loads((of_all_channels / "classes.json").read_text())
    assert classes["classes"] == list(SOD.classes)
    assert classes["ignore_index"] == 255
    table = pd.read_parquet(of_all_channels / "patches.parquet")
    sums = table[table.split == "train"][[f"SOD_{value}" for value in range(6)]].sum()
    assert classes["pixels"]["train"] == sums.tolist()
    assert sum(classes["share_of_training_pixels"]) == pytest.approx(1, abs=1e-5)
    terratorch = yaml.safe_load((of_all_channels / "terratorch.yaml").read_text())["data"]["init_args"]
    constants = json.loads((of_all_channels / "normalization.json").read_text())
    assert terratorch["means"] == constants["mean"]
    assert terratorch["num_classes"] == 6
    for name in ("train_data_root", "train_label_data_root", "test_label_data_root"):
        assert (of_all_channels / terratorch[name]).is_dir()
    pangaea = yaml.safe_load((of_all_channels / "pangaea.yaml").read_text())
    assert pangaea["data_std"]["sar"] == constants["std"]
    assert len(pangaea["distribution"]) == pangaea["num_classes"] == len(pangaea["classes"])
    assert all(share > 0 for share, n in zip(pangaea["distribution"], sums, strict=True) if n), "it divides by them"
    assert pangaea["root_path"] == "???", "OmegaConf asks for what is so"
    # Its BandFilter takes the bands that an encoder knows, by name: others would be left out without a word.
    bands = pangaea["bands"]["sar"]
    assert [INPUTS[bands.index(band)] for band in ("VV", "VH")] == SAR.split(",")
    assert len({*bands}) == len(bands) == len(INPUTS)
    assert pangaea["data_min"]["sar"][:2] == [-30.0, -35.0], "normalized by these, SAR must not be a narrow band"


@pytest.mark.parametrize("split", ["train", "val,test"])
def test_a_section_names_no_folder_that_is_not_there(split: str, tiny_lake: Lake, tmp_path: Path) -> None:
    result = run(tiny_lake.url, tmp_path / "some", "--split", split, "--limit", "2", "--max-masked", "1")
    assert result.exit_code == 0, result.output
    section = yaml.safe_load((tmp_path / "some/terratorch.yaml").read_text())["data"]["init_args"]
    roots = {name: root for name, root in section.items() if name.endswith("_root")}
    there = {*split.split(",")}
    assert {name for name, root in roots.items() if root == "???"} == {f"{n}_data_root" for n in {*SPLITS} - there}
    assert {name for name in roots if "label" in name} == {f"{name}_label_data_root" for name in there}
    assert all((tmp_path / "some" / root).is_dir() for root in roots.values() if root != "???")


@pytest.mark.slow
@pytest.mark.parametrize("format", ["geotiff", "npz", "zarr"])
@pytest.mark.parametrize("store", ["folder", "memory"])
def test_a_stopped_export_goes_on_to_the_same_bytes(
    tiny_lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str, store: str
) -> None:
    words = ("--limit", "6", "--format", format, "--split", "train,test")
    assert run(tiny_lake.url, tmp_path / "whole", *words).exit_code == 0
    place = str(tmp_path / "parts") if store == "folder" else f"memory:/{tmp_path}/parts"
    original, calls = running._read, []

    def stops(*given: object) -> object:
        calls.append(given)
        if len(calls) > 7:
            raise KeyboardInterrupt
        return original(*given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(running, "_read", stops)
        assert run(tiny_lake.url, place, *words).exit_code != 0
    assert read(f"{place}/patches.csv") is None, "the table comes last"
    finished = len(names(f"{place}/{running.FINISHED}"))
    assert finished > 0
    if store == "folder":
        for half in (".x.tif.1234.part", "0.1234abcd.partial"):
            replace(f"{place}/train/images/{half}", b"half")
    result = run(tiny_lake.url, place, *words)
    assert result.exit_code == 0, result.output
    assert f"finished by an earlier run: {finished} scenes" in result.output
    assert content(place) == content(tmp_path / "whole")


@pytest.mark.slow
def test_a_bucket_takes_every_format(tiny_lake: Lake, tmp_path: Path, s3: ObjectStore) -> None:
    for format in ("geotiff", "npz", "zarr"):
        words = ("--limit", "2", "--format", format)
        place = f"s3://lake/patches-{format}"
        assert run(tiny_lake.url, tmp_path / format, *words).exit_code == 0
        for _ in range(2):
            result = run(tiny_lake.url, place, *words)
            assert result.exit_code == 0, result.output
        assert content(place) == content(tmp_path / format)
    result = run(tiny_lake.url, "s3://lake", "--limit", "2")
    assert result.exit_code == 2
    assert "holds no export" in result.output
    result = run(tiny_lake.url, "s3://no-such-bucket/patches", "--limit", "2")
    assert result.exit_code == 2
    assert "no-such-bucket" in result.output


def test_one_process_at_a_time(tiny_lake: Lake, tmp_path: Path) -> None:
    words = ("--format", "npz", "--limit", "1", "--split", "test")
    with hold(f"{tmp_path}/{running.LOCK}", lambda holder: False, lambda holder: AssertionError()):
        result = run(tiny_lake.url, tmp_path, *words)
    assert result.exit_code == 2
    assert "writes an export to" in result.output
    assert not list(tmp_path.iterdir())
    dead = Holder.this_process().model_copy(update={"pid": 2**22 + 1})  # no process has this number
    replace(f"{tmp_path}/{running.LOCK}", dead.model_dump_json().encode())
    assert run(tiny_lake.url, tmp_path, *words).exit_code == 0
    assert not (tmp_path / running.LOCK).exists()


@pytest.mark.slow
def test_npz_and_zarr_hold_the_same_patches(tiny_lake: Lake, tmp_path: Path) -> None:
    for format in ("npz", "zarr", "geotiff"):
        words = ("--format", format, "--limit", "5", "--split", "test", "--channels", f"{SAR},t2m", "--no-data", "nan")
        assert run(tiny_lake.url, tmp_path / format, *words).exit_code == 0
    table = pd.read_csv(tmp_path / "npz" / "patches.csv")
    group = xr.open_zarr(tmp_path / "zarr" / "test" / "patches.zarr", consolidated=False, mask_and_scale=False)
    tiffs = pd.read_csv(tmp_path / "geotiff" / "patches.csv")
    assert group.image.dims == ("patch", "channel", "line", "sample")
    for row, tiff in zip(table.itertuples(), tiffs.itertuples(), strict=True):
        with np.load(tmp_path / "npz" / row.image) as image, np.load(tmp_path / "npz" / row.mask) as mask:
            np.testing.assert_array_equal(group.image[row.patch], image["image"])
            np.testing.assert_array_equal(group["mask"][row.patch], mask["mask"])
            with rasterio.open(tmp_path / "geotiff" / tiff.image) as file:
                np.testing.assert_array_equal(file.read(), image["image"])


@pytest.mark.slow
def test_a_smaller_draw_is_part_of_a_larger_one(tiny_lake: Lake, tmp_path: Path) -> None:
    found = {}
    for limit, seed in ((4, 0), (8, 0), (8, 1)):
        folder = tmp_path / f"{limit}-{seed}"
        words = ("--limit", str(limit), "--seed", str(seed), "--format", "npz", "--split", "train")
        assert run(tiny_lake.url, folder, *words).exit_code == 0
        found[limit, seed] = {path.name for path in (folder / "train" / "images").iterdir()}
    assert found[4, 0] < found[8, 0] != found[8, 1]
    assert len(found[8, 0]) == 8


def test_what_is_refused(tiny_lake: Lake, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "thesis.txt").write_text("mine")
    words = ("--format", "npz", "--limit", "1", "--split", "test")
    assert run(tiny_lake.url, tmp_path / "ours", *words).exit_code == 0
    before = content(tmp_path / "ours")
    others_export = tmp_path / "theirs"
    replace(str(others_export / "export.json"), b'["not ours"]')
    for folder, others, sentence in (
        (others_export, words, "is not empty and holds no export"),
        (taken, words, "is not empty and holds no export"),
        (tmp_path / "ours", (*words, "--stride", "32"), "other settings (stride 64 and not 32)"),
        (tmp_path / "new", ("--ratio", "3"), "has no ratio 3, it has 1, 2, 5, 10"),
        (tmp_path / "new", ("--format", "tiff"), "unknown format 'tiff': known are geotiff, npz, zarr"),
        (tmp_path / "new", ("--channels", "t3m"), "unknown channel 't3m'"),
        (tmp_path / "new", ("--split", "tests"), "unknown split 'tests': known are train, val, test"),
        (tmp_path / "new", ("--target", "SID"), "unknown chart 'SID'"),
        (tmp_path / "new", ("--patch", "4096"), "no scene is as large as a patch of 4096 x 4096 pixels"),
        (tmp_path / "wide", ("--patch", "128", "--max-masked", "0"), "no window of 128 pixels"),
    ):
        result = run(tiny_lake.url, folder, *others)
        assert result.exit_code == 2, sentence
        assert sentence in " ".join(result.output.split())
    assert content(tmp_path / "ours") == before
    assert not (tmp_path / "new").exists()
    assert not (tmp_path / "new").exists()
    assert not list((tmp_path / "wide").iterdir()), "the next try may have other options"
    assert [path.name for path in taken.iterdir()] == ["thesis.txt"]


def test_a_missing_package_is_named(tiny_lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "rasterio", None)
    result = run(tiny_lake.url, tmp_path / "new")
    assert result.exit_code == 2
    assert "pip install 'icebench[maps]'" in " ".join(result.output.split())
    assert not (tmp_path / "new").exists()


def test_a_place_where_nothing_can_be_made_is_a_sentence(tiny_lake: Lake) -> None:
    result = run(tiny_lake.url, "/proc/none")
    assert (result.exit_code, "'/proc/none' cannot be used (nothing can be made there)" in result.output) == (2, True)
