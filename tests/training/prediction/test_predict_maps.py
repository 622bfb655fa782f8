"""Maps of scenes of a lake that no network was trained on."""

import errno
import json
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from typer.testing import CliRunner

from datasets.class_colours import Palette
from datasets.errors import SceneNotFoundError, SplitError
from datasets.grids import centres
from datasets.labels import CHARTS, IGNORE
from datasets.lake import Lake
from datasets.loading.scene_reader import SceneReader
from datasets.scene import Scene
from datasets.tie_grid import TieGrid
from tests.training.prediction.conftest import MakeCheckpoint
from training.__main__ import app
from training.data.trial_data import NetworkInputs
from training.evaluation.predict import outputs_of
from training.loop.checkpoint import CheckpointError, load_checkpoint
from training.loop.device_memory import DeviceMemoryError
from training.models.heads import heads_of
from training.prediction import predict_scene as module
from training.prediction.formats import Options
from training.prediction.georeference import Georeference, MapGridError, control_points
from training.prediction.map_folder import MapExistsError, MapFolder
from training.prediction.networks import HH
from training.prediction.predict_maps import Progress, Summary, choose_scenes, predict_maps, share_of
from training.prediction.predict_scene import masks
from training.prediction.scene_map import LAND, open_map
from training.spec import SpecError


def predicted(
    folder: Path, lake: Lake, *files: Path, overwrite: bool = False, formats: tuple[str, ...] = ("zarr",)
) -> Summary:
    wanted = MapFolder(path=folder, formats=formats, options=Options(), overwrite=overwrite)
    return predict_maps(files, lake, choose_scenes(lake, (), "all"), wanted)


def test_a_scene_of_another_lake_is_predicted_as_the_network_sees_it(
    new_lake: Lake, make_checkpoint: MakeCheckpoint, tmp_path: Path
) -> None:
    file = make_checkpoint(data__ratio=5, data__targets=["SOD", "FLOE"])
    assert not new_lake.statistics, "no training scene: normalization can only come from the checkpoint"
    summary = predicted(tmp_path / "maps", new_lake, file)
    assert summary.written == list(new_lake.catalog().scene_ids)
    loaded = load_checkpoint(file)
    inputs = NetworkInputs.of(loaded.spec.data, new_lake, loaded.normalization, torch.device("cpu"), None)
    reader = SceneReader(new_lake, ratio=5, channels=(HH, "distance_map"), targets=(), cache=None)
    kinds = Counter[str]()
    for scene_id in summary.written:
        data, shape = open_map(tmp_path / "maps" / f"{scene_id}.zarr"), new_lake.scene(scene_id).shape(5)
        assert data.SOD.shape == data.FLOE.shape == shape
        x_CHW = inputs.scene(scene_id).window(slice(0, shape[0]), slice(0, shape[1]))
        outputs = outputs_of(loaded.model(), x_CHW[None])
        scene = new_lake.scene(scene_id).open(5)
        land, no_sar = scene.distance_map.values < 0.5, np.isnan(scene.nersc_sar_primary.values)
        kinds.update(land=int(land.sum()), no_sar=int(no_sar.sum()))
        for found, expected in zip(
            masks(reader, scene_id, slice(0, shape[0]), slice(0, shape[1])), (land, no_sar), strict=True
        ):
            np.testing.assert_array_equal(found, expected)
        seen = ~(land | no_sar)
        for head in heads_of(loaded.spec):
            name = head.chart.name
            expected = np.where(land, LAND, np.where(no_sar, IGNORE, head.classes(outputs)[0].numpy()))
            np.testing.assert_array_equal(data[name].values, expected)
            shares = 100 * head.of(outputs)[0].softmax(dim=0).numpy()
            found = data[f"{name}_probability"].values.astype(float)
            np.testing.assert_allclose(found[:, seen], shares[:, seen], atol=0.51)
            assert (found[:, ~seen] == IGNORE).all()
    assert min(kinds.values()) > 0, kinds


