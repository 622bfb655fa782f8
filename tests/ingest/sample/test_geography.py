"""Distances to land and their zones, against exact rules."""

import numpy as np

from ingest.sample.geography import ZONE_EDGES_KM, distance_to_land, zones


def test_zones_follow_their_edges() -> None:
    assert zones(np.array([0, 0.04, 0.6, 19.5, 101, 900], dtype=np.float32)).tolist() == [0, 1, 2, 21, 33, 41]
    assert zones(np.append(ZONE_EDGES_KM, np.float32(np.inf))).tolist() == list(range(1, 42))


def test_distance_is_exact() -> None:
    land = np.zeros((40, 60), dtype=bool)
    land[5, 7] = land[30:, 50:] = True
    line, sample = np.nonzero(land)
    at = np.stack(np.meshgrid(np.arange(40), np.arange(60), indexing="ij"), axis=-1)[..., None, :]
    brute = 0.04 * np.hypot(at[..., 0] - line, at[..., 1] - sample).min(axis=-1)
    np.testing.assert_allclose(distance_to_land(land), brute, rtol=1e-5)
    assert np.isinf(distance_to_land(np.zeros((3, 3), dtype=bool))).all()
