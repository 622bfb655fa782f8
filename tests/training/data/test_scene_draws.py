"""Scenes drawn as many as others, and scenes held out."""

import numpy as np
import pytest

from datasets.catalog import Catalog
from datasets.lake import Lake
from training.data.scene_draws import held_out, matched


def scenes(lake: Lake, pixels: list[int], *, per_pass: int = 1) -> Catalog:
    """Scenes with so many labelled pixels."""
    one = lake.catalog().records[0]
    return Catalog(
        tuple(
            one.model_copy(
                update={"scene_id": f"s{place:03}", "orbit": place // per_pass, "pixels": {"SOD": {1: count, 255: 9}}}
            )
            for place, count in enumerate(pixels)
        )
    )


@pytest.mark.parametrize("size", [6, 40])
def test_as_many_scenes_with_as_many_labelled_pixels(tiny_lake: Lake, size: int) -> None:
    counts = np.random.default_rng(0).integers(10_000, 1_000_000, 200)
    pool = scenes(tiny_lake, counts.tolist())
    poor = Catalog(
        tuple(sorted(pool, key=lambda record: record.labelled("SOD"))[10 : 10 + size])
    )  # unlike a random set
    wanted = sum(record.labelled("SOD") for record in poor)
    draws = [matched(pool, poor, "SOD", seed) for seed in range(4)]
    for drawn in draws:
        assert len(set(drawn.scene_ids)) == size
        assert sum(record.labelled("SOD") for record in drawn) == pytest.approx(wanted, rel=0.005)
    assert len({drawn.scene_ids for drawn in draws}) == 4, "every seed draws its own"
    assert matched(pool, poor, "SOD", 0) == draws[0]


def test_all_scenes_are_drawn_where_all_are_wanted(tiny_lake: Lake) -> None:
    pool = scenes(tiny_lake, [5, 7, 9])
    assert matched(pool, pool, "SOD", 3) == pool


def test_a_tenth_is_held_out_and_passes_stay_together(tiny_lake: Lake) -> None:
    whole = scenes(tiny_lake, [100] * 40, per_pass=3)
    kept, out = held_out(whole)
    assert {*kept.scene_ids, *out.scene_ids} == set(whole.scene_ids)
    assert 4 <= len(out) <= 6
    assert not {record.orbit_pass for record in kept} & {record.orbit_pass for record in out}
    assert held_out(whole) == (kept, out)


def test_one_pass_cannot_be_divided(tiny_lake: Lake) -> None:
    whole = scenes(tiny_lake, [100] * 3, per_pass=3)
    assert held_out(whole) == (whole, Catalog(()))
