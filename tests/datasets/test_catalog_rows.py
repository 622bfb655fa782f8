"""Columns of a catalog: the same answers as from records, and no record where none is asked."""

import pickle
from datetime import UTC
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasets import catalog_rows
from datasets.catalog import Catalog
from datasets.errors import LakeNotFoundError
from datasets.lake import Lake
from sweeps.design.catalogue import study
from sweeps.launch.plan import plan
from tests.large_catalog import write_large_lake

SCENES = 20_000


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of many rows without stores."""
    return write_large_lake(tmp_path_factory.mktemp("large") / "lake", SCENES)


def test_columns_answer_as_records_do(tiny_lake: Lake) -> None:
    stored = tiny_lake.catalog()
    held = Catalog(stored.records)
    assert stored == held
    for name in ("split", "season", "location", "cryoseason", "orbit", "lines", "charted", "unused", "source"):
        assert stored.column(name).tolist() == held.column(name).tolist(), name
        assert stored.take([1, 3]).column(name).tolist() == held.take([1, 3]).column(name).tolist(), name
    np.testing.assert_array_equal(stored.boxes(), held.boxes())
    assert stored.boxes().tolist() == [list(row.bbox) for row in stored]
    for name in ("acquired", "stopped"):
        assert stored.microseconds(name).tolist() == held.microseconds(name).tolist(), name
    assert stored.microseconds("acquired")[0] == stored.at(0).acquired.replace(tzinfo=UTC).timestamp() * 1e6
    for chart in ("SIC", "SOD", "FLOE"):
        np.testing.assert_array_equal(stored.pixels(chart), held.pixels(chart))
        assert stored.labelled(chart).tolist() == [row.labelled(chart) for row in stored]
    for one in (stored, held):
        part = one.split("train").where(season="winter")
        assert part.scene_ids == tuple(r.scene_id for r in stored if (r.split, r.season) == ("train", "winter"))
        assert part.without(part) == Catalog()
        assert pickle.loads(pickle.dumps(part)) == part
    assert stored.synthetic is held.synthetic is True


def test_the_digest_beside_the_rows_is_the_one_of_the_rows(tiny_lake: Lake) -> None:
    assert tiny_lake.digest == tiny_lake.digest_with(Catalog(tiny_lake.catalog().records))


def test_planning_on_many_scenes_makes_hardly_any_record(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    real = catalog_rows._from_row
    monkeypatch.setattr(catalog_rows, "_from_row", lambda row: made.append(row) or real(row))
    lake = Lake.open(str(large))
    assert len(lake.catalog()) == SCENES
    assert len(lake.catalog().split("train").where(season="winter", location="cat1")) > 100
    assert plan(study("patch_size"), [lake]).ready
    assert len(made) <= catalog_rows._CHUNK


def test_one_scene_among_many_is_found(large: Path) -> None:
    catalog = Lake.open(str(large)).catalog()
    scene_id = catalog.scene_ids[12_345]
    assert catalog[scene_id].scene_id == scene_id
    assert catalog.at(12_345) == catalog[scene_id]


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("split", ["trian"], "'trian'"),
        ("lines", ["many"], "whole numbers"),
        ("lines", [None], "without a value"),
        ("acquired", ["today"], "no times"),
        ("colour", ["red"], "'colour' is unknown"),
    ],
)
def test_a_catalog_that_holds_something_else_is_refused(
    tmp_path: Path, name: str, values: list[object], said: str
) -> None:
    path = write_large_lake(tmp_path / "lake", 1) / "catalog.parquet"
    table = pq.read_table(path)
    field = pa.array(values, pa.int64()) if values == [None] else pa.array(values)
    kept = table.drop_columns([name]) if name in table.column_names else table
    pq.write_table(kept.append_column(name, field), path)
    with pytest.raises(LakeNotFoundError, match=said):
        Lake.open(str(tmp_path / "lake")).catalog()
