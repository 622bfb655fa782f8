"""Index of a lake: right, kept, found again, and kept elsewhere where the lake refuses."""

import json
import logging
import shutil
import subprocess
import sys
from pathlib import Path

import fsspec
import numpy as np
import pytest

from datasets.errors import SceneNotFoundError, SplitError
from datasets.lake import Lake
from datasets.patches.index_build import build_index
from datasets.patches.index_store import IndexStore
from datasets.patches.patch_index import PatchIndex
from datasets.patches.patch_rules import PatchRule
from datasets.storage import read, replace, sizes
from datasets.stores.scene_store import SceneStore
from ingest.build import SplitOptions, publish
from ingest.convert import convert_scene
from ingest.recipe import Recipe
from ingest.verify import verify_lake
from tests.object_store import ObjectStore, counting_proxy

ROOT = Path(__file__).parents[3]
RULE = PatchRule(ratio=2, patch_size=24, stride=10)


@pytest.fixture
def lake(tiny_lake: Lake, tmp_path: Path) -> Lake:
    """A lake that may be changed."""
    shutil.copytree(tiny_lake.url, tmp_path / "lake")
    return Lake.open(str(tmp_path / "lake"))


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Variables read from scene stores."""
    seen: list[str] = []
    original = SceneStore.read

    def read(self: SceneStore, group: str, name: str, window: tuple[slice, ...]) -> np.ndarray:
        seen.append(name)
        return original(self, group, name, window)

    monkeypatch.setattr(SceneStore, "read", read)
    return seen


def files(lake: Lake, rule: PatchRule = RULE) -> dict[str, bytes]:
    folder = Path(lake.index_url) / rule.digest
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def same(one: PatchIndex, other: PatchIndex) -> bool:
    return one.scenes == other.scenes and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("scene", "line", "sample", "label")
    )


def by_loop(lake: Lake, scene_id: str, rule: PatchRule) -> list[tuple[int, int, int]]:
    scene = lake.scene(scene_id)
    whole = (slice(None), slice(None))
    chart, distance, zone = (
        scene.window(rule.ratio, name, *whole) for name in (rule.target, "distance_to_border", "distance_map")
    )
    size, found = rule.patch_size, []
    starts = [sorted({*range(0, length - size + 1, rule.stride), length - size}) for length in chart.shape]
    for line in starts[0]:
        for sample in starts[1]:
            window = slice(line, line + size), slice(sample, sample + size)
            classes = np.unique(chart[window])
            if (
                classes.tolist() != [255]
                and classes.size == 1
                and distance[window].min() >= rule.border_distance
                and (zone[window] < 0.5).mean() <= rule.max_land
            ):
                found.append((line, sample, int(classes[0])))
    return found


@pytest.mark.parametrize(
    "rule",
    [
        RULE,
        PatchRule(ratio=5, target="SIC", patch_size=9, stride=4, border_distance=400.0),
        PatchRule(ratio=1, target="FLOE", patch_size=40, stride=33, max_land=0.0, border_distance=100.0),
    ],
)
def test_patches_of_a_lake_are_those_of_a_loop(lake: Lake, rule: PatchRule) -> None:
    index = build_index(lake, reversed(lake.catalog().records), rule)
    assert index.scene_ids == lake.catalog().scene_ids
    assert len(index) > 20
    assert np.unique(index.label).size > 1
    for place, scene in enumerate(index.scenes):
        part = index.subset(index.scene == place)
        expected = by_loop(lake, scene.scene_id, rule)
        assert list(zip(part.line, part.sample, part.label, strict=True)) == expected
        assert scene.patches == len(expected) <= scene.clear <= scene.pure <= scene.windows
    if rule.border_distance:
        assert sum(scene.clear for scene in index.scenes) < sum(scene.pure for scene in index.scenes)


def test_what_was_found_is_kept_and_found_again(lake: Lake, reads: list[str]) -> None:
    records = lake.catalog().records
    seen: list[str] = []
    first = build_index(lake, records, RULE, on_scene=seen.append)
    assert seen == list(lake.catalog().scene_ids)
    assert reads == ["SOD"] * len(reads)
    assert 0 < len(reads) <= len(records)
    kept = files(lake)
    assert json.loads(kept["rule.json"])["rule"] == RULE.model_dump()
    assert len(kept) == 1 + len(records) + 1
    reads.clear()
    seen.clear()
    assert same(build_index(lake, records, RULE, on_scene=seen.append), first)
    part = build_index(lake, records[2:5], RULE)  # another set, of the same scenes
    assert part.scenes == first.scenes[2:5]
    assert len(part) == np.isin(first.scene, [2, 3, 4]).sum()
    assert reads == []
    assert seen == list(lake.catalog().scene_ids)
    build_index(lake, records, RULE.model_copy(update={"stride": 11}))
    assert reads
    assert files(lake).items() >= kept.items()


def test_a_scene_with_other_content_is_indexed_anew(lake: Lake, reads: list[str]) -> None:
    records = list(lake.catalog().records)
    first = build_index(lake, records, RULE)
    place = int(np.argmax([scene.patches for scene in first.scenes]))
    changed = records[place].model_copy(update={"fingerprint": "0123456789ab"})
    records[place] = changed
    with pytest.raises(SceneNotFoundError, match="is not the one of the catalog"):
        build_index(lake, records, RULE)
    document = Path(lake.scene_url(changed.scene_id)) / "zarr.json"
    content = json.loads(document.read_text())
    content["attributes"]["record"]["fingerprint"] = changed.fingerprint
    document.write_text(json.dumps(content))
    reads.clear()
    again = build_index(lake, records, RULE)
    assert reads == ["SOD"]
    assert again.scenes[place].fingerprint == changed.fingerprint
    assert np.array_equal(again.label, first.label)


def test_a_stopped_build_goes_on_where_it_was(lake: Lake, reads: list[str]) -> None:
    records = lake.catalog().records

    def stop(scene_id: str) -> None:
        if scene_id == records[4].scene_id:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_index(lake, records, RULE, on_scene=stop, workers=1)
    before = len(reads)
    build_index(lake, records, RULE)
    assert len(reads) == len([record for record in records if record.labelled("SOD")])
    assert before >= 4


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
    assert len(caplog.records) == len(records) + 1
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
    assert ("they are kept below" if with_folder else "in memory alone") in refusals[0].getMessage()
    assert len(first) > 0
    reads.clear()
    assert same(build_index(lake, lake.catalog(), RULE, folder=folder), first)
    assert bool(reads) is not with_folder
    assert Path(lake.index_url).read_text().startswith("no folder")


@pytest.mark.slow
def test_processes_that_build_at_once_write_the_same(lake: Lake) -> None:
    code = (
        "import sys; from datasets.patches.index_build import build_index; from datasets.lake import Lake; "
        "from datasets.patches.patch_rules import PatchRule; lake = Lake.open(sys.argv[1]); "
        f"build_index(lake, lake.catalog(), PatchRule.model_validate({RULE.model_dump()!r}))"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, lake.url], cwd=ROOT) for _ in range(2)]
    assert [process.wait() for process in running] == [0, 0]
    together = files(lake)
    shutil.rmtree(lake.index_url)
    build_index(lake, lake.catalog(), RULE)
    assert files(lake) == together


def test_scenes_smaller_than_a_patch_are_reported(lake: Lake) -> None:
    records = list(lake.catalog().records)
    small = records[3].model_copy(update={"lines": 2 * RULE.patch_size - 1, "fingerprint": "small"})
    records[3] = small
    index = build_index(lake, records, RULE)
    assert index.too_small == (small.scene_id,)
    assert 3 not in index.scene
    assert index.scenes[3].windows == 0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"ratio": 3}, r"has no ratio 3, it has 1, 2, 5, 10: choose one of them"),
        (
            {"patch_size": 211},
            r"^a patch of 211 pixels fits into none of 11 scenes at ratio 2, the largest \(\w+\) has 210 x 260: use a "
            "patch_size of at most 210, or a smaller ratio$",
        ),
        (
            {"patch_size": 200},
            r"^none of \d+ windows of 200 pixels in 11 scenes is a patch with one class of SOD: 0 have one class in "
            "all their pixels; use a smaller patch_size or stride, or more scenes$",
        ),
        (
            {"border_distance": 1e6, "max_land": 0.5},
            r"of SOD: \d+ have one class in all their pixels, 0 of these are 1e\+06 m from every polygon border; use a "
            "smaller patch_size or stride, a smaller border_distance, or more scenes$",
        ),
    ],
)
def test_what_cannot_be_is_one_sentence(lake: Lake, changes: dict[str, float], sentence: str) -> None:
    rule = PatchRule.model_validate({**RULE.model_dump(), **changes})
    with pytest.raises((SplitError, SceneNotFoundError), match=sentence):
        build_index(lake, lake.catalog(), rule)


def test_no_scene_is_one_sentence(lake: Lake) -> None:
    with pytest.raises(SplitError, match="a patch index of no scene was asked for"):
        build_index(lake, [], RULE)


@pytest.mark.slow
def test_the_lake_stays_whole(lake: Lake, raw_train: list[Path]) -> None:
    digest = lake.digest
    build_index(lake, lake.catalog(), RULE)
    assert verify_lake(lake, deep=False, on_scene=lambda _: None) == ()
    assert Lake.open(lake.url).digest == digest
    recipe = Recipe(ratios=(2,))
    rebuilt = Lake.create(lake.url, recipe.to_lake(), rebuild=True)
    publish(rebuilt, [convert_scene(str(path), recipe, rebuilt, "train") for path in raw_train[:2]], SplitOptions())
    shown = Lake.open(lake.url)
    build_index(shown, shown.catalog(), RULE)
    assert Path(lake.index_url).is_dir()
    assert shown.index_url != lake.index_url
    shown.prune()
    assert not Path(lake.index_url).exists()
    assert Path(shown.index_url).is_dir()


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
