"""Where pixels lie: satellite geometry, the geolocation grid, incidence angles and zones of distance to land."""

from dataclasses import dataclass
from typing import Any

import edt
import numpy as np
from numpy.typing import NDArray
from pyproj import Geod

from ingest.sample.regions import Direction
from ingest.tie_positions import tie_axis

PIXEL_KM = 0.04
"""Pixel spacing of the raw files, km."""

_EARTH_KM = 6371.0
_SPHERE = Geod(a=1000 * _EARTH_KM, b=1000 * _EARTH_KM)
_ALTITUDE_KM = 698.0  # reproduces the published incidence range and mean over the swath
_SWATH_KM = 418.0  # 10458 samples of 40 m
_NEAR_INCIDENCE = 19.11  # degrees, first sample
_INCLINATION = 98.18  # degrees, Sentinel-1
_TIE_SAMPLES = 21
_SECONDS_PER_TIE_LINE = 3

ZONE_EDGES_KM = np.array(
    [0.5, *range(1, 20), *range(20, 50, 5), *range(50, 100, 10), *range(100, 301, 25)], dtype=np.float32
)
"""Upper edges of the distance zones 1..40, km; zone 41 is everything farther (AI4Arctic raw file schema)."""


@dataclass(frozen=True, kw_only=True)
class TrackPoint:
    """Centre of a scene; lines count along the heading, samples to its right.

    Attributes:
        latitude: Degrees north.
        longitude: Degrees east.
        heading: Direction of flight, degrees clockwise from north.
    """

    latitude: float
    longitude: float
    heading: float

    def ahead(self, km: float) -> "TrackPoint":
        """The point `km` farther along the track."""
        longitude, latitude, back = _SPHERE.fwd(self.longitude, self.latitude, self.heading, 1000 * km)
        return TrackPoint(latitude=latitude, longitude=longitude, heading=back + 180)


def track_point(latitude: float, longitude: float, direction: Direction) -> TrackPoint:
    """Centre of a scene at a place, in degrees, for a right-looking satellite.

    The heading follows from the inclination, sin(heading) = cos(inclination) / cos(latitude), and is held at due
    west where the orbit does not reach the latitude.
    """
    sine = np.cos(np.radians(_INCLINATION)) / np.cos(np.radians(latitude))
    heading = float(np.degrees(np.arcsin(np.clip(sine, -1.0, 1.0))))
    return TrackPoint(
        latitude=latitude, longitude=longitude, heading=heading if direction == "ascending" else 180 - heading
    )


def tie_points(centre: TrackPoint, *, lines: int, samples: int, duration: int) -> dict[str, NDArray[np.float64]]:
    """Geolocation grid: six float64 arrays (sar_grid_points,), row-major with lines slow.

    Args:
        centre: Centre of the scene.
        lines: SAR lines.
        samples: SAR samples.
        duration: Acquisition length in seconds; sets the number of grid lines, one per 3 s.
    """
    line_axis = tie_axis(lines, -(-duration // _SECONDS_PER_TIE_LINE) + 1)
    line, sample = (a.ravel() for a in np.meshgrid(line_axis, tie_axis(samples, _TIE_SAMPLES), indexing="ij"))
    forward, right = (1000 * PIXEL_KM * (at - (n - 1) / 2) for at, n in ((line, lines), (sample, samples)))
    middle = np.broadcast_to([[centre.longitude], [centre.latitude], [centre.heading]], (3, line.size))
    longitude, latitude, back = _SPHERE.fwd(middle[0], middle[1], middle[2], forward)
    # On the back azimuth a look to the right is one to the left.
    longitude, latitude, _ = _SPHERE.fwd(longitude, latitude, back - 90, right)
    return {
        "sar_grid_line": line,
        "sar_grid_sample": sample,
        "sar_grid_latitude": latitude,
        "sar_grid_longitude": longitude,
        "sar_grid_incidenceangle": incidence(sample, samples),
        "sar_grid_height": np.zeros_like(line),
    }


def incidence(sample: NDArray[Any], samples: int) -> NDArray[np.float64]:
    """Incidence angle in degrees over the whole swath, 19.1 to 46.7, however few samples span it.

    Spherical earth: angle at the ground = central angle + look angle of the satellite.
    """
    radius = _EARTH_KM + _ALTITUDE_KM
    near = np.radians(_NEAR_INCIDENCE)
    # Sine rule in the triangle earth centre - satellite - ground point.
    start = near - np.arcsin(_EARTH_KM / radius * np.sin(near))
    central = start + np.asarray(sample, dtype=np.float64) / (samples - 1) * _SWATH_KM / _EARTH_KM
    look = np.arctan2(_EARTH_KM * np.sin(central), radius - _EARTH_KM * np.cos(central))
    return np.asarray(np.degrees(central + look), dtype=np.float64)


def distance_to_land(land: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Exact distance to the nearest land pixel, km: (lines, samples) float32, 0 on land, inf without any land."""
    distance: NDArray[np.float32] = edt.edt(~land, anisotropy=(PIXEL_KM, PIXEL_KM), black_border=False, parallel=1)
    return distance


def zones(distance_km: NDArray[np.float32]) -> NDArray[np.float32]:
    """Zones of distance to land, 0..41: 0 is land, a distance on an edge belongs to the nearer zone."""
    zone = np.searchsorted(np.append(np.float32(0), ZONE_EDGES_KM), distance_km, side="left")
    return zone.astype(np.float32)
