"""Statistics of the lake as the normalization of a trial."""

from datasets.lake import Lake
from datasets.loading.normalize import Normalization


def test_normalization_by_deviations_within_scenes(tiny_lake: Lake) -> None:
    names = ("nersc_sar_primary", "t2m", "month")
    pooled = Normalization.from_lake(tiny_lake, names, 2)
    within = Normalization.from_lake(tiny_lake, names, 2, scene_average=True)
    assert within.mean == pooled.mean
    assert within.std[:2] < pooled.std[:2], "what differs between scenes is left out"
    assert within.std[2] == pooled.std[2]
