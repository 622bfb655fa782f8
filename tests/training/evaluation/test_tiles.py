import logging

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from training.evaluation.field_of_view import FARTHEST, FieldOfView
from training.evaluation.tiles import FALLBACK_HALO, Tiling, fit_tiling, tiling_of

tilings = st.builds(
    lambda stride, sides, halos: Tiling(side=sides * stride, halo=halos * stride, stride=stride),
    st.sampled_from([1, 2, 16]),
    st.integers(4, 9),
    st.integers(0, 4),
)


@settings(deadline=None)
@given(tilings, st.integers(1, 150), st.integers(1, 40))
def test_tiles_cover_the_scene_once_and_see_their_halo(tiling: Tiling, lines: int, samples: int) -> None:
    count = np.zeros((lines, samples), int)
    for tile in tiling.tiles((lines, samples)):
        count[tile.lines, tile.samples] += 1
        for kept, seen, length in (
            (tile.lines, tile.outer_lines, lines),
            (tile.samples, tile.outer_samples, samples),
        ):
            assert kept.stop - kept.start <= tiling.side
            assert seen.start % tiling.stride == 0
            assert seen.stop % tiling.stride == 0 or seen.stop == length
            assert seen.start == max(kept.start - tiling.halo, 0)
            assert seen.stop >= min(kept.stop + tiling.halo, length)
            assert seen.stop - seen.start <= tiling.side + 2 * tiling.halo
        given_to_network = np.arange(lines)[tile.outer_lines][tile.inner[0]]
        assert given_to_network.tolist() == list(range(lines))[tile.lines]
    assert (count == 1).all()


def test_no_more_tiles_than_the_side_asks_for() -> None:
    tiling = Tiling(side=1024, halo=112, stride=16)
    assert len(list(tiling.tiles((5000, 5200)))) == 5 * 6
    (tile,) = tiling.tiles((1024, 1000))
    assert (tile.outer_lines, tile.outer_samples) == (slice(0, 1024), slice(0, 1000)), "nothing is computed twice"


def test_sides_and_halos_are_multiples_of_the_stride() -> None:
    assert fit_tiling(FieldOfView(reach=109, stride=16), 1000) == Tiling(side=992, halo=112, stride=16)
    assert fit_tiling(FieldOfView(reach=0, stride=1), 1000) == Tiling(side=1000, halo=0, stride=1)
    assert fit_tiling(FieldOfView(reach=1, stride=64), 65) == Tiling(side=64, halo=64, stride=64)


def test_a_network_that_sees_everything_gets_a_fixed_halo_and_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.GroupNorm(1, 2))
    with caplog.at_level(logging.WARNING):
        tiling = tiling_of(network, 1, 128)
    assert (tiling.side, tiling.halo, tiling.stride) == (128, FALLBACK_HALO, 64)
    assert caplog.messages == [
        "scenes longer than 128 pixels are predicted in tiles, and not exactly as in one piece: of the network is "
        f"known that it sees more than {FARTHEST} pixels around"
    ]


def test_no_warning_where_tiles_are_exact(caplog: pytest.LogCaptureFixture) -> None:
    tiling = tiling_of(nn.Conv2d(1, 2, 3, padding=1), 1, 128)
    assert tiling == Tiling(side=128, halo=1, stride=1)
    assert not tiling.why_not_exact
    assert not caplog.messages
    assert torch.is_grad_enabled()