def test_plain_xarray_reads_physical_values_with_names_and_places(
    new_lake: Lake, make_checkpoint: MakeCheckpoint, tmp_path: Path
) -> None:
    predicted(tmp_path / "maps", new_lake, make_checkpoint(), formats=("zarr", "netcdf"))
    scene_id = new_lake.catalog().scene_ids[0]
    grid = TieGrid.from_points(new_lake.scene(scene_id).tie_points())
    first = [np.interp(centres(0, 1, 10), nodes, np.arange(nodes.size))[0] for nodes in (grid.lines, grid.samples)]
    whole = open_map(tmp_path / "maps" / f"{scene_id}.zarr").load()
    assert control_points(whole) == Georeference.of(new_lake.scene(scene_id), 10).control_points(), "known beforehand"
    for opened in (
        xr.open_zarr(tmp_path / "maps" / f"{scene_id}.zarr"),
        xr.open_dataset(tmp_path / "maps" / f"{scene_id}.nc"),
    ):
        with opened as data:
            assert set(data.coords) == {"latitude", "longitude", "SOD_class"}
            assert data.latitude.attrs["standard_name"] == "latitude"
            assert data.SOD_class.values.tolist() == [0, 1, 2, 3, 4, 5]
            assert data.SOD_class.attrs["flag_meanings"].split()[5] == "old_ice"
            assert data.attrs["Conventions"].startswith("CF")
            assert (data.attrs["scene_id"], data.attrs["ratio"]) == (scene_id, 10)
            assert data.SOD.attrs["flag_meanings"].split()[-1] == "land"
            assert np.asarray(data.SOD.attrs["flag_values"]).tolist() == [0, 1, 2, 3, 4, 5, LAND]
            shares = data.SOD_probability.sum("SOD_class", skipna=False).values
            seen = np.isfinite(shares)
            assert 0 < seen.sum() < seen.size
            assert np.abs(shares[seen] - 1).max() < 0.031
            assert np.nanmin(data.latitude.values) >= grid.fields["sar_latitude"].min() - 1e-3
            assert first[0] < 1
            assert abs(data.latitude.values[0, 0] - grid.fields["sar_latitude"][0, 0]) < 0.05
    with xr.open_dataset(tmp_path / "maps" / f"{scene_id}.nc", mask_and_scale=False) as stored:
        for name, values in whole.variables.items():
            np.testing.assert_array_equal(stored[name].values, values.to_numpy())
            assert stored[name].dtype == values.dtype


def test_gdal_reads_the_netcdf_and_finds_its_places(
    new_lake: Lake, make_checkpoint: MakeCheckpoint, tmp_path: Path
) -> None:
    rasterio = pytest.importorskip("rasterio")
    predicted(tmp_path / "maps", new_lake, make_checkpoint(), formats=("zarr", "netcdf"))
    scene_id = new_lake.catalog().scene_ids[0]
    data = open_map(tmp_path / "maps" / f"{scene_id}.zarr").load()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a swath has no geotransform
        with rasterio.open(f"netcdf:{tmp_path / 'maps' / scene_id}.nc:SOD") as opened:
            assert opened.nodata == IGNORE
            places = opened.tags(ns="GEOLOCATION")
            assert places["X_DATASET"].endswith(":longitude")
            rows = opened.read(1)
    assert (rows == data.SOD.values).all() or (rows[::-1] == data.SOD.values).all(), "GDAL may turn a swath over"


def test_tiles_and_one_piece_are_the_same_map(new_lake: Lake, make_checkpoint: MakeCheckpoint, tmp_path: Path) -> None:
    small = {"data__ratio": 2, "data__channels": ["nersc_sar_primary"]}
    whole, tiled = make_checkpoint("a", **small), make_checkpoint("b", evaluation__tile=64, **small)
    for name, file in (("a", whole), ("b", tiled)):
        predicted(tmp_path / "maps" / name, new_lake, file)
    scene_id = new_lake.catalog().scene_ids[0]
    one, other = (open_map(tmp_path / "maps" / name / f"{scene_id}.zarr").load() for name in "ab")
    assert (one.SOD != other.SOD).mean() < 1e-4, "but for near ties of float32"
    assert np.abs(one.SOD_probability.astype(int) - other.SOD_probability).max() <= 1
    np.testing.assert_array_equal(one.latitude, other.latitude)


