"""What a store holds of a raw scene, against independent computations."""

from pathlib import Path

import numpy as np
import xarray as xr
import zarr

from datasets.lake import Lake
from ingest.precision import MEAN_STEP_DB
from ingest.source import parse_name


def test_every_ratio_holds_the_whole_scene(tiny_lake: Lake, raw_train: list[Path]) -> None:
    record = tiny_lake.scene(parse_name(str(raw_train[0])).scene_id).record
    for ratio in (1, 2, 5, 10):
        dataset = xr.open_zarr(tiny_lake.scene_url(record.scene_id), group=f"r{ratio}")
        assert dict(dataset.sizes) == {"line": record.lines // ratio, "sample": record.samples // ratio}
        assert dataset.attrs["pixel_spacing"] == 40 * ratio
        assert set(dataset.variables) == {
            "nersc_sar_primary",
            "nersc_sar_secondary",
            "sar_incidenceangle",
            "sar_latitude",
            "sar_longitude",
            "distance_map",
            "distance_to_border",
            "polygon_id",
            "SIC",
            "SOD",
            "FLOE",
        }
        assert dataset.SOD.dtype == np.uint8
        assert dataset.nersc_sar_primary.dtype == (
            np.float32 if ratio == 1 else np.float64
        )  # packed: as xarray chooses
        assert dataset.nersc_sar_primary.attrs["units"] == "dB"
        assert len(dataset.SOD.attrs["flag_meanings"].split()) == len(dataset.SOD.attrs["flag_values"]) == 6


def test_values_are_those_of_the_raw_file(tiny_lake: Lake, raw_train: list[Path]) -> None:
    with xr.open_dataset(raw_train[0]) as source:
        scene = tiny_lake.scene(parse_name(str(raw_train[0])).scene_id)
        full, half = scene.open(1), scene.open(2)
        np.testing.assert_array_equal(full.nersc_sar_primary, source.nersc_sar_primary)
        np.testing.assert_array_equal(full.distance_map, source.distance_map)
        trimmed = source.nersc_sar_secondary.coarsen(sar_lines=2, sar_samples=2, boundary="trim").mean()
        half_step = MEAN_STEP_DB / 2
        np.testing.assert_allclose(half.nersc_sar_secondary, trimmed, rtol=1e-6, atol=half_step)
        np.testing.assert_array_equal(scene.km2("btemp_18_7h"), source.btemp_18_7h.astype(np.float32))
        np.testing.assert_array_equal(
            zarr.open_array(f"{tiny_lake.scene_url(scene.record.scene_id)}/tie_points/sar_grid_latitude")[:],
            source.sar_grid_latitude,
        )


def test_charts_are_unlabelled_outside_polygons_and_swath(tiny_lake: Lake, raw_train: list[Path]) -> None:
    for path in raw_train:
        with xr.open_dataset(path) as source:
            scene = tiny_lake.scene(parse_name(str(path)).scene_id)
            sod = scene.open(1).SOD.values
            outside = (
                np.isnan(source.polygon_icechart)
                | np.isnan(source.nersc_sar_primary)
                | np.isnan(source.nersc_sar_secondary)
            ).values
        assert outside.any()
        assert (sod[outside] == 255).all()
        assert (sod[~outside] != 255).any()
        assert set(np.unique(sod)) <= {0, 1, 2, 3, 4, 5, 255}
        counted = {value: int((sod == value).sum()) for value in (0, 1, 2, 3, 4, 5, 255)}
        assert scene.record.pixels["SOD"] == counted


def test_stored_geolocation_is_within_a_third_of_a_pixel(tiny_lake: Lake, raw_train: list[Path]) -> None:
    with xr.open_dataset(raw_train[0]) as source:
        points = {name: source[name].values for name in source.data_vars if str(name).startswith("sar_grid")}
    record = tiny_lake.scene(parse_name(str(raw_train[0])).scene_id).record
    stored = tiny_lake.scene(record.scene_id).open(1).sar_latitude.values
    lines, samples = (points[f"sar_grid_{axis}"].astype(int) for axis in ("line", "sample"))
    np.testing.assert_allclose(stored[lines, samples], points["sar_grid_latitude"], rtol=0, atol=14 / 111_000)
