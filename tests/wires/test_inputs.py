"""Statistics, channels and rasters that reach a network, held against the arrays that the lake stores."""

import shutil
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from datasets.channels import INPUTS
from datasets.lake import Lake
from datasets.loading.node_cache import NodeCache
from datasets.loading.normalize import Normalization
from datasets.loading.scene_reader import SceneReader
from datasets.tie_grid import LATITUDE, LONGITUDE
from ingest.build import SplitOptions, publish
from ingest.convert import convert_scene
from ingest.precision import border_step, geolocation_step
from ingest.product import open_scene
from ingest.recipe import Recipe
from tests.wires.test_selection import SPEC
from training.data.trial_data import TrialData

RATIOS = (1, 2, 5, 10)
MONTH = (6.5, 3.5)


def stored(lake: Lake, scene_id: str, ratio: int, name: str) -> NDArray[Any]:
    return np.asarray(lake.scene(scene_id).whole(ratio, [name])[name], np.float64)


def data_of(lake: Lake, ratio: int, **changes: object) -> TrialData:
    spec = SPEC.with_all({"data.ratio": ratio, "data.channels": list(INPUTS), "evaluation.fixed_ratio": None})
    spec = spec.with_all({path.replace("__", "."): value for path, value in changes.items()})
    return TrialData.of(spec, lake, torch.device("cpu"), cache=None)


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("kind", ["pooled", "scene_average"])
def test_statistics_are_those_of_the_stored_arrays_of_training_scenes(wired_lake: Lake, ratio: int, kind: str) -> None:
    found = data_of(wired_lake, ratio, data__statistics=kind).inputs.normalization
    assert found.channels == INPUTS
    for name, mean, std in zip(found.channels, found.mean, found.std, strict=True):
        if name == "month":
            assert (mean, std) == MONTH
            continue
        scenes = [stored(wired_lake, each, ratio, name) for each in wired_lake.catalog().split("train").scene_ids]
        scenes = [values[np.isfinite(values)] for values in scenes]
        every = np.concatenate(scenes)
        wanted = every.std() if kind == "pooled" else np.mean([values.std() for values in scenes])
        assert mean == pytest.approx(every.mean(), rel=1e-4, abs=2e-3 * every.std()), name
        assert std == pytest.approx(wanted, rel=2e-3), name


def test_statistics_differ_between_ratios_and_kinds(wired_lake: Lake) -> None:
    """Else the tests above could not see one ratio taken for another."""
    sar = INPUTS.index("nersc_sar_primary")
    assert len({data_of(wired_lake, ratio).inputs.normalization.std[sar] for ratio in RATIOS}) == len(RATIOS)


@pytest.mark.parametrize("ratio", [2, 5, 10])
def test_every_channel_of_a_scene_is_the_stored_one_at_its_place(wired_lake: Lake, ratio: int) -> None:
    data = data_of(wired_lake, ratio)
    record = data.scenes.train.records[0]
    inputs = data.inputs.scene(record.scene_id)
    lines, samples = (slice(0, length) for length in inputs.shape)
    x, normalization = inputs.window(lines, samples).double().numpy(), data.inputs.normalization
    for place, name in enumerate(INPUTS):
        values = x[place] * normalization.std[place] + normalization.mean[place]
        if name == "month":
            assert values == pytest.approx(record.acquired.month)
            continue
        own = stored(wired_lake, record.scene_id, ratio, name)
        if own.shape == values.shape:
            known = np.isfinite(own)
            step = (
                geolocation_step(name, ratio) if name in (LATITUDE, LONGITUDE) else 0.0
            )  # rasters of these are rounded
            assert np.abs(values - own)[known].max() < step / 2 + 1e-3 * max(own[known].std(), 1.0), name
            assert (x[place][~known] == 0).all(), name
        else:  # 2 km: of a pixel in the middle of a cell that cell, of any the range
            assert np.nanmin(own) - 1e-3 <= values[x[place] != 0].min(), name
            assert values[x[place] != 0].max() <= np.nanmax(own) + 1e-3, name
            assert (
                np.corrcoef(values[x[place] != 0].ravel(), _nearest(own, values.shape, ratio)[x[place] != 0])[0, 1]
                > 0.9
            )


