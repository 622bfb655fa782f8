"""Moments merge in any grouping and order, and equal numpy over all values at once."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from ingest.moments import NOTHING, Moments, merge, training_statistics

parts = st.lists(
    arrays(np.float32, st.integers(0, 30), elements=st.one_of(st.floats(-300, 300, width=32), st.just(float("nan")))),
    max_size=6,
)


@given(parts, st.randoms())
def test_merged_parts_equal_the_whole(values: list[NDArray], random: object) -> None:
    whole = np.concatenate([np.empty(0, np.float32), *values]).astype(np.float64)
    whole = whole[~np.isnan(whole)]
    shuffled = list(values)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    merged = merge(Moments.of(part) for part in shuffled)
    assert merged.count == whole.size
    if whole.size:
        assert merged.mean == pytest.approx(whole.mean(), abs=1e-9)
        assert merged.m2 == pytest.approx(((whole - whole.mean()) ** 2).sum(), rel=1e-9, abs=1e-6)
        assert merged.statistics.std == pytest.approx(whole.std(), rel=1e-6, abs=1e-6)


@given(parts)
def test_nothing_is_the_neutral_element(values: list[NDArray]) -> None:
    merged = merge(Moments.of(part) for part in values)
    assert merged + NOTHING == merged
    assert (NOTHING + merged).count == merged.count


def test_spread_between_scenes_counts() -> None:
    """The published statistics average the standard deviation of scenes and lose the variance between them."""
    scenes = [np.full(10, -5, np.float32), np.full(10, 5, np.float32)]
    assert merge(Moments.of(scene) for scene in scenes).statistics.std == pytest.approx(5.0)


def test_deviations_within_scenes_are_averaged_scene_by_scene() -> None:
    flat, wide, empty = np.full(900, 5.0), np.array([0.0, 10.0]), np.array([np.nan])
    found = training_statistics([Moments.of(scene) for scene in (flat, wide, empty)])
    assert found.scene_std == pytest.approx((0.0 + 5.0) / 2), "each scene with the same weight, those without data not"
    assert found.std == pytest.approx(np.concatenate([flat, wide]).std())


def test_long_arrays_keep_their_precision() -> None:
    values = np.random.default_rng(0).normal(270, 0.01, 3_000_001).astype(np.float32)
    found = Moments.of(values).statistics
    assert found.std == pytest.approx(values.astype(np.float64).std(), rel=1e-9)


@pytest.mark.slow
def test_digits_do_not_depend_on_the_threads_of_blas() -> None:
    """A Dask worker has one thread, a script has many: the fingerprint of a scene must be the same."""
    code = (
        "import numpy as np; from ingest.moments import Moments; from ingest.geometry import TiePoints\n"
        "rng = np.random.default_rng(0)\n"
        "print(Moments.of(rng.normal(270, 5, 300_001).astype(np.float32)))\n"
        "nodes = np.arange(0, 2001, 100)\n"
        "line, sample = (grid.ravel().astype(float) for grid in np.meshgrid(nodes, nodes))\n"
        "names = ('latitude', 'longitude', 'incidenceangle')\n"
        "points = {f'sar_grid_{name}': rng.normal(30, 1, line.size) for name in names}\n"
        "tie = TiePoints.from_points({'sar_grid_line': line, 'sar_grid_sample': sample, **points})\n"
        "print(tie.moments('sar_latitude', (2001, 2001), 1), tie.moments('sar_latitude', (2001, 2001), 5))"
    )
    outputs = set()
    for threads in ("1", "2", "4"):
        environment = {**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        outputs.add(subprocess.check_output([sys.executable, "-c", code], env=environment, text=True))
    assert len(outputs) == 1
