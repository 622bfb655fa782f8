"""Where pixels lie: satellite geometry, the geolocation grid, incidence angles and zones of distance to land."""

from dataclasses import dataclass
from typing import Any

import edt
import numpy as np
from numpy.typing import NDArray

from ingest.sample.regions import Direction

PIXEL_KM = 0.04
"""Pixel spacing of the raw files, km."""

_EARTH_KM = 6371.0
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
class Attitude:
    """Orthonormal frame of a scene on the unit sphere, earth-centred.

    Attributes:
        centre: Unit vector to the scene centre.
        along: Direction of flight there; lines count along it.
        across: Look direction, to the right; samples count along it.
    """

    centre: NDArray[np.float64]
    along: NDArray[np.float64]
    across: NDArray[np.float64]


def attitude_at(latitude: float, longitude: float, direction: Direction) -> Attitude:
    """Frame of a scene centred at a place, in degrees, for a right-looking satellite.

    The heading follows from the inclination, sin(heading) = cos(inclination) / cos(latitude), and is held at due
    west where the orbit does not reach the latitude.
    """
    lat, lon = np.radians([latitude, longitude])
    sine = np.cos(np.radians(_INCLINATION)) / np.cos(lat)
    heading = np.arcsin(np.clip(sine, -1.0, 1.0))
    if direction == "descending":
        heading = np.pi - heading
    north = np.array([-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)])
    east = np.array([-np.sin(lon), np.cos(lon), 0.0])
    along = np.cos(heading) * north + np.sin(heading) * east
    centre = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    return Attitude(centre=centre, along=along, across=np.cross(along, centre))


def next_attitude(attitude: Attitude, km: float) -> Attitude:
    """The frame `km` farther along the track."""
    angle = km / _EARTH_KM
    return Attitude(
        centre=np.cos(angle) * attitude.centre + np.sin(angle) * attitude.along,
        along=np.cos(angle) * attitude.along - np.sin(angle) * attitude.centre,
        across=attitude.across,
    )


def tie_axis(n: int, points: int) -> NDArray[np.float64]:
    """Positions of a geolocation axis: (points,) float64, 0-based.

    Rule of the archive: multiples of ceil(n / (points - 1)), and the last pixel. On axes of a few hundred pixels
    that step would run past the end; there it is rounded down.
    """
    step = -(-n // (points - 1))
    if (points - 2) * step >= n - 1:
        step = n // (points - 1)
    return np.append(np.arange(points - 1) * step, n - 1).astype(np.float64)


def tie_points(attitude: Attitude, *, lines: int, samples: int, duration: int) -> dict[str, NDArray[np.float64]]:
    """Geolocation grid: six float64 arrays (sar_grid_points,), row-major with lines slow.

    Args:
        attitude: Frame of the scene.
        lines: SAR lines.
        samples: SAR samples.
        duration: Acquisition length in seconds; sets the number of grid lines, one per 3 s.
    """
    line_axis = tie_axis(lines, -(-duration // _SECONDS_PER_TIE_LINE) + 1)
    line, sample = (a.ravel() for a in np.meshgrid(line_axis, tie_axis(samples, _TIE_SAMPLES), indexing="ij"))
    forward = ((line - (lines - 1) / 2) * PIXEL_KM / _EARTH_KM)[:, None]
    right = ((sample - (samples - 1) / 2) * PIXEL_KM / _EARTH_KM)[:, None]
    under = np.cos(forward) * attitude.centre + np.sin(forward) * attitude.along
    point = np.cos(right) * under + np.sin(right) * attitude.across
    return {
        "sar_grid_line": line,
        "sar_grid_sample": sample,
        "sar_grid_latitude": np.degrees(np.arcsin(np.clip(point[:, 2], -1.0, 1.0))),
        "sar_grid_longitude": np.degrees(np.arctan2(point[:, 1], point[:, 0])),
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
    if not land.any():
        return np.full(land.shape, np.inf, dtype=np.float32)
    distance: NDArray[np.float32] = edt.edt(~land, anisotropy=(PIXEL_KM, PIXEL_KM), black_border=False, parallel=1)
    return distance


def far_coast(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[float, float, float]:
    """A straight coast outside the image: km at pixel (0, 0), km per line, km per sample."""
    angle = float(rng.uniform(0, 2 * np.pi))
    by_line, by_sample = PIXEL_KM * np.sin(angle), PIXEL_KM * np.cos(angle)
    nearest = float(rng.uniform(25, 180))
    return nearest - min(0.0, by_line * shape[0]) - min(0.0, by_sample * shape[1]), by_line, by_sample


def zones(distance_km: NDArray[np.float32]) -> NDArray[np.float32]:
    """Zones of distance to land, 0..41: 0 is land, a distance on an edge belongs to the nearer zone."""
    zone = np.searchsorted(ZONE_EDGES_KM, distance_km, side="left") + 1
    return np.where(distance_km <= 0, 0, zone).astype(np.float32)
