"""Maps made by hand whose pixels say where they are, and where they truly lie by geodesics, without our code."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pyproj import Geod

from datasets.labels import IGNORE, SOD
from datasets.tie_grid import TieGrid
from ingest.sample.geography import TrackPoint, tie_points
from training.prediction.georeference import Georeference
from training.prediction.scene_map import LAND, class_attributes, layer_attributes

LINES, SAMPLES = 10000, 10400
"""A scene of full size: its tie points are 20 km apart."""
DAVIS_STRAIT = TrackPoint(latitude=72.0, longitude=-60.0, heading=-20.0)
DATE_LINE = TrackPoint(latitude=76.0, longitude=179.9, heading=-35.0)
FAR_NORTH = TrackPoint(latitude=85.0, longitude=179.0, heading=-90.0)
PLACES = (DAVIS_STRAIT, DATE_LINE, FAR_NORTH)
_SPHERE = Geod(a=6_371_000, b=6_371_000)


def truth(centre: TrackPoint, line: NDArray[np.floating], sample: NDArray[np.floating]) -> NDArray[np.float64]:
    """(2, n) longitude and latitude of pixels of 40 m: along the track, then to its right, by geodesics."""
    ahead, right = 40 * (line - (LINES - 1) / 2), 40 * (sample - (SAMPLES - 1) / 2)
    start = np.broadcast_to([[centre.longitude], [centre.latitude], [centre.heading]], (3, line.size))
    longitude, latitude, back = _SPHERE.fwd(*start, ahead)
    longitude, latitude, _ = _SPHERE.fwd(longitude, latitude, back - 90, right)
    return np.stack([longitude, latitude])


def georeference(centre: TrackPoint, ratio: int) -> Georeference:
    """Of a scene of full size."""
    points = tie_points(centre, lines=LINES, samples=SAMPLES, duration=60)
    shape = (LINES // ratio, SAMPLES // ratio)
    return Georeference(tie_grid=TieGrid.from_points(points), shape=shape, ratio=ratio)


def counted_map(centre: TrackPoint, ratio: int = 20) -> xr.Dataset:
    """A map whose first four probabilities are line // 200, line % 200, sample // 200, sample % 200.

    SOD is (line + sample) % 6, with land in the first 60 x 40 pixels and no SAR in the last 10 samples.
    """
    place = georeference(centre, ratio)
    latitude, longitude = place.strip(0, place.shape[0])
    line, sample = np.meshgrid(*map(np.arange, place.shape), indexing="ij")
    counts = [line // 200, line % 200, sample // 200, sample % 200, line * 0, line * 0 + 7]
    classes = ((line + sample) % 6).astype(np.uint8)
    probability = np.stack(counts).astype(np.uint8)
    classes[:60, :40], classes[:, -10:], probability[:, :, -10:] = LAND, IGNORE, IGNORE
    dims = ("line", "sample")
    return xr.Dataset(
        {
            "SOD": (dims, classes, class_attributes(SOD)),
            "SOD_probability": (("SOD_class", *dims), probability, layer_attributes(SOD, "probability")),
            "SOD_entropy": (dims, probability[5], layer_attributes(SOD, "entropy")),
        },
        coords={
            "SOD_class": np.arange(6),
            "latitude": (dims, latitude, {"standard_name": "latitude", "units": "degrees_north"}),
            "longitude": (dims, longitude, {"standard_name": "longitude", "units": "degrees_east"}),
        },
        attrs={
            "Conventions": "CF-1.10",
            "title": "map",
            "scene_id": "20180325T194759_dmi",
            "ratio": ratio,
            "pixel_spacing": 40.0 * ratio,
        },
    )


def pixel_offsets(
    centre: TrackPoint, ratio: int, counts: NDArray[np.uint8], targets: NDArray[np.float64], crs: str
) -> NDArray[np.float64]:
    """(2, n) how far `targets`, x and y in a projection, are from the pixels that `counts` name, in lines and samples.

    Args:
        centre: Of the scene.
        ratio: Of its map.
        counts: (4, n) the first four probabilities there.
        targets: (2, n) metres.
        crs: Projection.
    """
    from pyproj import Transformer

    project = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform

    def at(line: NDArray[np.floating], sample: NDArray[np.floating]) -> NDArray[np.float64]:
        return np.stack(project(*truth(centre, line, sample)))

    high_line, low_line, high_sample, low_sample = counts.astype(float)
    line = (200 * high_line + low_line) * ratio + (ratio - 1) / 2
    sample = (200 * high_sample + low_sample) * ratio + (ratio - 1) / 2
    here = at(line, sample)
    by_line, by_sample, missed = at(line + ratio, sample) - here, at(line, sample + ratio) - here, targets - here
    area = by_line[0] * by_sample[1] - by_line[1] * by_sample[0]
    return np.stack(
        [
            (missed[0] * by_sample[1] - missed[1] * by_sample[0]) / area,
            (by_line[0] * missed[1] - by_line[1] * missed[0]) / area,
        ]
    )
