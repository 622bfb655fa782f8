"""The lake that wires are tested on; its test also builds what all mutants of training and sweeps share."""

import shutil
from pathlib import Path

import pytest

from datasets.lake import Lake
from datasets.scene import Split
from ingest.build import SplitOptions, publish


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_every_split_leaves_a_filter_a_choice(wired_lake: Lake, split: Split) -> None:
    rows = wired_lake.catalog().split(split)
    for values in ({row.season for row in rows}, {row.location for row in rows}, {row.cryoseason for row in rows}):
        assert len(values) > 1


def test_seed_and_size_of_the_split_reach_the_lake(wired_lake: Lake, tmp_path: Path) -> None:
    shutil.copytree(wired_lake.url, tmp_path / "lake")
    lake = Lake.open(str(tmp_path / "lake"))
    found = {
        (seed, size): publish(lake, lake.catalog(), SplitOptions(seed=seed, val_scenes=size)).split("val").scene_ids
        for seed, size in ((2, 1), (2, 3), (3, 3), (4, 3))
    }
    assert [len(scenes) for scenes in found.values()] == [1, 3, 3, 3]
    assert len({found[seed, 3] for seed in (2, 3, 4)}) > 1
