"""Distances to land and their zones, against exact rules."""

import numpy as np

from ingest.sample.geography import ZONE_EDGES_KM, distance_to_far_coast, distance_to_land, zones


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


def test_a_coast_outside_the_image_is_25_km_away_or_more() -> None:
    for seed in range(20):
        distance = distance_to_far_coast(np.random.default_rng(seed), (300, 200))
        assert distance.dtype == np.float32
        assert 24.99 < distance.min() < 180.01
        step = np.hypot(*np.gradient(distance.astype(np.float64)))
        np.testing.assert_allclose(step, 0.04, rtol=0.01)  # a pixel of 40 m farther is 40 m farther
