from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from netCDF4 import Dataset

from ingest.source import parse_name

CHANNELS = [f"btemp_{b}{p}" for b in ("6_9", "7_3", "10_7", "18_7", "23_8", "36_5", "89_0") for p in "hv"]
TIES = [f"sar_grid_{n}" for n in ("line", "sample", "latitude", "longitude", "incidenceangle", "height")]
ERA5 = ["u10m_rotated", "v10m_rotated", "t2m", "skt", "tcwv", "tclw"]
SAR = ["nersc_sar_primary", "nersc_sar_secondary"]
NAMES = [*SAR, "polygon_icechart", "distance_map", *TIES, *CHANNELS, "amsr2_swath_map", "swath_segmentation", *ERA5]


@pytest.mark.slow
def test_dimensions_and_variables_stand_in_the_order_of_the_archive(scene_paths: list[Path]) -> None:
    with Dataset(scene_paths[0]) as file:
        assert list(file.dimensions) == [
            "sar_lines", "sar_samples", "sar_grid_points", "polygon_codes", "2km_grid_lines", "2km_grid_samples",
        ]  # fmt: skip
        assert list(file.variables) == ["polygon_codes", *NAMES]
        assert len(NAMES) == 32
        assert file["polygon_codes"].dtype is str
        for name in NAMES:
            wanted = "f4" if name in NAMES[:4] else "u1" if "swath" in name else "f8"
            assert file[name].dtype == np.dtype(wanted), name
            sar, km2 = ("sar_lines", "sar_samples"), ("2km_grid_lines", "2km_grid_samples")
            dims = sar if name in NAMES[:4] else ("sar_grid_points",) if name in TIES else km2
            assert file[name].dimensions == dims, name
            assert "_FillValue" not in file[name].ncattrs()


def test_global_attributes_are_exactly_the_three_of_the_archive(scene_paths: list[Path]) -> None:
    with Dataset(scene_paths[0]) as file:
        assert file.ncattrs() == ["title", "geometric_info", "sar_denoise_by_nersc_documentation"]
        assert file.title == (
            "Training data file from AI4Arctic_CCN challenge dataset\n"
            "Input: Sentinel-1 SAR dual HH-HV / AMSR2 PMR / ERA5 NWP /Land distance.\n"
            "Label: Sea-ice information (gridded polygon ids with accomanying SIGRID3 coding."  # codespell:ignore
        )
        assert file.geometric_info.split("\n")[2] == "AMSR2 and NWP are gridded 2 km spatial resolution."
        assert file.sar_denoise_by_nersc_documentation.endswith("https://ieeexplore.ieee.org/document/9627699")


def test_attributes_are_complete_and_tell_of_the_scene(scene_paths: list[Path]) -> None:
    for path in scene_paths:
        name = parse_name(str(path))
        with Dataset(path) as file:
            file.set_auto_mask(False)
            for variable, pol in zip(SAR, ("HH", "HV"), strict=True):
                assert file[variable].ncattrs() == ["polarisation", "upstream_id", "description", "min", "max"]
                assert file[variable].polarisation == pol
                assert file[variable].upstream_id == name.upstream_id
                assert file[variable].min == np.nanmin(file[variable][:])
                assert file[variable].max == np.nanmax(file[variable][:])
            assert file["polygon_icechart"].ncattrs() == ["description", "icechart_id"]
            assert file["polygon_icechart"].icechart_id == file["polygon_codes"].icechart_id == name.icechart_id
            for variable in CHANNELS:
                assert file[variable].ncattrs() == ["AMSR2_swaths", "AMSR2_S1_delays", "min", "max", "description"]
                assert file[variable].max == np.nanmax(file[variable][:])
            described = file["btemp_23_8v"].description
            assert described == "Brightness temperature in K at 23.8GHz. Polarization: vertical."
            assert all(file[n].ncattrs() == [] for n in [*TIES, "amsr2_swath_map"])
            assert all(file[n].ncattrs() == ["units", "long_name"] for n in ERA5)


def test_swath_attributes_and_maps_agree(scene_paths: list[Path]) -> None:
    for path in scene_paths:
        with Dataset(path) as file:
            file.set_auto_mask(False)
            text, delays = file["swath_segmentation"].AMSR2_swaths, file["btemp_6_9h"].AMSR2_S1_delays
            assert np.ndim(delays) == 0
            assert text.endswith("_L1SGBTBR_2220220.h5")
            assert (file["swath_segmentation"][:] == 0).all()
            assert (file["amsr2_swath_map"][:] == 255).all()


def test_zone_description_names_every_zone(scene_paths: list[Path]) -> None:
    with Dataset(scene_paths[0]) as file:
        lines = file["distance_map"].zonal_range_description.split("\n")
    assert lines[:4] == ["dist_id; dist_range_km", "0; land", "1; 0 -> 0.5", "2; 0.5 -> 1"]
    assert lines[21:25] == ["20; 18 -> 19", "21; 19 -> 20", "22; 20 -> 25", "23; 25 -> 30"]
    assert lines[33:35] == ["32; 90 -> 100", "33; 100 -> 125"]
    assert lines[-1] == "41; 300 -> inf"


def test_xarray_opens_a_scene_as_it_opens_the_archive(scene_paths: list[Path]) -> None:
    with xr.open_dataset(scene_paths[0]) as scene:
        assert len(scene.data_vars) == 32
        assert list(scene.coords) == ["polygon_codes"]
        assert str(scene["polygon_codes"].values[0]).startswith("poly_id;CT;CA;SA;FA;")
        assert scene["polygon_icechart"].dtype == np.float32
        assert scene["amsr2_swath_map"].dtype == np.uint8
        assert scene["t2m"].dtype == np.float64