def test_a_patch_based_network_and_a_pixel_based_one_predict_together(
    new_lake: Lake, make_checkpoint: MakeCheckpoint, tmp_path: Path
) -> None:
    patch = {"data__task": "patch", "data__ratio": 2, "data__patch_size": 24, "data__stride": 12}
    net = {"model": {"name": "cnn"}}
    files = [make_checkpoint("patch", **patch, **net), make_checkpoint("pixel", data__ratio=2)]
    for name, given in (("a", files[:1]), ("b", files[1:]), ("both", files)):
        predicted(tmp_path / "maps" / name, new_lake, *given)
    scene_id = new_lake.catalog().scene_ids[0]
    a, b, both = (open_map(tmp_path / "maps" / name / f"{scene_id}.zarr").load() for name in ("a", "b", "both"))
    assert "SOD_spread" in both
    assert "SOD_spread" not in a
    seen = a.SOD_entropy.values != IGNORE
    mean = (a.SOD_probability.values.astype(float) + b.SOD_probability.values) / 2
    np.testing.assert_allclose(both.SOD_probability.values[:, seen], mean[:, seen], atol=1.01)
    assert len(both.attrs["checkpoints"].split()) == 2
    corner = a.SOD.values[:6, :6][seen[:6, :6]]
    assert len({*corner.tolist()}) <= 1, "the pixels around a window's centre have its class"


def test_a_stopped_run_goes_on_scene_by_scene(
    new_lake: Lake, make_checkpoint: MakeCheckpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, real = make_checkpoint(), module.predict_scene_map
    calls: list[str] = []

    def once(networks: object, reader: object, scene_id: str, *rest: object, **more: object) -> None:
        calls.append(scene_id)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(networks, reader, scene_id, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "predict_scene_map", once)
    with pytest.raises(KeyboardInterrupt):
        predicted(tmp_path / "maps", new_lake, file)
    first, second = new_lake.catalog().scene_ids
    assert {path.name for path in (tmp_path / "maps").iterdir()} == {".predict", f"{first}.zarr"}
    before = (tmp_path / "maps" / f"{first}.zarr" / "zarr.json").stat().st_mtime_ns
    summary = predicted(tmp_path / "maps", new_lake, file)
    assert (summary.kept, summary.written) == ([first], [second])
    assert (tmp_path / "maps" / f"{first}.zarr" / "zarr.json").stat().st_mtime_ns == before
    assert not list((tmp_path / "maps" / ".predict").glob("*.part"))
    more = predicted(tmp_path / "maps", new_lake, file, formats=("zarr", "netcdf"))
    assert more.written == [first, second]
    assert calls == [first, second, second], "another form needs no network where the store is there"


def test_maps_of_another_checkpoint_are_not_touched_unless_they_are_to_be_replaced(
    new_lake: Lake, make_checkpoint: MakeCheckpoint, tmp_path: Path
) -> None:
    one, other = make_checkpoint("one"), make_checkpoint("other", seed=1)
    predicted(tmp_path / "maps", new_lake, one, formats=("zarr", "netcdf"))
    with pytest.raises(MapExistsError, match="was made from another checkpoint"):
        predicted(tmp_path / "maps", new_lake, other)
    assert len(predicted(tmp_path / "maps", new_lake, other, overwrite=True).written) == 2
    assert not list((tmp_path / "maps").glob("*.nc")), "what the other checkpoint left does not stay beside it"
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / f"{new_lake.catalog().scene_ids[1]}.zarr").mkdir()
    with pytest.raises(MapExistsError, match="made by something else"):
        predicted(tmp_path / "theirs", new_lake, one)
    (tmp_path / "tiffs").mkdir()
    (tmp_path / "tiffs" / f"{new_lake.catalog().scene_ids[1]}_SOD_swath.tif").touch()
    with pytest.raises(MapExistsError, match=r"SOD_swath\.tif' exists and was made by something else"):
        predicted(tmp_path / "tiffs", new_lake, one, formats=("geotiff",))


