"""Indexes of patches as Parquet: the round trip, for people, and against damage."""

import io
import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from datasets.catalog_file import CatalogFile
from datasets.lake import Lake
from datasets.patches.patch_index import PatchIndex
from datasets.patches.patch_table import decode, encode
from datasets.scene import SceneRecord
from tests.datasets.patches.invented_indexes import RULE, identical, index_of


def records_of(index: PatchIndex, tiny_lake: Lake) -> list[SceneRecord]:
    like = tiny_lake.catalog().records[0]
    return [
        like.model_copy(update={"scene_id": scene.scene_id, "fingerprint": scene.fingerprint}) for scene in index.scenes
    ]


@pytest.mark.parametrize("given", [[], [5], [0, 1, 2, 2, 3, 4, 5]])
def test_parquet_round_trip(tiny_lake: Lake, given: list[int]) -> None:
    index = index_of(given)
    content = encode(index)
    found = decode(content, RULE, records_of(index, tiny_lake))
    assert found is not None
    assert identical(found, index)
    assert encode(found) == content


def test_people_can_read_the_object(tiny_lake: Lake) -> None:
    content = encode(index_of([0, 1, 2, 2]))
    frame = pd.read_parquet(io.BytesIO(content))
    assert list(frame.columns) == ["scene_id", "line", "sample", "label"]
    assert frame.scene_id.tolist() == ["scene_0", "scene_0", "scene_1", "scene_2"]
    metadata = json.loads(pq.read_schema(io.BytesIO(content)).metadata[b"icebench.patch_index"])
    assert metadata["rule"]["patch_size"] == 8
    assert metadata["format"] == 1


def test_what_is_torn_or_of_something_else_is_not_taken(tiny_lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    index = index_of([0, 1, 2, 2] * 50)
    records = records_of(index, tiny_lake)
    content = encode(index)
    assert decode(content, RULE, records) is not None
    assert decode(content, RULE.model_copy(update={"stride": 4}), records) is None
    assert decode(content, RULE, records[:2]) is None
    assert decode(content, RULE, records[::-1]) is None
    assert decode(content, RULE, [*records[:2], records[2].model_copy(update={"fingerprint": "new"})]) is None
    for torn in (
        b"",
        b"PAR1",
        content[:-1],
        content[: len(content) // 2],
        b"x" * 500,
        CatalogFile(tiny_lake.catalog(), {}).to_parquet(),
    ):
        assert decode(torn, RULE, records) is None
    with monkeypatch.context() as later:
        later.setattr("datasets.patches.patch_table.FORMAT", 2)
        of_later_code = encode(index)
    assert decode(of_later_code, RULE, records) is None
    fewer = index.subset(np.arange(150))  # rows and scenes of two objects
    assert decode(encode(fewer), RULE, records) is None


def test_a_changed_byte_is_noticed_wherever_it_is(tiny_lake: Lake) -> None:
    index = index_of([0, 1, 2, 2] * 50)
    records = records_of(index, tiny_lake)
    content = encode(index)
    for place in range(0, len(content), 7):
        changed = bytearray(content)
        changed[place] ^= 0x5A
        found = decode(bytes(changed), RULE, records)
        assert found is None or identical(found, index), place
