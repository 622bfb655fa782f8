"""The lake that wires are tested on; its test also builds what all mutants of training and sweeps share."""

import pytest

from datasets.lake import Lake
from datasets.scene import Split


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_every_split_leaves_a_filter_a_choice(wired_lake: Lake, split: Split) -> None:
    rows = wired_lake.catalog().split(split)
    for values in ({row.season for row in rows}, {row.location for row in rows}, {row.cryoseason for row in rows}):
        assert len(values) > 1
