"""Lakes of format 1, as the versions that wrote them did: floats, coarser charts by the same rules, no polygons."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from datasets.chart_rasters import rasterize
from datasets.digest import digest_of
from datasets.labels import CHARTS, IGNORE
from datasets.lake import Lake
from datasets.recipe_file import write_recipe
from datasets.scene import Archive, SceneRecord
from datasets.seasons import location_of, season_of
from datasets.sigrid import NO_POLYGON, Dominance
from datasets.splits import assign_splits
from ingest.build import channel_statistics
from ingest.cf_attributes import border_attributes, channel_attributes, chart_attributes, group_attributes
from ingest.geometry import TiePoints, squared_distance_to_border
from ingest.moments import Moments
from ingest.precision import INCIDENCE_STEP, border_step, geolocation_step, rounded
from ingest.product import open_scene
from ingest.reduce import block_max, block_mean, block_min
from ingest.scene_arrays import moments_json
from ingest.variables import DISTANCE, HH, HV, KM2

_STEP_DB = 2.0**-8


def write_format1(
    url: str, raw: Sequence[Path], archive: Archive = "train", *, ratios: tuple[int, ...] = (1, 2, 5, 10)
) -> Lake:
    """A finished lake of format 1 of these files, with the split that a build draws."""
    recipe = {
        "ratios": list(ratios),
        "sar_mean": "db",
        "chart_reduction": "max",
        "sar_precision": 0.0,
        "chunk": 512,
        "shard": 6144,
        "rounding": 2,
        "labels": 1,
    }
    content = {"format": 1, "digest": digest_of(recipe), "recipe": recipe, "software": {}}
    write_recipe(f"{url}/recipe.json", content)
    lake = Lake(url, content)
    records = [_write_scene(lake, path, archive) for path in raw]
    catalog = assign_splits(records, seed=16)
    lake.publish(catalog, channel_statistics(lake, catalog))
    return lake


def _write_scene(lake: Lake, path: Path, archive: Archive) -> SceneRecord:
    grid = {"dims": ("line", "sample"), "fill": np.nan}
    moments: dict[str, dict[str, Moments]] = {f"r{ratio}": {} for ratio in lake.ratios} | {"km2": {}}
    with open_scene(str(path)) as raw, lake.write_scene(raw.name.scene_id) as writer:
        points = TiePoints.from_points(raw.tie_points())
        sar = {name: raw.sar(name) for name in (HH, HV, DISTANCE)}
        ids = raw.polygon_ids()
        distance = np.sqrt(squared_distance_to_border(ids)) if raw.charted else np.full(ids.shape, np.nan, np.float32)
        ids[np.isnan(sar[HH]) | np.isnan(sar[HV])] = NO_POLYGON
        found = rasterize(ids, raw.polygons(Dominance()))
        for ratio in lake.ratios:
            group = f"r{ratio}"
            for name in points.fields:
                moments[group][name] = points.moments(name, raw.shape, ratio)
                step = INCIDENCE_STEP if name == "sar_incidenceangle" else geolocation_step(name, ratio)
                values = points.field(name, raw.shape, ratio, step=step)
                writer.array(group, name, values, attributes=channel_attributes(name), **grid)
            for name, pixels in sar.items():
                values = block_mean(pixels, ratio)
                if ratio > 1 and name != DISTANCE:
                    values = rounded(values, _STEP_DB)
                moments[group][name] = Moments.of(values)
                attributes = channel_attributes(name, raw.attributes(name))
                writer.array(group, name, values, attributes=attributes, **grid)
            values = rounded(block_min(distance, ratio), border_step(ratio))
            writer.array(group, "distance_to_border", values, attributes=border_attributes("inf where none"), **grid)
            for name, chart in CHARTS.items():
                values = block_max(found.charts[name], ratio)
                writer.array(group, name, values, attributes=chart_attributes(chart), **{**grid, "fill": IGNORE})
        for name in raw.km2_names:
            cells, fill = raw.km2(name), np.nan if name in KM2 else 255
            if name in KM2:
                moments["km2"][name] = Moments.of(cells.astype(np.float32))
            attributes = channel_attributes(name, raw.attributes(name))
            writer.array("km2", name, cells, dims=("line_2km", "sample_2km"), fill=fill, attributes=attributes)
        for name, point_values in raw.tie_points().items():
            writer.array("tie_points", name, point_values, dims=("point",), fill=np.nan, attributes={"units": "1"})
        counts = {name: dict(each) for name, each in found.pixels.items()}
        record = SceneRecord(
            scene_id=raw.name.scene_id,
            source=path.name,
            archive=archive,
            charted=raw.charted,
            acquired=raw.name.start,
            stopped=raw.name.stop,
            satellite=raw.name.satellite,
            orbit=raw.name.orbit,
            provider=raw.name.provider,
            region=raw.name.region,
            location=location_of(raw.name.region),
            season=season_of(raw.name.stop),
            lines=raw.shape[0],
            samples=raw.shape[1],
            bbox=points.bbox,
            pixels=counts,
            dropped=dict(found.dropped),
            recipe=lake.recipe_digest,
            fingerprint=digest_of([moments_json(moments), counts]),
        )
        tables = {
            "record": record.model_dump(mode="json", exclude={"split", "implausible"}),
            "moments": moments_json(moments),
        }
        writer.finish(attributes={"source": path.name, **tables}, groups=group_attributes(lake.ratios, (), ""))
    root = Path(lake.scene_url(record.scene_id), "zarr.json")
    document = json.loads(root.read_text())
    for name in ("record", "moments", "objects"):  # tables, not text, were in the attributes then
        document["attributes"][name] = json.loads(document["attributes"][name])
    root.write_text(json.dumps(document))
    return record
