"""Indexes beside the lake: kept, found again, made anew where damaged, in any store."""

import json
import logging
from pathlib import Path

import fsspec
import numpy as np
import pytest

from datasets.lake import Lake
from datasets.patches.index_build import build_index
from datasets.patches.index_store import IndexStore
from datasets.patches.patch_index import PatchIndex
from datasets.prefixes import sizes
from datasets.storage import read, replace
from tests.datasets.patches.indexed_lakes import RULE, files
from tests.object_store import ObjectStore, counting_proxy


def same(one: PatchIndex, other: PatchIndex) -> bool:
    return one.scenes == other.scenes and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("scene", "line", "sample", "label")
    )


def test_what_was_found_is_kept_and_found_again(lake: Lake, reads: list[str]) -> None:
    records = lake.catalog().records
    first = build_index(lake, records, RULE)
    assert reads == ["SOD"] * len(reads)
    assert 0 < len(reads) <= len(records)
    kept = files(lake)
    assert json.loads(kept["rule.json"])["rule"] == RULE.model_dump()
    assert len(kept) == 1 + len(records) + 1
    reads.clear()
    assert same(build_index(lake, records, RULE), first)
    part = build_index(lake, records[2:5], RULE)  # another set, of the same scenes
    assert part.scenes == first.scenes[2:5]
    assert len(part) == np.isin(first.scene, [2, 3, 4]).sum()
    assert reads == []
    build_index(lake, records, RULE.model_copy(update={"stride": 11}))
    assert reads
    assert files(lake).items() >= kept.items()


@pytest.mark.slow
@pytest.mark.parametrize("damage", [b"", b"PAR1 and so on", None])
def test_a_damaged_object_is_made_again(lake: Lake, damage: bytes | None, caplog: pytest.LogCaptureFixture) -> None:
    records = lake.catalog().records
    first = build_index(lake, records, RULE)
    before = files(lake)
    other = build_index(lake, records, RULE.model_copy(update={"stride": 7}))
    assert len(other) != len(first)
    for name, content in before.items():
        if name.endswith(".parquet"):
            path = Path(lake.index_url) / RULE.digest / name
            path.write_bytes(content[: len(content) * 2 // 3] if damage is None else damage)
    with caplog.at_level(logging.WARNING):
        assert same(build_index(lake, records, RULE), first)
    said = [each for each in caplog.records if each.name == "datasets.patches.index_store"]
    assert len(said) == len(records) + 1
    assert "is torn, or no patch index of this rule and these scenes" in caplog.text
    assert files(lake) == before


@pytest.mark.slow
@pytest.mark.parametrize("with_folder", [True, False])
def test_a_lake_that_may_not_be_written_is_no_error(
    lake: Lake, tmp_path: Path, with_folder: bool, reads: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    Path(lake.index_url).write_text("no folder, so nothing can be kept below it")
    folder = tmp_path / "node" if with_folder else None
    with caplog.at_level(logging.INFO, "datasets.patches.index_store"):
        first = build_index(lake, lake.catalog(), RULE, folder=folder)
    refusals = [each for each in caplog.records if "cannot be kept below" in each.getMessage()]
    assert len(refusals) == 1
    assert ("they are kept below" if with_folder else "in memory only") in refusals[0].getMessage()
    assert len(first) > 0
    reads.clear()
    assert same(build_index(lake, lake.catalog(), RULE, folder=folder), first)
    assert bool(reads) is not with_folder
    assert Path(lake.index_url).read_text().startswith("no folder")


@pytest.mark.slow
def test_a_lake_in_memory(lake: Lake) -> None:
    filesystem = fsspec.filesystem("memory")
    filesystem.put(lake.url, "/indexed", recursive=True)
    there = Lake.open("memory://indexed")
    first = build_index(there, there.catalog(), RULE)
    assert same(first, build_index(lake, lake.catalog(), RULE))
    assert IndexStore(there, RULE).get_set(there.catalog().records) is not None


def become(
    store: ObjectStore, patch: pytest.MonkeyPatch, user: tuple[str, str] | None = None, endpoint: str | None = None
) -> None:
    for name, value in store.environment(user, endpoint).items():
        patch.setenv(name, value)
    fsspec.get_filesystem_class("s3").clear_instance_cache()


@pytest.mark.slow
def test_in_object_storage(
    s3: ObjectStore, lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Few requests, the same bytes as on disk, and a key that may only read is no error."""
    url = "s3://lake/indexed"
    for key in sizes(lake.url):
        if key.count("/") < 3 or "/r2/SOD/" in key:  # what an index needs
            replace(f"{url}/{key}", (Path(lake.url) / key).read_bytes())
    records = lake.catalog().records
    twin = build_index(lake, records, RULE)

    become(s3, monkeypatch, s3.reader)
    there = Lake.open(url)
    with caplog.at_level(logging.INFO, "datasets.patches.index_store"):
        refused = build_index(there, records, RULE, folder=tmp_path / "node")
    assert same(refused, twin)
    assert len([each for each in caplog.records if "was refused (AccessDenied)" in each.getMessage()]) == 1
    assert not [secret for secret in (*s3.owner, *s3.reader) if secret in caplog.text]
    assert IndexStore(there, RULE).get_set(records) is None
    assert IndexStore(there, RULE, tmp_path / "node").get_set(records) is not None

    become(s3, monkeypatch)
    assert same(build_index(there, records, RULE), twin)
    assert {name: read(f"{url}/index/{RULE.digest}/{name}") for name in files(lake)} == files(lake)
    assert sizes(f"{url}/index") == sizes(lake.index_url)

    with counting_proxy(s3) as (endpoint, seen):
        become(s3, monkeypatch, endpoint=endpoint)
        assert same(build_index(there, records, RULE), twin)
        assert len(seen) == 1, seen
        seen.clear()
        build_index(there, records[1:4], RULE)  # another set of scenes: miss, listing, three objects, and it is kept
        assert len([each for each in seen if each.startswith("PUT")]) == 2, seen
        assert len(seen) <= 8, seen
        assert not [each for each in seen if ".zarr" in each]