@pytest.mark.slow
def test_geotiff_files_of_classes_have_the_names_of_classes_beside(
    new_lake: Lake, make_checkpoint: MakeCheckpoint, tmp_path: Path
) -> None:
    predicted(tmp_path / "maps", new_lake, make_checkpoint(), formats=("geotiff",))
    classes = [path.name for path in (tmp_path / "maps").glob("*_SOD_*.tif") if "_layers_" not in path.name]
    assert len(classes) == 4, "two scenes, as swath and on a grid"
    assert {path.name for path in (tmp_path / "maps").glob("*.aux.xml")} == {f"{name}.aux.xml" for name in classes}


@pytest.mark.slow
def test_pictures_are_drawn_in_other_colours_where_that_is_asked(
    new_lake: Lake, make_checkpoint: MakeCheckpoint, tmp_path: Path
) -> None:
    file, (first, _) = make_checkpoint(), new_lake.catalog().scene_ids
    png, store = (tmp_path / "maps" / f"{first}{ending}" for ending in (".png", ".zarr"))

    def draw(colours: Palette, *, overwrite: bool = False) -> bytes:
        options = Options(colours=colours)
        wanted = MapFolder(path=png.parent, formats=("zarr", "png"), options=options, overwrite=overwrite)
        predict_maps([file], new_lake, choose_scenes(new_lake, [first], "all"), wanted)
        return png.read_bytes()

    safe, made = draw("safe"), store.stat().st_mtime_ns
    with pytest.raises(MapExistsError, match=r"png' exists and was made with safe and not wmo"):
        draw("wmo")
    assert draw("safe") == safe
    assert draw("wmo", overwrite=True) != safe
    assert store.stat().st_mtime_ns == made, "the network need not be asked again"