def _nearest(cells: NDArray[Any], shape: tuple[int, ...], ratio: int) -> NDArray[Any]:
    """Of every pixel the 2 km cell below it."""
    lines, samples = (
        np.minimum(np.arange(length) * ratio // 50, last - 1) for length, last in zip(shape, cells.shape, strict=True)
    )
    found: NDArray[Any] = cells[np.ix_(lines, samples)]
    return found


def test_one_scene_in_two_recipes_on_one_cache(raw_train: list[Path], tmp_path: Path) -> None:
    """Statistics and class counts of the two are equal, so only the recipe tells their charts apart."""
    cache = NodeCache(folder=tmp_path / "cache", max_bytes=1 << 28)
    charts = []
    for reduction in ("max", "mode"):
        recipe = Recipe(ratios=(1, 5), chart_reduction=reduction)
        lake = Lake.create(str(tmp_path / reduction), recipe.to_lake())
        row = convert_scene(str(raw_train[0]), recipe, lake, "train")
        publish(lake, [row], SplitOptions())
        lines, samples = slice(0, row.lines // 5), slice(0, row.samples // 5)
        kept, plain = (
            SceneReader(lake, ratio=5, channels=INPUTS, targets=("SOD",), cache=each).labels(
                row.scene_id, lines, samples
            )
            for each in (cache, None)
        )
        assert np.array_equal(kept, plain)
        charts.append(kept)
    assert not np.array_equal(*charts)


def test_a_scene_of_other_content_on_one_cache(raw_train: list[Path], tmp_path: Path) -> None:
    """A file that was published again under its name: one scene_id and one recipe, other pixels."""
    cache = NodeCache(folder=tmp_path / "cache", max_bytes=1 << 28)
    recipe, bands = Recipe(ratios=(5,)), []
    for louder in (0.0, 3.0):
        raw = tmp_path / f"{louder}" / raw_train[0].name
        raw.parent.mkdir()
        shutil.copy(raw_train[0], raw)
        with netCDF4.Dataset(raw, "r+") as file:
            file["nersc_sar_primary"][:] = file["nersc_sar_primary"][:] + louder
        lake = Lake.create(str(tmp_path / f"lake-{louder}"), recipe.to_lake())
        row = convert_scene(str(raw), recipe, lake, "train")
        publish(lake, [row], SplitOptions())
        reader = SceneReader(lake, ratio=5, channels=("nersc_sar_primary",), targets=("SOD",), cache=cache)
        out = np.empty((1, row.lines // 5, row.samples // 5), reader.sar_form(row.scene_id)[0])
        reader.sar(row.scene_id, slice(0, out.shape[1]), slice(0, out.shape[2]), out)
        bands.append(out)
    assert not np.array_equal(*bands)


def test_border_distance_is_the_smallest_of_its_block_at_every_ratio(wired_lake: Lake, raw_train: list[Path]) -> None:
    with open_scene(str(raw_train[0])) as raw:
        ids = raw.polygon_ids()
        scene_id = raw.name.scene_id
    metres = np.zeros(ids.shape)
    for polygon in np.unique(ids):
        if polygon != 65535:
            inside = ids == polygon
            metres[inside] = 40.0 * distance_transform_edt(inside)[inside]
    assert metres.max() > 400
    for ratio in RATIOS:
        lines, samples = (length // ratio for length in ids.shape)
        blocks = metres[: lines * ratio, : samples * ratio].reshape(lines, ratio, samples, ratio).min(axis=(1, 3))
        found = stored(wired_lake, scene_id, ratio, "distance_to_border")
        assert np.abs(found - blocks).max() <= border_step(ratio) / 2
        reader = SceneReader(wired_lake, ratio=ratio, channels=INPUTS, targets=("SOD",), cache=None)
        read = reader.border_distance(scene_id, slice(0, lines), slice(0, samples))
        assert np.array_equal(read, found.astype(np.float32))


def test_a_normalization_keeps_the_order_of_its_channels(wired_lake: Lake) -> None:
    one, other = (
        ("sar_latitude", "sar_longitude", "nersc_sar_primary"),
        (
            "nersc_sar_primary",
            "sar_longitude",
            "sar_latitude",
        ),
    )
    of_one, of_other = (Normalization.from_lake(wired_lake, names, 2) for names in (one, other))
    assert of_one.mean == tuple(reversed(of_other.mean))
    assert of_one.std == tuple(reversed(of_other.std))
