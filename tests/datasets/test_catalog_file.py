"""The catalog as a Parquet table."""

from pathlib import Path

import pandas as pd
import pytest

from datasets.catalog_file import CatalogFile
from datasets.errors import LakeNotFoundError
from datasets.lake import Lake
from ingest.recipe import Recipe


def test_catalog_is_a_plain_parquet_table(tiny_lake: Lake) -> None:
    frame = pd.read_parquet(f"{tiny_lake.url}/catalog.parquet")
    assert len(frame) == 11
    assert {"scene_id", "split", "season", "location", "SOD_0", "SOD_255", "west", "dropped_no_row"} <= set(
        frame.columns
    )
    assert frame.scene_id.is_unique
    assert frame.scene_id.is_monotonic_increasing


def test_catalog_round_trip(tiny_lake: Lake) -> None:
    written = CatalogFile(tiny_lake.catalog(), tiny_lake.statistics)
    assert CatalogFile.from_parquet(written.to_parquet()) == written


def test_a_torn_catalog_is_named(tmp_path: Path) -> None:
    lake = Lake.create(str(tmp_path / "lake"), Recipe().to_lake())
    (tmp_path / "lake" / "catalog.parquet").write_bytes(b"PAR1")
    with pytest.raises(LakeNotFoundError, match=r"catalog\.parquet is not a catalog of this format"):
        lake.catalog()