def test_a_scene_without_tie_points_is_told_and_the_others_have_maps(
    new_lake: Lake, make_checkpoint: MakeCheckpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, points = new_lake.catalog().scene_ids[0], Scene.tie_points

    def without(scene: Scene) -> dict[str, np.ndarray]:
        found = points(scene)
        return {k: np.full_like(v, np.nan) for k, v in found.items()} if scene.record.scene_id == bad else found

    monkeypatch.setattr(Scene, "tie_points", without)
    summary = predicted(tmp_path / "maps", new_lake, make_checkpoint())
    assert [name for name, _ in summary.failed] == [bad]
    assert "tie points" in summary.failed[0][1]
    assert len(summary.written) == 1
    assert not list((tmp_path / "maps").glob(f"*{bad}*"))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MapGridError("the projection cannot show it"), "the projection cannot show it"),
        (DeviceMemoryError("the GPU has no memory left"), "the GPU has no memory left"),
        (ValueError("a damaged chunk"), "ValueError: a damaged chunk at line"),
        (OSError(errno.EIO, "disk error"), "OSError: [Errno 5] disk error"),
    ],
)
def test_whatever_one_scene_fails_with_is_a_line_and_the_others_have_maps(
    error: Exception,
    said: str,
    new_lake: Lake,
    make_checkpoint: MakeCheckpoint,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, (bad, good) = module.predict_scene_map, new_lake.catalog().scene_ids

    def failing(networks: object, reader: object, scene_id: str, *rest: object, **more: object) -> None:
        if scene_id == bad:
            raise error
        real(networks, reader, scene_id, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "predict_scene_map", failing)
    words = ["predict", "--checkpoint", str(make_checkpoint()), "--lake", new_lake.url, "--out", str(tmp_path / "maps")]
    done = CliRunner().invoke(app, words, env={"COLUMNS": "300"})
    assert done.exit_code == 1, done.output
    assert f"failed {bad} {said}" in " ".join(done.output.split())
    assert "written: 1 map in" in done.output
    assert [path.name for path in (tmp_path / "maps").glob("*.zarr")] == [f"{good}.zarr"]


def test_a_full_disk_ends_the_run(
    new_lake: Lake, make_checkpoint: MakeCheckpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[object] = []

    def full(*given: object, **more: object) -> None:
        calls.append(given)
        raise OSError(errno.ENOSPC, "No space left on device", "/maps")

    monkeypatch.setattr(module, "predict_scene_map", full)
    words = ["predict", "--checkpoint", str(make_checkpoint()), "--lake", new_lake.url, "--out", str(tmp_path / "maps")]
    done = CliRunner().invoke(app, words, env={"COLUMNS": "300"})
    assert done.exit_code == 1
    assert "'/maps' cannot be used (No space left on device): make room there" in done.output
    assert len(calls) == 1


def test_a_projection_that_cannot_show_the_scenes_is_a_line_for_each_before_the_network_is_asked(
    new_lake: Lake, make_checkpoint: MakeCheckpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "predict_scene_map", lambda *given, **more: pytest.fail("hours for nothing"))
    words = ["predict", "--checkpoint", str(make_checkpoint()), "--lake", new_lake.url, "--out", str(tmp_path / "maps")]
    done = CliRunner().invoke(app, [*words, "--format", "geotiff", "--crs", "EPSG:3031"], env={"COLUMNS": "300"})
    assert done.exit_code == 1, done.output
    for scene_id in new_lake.catalog().scene_ids:
        assert f"failed {scene_id} the projection 'EPSG:3031' cannot show the scene" in " ".join(done.output.split())


def test_the_seeds_of_a_regression_of_concentration_are_averaged_by_value(
    new_lake: Lake, make_checkpoint: MakeCheckpoint, tmp_path: Path
) -> None:
    changes = {"data__targets": ["SIC"], "loss__sic": "regression"}
    files = [make_checkpoint(name, seed=seed, **changes) for seed, name in enumerate(("a", "b"))]
    predicted(tmp_path / "maps", new_lake, *files)
    scene_id = new_lake.catalog().scene_ids[0]
    shape, values = new_lake.scene(scene_id).shape(10), []
    for loaded in map(load_checkpoint, files):
        inputs = NetworkInputs.of(loaded.spec.data, new_lake, loaded.normalization, torch.device("cpu"), None)
        x_CHW = inputs.scene(scene_id).window(slice(0, shape[0]), slice(0, shape[1]))
        values.append(outputs_of(loaded.model(), x_CHW[None])[0, 0].clamp(0, 10).numpy())
    with open_map(tmp_path / "maps" / f"{scene_id}.zarr") as data:
        seen = data.SIC_spread.values != IGNORE
        np.testing.assert_array_equal(data.SIC.values[seen], np.rint(np.mean(values, axis=0))[seen])
        np.testing.assert_allclose(data.SIC_spread.values[seen], 10 * np.std(values, axis=0)[seen], atol=0.51)
        assert data.SIC_spread.attrs["long_name"] == "standard deviation between networks of sea ice concentration"


def test_progress_tells_pixels_and_scenes(new_lake: Lake, make_checkpoint: MakeCheckpoint, tmp_path: Path) -> None:
    told: list[Progress] = []
    wanted = MapFolder(path=tmp_path / "maps", formats=("zarr",), options=Options())
    predict_maps([make_checkpoint()], new_lake, choose_scenes(new_lake, (), "test"), wanted, progress=told.append)
    assert told[0].done == 0
    assert (
        told[-1].done
        == told[-1].total
        == sum(np.prod(new_lake.scene(s).shape(10)) for s in new_lake.catalog().scene_ids)
    )
    assert (told[-1].scenes, told[-1].of) == (2, 2)


def test_what_cannot_work_is_one_sentence(
    new_lake: Lake, tiny_lake: Lake, make_checkpoint: MakeCheckpoint, tmp_path: Path
) -> None:
    file = make_checkpoint()
    with pytest.raises(CheckpointError, match="given twice"):
        predicted(tmp_path / "maps", new_lake, file, file)
    with pytest.raises(CheckpointError, match=r"predicts ratio 10 and .* ratio 5"):
        predicted(tmp_path / "maps", new_lake, file, make_checkpoint("five", data__ratio=5))
    with pytest.raises(CheckpointError, match=r"predicts the charts SOD and .* the charts FLOE"):
        predicted(tmp_path / "maps", new_lake, file, make_checkpoint("floe", data__targets=["FLOE"]))
    with pytest.raises(SpecError, match=r"sees scenes at ratio 1, and the lake .* has the ratios 2, 5, 10"):
        predicted(tmp_path / "maps", new_lake, make_checkpoint("one", data__ratio=1))
    first = new_lake.catalog().scene_ids[0]
    with pytest.raises(SceneNotFoundError, match=f"did you mean '{first}'"):
        choose_scenes(new_lake, [first[:-1]], "all")
    with pytest.raises(SplitError, match="no scene of the split train"):
        choose_scenes(new_lake, [], "train")
    assert choose_scenes(new_lake, [first], "all").scene_ids == (first,)
    assert not (tmp_path / "maps").exists()


def test_a_lake_without_a_channel_is_refused(
    new_lake: Lake, make_checkpoint: MakeCheckpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Lake.channels
    monkeypatch.setattr(Lake, "channels", lambda lake, group: tuple(n for n in real(lake, group) if n != "t2m"))
    with pytest.raises(SpecError, match=r"the trial needs t2m, which the lake .* lacks"):
        predicted(tmp_path / "maps", new_lake, make_checkpoint())
    first, others = new_lake.catalog().scene_ids[0], ["nersc_sar_secondary", "nersc_sar_primary"]
    without_it = make_checkpoint("few", model__inputs__channels=others)
    assert first in predicted(tmp_path / "maps", new_lake, without_it).written, "its network does not take it"


def test_records_are_plain_json(new_lake: Lake, make_checkpoint: MakeCheckpoint, tmp_path: Path) -> None:
    predicted(tmp_path / "maps", new_lake, make_checkpoint())
    first = new_lake.catalog().scene_ids[0]
    record = json.loads((tmp_path / "maps" / ".predict" / f"{first}.json").read_text(encoding="utf-8"))
    assert record["formats"]["zarr"]["files"] == [f"{first}.zarr"]


@pytest.mark.slow
def test_the_upload_holds_all_test_scenes(tiny_lake: Lake, make_checkpoint: MakeCheckpoint, tmp_path: Path) -> None:
    file = make_checkpoint(data__targets=["SIC", "SOD", "FLOE"])
    words = ["predict", "--checkpoint", str(file), "--lake", tiny_lake.url, "--out", str(tmp_path / "maps"), "--upload"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    scenes = tiny_lake.catalog().split("test")
    with xr.open_dataset(tmp_path / "maps" / "upload_package.nc") as made:
        assert {name: made[name].shape for name in made} == {
            f"{row.scene_id}_{chart}": (row.lines // 2, row.samples // 2) for row in scenes for chart in CHARTS
        }
    refused = CliRunner().invoke(app, [*words, "--part", "1/2"])
    assert refused.exit_code == 2
    assert "--upload is of all test scenes" in refused.output


def test_parts_hold_every_scene_once(tiny_lake: Lake) -> None:
    scenes = tiny_lake.catalog()
    parts = [share_of(scenes, f"{part}/4").scene_ids for part in (1, 2, 3, 4)]
    assert sorted(name for part in parts for name in part) == list(scenes.scene_ids)
    assert share_of(scenes, "12/12").scene_ids == scenes.scene_ids[11:]
    for wrong in ("0/2", "3/2", "2", "a/b", "-1/2", "", "\u00b2/3"):
        with pytest.raises(SplitError, match="give K/N with 1 <= K <= N"):
            share_of(scenes, wrong)
